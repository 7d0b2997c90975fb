-- The same condition, written as a dump writes it: a comparison of rows comes back with other parentheses, and a database
-- restored from a logical backup then differed from the expected schema.
DROP TRIGGER judge_links ON medical.patient_contacts;
CREATE TRIGGER judge_links AFTER UPDATE ON medical.patient_contacts
  FOR EACH ROW WHEN (OLD.court_restriction IS DISTINCT FROM NEW.court_restriction
    OR OLD.receives_health_info IS DISTINCT FROM NEW.receives_health_info
    OR OLD.portal_access IS DISTINCT FROM NEW.portal_access
    OR OLD.person_patient_id IS DISTINCT FROM NEW.person_patient_id
    OR OLD.patient_id IS DISTINCT FROM NEW.patient_id)
  EXECUTE FUNCTION kernel.judge_links('patient_id');
