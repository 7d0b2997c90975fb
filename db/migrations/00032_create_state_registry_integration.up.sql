-- Immunization registries of the states: how each is reached, and what was sent.
CREATE DOMAIN exchange.registry_protocol AS text CONSTRAINT registry_protocol_values
  CHECK (VALUE IN (
    'SOAP_CDC_2011', 'SOAP_CDC_2014_HUB', 'REST_HL7', 'FHIR_R4', 'SFTP_BATCH'));
COMMENT ON DOMAIN exchange.registry_protocol IS 'How a registry is spoken to';
COMMENT ON CONSTRAINT registry_protocol_values ON DOMAIN exchange.registry_protocol IS
  'Must be SOAP_CDC_2011, SOAP_CDC_2014_HUB, REST_HL7, FHIR_R4 or SFTP_BATCH';
CREATE DOMAIN exchange.submission_status AS text CONSTRAINT submission_status_values
  CHECK (VALUE IN (
    'QUEUED', 'SENDING', 'ACCEPTED', 'ACCEPTED_WITH_WARNINGS', 'PARTIAL', 'REJECTED', 'RETRY_WAIT',
    'DEAD_LETTER', 'CANCELLED'));
COMMENT ON DOMAIN exchange.submission_status IS 'What became of a message';
COMMENT ON CONSTRAINT submission_status_values ON DOMAIN exchange.submission_status IS
  'Must be QUEUED, SENDING, ACCEPTED, ACCEPTED_WITH_WARNINGS, PARTIAL, REJECTED, RETRY_WAIT, DEAD_LETTER or CANCELLED';
CREATE DOMAIN exchange.consent_model AS text CONSTRAINT consent_model_values
  CHECK (VALUE IN (
    'OPT_OUT', 'OPT_IN', 'NONE'));
COMMENT ON DOMAIN exchange.consent_model IS 'What a registry needs before a record is sent';
COMMENT ON CONSTRAINT consent_model_values ON DOMAIN exchange.consent_model IS 'Must be OPT_OUT, OPT_IN or NONE';
CREATE DOMAIN exchange.connection_status AS text CONSTRAINT connection_status_values
  CHECK (VALUE IN (
    'SETUP', 'ACTIVE', 'PAUSED', 'FAILED'));
COMMENT ON DOMAIN exchange.connection_status IS 'Whether a connection is used';
COMMENT ON CONSTRAINT connection_status_values ON DOMAIN exchange.connection_status IS
  'Must be SETUP, ACTIVE, PAUSED or FAILED';
CREATE DOMAIN exchange.submission_direction AS text CONSTRAINT submission_direction_values
  CHECK (VALUE IN (
    'OUT_VXU', 'OUT_QBP'));
COMMENT ON DOMAIN exchange.submission_direction IS 'What is sent: doses, or a question';
COMMENT ON CONSTRAINT submission_direction_values ON DOMAIN exchange.submission_direction IS
  'Must be OUT_VXU or OUT_QBP';
CREATE DOMAIN exchange.message_profile AS text CONSTRAINT message_profile_values
  CHECK (VALUE IN (
    'Z22', 'Z34', 'Z44'));
COMMENT ON DOMAIN exchange.message_profile IS 'Profile of a message (HL7 2.5.1 immunization guide 1.5)';
COMMENT ON CONSTRAINT message_profile_values ON DOMAIN exchange.message_profile IS 'Must be Z22, Z34 or Z44';

CREATE TABLE exchange.registry_connections (
  tenant_id             uuid                     NOT NULL DEFAULT kernel.tenant(),
  id                    uuid                     NOT NULL,
  row_version           int                      NOT NULL DEFAULT 1,
  created_at            timestamptz              NOT NULL DEFAULT now(),
  updated_at            timestamptz              NOT NULL DEFAULT now(),
  created_by            uuid                     DEFAULT kernel.actor(),
  updated_by            uuid,
  state                 kernel.code              NOT NULL,
  iis_name              kernel.label             NOT NULL,
  protocol              exchange.registry_protocol NOT NULL,
  endpoint_url          kernel.label             NOT NULL,
  wsdl_url              kernel.label,
  sending_facility      kernel.code              NOT NULL,
  receiving_application kernel.code,
  receiving_facility    kernel.code,
  facility_id           kernel.code,
  username              kernel.sealed_text,
  password              kernel.sealed_text,
  client_cert_id        kernel.code,
  hl7_profile           exchange.message_profile NOT NULL DEFAULT 'Z22',
  query_profiles        text[]                   NOT NULL DEFAULT '{Z34}',
  legal_basis           kernel.code              NOT NULL,
  consent_model         exchange.consent_model   NOT NULL DEFAULT 'OPT_OUT',
  code_overrides        jsonb                    NOT NULL DEFAULT '{}',
  cron                  kernel.code,
  max_per_minute        int                      NOT NULL DEFAULT 30,
  test_mode             boolean                  NOT NULL DEFAULT true,
  last_connectivity_at  timestamptz,
  status                exchange.connection_status NOT NULL DEFAULT 'SETUP',
  CONSTRAINT registry_connections_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT registry_connections_rate CHECK (max_per_minute >= 1 AND max_per_minute <= 1000)
);
CREATE INDEX registry_connections_state_ix ON exchange.registry_connections (tenant_id, state);
COMMENT ON TABLE exchange.registry_connections IS 'Registries a tenant reports to';
COMMENT ON COLUMN exchange.registry_connections.sending_facility IS 'MSH-4';
COMMENT ON COLUMN exchange.registry_connections.legal_basis IS
  'FERPA: consent, state law or emergency; HIPAA: 164.512(b)';
COMMENT ON CONSTRAINT registry_connections_rate ON exchange.registry_connections IS 'Must be 1 to 1000';
CALL kernel.protect('exchange.registry_connections',
  class => 'C1', key_class => 'secrets', retention => 'operational');
CALL kernel.classify('exchange.registry_connections', 'username', phi => 'secret');
CALL kernel.classify('exchange.registry_connections', 'password', phi => 'secret');

CREATE TABLE exchange.registry_submissions (
  tenant_id          uuid                     NOT NULL DEFAULT kernel.tenant(),
  id                 uuid                     NOT NULL,
  row_version        int                      NOT NULL DEFAULT 1,
  created_at         timestamptz              NOT NULL DEFAULT now(),
  updated_at         timestamptz              NOT NULL DEFAULT now(),
  created_by         uuid                     DEFAULT kernel.actor(),
  updated_by         uuid,
  connection_id      uuid                     NOT NULL,
  student_id         uuid                     NOT NULL,
  immunization_ids   text[]                   NOT NULL DEFAULT '{}',
  direction          exchange.submission_direction NOT NULL,
  message_control_id kernel.code              NOT NULL,
  message            kernel.sealed_text,
  response           kernel.sealed_text,
  profile            exchange.message_profile NOT NULL,
  status             exchange.submission_status NOT NULL DEFAULT 'QUEUED',
  ack_code           kernel.code,
  errors             jsonb                    NOT NULL DEFAULT '[]',
  attempts           int                      NOT NULL DEFAULT 0,
  next_attempt_at    timestamptz,
  sent_at            timestamptz,
  answered_at        timestamptz,
  resolution         kernel.code,
  CONSTRAINT registry_submissions_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT registry_submissions_connection_fk
    FOREIGN KEY (tenant_id, connection_id) REFERENCES exchange.registry_connections (tenant_id, id),
  CONSTRAINT registry_submissions_student_fk
    FOREIGN KEY (tenant_id, student_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT registry_submissions_control_uq UNIQUE (tenant_id, connection_id, message_control_id),
  CONSTRAINT registry_submissions_attempts_count CHECK (attempts >= 0)
);
CREATE INDEX registry_submissions_waiting_ix ON exchange.registry_submissions (tenant_id, status, next_attempt_at)
  WHERE status IN ('QUEUED', 'RETRY_WAIT');
CREATE INDEX registry_submissions_student_ix ON exchange.registry_submissions (tenant_id, student_id, sent_at DESC);
COMMENT ON TABLE exchange.registry_submissions IS 'Messages to registries, and what they answered';
COMMENT ON COLUMN exchange.registry_submissions.immunization_ids IS 'records.immunizations';
COMMENT ON CONSTRAINT registry_submissions_control_uq ON exchange.registry_submissions IS
  'A message of this control number was made already';
COMMENT ON CONSTRAINT registry_submissions_attempts_count ON exchange.registry_submissions IS 'Cannot be negative';
COMMENT ON INDEX exchange.registry_submissions_waiting_ix IS 'What is to be sent';
CALL kernel.protect('exchange.registry_submissions',
  subject => 'student_id', class => 'C2', key_class => 'clinical', retention => 'student_health');
