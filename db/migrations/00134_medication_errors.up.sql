-- Errors with medication at school: what happened, how far it went, and that family and prescriber were told.
CREATE DOMAIN school.medication_error_kind AS text CONSTRAINT medication_error_kind_values
  CHECK (VALUE IN (
    'WRONG_STUDENT', 'WRONG_MEDICINE', 'WRONG_DOSE', 'WRONG_TIME', 'WRONG_ROUTE', 'OMITTED', 'WITHOUT_ORDER', 'DOCUMENTATION', 'OTHER'));
COMMENT ON DOMAIN school.medication_error_kind IS 'What was wrong';
COMMENT ON CONSTRAINT medication_error_kind_values ON DOMAIN school.medication_error_kind IS
  'Must be WRONG_STUDENT, WRONG_MEDICINE, WRONG_DOSE, WRONG_TIME, WRONG_ROUTE, OMITTED, WITHOUT_ORDER, DOCUMENTATION or OTHER';
CREATE DOMAIN school.medication_error_severity AS text CONSTRAINT medication_error_severity_values
  CHECK (VALUE IN ('A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I'));
COMMENT ON DOMAIN school.medication_error_severity IS
  'How far an error went, as the categories of NCC MERP count: A could have happened, B did not reach the student, C and D reached the student without harm, E to H harm of rising weight, I death';
COMMENT ON CONSTRAINT medication_error_severity_values ON DOMAIN school.medication_error_severity IS 'Must be A to I';

CREATE TABLE school.medication_errors (
  tenant_id          uuid                             NOT NULL DEFAULT kernel.tenant(),
  id                 uuid                             NOT NULL,
  row_version        int                              NOT NULL DEFAULT 1,
  created_at         timestamptz                      NOT NULL DEFAULT now(),
  updated_at         timestamptz                      NOT NULL DEFAULT now(),
  created_by         uuid                             DEFAULT kernel.actor(),
  updated_by         uuid,
  student_id         uuid                             NOT NULL,
  school_id          uuid                             NOT NULL,
  administration_id  uuid,
  kind               school.medication_error_kind     NOT NULL,
  severity           school.medication_error_severity NOT NULL,
  happened_at        timestamptz                      NOT NULL,
  description        kernel.sealed_text               NOT NULL,
  action_taken       kernel.sealed_text,
  reported_by        uuid,
  guardian_told_at   timestamptz,
  guardian_told_by   uuid,
  guardian_said      kernel.sealed_text,
  prescriber_told_at timestamptz,
  prescriber_told_by uuid,
  prescriber_said    kernel.sealed_text,
  closed_at          timestamptz,
  closed_by          uuid,
  review             kernel.sealed_text,
  CONSTRAINT medication_errors_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT medication_errors_student_fk
    FOREIGN KEY (tenant_id, student_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT medication_errors_school_fk FOREIGN KEY (tenant_id, school_id) REFERENCES school.schools (tenant_id, id),
  CONSTRAINT medication_errors_administration_fk
    FOREIGN KEY (tenant_id, administration_id) REFERENCES school.medication_administrations (tenant_id, id),
  CONSTRAINT medication_errors_told_after
    CHECK (guardian_told_at >= happened_at AND prescriber_told_at >= happened_at),
  CONSTRAINT medication_errors_closed_told
    CHECK (closed_at IS NULL OR severity IN ('A', 'B') OR (guardian_told_at IS NOT NULL AND prescriber_told_at IS NOT NULL)),
  CONSTRAINT medication_errors_closed_reviewed CHECK (closed_at IS NULL OR review IS NOT NULL)
);
CREATE INDEX medication_errors_student_ix ON school.medication_errors (tenant_id, student_id, happened_at DESC);
CREATE INDEX medication_errors_school_ix ON school.medication_errors (tenant_id, school_id, happened_at DESC);
CREATE INDEX medication_errors_administration_ix ON school.medication_errors (tenant_id, administration_id);
COMMENT ON TABLE school.medication_errors IS
  'Errors with medication at school: what happened, how far it went, who was told, and what was learnt. A report is not changed; notices and the review are added';
COMMENT ON COLUMN school.medication_errors.administration_id IS 'The dose it is about; NULL: of none that is recorded';
COMMENT ON COLUMN school.medication_errors.description IS 'What happened';
COMMENT ON COLUMN school.medication_errors.action_taken IS 'What was done for the student';
COMMENT ON COLUMN school.medication_errors.guardian_told_at IS 'When the family was told; NULL: not yet';
COMMENT ON COLUMN school.medication_errors.prescriber_told_at IS 'When the prescriber was told; NULL: not yet';
COMMENT ON COLUMN school.medication_errors.prescriber_said IS 'What the prescriber said is to be done';
COMMENT ON COLUMN school.medication_errors.review IS 'What was found and what is done so that it does not happen again';
COMMENT ON CONSTRAINT medication_errors_told_after ON school.medication_errors IS 'Nobody is told before it happened';
COMMENT ON CONSTRAINT medication_errors_closed_told ON school.medication_errors IS
  'What reached the student is closed after family and prescriber were told';
COMMENT ON CONSTRAINT medication_errors_closed_reviewed ON school.medication_errors IS 'A review says what was found';
CALL kernel.protect('school.medication_errors',
  subject => 'student_id', class => 'C2', key_class => 'clinical', retention => 'student_health');
