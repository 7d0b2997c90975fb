-- What the clinic needs besides its visits: plans that are shown before anything is typed, and what a visit said before.
CREATE DOMAIN school.plan_kind AS text CONSTRAINT plan_kind_values
  CHECK (VALUE IN (
    'IHP', 'EAP', 'SECTION_504', 'SEIZURE', 'ASTHMA', 'ANAPHYLAXIS', 'DIABETES'));
COMMENT ON DOMAIN school.plan_kind IS 'Kind of health plan';
COMMENT ON CONSTRAINT plan_kind_values ON DOMAIN school.plan_kind IS
  'Must be IHP, EAP, SECTION_504, SEIZURE, ASTHMA, ANAPHYLAXIS or DIABETES';

CREATE TABLE school.student_health_plans (
  tenant_id       uuid               NOT NULL DEFAULT kernel.tenant(),
  id              uuid               NOT NULL,
  row_version     int                NOT NULL DEFAULT 1,
  created_at      timestamptz        NOT NULL DEFAULT now(),
  updated_at      timestamptz        NOT NULL DEFAULT now(),
  created_by      uuid               DEFAULT kernel.actor(),
  updated_by      uuid,
  student_id      uuid               NOT NULL,
  kind            school.plan_kind   NOT NULL,
  body            kernel.sealed_text NOT NULL,
  teacher_summary kernel.sealed_text,
  review_due_on   date               NOT NULL,
  is_active       boolean            NOT NULL DEFAULT true,
  CONSTRAINT student_health_plans_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT student_health_plans_student_fk
    FOREIGN KEY (tenant_id, student_id) REFERENCES medical.patients (tenant_id, id)
);
CREATE INDEX student_health_plans_student_ix ON school.student_health_plans (tenant_id, student_id, review_due_on);
CREATE UNIQUE INDEX student_health_plans_current_uq ON school.student_health_plans (tenant_id, student_id, kind)
  WHERE is_active;
COMMENT ON TABLE school.student_health_plans IS 'Health plans of students; staff see the kind before they type';
COMMENT ON COLUMN school.student_health_plans.body IS 'What is to be done';
COMMENT ON COLUMN school.student_health_plans.teacher_summary IS 'What teachers are told';
COMMENT ON INDEX school.student_health_plans_current_uq IS 'The student has a plan of this kind in force already';
CALL kernel.protect('school.student_health_plans',
  subject => 'student_id', class => 'C2', key_class => 'clinical', retention => 'student_health');

CREATE TABLE school.clinic_visit_versions (
  tenant_id   uuid               NOT NULL DEFAULT kernel.tenant(),
  id          uuid               NOT NULL,
  row_version int                NOT NULL DEFAULT 1,
  created_at  timestamptz        NOT NULL DEFAULT now(),
  updated_at  timestamptz        NOT NULL DEFAULT now(),
  created_by  uuid               DEFAULT kernel.actor(),
  updated_by  uuid,
  visit_id    uuid               NOT NULL,
  student_id  uuid               NOT NULL,
  version     int                NOT NULL,
  body        kernel.sealed_json NOT NULL,
  reason      kernel.sealed_text NOT NULL,
  CONSTRAINT clinic_visit_versions_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT clinic_visit_versions_visit_fk
    FOREIGN KEY (tenant_id, visit_id) REFERENCES school.clinic_visits (tenant_id, id),
  CONSTRAINT clinic_visit_versions_student_fk
    FOREIGN KEY (tenant_id, student_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT clinic_visit_versions_version_uq UNIQUE (tenant_id, visit_id, version)
);
CREATE INDEX clinic_visit_versions_student_ix ON school.clinic_visit_versions (tenant_id, student_id, visit_id);
COMMENT ON TABLE school.clinic_visit_versions IS 'What a visit said before each amendment';
COMMENT ON COLUMN school.clinic_visit_versions.version IS 'The row version it had';
COMMENT ON CONSTRAINT clinic_visit_versions_version_uq ON school.clinic_visit_versions IS
  'This version is kept already';
CALL kernel.protect('school.clinic_visit_versions',
  subject => 'student_id', class => 'C2', key_class => 'clinical', retention => 'student_health');
