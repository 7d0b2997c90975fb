DROP TRIGGER judge_links ON medical.patient_contacts;
CREATE TRIGGER judge_links AFTER UPDATE ON medical.patient_contacts
  FOR EACH ROW WHEN ((OLD.court_restriction, OLD.receives_health_info, OLD.portal_access, OLD.person_patient_id, OLD.patient_id)
    IS DISTINCT FROM (NEW.court_restriction, NEW.receives_health_info, NEW.portal_access, NEW.person_patient_id, NEW.patient_id))
  EXECUTE FUNCTION kernel.judge_links('patient_id');
