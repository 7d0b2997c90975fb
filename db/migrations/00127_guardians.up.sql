-- A link of a parent or guardian gives way to what stands with the contact it belongs to, and to the 18th birthday
-- (docs/decisions/0082). "Today" is the tenant's day.

ALTER TABLE auth.organizations NO FORCE ROW LEVEL SECURITY;
UPDATE auth.organizations SET timezone = 'UTC' WHERE NOT kernel.is_zone(timezone);
ALTER TABLE auth.organizations FORCE ROW LEVEL SECURITY;
ALTER TABLE auth.organizations ADD CONSTRAINT organizations_timezone_known CHECK (kernel.is_zone(timezone));
COMMENT ON CONSTRAINT organizations_timezone_known ON auth.organizations IS
  'Must be the IANA name of a time zone, such as America/Denver';

CREATE DOMAIN auth.link_bar AS text CONSTRAINT link_bar_values CHECK (VALUE IN ('RESTRICTED', 'CONTACT_REMOVED'));
COMMENT ON DOMAIN auth.link_bar IS
  'RESTRICTED: the contact is restricted by a court, gets no health information or has no portal access; CONTACT_REMOVED: it is gone';
COMMENT ON CONSTRAINT link_bar_values ON DOMAIN auth.link_bar IS 'Must be RESTRICTED or CONTACT_REMOVED';

-- No reference to the contact: a source that sends contacts anew removes those it sent before. A link whose contact is gone
-- reaches nothing.
ALTER TABLE auth.user_person_links
  ADD COLUMN contact_id uuid,
  ADD COLUMN barred_by auth.link_bar,
  ADD COLUMN child_until date;
COMMENT ON COLUMN auth.user_person_links.contact_id IS
  'The contact of the person that the user is: what a court restricts, who gets no health information and who has no portal access ends the link; NULL: of no contact';
COMMENT ON COLUMN auth.user_person_links.barred_by IS 'Why it reaches nothing, as the contact stands now; NULL: nothing bars it';
COMMENT ON COLUMN auth.user_person_links.child_until IS
  'Of a parent or guardian by no other authority: the last day of the month of the 18th birthday, beyond which it reaches nothing whatever valid_to says';
INSERT INTO kernel.fields (column_id, table_name, column_name, class)
  SELECT kernel.column_id('auth.user_person_links', c), 'auth.user_person_links', c, 'C2'
    FROM unnest(ARRAY['contact_id', 'barred_by', 'child_until']) c;

CREATE TRIGGER judge_link BEFORE INSERT OR UPDATE ON auth.user_person_links
  FOR EACH ROW EXECUTE FUNCTION kernel.judge_link();
CREATE TRIGGER judge_links AFTER INSERT OR UPDATE ON auth.user_person_links
  FOR EACH ROW WHEN (NEW.relation = 'self') EXECUTE FUNCTION kernel.judge_links('user_id');
CREATE TRIGGER judge_links_made AFTER INSERT OR DELETE ON medical.patient_contacts
  FOR EACH ROW EXECUTE FUNCTION kernel.judge_links('patient_id');
CREATE TRIGGER judge_links AFTER UPDATE ON medical.patient_contacts
  FOR EACH ROW WHEN ((OLD.court_restriction, OLD.receives_health_info, OLD.portal_access, OLD.person_patient_id, OLD.patient_id)
    IS DISTINCT FROM (NEW.court_restriction, NEW.receives_health_info, NEW.portal_access, NEW.person_patient_id, NEW.patient_id))
  EXECUTE FUNCTION kernel.judge_links('patient_id');
CREATE TRIGGER judge_links AFTER UPDATE OF birth_month ON medical.patients
  FOR EACH ROW WHEN (OLD.birth_month IS DISTINCT FROM NEW.birth_month) EXECUTE FUNCTION kernel.judge_links('id');

-- Links that stood before.
ALTER TABLE auth.user_person_links NO FORCE ROW LEVEL SECURITY;
ALTER TABLE medical.patients NO FORCE ROW LEVEL SECURITY;
ALTER TABLE medical.patient_contacts NO FORCE ROW LEVEL SECURITY;
UPDATE auth.user_person_links SET barred_by = NULL WHERE relation <> 'self';
ALTER TABLE auth.user_person_links FORCE ROW LEVEL SECURITY;
ALTER TABLE medical.patients FORCE ROW LEVEL SECURITY;
ALTER TABLE medical.patient_contacts FORCE ROW LEVEL SECURITY;

ALTER TABLE auth.user_person_links    ALTER COLUMN valid_from SET DEFAULT kernel.today();
ALTER TABLE auth.caseload_assignments ALTER COLUMN valid_from SET DEFAULT kernel.today();
ALTER TABLE auth.user_units           ALTER COLUMN valid_from SET DEFAULT kernel.today();
ALTER TABLE auth.person_units         ALTER COLUMN valid_from SET DEFAULT kernel.today();
ALTER TABLE compliance.sensitivity_consents ALTER COLUMN effective_from SET DEFAULT kernel.today();
