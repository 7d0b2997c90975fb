-- Visits to the school clinic: who came, with what, how it ended, and how much class it took.
CREATE DOMAIN school.disposition AS text CONSTRAINT disposition_values
  CHECK (VALUE IN (
    'RETURN_TO_CLASS', 'SENT_HOME', 'PARENT_PICKUP', 'REFERRED_PRIMARY_CARE', 'REFERRED_URGENT_CARE',
    'EMERGENCY_SERVICES_911', 'REFERRED_COUNSELOR', 'TRANSFERRED_TO_NURSE', 'STAYED_IN_CLINIC',
    'LEFT_WITHOUT_BEING_SEEN', 'OTHER'));
COMMENT ON DOMAIN school.disposition IS 'How a visit ended';
COMMENT ON CONSTRAINT disposition_values ON DOMAIN school.disposition IS
  'Must be RETURN_TO_CLASS, SENT_HOME, PARENT_PICKUP, REFERRED_PRIMARY_CARE, REFERRED_URGENT_CARE, EMERGENCY_SERVICES_911, REFERRED_COUNSELOR, TRANSFERRED_TO_NURSE, STAYED_IN_CLINIC, LEFT_WITHOUT_BEING_SEEN or OTHER';
CREATE DOMAIN school.arrived_from AS text CONSTRAINT arrived_from_values
  CHECK (VALUE IN (
    'CLASS', 'RECESS', 'LUNCH', 'PE', 'BUS', 'HOME', 'OTHER'));
COMMENT ON DOMAIN school.arrived_from IS 'Where the student came from';
COMMENT ON CONSTRAINT arrived_from_values ON DOMAIN school.arrived_from IS
  'Must be CLASS, RECESS, LUNCH, PE, BUS, HOME or OTHER';
CREATE DOMAIN school.chief_complaint AS text CONSTRAINT chief_complaint_values
  CHECK (VALUE IN (
    'HEADACHE', 'STOMACH', 'FEVER', 'INJURY', 'ASTHMA', 'MEDICATION', 'DIABETES_CARE', 'ANXIETY',
    'NOSEBLEED', 'RASH', 'DENTAL', 'MENSTRUAL', 'SCREENING', 'OTHER'));
COMMENT ON DOMAIN school.chief_complaint IS 'Why the student came';
COMMENT ON CONSTRAINT chief_complaint_values ON DOMAIN school.chief_complaint IS
  'Must be HEADACHE, STOMACH, FEVER, INJURY, ASTHMA, MEDICATION, DIABETES_CARE, ANXIETY, NOSEBLEED, RASH, DENTAL, MENSTRUAL, SCREENING or OTHER';
CREATE DOMAIN school.visit_status AS text CONSTRAINT visit_status_values
  CHECK (VALUE IN (
    'OPEN', 'CLOSED', 'AMENDED', 'VOIDED'));
COMMENT ON DOMAIN school.visit_status IS 'OPEN until it has an end; a change after that makes it AMENDED';
COMMENT ON CONSTRAINT visit_status_values ON DOMAIN school.visit_status IS 'Must be OPEN, CLOSED, AMENDED or VOIDED';

CREATE TABLE school.clinic_visits (
  tenant_id                     uuid                   NOT NULL DEFAULT kernel.tenant(),
  id                            uuid                   NOT NULL,
  row_version                   int                    NOT NULL DEFAULT 1,
  created_at                    timestamptz            NOT NULL DEFAULT now(),
  updated_at                    timestamptz            NOT NULL DEFAULT now(),
  created_by                    uuid                   DEFAULT kernel.actor(),
  updated_by                    uuid,
  student_id                    uuid                   NOT NULL,
  school_id                     uuid                   NOT NULL,
  visit_number                  int                    NOT NULL,
  visit_on                      date                   NOT NULL,
  check_in_at                   timestamptz            NOT NULL DEFAULT now(),
  check_out_at                  timestamptz,
  arrived_from                  school.arrived_from,
  sent_by                       kernel.label,
  chief_complaint_code          school.chief_complaint NOT NULL,
  complaint_note                kernel.sealed_text,
  symptoms                      text[]                 NOT NULL DEFAULT '{}',
  head_injury                   boolean                NOT NULL DEFAULT false,
  temperature                   numeric,
  assessment                    kernel.sealed_text,
  vital_sign_ids                text[]                 NOT NULL DEFAULT '{}',
  treatments                    jsonb                  NOT NULL DEFAULT '[]',
  medication_administration_ids text[]                 NOT NULL DEFAULT '{}',
  concussion_checklist          jsonb,
  disposition                   school.disposition,
  disposition_note              kernel.sealed_text,
  emergency_called_at           timestamptz,
  class_minutes_missed          int,
  minutes_estimated             boolean                NOT NULL DEFAULT false,
  periods_missed                jsonb                  NOT NULL DEFAULT '[]',
  guardian_contact              kernel.sealed_json,
  injury_report_id              uuid,
  attended_by                   uuid,
  cosigned_by                   uuid,
  is_walk_in_medication         boolean                NOT NULL DEFAULT false,
  backdated_reason              kernel.sealed_text,
  amended_reason                kernel.sealed_text,
  client_ref                    uuid,
  record_regime                 medical.record_regime  NOT NULL DEFAULT 'FERPA',
  status                        school.visit_status    NOT NULL DEFAULT 'OPEN',
  CONSTRAINT clinic_visits_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT clinic_visits_student_fk FOREIGN KEY (tenant_id, student_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT clinic_visits_school_fk FOREIGN KEY (tenant_id, school_id) REFERENCES school.schools (tenant_id, id),
  CONSTRAINT clinic_visits_injury_report_fk
    FOREIGN KEY (tenant_id, injury_report_id) REFERENCES records.documents (tenant_id, id),
  CONSTRAINT clinic_visits_attended_by_fk FOREIGN KEY (tenant_id, attended_by) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT clinic_visits_cosigned_by_fk FOREIGN KEY (tenant_id, cosigned_by) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT clinic_visits_number_uq UNIQUE (tenant_id, school_id, visit_on, visit_number),
  CONSTRAINT clinic_visits_client_uq UNIQUE (tenant_id, client_ref),
  CONSTRAINT clinic_visits_one_open EXCLUDE USING btree (tenant_id WITH =, student_id WITH =) WHERE (status = 'OPEN'),
  CONSTRAINT clinic_visits_time_order
    CHECK (check_out_at >= check_in_at AND check_out_at <= check_in_at + interval '8 hours'),
  CONSTRAINT clinic_visits_closed_whole
    CHECK (status NOT IN ('CLOSED', 'AMENDED') OR (check_out_at IS NOT NULL AND disposition IS NOT NULL)),
  CONSTRAINT clinic_visits_emergency_time
    CHECK (disposition <> 'EMERGENCY_SERVICES_911' OR emergency_called_at IS NOT NULL),
  CONSTRAINT clinic_visits_minutes CHECK (class_minutes_missed >= 0 AND class_minutes_missed <= 480),
  CONSTRAINT clinic_visits_temperature_range CHECK (temperature >= 30 AND temperature <= 45),
  CONSTRAINT clinic_visits_number_positive CHECK (visit_number >= 1)
);
CREATE INDEX clinic_visits_injury_report_ix ON school.clinic_visits (tenant_id, injury_report_id);
CREATE INDEX clinic_visits_attended_by_ix ON school.clinic_visits (tenant_id, attended_by);
CREATE INDEX clinic_visits_cosigned_by_ix ON school.clinic_visits (tenant_id, cosigned_by);
CREATE INDEX clinic_visits_school_ix ON school.clinic_visits (tenant_id, school_id, check_in_at DESC);
CREATE INDEX clinic_visits_student_ix ON school.clinic_visits (tenant_id, student_id, check_in_at DESC);
COMMENT ON TABLE school.clinic_visits IS 'Visits to the school clinic, from check-in to check-out';
COMMENT ON COLUMN school.clinic_visits.visit_number IS 'Of the day at this school, from 1';
COMMENT ON COLUMN school.clinic_visits.visit_on IS 'The school''s day';
COMMENT ON COLUMN school.clinic_visits.sent_by IS 'Office or role that sent the student, no name';
COMMENT ON COLUMN school.clinic_visits.head_injury IS
  'Asks for the concussion checklist and for contact with the family';
COMMENT ON COLUMN school.clinic_visits.temperature IS 'Degrees Celsius';
COMMENT ON COLUMN school.clinic_visits.treatments IS '[{code, at, by, qty}]';
COMMENT ON COLUMN school.clinic_visits.concussion_checklist IS
  'Signs that were asked for, as codes, and whether each was seen';
COMMENT ON COLUMN school.clinic_visits.emergency_called_at IS 'When 911 was called';
COMMENT ON COLUMN school.clinic_visits.minutes_estimated IS
  'No bell schedule was known for the day: the whole time is counted';
COMMENT ON COLUMN school.clinic_visits.periods_missed IS '[{name, minutes}]';
COMMENT ON COLUMN school.clinic_visits.guardian_contact IS '{who, when, reached}';
COMMENT ON COLUMN school.clinic_visits.backdated_reason IS 'Why it was entered more than 24 hours later';
COMMENT ON COLUMN school.clinic_visits.client_ref IS
  'Made by the device, so that a visit taken off line is entered once';
COMMENT ON CONSTRAINT clinic_visits_number_uq ON school.clinic_visits IS 'This number of the day was given already';
COMMENT ON CONSTRAINT clinic_visits_client_uq ON school.clinic_visits IS 'This visit was entered already';
COMMENT ON CONSTRAINT clinic_visits_one_open ON school.clinic_visits IS
  'This student is in the clinic already: check out the open visit first';
COMMENT ON CONSTRAINT clinic_visits_time_order ON school.clinic_visits IS
  'Check-out is after check-in and within 8 hours';
COMMENT ON CONSTRAINT clinic_visits_closed_whole ON school.clinic_visits IS
  'A closed visit has a check-out and a disposition';
COMMENT ON CONSTRAINT clinic_visits_emergency_time ON school.clinic_visits IS 'Say when 911 was called';
COMMENT ON CONSTRAINT clinic_visits_minutes ON school.clinic_visits IS 'Must be 0 to 480 minutes';
COMMENT ON CONSTRAINT clinic_visits_temperature_range ON school.clinic_visits IS 'Must be 30 to 45 degrees Celsius';
COMMENT ON CONSTRAINT clinic_visits_number_positive ON school.clinic_visits IS 'Visits of a day are numbered from 1';
CALL kernel.protect('school.clinic_visits',
  subject => 'student_id', class => 'C2', key_class => 'clinical', retention => 'student_health');
ALTER TABLE school.symptom_tracking ADD CONSTRAINT symptom_tracking_visit_fk
  FOREIGN KEY (tenant_id, visit_id) REFERENCES school.clinic_visits (tenant_id, id);
COMMENT ON CONSTRAINT symptom_tracking_visit_fk ON school.symptom_tracking IS 'Must name an existing record of clinic visits';
CREATE INDEX symptom_tracking_visit_ix ON school.symptom_tracking (tenant_id, visit_id);
