-- Vaccination schedules as an authority published them, and reminders.
CREATE DOMAIN school.reminder_status AS text CONSTRAINT reminder_status_values
  CHECK (VALUE IN (
    'PENDING', 'SCHEDULED', 'SENT', 'DELIVERED', 'FAILED', 'CANCELLED', 'COMPLETED'));
COMMENT ON DOMAIN school.reminder_status IS 'What became of a reminder';
COMMENT ON CONSTRAINT reminder_status_values ON DOMAIN school.reminder_status IS
  'Must be PENDING, SCHEDULED, SENT, DELIVERED, FAILED, CANCELLED or COMPLETED';
CREATE DOMAIN school.reminder_reason AS text CONSTRAINT reminder_reason_values
  CHECK (VALUE IN (
    'DUE', 'OVERDUE', 'CONDITIONAL_DEADLINE', 'EXCLUSION', 'SEASONAL', 'EXEMPTION_EXPIRING'));
COMMENT ON DOMAIN school.reminder_reason IS 'Why a family is reminded';
COMMENT ON CONSTRAINT reminder_reason_values ON DOMAIN school.reminder_reason IS
  'Must be DUE, OVERDUE, CONDITIONAL_DEADLINE, EXCLUSION, SEASONAL or EXEMPTION_EXPIRING';
CREATE DOMAIN school.schedule_authority AS text CONSTRAINT schedule_authority_values
  CHECK (VALUE IN (
    'ACIP_CDC', 'AAP', 'STATE', 'WHO_PNI'));
COMMENT ON DOMAIN school.schedule_authority IS 'Who publishes a schedule';
COMMENT ON CONSTRAINT schedule_authority_values ON DOMAIN school.schedule_authority IS
  'Must be ACIP_CDC, AAP, STATE or WHO_PNI';
CREATE DOMAIN school.series_type AS text CONSTRAINT series_type_values
  CHECK (VALUE IN (
    'STANDARD', 'RISK', 'EVALUATION_ONLY'));
COMMENT ON DOMAIN school.series_type IS 'What a series is for';
COMMENT ON CONSTRAINT series_type_values ON DOMAIN school.series_type IS 'Must be STANDARD, RISK or EVALUATION_ONLY';

CREATE TABLE school.immunization_reminders (
  tenant_id        uuid                    NOT NULL DEFAULT kernel.tenant(),
  id               uuid                    NOT NULL,
  row_version      int                     NOT NULL DEFAULT 1,
  created_at       timestamptz             NOT NULL DEFAULT now(),
  updated_at       timestamptz             NOT NULL DEFAULT now(),
  created_by       uuid                    DEFAULT kernel.actor(),
  updated_by       uuid,
  student_id       uuid                    NOT NULL,
  vaccine_group    kernel.code             NOT NULL,
  forecast_id      uuid,
  reason           school.reminder_reason  NOT NULL,
  channel          alerts.delivery_channel NOT NULL,
  language         kernel.language         NOT NULL DEFAULT 'en',
  contact_id       uuid,
  due_on           date                    NOT NULL,
  send_at          timestamptz             NOT NULL,
  sent_at          timestamptz,
  attempt          int                     NOT NULL DEFAULT 0,
  template_version int                     NOT NULL DEFAULT 1,
  status           school.reminder_status  NOT NULL DEFAULT 'PENDING',
  CONSTRAINT immunization_reminders_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT immunization_reminders_student_fk
    FOREIGN KEY (tenant_id, student_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT immunization_reminders_contact_fk
    FOREIGN KEY (tenant_id, contact_id) REFERENCES medical.patient_contacts (tenant_id, id),
  CONSTRAINT immunization_reminders_attempts CHECK (attempt >= 0),
  CONSTRAINT immunization_reminders_sent CHECK (status NOT IN ('SENT', 'DELIVERED') OR sent_at IS NOT NULL)
);
CREATE INDEX immunization_reminders_contact_ix ON school.immunization_reminders (tenant_id, contact_id);
CREATE INDEX immunization_reminders_waiting_ix ON school.immunization_reminders (tenant_id, status, send_at)
  WHERE status IN ('PENDING', 'SCHEDULED');
CREATE INDEX immunization_reminders_student_ix ON school.immunization_reminders (tenant_id, student_id, due_on DESC);
COMMENT ON TABLE school.immunization_reminders IS 'Reminders to families; the message itself names no vaccine';
COMMENT ON COLUMN school.immunization_reminders.forecast_id IS 'The forecast it was made from';
COMMENT ON CONSTRAINT immunization_reminders_attempts ON school.immunization_reminders IS 'Cannot be negative';
COMMENT ON CONSTRAINT immunization_reminders_sent ON school.immunization_reminders IS 'What was sent has its time';
COMMENT ON INDEX school.immunization_reminders_waiting_ix IS 'What is to be sent';
CALL kernel.protect('school.immunization_reminders',
  subject => 'student_id', class => 'C2', key_class => 'identity', retention => 'student_health');

CREATE TABLE school.vaccination_schedules (
  tenant_id      uuid                      NOT NULL DEFAULT kernel.tenant(),
  id             uuid                      NOT NULL,
  row_version    int                       NOT NULL DEFAULT 1,
  created_at     timestamptz               NOT NULL DEFAULT now(),
  updated_at     timestamptz               NOT NULL DEFAULT now(),
  created_by     uuid                      DEFAULT kernel.actor(),
  updated_by     uuid,
  authority      school.schedule_authority NOT NULL,
  version        kernel.code               NOT NULL,
  antigen        kernel.code               NOT NULL,
  series_name    kernel.label              NOT NULL,
  series_type    school.series_type        NOT NULL,
  dose_number    int                       NOT NULL,
  rule           jsonb                     NOT NULL,
  effective_from date,
  effective_to   date,
  source_sha256  bytea                     NOT NULL,
  CONSTRAINT vaccination_schedules_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT vaccination_schedules_dose_uq UNIQUE (tenant_id, authority, version, antigen, series_name, dose_number),
  CONSTRAINT vaccination_schedules_dose_positive CHECK (dose_number >= 1),
  CONSTRAINT vaccination_schedules_rule_object CHECK (jsonb_typeof(rule) = 'object'),
  CONSTRAINT vaccination_schedules_sha256_length CHECK (octet_length(source_sha256) = 32),
  CONSTRAINT vaccination_schedules_period CHECK (effective_to >= effective_from)
);
CREATE INDEX vaccination_schedules_dose_ix ON school.vaccination_schedules (tenant_id, authority, version, antigen, dose_number);
COMMENT ON TABLE school.vaccination_schedules IS
  'Doses of a vaccination schedule, as read from the supporting data of its authority';
COMMENT ON COLUMN school.vaccination_schedules.version IS 'Such as 4.64 of 2025-11-10';
COMMENT ON COLUMN school.vaccination_schedules.rule IS 'Ages, intervals, vaccines, skips, seasons as published';
COMMENT ON CONSTRAINT vaccination_schedules_dose_uq ON school.vaccination_schedules IS
  'This dose of the schedule is there already';
COMMENT ON CONSTRAINT vaccination_schedules_dose_positive ON school.vaccination_schedules IS
  'Doses are numbered from 1';
COMMENT ON CONSTRAINT vaccination_schedules_rule_object ON school.vaccination_schedules IS 'Must be an object';
COMMENT ON CONSTRAINT vaccination_schedules_sha256_length ON school.vaccination_schedules IS 'Must be a SHA-256';
COMMENT ON CONSTRAINT vaccination_schedules_period ON school.vaccination_schedules IS 'Cannot end before it begins';
CALL kernel.protect('school.vaccination_schedules', retention => 'operational');
