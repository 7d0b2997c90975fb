-- Students are patients: what the school knows of them besides, where they are enrolled, and in which groups.
CREATE DOMAIN school.enrollment_status AS text CONSTRAINT enrollment_status_values
  CHECK (VALUE IN (
    'PRE_ENROLLED', 'ENROLLED', 'WITHDRAWN', 'GRADUATED'));
COMMENT ON DOMAIN school.enrollment_status IS 'Whether a student attends';
COMMENT ON CONSTRAINT enrollment_status_values ON DOMAIN school.enrollment_status IS
  'Must be PRE_ENROLLED, ENROLLED, WITHDRAWN or GRADUATED';

CREATE TABLE school.student_profiles (
  tenant_id             uuid                     NOT NULL DEFAULT kernel.tenant(),
  id                    uuid                     NOT NULL,
  row_version           int                      NOT NULL DEFAULT 1,
  created_at            timestamptz              NOT NULL DEFAULT now(),
  updated_at            timestamptz              NOT NULL DEFAULT now(),
  created_by            uuid                     DEFAULT kernel.actor(),
  updated_by            uuid,
  patient_id            uuid                     NOT NULL,
  student_number        kernel.sealed_text       NOT NULL,
  student_number_bidx   kernel.blind_index       NOT NULL,
  state_student_id      kernel.sealed_text,
  state_student_id_bidx kernel.blind_index,
  sis_sourced_id        kernel.code,
  school_id             uuid                     NOT NULL,
  grade                 school.grade             NOT NULL,
  homeroom_id           uuid,
  graduation_year       int,
  enrollment_status     school.enrollment_status NOT NULL DEFAULT 'ENROLLED',
  has_iep               boolean                  NOT NULL DEFAULT false,
  has_504_plan          boolean                  NOT NULL DEFAULT false,
  is_homeless           kernel.sealed_json,
  is_foster             kernel.sealed_json,
  lunch_group           kernel.code,
  directory_opt_out     boolean                  NOT NULL DEFAULT false,
  CONSTRAINT student_profiles_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT student_profiles_patient_fk
    FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT student_profiles_school_fk FOREIGN KEY (tenant_id, school_id) REFERENCES school.schools (tenant_id, id),
  CONSTRAINT student_profiles_homeroom_fk
    FOREIGN KEY (tenant_id, homeroom_id) REFERENCES school.class_groups (tenant_id, id),
  CONSTRAINT student_profiles_patient_uq UNIQUE (tenant_id, patient_id),
  CONSTRAINT student_profiles_number_uq UNIQUE (tenant_id, student_number_bidx),
  CONSTRAINT student_profiles_sis_uq UNIQUE (tenant_id, sis_sourced_id),
  CONSTRAINT student_profiles_graduation_range CHECK (graduation_year >= 1950 AND graduation_year <= 2100)
);
CREATE INDEX student_profiles_homeroom_ix ON school.student_profiles (tenant_id, homeroom_id);
CREATE INDEX student_profiles_school_ix ON school.student_profiles (tenant_id, school_id, grade);
CREATE INDEX student_profiles_state_number_ix ON school.student_profiles (tenant_id, state_student_id_bidx);
COMMENT ON TABLE school.student_profiles IS 'What makes a patient a student; one row a student';
COMMENT ON COLUMN school.student_profiles.student_number IS 'Number in the student information system';
COMMENT ON COLUMN school.student_profiles.sis_sourced_id IS
  'Identifier of the record in the student information system';
COMMENT ON COLUMN school.student_profiles.school_id IS 'Where the student mainly attends';
COMMENT ON COLUMN school.student_profiles.has_iep IS 'Has an individualized education program';
COMMENT ON COLUMN school.student_profiles.has_504_plan IS 'Has a plan under section 504';
COMMENT ON COLUMN school.student_profiles.is_homeless IS 'Under the McKinney-Vento act: true or false';
COMMENT ON COLUMN school.student_profiles.is_foster IS 'In foster care: true or false';
COMMENT ON COLUMN school.student_profiles.directory_opt_out IS
  'The family does not want the student in any list given out';
COMMENT ON CONSTRAINT student_profiles_patient_uq ON school.student_profiles IS 'This patient is a student already';
COMMENT ON CONSTRAINT student_profiles_number_uq ON school.student_profiles IS
  'Another student has this student number';
COMMENT ON CONSTRAINT student_profiles_sis_uq ON school.student_profiles IS
  'Another student has this identifier of the student information system';
COMMENT ON CONSTRAINT student_profiles_graduation_range ON school.student_profiles IS 'Must be a year';
COMMENT ON INDEX school.student_profiles_school_ix IS 'Students of a school and grade';
CALL kernel.protect('school.student_profiles',
  subject => 'patient_id', class => 'C2', key_class => 'identity', retention => 'student_health');
CALL kernel.classify('school.student_profiles', 'student_number', search => 'identifier', phi => 'other_id');
CALL kernel.classify('school.student_profiles', 'state_student_id', class => 'C4', search => 'identifier', phi => 'other_id');
CALL kernel.classify('school.student_profiles', 'is_homeless', class => 'C4');
CALL kernel.classify('school.student_profiles', 'is_foster', class => 'C4');

CREATE TABLE school.student_enrollments (
  tenant_id   uuid         NOT NULL DEFAULT kernel.tenant(),
  id          uuid         NOT NULL,
  row_version int          NOT NULL DEFAULT 1,
  created_at  timestamptz  NOT NULL DEFAULT now(),
  updated_at  timestamptz  NOT NULL DEFAULT now(),
  created_by  uuid         DEFAULT kernel.actor(),
  updated_by  uuid,
  patient_id  uuid         NOT NULL,
  school_id   uuid         NOT NULL,
  grade       school.grade NOT NULL,
  enrolled_on date         NOT NULL,
  exited_on   date,
  exit_code   kernel.code,
  CONSTRAINT student_enrollments_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT student_enrollments_patient_fk
    FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT student_enrollments_school_fk FOREIGN KEY (tenant_id, school_id) REFERENCES school.schools (tenant_id, id),
  CONSTRAINT student_enrollments_period CHECK (exited_on >= enrolled_on)
);
CREATE INDEX student_enrollments_patient_ix ON school.student_enrollments (tenant_id, patient_id, enrolled_on DESC);
CREATE INDEX student_enrollments_school_ix ON school.student_enrollments (tenant_id, school_id, enrolled_on DESC);
CREATE UNIQUE INDEX student_enrollments_current_uq ON school.student_enrollments (tenant_id, patient_id, school_id)
  WHERE exited_on IS NULL;
COMMENT ON TABLE school.student_enrollments IS
  'From when to when a student is enrolled at a school; two schools on one day are two rows';
COMMENT ON COLUMN school.student_enrollments.exited_on IS 'Last day; NULL: still enrolled';
COMMENT ON COLUMN school.student_enrollments.exit_code IS 'Why the student left, as the state codes it';
COMMENT ON CONSTRAINT student_enrollments_period ON school.student_enrollments IS 'Cannot end before it begins';
COMMENT ON INDEX school.student_enrollments_current_uq IS 'The student is enrolled at this school already';
CALL kernel.protect('school.student_enrollments',
  subject => 'patient_id', class => 'C2', key_class => 'identity', retention => 'student_health');

CREATE TABLE school.class_memberships (
  tenant_id      uuid        NOT NULL DEFAULT kernel.tenant(),
  id             uuid        NOT NULL,
  row_version    int         NOT NULL DEFAULT 1,
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now(),
  created_by     uuid        DEFAULT kernel.actor(),
  updated_by     uuid,
  patient_id     uuid        NOT NULL,
  class_group_id uuid        NOT NULL,
  joined_on      date        NOT NULL,
  left_on        date,
  CONSTRAINT class_memberships_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT class_memberships_patient_fk
    FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT class_memberships_class_group_fk
    FOREIGN KEY (tenant_id, class_group_id) REFERENCES school.class_groups (tenant_id, id),
  CONSTRAINT class_memberships_period CHECK (left_on >= joined_on)
);
CREATE INDEX class_memberships_patient_ix ON school.class_memberships (tenant_id, patient_id, joined_on DESC);
CREATE INDEX class_memberships_group_ix ON school.class_memberships (tenant_id, class_group_id, joined_on);
CREATE UNIQUE INDEX class_memberships_current_uq ON school.class_memberships (tenant_id, patient_id, class_group_id)
  WHERE left_on IS NULL;
COMMENT ON TABLE school.class_memberships IS 'Who is in which group, from when to when';
COMMENT ON COLUMN school.class_memberships.left_on IS 'Last day; NULL: still in it';
COMMENT ON CONSTRAINT class_memberships_period ON school.class_memberships IS 'Cannot end before it begins';
COMMENT ON INDEX school.class_memberships_current_uq IS 'The student is in this group already';
CALL kernel.protect('school.class_memberships',
  subject => 'patient_id', class => 'C2', key_class => 'identity', retention => 'student_health');
