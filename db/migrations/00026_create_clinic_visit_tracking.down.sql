-- lossy: its rows go with its tables
ALTER TABLE school.symptom_tracking DROP CONSTRAINT symptom_tracking_visit_fk;
DROP INDEX school.symptom_tracking_visit_ix;
CALL kernel.forget('school.clinic_visits');
DROP DOMAIN school.visit_status;
DROP DOMAIN school.chief_complaint;
DROP DOMAIN school.arrived_from;
DROP DOMAIN school.disposition;
