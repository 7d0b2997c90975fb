-- Who was told what of a record, why, and by which way: 45 CFR 164.528 and 34 CFR 99.32.
CREATE DOMAIN compliance.disclosure_type AS text CONSTRAINT disclosure_type_values
  CHECK (VALUE IN (
    'ELECTRONIC_TRANSMISSION', 'PAPER', 'VERBAL', 'FAX', 'PORTAL_ACCESS', 'BULK_EXPORT',
    'SUBPOENA_RESPONSE'));
COMMENT ON DOMAIN compliance.disclosure_type IS 'How the record went';
COMMENT ON CONSTRAINT disclosure_type_values ON DOMAIN compliance.disclosure_type IS
  'Must be ELECTRONIC_TRANSMISSION, PAPER, VERBAL, FAX, PORTAL_ACCESS, BULK_EXPORT or SUBPOENA_RESPONSE';
CREATE DOMAIN compliance.disclosure_purpose AS text CONSTRAINT disclosure_purpose_values
  CHECK (VALUE IN (
    'TREATMENT', 'PAYMENT', 'OPERATIONS', 'PUBLIC_HEALTH', 'LAW_ENFORCEMENT', 'JUDICIAL',
    'HEALTH_OVERSIGHT', 'RESEARCH', 'ABUSE_REPORT', 'WORKERS_COMP', 'ORGAN_DONATION', 'CORONER',
    'NATIONAL_SECURITY', 'EMERGENCY', 'SCHOOL_IMMUNIZATION_PROOF', 'PATIENT_AUTHORIZATION',
    'REQUIRED_BY_LAW', 'FERPA_CONSENT', 'FERPA_EXCEPTION', 'OTHER'));
COMMENT ON DOMAIN compliance.disclosure_purpose IS 'Why it was disclosed';
COMMENT ON CONSTRAINT disclosure_purpose_values ON DOMAIN compliance.disclosure_purpose IS
  'Must be TREATMENT, PAYMENT, OPERATIONS, PUBLIC_HEALTH, LAW_ENFORCEMENT, JUDICIAL, HEALTH_OVERSIGHT, RESEARCH, ABUSE_REPORT, WORKERS_COMP, ORGAN_DONATION, CORONER, NATIONAL_SECURITY, EMERGENCY, SCHOOL_IMMUNIZATION_PROOF, PATIENT_AUTHORIZATION, REQUIRED_BY_LAW, FERPA_CONSENT, FERPA_EXCEPTION or OTHER';
CREATE DOMAIN compliance.disclosure_method AS text CONSTRAINT disclosure_method_values
  CHECK (VALUE IN (
    'FAX', 'MAIL', 'EMAIL_SECURE', 'API', 'HL7', 'IN_PERSON', 'PHONE', 'PORTAL', 'PHYSICAL_MEDIA',
    'SFTP'));
COMMENT ON DOMAIN compliance.disclosure_method IS 'By which way it went';
COMMENT ON CONSTRAINT disclosure_method_values ON DOMAIN compliance.disclosure_method IS
  'Must be FAX, MAIL, EMAIL_SECURE, API, HL7, IN_PERSON, PHONE, PORTAL, PHYSICAL_MEDIA or SFTP';
CREATE DOMAIN compliance.recipient_type AS text CONSTRAINT recipient_type_values
  CHECK (VALUE IN (
    'PROVIDER', 'HEALTH_PLAN', 'PUBLIC_HEALTH_AUTHORITY', 'LAW_ENFORCEMENT', 'COURT', 'ATTORNEY',
    'SCHOOL', 'RESEARCHER', 'FAMILY', 'EMPLOYER', 'GOVERNMENT', 'BUSINESS_ASSOCIATE', 'PATIENT', 'OTHER'));
COMMENT ON DOMAIN compliance.recipient_type IS 'What the recipient is';
COMMENT ON CONSTRAINT recipient_type_values ON DOMAIN compliance.recipient_type IS
  'Must be PROVIDER, HEALTH_PLAN, PUBLIC_HEALTH_AUTHORITY, LAW_ENFORCEMENT, COURT, ATTORNEY, SCHOOL, RESEARCHER, FAMILY, EMPLOYER, GOVERNMENT, BUSINESS_ASSOCIATE, PATIENT or OTHER';
CREATE DOMAIN compliance.disclosure_status AS text CONSTRAINT disclosure_status_values
  CHECK (VALUE IN (
    'RECORDED', 'AMENDED', 'VOIDED'));
COMMENT ON DOMAIN compliance.disclosure_status IS 'VOIDED rows stay, with their reason in the trail';
COMMENT ON CONSTRAINT disclosure_status_values ON DOMAIN compliance.disclosure_status IS
  'Must be RECORDED, AMENDED or VOIDED';

CREATE TABLE compliance.phi_disclosures (
  tenant_id              uuid                      NOT NULL DEFAULT kernel.tenant(),
  id                     uuid                      NOT NULL,
  row_version            int                       NOT NULL DEFAULT 1,
  created_at             timestamptz               NOT NULL DEFAULT now(),
  updated_at             timestamptz               NOT NULL DEFAULT now(),
  created_by             uuid                      DEFAULT kernel.actor(),
  updated_by             uuid,
  number                 kernel.code               NOT NULL,
  patient_id             uuid                      NOT NULL,
  disclosed_at           timestamptz               NOT NULL,
  disclosure_type        compliance.disclosure_type NOT NULL,
  purpose                compliance.disclosure_purpose NOT NULL,
  method                 compliance.disclosure_method NOT NULL,
  recipient_type         compliance.recipient_type NOT NULL,
  recipient_name         kernel.sealed_text        NOT NULL,
  recipient_address      kernel.sealed_text,
  recipient_contact      kernel.sealed_text,
  information_types      text[]                    NOT NULL DEFAULT '{}',
  description            kernel.sealed_text        NOT NULL,
  minimum_necessary_note kernel.sealed_text,
  legal_basis            kernel.code,
  authorization_id       uuid,
  document_ids           text[],
  is_accountable         boolean                   NOT NULL DEFAULT true,
  accountable_reason     kernel.code,
  series_id              uuid,
  series_count           int,
  series_last_at         timestamptz,
  suspended_until        date,
  suspension_agency      kernel.label,
  follow_up_required     boolean                   NOT NULL DEFAULT false,
  follow_up_due_on       date,
  follow_up_done_at      timestamptz,
  regime                 medical.record_regime     NOT NULL DEFAULT 'HIPAA',
  status                 compliance.disclosure_status NOT NULL DEFAULT 'RECORDED',
  recorded_by            uuid,
  retention_until        date                      NOT NULL,
  CONSTRAINT phi_disclosures_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT phi_disclosures_patient_fk FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT phi_disclosures_recorded_by_fk FOREIGN KEY (tenant_id, recorded_by) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT phi_disclosures_follow_up CHECK (NOT follow_up_required OR follow_up_due_on IS NOT NULL),
  CONSTRAINT phi_disclosures_series CHECK (series_count >= 1),
  CONSTRAINT phi_disclosures_basis
    CHECK (purpose NOT IN ('LAW_ENFORCEMENT', 'JUDICIAL', 'FERPA_EXCEPTION') OR legal_basis IS NOT NULL)
);
CREATE INDEX phi_disclosures_recorded_by_ix ON compliance.phi_disclosures (tenant_id, recorded_by);
CREATE INDEX phi_disclosures_patient_ix ON compliance.phi_disclosures (tenant_id, patient_id, disclosed_at DESC);
CREATE INDEX phi_disclosures_purpose_ix ON compliance.phi_disclosures (tenant_id, purpose, disclosed_at);
CREATE INDEX phi_disclosures_recipient_ix ON compliance.phi_disclosures (tenant_id, recipient_type, disclosed_at);
CREATE INDEX phi_disclosures_type_ix ON compliance.phi_disclosures (tenant_id, disclosure_type);
CREATE INDEX phi_disclosures_follow_up_ix ON compliance.phi_disclosures (tenant_id, follow_up_due_on)
  WHERE follow_up_required AND follow_up_done_at IS NULL;
CREATE INDEX phi_disclosures_retention_ix ON compliance.phi_disclosures (tenant_id, retention_until)
  WHERE status <> 'VOIDED';
CREATE INDEX phi_disclosures_series_ix ON compliance.phi_disclosures (tenant_id, series_id, disclosed_at);
CREATE INDEX phi_disclosures_accountable_ix ON compliance.phi_disclosures (tenant_id, patient_id, disclosed_at)
  WHERE is_accountable;
CREATE UNIQUE INDEX phi_disclosures_number_uq ON compliance.phi_disclosures (tenant_id, number);
COMMENT ON TABLE compliance.phi_disclosures IS
  'Disclosures of protected health information and of education records, each as it happened';
COMMENT ON COLUMN compliance.phi_disclosures.number IS 'Running number of the year in this tenant';
COMMENT ON COLUMN compliance.phi_disclosures.information_types IS 'Kinds of information, as codes';
COMMENT ON COLUMN compliance.phi_disclosures.description IS 'What was disclosed, in brief';
COMMENT ON COLUMN compliance.phi_disclosures.authorization_id IS 'The consent or authorization it rests on';
COMMENT ON COLUMN compliance.phi_disclosures.document_ids IS 'records.documents that went with it';
COMMENT ON COLUMN compliance.phi_disclosures.is_accountable IS
  'Whether it stands in the patient''s accounting (45 CFR 164.528(a)(1))';
COMMENT ON COLUMN compliance.phi_disclosures.series_id IS 'Disclosures to one recipient for one purpose share it';
COMMENT ON COLUMN compliance.phi_disclosures.suspended_until IS
  'Left out of accountings until then at an agency''s request (164.528(a)(2))';
COMMENT ON CONSTRAINT phi_disclosures_follow_up ON compliance.phi_disclosures IS
  'A follow-up has a day by which it is due';
COMMENT ON CONSTRAINT phi_disclosures_series ON compliance.phi_disclosures IS 'A series has at least one disclosure';
COMMENT ON CONSTRAINT phi_disclosures_basis ON compliance.phi_disclosures IS 'This purpose needs a legal basis';
COMMENT ON INDEX compliance.phi_disclosures_follow_up_ix IS 'What is to be followed up';
COMMENT ON INDEX compliance.phi_disclosures_retention_ix IS 'What reaches the end of its keeping';
COMMENT ON INDEX compliance.phi_disclosures_accountable_ix IS 'What an accounting lists';
COMMENT ON INDEX compliance.phi_disclosures_number_uq IS 'This number was given already';
CALL kernel.protect('compliance.phi_disclosures',
  subject => 'patient_id', class => 'C2', key_class => 'audit', retention => 'disclosures');
CALL kernel.classify('compliance.phi_disclosures', 'recipient_name', phi => 'name');
CALL kernel.classify('compliance.phi_disclosures', 'recipient_address', phi => 'address');

CREATE TABLE compliance.phi_disclosure_audit (
  tenant_id     uuid               NOT NULL DEFAULT kernel.tenant(),
  id            uuid               NOT NULL,
  created_at    timestamptz        NOT NULL DEFAULT now(),
  created_by    uuid               DEFAULT kernel.actor(),
  disclosure_id uuid               NOT NULL,
  action        kernel.code        NOT NULL,
  before        kernel.sealed_json,
  after         kernel.sealed_json,
  actor_id      uuid,
  at            timestamptz        NOT NULL DEFAULT now(),
  hash          bytea,
  prev_hash     bytea,
  CONSTRAINT phi_disclosure_audit_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT phi_disclosure_audit_actor_fk FOREIGN KEY (tenant_id, actor_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT phi_disclosure_audit_hash_length CHECK (octet_length(hash) = 32 AND octet_length(prev_hash) = 32)
);
CREATE INDEX phi_disclosure_audit_disclosure_ix ON compliance.phi_disclosure_audit (tenant_id, disclosure_id, at);
CREATE INDEX phi_disclosure_audit_actor_ix ON compliance.phi_disclosure_audit (tenant_id, actor_id, at);
COMMENT ON TABLE compliance.phi_disclosure_audit IS
  'What was done to each disclosure; written once. It outlives the disclosure, so it names it without a reference';
COMMENT ON COLUMN compliance.phi_disclosure_audit.disclosure_id IS 'compliance.phi_disclosures.id';
COMMENT ON COLUMN compliance.phi_disclosure_audit.hash IS 'SHA-256 over the hash before it and this row';
COMMENT ON CONSTRAINT phi_disclosure_audit_hash_length ON compliance.phi_disclosure_audit IS 'Must be a SHA-256';
CALL kernel.protect('compliance.phi_disclosure_audit',
  class => 'C2', key_class => 'audit', retention => 'disclosures', append_only => true);
