-- Which students are not at school, as the office or its attendance system tells it, so that a dose is not missed by one who is at home.
CREATE DOMAIN school.absence_source AS text CONSTRAINT absence_source_values CHECK (VALUE IN ('SIS', 'OFFICE', 'FAMILY'));
COMMENT ON DOMAIN school.absence_source IS
  'Who said that a student is absent: SIS the student information system, OFFICE the attendance office, FAMILY';
COMMENT ON CONSTRAINT absence_source_values ON DOMAIN school.absence_source IS 'Must be SIS, OFFICE or FAMILY';
CREATE DOMAIN school.absence_reason AS text CONSTRAINT absence_reason_values
  CHECK (VALUE IN ('ILLNESS', 'APPOINTMENT', 'ACTIVITY', 'EXCUSED', 'UNEXCUSED', 'UNKNOWN'));
COMMENT ON DOMAIN school.absence_reason IS
  'Class of the reason: ILLNESS, APPOINTMENT with a clinician, ACTIVITY of the school elsewhere, EXCUSED and UNEXCUSED otherwise, UNKNOWN';
COMMENT ON CONSTRAINT absence_reason_values ON DOMAIN school.absence_reason IS
  'Must be ILLNESS, APPOINTMENT, ACTIVITY, EXCUSED, UNEXCUSED or UNKNOWN';

CREATE TABLE school.absences (
  tenant_id    uuid                  NOT NULL DEFAULT kernel.tenant(),
  id           uuid                  NOT NULL,
  row_version  int                   NOT NULL DEFAULT 1,
  created_at   timestamptz           NOT NULL DEFAULT now(),
  updated_at   timestamptz           NOT NULL DEFAULT now(),
  created_by   uuid                  DEFAULT kernel.actor(),
  updated_by   uuid,
  student_id   uuid                  NOT NULL,
  school_id    uuid                  NOT NULL,
  day          date                  NOT NULL,
  starts_at    school.clock_time,
  ends_at      school.clock_time,
  source       school.absence_source NOT NULL,
  reason       school.absence_reason NOT NULL DEFAULT 'UNKNOWN',
  is_withdrawn boolean               NOT NULL DEFAULT false,
  CONSTRAINT absences_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT absences_student_fk FOREIGN KEY (tenant_id, student_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT absences_school_fk FOREIGN KEY (tenant_id, school_id) REFERENCES school.schools (tenant_id, id),
  CONSTRAINT absences_once_uq UNIQUE NULLS NOT DISTINCT (tenant_id, student_id, school_id, day, starts_at),
  CONSTRAINT absences_times CHECK (ends_at > starts_at)
);
CREATE INDEX absences_school_ix ON school.absences (tenant_id, school_id, day);
CREATE INDEX absences_changed_ix ON school.absences (tenant_id, updated_at);
COMMENT ON TABLE school.absences IS 'When a student is not at a school where they should be: of a day, or from or until a time of it';
COMMENT ON COLUMN school.absences.starts_at IS 'From then on; NULL: from the beginning of the day';
COMMENT ON COLUMN school.absences.ends_at IS 'Until the student is back; NULL: to the end of the day';
COMMENT ON COLUMN school.absences.is_withdrawn IS 'It was told in error: the student was there';
COMMENT ON CONSTRAINT absences_once_uq ON school.absences IS
  'An absence of this student that begins then is known already: change it';
COMMENT ON CONSTRAINT absences_times ON school.absences IS 'Ends after it begins';
COMMENT ON INDEX school.absences_changed_ix IS 'Absences that changed since a moment';
CALL kernel.protect('school.absences',
  subject => 'student_id', class => 'C2', key_class => 'clinical', retention => 'student_health');

CREATE FUNCTION school.absence_at(student uuid, school uuid, since timestamptz, until timestamptz) RETURNS uuid
  LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT b.id FROM school.absences b JOIN school.schools s ON s.tenant_id = b.tenant_id AND s.id = b.school_id
   WHERE b.student_id = absence_at.student AND b.school_id = absence_at.school AND NOT b.is_withdrawn
     AND b.day = (since AT TIME ZONE s.timezone::text)::date
     AND (b.starts_at IS NULL OR (b.day + b.starts_at::text::time) AT TIME ZONE s.timezone::text <= since)
     AND (b.ends_at IS NULL OR (b.day + b.ends_at::text::time) AT TIME ZONE s.timezone::text >= until)
   ORDER BY b.starts_at NULLS FIRST, b.id LIMIT 1
$$;
COMMENT ON FUNCTION school.absence_at(uuid, uuid, timestamptz, timestamptz) IS
  'The absence by which a student is away from a school all the time between two moments of a day; NULL: none';

ALTER TABLE school.medication_administrations
  ADD COLUMN absence_id uuid,
  ADD CONSTRAINT medication_administrations_absence_fk
    FOREIGN KEY (tenant_id, absence_id) REFERENCES school.absences (tenant_id, id),
  ADD CONSTRAINT medication_administrations_absence CHECK (absence_id IS NULL OR outcome = 'ABSENT');
CREATE INDEX medication_administrations_absence_ix ON school.medication_administrations (tenant_id, absence_id);
COMMENT ON COLUMN school.medication_administrations.absence_id IS
  'The absence by which the server wrote ABSENT; NULL: a person did, or it is another outcome';
COMMENT ON CONSTRAINT medication_administrations_absence ON school.medication_administrations IS
  'Names an absence only where the outcome is ABSENT';
COMMENT ON CONSTRAINT medication_administrations_absence_fk ON school.medication_administrations IS 'Must name an absence';
INSERT INTO kernel.fields (column_id, table_name, column_name, class) VALUES
  (kernel.column_id('school.medication_administrations', 'absence_id'), 'school.medication_administrations', 'absence_id', 'C2');
