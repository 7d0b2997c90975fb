-- Documents, immunizations, measurements and laboratory results.

CREATE DOMAIN records.document_category AS text CONSTRAINT document_category_values
  CHECK (VALUE IN ('LAB_REPORT', 'IMAGING', 'CLINICAL_NOTE', 'DISCHARGE', 'PRESCRIPTION', 'IMMUNIZATION_CARD',
    'CONSENT', 'IEP', 'IHP', 'INSURANCE', 'CORRESPONDENCE', 'IDENTITY', 'OTHER'));
COMMENT ON DOMAIN records.document_category IS 'What a document is';
COMMENT ON CONSTRAINT document_category_values ON DOMAIN records.document_category IS
  'Must be LAB_REPORT, IMAGING, CLINICAL_NOTE, DISCHARGE, PRESCRIPTION, IMMUNIZATION_CARD, CONSENT, IEP, IHP, '
  'INSURANCE, CORRESPONDENCE, IDENTITY or OTHER';
CREATE DOMAIN records.document_status AS text CONSTRAINT document_status_values
  CHECK (VALUE IN ('REFERENCED', 'UPLOADED', 'SCANNING', 'STORED', 'QUARANTINED', 'OCR_QUEUED', 'OCR_RUNNING',
    'OCR_DONE', 'OCR_PARTIAL', 'OCR_FAILED', 'EXTRACTING', 'NEEDS_REVIEW', 'AUTO_ACCEPTED', 'VERIFIED', 'ARCHIVED',
    'VOIDED', 'ENTERED_IN_ERROR'));
COMMENT ON DOMAIN records.document_status IS 'Where a document stands; REFERENCED: the content stays with its source';
COMMENT ON CONSTRAINT document_status_values ON DOMAIN records.document_status IS
  'Must be REFERENCED, UPLOADED, SCANNING, STORED, QUARANTINED, OCR_QUEUED, OCR_RUNNING, OCR_DONE, OCR_PARTIAL, '
  'OCR_FAILED, EXTRACTING, NEEDS_REVIEW, AUTO_ACCEPTED, VERIFIED, ARCHIVED, VOIDED or ENTERED_IN_ERROR';
CREATE DOMAIN records.scan_result AS text CONSTRAINT scan_result_values
  CHECK (VALUE IN ('UNSCANNED', 'CLEAN', 'INFECTED', 'FAILED'));
COMMENT ON DOMAIN records.scan_result IS 'What the virus scan said';
COMMENT ON CONSTRAINT scan_result_values ON DOMAIN records.scan_result IS
  'Must be UNSCANNED, CLEAN, INFECTED or FAILED';
CREATE DOMAIN records.immunization_status AS text CONSTRAINT immunization_status_values
  CHECK (VALUE IN ('COMPLETED', 'NOT_DONE', 'ENTERED_IN_ERROR'));
COMMENT ON DOMAIN records.immunization_status IS 'FHIR ImmunizationStatus';
COMMENT ON CONSTRAINT immunization_status_values ON DOMAIN records.immunization_status IS
  'Must be COMPLETED, NOT_DONE or ENTERED_IN_ERROR';
CREATE DOMAIN records.immunization_completion AS text CONSTRAINT immunization_completion_values
  CHECK (VALUE IN ('CP', 'RE', 'NA', 'PA'));
COMMENT ON DOMAIN records.immunization_completion IS 'HL7 table 0322: complete, refused, not administered, partially';
COMMENT ON CONSTRAINT immunization_completion_values ON DOMAIN records.immunization_completion IS
  'Must be CP, RE, NA or PA';
CREATE DOMAIN records.dose_condition AS text CONSTRAINT dose_condition_values
  CHECK (VALUE IN ('EXPIRED', 'SUBPOTENT', 'RECALL', 'COLD_CHAIN'));
COMMENT ON DOMAIN records.dose_condition IS 'Why a dose does not count';
COMMENT ON CONSTRAINT dose_condition_values ON DOMAIN records.dose_condition IS
  'Must be EXPIRED, SUBPOTENT, RECALL or COLD_CHAIN';
CREATE DOMAIN records.registry_state AS text CONSTRAINT registry_state_values
  CHECK (VALUE IN ('NOT_SENT', 'QUEUED', 'ACCEPTED', 'REJECTED'));
COMMENT ON DOMAIN records.registry_state IS 'Where a dose stands with the state registry';
COMMENT ON CONSTRAINT registry_state_values ON DOMAIN records.registry_state IS
  'Must be NOT_SENT, QUEUED, ACCEPTED or REJECTED';
CREATE DOMAIN records.result_status AS text CONSTRAINT result_status_values
  CHECK (VALUE IN ('REGISTERED', 'PARTIAL', 'PRELIMINARY', 'FINAL', 'AMENDED', 'CORRECTED', 'APPENDED', 'CANCELLED',
    'ENTERED_IN_ERROR', 'UNKNOWN'));
COMMENT ON DOMAIN records.result_status IS
  'FHIR ObservationStatus and DiagnosticReportStatus; a FINAL value is never edited';
COMMENT ON CONSTRAINT result_status_values ON DOMAIN records.result_status IS
  'Must be REGISTERED, PARTIAL, PRELIMINARY, FINAL, AMENDED, CORRECTED, APPENDED, CANCELLED, ENTERED_IN_ERROR or '
  'UNKNOWN';
CREATE DOMAIN records.plausibility AS text CONSTRAINT plausibility_values
  CHECK (VALUE IN ('OK', 'WARN', 'REJECTED_OVERRIDE'));
COMMENT ON DOMAIN records.plausibility IS 'REJECTED_OVERRIDE: outside the hard limits, confirmed by a clinician';
COMMENT ON CONSTRAINT plausibility_values ON DOMAIN records.plausibility IS 'Must be OK, WARN or REJECTED_OVERRIDE';
CREATE DOMAIN records.value_kind AS text CONSTRAINT value_kind_values
  CHECK (VALUE IN ('NUM', 'CODED', 'TEXT', 'RATIO', 'RANGE', 'TITER', 'NONE'));
COMMENT ON DOMAIN records.value_kind IS
  'Which value columns a result uses; NONE: the source says why there is no value';
COMMENT ON CONSTRAINT value_kind_values ON DOMAIN records.value_kind IS
  'Must be NUM, CODED, TEXT, RATIO, RANGE, TITER or NONE';
CREATE DOMAIN records.comparator AS text CONSTRAINT comparator_values CHECK (VALUE IN ('<', '<=', '>', '>='));
COMMENT ON DOMAIN records.comparator IS 'A value beyond what could be measured';
COMMENT ON CONSTRAINT comparator_values ON DOMAIN records.comparator IS 'Must be <, <=, > or >=';

CREATE TABLE records.documents (
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
  status                  records.document_status NOT NULL,
  title                   kernel.sealed_text,
  type_code               kernel.code,
  type_system             kernel.label,
  type_display            kernel.label,
  category                records.document_category NOT NULL DEFAULT 'OTHER',
  mime_type               kernel.code,
  byte_size               bigint,
  page_count              int,
  sha256_hmac             audit.sha256,
  storage_key             kernel.label,
  dek_wrapped             bytea,
  service_on              date,
  service_precision       records.date_precision,
  service_at              timestamptz,
  author                  kernel.sealed_text,
  av_result               records.scan_result    NOT NULL DEFAULT 'UNSCANNED',
  retention_class         kernel.code            NOT NULL DEFAULT 'medical_records',
  legal_hold              boolean                NOT NULL DEFAULT false,
  CONSTRAINT documents_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT documents_patient_fk FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT documents_repository_fk
    FOREIGN KEY (tenant_id, repository_id) REFERENCES medical.patient_repositories (tenant_id, id),
  CONSTRAINT documents_encounter_fk
    FOREIGN KEY (tenant_id, encounter_id) REFERENCES records.encounters (tenant_id, id),
  CONSTRAINT documents_dedupe_length CHECK (octet_length(dedupe_key) BETWEEN 16 AND 32),
  CONSTRAINT documents_error_reason CHECK (entered_in_error_reason IS NULL OR status = 'ENTERED_IN_ERROR'),
  CONSTRAINT documents_service_precision
    CHECK (kernel.is_precise(service_on, service_precision, service_at)),
  CONSTRAINT documents_content_uq UNIQUE (tenant_id, patient_id, sha256_hmac),
  CONSTRAINT documents_sizes CHECK (byte_size >= 0 AND page_count >= 0),
  CONSTRAINT documents_stored_sealed CHECK ((storage_key IS NULL) = (dek_wrapped IS NULL))
);
CREATE INDEX documents_repository_ix ON records.documents (tenant_id, repository_id);
CREATE INDEX documents_encounter_ix ON records.documents (tenant_id, encounter_id);
CREATE INDEX documents_dedupe_ix ON records.documents (tenant_id, patient_id, dedupe_key);
CREATE INDEX documents_chart_ix ON records.documents (tenant_id, patient_id, service_on DESC);
CREATE INDEX documents_status_ix ON records.documents (tenant_id, status, id);
COMMENT ON TABLE records.documents IS 'Documents of a patient: what they are and where their sealed content lies';
COMMENT ON COLUMN records.documents.repository_id IS
  'The source bundle the fact came with; "remove what that hospital sent" is one repository';
COMMENT ON COLUMN records.documents.recorded_at IS 'When the source wrote it down';
COMMENT ON COLUMN records.documents.verification IS 'Who vouches for it';
COMMENT ON COLUMN records.documents.sensitivity IS
  'Label that needs its own permission, such as PART2, HIV or MINOR; NULL: none';
COMMENT ON COLUMN records.documents.source_ref IS 'exchange.fhir_resources.id or the extracted item it was made from';
COMMENT ON COLUMN records.documents.original_code IS 'The code as the source gave it, word for word';
COMMENT ON COLUMN records.documents.dedupe_key IS 'Keyed digest of what makes two rows the same fact';
COMMENT ON COLUMN records.documents.is_preferred IS 'The row shown when several sources tell of the same fact';
COMMENT ON COLUMN records.documents.type_code IS 'LOINC document ontology';
COMMENT ON COLUMN records.documents.mime_type IS 'As found by looking at the content';
COMMENT ON COLUMN records.documents.sha256_hmac IS
  'Keyed digest of the content: equal files are found, but nobody can confirm a guess';
COMMENT ON COLUMN records.documents.storage_key IS 'Where the sealed content lies; NULL: not held here';
COMMENT ON COLUMN records.documents.dek_wrapped IS 'The document''s own key, wrapped by the tenant''s';
COMMENT ON COLUMN records.documents.service_at IS 'The instant, when precision is MINUTE';
COMMENT ON CONSTRAINT documents_dedupe_length ON records.documents IS 'Must be 16 to 32 bytes';
COMMENT ON CONSTRAINT documents_error_reason ON records.documents IS
  'Only a record marked as entered in error says why';
COMMENT ON CONSTRAINT documents_service_precision ON records.documents IS
  'A date comes with its precision; an unknown day or month is given as the first; to the minute it needs its time';
COMMENT ON CONSTRAINT documents_content_uq ON records.documents IS 'This patient has the same file already';
COMMENT ON CONSTRAINT documents_sizes ON records.documents IS 'Cannot be negative';
COMMENT ON CONSTRAINT documents_stored_sealed ON records.documents IS 'Stored content has its own key';
CALL kernel.protect('records.documents',
  subject => 'patient_id', class => 'C2', key_class => 'clinical', retention => 'medical_records');

CREATE TABLE records.immunizations (
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
  status                  records.immunization_status NOT NULL,
  code                    kernel.code,
  code_system             kernel.label,
  display                 kernel.label,
  cvx                     kernel.code,
  mvx                     kernel.code,
  ndc                     kernel.code,
  given_on                date                   NOT NULL,
  given_precision         records.date_precision NOT NULL,
  given_at                timestamptz,
  dose_value              numeric,
  dose_unit               kernel.code,
  dose_number             kernel.code,
  lot                     kernel.sealed_text,
  lot_bidx                kernel.blind_index,
  expires_on              date,
  site_code               kernel.code,
  route_code              kernel.code,
  information_source      kernel.code,
  completion              records.immunization_completion NOT NULL DEFAULT 'CP',
  refusal_code            kernel.code,
  funding_code            kernel.code,
  vis                     jsonb                  NOT NULL DEFAULT '[]',
  dose_condition          records.dose_condition,
  administering_org       kernel.label,
  performer_id            uuid,
  document_id             uuid,
  registry_state          records.registry_state NOT NULL DEFAULT 'NOT_SENT',
  CONSTRAINT immunizations_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT immunizations_patient_fk FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT immunizations_repository_fk
    FOREIGN KEY (tenant_id, repository_id) REFERENCES medical.patient_repositories (tenant_id, id),
  CONSTRAINT immunizations_encounter_fk
    FOREIGN KEY (tenant_id, encounter_id) REFERENCES records.encounters (tenant_id, id),
  CONSTRAINT immunizations_dedupe_length CHECK (octet_length(dedupe_key) BETWEEN 16 AND 32),
  CONSTRAINT immunizations_error_reason CHECK (entered_in_error_reason IS NULL OR status = 'ENTERED_IN_ERROR'),
  CONSTRAINT immunizations_given_precision
    CHECK (kernel.is_precise(given_on, given_precision, given_at)),
  CONSTRAINT immunizations_performer_fk
    FOREIGN KEY (tenant_id, performer_id) REFERENCES medical.providers (tenant_id, id),
  CONSTRAINT immunizations_document_fk
    FOREIGN KEY (tenant_id, document_id) REFERENCES records.documents (tenant_id, id),
  CONSTRAINT immunizations_coded CHECK (code IS NOT NULL OR cvx IS NOT NULL OR original_display IS NOT NULL),
  CONSTRAINT immunizations_cvx_form CHECK (cvx ~ '^[0-9]{1,3}$'),
  CONSTRAINT immunizations_source_form CHECK (information_source ~ '^0[0-8]$'),
  CONSTRAINT immunizations_vis_array CHECK (jsonb_typeof(vis) = 'array')
);
CREATE INDEX immunizations_repository_ix ON records.immunizations (tenant_id, repository_id);
CREATE INDEX immunizations_encounter_ix ON records.immunizations (tenant_id, encounter_id);
CREATE INDEX immunizations_dedupe_ix ON records.immunizations (tenant_id, patient_id, dedupe_key);
CREATE INDEX immunizations_performer_ix ON records.immunizations (tenant_id, performer_id);
CREATE INDEX immunizations_document_ix ON records.immunizations (tenant_id, document_id);
CREATE UNIQUE INDEX immunizations_dose_uq ON records.immunizations (tenant_id, patient_id, cvx, given_on, lot_bidx)
  NULLS NOT DISTINCT
  WHERE status = 'COMPLETED' AND is_preferred AND cvx IS NOT NULL;
CREATE INDEX immunizations_chart_ix ON records.immunizations (tenant_id, patient_id, given_on DESC);
CREATE INDEX immunizations_day_ix ON records.immunizations (tenant_id, given_on);
COMMENT ON TABLE records.immunizations IS 'Doses given, refused or reported';
COMMENT ON COLUMN records.immunizations.repository_id IS
  'The source bundle the fact came with; "remove what that hospital sent" is one repository';
COMMENT ON COLUMN records.immunizations.recorded_at IS 'When the source wrote it down';
COMMENT ON COLUMN records.immunizations.verification IS 'Who vouches for it';
COMMENT ON COLUMN records.immunizations.sensitivity IS
  'Label that needs its own permission, such as PART2, HIV or MINOR; NULL: none';
COMMENT ON COLUMN records.immunizations.source_ref IS
  'exchange.fhir_resources.id or the extracted item it was made from';
COMMENT ON COLUMN records.immunizations.original_code IS 'The code as the source gave it, word for word';
COMMENT ON COLUMN records.immunizations.dedupe_key IS 'Keyed digest of what makes two rows the same fact';
COMMENT ON COLUMN records.immunizations.is_preferred IS 'The row shown when several sources tell of the same fact';
COMMENT ON COLUMN records.immunizations.code_system IS 'CVX or the address of the code system';
COMMENT ON COLUMN records.immunizations.cvx IS 'CVX code the code stands for; without one a dose counts in no forecast';
COMMENT ON COLUMN records.immunizations.mvx IS 'Manufacturer';
COMMENT ON COLUMN records.immunizations.given_at IS 'The instant, when precision is MINUTE';
COMMENT ON COLUMN records.immunizations.dose_unit IS 'UCUM';
COMMENT ON COLUMN records.immunizations.dose_number IS 'As the source counts it';
COMMENT ON COLUMN records.immunizations.site_code IS 'HL7 table 0163';
COMMENT ON COLUMN records.immunizations.information_source IS 'NIP001: 00 new, 01 to 08 historical';
COMMENT ON COLUMN records.immunizations.refusal_code IS 'NIP002';
COMMENT ON COLUMN records.immunizations.funding_code IS 'Eligibility V01 to V08';
COMMENT ON COLUMN records.immunizations.vis IS 'Information sheets handed out: [{type, edition_on, given_on}]';
COMMENT ON COLUMN records.immunizations.dose_condition IS 'NULL: the dose counts';
COMMENT ON COLUMN records.immunizations.document_id IS 'The card or letter that proves it';
COMMENT ON CONSTRAINT immunizations_dedupe_length ON records.immunizations IS 'Must be 16 to 32 bytes';
COMMENT ON CONSTRAINT immunizations_error_reason ON records.immunizations IS
  'Only a record marked as entered in error says why';
COMMENT ON CONSTRAINT immunizations_given_precision ON records.immunizations IS
  'A date comes with its precision; an unknown day or month is given as the first; to the minute it needs its time';
COMMENT ON CONSTRAINT immunizations_coded ON records.immunizations IS 'Needs a vaccine code';
COMMENT ON CONSTRAINT immunizations_cvx_form ON records.immunizations IS 'A CVX code has 1 to 3 digits';
COMMENT ON CONSTRAINT immunizations_source_form ON records.immunizations IS 'Must be 00 to 08';
COMMENT ON CONSTRAINT immunizations_vis_array ON records.immunizations IS 'Must be a list of information sheets';
COMMENT ON INDEX records.immunizations_dose_uq IS 'This dose is on record already';
CALL kernel.protect('records.immunizations',
  subject => 'patient_id', class => 'C2', key_class => 'clinical', retention => 'medical_records');
CALL kernel.classify('records.immunizations', 'lot', search => 'exact', phi => 'other_id');

CREATE TABLE records.vital_signs (
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
  code                    kernel.code            NOT NULL,
  code_system             kernel.label           NOT NULL DEFAULT 'http://loinc.org',
  display                 kernel.label,
  value                   numeric,
  unit                    kernel.code,
  components              jsonb,
  absent_reason_code      kernel.code,
  interpretation          kernel.code,
  method_code             kernel.code,
  position_code           kernel.code,
  body_site_code          kernel.code,
  device                  kernel.label,
  measured_on             date                   NOT NULL,
  measured_precision      records.date_precision NOT NULL,
  measured_at             timestamptz,
  percentile              numeric,
  z_score                 numeric,
  plausibility            records.plausibility   NOT NULL DEFAULT 'OK',
  CONSTRAINT vital_signs_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT vital_signs_patient_fk FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT vital_signs_repository_fk
    FOREIGN KEY (tenant_id, repository_id) REFERENCES medical.patient_repositories (tenant_id, id),
  CONSTRAINT vital_signs_encounter_fk
    FOREIGN KEY (tenant_id, encounter_id) REFERENCES records.encounters (tenant_id, id),
  CONSTRAINT vital_signs_dedupe_length CHECK (octet_length(dedupe_key) BETWEEN 16 AND 32),
  CONSTRAINT vital_signs_error_reason CHECK (entered_in_error_reason IS NULL OR status = 'ENTERED_IN_ERROR'),
  CONSTRAINT vital_signs_measured_precision
    CHECK (kernel.is_precise(measured_on, measured_precision, measured_at)),
  CONSTRAINT vital_signs_components_array CHECK (jsonb_typeof(components) = 'array'),
  CONSTRAINT vital_signs_percentile CHECK (percentile BETWEEN 0 AND 100)
);
CREATE INDEX vital_signs_repository_ix ON records.vital_signs (tenant_id, repository_id);
CREATE INDEX vital_signs_encounter_ix ON records.vital_signs (tenant_id, encounter_id);
CREATE INDEX vital_signs_dedupe_ix ON records.vital_signs (tenant_id, patient_id, dedupe_key);
CREATE INDEX vital_signs_chart_ix ON records.vital_signs (tenant_id, patient_id, measured_on DESC);
CREATE INDEX vital_signs_series_ix ON records.vital_signs (tenant_id, patient_id, code, measured_on DESC);
COMMENT ON TABLE records.vital_signs IS 'Measurements of the body, canonical units beside what was measured';
COMMENT ON COLUMN records.vital_signs.repository_id IS
  'The source bundle the fact came with; "remove what that hospital sent" is one repository';
COMMENT ON COLUMN records.vital_signs.recorded_at IS 'When the source wrote it down';
COMMENT ON COLUMN records.vital_signs.verification IS 'Who vouches for it';
COMMENT ON COLUMN records.vital_signs.sensitivity IS
  'Label that needs its own permission, such as PART2, HIV or MINOR; NULL: none';
COMMENT ON COLUMN records.vital_signs.source_ref IS 'exchange.fhir_resources.id or the extracted item it was made from';
COMMENT ON COLUMN records.vital_signs.original_code IS 'The code as the source gave it, word for word';
COMMENT ON COLUMN records.vital_signs.dedupe_key IS 'Keyed digest of what makes two rows the same fact';
COMMENT ON COLUMN records.vital_signs.is_preferred IS 'The row shown when several sources tell of the same fact';
COMMENT ON COLUMN records.vital_signs.code IS 'LOINC, such as 8867-4 heart rate';
COMMENT ON COLUMN records.vital_signs.value IS 'NULL for a panel, whose values are its components';
COMMENT ON COLUMN records.vital_signs.unit IS 'UCUM';
COMMENT ON COLUMN records.vital_signs.components IS
  'Parts of a panel such as blood pressure: [{code, display, value, unit}]';
COMMENT ON COLUMN records.vital_signs.absent_reason_code IS 'Why there is no value (FHIR data-absent-reason)';
COMMENT ON COLUMN records.vital_signs.interpretation IS 'HL7 table 0078';
COMMENT ON COLUMN records.vital_signs.position_code IS 'Lying, sitting, standing';
COMMENT ON COLUMN records.vital_signs.device IS 'Kind of device, no serial number';
COMMENT ON COLUMN records.vital_signs.measured_at IS 'The instant, when precision is MINUTE';
COMMENT ON COLUMN records.vital_signs.percentile IS 'Of the growth reference, 0 to 100';
COMMENT ON CONSTRAINT vital_signs_dedupe_length ON records.vital_signs IS 'Must be 16 to 32 bytes';
COMMENT ON CONSTRAINT vital_signs_error_reason ON records.vital_signs IS
  'Only a record marked as entered in error says why';
COMMENT ON CONSTRAINT vital_signs_measured_precision ON records.vital_signs IS
  'A date comes with its precision; an unknown day or month is given as the first; to the minute it needs its time';
COMMENT ON CONSTRAINT vital_signs_components_array ON records.vital_signs IS 'Must be a list of components';
COMMENT ON CONSTRAINT vital_signs_percentile ON records.vital_signs IS 'Must be 0 to 100';
CALL kernel.protect('records.vital_signs',
  subject => 'patient_id', class => 'C2', key_class => 'clinical', retention => 'medical_records');

CREATE TABLE records.lab_reports (
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
  status                  records.result_status  NOT NULL,
  code                    kernel.code,
  code_system             kernel.label,
  display                 kernel.label,
  category_code           kernel.code,
  accession               kernel.sealed_text,
  accession_bidx          kernel.blind_index,
  collected_on            date,
  collected_precision     records.date_precision,
  collected_at            timestamptz,
  issued_at               timestamptz,
  performing_lab          kernel.label,
  conclusion              kernel.sealed_text,
  result_count            int                    NOT NULL DEFAULT 0,
  document_id             uuid,
  CONSTRAINT lab_reports_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT lab_reports_patient_fk FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT lab_reports_repository_fk
    FOREIGN KEY (tenant_id, repository_id) REFERENCES medical.patient_repositories (tenant_id, id),
  CONSTRAINT lab_reports_encounter_fk
    FOREIGN KEY (tenant_id, encounter_id) REFERENCES records.encounters (tenant_id, id),
  CONSTRAINT lab_reports_dedupe_length CHECK (octet_length(dedupe_key) BETWEEN 16 AND 32),
  CONSTRAINT lab_reports_error_reason CHECK (entered_in_error_reason IS NULL OR status = 'ENTERED_IN_ERROR'),
  CONSTRAINT lab_reports_collected_precision
    CHECK (kernel.is_precise(collected_on, collected_precision, collected_at)),
  CONSTRAINT lab_reports_document_fk FOREIGN KEY (tenant_id, document_id) REFERENCES records.documents (tenant_id, id),
  CONSTRAINT lab_reports_result_count CHECK (result_count >= 0)
);
CREATE INDEX lab_reports_repository_ix ON records.lab_reports (tenant_id, repository_id);
CREATE INDEX lab_reports_encounter_ix ON records.lab_reports (tenant_id, encounter_id);
CREATE INDEX lab_reports_dedupe_ix ON records.lab_reports (tenant_id, patient_id, dedupe_key);
CREATE INDEX lab_reports_document_ix ON records.lab_reports (tenant_id, document_id);
CREATE INDEX lab_reports_chart_ix ON records.lab_reports (tenant_id, patient_id, collected_on DESC);
CREATE INDEX lab_reports_accession_ix ON records.lab_reports (tenant_id, accession_bidx);
COMMENT ON TABLE records.lab_reports IS 'Reports that hold laboratory and other diagnostic results together';
COMMENT ON COLUMN records.lab_reports.repository_id IS
  'The source bundle the fact came with; "remove what that hospital sent" is one repository';
COMMENT ON COLUMN records.lab_reports.recorded_at IS 'When the source wrote it down';
COMMENT ON COLUMN records.lab_reports.verification IS 'Who vouches for it';
COMMENT ON COLUMN records.lab_reports.sensitivity IS
  'Label that needs its own permission, such as PART2, HIV or MINOR; NULL: none';
COMMENT ON COLUMN records.lab_reports.source_ref IS 'exchange.fhir_resources.id or the extracted item it was made from';
COMMENT ON COLUMN records.lab_reports.original_code IS 'The code as the source gave it, word for word';
COMMENT ON COLUMN records.lab_reports.dedupe_key IS 'Keyed digest of what makes two rows the same fact';
COMMENT ON COLUMN records.lab_reports.is_preferred IS 'The row shown when several sources tell of the same fact';
COMMENT ON COLUMN records.lab_reports.code IS 'LOINC of the panel';
COMMENT ON COLUMN records.lab_reports.category_code IS 'HL7 table 0074: LAB, RAD, …';
COMMENT ON COLUMN records.lab_reports.accession IS 'The laboratory''s number of the order';
COMMENT ON COLUMN records.lab_reports.collected_at IS 'The instant, when precision is MINUTE';
COMMENT ON CONSTRAINT lab_reports_dedupe_length ON records.lab_reports IS 'Must be 16 to 32 bytes';
COMMENT ON CONSTRAINT lab_reports_error_reason ON records.lab_reports IS
  'Only a record marked as entered in error says why';
COMMENT ON CONSTRAINT lab_reports_collected_precision ON records.lab_reports IS
  'A date comes with its precision; an unknown day or month is given as the first; to the minute it needs its time';
COMMENT ON CONSTRAINT lab_reports_result_count ON records.lab_reports IS 'Cannot be negative';
CALL kernel.protect('records.lab_reports',
  subject => 'patient_id', class => 'C2', key_class => 'clinical', retention => 'medical_records');
CALL kernel.classify('records.lab_reports', 'accession', search => 'exact', phi => 'other_id');

CREATE TABLE records.lab_results (
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
  status                  records.result_status  NOT NULL,
  report_id               uuid,
  replaces_id             uuid,
  code                    kernel.code,
  code_system             kernel.label,
  display                 kernel.label,
  category_code           kernel.code,
  value_kind              records.value_kind     NOT NULL,
  comparator              records.comparator,
  value_num               numeric,
  value_num2              numeric,
  value_text              kernel.sealed_text,
  value_code              kernel.code,
  value_system            kernel.label,
  value_display           kernel.label,
  absent_reason_code      kernel.code,
  unit_original           kernel.label,
  unit_ucum               kernel.code,
  canonical_value         numeric,
  canonical_unit          kernel.code,
  ref_low                 numeric,
  ref_high                numeric,
  ref_text                kernel.prose,
  interpretation          kernel.code,
  local_interpretation    kernel.code,
  components              jsonb,
  specimen_code           kernel.code,
  specimen_display        kernel.label,
  collected_on            date,
  collected_precision     records.date_precision,
  collected_at            timestamptz,
  resulted_at             timestamptz,
  performing_lab          kernel.label,
  fasting                 boolean,
  CONSTRAINT lab_results_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT lab_results_patient_fk FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT lab_results_repository_fk
    FOREIGN KEY (tenant_id, repository_id) REFERENCES medical.patient_repositories (tenant_id, id),
  CONSTRAINT lab_results_encounter_fk
    FOREIGN KEY (tenant_id, encounter_id) REFERENCES records.encounters (tenant_id, id),
  CONSTRAINT lab_results_dedupe_length CHECK (octet_length(dedupe_key) BETWEEN 16 AND 32),
  CONSTRAINT lab_results_error_reason CHECK (entered_in_error_reason IS NULL OR status = 'ENTERED_IN_ERROR'),
  CONSTRAINT lab_results_collected_precision
    CHECK (kernel.is_precise(collected_on, collected_precision, collected_at)),
  CONSTRAINT lab_results_report_fk FOREIGN KEY (tenant_id, report_id) REFERENCES records.lab_reports (tenant_id, id),
  CONSTRAINT lab_results_replaces_fk
    FOREIGN KEY (tenant_id, replaces_id) REFERENCES records.lab_results (tenant_id, id),
  CONSTRAINT lab_results_coded CHECK (code IS NOT NULL OR note IS NOT NULL OR original_display IS NOT NULL),
  CONSTRAINT lab_results_number
    CHECK (value_kind NOT IN ('NUM', 'RANGE', 'RATIO', 'TITER') OR value_num IS NOT NULL OR value_num2 IS NOT
      NULL),
  CONSTRAINT lab_results_code_given
    CHECK (value_kind <> 'CODED' OR value_code IS NOT NULL OR value_display IS NOT NULL),
  CONSTRAINT lab_results_text_given CHECK (value_kind <> 'TEXT' OR value_text IS NOT NULL),
  CONSTRAINT lab_results_not_itself CHECK (replaces_id <> id),
  CONSTRAINT lab_results_components_array CHECK (jsonb_typeof(components) = 'array')
);
CREATE INDEX lab_results_repository_ix ON records.lab_results (tenant_id, repository_id);
CREATE INDEX lab_results_encounter_ix ON records.lab_results (tenant_id, encounter_id);
CREATE INDEX lab_results_dedupe_ix ON records.lab_results (tenant_id, patient_id, dedupe_key);
CREATE INDEX lab_results_report_ix ON records.lab_results (tenant_id, report_id);
CREATE INDEX lab_results_replaces_ix ON records.lab_results (tenant_id, replaces_id);
CREATE INDEX lab_results_chart_ix ON records.lab_results (tenant_id, patient_id, collected_on DESC);
CREATE INDEX lab_results_series_ix ON records.lab_results (tenant_id, patient_id, code, collected_on DESC);
CREATE INDEX lab_results_critical_ix ON records.lab_results (tenant_id, interpretation, collected_on DESC)
  WHERE interpretation IN ('LL', 'HH', 'AA');
COMMENT ON TABLE records.lab_results IS 'Laboratory results: as reported, and in canonical units';
COMMENT ON COLUMN records.lab_results.repository_id IS
  'The source bundle the fact came with; "remove what that hospital sent" is one repository';
COMMENT ON COLUMN records.lab_results.recorded_at IS 'When the source wrote it down';
COMMENT ON COLUMN records.lab_results.verification IS 'Who vouches for it';
COMMENT ON COLUMN records.lab_results.sensitivity IS
  'Label that needs its own permission, such as PART2, HIV or MINOR; NULL: none';
COMMENT ON COLUMN records.lab_results.source_ref IS 'exchange.fhir_resources.id or the extracted item it was made from';
COMMENT ON COLUMN records.lab_results.original_code IS 'The code as the source gave it, word for word';
COMMENT ON COLUMN records.lab_results.dedupe_key IS 'Keyed digest of what makes two rows the same fact';
COMMENT ON COLUMN records.lab_results.is_preferred IS 'The row shown when several sources tell of the same fact';
COMMENT ON COLUMN records.lab_results.replaces_id IS 'The earlier version this one amends or corrects';
COMMENT ON COLUMN records.lab_results.code IS 'LOINC';
COMMENT ON COLUMN records.lab_results.category_code IS 'FHIR observation-category: laboratory, …';
COMMENT ON COLUMN records.lab_results.value_num IS
  'The number; the low end of a RANGE, the upper part of a RATIO or TITER';
COMMENT ON COLUMN records.lab_results.value_num2 IS 'The high end of a RANGE, the lower part of a RATIO or TITER';
COMMENT ON COLUMN records.lab_results.unit_original IS
  'As reported; NULL: the source gave no unit, and none is guessed';
COMMENT ON COLUMN records.lab_results.canonical_unit IS 'UCUM';
COMMENT ON COLUMN records.lab_results.ref_low IS 'Range printed by the laboratory';
COMMENT ON COLUMN records.lab_results.interpretation IS 'HL7 table 0078, as reported';
COMMENT ON COLUMN records.lab_results.local_interpretation IS 'HL7 table 0078, by our reference ranges';
COMMENT ON COLUMN records.lab_results.components IS
  'Parts of a panel result, coded or numeric: [{code, display, value, unit}]';
COMMENT ON COLUMN records.lab_results.collected_at IS 'The instant, when precision is MINUTE';
COMMENT ON COLUMN records.lab_results.fasting IS 'NULL: not known';
COMMENT ON CONSTRAINT lab_results_dedupe_length ON records.lab_results IS 'Must be 16 to 32 bytes';
COMMENT ON CONSTRAINT lab_results_error_reason ON records.lab_results IS
  'Only a record marked as entered in error says why';
COMMENT ON CONSTRAINT lab_results_collected_precision ON records.lab_results IS
  'A date comes with its precision; an unknown day or month is given as the first; to the minute it needs its time';
COMMENT ON CONSTRAINT lab_results_coded ON records.lab_results IS 'Needs a code, or a note that says what it is';
COMMENT ON CONSTRAINT lab_results_number ON records.lab_results IS 'A number is missing';
COMMENT ON CONSTRAINT lab_results_code_given ON records.lab_results IS 'A coded result needs its code';
COMMENT ON CONSTRAINT lab_results_text_given ON records.lab_results IS 'A result in words needs its text';
COMMENT ON CONSTRAINT lab_results_not_itself ON records.lab_results IS 'A result cannot replace itself';
COMMENT ON CONSTRAINT lab_results_components_array ON records.lab_results IS 'Must be a list of components';
CALL kernel.protect('records.lab_results',
  subject => 'patient_id', class => 'C2', key_class => 'clinical', retention => 'medical_records');
