-- What a payer's and a records tenant's first data need: models, fraud indicators, retention policies.
CREATE SCHEMA ai;
COMMENT ON SCHEMA ai IS 'Models, what they may decide, and the indicators of fraud';
GRANT USAGE ON SCHEMA ai TO salus_app, salus_reader, salus_sealer, salus_backup;

CREATE DOMAIN ai.task AS text CONSTRAINT task_values
  CHECK (VALUE IN ('classification', 'regression', 'ranking', 'extraction', 'generation'));
COMMENT ON DOMAIN ai.task IS 'What a model puts out';
COMMENT ON CONSTRAINT task_values ON DOMAIN ai.task IS
  'Must be classification, regression, ranking, extraction or generation';
CREATE DOMAIN ai.risk_class AS text CONSTRAINT risk_class_values
  CHECK (VALUE IN ('low', 'medium', 'high', 'unacceptable'));
COMMENT ON DOMAIN ai.risk_class IS 'Risk of a model''s use (CFM resolution 2.454)';
COMMENT ON CONSTRAINT risk_class_values ON DOMAIN ai.risk_class IS 'Must be low, medium, high or unacceptable';
CREATE DOMAIN ai.model_kind AS text CONSTRAINT model_kind_values
  CHECK (VALUE IN ('rules', 'composite', 'logreg', 'gbdt', 'external_llm'));
COMMENT ON DOMAIN ai.model_kind IS 'How a model is built; composite: weighted indicators';
COMMENT ON CONSTRAINT model_kind_values ON DOMAIN ai.model_kind IS
  'Must be rules, composite, logreg, gbdt or external_llm';
CREATE DOMAIN ai.model_status AS text CONSTRAINT model_status_values
  CHECK (VALUE IN ('draft', 'validated', 'approved', 'shadow', 'canary', 'active', 'suspended', 'retired'));
COMMENT ON DOMAIN ai.model_status IS 'Where a model stands on its way to use';
COMMENT ON CONSTRAINT model_status_values ON DOMAIN ai.model_status IS
  'Must be draft, validated, approved, shadow, canary, active, suspended or retired';
CREATE DOMAIN ai.indicator_family AS text CONSTRAINT indicator_family_values
  CHECK (VALUE IN ('rule', 'statistic', 'graph', 'model'));
COMMENT ON DOMAIN ai.indicator_family IS 'How an indicator finds';
COMMENT ON CONSTRAINT indicator_family_values ON DOMAIN ai.indicator_family IS
  'Must be rule, statistic, graph or model';
CREATE DOMAIN ai.indicator_subject AS text CONSTRAINT indicator_subject_values
  CHECK (VALUE IN ('line', 'claim', 'provider', 'member', 'pair', 'network'));
COMMENT ON DOMAIN ai.indicator_subject IS 'What an indicator is about';
COMMENT ON CONSTRAINT indicator_subject_values ON DOMAIN ai.indicator_subject IS
  'Must be line, claim, provider, member, pair or network';
CREATE DOMAIN ai.indicator_action AS text CONSTRAINT indicator_action_values
  CHECK (VALUE IN ('score', 'flag', 'prepay_hold', 'open_case'));
COMMENT ON DOMAIN ai.indicator_action IS 'What happens when an indicator fires';
COMMENT ON CONSTRAINT indicator_action_values ON DOMAIN ai.indicator_action IS
  'Must be score, flag, prepay_hold or open_case';
CREATE DOMAIN ai.indicator_status AS text CONSTRAINT indicator_status_values
  CHECK (VALUE IN ('draft', 'shadow', 'active', 'retired'));
COMMENT ON DOMAIN ai.indicator_status IS 'shadow: computed, shown to nobody who decides';
COMMENT ON CONSTRAINT indicator_status_values ON DOMAIN ai.indicator_status IS
  'Must be draft, shadow, active or retired';

CREATE TABLE ai.models (
  tenant_id       uuid            NOT NULL DEFAULT kernel.tenant(),
  id              uuid            NOT NULL,
  row_version     int             NOT NULL DEFAULT 1,
  created_at      timestamptz     NOT NULL DEFAULT now(),
  updated_at      timestamptz     NOT NULL DEFAULT now(),
  created_by      uuid            DEFAULT kernel.actor(),
  updated_by      uuid,
  key             kernel.code     NOT NULL,
  version         kernel.code     NOT NULL,
  name            kernel.label    NOT NULL,
  purpose         kernel.prose    NOT NULL,
  kind            ai.model_kind   NOT NULL,
  task            ai.task         NOT NULL,
  risk_class      ai.risk_class   NOT NULL,
  decision_impact kernel.prose    NOT NULL,
  owner           kernel.label    NOT NULL,
  fallback        kernel.label    NOT NULL,
  thresholds      jsonb           NOT NULL DEFAULT '{}',
  card            kernel.prose,
  status          ai.model_status NOT NULL DEFAULT 'draft',
  CONSTRAINT models_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT models_key_uq UNIQUE (tenant_id, key),
  CONSTRAINT models_key_form CHECK (key ~ '^[a-z][a-z0-9_]*$'),
  CONSTRAINT models_thresholds_object CHECK (jsonb_typeof(thresholds) = 'object'),
  CONSTRAINT models_usable CHECK (risk_class <> 'unacceptable' OR status IN ('draft', 'retired'))
);
COMMENT ON TABLE ai.models IS 'Models in use or on their way there, each with what stands in when it is off';
COMMENT ON COLUMN ai.models.version IS 'The version in force';
COMMENT ON COLUMN ai.models.decision_impact IS 'What a wrong output would do';
COMMENT ON COLUMN ai.models.owner IS 'Office that answers for it';
COMMENT ON COLUMN ai.models.fallback IS 'What decides while it is off: a rule set, or human';
COMMENT ON COLUMN ai.models.card IS 'Data, limits and subgroups, in Markdown';
COMMENT ON CONSTRAINT models_key_uq ON ai.models IS 'A model of this key exists already';
COMMENT ON CONSTRAINT models_key_form ON ai.models IS 'A key is lower-case words joined by underscores';
COMMENT ON CONSTRAINT models_thresholds_object ON ai.models IS 'Must be an object';
COMMENT ON CONSTRAINT models_usable ON ai.models IS 'A model of unacceptable risk is not put to use';
CALL kernel.protect('ai.models');

CREATE TABLE ai.fraud_indicators (
  tenant_id             uuid                 NOT NULL DEFAULT kernel.tenant(),
  id                    uuid                 NOT NULL,
  row_version           int                  NOT NULL DEFAULT 1,
  created_at            timestamptz          NOT NULL DEFAULT now(),
  updated_at            timestamptz          NOT NULL DEFAULT now(),
  created_by            uuid                 DEFAULT kernel.actor(),
  updated_by            uuid,
  code                  kernel.code          NOT NULL,
  version               int                  NOT NULL DEFAULT 1,
  name                  kernel.label         NOT NULL,
  description           kernel.prose,
  family                ai.indicator_family  NOT NULL,
  subject               ai.indicator_subject NOT NULL,
  definition            jsonb                NOT NULL,
  expression            kernel.prose,
  severity              int                  NOT NULL,
  weight_percent        int                  NOT NULL,
  score_low             kernel.code,
  score_high            kernel.code,
  action                ai.indicator_action  NOT NULL DEFAULT 'score',
  lookback_days         int                  NOT NULL,
  peer_group            kernel.code,
  min_n                 int,
  status                ai.indicator_status  NOT NULL DEFAULT 'draft',
  owner                 kernel.label         NOT NULL,
  author_id             uuid,
  approved_by           uuid,
  precision_90d_percent int,
  fires_90d             int                  NOT NULL DEFAULT 0,
  CONSTRAINT fraud_indicators_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT fraud_indicators_author_fk FOREIGN KEY (tenant_id, author_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT fraud_indicators_approver_fk FOREIGN KEY (tenant_id, approved_by) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT fraud_indicators_version_uq UNIQUE (tenant_id, code, version),
  CONSTRAINT fraud_indicators_definition_object CHECK (jsonb_typeof(definition) = 'object'),
  CONSTRAINT fraud_indicators_severity CHECK (severity BETWEEN 1 AND 5),
  CONSTRAINT fraud_indicators_weight CHECK (weight_percent BETWEEN 0 AND 95),
  CONSTRAINT fraud_indicators_ramp
    CHECK (score_low ~ '^-?[0-9]+(\.[0-9]+)?$' AND score_high ~ '^-?[0-9]+(\.[0-9]+)?$'),
  CONSTRAINT fraud_indicators_lookback CHECK (lookback_days BETWEEN 1 AND 3660),
  CONSTRAINT fraud_indicators_counts CHECK (min_n >= 1 AND version >= 1 AND fires_90d >= 0),
  CONSTRAINT fraud_indicators_precision CHECK (precision_90d_percent BETWEEN 0 AND 100),
  CONSTRAINT fraud_indicators_four_eyes CHECK (approved_by <> author_id)
);
CREATE INDEX fraud_indicators_author_ix ON ai.fraud_indicators (tenant_id, author_id);
CREATE INDEX fraud_indicators_approver_ix ON ai.fraud_indicators (tenant_id, approved_by);
COMMENT ON TABLE ai.fraud_indicators IS 'What is looked for in claims, each version kept';
COMMENT ON COLUMN ai.fraud_indicators.definition IS 'Typed parameters';
COMMENT ON COLUMN ai.fraud_indicators.expression IS 'Side-effect-free expression over the documented variables';
COMMENT ON COLUMN ai.fraud_indicators.weight_percent IS 'Share in the composite score';
COMMENT ON COLUMN ai.fraud_indicators.score_low IS 'Where the score begins to rise, decimal';
COMMENT ON COLUMN ai.fraud_indicators.score_high IS 'Where it is full, decimal';
COMMENT ON COLUMN ai.fraud_indicators.peer_group IS 'Who a subject is compared with, such as specialty_region';
COMMENT ON COLUMN ai.fraud_indicators.min_n IS 'Cases below which it keeps silent';
COMMENT ON COLUMN ai.fraud_indicators.approved_by IS 'Another than the author';
COMMENT ON CONSTRAINT fraud_indicators_version_uq ON ai.fraud_indicators IS
  'This version of the indicator exists already';
COMMENT ON CONSTRAINT fraud_indicators_definition_object ON ai.fraud_indicators IS 'Must be an object';
COMMENT ON CONSTRAINT fraud_indicators_severity ON ai.fraud_indicators IS 'Must be 1 to 5';
COMMENT ON CONSTRAINT fraud_indicators_weight ON ai.fraud_indicators IS 'Must be 0 to 95';
COMMENT ON CONSTRAINT fraud_indicators_ramp ON ai.fraud_indicators IS 'Must be decimal numbers';
COMMENT ON CONSTRAINT fraud_indicators_lookback ON ai.fraud_indicators IS 'Must be 1 to 3660 days';
COMMENT ON CONSTRAINT fraud_indicators_counts ON ai.fraud_indicators IS
  'Counts cannot be negative, versions and cases begin at 1';
COMMENT ON CONSTRAINT fraud_indicators_precision ON ai.fraud_indicators IS 'Must be 0 to 100';
COMMENT ON CONSTRAINT fraud_indicators_four_eyes ON ai.fraud_indicators IS 'The author cannot approve';
CALL kernel.protect('ai.fraud_indicators');

CREATE SCHEMA compliance;
COMMENT ON SCHEMA compliance IS 'Retention, consent, disclosure and breach: what the law asks of the records';
GRANT USAGE ON SCHEMA compliance TO salus_app, salus_reader, salus_sealer, salus_backup;

CREATE DOMAIN compliance.retention_trigger AS text CONSTRAINT retention_trigger_values
  CHECK (VALUE IN ('CREATED', 'LAST_ENCOUNTER', 'AGE_OF_MAJORITY', 'GRADUATION', 'LAST_EFFECTIVE', 'ACCOUNT_CLOSED'));
COMMENT ON DOMAIN compliance.retention_trigger IS 'From when the years count';
COMMENT ON CONSTRAINT retention_trigger_values ON DOMAIN compliance.retention_trigger IS
  'Must be CREATED, LAST_ENCOUNTER, AGE_OF_MAJORITY, GRADUATION, LAST_EFFECTIVE or ACCOUNT_CLOSED';
CREATE DOMAIN compliance.retention_action AS text CONSTRAINT retention_action_values
  CHECK (VALUE IN ('DELETE', 'ANONYMISE', 'ARCHIVE', 'REVIEW'));
COMMENT ON DOMAIN compliance.retention_action IS 'What happens at the end';
COMMENT ON CONSTRAINT retention_action_values ON DOMAIN compliance.retention_action IS
  'Must be DELETE, ANONYMISE, ARCHIVE or REVIEW';
CREATE DOMAIN compliance.minor_rule AS text CONSTRAINT minor_rule_values
  CHECK (VALUE IN ('NONE', 'AGE_OF_MAJORITY_PLUS'));
COMMENT ON DOMAIN compliance.minor_rule IS
  'AGE_OF_MAJORITY_PLUS: not before majority and minor_years more, whichever is later';
COMMENT ON CONSTRAINT minor_rule_values ON DOMAIN compliance.minor_rule IS 'Must be NONE or AGE_OF_MAJORITY_PLUS';

CREATE TABLE compliance.retention_policies (
  tenant_id       uuid                  NOT NULL DEFAULT kernel.tenant(),
  id              uuid                  NOT NULL,
  row_version     int                   NOT NULL DEFAULT 1,
  created_at      timestamptz           NOT NULL DEFAULT now(),
  updated_at      timestamptz           NOT NULL DEFAULT now(),
  created_by      uuid                  DEFAULT kernel.actor(),
  updated_by      uuid,
  name            kernel.code           NOT NULL,
  description     kernel.prose,
  data_class      kernel.code           NOT NULL,
  retention_years int,
  retention_days  int,
  trigger         compliance.retention_trigger NOT NULL DEFAULT 'CREATED',
  minor_rule      compliance.minor_rule NOT NULL DEFAULT 'NONE',
  minor_years     int,
  action          compliance.retention_action NOT NULL DEFAULT 'REVIEW',
  legal_basis     kernel.prose          NOT NULL,
  jurisdiction    kernel.code,
  needs_counsel   boolean               NOT NULL DEFAULT false,
  is_active       boolean               NOT NULL DEFAULT true,
  CONSTRAINT retention_policies_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT retention_policies_name_uq UNIQUE (tenant_id, name),
  CONSTRAINT retention_policies_period
    CHECK (retention_years >= 0 AND retention_days >= 0 AND num_nonnulls(retention_years, retention_days) >= 1),
  CONSTRAINT retention_policies_minor
    CHECK ((minor_rule = 'NONE') = (minor_years IS NULL) AND minor_years BETWEEN 0 AND 30)
);
CREATE INDEX retention_policies_class_ix ON compliance.retention_policies (tenant_id, data_class);
COMMENT ON TABLE compliance.retention_policies IS 'How long which data are kept, from when, and on what legal basis';
COMMENT ON COLUMN compliance.retention_policies.data_class IS
  'The retention class tables are declared with, such as medical_records';
COMMENT ON COLUMN compliance.retention_policies.retention_days IS 'Counted beside the years; the later end rules';
COMMENT ON COLUMN compliance.retention_policies.minor_years IS 'Years after majority';
COMMENT ON COLUMN compliance.retention_policies.needs_counsel IS 'A default to be confirmed with counsel';
COMMENT ON CONSTRAINT retention_policies_name_uq ON compliance.retention_policies IS
  'A policy of this name exists already';
COMMENT ON CONSTRAINT retention_policies_period ON compliance.retention_policies IS
  'Give years, days or both; not negative';
COMMENT ON CONSTRAINT retention_policies_minor ON compliance.retention_policies IS
  'A rule for minors says how many years after majority';
CALL kernel.protect('compliance.retention_policies');
