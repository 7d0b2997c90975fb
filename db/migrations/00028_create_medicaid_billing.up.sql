-- Whether Medicaid covers a student on a day, and what is billed to it.
CREATE DOMAIN school.claim_status AS text CONSTRAINT claim_status_values
  CHECK (VALUE IN (
    'DRAFT', 'VALIDATED', 'HELD', 'READY', 'SUBMITTED', 'REJECTED_999', 'REJECTED_277CA', 'ACCEPTED',
    'PENDED', 'PAID', 'PARTIALLY_PAID', 'DENIED', 'CORRECTED', 'APPEALED', 'VOIDED', 'WRITTEN_OFF'));
COMMENT ON DOMAIN school.claim_status IS 'Where a claim stands';
COMMENT ON CONSTRAINT claim_status_values ON DOMAIN school.claim_status IS
  'Must be DRAFT, VALIDATED, HELD, READY, SUBMITTED, REJECTED_999, REJECTED_277CA, ACCEPTED, PENDED, PAID, PARTIALLY_PAID, DENIED, CORRECTED, APPEALED, VOIDED or WRITTEN_OFF';
CREATE DOMAIN school.eligibility_check AS text CONSTRAINT eligibility_check_values
  CHECK (VALUE IN (
    'REALTIME_270', 'BATCH_270', 'PORTAL', 'MANUAL'));
COMMENT ON DOMAIN school.eligibility_check IS 'How coverage was asked for';
COMMENT ON CONSTRAINT eligibility_check_values ON DOMAIN school.eligibility_check IS
  'Must be REALTIME_270, BATCH_270, PORTAL or MANUAL';
CREATE DOMAIN school.eligibility_status AS text CONSTRAINT eligibility_status_values
  CHECK (VALUE IN (
    'ACTIVE', 'INACTIVE', 'NOT_FOUND', 'PENDING', 'ERROR'));
COMMENT ON DOMAIN school.eligibility_status IS 'What was answered';
COMMENT ON CONSTRAINT eligibility_status_values ON DOMAIN school.eligibility_status IS
  'Must be ACTIVE, INACTIVE, NOT_FOUND, PENDING or ERROR';

CREATE TABLE school.medicaid_eligibility (
  tenant_id        uuid                      NOT NULL DEFAULT kernel.tenant(),
  id               uuid                      NOT NULL,
  row_version      int                       NOT NULL DEFAULT 1,
  created_at       timestamptz               NOT NULL DEFAULT now(),
  updated_at       timestamptz               NOT NULL DEFAULT now(),
  created_by       uuid                      DEFAULT kernel.actor(),
  updated_by       uuid,
  student_id       uuid                      NOT NULL,
  payer_id         uuid,
  medicaid_id      kernel.sealed_text,
  medicaid_id_bidx kernel.blind_index,
  check_kind       school.eligibility_check  NOT NULL,
  request_ref      kernel.code,
  requested_at     timestamptz               NOT NULL DEFAULT now(),
  responded_at     timestamptz,
  service_date     date                      NOT NULL,
  status           school.eligibility_status NOT NULL DEFAULT 'PENDING',
  plan_name        kernel.label,
  aid_category     kernel.code,
  managed_care_org kernel.label,
  eligible_from    date,
  eligible_to      date,
  other_coverage   kernel.sealed_json,
  response_raw     kernel.sealed_text,
  eb_summary       jsonb                     NOT NULL DEFAULT '{}',
  aaa_codes        text[]                    NOT NULL DEFAULT '{}',
  next_check_on    date,
  CONSTRAINT medicaid_eligibility_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT medicaid_eligibility_student_fk
    FOREIGN KEY (tenant_id, student_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT medicaid_eligibility_payer_fk
    FOREIGN KEY (tenant_id, payer_id) REFERENCES auth.organizations (tenant_id, id),
  CONSTRAINT medicaid_eligibility_period CHECK (eligible_to >= eligible_from),
  CONSTRAINT medicaid_eligibility_answered CHECK (status = 'PENDING' OR responded_at IS NOT NULL)
);
CREATE INDEX medicaid_eligibility_payer_ix ON school.medicaid_eligibility (tenant_id, payer_id);
CREATE INDEX medicaid_eligibility_student_ix ON school.medicaid_eligibility (tenant_id, student_id, service_date DESC);
CREATE INDEX medicaid_eligibility_medicaid_ix ON school.medicaid_eligibility (tenant_id, medicaid_id_bidx);
COMMENT ON TABLE school.medicaid_eligibility IS 'Answers to whether Medicaid covers a student on a day';
COMMENT ON CONSTRAINT medicaid_eligibility_period ON school.medicaid_eligibility IS 'Cannot end before it begins';
COMMENT ON CONSTRAINT medicaid_eligibility_answered ON school.medicaid_eligibility IS 'An answer has its time';
CALL kernel.protect('school.medicaid_eligibility',
  subject => 'student_id', class => 'C2', key_class => 'claims', retention => 'billing');
CALL kernel.classify('school.medicaid_eligibility', 'medicaid_id', class => 'C4', search => 'identifier', phi => 'health_plan');

CREATE TABLE school.billing_claims (
  tenant_id            uuid                NOT NULL DEFAULT kernel.tenant(),
  id                   uuid                NOT NULL,
  row_version          int                 NOT NULL DEFAULT 1,
  created_at           timestamptz         NOT NULL DEFAULT now(),
  updated_at           timestamptz         NOT NULL DEFAULT now(),
  created_by           uuid                DEFAULT kernel.actor(),
  updated_by           uuid,
  claim_number         kernel.code         NOT NULL,
  student_id           uuid                NOT NULL,
  payer_id             uuid,
  service_from         date                NOT NULL,
  service_to           date                NOT NULL,
  billing_npi          kernel.code         NOT NULL,
  rendering_npi        kernel.code,
  referring_npi        kernel.code,
  place_of_service     kernel.code         NOT NULL DEFAULT '03',
  diagnosis_codes      text[]              NOT NULL DEFAULT '{}',
  lines                jsonb               NOT NULL DEFAULT '[]',
  total_charge_minor   bigint              NOT NULL DEFAULT 0,
  currency             kernel.currency     NOT NULL DEFAULT 'USD',
  status               school.claim_status NOT NULL DEFAULT 'DRAFT',
  frequency_code       kernel.code         NOT NULL DEFAULT '1',
  original_ref         kernel.code,
  submitted_at         timestamptz,
  payer_control_number kernel.code,
  ack                  jsonb,
  adjudication         jsonb,
  paid_amount_minor    bigint,
  paid_on              date,
  era_trace            kernel.code,
  denial_reason        kernel.code,
  timely_filing_limit  date,
  batch_id             uuid,
  plan_of_care_id      uuid,
  consent_id           uuid                NOT NULL,
  CONSTRAINT billing_claims_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT billing_claims_student_fk FOREIGN KEY (tenant_id, student_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT billing_claims_payer_fk FOREIGN KEY (tenant_id, payer_id) REFERENCES auth.organizations (tenant_id, id),
  CONSTRAINT billing_claims_number_uq UNIQUE (tenant_id, claim_number),
  CONSTRAINT billing_claims_period CHECK (service_to >= service_from),
  CONSTRAINT billing_claims_amounts CHECK (total_charge_minor >= 0 AND paid_amount_minor >= 0),
  CONSTRAINT billing_claims_frequency
    CHECK (frequency_code IN ('1', '7', '8') AND (frequency_code = '1') = (original_ref IS NULL)),
  CONSTRAINT billing_claims_npi_form
    CHECK (billing_npi ~ '^[0-9]{10}$' AND rendering_npi ~ '^[0-9]{10}$' AND referring_npi ~ '^[0-9]{10}$'),
  CONSTRAINT billing_claims_diagnoses CHECK (cardinality(diagnosis_codes) <= 12),
  CONSTRAINT billing_claims_lines_array CHECK (jsonb_typeof(lines) = 'array')
);
CREATE INDEX billing_claims_payer_ix ON school.billing_claims (tenant_id, payer_id);
CREATE INDEX billing_claims_status_ix ON school.billing_claims (tenant_id, status, service_from);
CREATE INDEX billing_claims_student_ix ON school.billing_claims (tenant_id, student_id, service_from DESC);
COMMENT ON TABLE school.billing_claims IS 'Claims to Medicaid for services at school';
COMMENT ON COLUMN school.billing_claims.place_of_service IS '03: school';
COMMENT ON COLUMN school.billing_claims.diagnosis_codes IS 'ICD-10-CM, 1 to 12';
COMMENT ON COLUMN school.billing_claims.lines IS
  '[{line_no, service_encounter_id, hcpcs, modifiers, units, minutes, charge_minor, pointer, rendering}]';
COMMENT ON COLUMN school.billing_claims.frequency_code IS '1 original, 7 replacement, 8 void';
COMMENT ON COLUMN school.billing_claims.adjudication IS 'CARC and RARC, allowed and paid';
COMMENT ON COLUMN school.billing_claims.consent_id IS 'The consent to bill under IDEA; without one nothing is billed';
COMMENT ON CONSTRAINT billing_claims_number_uq ON school.billing_claims IS 'This claim number was given already';
COMMENT ON CONSTRAINT billing_claims_period ON school.billing_claims IS 'Cannot end before it begins';
COMMENT ON CONSTRAINT billing_claims_amounts ON school.billing_claims IS 'Amounts are not negative';
COMMENT ON CONSTRAINT billing_claims_frequency ON school.billing_claims IS
  'Must be 1, or 7 or 8 with the number of the original';
COMMENT ON CONSTRAINT billing_claims_npi_form ON school.billing_claims IS 'An NPI has 10 digits';
COMMENT ON CONSTRAINT billing_claims_diagnoses ON school.billing_claims IS 'A claim has at most 12 diagnoses';
COMMENT ON CONSTRAINT billing_claims_lines_array ON school.billing_claims IS 'Must be a list of lines';
CALL kernel.protect('school.billing_claims',
  subject => 'student_id', class => 'C2', key_class => 'claims', retention => 'billing');
