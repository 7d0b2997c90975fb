-- Behaviour of the audit log.
CREATE SCHEMA IF NOT EXISTS audit;
COMMENT ON SCHEMA audit IS 'Who did what to which record, and the log that makes it tamper-evident';

CREATE OR REPLACE PROCEDURE audit.show_sealer(part regclass)
  LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('GRANT SELECT ON %s TO salus_sealer', part);
  IF NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = part AND polname = 'sealer') THEN
    EXECUTE format('CREATE POLICY sealer ON %s FOR SELECT TO salus_sealer USING (true)', part);
  END IF;
END $$;
COMMENT ON PROCEDURE audit.show_sealer(regclass) IS
  'Lets the sealer, and nobody else, read a partition of the log: there is one log over the events of all tenants';

CREATE OR REPLACE PROCEDURE audit.keep_whole(part regclass)
  LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = part AND tgname = 'refuse_truncate') THEN
    EXECUTE format('CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION kernel.refuse_change()', part);
  END IF;
END $$;
COMMENT ON PROCEDURE audit.keep_whole(regclass) IS
  'Lets nobody empty a partition of the log by name: what the parent says about TRUNCATE is not inherited';

CREATE OR REPLACE PROCEDURE audit.ensure_partitions(first_month date, months int)
  LANGUAGE plpgsql AS $$
DECLARE
  month date;
  part text;
BEGIN
  FOR i IN 0 .. months - 1 LOOP
    month := date_trunc('month', first_month)::date + make_interval(months => i);
    part := format('activity_logs_%s', to_char(month, 'YYYYMM'));
    IF to_regclass('audit.' || part) IS NULL THEN
      BEGIN
        EXECUTE format('CREATE TABLE audit.%I PARTITION OF audit.activity_logs FOR VALUES FROM (%L) TO (%L)',
          part, month::timestamptz, (month + interval '1 month')::timestamptz);
      EXCEPTION WHEN check_violation THEN
        -- The default partition has events of this month, from a clock that was wrong or a server that ran for a year: they stay there.
        CONTINUE;
      END;
      EXECUTE format('ALTER TABLE audit.%I ENABLE ROW LEVEL SECURITY', part);
      EXECUTE format('ALTER TABLE audit.%I FORCE ROW LEVEL SECURITY', part);
      EXECUTE format('GRANT SELECT ON audit.%I TO salus_backup', part);
      CALL audit.show_sealer(format('audit.%I', part)::regclass);
      CALL audit.keep_whole(format('audit.%I', part)::regclass);
    END IF;
  END LOOP;
END $$;
COMMENT ON PROCEDURE audit.ensure_partitions(date, int) IS
  'Makes the monthly partitions of the log; only the sealer and a dump read one by name, all others go through the parent and its policies';

-- Signs of tampering that concern the whole installation belong to the platform, and its administrators are whoever
-- administers a tenant: they are told how many are open, and nothing else.
CREATE OR REPLACE FUNCTION audit.open_platform_alerts() RETURNS bigint
  LANGUAGE plpgsql AS $$
DECLARE
  tenant text := current_setting('salus.tenant', true);
  scope  text := current_setting('salus.scope', true);
  open   bigint;
BEGIN
  PERFORM set_config('salus.tenant', '00000000-0000-0000-0000-000000000000', true), set_config('salus.scope', 'tenant', true);
  SELECT count(*) INTO open FROM audit.tamper_alerts WHERE state <> 'CLOSED';
  PERFORM set_config('salus.tenant', tenant, true), set_config('salus.scope', scope, true);
  RETURN open;
END $$;
COMMENT ON FUNCTION audit.open_platform_alerts() IS 'How many signs of tampering with the whole installation are open';

-- Which persons an event is about ----------------------------------------------------------------

CREATE OR REPLACE FUNCTION audit.subject_bucket(person uuid) RETURNS int
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN (get_byte(uuid_send(person), 14) & 15) * 256 + get_byte(uuid_send(person), 15);
COMMENT ON FUNCTION audit.subject_bucket(uuid) IS 'The last 12 bits of an id, which are random in every kind of UUID that is made here';

CREATE OR REPLACE FUNCTION audit.subject_entry(person uuid, recorded_at timestamptz, id uuid) RETURNS bytea
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN uuid_send(person) || int8send((extract(epoch FROM recorded_at) * 1000000)::bigint) || uuid_send(id);
COMMENT ON FUNCTION audit.subject_entry(uuid, timestamptz, uuid) IS 'One entry of audit.event_subjects';

CREATE OR REPLACE FUNCTION audit.subject_entries(entries bytea) RETURNS TABLE (person uuid, recorded_at timestamptz, id uuid)
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 40
BEGIN ATOMIC
  SELECT encode(substr(entries, n + 1, 16), 'hex')::uuid,
         timestamptz '1970-01-01 00:00:00+00'
           + ('x' || encode(substr(entries, n + 17, 8), 'hex'))::bit(64)::bigint * interval '1 microsecond',
         encode(substr(entries, n + 25, 16), 'hex')::uuid
    FROM generate_series(0, octet_length(entries) - 40, 40) n;
END;
COMMENT ON FUNCTION audit.subject_entries(bytea) IS 'The entries of a row of audit.event_subjects';

CREATE OR REPLACE FUNCTION audit.header_subjects(header bytea) RETURNS SETOF uuid
  LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  packed text := convert_from(header, 'UTF8')::jsonb ->> 'subjects'; -- ids back to back in base64url, without padding
  ids bytea;
BEGIN
  ids := decode(translate(packed, '-_', '+/') || repeat('=', (4 - length(packed) % 4) % 4), 'base64');
  RETURN QUERY SELECT encode(substr(ids, n + 1, 16), 'hex')::uuid FROM generate_series(0, octet_length(ids) - 16, 16) n;
END $$;
COMMENT ON FUNCTION audit.header_subjects(bytea) IS 'The persons that the header of an event names';

CREATE OR REPLACE FUNCTION audit.indexed_about(tenant uuid, person uuid, since timestamptz)
  RETURNS TABLE (recorded_at timestamptz, id uuid)
  LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
  RETURN QUERY SELECT e.recorded_at, e.id
    FROM audit.event_subjects s CROSS JOIN LATERAL audit.subject_entries(s.entries) e
   WHERE s.tenant_id = tenant AND s.bucket = audit.subject_bucket(indexed_about.person) AND s.recorded_at >= since
     AND position(uuid_send(indexed_about.person) IN s.entries) > 0
     AND e.person = indexed_about.person AND e.recorded_at >= since;
END $$;
COMMENT ON FUNCTION audit.indexed_about(uuid, uuid, timestamptz) IS 'Sealed events about a person since a time';

CREATE OR REPLACE FUNCTION audit.events_about(person uuid, since timestamptz) RETURNS TABLE (recorded_at timestamptz, id uuid)
  LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
  horizon xid8;
BEGIN
  -- In another cluster, as after a dump was loaded, transactions have other numbers: then every event is looked at.
  SELECT i.horizon INTO horizon FROM audit.subject_index i
   WHERE i.sysid = (SELECT c.system_identifier::text FROM pg_control_system() c);
  RETURN QUERY SELECT * FROM audit.indexed_about(kernel.tenant(), person, since)
   UNION SELECT * FROM audit.unsealed_about(person, since, coalesce(horizon, '0'::xid8));
END $$;
COMMENT ON FUNCTION audit.events_about(uuid, timestamptz) IS
  'Events of the caller''s tenant about a person since a time: those in audit.event_subjects, and those that are not sealed yet';

CREATE OR REPLACE FUNCTION audit.unsealed_about(person uuid, since timestamptz, horizon xid8)
  RETURNS TABLE (recorded_at timestamptz, id uuid)
  LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
  -- The number is in the text, so that the statement is planned for the few events there are.
  RETURN QUERY EXECUTE format(
    'SELECT l.recorded_at, l.id FROM audit.activity_logs l
      WHERE l.xact >= %L::xid8 AND l.recorded_at >= $2 AND EXISTS (SELECT FROM audit.header_subjects(l.header) h (p) WHERE h.p = $1)',
    horizon) USING person, since;
END $$;
COMMENT ON FUNCTION audit.unsealed_about(uuid, timestamptz, xid8) IS 'Events about a person by transactions from this number on, from their headers';
CREATE OR REPLACE FUNCTION audit.refuse_change() RETURNS trigger
  LANGUAGE plpgsql AS $$
BEGIN
  -- The one change there is: a payload goes, nothing else with it, and a redaction says so.
  IF TG_OP = 'UPDATE' AND OLD.payload IS NOT NULL AND NEW.payload IS NULL AND NEW.payload_salt IS NULL
     AND to_jsonb(NEW) - '{payload,payload_salt}'::text[] = to_jsonb(OLD) - '{payload,payload_salt}'::text[]
     AND EXISTS (SELECT FROM audit.redactions r WHERE r.event_id = OLD.id) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION '%.% is append-only: % is refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'append_only';
END $$;
COMMENT ON FUNCTION audit.refuse_change() IS
  'Stops accidents on the audit log and lets a redaction pass; the Merkle log is what stops intent';

CREATE OR REPLACE FUNCTION audit.redact(event uuid, request uuid, basis text, code bytea) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  at timestamptz;
BEGIN
  SELECT e.recorded_at INTO at FROM audit.activity_logs e
    WHERE e.tenant_id = kernel.tenant() AND e.id = redact.event AND e.payload IS NOT NULL;
  IF at IS NULL THEN
    RETURN false;
  END IF;
  INSERT INTO audit.redactions (event_id, redact_event, basis, code)
    VALUES (redact.event, redact.request, redact.basis, redact.code);
  UPDATE audit.activity_logs e SET payload = NULL, payload_salt = NULL
    WHERE e.tenant_id = kernel.tenant() AND e.recorded_at = at AND e.id = redact.event;
  RETURN FOUND;
END $$;
COMMENT ON FUNCTION audit.redact(uuid, uuid, text, bytea) IS
  'Removes the payload of an event of the caller''s tenant and says so; without a code under the root key it excuses nothing';
