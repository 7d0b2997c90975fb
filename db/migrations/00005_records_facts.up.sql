-- What is known of a person's health: encounters, problems, medication, allergies, procedures.
-- Every fact keeps who said it, when, in which words, and the repository it came in with.
CREATE SCHEMA records;
COMMENT ON SCHEMA records IS 'Clinical facts, results and documents of patients';
GRANT USAGE ON SCHEMA records TO salus_app, salus_reader, salus_sealer, salus_backup;

CREATE DOMAIN records.verification AS text CONSTRAINT verification_values
  CHECK (VALUE IN ('UNVERIFIED', 'PATIENT_REPORTED', 'CLINICIAN_ENTERED', 'IMPORTED', 'DOCUMENT_EXTRACTED',
    'CONFIRMED'));
COMMENT ON DOMAIN records.verification IS 'Who vouches for a fact';
COMMENT ON CONSTRAINT verification_values ON DOMAIN records.verification IS
  'Must be UNVERIFIED, PATIENT_REPORTED, CLINICIAN_ENTERED, IMPORTED, DOCUMENT_EXTRACTED or CONFIRMED';
CREATE DOMAIN records.source_kind AS text CONSTRAINT source_kind_values
  CHECK (VALUE IN ('MANUAL', 'EHR', 'DOCUMENT', 'REGISTRY', 'SIS', 'DEVICE', 'API'));
COMMENT ON DOMAIN records.source_kind IS 'How a fact came in';
COMMENT ON CONSTRAINT source_kind_values ON DOMAIN records.source_kind IS
  'Must be MANUAL, EHR, DOCUMENT, REGISTRY, SIS, DEVICE or API';
CREATE DOMAIN records.date_precision AS text CONSTRAINT date_precision_values
  CHECK (VALUE IN ('YEAR', 'MONTH', 'DAY', 'MINUTE'));
COMMENT ON DOMAIN records.date_precision IS 'How much of a date is known; the rest is filled with the first month, day';
COMMENT ON CONSTRAINT date_precision_values ON DOMAIN records.date_precision IS 'Must be YEAR, MONTH, DAY or MINUTE';
CREATE DOMAIN records.fact_status AS text CONSTRAINT fact_status_values
  CHECK (VALUE IN ('RECORDED', 'ENTERED_IN_ERROR'));
COMMENT ON DOMAIN records.fact_status IS 'A fact is never deleted by a user: it becomes ENTERED_IN_ERROR';
COMMENT ON CONSTRAINT fact_status_values ON DOMAIN records.fact_status IS 'Must be RECORDED or ENTERED_IN_ERROR';
CREATE DOMAIN records.encounter_status AS text CONSTRAINT encounter_status_values
  CHECK (VALUE IN ('PLANNED', 'ARRIVED', 'TRIAGED', 'IN_PROGRESS', 'ONLEAVE', 'FINISHED', 'CANCELLED',
    'ENTERED_IN_ERROR', 'UNKNOWN'));
COMMENT ON DOMAIN records.encounter_status IS 'FHIR EncounterStatus';
COMMENT ON CONSTRAINT encounter_status_values ON DOMAIN records.encounter_status IS
  'Must be PLANNED, ARRIVED, TRIAGED, IN_PROGRESS, ONLEAVE, FINISHED, CANCELLED, ENTERED_IN_ERROR or UNKNOWN';
CREATE DOMAIN records.diagnosis_category AS text CONSTRAINT diagnosis_category_values
  CHECK (VALUE IN ('PROBLEM_LIST', 'ENCOUNTER', 'HEALTH_CONCERN'));
COMMENT ON DOMAIN records.diagnosis_category IS 'Why a diagnosis is on record (FHIR condition-category)';
COMMENT ON CONSTRAINT diagnosis_category_values ON DOMAIN records.diagnosis_category IS
  'Must be PROBLEM_LIST, ENCOUNTER or HEALTH_CONCERN';
CREATE DOMAIN records.clinical_status AS text CONSTRAINT clinical_status_values
  CHECK (VALUE IN ('ACTIVE', 'RECURRENCE', 'RELAPSE', 'INACTIVE', 'REMISSION', 'RESOLVED'));
COMMENT ON DOMAIN records.clinical_status IS 'Course of a condition (FHIR condition-clinical)';
COMMENT ON CONSTRAINT clinical_status_values ON DOMAIN records.clinical_status IS
  'Must be ACTIVE, RECURRENCE, RELAPSE, INACTIVE, REMISSION or RESOLVED';
CREATE DOMAIN records.diagnosis_verification AS text CONSTRAINT diagnosis_verification_values
  CHECK (VALUE IN ('UNCONFIRMED', 'PROVISIONAL', 'DIFFERENTIAL', 'CONFIRMED', 'REFUTED'));
COMMENT ON DOMAIN records.diagnosis_verification IS 'How sure a diagnosis is (FHIR condition-ver-status)';
COMMENT ON CONSTRAINT diagnosis_verification_values ON DOMAIN records.diagnosis_verification IS
  'Must be UNCONFIRMED, PROVISIONAL, DIFFERENTIAL, CONFIRMED or REFUTED';
CREATE DOMAIN records.medication_kind AS text CONSTRAINT medication_kind_values
  CHECK (VALUE IN ('STATEMENT', 'ORDER', 'DISPENSE', 'ADMINISTRATION'));
COMMENT ON DOMAIN records.medication_kind IS 'What was recorded about the medicine';
COMMENT ON CONSTRAINT medication_kind_values ON DOMAIN records.medication_kind IS
  'Must be STATEMENT, ORDER, DISPENSE or ADMINISTRATION';
CREATE DOMAIN records.medication_status AS text CONSTRAINT medication_status_values
  CHECK (VALUE IN ('ACTIVE', 'ON_HOLD', 'COMPLETED', 'STOPPED', 'CANCELLED', 'DRAFT', 'INTENDED', 'NOT_TAKEN',
    'NOT_DONE', 'IN_PROGRESS', 'DECLINED', 'ENTERED_IN_ERROR', 'UNKNOWN'));
COMMENT ON DOMAIN records.medication_status IS 'Union of the FHIR status lists of the four kinds';
COMMENT ON CONSTRAINT medication_status_values ON DOMAIN records.medication_status IS
  'Must be ACTIVE, ON_HOLD, COMPLETED, STOPPED, CANCELLED, DRAFT, INTENDED, NOT_TAKEN, NOT_DONE, IN_PROGRESS, '
  'DECLINED, ENTERED_IN_ERROR or UNKNOWN';
CREATE DOMAIN records.allergy_kind AS text CONSTRAINT allergy_kind_values CHECK (VALUE IN ('SUBSTANCE', 'NKA', 'NKDA'));
COMMENT ON DOMAIN records.allergy_kind IS 'NKA: no known allergy; NKDA: no known drug allergy';
COMMENT ON CONSTRAINT allergy_kind_values ON DOMAIN records.allergy_kind IS 'Must be SUBSTANCE, NKA or NKDA';
CREATE DOMAIN records.allergy_category AS text CONSTRAINT allergy_category_values
  CHECK (VALUE IN ('MEDICATION', 'FOOD', 'ENVIRONMENT', 'BIOLOGIC'));
COMMENT ON DOMAIN records.allergy_category IS 'What kind of substance';
COMMENT ON CONSTRAINT allergy_category_values ON DOMAIN records.allergy_category IS
  'Must be MEDICATION, FOOD, ENVIRONMENT or BIOLOGIC';
CREATE DOMAIN records.allergy_type AS text CONSTRAINT allergy_type_values CHECK (VALUE IN ('ALLERGY', 'INTOLERANCE'));
COMMENT ON DOMAIN records.allergy_type IS 'Immune reaction or not';
COMMENT ON CONSTRAINT allergy_type_values ON DOMAIN records.allergy_type IS 'Must be ALLERGY or INTOLERANCE';
CREATE DOMAIN records.allergy_clinical AS text CONSTRAINT allergy_clinical_values
  CHECK (VALUE IN ('ACTIVE', 'INACTIVE', 'RESOLVED'));
COMMENT ON DOMAIN records.allergy_clinical IS 'Whether the allergy still holds (FHIR allergyintolerance-clinical)';
COMMENT ON CONSTRAINT allergy_clinical_values ON DOMAIN records.allergy_clinical IS
  'Must be ACTIVE, INACTIVE or RESOLVED';
CREATE DOMAIN records.allergy_verification AS text CONSTRAINT allergy_verification_values
  CHECK (VALUE IN ('UNCONFIRMED', 'CONFIRMED', 'REFUTED'));
COMMENT ON DOMAIN records.allergy_verification IS 'How sure an allergy is';
COMMENT ON CONSTRAINT allergy_verification_values ON DOMAIN records.allergy_verification IS
  'Must be UNCONFIRMED, CONFIRMED or REFUTED';
CREATE DOMAIN records.criticality AS text CONSTRAINT criticality_values CHECK (VALUE IN ('LOW', 'HIGH', 'UNABLE'));
COMMENT ON DOMAIN records.criticality IS 'Danger of the next exposure';
COMMENT ON CONSTRAINT criticality_values ON DOMAIN records.criticality IS 'Must be LOW, HIGH or UNABLE';
CREATE DOMAIN records.procedure_status AS text CONSTRAINT procedure_status_values
  CHECK (VALUE IN ('PREPARATION', 'IN_PROGRESS', 'NOT_DONE', 'ON_HOLD', 'STOPPED', 'COMPLETED', 'ENTERED_IN_ERROR',
    'UNKNOWN'));
COMMENT ON DOMAIN records.procedure_status IS 'FHIR EventStatus';
COMMENT ON CONSTRAINT procedure_status_values ON DOMAIN records.procedure_status IS
  'Must be PREPARATION, IN_PROGRESS, NOT_DONE, ON_HOLD, STOPPED, COMPLETED, ENTERED_IN_ERROR or UNKNOWN';

CREATE TABLE records.encounters (
  tenant_id               uuid                   NOT NULL DEFAULT kernel.tenant(),
  id                      uuid                   NOT NULL,
  row_version             int                    NOT NULL DEFAULT 1,
  created_at              timestamptz            NOT NULL DEFAULT now(),
  updated_at              timestamptz            NOT NULL DEFAULT now(),
  created_by              uuid                   DEFAULT kernel.actor(),
  updated_by              uuid,
  patient_id              uuid                   NOT NULL,
  repository_id           uuid,
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
  status                  records.encounter_status NOT NULL,
  part_of_id              uuid,
  class                   kernel.code            NOT NULL,
  code                    kernel.code,
  code_system             kernel.label,
  display                 kernel.label,
  priority_code           kernel.code,
  service_type_code       kernel.code,
  reason_code             kernel.code,
  reason_system           kernel.label,
  reason_display          kernel.label,
  started_on              date,
  started_precision       records.date_precision,
  started_at              timestamptz,
  ended_on                date,
  ended_precision         records.date_precision,
  ended_at                timestamptz,
  provider_id             uuid,
  performer_name          kernel.label,
  service_provider        kernel.label,
  location                kernel.sealed_text,
  disposition_code        kernel.code,
  disposition_display     kernel.label,
  CONSTRAINT encounters_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT encounters_patient_fk FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT encounters_repository_fk
    FOREIGN KEY (tenant_id, repository_id) REFERENCES medical.patient_repositories (tenant_id, id),
  CONSTRAINT encounters_dedupe_length CHECK (octet_length(dedupe_key) BETWEEN 16 AND 32),
  CONSTRAINT encounters_error_reason CHECK (entered_in_error_reason IS NULL OR status = 'ENTERED_IN_ERROR'),
  CONSTRAINT encounters_started_precision
    CHECK (kernel.is_precise(started_on, started_precision, started_at)),
  CONSTRAINT encounters_ended_precision
    CHECK (kernel.is_precise(ended_on, ended_precision, ended_at)),
  CONSTRAINT encounters_part_of_fk FOREIGN KEY (tenant_id, part_of_id) REFERENCES records.encounters (tenant_id, id),
  CONSTRAINT encounters_provider_fk FOREIGN KEY (tenant_id, provider_id) REFERENCES medical.providers (tenant_id, id),
  CONSTRAINT encounters_period CHECK (ended_on >= started_on AND ended_at >= started_at)
);
CREATE INDEX encounters_repository_ix ON records.encounters (tenant_id, repository_id);
CREATE INDEX encounters_dedupe_ix ON records.encounters (tenant_id, patient_id, dedupe_key);
CREATE INDEX encounters_part_of_ix ON records.encounters (tenant_id, part_of_id);
CREATE INDEX encounters_provider_ix ON records.encounters (tenant_id, provider_id);
CREATE INDEX encounters_chart_ix ON records.encounters (tenant_id, patient_id, started_on DESC);
COMMENT ON TABLE records.encounters IS 'Contacts of a patient with care: visits, stays, calls';
COMMENT ON COLUMN records.encounters.repository_id IS
  'The source bundle the fact came with; "remove what that hospital sent" is one repository';
COMMENT ON COLUMN records.encounters.recorded_at IS 'When the source wrote it down';
COMMENT ON COLUMN records.encounters.verification IS 'Who vouches for it';
COMMENT ON COLUMN records.encounters.sensitivity IS
  'Label that needs its own permission, such as PART2, HIV or MINOR; NULL: none';
COMMENT ON COLUMN records.encounters.source_ref IS 'exchange.fhir_resources.id or the extracted item it was made from';
COMMENT ON COLUMN records.encounters.original_code IS 'The code as the source gave it, word for word';
COMMENT ON COLUMN records.encounters.dedupe_key IS 'Keyed digest of what makes two rows the same fact';
COMMENT ON COLUMN records.encounters.is_preferred IS 'The row shown when several sources tell of the same fact';
COMMENT ON COLUMN records.encounters.part_of_id IS 'The stay it belongs to';
COMMENT ON COLUMN records.encounters.class IS 'HL7 v3 ActCode: AMB, IMP, EMER, HH, VR, …';
COMMENT ON COLUMN records.encounters.code IS 'Type of encounter';
COMMENT ON COLUMN records.encounters.started_at IS 'The instant, when precision is MINUTE';
COMMENT ON COLUMN records.encounters.ended_at IS 'The instant, when precision is MINUTE';
COMMENT ON COLUMN records.encounters.performer_name IS 'Clinician as the source names them';
COMMENT ON COLUMN records.encounters.service_provider IS 'Facility as the source names it';
COMMENT ON COLUMN records.encounters.location IS 'Ward, room, bed';
COMMENT ON COLUMN records.encounters.disposition_code IS 'Where the patient went (FHIR discharge-disposition)';
COMMENT ON CONSTRAINT encounters_dedupe_length ON records.encounters IS 'Must be 16 to 32 bytes';
COMMENT ON CONSTRAINT encounters_error_reason ON records.encounters IS
  'Only a record marked as entered in error says why';
COMMENT ON CONSTRAINT encounters_started_precision ON records.encounters IS
  'A date comes with its precision; an unknown day or month is given as the first; to the minute it needs its time';
COMMENT ON CONSTRAINT encounters_ended_precision ON records.encounters IS
  'A date comes with its precision; an unknown day or month is given as the first; to the minute it needs its time';
COMMENT ON CONSTRAINT encounters_period ON records.encounters IS 'Cannot end before it begins';
CALL kernel.protect('records.encounters',
  subject => 'patient_id', class => 'C2', key_class => 'clinical', retention => 'medical_records');
CALL kernel.classify('records.encounters', 'location', phi => 'address');

CREATE TABLE records.diagnoses (
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
  status                  records.fact_status    NOT NULL DEFAULT 'RECORDED',
  code                    kernel.code,
  code_system             kernel.label,
  display                 kernel.label,
  category                records.diagnosis_category NOT NULL,
  clinical_status         records.clinical_status,
  verification_status     records.diagnosis_verification,
  onset_on                date,
  onset_precision         records.date_precision,
  onset_at                timestamptz,
  abatement_on            date,
  abatement_precision     records.date_precision,
  abatement_at            timestamptz,
  severity_code           kernel.code,
  severity_display        kernel.label,
  body_site_code          kernel.code,
  body_site_display       kernel.label,
  rank                    int,
  is_chronic              boolean                NOT NULL DEFAULT false,
  is_school_relevant      boolean                NOT NULL DEFAULT false,
  CONSTRAINT diagnoses_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT diagnoses_patient_fk FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT diagnoses_repository_fk
    FOREIGN KEY (tenant_id, repository_id) REFERENCES medical.patient_repositories (tenant_id, id),
  CONSTRAINT diagnoses_encounter_fk
    FOREIGN KEY (tenant_id, encounter_id) REFERENCES records.encounters (tenant_id, id),
  CONSTRAINT diagnoses_dedupe_length CHECK (octet_length(dedupe_key) BETWEEN 16 AND 32),
  CONSTRAINT diagnoses_error_reason CHECK (entered_in_error_reason IS NULL OR status = 'ENTERED_IN_ERROR'),
  CONSTRAINT diagnoses_onset_precision
    CHECK (kernel.is_precise(onset_on, onset_precision, onset_at)),
  CONSTRAINT diagnoses_abatement_precision
    CHECK (kernel.is_precise(abatement_on, abatement_precision, abatement_at)),
  CONSTRAINT diagnoses_coded CHECK (code IS NOT NULL OR note IS NOT NULL OR original_display IS NOT NULL),
  CONSTRAINT diagnoses_rank CHECK (rank >= 1),
  CONSTRAINT diagnoses_period
    CHECK (abatement_on >= onset_on OR 'YEAR' IN (onset_precision, abatement_precision) OR 'MONTH' IN
      (onset_precision, abatement_precision))
);
CREATE INDEX diagnoses_repository_ix ON records.diagnoses (tenant_id, repository_id);
CREATE INDEX diagnoses_encounter_ix ON records.diagnoses (tenant_id, encounter_id);
CREATE INDEX diagnoses_dedupe_ix ON records.diagnoses (tenant_id, patient_id, dedupe_key);
CREATE INDEX diagnoses_chart_ix ON records.diagnoses (tenant_id, patient_id, onset_on DESC);
CREATE INDEX diagnoses_status_ix ON records.diagnoses (tenant_id, patient_id, clinical_status);
CREATE INDEX diagnoses_code_ix ON records.diagnoses (tenant_id, code_system, code);
CREATE INDEX diagnoses_chronic_ix ON records.diagnoses (tenant_id, patient_id) WHERE is_chronic;
COMMENT ON TABLE records.diagnoses IS 'Problems, diagnoses and health concerns';
COMMENT ON COLUMN records.diagnoses.repository_id IS
  'The source bundle the fact came with; "remove what that hospital sent" is one repository';
COMMENT ON COLUMN records.diagnoses.recorded_at IS 'When the source wrote it down';
COMMENT ON COLUMN records.diagnoses.verification IS 'Who vouches for it';
COMMENT ON COLUMN records.diagnoses.sensitivity IS
  'Label that needs its own permission, such as PART2, HIV or MINOR; NULL: none';
COMMENT ON COLUMN records.diagnoses.source_ref IS 'exchange.fhir_resources.id or the extracted item it was made from';
COMMENT ON COLUMN records.diagnoses.original_code IS 'The code as the source gave it, word for word';
COMMENT ON COLUMN records.diagnoses.dedupe_key IS 'Keyed digest of what makes two rows the same fact';
COMMENT ON COLUMN records.diagnoses.is_preferred IS 'The row shown when several sources tell of the same fact';
COMMENT ON COLUMN records.diagnoses.code_system IS 'ICD10CM, SNOMED or the address of the code system';
COMMENT ON COLUMN records.diagnoses.clinical_status IS 'NULL when the source gave none';
COMMENT ON COLUMN records.diagnoses.verification_status IS 'FHIR entered-in-error is status ENTERED_IN_ERROR here';
COMMENT ON COLUMN records.diagnoses.onset_at IS 'The instant, when precision is MINUTE';
COMMENT ON COLUMN records.diagnoses.abatement_at IS 'The instant, when precision is MINUTE';
COMMENT ON COLUMN records.diagnoses.rank IS 'Place among the diagnoses of an encounter, first is 1';
COMMENT ON COLUMN records.diagnoses.is_school_relevant IS 'The school nurse needs to know';
COMMENT ON CONSTRAINT diagnoses_dedupe_length ON records.diagnoses IS 'Must be 16 to 32 bytes';
COMMENT ON CONSTRAINT diagnoses_error_reason ON records.diagnoses IS
  'Only a record marked as entered in error says why';
COMMENT ON CONSTRAINT diagnoses_onset_precision ON records.diagnoses IS
  'A date comes with its precision; an unknown day or month is given as the first; to the minute it needs its time';
COMMENT ON CONSTRAINT diagnoses_abatement_precision ON records.diagnoses IS
  'A date comes with its precision; an unknown day or month is given as the first; to the minute it needs its time';
COMMENT ON CONSTRAINT diagnoses_coded ON records.diagnoses IS 'Needs a code, or a note that says what it is';
COMMENT ON CONSTRAINT diagnoses_rank ON records.diagnoses IS 'Counts from 1';
COMMENT ON CONSTRAINT diagnoses_period ON records.diagnoses IS 'Cannot end before it begins';
CALL kernel.protect('records.diagnoses',
  subject => 'patient_id', class => 'C2', key_class => 'clinical', retention => 'medical_records');

CREATE TABLE records.medications (
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
  status                  records.medication_status NOT NULL,
  kind                    records.medication_kind NOT NULL,
  code                    kernel.code,
  code_system             kernel.label,
  display                 kernel.label,
  rxcui                   kernel.code,
  ingredient_rxcuis       text[],
  intent                  kernel.code,
  category_code           kernel.code,
  dose_value              numeric,
  dose_unit               kernel.code,
  route_code              kernel.code,
  route_display           kernel.label,
  frequency_text          kernel.sealed_text,
  timing                  jsonb,
  as_needed               boolean                NOT NULL DEFAULT false,
  as_needed_code          kernel.code,
  indication_code         kernel.code,
  indication_system       kernel.label,
  indication_display      kernel.label,
  quantity                numeric,
  quantity_unit           kernel.code,
  days_supply             int,
  refills                 int,
  authored_on             date,
  authored_precision      records.date_precision,
  authored_at             timestamptz,
  started_on              date,
  started_precision       records.date_precision,
  started_at              timestamptz,
  ended_on                date,
  ended_precision         records.date_precision,
  ended_at                timestamptz,
  prescriber_id           uuid,
  prescriber              kernel.sealed_text,
  pharmacy                kernel.sealed_text,
  CONSTRAINT medications_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT medications_patient_fk FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT medications_repository_fk
    FOREIGN KEY (tenant_id, repository_id) REFERENCES medical.patient_repositories (tenant_id, id),
  CONSTRAINT medications_encounter_fk
    FOREIGN KEY (tenant_id, encounter_id) REFERENCES records.encounters (tenant_id, id),
  CONSTRAINT medications_dedupe_length CHECK (octet_length(dedupe_key) BETWEEN 16 AND 32),
  CONSTRAINT medications_error_reason CHECK (entered_in_error_reason IS NULL OR status = 'ENTERED_IN_ERROR'),
  CONSTRAINT medications_authored_precision
    CHECK (kernel.is_precise(authored_on, authored_precision, authored_at)),
  CONSTRAINT medications_started_precision
    CHECK (kernel.is_precise(started_on, started_precision, started_at)),
  CONSTRAINT medications_ended_precision
    CHECK (kernel.is_precise(ended_on, ended_precision, ended_at)),
  CONSTRAINT medications_prescriber_fk
    FOREIGN KEY (tenant_id, prescriber_id) REFERENCES medical.providers (tenant_id, id),
  CONSTRAINT medications_coded
    CHECK (code IS NOT NULL OR rxcui IS NOT NULL OR note IS NOT NULL OR original_display IS NOT NULL),
  CONSTRAINT medications_amounts CHECK (dose_value >= 0 AND quantity >= 0 AND days_supply >= 0 AND refills >= 0)
);
CREATE INDEX medications_repository_ix ON records.medications (tenant_id, repository_id);
CREATE INDEX medications_encounter_ix ON records.medications (tenant_id, encounter_id);
CREATE INDEX medications_dedupe_ix ON records.medications (tenant_id, patient_id, dedupe_key);
CREATE INDEX medications_prescriber_ix ON records.medications (tenant_id, prescriber_id);
CREATE INDEX medications_chart_ix ON records.medications (tenant_id, patient_id, authored_on DESC);
CREATE INDEX medications_status_ix ON records.medications (tenant_id, patient_id, status);
COMMENT ON TABLE records.medications IS 'Medicines a patient takes, was ordered, got or was given';
COMMENT ON COLUMN records.medications.repository_id IS
  'The source bundle the fact came with; "remove what that hospital sent" is one repository';
COMMENT ON COLUMN records.medications.recorded_at IS 'When the source wrote it down';
COMMENT ON COLUMN records.medications.verification IS 'Who vouches for it';
COMMENT ON COLUMN records.medications.sensitivity IS
  'Label that needs its own permission, such as PART2, HIV or MINOR; NULL: none';
COMMENT ON COLUMN records.medications.source_ref IS 'exchange.fhir_resources.id or the extracted item it was made from';
COMMENT ON COLUMN records.medications.original_code IS 'The code as the source gave it, word for word';
COMMENT ON COLUMN records.medications.dedupe_key IS 'Keyed digest of what makes two rows the same fact';
COMMENT ON COLUMN records.medications.is_preferred IS 'The row shown when several sources tell of the same fact';
COMMENT ON COLUMN records.medications.code_system IS 'RxNorm, NDC or the address of the code system';
COMMENT ON COLUMN records.medications.rxcui IS 'RxNorm concept the code stands for';
COMMENT ON COLUMN records.medications.ingredient_rxcuis IS 'RxNorm ingredients, for interaction and allergy checks';
COMMENT ON COLUMN records.medications.intent IS 'FHIR MedicationRequest intent: order, plan, …';
COMMENT ON COLUMN records.medications.category_code IS 'inpatient, outpatient, community, …';
COMMENT ON COLUMN records.medications.dose_unit IS 'UCUM';
COMMENT ON COLUMN records.medications.frequency_text IS 'Directions as written';
COMMENT ON COLUMN records.medications.timing IS 'FHIR Timing: repeat and code';
COMMENT ON COLUMN records.medications.authored_at IS 'The instant, when precision is MINUTE';
COMMENT ON COLUMN records.medications.started_at IS 'The instant, when precision is MINUTE';
COMMENT ON COLUMN records.medications.ended_at IS 'The instant, when precision is MINUTE';
COMMENT ON COLUMN records.medications.prescriber IS 'Prescriber as the source names them';
COMMENT ON CONSTRAINT medications_dedupe_length ON records.medications IS 'Must be 16 to 32 bytes';
COMMENT ON CONSTRAINT medications_error_reason ON records.medications IS
  'Only a record marked as entered in error says why';
COMMENT ON CONSTRAINT medications_authored_precision ON records.medications IS
  'A date comes with its precision; an unknown day or month is given as the first; to the minute it needs its time';
COMMENT ON CONSTRAINT medications_started_precision ON records.medications IS
  'A date comes with its precision; an unknown day or month is given as the first; to the minute it needs its time';
COMMENT ON CONSTRAINT medications_ended_precision ON records.medications IS
  'A date comes with its precision; an unknown day or month is given as the first; to the minute it needs its time';
COMMENT ON CONSTRAINT medications_coded ON records.medications IS 'Needs a code, or a note that says what it is';
COMMENT ON CONSTRAINT medications_amounts ON records.medications IS 'Cannot be negative';
CALL kernel.protect('records.medications',
  subject => 'patient_id', class => 'C2', key_class => 'clinical', retention => 'medical_records');

CREATE TABLE records.allergies (
  tenant_id                 uuid                   NOT NULL DEFAULT kernel.tenant(),
  id                        uuid                   NOT NULL,
  row_version               int                    NOT NULL DEFAULT 1,
  created_at                timestamptz            NOT NULL DEFAULT now(),
  updated_at                timestamptz            NOT NULL DEFAULT now(),
  created_by                uuid                   DEFAULT kernel.actor(),
  updated_by                uuid,
  patient_id                uuid                   NOT NULL,
  repository_id             uuid,
  encounter_id              uuid,
  recorded_at               timestamptz            NOT NULL DEFAULT now(),
  verification              records.verification   NOT NULL,
  sensitivity               kernel.code,
  source_kind               records.source_kind    NOT NULL,
  source_ref                uuid,
  original_code             kernel.prose,
  original_system           kernel.prose,
  original_display          kernel.prose,
  note                      kernel.sealed_text,
  dedupe_key                bytea,
  is_preferred              boolean                NOT NULL DEFAULT true,
  entered_in_error_reason   kernel.sealed_text,
  status                    records.fact_status    NOT NULL DEFAULT 'RECORDED',
  kind                      records.allergy_kind   NOT NULL DEFAULT 'SUBSTANCE',
  code                      kernel.code,
  code_system               kernel.label,
  display                   kernel.label,
  class_code                kernel.code,
  substance                 kernel.sealed_text,
  category                  records.allergy_category,
  type                      records.allergy_type,
  clinical_status           records.allergy_clinical,
  verification_status       records.allergy_verification,
  criticality               records.criticality,
  reactions                 jsonb                  NOT NULL DEFAULT '[]',
  onset_on                  date,
  onset_precision           records.date_precision,
  onset_at                  timestamptz,
  last_occurrence_on        date,
  last_occurrence_precision records.date_precision,
  last_occurrence_at        timestamptz,
  CONSTRAINT allergies_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT allergies_patient_fk FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT allergies_repository_fk
    FOREIGN KEY (tenant_id, repository_id) REFERENCES medical.patient_repositories (tenant_id, id),
  CONSTRAINT allergies_encounter_fk
    FOREIGN KEY (tenant_id, encounter_id) REFERENCES records.encounters (tenant_id, id),
  CONSTRAINT allergies_dedupe_length CHECK (octet_length(dedupe_key) BETWEEN 16 AND 32),
  CONSTRAINT allergies_error_reason CHECK (entered_in_error_reason IS NULL OR status = 'ENTERED_IN_ERROR'),
  CONSTRAINT allergies_onset_precision
    CHECK (kernel.is_precise(onset_on, onset_precision, onset_at)),
  CONSTRAINT allergies_last_occurrence_precision
    CHECK (kernel.is_precise(last_occurrence_on, last_occurrence_precision, last_occurrence_at)),
  CONSTRAINT allergies_named
    CHECK (kind <> 'SUBSTANCE' OR code IS NOT NULL OR substance IS NOT NULL OR original_display IS NOT NULL),
  CONSTRAINT allergies_reactions_array CHECK (jsonb_typeof(reactions) = 'array')
);
CREATE INDEX allergies_repository_ix ON records.allergies (tenant_id, repository_id);
CREATE INDEX allergies_encounter_ix ON records.allergies (tenant_id, encounter_id);
CREATE INDEX allergies_dedupe_ix ON records.allergies (tenant_id, patient_id, dedupe_key);
CREATE INDEX allergies_chart_ix ON records.allergies (tenant_id, patient_id, clinical_status);
CREATE INDEX allergies_onset_ix ON records.allergies (tenant_id, patient_id, onset_on DESC);
COMMENT ON TABLE records.allergies IS 'Allergies and intolerances, and the statement that there are none';
COMMENT ON COLUMN records.allergies.repository_id IS
  'The source bundle the fact came with; "remove what that hospital sent" is one repository';
COMMENT ON COLUMN records.allergies.recorded_at IS 'When the source wrote it down';
COMMENT ON COLUMN records.allergies.verification IS 'Who vouches for it';
COMMENT ON COLUMN records.allergies.sensitivity IS
  'Label that needs its own permission, such as PART2, HIV or MINOR; NULL: none';
COMMENT ON COLUMN records.allergies.source_ref IS 'exchange.fhir_resources.id or the extracted item it was made from';
COMMENT ON COLUMN records.allergies.original_code IS 'The code as the source gave it, word for word';
COMMENT ON COLUMN records.allergies.dedupe_key IS 'Keyed digest of what makes two rows the same fact';
COMMENT ON COLUMN records.allergies.is_preferred IS 'The row shown when several sources tell of the same fact';
COMMENT ON COLUMN records.allergies.code_system IS 'RxNorm, UNII, SNOMED or the address of the code system';
COMMENT ON COLUMN records.allergies.class_code IS 'Drug class, for cross-reactions';
COMMENT ON COLUMN records.allergies.substance IS
  'What was said, when it has no code; interaction checks then answer incomplete';
COMMENT ON COLUMN records.allergies.verification_status IS 'FHIR entered-in-error is status ENTERED_IN_ERROR here';
COMMENT ON COLUMN records.allergies.reactions IS
  'Coded: [{manifestation: {code, system, display}, severity, onset_on}]';
COMMENT ON COLUMN records.allergies.onset_at IS 'The instant, when precision is MINUTE';
COMMENT ON COLUMN records.allergies.last_occurrence_at IS 'The instant, when precision is MINUTE';
COMMENT ON CONSTRAINT allergies_dedupe_length ON records.allergies IS 'Must be 16 to 32 bytes';
COMMENT ON CONSTRAINT allergies_error_reason ON records.allergies IS
  'Only a record marked as entered in error says why';
COMMENT ON CONSTRAINT allergies_onset_precision ON records.allergies IS
  'A date comes with its precision; an unknown day or month is given as the first; to the minute it needs its time';
COMMENT ON CONSTRAINT allergies_last_occurrence_precision ON records.allergies IS
  'A date comes with its precision; an unknown day or month is given as the first; to the minute it needs its time';
COMMENT ON CONSTRAINT allergies_named ON records.allergies IS 'Needs the substance, as a code or in words';
COMMENT ON CONSTRAINT allergies_reactions_array ON records.allergies IS 'Must be a list of reactions';
CALL kernel.protect('records.allergies',
  subject => 'patient_id', class => 'C2', key_class => 'clinical', retention => 'medical_records');

CREATE TABLE records.procedures (
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
  status                  records.procedure_status NOT NULL,
  code                    kernel.code,
  code_system             kernel.label,
  display                 kernel.label,
  category_code           kernel.code,
  performed_on            date,
  performed_precision     records.date_precision,
  performed_at            timestamptz,
  performed_end_on        date,
  performed_end_precision records.date_precision,
  performed_end_at        timestamptz,
  performer_id            uuid,
  performer_name          kernel.label,
  body_site_code          kernel.code,
  body_site_display       kernel.label,
  reason_code             kernel.code,
  reason_system           kernel.label,
  reason_display          kernel.label,
  outcome_code            kernel.code,
  outcome_display         kernel.label,
  device_udi              kernel.sealed_text,
  CONSTRAINT procedures_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT procedures_patient_fk FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT procedures_repository_fk
    FOREIGN KEY (tenant_id, repository_id) REFERENCES medical.patient_repositories (tenant_id, id),
  CONSTRAINT procedures_encounter_fk
    FOREIGN KEY (tenant_id, encounter_id) REFERENCES records.encounters (tenant_id, id),
  CONSTRAINT procedures_dedupe_length CHECK (octet_length(dedupe_key) BETWEEN 16 AND 32),
  CONSTRAINT procedures_error_reason CHECK (entered_in_error_reason IS NULL OR status = 'ENTERED_IN_ERROR'),
  CONSTRAINT procedures_performed_precision
    CHECK (kernel.is_precise(performed_on, performed_precision, performed_at)),
  CONSTRAINT procedures_performed_end_precision
    CHECK (kernel.is_precise(performed_end_on, performed_end_precision, performed_end_at)),
  CONSTRAINT procedures_performer_fk
    FOREIGN KEY (tenant_id, performer_id) REFERENCES medical.providers (tenant_id, id),
  CONSTRAINT procedures_coded CHECK (code IS NOT NULL OR note IS NOT NULL OR original_display IS NOT NULL),
  CONSTRAINT procedures_period CHECK (performed_end_on >= performed_on AND performed_end_at >= performed_at)
);
CREATE INDEX procedures_repository_ix ON records.procedures (tenant_id, repository_id);
CREATE INDEX procedures_encounter_ix ON records.procedures (tenant_id, encounter_id);
CREATE INDEX procedures_dedupe_ix ON records.procedures (tenant_id, patient_id, dedupe_key);
CREATE INDEX procedures_performer_ix ON records.procedures (tenant_id, performer_id);
CREATE INDEX procedures_chart_ix ON records.procedures (tenant_id, patient_id, performed_on DESC);
COMMENT ON TABLE records.procedures IS 'What was done to a patient';
COMMENT ON COLUMN records.procedures.repository_id IS
  'The source bundle the fact came with; "remove what that hospital sent" is one repository';
COMMENT ON COLUMN records.procedures.recorded_at IS 'When the source wrote it down';
COMMENT ON COLUMN records.procedures.verification IS 'Who vouches for it';
COMMENT ON COLUMN records.procedures.sensitivity IS
  'Label that needs its own permission, such as PART2, HIV or MINOR; NULL: none';
COMMENT ON COLUMN records.procedures.source_ref IS 'exchange.fhir_resources.id or the extracted item it was made from';
COMMENT ON COLUMN records.procedures.original_code IS 'The code as the source gave it, word for word';
COMMENT ON COLUMN records.procedures.dedupe_key IS 'Keyed digest of what makes two rows the same fact';
COMMENT ON COLUMN records.procedures.is_preferred IS 'The row shown when several sources tell of the same fact';
COMMENT ON COLUMN records.procedures.code_system IS 'CPT, HCPCS, SNOMED, ICD10PCS or the address of the code system';
COMMENT ON COLUMN records.procedures.performed_at IS 'The instant, when precision is MINUTE';
COMMENT ON COLUMN records.procedures.performed_end_at IS 'The instant, when precision is MINUTE';
COMMENT ON COLUMN records.procedures.performer_name IS 'Clinician or facility as the source names them';
COMMENT ON COLUMN records.procedures.device_udi IS 'Unique device identifier of an implant';
COMMENT ON CONSTRAINT procedures_dedupe_length ON records.procedures IS 'Must be 16 to 32 bytes';
COMMENT ON CONSTRAINT procedures_error_reason ON records.procedures IS
  'Only a record marked as entered in error says why';
COMMENT ON CONSTRAINT procedures_performed_precision ON records.procedures IS
  'A date comes with its precision; an unknown day or month is given as the first; to the minute it needs its time';
COMMENT ON CONSTRAINT procedures_performed_end_precision ON records.procedures IS
  'A date comes with its precision; an unknown day or month is given as the first; to the minute it needs its time';
COMMENT ON CONSTRAINT procedures_coded ON records.procedures IS 'Needs a code, or a note that says what it is';
COMMENT ON CONSTRAINT procedures_period ON records.procedures IS 'Cannot end before it begins';
CALL kernel.protect('records.procedures',
  subject => 'patient_id', class => 'C2', key_class => 'clinical', retention => 'medical_records');
CALL kernel.classify('records.procedures', 'device_udi', phi => 'device');
