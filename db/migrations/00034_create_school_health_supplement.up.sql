-- What the features above cannot work without: medication, requirements, accountings, verification runs.
CREATE DOMAIN school.medication_outcome AS text CONSTRAINT medication_outcome_values
  CHECK (VALUE IN (
    'GIVEN', 'REFUSED', 'ABSENT', 'HELD', 'NOT_AVAILABLE', 'VOMITED', 'WASTED', 'MISSED',
    'SELF_ADMINISTERED'));
COMMENT ON DOMAIN school.medication_outcome IS 'What came of a dose';
COMMENT ON CONSTRAINT medication_outcome_values ON DOMAIN school.medication_outcome IS
  'Must be GIVEN, REFUSED, ABSENT, HELD, NOT_AVAILABLE, VOMITED, WASTED, MISSED or SELF_ADMINISTERED';
CREATE DOMAIN school.requirement_checkpoint AS text CONSTRAINT requirement_checkpoint_values
  CHECK (VALUE IN (
    'PREK', 'TK_K_ENTRY', 'GRADE_7_ADVANCE', 'GRADE_12', 'TRANSFER', 'ANY'));
COMMENT ON DOMAIN school.requirement_checkpoint IS 'When immunizations are asked for';
COMMENT ON CONSTRAINT requirement_checkpoint_values ON DOMAIN school.requirement_checkpoint IS
  'Must be PREK, TK_K_ENTRY, GRADE_7_ADVANCE, GRADE_12, TRANSFER or ANY';
CREATE DOMAIN school.medication_kind AS text CONSTRAINT medication_kind_values
  CHECK (VALUE IN (
    'SCHEDULED', 'PRN', 'EMERGENCY', 'SELF_CARRY', 'STOCK_STANDING_ORDER'));
COMMENT ON DOMAIN school.medication_kind IS 'How a medication is given';
COMMENT ON CONSTRAINT medication_kind_values ON DOMAIN school.medication_kind IS
  'Must be SCHEDULED, PRN, EMERGENCY, SELF_CARRY or STOCK_STANDING_ORDER';
CREATE DOMAIN school.order_status AS text CONSTRAINT order_status_values
  CHECK (VALUE IN (
    'DRAFT', 'PENDING_CONSENT', 'ACTIVE', 'SUSPENDED', 'EXPIRED', 'DISCONTINUED'));
COMMENT ON DOMAIN school.order_status IS 'Where an order stands';
COMMENT ON CONSTRAINT order_status_values ON DOMAIN school.order_status IS
  'Must be DRAFT, PENDING_CONSENT, ACTIVE, SUSPENDED, EXPIRED or DISCONTINUED';
CREATE DOMAIN school.prn_effect AS text CONSTRAINT prn_effect_values
  CHECK (VALUE IN (
    'RELIEVED', 'IMPROVED', 'UNCHANGED', 'WORSE'));
COMMENT ON DOMAIN school.prn_effect IS 'What a dose as needed did';
COMMENT ON CONSTRAINT prn_effect_values ON DOMAIN school.prn_effect IS 'Must be RELIEVED, IMPROVED, UNCHANGED or WORSE';
CREATE DOMAIN compliance.accounting_state AS text CONSTRAINT accounting_state_values
  CHECK (VALUE IN (
    'RECEIVED', 'VERIFIED', 'COMPILING', 'REVIEW', 'DELIVERED', 'EXTENDED', 'DENIED', 'WITHDRAWN'));
COMMENT ON DOMAIN compliance.accounting_state IS 'Where a request stands';
COMMENT ON CONSTRAINT accounting_state_values ON DOMAIN compliance.accounting_state IS
  'Must be RECEIVED, VERIFIED, COMPILING, REVIEW, DELIVERED, EXTENDED, DENIED or WITHDRAWN';
CREATE DOMAIN audit.verification_state AS text CONSTRAINT verification_state_values
  CHECK (VALUE IN (
    'RUNNING', 'CLEAN', 'MISMATCH', 'FAILED'));
COMMENT ON DOMAIN audit.verification_state IS 'How a run of verification ended';
COMMENT ON CONSTRAINT verification_state_values ON DOMAIN audit.verification_state IS
  'Must be RUNNING, CLEAN, MISMATCH or FAILED';
CREATE DOMAIN ref.cross_reactivity_kind AS text CONSTRAINT cross_reactivity_kind_values
  CHECK (VALUE IN (
    'SAME_SUBSTANCE', 'SAME_SIDE_CHAIN', 'SAME_CORE', 'COX1', 'AROMATIC_ANTICONVULSANT', 'LATEX_FRUIT',
    'EXCIPIENT'));
COMMENT ON DOMAIN ref.cross_reactivity_kind IS 'Why two groups react alike';
COMMENT ON CONSTRAINT cross_reactivity_kind_values ON DOMAIN ref.cross_reactivity_kind IS
  'Must be SAME_SUBSTANCE, SAME_SIDE_CHAIN, SAME_CORE, COX1, AROMATIC_ANTICONVULSANT, LATEX_FRUIT or EXCIPIENT';
CREATE DOMAIN ref.cross_risk AS text CONSTRAINT cross_risk_values
  CHECK (VALUE IN (
    'HIGH', 'MODERATE', 'LOW', 'NONE'));
COMMENT ON DOMAIN ref.cross_risk IS 'How likely a reaction is';
COMMENT ON CONSTRAINT cross_risk_values ON DOMAIN ref.cross_risk IS 'Must be HIGH, MODERATE, LOW or NONE';

CREATE TABLE compliance.disclosure_accounting_requests (
  tenant_id             uuid               NOT NULL DEFAULT kernel.tenant(),
  id                    uuid               NOT NULL,
  row_version           int                NOT NULL DEFAULT 1,
  created_at            timestamptz        NOT NULL DEFAULT now(),
  updated_at            timestamptz        NOT NULL DEFAULT now(),
  created_by            uuid               DEFAULT kernel.actor(),
  updated_by            uuid,
  patient_id            uuid               NOT NULL,
  requested_at          timestamptz        NOT NULL,
  requester             kernel.sealed_text NOT NULL,
  identity_verified_how kernel.code,
  period_from           date               NOT NULL,
  period_to             date               NOT NULL,
  due_on                date               NOT NULL,
  is_extended           boolean            NOT NULL DEFAULT false,
  extension_reason      kernel.sealed_text,
  fee_minor             bigint             NOT NULL DEFAULT 0,
  currency              kernel.currency    NOT NULL DEFAULT 'USD',
  delivered_at          timestamptz,
  document_id           uuid,
  state                 compliance.accounting_state NOT NULL DEFAULT 'RECEIVED',
  CONSTRAINT disclosure_accounting_requests_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT disclosure_accounting_requests_patient_fk
    FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT disclosure_accounting_requests_document_fk
    FOREIGN KEY (tenant_id, document_id) REFERENCES records.documents (tenant_id, id),
  CONSTRAINT disclosure_accounting_requests_period
    CHECK (period_to >= period_from AND period_to <= period_from + interval '6 years'),
  CONSTRAINT disclosure_accounting_requests_extension CHECK (NOT is_extended OR extension_reason IS NOT NULL),
  CONSTRAINT disclosure_accounting_requests_fee CHECK (fee_minor >= 0)
);
CREATE INDEX disclosure_accounting_requests_document_ix ON compliance.disclosure_accounting_requests (tenant_id, document_id);
CREATE INDEX disclosure_accounting_requests_due_ix ON compliance.disclosure_accounting_requests (tenant_id, state, due_on);
CREATE INDEX disclosure_accounting_requests_patient_ix ON compliance.disclosure_accounting_requests (tenant_id, patient_id, requested_at DESC);
COMMENT ON TABLE compliance.disclosure_accounting_requests IS
  'Requests for an accounting of disclosures (45 CFR 164.528)';
COMMENT ON CONSTRAINT disclosure_accounting_requests_period ON compliance.disclosure_accounting_requests IS
  'An accounting covers at most 6 years';
COMMENT ON CONSTRAINT disclosure_accounting_requests_extension ON compliance.disclosure_accounting_requests IS
  'An extension says why';
COMMENT ON CONSTRAINT disclosure_accounting_requests_fee ON compliance.disclosure_accounting_requests IS
  'Cannot be negative';
CALL kernel.protect('compliance.disclosure_accounting_requests',
  subject => 'patient_id', class => 'C2', key_class => 'audit', retention => 'disclosures');
CALL kernel.classify('compliance.disclosure_accounting_requests', 'requester', phi => 'name');

CREATE TABLE audit.integrity_verification_runs (
  tenant_id    uuid                     NOT NULL DEFAULT kernel.tenant(),
  id           uuid                     NOT NULL,
  row_version  int                      NOT NULL DEFAULT 1,
  created_at   timestamptz              NOT NULL DEFAULT now(),
  updated_at   timestamptz              NOT NULL DEFAULT now(),
  created_by   uuid                     DEFAULT kernel.actor(),
  updated_by   uuid,
  scope        kernel.code              NOT NULL,
  started_at   timestamptz              NOT NULL DEFAULT now(),
  finished_at  timestamptz,
  rows_checked bigint                   NOT NULL DEFAULT 0,
  mismatches   bigint                   NOT NULL DEFAULT 0,
  state        audit.verification_state NOT NULL DEFAULT 'RUNNING',
  root         bytea,
  signature    bytea,
  CONSTRAINT integrity_verification_runs_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT integrity_verification_runs_counts CHECK (rows_checked >= 0 AND mismatches >= 0)
);
CREATE INDEX integrity_verification_runs_scope_ix ON audit.integrity_verification_runs (tenant_id, scope, started_at DESC);
COMMENT ON TABLE audit.integrity_verification_runs IS 'Runs that held rows against their digests';
COMMENT ON COLUMN audit.integrity_verification_runs.root IS 'Root of the log the digests were taken from';
COMMENT ON CONSTRAINT integrity_verification_runs_counts ON audit.integrity_verification_runs IS
  'Counts cannot be negative';
CALL kernel.protect('audit.integrity_verification_runs', retention => 'audit_logs');

CREATE TABLE school.student_medication_orders (
  tenant_id           uuid                   NOT NULL DEFAULT kernel.tenant(),
  id                  uuid                   NOT NULL,
  row_version         int                    NOT NULL DEFAULT 1,
  created_at          timestamptz            NOT NULL DEFAULT now(),
  updated_at          timestamptz            NOT NULL DEFAULT now(),
  created_by          uuid                   DEFAULT kernel.actor(),
  updated_by          uuid,
  student_id          uuid                   NOT NULL,
  drug_catalog_id     uuid,
  rxcui               kernel.code,
  medication          kernel.label           NOT NULL,
  dose_qty            numeric                NOT NULL,
  dose_unit           kernel.code            NOT NULL,
  route               kernel.code            NOT NULL,
  form                kernel.code,
  kind                school.medication_kind NOT NULL,
  times               jsonb                  NOT NULL DEFAULT '[]',
  prn_reason          kernel.code,
  min_interval_min    int,
  max_per_day         int,
  max_daily_dose      numeric,
  instructions        kernel.sealed_text,
  prescriber          kernel.sealed_text,
  prescriber_npi      kernel.code,
  prescriber_order_id uuid,
  guardian_consent_id uuid,
  valid_from          date                   NOT NULL,
  valid_to            date                   NOT NULL,
  storage             kernel.code,
  controlled_schedule ref.dea_schedule       NOT NULL DEFAULT '0',
  self_carry_approved boolean                NOT NULL DEFAULT false,
  delegable           boolean                NOT NULL DEFAULT false,
  status              school.order_status    NOT NULL DEFAULT 'DRAFT',
  status_reason       kernel.code,
  CONSTRAINT student_medication_orders_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT student_medication_orders_student_fk
    FOREIGN KEY (tenant_id, student_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT student_medication_orders_drug_catalog_fk FOREIGN KEY (drug_catalog_id) REFERENCES ref.drug_catalog (id),
  CONSTRAINT student_medication_orders_prescriber_order_fk
    FOREIGN KEY (tenant_id, prescriber_order_id) REFERENCES records.documents (tenant_id, id),
  CONSTRAINT student_medication_orders_guardian_consent_fk
    FOREIGN KEY (tenant_id, guardian_consent_id) REFERENCES records.documents (tenant_id, id),
  CONSTRAINT student_medication_orders_active_whole
    CHECK (status <> 'ACTIVE' OR kind = 'STOCK_STANDING_ORDER' OR (prescriber_order_id IS NOT NULL AND guardian_consent_id IS NOT NULL)),
  CONSTRAINT student_medication_orders_period CHECK (valid_to >= valid_from),
  CONSTRAINT student_medication_orders_dose CHECK (dose_qty > 0 AND max_daily_dose > 0),
  CONSTRAINT student_medication_orders_limits
    CHECK (min_interval_min >= 1 AND min_interval_min <= 1440 AND max_per_day >= 1 AND max_per_day <= 24),
  CONSTRAINT student_medication_orders_times_array CHECK (jsonb_typeof(times) = 'array'),
  CONSTRAINT student_medication_orders_scheduled_times CHECK (kind <> 'SCHEDULED' OR times <> '[]'),
  CONSTRAINT student_medication_orders_npi_form CHECK (prescriber_npi ~ '^[0-9]{10}$')
);
CREATE INDEX student_medication_orders_prescriber_order_ix ON school.student_medication_orders (tenant_id, prescriber_order_id);
CREATE INDEX student_medication_orders_guardian_consent_ix ON school.student_medication_orders (tenant_id, guardian_consent_id);
CREATE INDEX student_medication_orders_student_ix ON school.student_medication_orders (tenant_id, student_id, status);
CREATE INDEX student_medication_orders_expiring_ix ON school.student_medication_orders (tenant_id, valid_to)
  WHERE status = 'ACTIVE';
CREATE INDEX student_medication_orders_drug_ix ON school.student_medication_orders (drug_catalog_id);
COMMENT ON TABLE school.student_medication_orders IS
  'What a student is to get at school, by whose order and with whose consent';
COMMENT ON COLUMN school.student_medication_orders.medication IS 'Name as ordered';
COMMENT ON COLUMN school.student_medication_orders.times IS 'Times of day at the school: ["12:00"]';
COMMENT ON COLUMN school.student_medication_orders.prescriber_order_id IS 'The prescriber''s order';
COMMENT ON COLUMN school.student_medication_orders.guardian_consent_id IS 'The guardian''s consent';
COMMENT ON COLUMN school.student_medication_orders.delegable IS 'May be given by an aide whose competence is in date';
COMMENT ON CONSTRAINT student_medication_orders_active_whole ON school.student_medication_orders IS
  'An active order needs the prescriber''s order and the guardian''s consent';
COMMENT ON CONSTRAINT student_medication_orders_period ON school.student_medication_orders IS
  'Cannot end before it begins';
COMMENT ON CONSTRAINT student_medication_orders_dose ON school.student_medication_orders IS
  'A dose is more than nothing';
COMMENT ON CONSTRAINT student_medication_orders_limits ON school.student_medication_orders IS
  'Must be 1 to 1440 minutes and 1 to 24 doses';
COMMENT ON CONSTRAINT student_medication_orders_times_array ON school.student_medication_orders IS
  'Must be a list of times';
COMMENT ON CONSTRAINT student_medication_orders_scheduled_times ON school.student_medication_orders IS
  'A scheduled order names its times';
COMMENT ON CONSTRAINT student_medication_orders_npi_form ON school.student_medication_orders IS 'An NPI has 10 digits';
COMMENT ON INDEX school.student_medication_orders_expiring_ix IS 'Orders that end next';
CALL kernel.protect('school.student_medication_orders',
  subject => 'student_id', class => 'C2', key_class => 'clinical', retention => 'student_health');
CALL kernel.classify('school.student_medication_orders', 'prescriber', phi => 'name');

CREATE TABLE school.medication_administrations (
  tenant_id       uuid                      NOT NULL DEFAULT kernel.tenant(),
  id              uuid                      NOT NULL,
  row_version     int                       NOT NULL DEFAULT 1,
  created_at      timestamptz               NOT NULL DEFAULT now(),
  updated_at      timestamptz               NOT NULL DEFAULT now(),
  created_by      uuid                      DEFAULT kernel.actor(),
  updated_by      uuid,
  order_id        uuid,
  student_id      uuid                      NOT NULL,
  school_id       uuid                      NOT NULL,
  medication      kernel.label              NOT NULL,
  scheduled_for   timestamptz,
  administered_at timestamptz,
  outcome         school.medication_outcome,
  dose_given      numeric,
  dose_unit       kernel.code,
  lot             kernel.label,
  expires_on      date,
  administered_by uuid,
  witness_id      uuid,
  rights          jsonb                     NOT NULL DEFAULT '{}',
  pre_check       jsonb,
  prn_effect      school.prn_effect,
  effect_at       timestamptz,
  note            kernel.sealed_text,
  reason          kernel.sealed_text,
  error_flag      boolean                   NOT NULL DEFAULT false,
  override        jsonb,
  client_ref      uuid,
  CONSTRAINT medication_administrations_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT medication_administrations_order_fk
    FOREIGN KEY (tenant_id, order_id) REFERENCES school.student_medication_orders (tenant_id, id),
  CONSTRAINT medication_administrations_student_fk
    FOREIGN KEY (tenant_id, student_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT medication_administrations_school_fk
    FOREIGN KEY (tenant_id, school_id) REFERENCES school.schools (tenant_id, id),
  CONSTRAINT medication_administrations_administered_by_fk
    FOREIGN KEY (tenant_id, administered_by) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT medication_administrations_witness_fk
    FOREIGN KEY (tenant_id, witness_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT medication_administrations_client_uq UNIQUE (tenant_id, client_ref),
  CONSTRAINT medication_administrations_given
    CHECK (outcome NOT IN ('GIVEN', 'SELF_ADMINISTERED', 'VOMITED') OR (administered_at IS NOT NULL AND dose_given > 0)),
  CONSTRAINT medication_administrations_effect_after CHECK (effect_at >= administered_at),
  CONSTRAINT medication_administrations_witness_other CHECK (witness_id <> administered_by)
);
CREATE INDEX medication_administrations_administered_by_ix ON school.medication_administrations (tenant_id, administered_by);
CREATE INDEX medication_administrations_witness_ix ON school.medication_administrations (tenant_id, witness_id);
CREATE INDEX medication_administrations_student_ix ON school.medication_administrations (tenant_id, student_id, administered_at DESC);
CREATE INDEX medication_administrations_due_ix ON school.medication_administrations (tenant_id, scheduled_for)
  WHERE outcome IS NULL;
CREATE INDEX medication_administrations_school_ix ON school.medication_administrations (tenant_id, school_id, scheduled_for);
CREATE UNIQUE INDEX medication_administrations_slot_uq ON school.medication_administrations (tenant_id, order_id, scheduled_for);
COMMENT ON TABLE school.medication_administrations IS 'Doses: those to be given, and what came of each';
COMMENT ON COLUMN school.medication_administrations.order_id IS 'NULL: from stock, under a standing order';
COMMENT ON COLUMN school.medication_administrations.medication IS 'Name as given';
COMMENT ON COLUMN school.medication_administrations.scheduled_for IS 'NULL: as needed';
COMMENT ON COLUMN school.medication_administrations.outcome IS 'NULL: still to be given';
COMMENT ON COLUMN school.medication_administrations.rights IS 'Which of the rights were checked, and by eye or barcode';
COMMENT ON COLUMN school.medication_administrations.pre_check IS 'Vital signs or glucose before the dose';
COMMENT ON COLUMN school.medication_administrations.reason IS 'Why outside its time, or over a stop';
COMMENT ON COLUMN school.medication_administrations.client_ref IS
  'Made by the device, so that a dose taken off line is entered once';
COMMENT ON CONSTRAINT medication_administrations_client_uq ON school.medication_administrations IS
  'This dose was entered already';
COMMENT ON CONSTRAINT medication_administrations_given ON school.medication_administrations IS
  'A dose that was given has its time and amount';
COMMENT ON CONSTRAINT medication_administrations_effect_after ON school.medication_administrations IS
  'An effect comes after the dose';
COMMENT ON CONSTRAINT medication_administrations_witness_other ON school.medication_administrations IS
  'A witness is another person';
COMMENT ON INDEX school.medication_administrations_due_ix IS 'Doses to be given';
COMMENT ON INDEX school.medication_administrations_slot_uq IS 'This dose was recorded already';
CALL kernel.protect('school.medication_administrations',
  subject => 'student_id', class => 'C2', key_class => 'clinical', retention => 'student_health');

CREATE TABLE ref.allergy_cross_reactivity (
  id               uuid                      NOT NULL,
  group_a          kernel.code               NOT NULL,
  group_b          kernel.code               NOT NULL,
  kind             ref.cross_reactivity_kind NOT NULL,
  risk             ref.cross_risk            NOT NULL,
  applies_to       text[]                    NOT NULL DEFAULT '{}',
  advice           kernel.prose              NOT NULL,
  references_cited jsonb                     NOT NULL DEFAULT '[]',
  CONSTRAINT allergy_cross_reactivity_pk PRIMARY KEY (id),
  CONSTRAINT allergy_cross_reactivity_order CHECK (group_a <= group_b)
);
CREATE UNIQUE INDEX allergy_cross_reactivity_pair_uq ON ref.allergy_cross_reactivity (group_a, group_b, kind);
COMMENT ON TABLE ref.allergy_cross_reactivity IS 'Which groups of allergens react alike';
COMMENT ON COLUMN ref.allergy_cross_reactivity.applies_to IS 'Reaction types';
COMMENT ON CONSTRAINT allergy_cross_reactivity_order ON ref.allergy_cross_reactivity IS 'The lower group comes first';
COMMENT ON INDEX ref.allergy_cross_reactivity_pair_uq IS 'This pair is there already';
CALL kernel.share('ref.allergy_cross_reactivity', 'drug knowledge is the same for all tenants');

CREATE TABLE school.school_immunization_requirements (
  tenant_id          uuid         NOT NULL DEFAULT kernel.tenant(),
  id                 uuid         NOT NULL,
  row_version        int          NOT NULL DEFAULT 1,
  created_at         timestamptz  NOT NULL DEFAULT now(),
  updated_at         timestamptz  NOT NULL DEFAULT now(),
  created_by         uuid         DEFAULT kernel.actor(),
  updated_by         uuid,
  state              kernel.code  NOT NULL,
  school_year_from   int          NOT NULL,
  school_year_to     int,
  checkpoint         school.requirement_checkpoint NOT NULL,
  grades             text[]       NOT NULL DEFAULT '{}',
  vaccine_group      kernel.code  NOT NULL,
  rule               jsonb        NOT NULL,
  exemption_kinds    text[]       NOT NULL DEFAULT '{}',
  conditional_policy jsonb        NOT NULL DEFAULT '{}',
  exclusion_policy   jsonb        NOT NULL DEFAULT '{}',
  source_citation    kernel.prose NOT NULL,
  approved_by        uuid,
  approved_at        timestamptz,
  CONSTRAINT school_immunization_requirements_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT school_immunization_requirements_approved_by_fk
    FOREIGN KEY (tenant_id, approved_by) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT school_immunization_requirements_years
    CHECK (school_year_from >= 1990 AND school_year_to >= school_year_from),
  CONSTRAINT school_immunization_requirements_rule_object CHECK (jsonb_typeof(rule) = 'object'),
  CONSTRAINT school_immunization_requirements_approved CHECK (approved_at IS NULL OR approved_by IS NOT NULL)
);
CREATE INDEX school_immunization_requirements_approved_by_ix ON school.school_immunization_requirements (tenant_id, approved_by);
CREATE INDEX school_immunization_requirements_state_ix ON school.school_immunization_requirements (tenant_id, state, school_year_from, checkpoint);
CREATE INDEX school_immunization_requirements_group_ix ON school.school_immunization_requirements (tenant_id, vaccine_group);
COMMENT ON TABLE school.school_immunization_requirements IS
  'What a state asks for at a checkpoint, with the source of the rule';
COMMENT ON COLUMN school.school_immunization_requirements.school_year_from IS
  'Year in which the first school year it holds for begins';
COMMENT ON COLUMN school.school_immunization_requirements.school_year_to IS 'The last; NULL: open';
COMMENT ON COLUMN school.school_immunization_requirements.rule IS
  'Such as {"any":[{"doses":5},{"doses":4,"one_on_or_after":"4y"}]}';
COMMENT ON COLUMN school.school_immunization_requirements.exemption_kinds IS 'Kinds the state accepts';
COMMENT ON CONSTRAINT school_immunization_requirements_years ON school.school_immunization_requirements IS
  'Must be years, from the first to the last';
COMMENT ON CONSTRAINT school_immunization_requirements_rule_object ON school.school_immunization_requirements IS
  'Must be an object';
COMMENT ON CONSTRAINT school_immunization_requirements_approved ON school.school_immunization_requirements IS
  'An approval has a person';
CALL kernel.protect('school.school_immunization_requirements', retention => 'operational');
