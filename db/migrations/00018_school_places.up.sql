-- Schools, their years, days and bells, and the groups and people in them.
CREATE SCHEMA school;
COMMENT ON SCHEMA school IS 'Schools and students, clinic visits, medication, immunization, outbreaks';
GRANT USAGE ON SCHEMA school TO salus_app, salus_reader, salus_sealer, salus_backup;
CREATE DOMAIN school.clock_time AS text CONSTRAINT clock_time_form CHECK (VALUE ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$');
COMMENT ON DOMAIN school.clock_time IS 'Time of day at the school, hours and minutes';
COMMENT ON CONSTRAINT clock_time_form ON DOMAIN school.clock_time IS 'Must be a time of day such as 08:15';
CREATE DOMAIN school.grade AS text CONSTRAINT grade_values
  CHECK (VALUE IN (
    'PK', 'TK', 'K', '1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12', 'UG'));
COMMENT ON DOMAIN school.grade IS 'Grade: PK pre-kindergarten, TK transitional kindergarten, K, 1 to 12, UG ungraded';
COMMENT ON CONSTRAINT grade_values ON DOMAIN school.grade IS
  'Must be PK, TK, K, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 or UG';
CREATE DOMAIN school.period_kind AS text CONSTRAINT period_kind_values
  CHECK (VALUE IN (
    'CLASS', 'LUNCH', 'RECESS', 'PASSING', 'HOMEROOM'));
COMMENT ON DOMAIN school.period_kind IS
  'What a period of the bell schedule is; minutes of CLASS and HOMEROOM are instruction';
COMMENT ON CONSTRAINT period_kind_values ON DOMAIN school.period_kind IS
  'Must be CLASS, LUNCH, RECESS, PASSING or HOMEROOM';
CREATE DOMAIN school.group_kind AS text CONSTRAINT group_kind_values
  CHECK (VALUE IN (
    'HOMEROOM', 'SECTION', 'BUS', 'TEAM', 'CLUB'));
COMMENT ON DOMAIN school.group_kind IS 'Kind of group';
COMMENT ON CONSTRAINT group_kind_values ON DOMAIN school.group_kind IS 'Must be HOMEROOM, SECTION, BUS, TEAM or CLUB';
CREATE DOMAIN school.position AS text CONSTRAINT position_values
  CHECK (VALUE IN (
    'NURSE_RN', 'NURSE_LPN', 'HEALTH_AIDE', 'NURSE_SUPERVISOR', 'THERAPIST', 'PSYCHOLOGIST',
    'PRINCIPAL', 'TEACHER', 'OFFICE', 'SIS_COORDINATOR', 'EPI_LIAISON'));
COMMENT ON DOMAIN school.position IS 'What somebody does at a school';
COMMENT ON CONSTRAINT position_values ON DOMAIN school.position IS
  'Must be NURSE_RN, NURSE_LPN, HEALTH_AIDE, NURSE_SUPERVISOR, THERAPIST, PSYCHOLOGIST, PRINCIPAL, TEACHER, OFFICE, SIS_COORDINATOR or EPI_LIAISON';

CREATE TABLE school.schools (
  tenant_id            uuid             NOT NULL DEFAULT kernel.tenant(),
  id                   uuid             NOT NULL,
  row_version          int              NOT NULL DEFAULT 1,
  created_at           timestamptz      NOT NULL DEFAULT now(),
  updated_at           timestamptz      NOT NULL DEFAULT now(),
  created_by           uuid             DEFAULT kernel.actor(),
  updated_by           uuid,
  organization_id      uuid             NOT NULL,
  name                 kernel.label     NOT NULL,
  nces_id              kernel.code,
  timezone             kernel.code      NOT NULL DEFAULT 'America/Los_Angeles',
  grades               text[]           NOT NULL DEFAULT '{}',
  latitude             double precision,
  longitude            double precision,
  enrollment           int,
  nurse_hours_per_week int,
  phone                kernel.label,
  is_active            boolean          NOT NULL DEFAULT true,
  CONSTRAINT schools_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT schools_organization_fk
    FOREIGN KEY (tenant_id, organization_id) REFERENCES auth.organizations (tenant_id, id),
  CONSTRAINT schools_organization_uq UNIQUE (tenant_id, organization_id),
  CONSTRAINT schools_nces_form CHECK (nces_id ~ '^[0-9]{12}$'),
  CONSTRAINT schools_place CHECK (latitude >= -90 AND latitude <= 90 AND longitude >= -180 AND longitude <= 180),
  CONSTRAINT schools_counts CHECK (enrollment >= 0 AND nurse_hours_per_week >= 0 AND nurse_hours_per_week <= 168)
);
COMMENT ON TABLE school.schools IS
  'Schools of the district; each is a unit of the organization, so that staff and students can belong to it';
COMMENT ON COLUMN school.schools.organization_id IS 'The unit that users and persons belong to';
COMMENT ON COLUMN school.schools.nces_id IS 'Number in the register of the US National Center for Education Statistics';
COMMENT ON COLUMN school.schools.timezone IS 'IANA zone: its day is the day of visits and doses';
COMMENT ON COLUMN school.schools.grades IS 'Grades taught: PK, TK, K, 1 to 12, UG';
COMMENT ON COLUMN school.schools.enrollment IS 'Students on the census day';
COMMENT ON CONSTRAINT schools_organization_uq ON school.schools IS 'This unit is a school already';
COMMENT ON CONSTRAINT schools_nces_form ON school.schools IS 'Must be 12 digits';
COMMENT ON CONSTRAINT schools_place ON school.schools IS 'Must be degrees of latitude and longitude';
COMMENT ON CONSTRAINT schools_counts ON school.schools IS 'Counts cannot be negative';
CALL kernel.protect('school.schools');

CREATE TABLE school.school_years (
  tenant_id   uuid        NOT NULL DEFAULT kernel.tenant(),
  id          uuid        NOT NULL,
  row_version int         NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  created_by  uuid        DEFAULT kernel.actor(),
  updated_by  uuid,
  name        kernel.code NOT NULL,
  starts_on   date        NOT NULL,
  ends_on     date        NOT NULL,
  CONSTRAINT school_years_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT school_years_name_uq UNIQUE (tenant_id, name),
  CONSTRAINT school_years_period CHECK (ends_on >= starts_on)
);
COMMENT ON TABLE school.school_years IS 'School years of the district';
COMMENT ON COLUMN school.school_years.name IS 'Such as 2025-26';
COMMENT ON CONSTRAINT school_years_name_uq ON school.school_years IS 'This school year exists already';
COMMENT ON CONSTRAINT school_years_period ON school.school_years IS 'Cannot end before it begins';
CALL kernel.protect('school.school_years');

CREATE TABLE school.bell_schedules (
  tenant_id   uuid         NOT NULL DEFAULT kernel.tenant(),
  id          uuid         NOT NULL,
  row_version int          NOT NULL DEFAULT 1,
  created_at  timestamptz  NOT NULL DEFAULT now(),
  updated_at  timestamptz  NOT NULL DEFAULT now(),
  created_by  uuid         DEFAULT kernel.actor(),
  updated_by  uuid,
  school_id   uuid         NOT NULL,
  name        kernel.label NOT NULL,
  CONSTRAINT bell_schedules_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT bell_schedules_school_fk FOREIGN KEY (tenant_id, school_id) REFERENCES school.schools (tenant_id, id),
  CONSTRAINT bell_schedules_name_uq UNIQUE (tenant_id, school_id, name)
);
COMMENT ON TABLE school.bell_schedules IS 'Named orders of the day, such as regular, minimum or two-hour delay';
COMMENT ON CONSTRAINT bell_schedules_name_uq ON school.bell_schedules IS
  'This school has a schedule of this name already';
CALL kernel.protect('school.bell_schedules');

CREATE TABLE school.bell_periods (
  tenant_id   uuid               NOT NULL DEFAULT kernel.tenant(),
  id          uuid               NOT NULL,
  row_version int                NOT NULL DEFAULT 1,
  created_at  timestamptz        NOT NULL DEFAULT now(),
  updated_at  timestamptz        NOT NULL DEFAULT now(),
  created_by  uuid               DEFAULT kernel.actor(),
  updated_by  uuid,
  schedule_id uuid               NOT NULL,
  name        kernel.label       NOT NULL,
  kind        school.period_kind NOT NULL,
  starts_at   school.clock_time  NOT NULL,
  ends_at     school.clock_time  NOT NULL,
  CONSTRAINT bell_periods_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT bell_periods_schedule_fk
    FOREIGN KEY (tenant_id, schedule_id) REFERENCES school.bell_schedules (tenant_id, id),
  CONSTRAINT bell_periods_start_uq UNIQUE (tenant_id, schedule_id, starts_at),
  CONSTRAINT bell_periods_length CHECK (ends_at > starts_at)
);
COMMENT ON TABLE school.bell_periods IS 'Periods of a bell schedule';
COMMENT ON CONSTRAINT bell_periods_start_uq ON school.bell_periods IS 'Another period of this schedule begins then';
COMMENT ON CONSTRAINT bell_periods_length ON school.bell_periods IS 'Ends after it begins';
CALL kernel.protect('school.bell_periods');

CREATE TABLE school.calendar_days (
  tenant_id        uuid         NOT NULL DEFAULT kernel.tenant(),
  id               uuid         NOT NULL,
  row_version      int          NOT NULL DEFAULT 1,
  created_at       timestamptz  NOT NULL DEFAULT now(),
  updated_at       timestamptz  NOT NULL DEFAULT now(),
  created_by       uuid         DEFAULT kernel.actor(),
  updated_by       uuid,
  school_id        uuid         NOT NULL,
  day              date         NOT NULL,
  is_instructional boolean      NOT NULL,
  schedule_id      uuid,
  early_release    boolean      NOT NULL DEFAULT false,
  note             kernel.label,
  CONSTRAINT calendar_days_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT calendar_days_school_fk FOREIGN KEY (tenant_id, school_id) REFERENCES school.schools (tenant_id, id),
  CONSTRAINT calendar_days_schedule_fk
    FOREIGN KEY (tenant_id, schedule_id) REFERENCES school.bell_schedules (tenant_id, id),
  CONSTRAINT calendar_days_day_uq UNIQUE (tenant_id, school_id, day)
);
CREATE INDEX calendar_days_schedule_ix ON school.calendar_days (tenant_id, schedule_id);
COMMENT ON TABLE school.calendar_days IS 'What each day is at a school; of a day that is not listed nothing is known';
COMMENT ON COLUMN school.calendar_days.schedule_id IS
  'The order of this day; none: minutes are counted whole and marked estimated';
COMMENT ON CONSTRAINT calendar_days_day_uq ON school.calendar_days IS 'This day of the school is listed already';
CALL kernel.protect('school.calendar_days');

CREATE TABLE school.class_groups (
  tenant_id      uuid              NOT NULL DEFAULT kernel.tenant(),
  id             uuid              NOT NULL,
  row_version    int               NOT NULL DEFAULT 1,
  created_at     timestamptz       NOT NULL DEFAULT now(),
  updated_at     timestamptz       NOT NULL DEFAULT now(),
  created_by     uuid              DEFAULT kernel.actor(),
  updated_by     uuid,
  school_id      uuid              NOT NULL,
  school_year_id uuid              NOT NULL,
  kind           school.group_kind NOT NULL,
  name           kernel.label      NOT NULL,
  grade          school.grade,
  room           kernel.code,
  teacher_id     uuid,
  CONSTRAINT class_groups_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT class_groups_school_fk FOREIGN KEY (tenant_id, school_id) REFERENCES school.schools (tenant_id, id),
  CONSTRAINT class_groups_school_year_fk
    FOREIGN KEY (tenant_id, school_year_id) REFERENCES school.school_years (tenant_id, id),
  CONSTRAINT class_groups_teacher_fk FOREIGN KEY (tenant_id, teacher_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT class_groups_name_uq UNIQUE (tenant_id, school_id, school_year_id, kind, name)
);
CREATE INDEX class_groups_school_year_ix ON school.class_groups (tenant_id, school_year_id);
CREATE INDEX class_groups_teacher_ix ON school.class_groups (tenant_id, teacher_id);
COMMENT ON TABLE school.class_groups IS 'Homerooms, sections, buses, teams and clubs: who is together';
COMMENT ON CONSTRAINT class_groups_name_uq ON school.class_groups IS 'This school has such a group this year already';
CALL kernel.protect('school.class_groups');

CREATE TABLE school.school_staff (
  tenant_id          uuid            NOT NULL DEFAULT kernel.tenant(),
  id                 uuid            NOT NULL,
  row_version        int             NOT NULL DEFAULT 1,
  created_at         timestamptz     NOT NULL DEFAULT now(),
  updated_at         timestamptz     NOT NULL DEFAULT now(),
  created_by         uuid            DEFAULT kernel.actor(),
  updated_by         uuid,
  user_id            uuid            NOT NULL,
  school_id          uuid            NOT NULL,
  position           school.position NOT NULL,
  license_no         kernel.code,
  license_expires_on date,
  started_on         date            NOT NULL DEFAULT current_date,
  ended_on           date,
  CONSTRAINT school_staff_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT school_staff_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT school_staff_school_fk FOREIGN KEY (tenant_id, school_id) REFERENCES school.schools (tenant_id, id),
  CONSTRAINT school_staff_period CHECK (ended_on >= started_on)
);
CREATE INDEX school_staff_user_ix ON school.school_staff (tenant_id, user_id);
CREATE INDEX school_staff_school_position_ix ON school.school_staff (tenant_id, school_id, position);
COMMENT ON TABLE school.school_staff IS
  'Who works at which school, and as what; where they reach students is in auth.user_units';
COMMENT ON COLUMN school.school_staff.license_no IS 'Number of the licence, when the position needs one';
COMMENT ON CONSTRAINT school_staff_period ON school.school_staff IS 'Cannot end before it begins';
COMMENT ON INDEX school.school_staff_school_position_ix IS 'Who does what at a school';
CALL kernel.protect('school.school_staff');
