-- lossy: admissions go with their table, and from when a student is kept home with its column
COMMENT ON COLUMN school.school_immunization_requirements.conditional_policy IS NULL;
COMMENT ON COLUMN school.school_immunization_requirements.exclusion_policy IS NULL;
DROP INDEX school.immunization_evaluations_excluded_ix;
COMMENT ON COLUMN school.immunization_evaluations.groups IS
  'Each requirement: [{requirement_id, vaccine_group, checkpoint, status, until, counted, required, missing}]';
COMMENT ON COLUMN school.immunization_evaluations.until_on IS 'Last day of a condition or of a temporary exemption';
DELETE FROM kernel.fields WHERE table_name = 'school.immunization_evaluations' AND column_name = 'excluded_from';
ALTER TABLE school.immunization_evaluations DROP COLUMN excluded_from;
CALL kernel.forget('school.immunization_admissions');
DROP DOMAIN school.admission_kind;
