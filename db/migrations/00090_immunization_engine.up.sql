-- What the immunization engine runs on and what it found: releases of supporting data, exemptions, and where each student stands.
CREATE DOMAIN school.exemption_kind AS text CONSTRAINT exemption_kind_values
  CHECK (VALUE IN (
    'MEDICAL_PERMANENT', 'MEDICAL_TEMPORARY', 'RELIGIOUS', 'PERSONAL'));
COMMENT ON DOMAIN school.exemption_kind IS 'Why a student need not have doses';
COMMENT ON CONSTRAINT exemption_kind_values ON DOMAIN school.exemption_kind IS
  'Must be MEDICAL_PERMANENT, MEDICAL_TEMPORARY, RELIGIOUS or PERSONAL';
CREATE DOMAIN school.exemption_status AS text CONSTRAINT exemption_status_values
  CHECK (VALUE IN (
    'SUBMITTED', 'APPROVED', 'REJECTED', 'REVOKED'));
COMMENT ON DOMAIN school.exemption_status IS 'Where an exemption stands; only APPROVED counts';
COMMENT ON CONSTRAINT exemption_status_values ON DOMAIN school.exemption_status IS
  'Must be SUBMITTED, APPROVED, REJECTED or REVOKED';
CREATE DOMAIN school.compliance_status AS text CONSTRAINT compliance_status_values
  CHECK (VALUE IN (
    'COMPLIANT', 'CONDITIONAL', 'EXEMPT_MEDICAL_PERM', 'EXEMPT_MEDICAL_TEMP', 'EXEMPT_RELIGIOUS', 'EXEMPT_PERSONAL',
    'PROVISIONAL', 'NONCOMPLIANT', 'EXCLUDED', 'NO_RECORD', 'NOT_APPLICABLE'));
COMMENT ON DOMAIN school.compliance_status IS 'Where a student stands with the immunizations a school asks for';
COMMENT ON CONSTRAINT compliance_status_values ON DOMAIN school.compliance_status IS
  'Must be COMPLIANT, CONDITIONAL, EXEMPT_MEDICAL_PERM, EXEMPT_MEDICAL_TEMP, EXEMPT_RELIGIOUS, EXEMPT_PERSONAL, PROVISIONAL, NONCOMPLIANT, EXCLUDED, NO_RECORD or NOT_APPLICABLE';

CREATE TABLE school.schedule_releases (
  tenant_id     uuid                      NOT NULL DEFAULT kernel.tenant(),
  id            uuid                      NOT NULL,
  row_version   int                       NOT NULL DEFAULT 1,
  created_at    timestamptz               NOT NULL DEFAULT now(),
  updated_at    timestamptz               NOT NULL DEFAULT now(),
  created_by    uuid                      DEFAULT kernel.actor(),
  updated_by    uuid,
  authority     school.schedule_authority NOT NULL,
  version       kernel.code               NOT NULL,
  is_active     boolean                   NOT NULL DEFAULT false,
  file_count    int                       NOT NULL,
  antigen_count int                       NOT NULL,
  dose_count    int                       NOT NULL,
  source_sha256 bytea                     NOT NULL,
  CONSTRAINT schedule_releases_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT schedule_releases_version_uq UNIQUE (tenant_id, authority, version),
  CONSTRAINT schedule_releases_counts CHECK (file_count >= 1 AND antigen_count >= 1 AND dose_count >= 1),
  CONSTRAINT schedule_releases_sha256_length CHECK (octet_length(source_sha256) = 32)
);
CREATE UNIQUE INDEX schedule_releases_active_uq ON school.schedule_releases (tenant_id) WHERE is_active;
COMMENT ON TABLE school.schedule_releases IS
  'Imported releases of a vaccination schedule; one of them is in use';
COMMENT ON COLUMN school.schedule_releases.version IS 'As its authority counts, such as 4.64';
COMMENT ON COLUMN school.schedule_releases.is_active IS 'Doses are judged by this one';
COMMENT ON COLUMN school.schedule_releases.dose_count IS 'Doses of all series';
COMMENT ON COLUMN school.schedule_releases.source_sha256 IS 'SHA-256 over the names and SHA-256 of its files, by name';
COMMENT ON CONSTRAINT schedule_releases_version_uq ON school.schedule_releases IS
  'This version of this authority is there already';
COMMENT ON CONSTRAINT schedule_releases_counts ON school.schedule_releases IS 'A release has files, antigens and doses';
COMMENT ON CONSTRAINT schedule_releases_sha256_length ON school.schedule_releases IS 'Must be a SHA-256';
COMMENT ON INDEX school.schedule_releases_active_uq IS 'Another release is in use: only one can be';
CALL kernel.protect('school.schedule_releases', retention => 'operational');

CREATE TABLE school.schedule_files (
  tenant_id   uuid         NOT NULL DEFAULT kernel.tenant(),
  id          uuid         NOT NULL,
  row_version int          NOT NULL DEFAULT 1,
  created_at  timestamptz  NOT NULL DEFAULT now(),
  updated_at  timestamptz  NOT NULL DEFAULT now(),
  created_by  uuid         DEFAULT kernel.actor(),
  updated_by  uuid,
  release_id  uuid         NOT NULL,
  name        kernel.label NOT NULL,
  sha256      bytea        NOT NULL,
  body        bytea        NOT NULL,
  CONSTRAINT schedule_files_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT schedule_files_release_fk
    FOREIGN KEY (tenant_id, release_id) REFERENCES school.schedule_releases (tenant_id, id),
  CONSTRAINT schedule_files_name_uq UNIQUE (tenant_id, release_id, name),
  CONSTRAINT schedule_files_sha256_length CHECK (octet_length(sha256) = 32)
);
COMMENT ON TABLE school.schedule_files IS 'The supporting data of a release, byte for byte: the engine reads these';
COMMENT ON COLUMN school.schedule_files.body IS 'XML as its authority published it';
COMMENT ON CONSTRAINT schedule_files_name_uq ON school.schedule_files IS 'This file of the release is there already';
COMMENT ON CONSTRAINT schedule_files_sha256_length ON school.schedule_files IS 'Must be a SHA-256';
CALL kernel.protect('school.schedule_files', retention => 'operational');

CREATE TABLE school.immunization_exemptions (
  tenant_id       uuid                    NOT NULL DEFAULT kernel.tenant(),
  id              uuid                    NOT NULL,
  row_version     int                     NOT NULL DEFAULT 1,
  created_at      timestamptz             NOT NULL DEFAULT now(),
  updated_at      timestamptz             NOT NULL DEFAULT now(),
  created_by      uuid                    DEFAULT kernel.actor(),
  updated_by      uuid,
  student_id      uuid                    NOT NULL,
  kind            school.exemption_kind   NOT NULL,
  vaccine_groups  text[]                  NOT NULL DEFAULT '{}',
  issuer          kernel.sealed_text      NOT NULL,
  number          kernel.sealed_text,
  document_id     uuid,
  state_form      kernel.code,
  valid_from      date                    NOT NULL,
  valid_until     date,
  status          school.exemption_status NOT NULL DEFAULT 'SUBMITTED',
  decided_by      uuid,
  decided_at      timestamptz,
  decision_reason kernel.sealed_text,
  CONSTRAINT immunization_exemptions_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT immunization_exemptions_student_fk
    FOREIGN KEY (tenant_id, student_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT immunization_exemptions_document_fk
    FOREIGN KEY (tenant_id, document_id) REFERENCES records.documents (tenant_id, id),
  CONSTRAINT immunization_exemptions_period CHECK (valid_until >= valid_from),
  CONSTRAINT immunization_exemptions_end CHECK (kind <> 'MEDICAL_TEMPORARY' OR valid_until IS NOT NULL),
  CONSTRAINT immunization_exemptions_decided CHECK (status = 'SUBMITTED' OR decided_at IS NOT NULL)
);
CREATE INDEX immunization_exemptions_student_ix ON school.immunization_exemptions (tenant_id, student_id, status);
CREATE INDEX immunization_exemptions_document_ix ON school.immunization_exemptions (tenant_id, document_id);
COMMENT ON TABLE school.immunization_exemptions IS 'Why students need not have doses, who says so, and who accepted it';
COMMENT ON COLUMN school.immunization_exemptions.vaccine_groups IS
  'Vaccine groups as the schedule names them; empty: all';
COMMENT ON COLUMN school.immunization_exemptions.issuer IS 'Who says so, such as the physician';
COMMENT ON COLUMN school.immunization_exemptions.number IS 'Number in the register of the state';
COMMENT ON COLUMN school.immunization_exemptions.document_id IS 'The form or letter';
COMMENT ON COLUMN school.immunization_exemptions.state_form IS 'Which form of the state it is on';
COMMENT ON COLUMN school.immunization_exemptions.valid_until IS 'Last day; NULL: for good';
COMMENT ON COLUMN school.immunization_exemptions.decided_by IS 'Who accepted, rejected or revoked it';
COMMENT ON CONSTRAINT immunization_exemptions_period ON school.immunization_exemptions IS 'Cannot end before it begins';
COMMENT ON CONSTRAINT immunization_exemptions_end ON school.immunization_exemptions IS
  'A temporary exemption has a last day';
COMMENT ON CONSTRAINT immunization_exemptions_decided ON school.immunization_exemptions IS 'A decision has its time';
CALL kernel.protect('school.immunization_exemptions',
  subject => 'student_id', class => 'C2', key_class => 'clinical', retention => 'student_health');

CREATE TABLE school.immunization_evaluations (
  tenant_id            uuid                     NOT NULL DEFAULT kernel.tenant(),
  id                   uuid                     NOT NULL,
  row_version          int                      NOT NULL DEFAULT 1,
  created_at           timestamptz              NOT NULL DEFAULT now(),
  updated_at           timestamptz              NOT NULL DEFAULT now(),
  created_by           uuid                     DEFAULT kernel.actor(),
  updated_by           uuid,
  student_id           uuid                     NOT NULL,
  release_id           uuid                     NOT NULL,
  evaluated_on         date                     NOT NULL,
  status               school.compliance_status NOT NULL,
  until_on             date,
  score                double precision,
  is_measles_protected boolean                  NOT NULL,
  next_due_on          date,
  overdue_since        date,
  groups               jsonb                    NOT NULL DEFAULT '[]',
  forecasts            jsonb                    NOT NULL DEFAULT '[]',
  doses                jsonb                    NOT NULL DEFAULT '[]',
  CONSTRAINT immunization_evaluations_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT immunization_evaluations_student_fk
    FOREIGN KEY (tenant_id, student_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT immunization_evaluations_release_fk
    FOREIGN KEY (tenant_id, release_id) REFERENCES school.schedule_releases (tenant_id, id),
  CONSTRAINT immunization_evaluations_student_uq UNIQUE (tenant_id, student_id),
  CONSTRAINT immunization_evaluations_score_range CHECK (score >= 0 AND score <= 100)
);
CREATE INDEX immunization_evaluations_release_ix ON school.immunization_evaluations (tenant_id, release_id);
CREATE INDEX immunization_evaluations_status_ix ON school.immunization_evaluations (tenant_id, status, student_id);
COMMENT ON TABLE school.immunization_evaluations IS
  'What the engine and the requirements of the school said of each student when they were last asked';
COMMENT ON COLUMN school.immunization_evaluations.release_id IS 'The schedule by which the doses were judged';
COMMENT ON COLUMN school.immunization_evaluations.status IS 'Of all that is required the worst';
COMMENT ON COLUMN school.immunization_evaluations.until_on IS 'Last day of a condition or of a temporary exemption';
COMMENT ON COLUMN school.immunization_evaluations.score IS
  'Percent of required doses that count, measles double, without what is exempt; NULL: nothing is required';
COMMENT ON COLUMN school.immunization_evaluations.is_measles_protected IS
  'What is required against measles is fulfilled by doses or immunity';
COMMENT ON COLUMN school.immunization_evaluations.next_due_on IS
  'From when the next dose that is required is recommended';
COMMENT ON COLUMN school.immunization_evaluations.overdue_since IS 'From when a dose that is required is late';
COMMENT ON COLUMN school.immunization_evaluations.groups IS
  'Each requirement: [{requirement_id, vaccine_group, checkpoint, status, until, counted, required, missing}]';
COMMENT ON COLUMN school.immunization_evaluations.forecasts IS
  'Each vaccine group: [{vaccine_group, status, dose_number, earliest_on, recommended_on, overdue_on}]';
COMMENT ON COLUMN school.immunization_evaluations.doses IS
  'Each dose: [{id, verdicts: [{antigen, status, reasons}]}]';
COMMENT ON CONSTRAINT immunization_evaluations_student_uq ON school.immunization_evaluations IS
  'This student was evaluated already';
COMMENT ON CONSTRAINT immunization_evaluations_score_range ON school.immunization_evaluations IS
  'Must be between 0 and 100';
CALL kernel.protect('school.immunization_evaluations',
  subject => 'student_id', class => 'C2', key_class => 'clinical', retention => 'student_health');
