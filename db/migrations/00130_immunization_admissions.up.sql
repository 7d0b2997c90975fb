-- Who may attend without all doses and until when, and from when a student is kept home.
CREATE DOMAIN school.admission_kind AS text CONSTRAINT admission_kind_values CHECK (VALUE IN ('PROVISIONAL', 'PLAN'));
COMMENT ON DOMAIN school.admission_kind IS
  'How a student attends without all doses: PROVISIONAL while records are pending, PLAN by a plan for the doses';
COMMENT ON CONSTRAINT admission_kind_values ON DOMAIN school.admission_kind IS 'Must be PROVISIONAL or PLAN';

CREATE TABLE school.immunization_admissions (
  tenant_id   uuid                  NOT NULL DEFAULT kernel.tenant(),
  id          uuid                  NOT NULL,
  row_version int                   NOT NULL DEFAULT 1,
  created_at  timestamptz           NOT NULL DEFAULT now(),
  updated_at  timestamptz           NOT NULL DEFAULT now(),
  created_by  uuid                  DEFAULT kernel.actor(),
  updated_by  uuid,
  student_id  uuid                  NOT NULL,
  kind        school.admission_kind NOT NULL,
  reason      kernel.sealed_text    NOT NULL,
  begins_on   date                  NOT NULL,
  last_on     date                  NOT NULL,
  groups      jsonb                 NOT NULL,
  decided_by  uuid                  NOT NULL,
  ended_on    date,
  end_reason  kernel.sealed_text,
  CONSTRAINT immunization_admissions_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT immunization_admissions_student_fk
    FOREIGN KEY (tenant_id, student_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT immunization_admissions_decided_by_fk
    FOREIGN KEY (tenant_id, decided_by) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT immunization_admissions_period CHECK (last_on >= begins_on),
  CONSTRAINT immunization_admissions_groups_array CHECK (jsonb_typeof(groups) = 'array'),
  CONSTRAINT immunization_admissions_end CHECK (ended_on IS NULL OR end_reason IS NOT NULL)
);
CREATE INDEX immunization_admissions_student_ix ON school.immunization_admissions (tenant_id, student_id, last_on DESC);
CREATE INDEX immunization_admissions_decided_by_ix ON school.immunization_admissions (tenant_id, decided_by);
COMMENT ON TABLE school.immunization_admissions IS
  'Students who attend without all doses: since when, until when by which requirement, and who decided it';
COMMENT ON COLUMN school.immunization_admissions.reason IS
  'HOMELESS, FOSTER, MILITARY, TRANSFER or PLAN; specially protected, and not needed to judge';
COMMENT ON COLUMN school.immunization_admissions.last_on IS 'The latest last day of its vaccine groups';
COMMENT ON COLUMN school.immunization_admissions.groups IS
  'Until when for each vaccine group, as the requirements said on the day of the decision: [{vaccine_group, until}]';
COMMENT ON COLUMN school.immunization_admissions.ended_on IS 'Ended before its last day; from this day on it counts no more';
COMMENT ON CONSTRAINT immunization_admissions_decided_by_fk ON school.immunization_admissions IS
  'Must name a user of this organization';
COMMENT ON CONSTRAINT immunization_admissions_period ON school.immunization_admissions IS 'Cannot end before it begins';
COMMENT ON CONSTRAINT immunization_admissions_groups_array ON school.immunization_admissions IS 'Must be a list';
COMMENT ON CONSTRAINT immunization_admissions_end ON school.immunization_admissions IS 'Say why it ends';
CALL kernel.protect('school.immunization_admissions',
  subject => 'student_id', class => 'C2', key_class => 'clinical', retention => 'student_health');
CALL kernel.classify('school.immunization_admissions', 'reason', class => 'C4');

ALTER TABLE school.immunization_evaluations ADD COLUMN excluded_from date;
CREATE INDEX immunization_evaluations_excluded_ix ON school.immunization_evaluations (tenant_id, excluded_from)
  WHERE excluded_from IS NOT NULL;
COMMENT ON COLUMN school.immunization_evaluations.excluded_from IS
  'From when the student is or will be kept home if nothing changes; NULL: never';
COMMENT ON COLUMN school.immunization_evaluations.until_on IS
  'Last day of a condition, of a provisional admission or of a temporary exemption';
COMMENT ON COLUMN school.immunization_evaluations.groups IS
  'Each requirement: [{requirement_id, vaccine_group, checkpoint, status, until, excluded_from, counted, required, missing}]';
COMMENT ON INDEX school.immunization_evaluations_excluded_ix IS 'Who is or will be kept home';
INSERT INTO kernel.fields (column_id, table_name, column_name, class) VALUES
  (kernel.column_id('school.immunization_evaluations', 'excluded_from'), 'school.immunization_evaluations', 'excluded_from', 'C2');
COMMENT ON COLUMN school.school_immunization_requirements.conditional_policy IS
  'Days for which a student may attend without all doses: {"days":30,"provisional_days":{"HOMELESS":30,"FOSTER":30,"MILITARY":30,"TRANSFER":30}}; what is not named gives none';
COMMENT ON COLUMN school.school_immunization_requirements.exclusion_policy IS
  'When a student is kept home: {"after_days":10,"not_before":"10-15"}, days after the deadline; {}: never';
