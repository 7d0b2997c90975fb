-- Persons the caller reaches, and what a label closes to them. The policies that ask are put on by kernel.protect (kernel.sql).

-- Row-level security of the tables read here admits the caller's own links, and labels and consents, without asking these
-- functions back. An explanation of access calls the same functions.

CREATE OR REPLACE FUNCTION kernel.is_zone(zone text) RETURNS boolean
  LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  RETURN timestamptz '2000-01-01 00:00Z' AT TIME ZONE zone IS NOT NULL;
EXCEPTION WHEN invalid_parameter_value THEN
  RETURN false;
END $$;
COMMENT ON FUNCTION kernel.is_zone(text) IS 'Whether this names a time zone';

CREATE OR REPLACE FUNCTION kernel.today() RETURNS date
  LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
  zone text;
BEGIN
  SELECT o.timezone INTO zone FROM auth.organizations o WHERE o.tenant_id = kernel.tenant() AND o.id = kernel.tenant();
  RETURN (now() AT TIME ZONE coalesce(zone, 'UTC'))::date;
END $$;
COMMENT ON FUNCTION kernel.today() IS 'The day it is where the tenant is';

-- What bars a link is written into it by whatever changes it, so that a policy reads one table: those of contacts and
-- patients ask for links themselves. Whoever changes it, all links are seen to.
CREATE OR REPLACE FUNCTION kernel.bar(tenant uuid, holder uuid, person uuid, contact uuid) RETURNS text
  LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF contact IS NOT NULL AND NOT EXISTS (SELECT FROM medical.patient_contacts c
       WHERE c.tenant_id = tenant AND c.id = contact AND c.patient_id = person) THEN
    RETURN 'CONTACT_REMOVED';
  END IF;
  IF EXISTS (SELECT FROM medical.patient_contacts c
              WHERE c.tenant_id = tenant AND c.patient_id = person
                AND (c.id = contact OR c.person_patient_id IN (SELECT l.patient_id FROM auth.user_person_links l
                       WHERE l.tenant_id = tenant AND l.user_id = holder AND l.relation = 'self' AND l.revoked_at IS NULL))
                AND (c.court_restriction IS NOT NULL OR NOT c.receives_health_info OR c.portal_access = 'NONE')) THEN
    RETURN 'RESTRICTED';
  END IF;
  RETURN NULL;
END $$;
COMMENT ON FUNCTION kernel.bar(uuid, uuid, uuid, uuid) IS
  'What stands with the contact that a linked user is, against the link: restricted, or of a contact that was removed; as the kernel sees it';

CREATE OR REPLACE FUNCTION kernel.judge_link() RETURNS trigger
  LANGUAGE plpgsql AS $$
DECLARE
  was CONSTANT text := coalesce(current_setting('salus.scope', true), '');
  done text;
BEGIN
  NEW.barred_by := NULL;
  NEW.child_until := NULL;
  IF NEW.relation <> 'self' THEN
    done := set_config('salus.scope', 'tenant', true);
    NEW.barred_by := kernel.bar(NEW.tenant_id, NEW.user_id, NEW.patient_id, NEW.contact_id);
    IF NEW.relation IN ('parent', 'guardian') AND NEW.proof NOT IN ('COURT_ORDER', 'POWER_OF_ATTORNEY') THEN
      NEW.child_until := (SELECT (p.birth_month + interval '18 years 1 month' - interval '1 day')::date
                            FROM medical.patients p WHERE p.tenant_id = NEW.tenant_id AND p.id = NEW.patient_id);
    END IF;
    done := set_config('salus.scope', was, true);
  END IF;
  RETURN NEW;
END $$;
COMMENT ON FUNCTION kernel.judge_link() IS 'Writes into a link what bars it, and until when a child is one, to the month';

-- Its argument is the column that names the person whose links are judged again, or user_id for those of a user.
CREATE OR REPLACE FUNCTION kernel.judge_links() RETURNS trigger
  LANGUAGE plpgsql AS $$
DECLARE
  was CONSTANT text := coalesce(current_setting('salus.scope', true), '');
  said CONSTANT jsonb := CASE TG_OP WHEN 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END;
  whose CONSTANT uuid := said ->> TG_ARGV[0];
  former CONSTANT uuid := CASE TG_OP WHEN 'UPDATE' THEN (to_jsonb(OLD) ->> TG_ARGV[0])::uuid ELSE whose END;
  done text;
BEGIN
  done := set_config('salus.scope', 'tenant', true);
  IF TG_ARGV[0] = 'user_id' THEN
    UPDATE auth.user_person_links l SET barred_by = NULL
     WHERE l.tenant_id = (said ->> 'tenant_id')::uuid AND l.user_id IN (whose, former) AND l.relation <> 'self';
  ELSE
    UPDATE auth.user_person_links l SET barred_by = NULL
     WHERE l.tenant_id = (said ->> 'tenant_id')::uuid AND l.patient_id IN (whose, former) AND l.relation <> 'self';
  END IF;
  done := set_config('salus.scope', was, true);
  RETURN NULL;
END $$;
COMMENT ON FUNCTION kernel.judge_links() IS 'Has links judged again whose contact, person or user changed';

CREATE OR REPLACE PROCEDURE kernel.end_of_age(person uuid, last_day date)
  LANGUAGE plpgsql AS $$
DECLARE
  was CONSTANT text := coalesce(current_setting('salus.scope', true), '');
  done text;
BEGIN
  done := set_config('salus.scope', 'tenant', true);
  UPDATE auth.user_person_links l
     SET valid_to = greatest(last_day, l.valid_from),
         revoked_at = CASE WHEN l.valid_from > last_day THEN coalesce(l.revoked_at, now()) ELSE l.revoked_at END
   WHERE l.patient_id = person AND l.relation IN ('parent', 'guardian')
     AND l.proof NOT IN ('COURT_ORDER', 'POWER_OF_ATTORNEY') AND l.valid_to > last_day;
  done := set_config('salus.scope', was, true);
END $$;
COMMENT ON PROCEDURE kernel.end_of_age(uuid, date) IS
  'Ends links of parents and guardians on the last day before the 18th birthday, when a date of birth is set right; whoever does that';

CREATE OR REPLACE FUNCTION kernel.links(person uuid DEFAULT NULL)
  RETURNS TABLE (patient_id uuid, scope text, link text)
  LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
  today CONSTANT date := kernel.today();
BEGIN
  RETURN QUERY
    SELECT l.patient_id,
           CASE WHEN l.relation = 'self' THEN 'own' WHEN l.barred_by IS NOT NULL OR l.child_until < today THEN 'barred' ELSE 'ward' END,
           l.relation || CASE WHEN l.child_until < today THEN ' (of age)' WHEN l.barred_by IS NULL THEN ''
                              ELSE format(' (%s)', replace(lower(l.barred_by), '_', ' ')) END
      FROM auth.user_person_links l
     WHERE l.user_id = kernel.actor() AND l.revoked_at IS NULL AND (person IS NULL OR l.patient_id = person)
       AND l.valid_from <= today AND (l.valid_to IS NULL OR l.valid_to >= today)
    UNION ALL
    SELECT a.patient_id, 'caseload', a.kind::text
      FROM auth.caseload_assignments a
     WHERE a.user_id = kernel.actor() AND a.revoked_at IS NULL AND (person IS NULL OR a.patient_id = person)
       AND a.valid_from <= today AND (a.valid_to IS NULL OR a.valid_to >= today)
    UNION ALL
    SELECT p.patient_id, 'school', 'unit'
      FROM auth.user_units u JOIN auth.person_units p ON p.tenant_id = u.tenant_id AND p.organization_id = u.organization_id
     WHERE u.user_id = kernel.actor() AND (person IS NULL OR p.patient_id = person)
       AND u.valid_from <= today AND (u.valid_to IS NULL OR u.valid_to >= today)
       AND p.valid_from <= today AND (p.valid_to IS NULL OR p.valid_to >= today)
    UNION ALL
    SELECT g.patient_id, 'glass', 'glass'
      FROM auth.glass_breaks g
     WHERE g.user_id = kernel.actor() AND g.ended_at IS NULL AND g.ends_at > now() AND (person IS NULL OR g.patient_id = person);
END $$;
COMMENT ON FUNCTION kernel.links(uuid) IS 'The links to persons that the actor has today, with the scope under which each counts; one that is barred counts under none';

CREATE OR REPLACE FUNCTION kernel.own_persons() RETURNS SETOF uuid
  LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
  RETURN QUERY SELECT l.patient_id FROM kernel.links() l WHERE kernel.reaches(l.scope);
END $$;
COMMENT ON FUNCTION kernel.own_persons() IS 'The patients the actor reaches by the scopes of this call';

CREATE OR REPLACE FUNCTION kernel.opens(person uuid, wanted text) RETURNS boolean
  LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
  asked_for CONSTANT text := current_setting('salus.purpose', true);
  said text;
BEGIN
  IF EXISTS (SELECT FROM kernel.links(person) l
              WHERE (l.scope IN ('own', 'glass') AND kernel.reaches(l.scope)) OR (l.scope = 'caseload' AND wanted = 'VIP')) THEN
    RETURN true;
  END IF;
  SELECT c.decision INTO said
    FROM compliance.sensitivity_consents c
   WHERE c.patient_id = person AND c.withdrawn_at IS NULL
     AND c.effective_from <= kernel.today() AND (c.effective_to IS NULL OR c.effective_to >= kernel.today())
     AND (c.label IS NULL OR c.label = wanted) AND (c.purpose IS NULL OR c.purpose = asked_for)
     AND (c.user_id IS NULL OR c.user_id = kernel.actor())
     AND (c.role_id IS NULL OR EXISTS (SELECT FROM auth.user_roles r
            WHERE r.user_id = kernel.actor() AND r.role_id = c.role_id
              AND r.valid_from <= now() AND (r.valid_to IS NULL OR r.valid_to > now())))
   ORDER BY (c.user_id IS NOT NULL)::int * 8 + (c.role_id IS NOT NULL)::int * 4 + (c.label IS NOT NULL)::int * 2
              + (c.purpose IS NOT NULL)::int DESC,
            c.decision = 'DENY' DESC
   LIMIT 1;
  RETURN coalesce(said = 'PERMIT', false);
END $$;
COMMENT ON FUNCTION kernel.opens(uuid, text) IS
  'Whether a label of a person is open to the caller: by being that person, by an open glass, by assignment (VIP), or by the most specific consent';

CREATE OR REPLACE FUNCTION kernel.labels(person uuid, of_row uuid, own_label text) RETURNS TABLE (label text, open boolean)
  LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
  RETURN QUERY
    SELECT DISTINCT l.label::text, kernel.opens(l.patient_id, l.label) FROM compliance.sensitivity_labels l
     WHERE l.lifted_at IS NULL AND ((l.patient_id = person AND l.row_id IS NULL) OR l.row_id = of_row)
    UNION SELECT own_label, kernel.opens(person, own_label) WHERE own_label IS NOT NULL;
END $$;
COMMENT ON FUNCTION kernel.labels(uuid, uuid, text) IS 'The labels on a person and on one row, and whether each is open to the caller';

CREATE OR REPLACE FUNCTION kernel.closed() RETURNS SETOF uuid
  LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
  RETURN QUERY
    SELECT coalesce(l.row_id, l.patient_id) FROM compliance.sensitivity_labels l
     WHERE l.lifted_at IS NULL AND NOT kernel.opens(l.patient_id, l.label);
END $$;
COMMENT ON FUNCTION kernel.closed() IS 'Persons whose whole record, and rows which, a label closes to the caller';

CREATE OR REPLACE FUNCTION kernel.shows_part2(persons uuid[]) RETURNS boolean
  LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
  -- Rows that are closed to the caller are not seen here, and tell nothing.
  RETURN EXISTS (SELECT FROM compliance.sensitivity_labels l WHERE l.patient_id = ANY(persons) AND l.label = 'PART2'
                    AND l.lifted_at IS NULL AND (NOT kernel.is_bound() OR kernel.opens(l.patient_id, l.label)))
      OR EXISTS (SELECT FROM records.encounters t WHERE t.patient_id = ANY(persons) AND t.sensitivity = 'PART2')
      OR EXISTS (SELECT FROM records.diagnoses t WHERE t.patient_id = ANY(persons) AND t.sensitivity = 'PART2')
      OR EXISTS (SELECT FROM records.medications t WHERE t.patient_id = ANY(persons) AND t.sensitivity = 'PART2')
      OR EXISTS (SELECT FROM records.allergies t WHERE t.patient_id = ANY(persons) AND t.sensitivity = 'PART2')
      OR EXISTS (SELECT FROM records.procedures t WHERE t.patient_id = ANY(persons) AND t.sensitivity = 'PART2')
      OR EXISTS (SELECT FROM records.documents t WHERE t.patient_id = ANY(persons) AND t.sensitivity = 'PART2')
      OR EXISTS (SELECT FROM records.immunizations t WHERE t.patient_id = ANY(persons) AND t.sensitivity = 'PART2')
      OR EXISTS (SELECT FROM records.vital_signs t WHERE t.patient_id = ANY(persons) AND t.sensitivity = 'PART2')
      OR EXISTS (SELECT FROM records.lab_reports t WHERE t.patient_id = ANY(persons) AND t.sensitivity = 'PART2')
      OR EXISTS (SELECT FROM records.lab_results t WHERE t.patient_id = ANY(persons) AND t.sensitivity = 'PART2')
      OR EXISTS (SELECT FROM records.family_history t WHERE t.patient_id = ANY(persons) AND t.sensitivity = 'PART2')
      OR EXISTS (SELECT FROM records.social_history t WHERE t.patient_id = ANY(persons) AND t.sensitivity = 'PART2');
END $$;
COMMENT ON FUNCTION kernel.shows_part2(uuid[]) IS
  'Whether something of the records of persons that is open to the caller is labelled PART2, so that the notice of 42 CFR 2.32 goes with it';

-- Whether replies are asked about the notice at all: nothing is spent on it where nothing ever bore the label.
CREATE OR REPLACE FUNCTION kernel.note_part2() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE kernel.tenants SET bears_part2 = true WHERE id = NEW.tenant_id AND NOT bears_part2;
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION kernel.note_part2() FROM PUBLIC;
COMMENT ON FUNCTION kernel.note_part2() IS 'Notes of a tenant that a record of it bears the label PART2';

-- A label that a row bears follows to the original it was made from, whoever writes it: the original says what the row says.
CREATE OR REPLACE FUNCTION kernel.follow_label() RETURNS trigger
  LANGUAGE plpgsql AS $$
DECLARE
  was CONSTANT text := coalesce(current_setting('salus.scope', true), '');
  done text;
BEGIN
  done := set_config('salus.scope', 'tenant', true);
  UPDATE exchange.fhir_resources SET sensitivity = NEW.sensitivity
   WHERE tenant_id = NEW.tenant_id AND row_table = TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME AND row_id = NEW.id
     AND sensitivity IS DISTINCT FROM NEW.sensitivity;
  done := set_config('salus.scope', was, true);
  RETURN NULL;
END $$;
COMMENT ON FUNCTION kernel.follow_label() IS 'Writes the label of a row of the records onto the FHIR original it was made from';
