-- What runs in the family, and how a person lives.

CREATE DOMAIN records.history_status AS text CONSTRAINT history_status_values
  CHECK (VALUE IN ('PARTIAL', 'COMPLETED', 'HEALTH_UNKNOWN', 'ENTERED_IN_ERROR'));
COMMENT ON DOMAIN records.history_status IS 'FHIR FamilyHistoryStatus';
COMMENT ON CONSTRAINT history_status_values ON DOMAIN records.history_status IS
  'Must be PARTIAL, COMPLETED, HEALTH_UNKNOWN or ENTERED_IN_ERROR';

CREATE TABLE records.family_history (
  tenant_id               uuid                   NOT NULL DEFAULT kernel.tenant(),
  id                      uuid                   NOT NULL,
  row_version             int                    NOT NULL DEFAULT 1,
  created_at              timestamptz            NOT NULL DEFAULT now(),
  updated_at              timestamptz            NOT NULL DEFAULT now(),
  created_by              uuid                   DEFAULT kernel.actor(),
  updated_by              uuid,
  patient_id              uuid                   NOT NULL,
  repository_id           uuid,
  encounter_id            uuid,
  recorded_at             timestamptz            NOT NULL DEFAULT now(),
  verification            records.verification   NOT NULL,
  sensitivity             kernel.code,
  source_kind             records.source_kind    NOT NULL,
  source_ref              uuid,
  original_code           kernel.prose,
  original_system         kernel.prose,
  original_display        kernel.prose,
  note                    kernel.sealed_text,
  dedupe_key              bytea,
  is_preferred            boolean                NOT NULL DEFAULT true,
  entered_in_error_reason kernel.sealed_text,
  status                  records.history_status NOT NULL,
  relationship_code       kernel.code            NOT NULL,
  relationship_display    kernel.label,
  relative_name           kernel.sealed_text,
  relative_sex            medical.sex,
  relative_deceased       boolean,
  code                    kernel.code,
  code_system             kernel.label,
  display                 kernel.label,
  onset_age_low           int,
  onset_age_high          int,
  cause_of_death          boolean,
  recorded_on             date,
  recorded_precision      records.date_precision,
  CONSTRAINT family_history_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT family_history_patient_fk FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT family_history_repository_fk
    FOREIGN KEY (tenant_id, repository_id) REFERENCES medical.patient_repositories (tenant_id, id),
  CONSTRAINT family_history_encounter_fk
    FOREIGN KEY (tenant_id, encounter_id) REFERENCES records.encounters (tenant_id, id),
  CONSTRAINT family_history_dedupe_length CHECK (octet_length(dedupe_key) BETWEEN 16 AND 32),
  CONSTRAINT family_history_error_reason CHECK (entered_in_error_reason IS NULL OR status = 'ENTERED_IN_ERROR'),
  CONSTRAINT family_history_recorded_precision
    CHECK (kernel.is_precise(recorded_on, recorded_precision, NULL)),
  CONSTRAINT family_history_ages
    CHECK (onset_age_low >= 0 AND onset_age_low <= 130 AND onset_age_high >= onset_age_low AND onset_age_high <= 130)
);
CREATE INDEX family_history_repository_ix ON records.family_history (tenant_id, repository_id);
CREATE INDEX family_history_encounter_ix ON records.family_history (tenant_id, encounter_id);
CREATE INDEX family_history_dedupe_ix ON records.family_history (tenant_id, patient_id, dedupe_key);
CREATE INDEX family_history_chart_ix ON records.family_history (tenant_id, patient_id, recorded_on DESC);
COMMENT ON TABLE records.family_history IS 'Illnesses of relatives';
COMMENT ON COLUMN records.family_history.repository_id IS
  'The source bundle the fact came with; "remove what that hospital sent" is one repository';
COMMENT ON COLUMN records.family_history.recorded_at IS 'When the source wrote it down';
COMMENT ON COLUMN records.family_history.verification IS 'Who vouches for it';
COMMENT ON COLUMN records.family_history.sensitivity IS
  'Label that needs its own permission, such as PART2, HIV or MINOR; NULL: none';
COMMENT ON COLUMN records.family_history.source_ref IS
  'exchange.fhir_resources.id or the extracted item it was made from';
COMMENT ON COLUMN records.family_history.original_code IS 'The code as the source gave it, word for word';
COMMENT ON COLUMN records.family_history.dedupe_key IS 'Keyed digest of what makes two rows the same fact';
COMMENT ON COLUMN records.family_history.is_preferred IS 'The row shown when several sources tell of the same fact';
COMMENT ON COLUMN records.family_history.relationship_code IS 'HL7 v3 RoleCode: MTH, FTH, SIB, …';
COMMENT ON COLUMN records.family_history.code IS 'The condition';
COMMENT ON COLUMN records.family_history.onset_age_low IS 'Years';
COMMENT ON COLUMN records.family_history.onset_age_high IS 'Years; the same as the lower when one age was given';
COMMENT ON CONSTRAINT family_history_dedupe_length ON records.family_history IS 'Must be 16 to 32 bytes';
COMMENT ON CONSTRAINT family_history_error_reason ON records.family_history IS
  'Only a record marked as entered in error says why';
COMMENT ON CONSTRAINT family_history_recorded_precision ON records.family_history IS
  'A date comes with its precision; an unknown day or month is given as the first';
COMMENT ON CONSTRAINT family_history_ages ON records.family_history IS 'Ages in years, from the lower to the higher';
CALL kernel.protect('records.family_history',
  subject => 'patient_id', class => 'C2', key_class => 'clinical', retention => 'medical_records');
CALL kernel.classify('records.family_history', 'relative_name', phi => 'name');

CREATE TABLE records.social_history (
  tenant_id               uuid                   NOT NULL DEFAULT kernel.tenant(),
  id                      uuid                   NOT NULL,
  row_version             int                    NOT NULL DEFAULT 1,
  created_at              timestamptz            NOT NULL DEFAULT now(),
  updated_at              timestamptz            NOT NULL DEFAULT now(),
  created_by              uuid                   DEFAULT kernel.actor(),
  updated_by              uuid,
  patient_id              uuid                   NOT NULL,
  repository_id           uuid,
  encounter_id            uuid,
  recorded_at             timestamptz            NOT NULL DEFAULT now(),
  verification            records.verification   NOT NULL,
  sensitivity             kernel.code,
  source_kind             records.source_kind    NOT NULL,
  source_ref              uuid,
  original_code           kernel.prose,
  original_system         kernel.prose,
  original_display        kernel.prose,
  note                    kernel.sealed_text,
  dedupe_key              bytea,
  is_preferred            boolean                NOT NULL DEFAULT true,
  entered_in_error_reason kernel.sealed_text,
  status                  records.result_status  NOT NULL DEFAULT 'FINAL',
  category                kernel.code            NOT NULL DEFAULT 'social-history',
  code                    kernel.code            NOT NULL,
  code_system             kernel.label           NOT NULL DEFAULT 'http://loinc.org',
  display                 kernel.label,
  value_kind              records.value_kind     NOT NULL,
  value_num               numeric,
  value_code              kernel.code,
  value_system            kernel.label,
  value_display           kernel.label,
  value_text              kernel.sealed_text,
  unit                    kernel.code,
  components              jsonb,
  observed_on             date,
  observed_precision      records.date_precision,
  observed_at             timestamptz,
  CONSTRAINT social_history_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT social_history_patient_fk FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT social_history_repository_fk
    FOREIGN KEY (tenant_id, repository_id) REFERENCES medical.patient_repositories (tenant_id, id),
  CONSTRAINT social_history_encounter_fk
    FOREIGN KEY (tenant_id, encounter_id) REFERENCES records.encounters (tenant_id, id),
  CONSTRAINT social_history_dedupe_length CHECK (octet_length(dedupe_key) BETWEEN 16 AND 32),
  CONSTRAINT social_history_error_reason CHECK (entered_in_error_reason IS NULL OR status = 'ENTERED_IN_ERROR'),
  CONSTRAINT social_history_observed_precision
    CHECK (kernel.is_precise(observed_on, observed_precision, observed_at)),
  CONSTRAINT social_history_components_array CHECK (jsonb_typeof(components) = 'array')
);
CREATE INDEX social_history_repository_ix ON records.social_history (tenant_id, repository_id);
CREATE INDEX social_history_encounter_ix ON records.social_history (tenant_id, encounter_id);
CREATE INDEX social_history_dedupe_ix ON records.social_history (tenant_id, patient_id, dedupe_key);
CREATE INDEX social_history_chart_ix ON records.social_history (tenant_id, patient_id, observed_on DESC);
COMMENT ON TABLE records.social_history IS 'Habits, circumstances and answers to questionnaires';
COMMENT ON COLUMN records.social_history.repository_id IS
  'The source bundle the fact came with; "remove what that hospital sent" is one repository';
COMMENT ON COLUMN records.social_history.recorded_at IS 'When the source wrote it down';
COMMENT ON COLUMN records.social_history.verification IS 'Who vouches for it';
COMMENT ON COLUMN records.social_history.sensitivity IS
  'Label that needs its own permission, such as PART2, HIV or MINOR; NULL: none';
COMMENT ON COLUMN records.social_history.source_ref IS
  'exchange.fhir_resources.id or the extracted item it was made from';
COMMENT ON COLUMN records.social_history.original_code IS 'The code as the source gave it, word for word';
COMMENT ON COLUMN records.social_history.dedupe_key IS 'Keyed digest of what makes two rows the same fact';
COMMENT ON COLUMN records.social_history.is_preferred IS 'The row shown when several sources tell of the same fact';
COMMENT ON COLUMN records.social_history.category IS 'FHIR observation-category: social-history, survey, …';
COMMENT ON COLUMN records.social_history.code IS 'LOINC, such as 72166-2 smoking status';
COMMENT ON COLUMN records.social_history.unit IS 'UCUM';
COMMENT ON COLUMN records.social_history.components IS
  'Answers of a panel, coded or numeric: [{code, display, value, unit}]';
COMMENT ON COLUMN records.social_history.observed_at IS 'The instant, when precision is MINUTE';
COMMENT ON CONSTRAINT social_history_dedupe_length ON records.social_history IS 'Must be 16 to 32 bytes';
COMMENT ON CONSTRAINT social_history_error_reason ON records.social_history IS
  'Only a record marked as entered in error says why';
COMMENT ON CONSTRAINT social_history_observed_precision ON records.social_history IS
  'A date comes with its precision; an unknown day or month is given as the first; to the minute it needs its time';
COMMENT ON CONSTRAINT social_history_components_array ON records.social_history IS 'Must be a list of components';
CALL kernel.protect('records.social_history',
  subject => 'patient_id', class => 'C2', key_class => 'clinical', retention => 'medical_records');
