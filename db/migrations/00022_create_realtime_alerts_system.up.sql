-- What raises an alert, alerts, who is told, and what became of telling them.
CREATE SCHEMA alerts;
COMMENT ON SCHEMA alerts IS 'Definitions of alerts, alerts, subscriptions and deliveries';
GRANT USAGE ON SCHEMA alerts TO salus_app, salus_reader, salus_sealer, salus_backup;
CREATE DOMAIN alerts.alert_severity AS text CONSTRAINT alert_severity_values
  CHECK (VALUE IN (
    'INFO', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL', 'EMERGENCY'));
COMMENT ON DOMAIN alerts.alert_severity IS 'How urgent an alert is, from least to most';
COMMENT ON CONSTRAINT alert_severity_values ON DOMAIN alerts.alert_severity IS
  'Must be INFO, LOW, MEDIUM, HIGH, CRITICAL or EMERGENCY';
CREATE DOMAIN alerts.alert_category AS text CONSTRAINT alert_category_values
  CHECK (VALUE IN (
    'CLINICAL', 'MEDICATION', 'ALLERGY', 'IMMUNIZATION', 'OUTBREAK', 'SECURITY', 'COMPLIANCE',
    'OPERATIONS', 'SYSTEM'));
COMMENT ON DOMAIN alerts.alert_category IS 'What an alert is about';
COMMENT ON CONSTRAINT alert_category_values ON DOMAIN alerts.alert_category IS
  'Must be CLINICAL, MEDICATION, ALLERGY, IMMUNIZATION, OUTBREAK, SECURITY, COMPLIANCE, OPERATIONS or SYSTEM';
CREATE DOMAIN alerts.alert_status AS text CONSTRAINT alert_status_values
  CHECK (VALUE IN (
    'ACTIVE', 'ACKNOWLEDGED', 'ESCALATED', 'SNOOZED', 'RESOLVED', 'EXPIRED', 'SUPPRESSED'));
COMMENT ON DOMAIN alerts.alert_status IS 'Where an alert stands';
COMMENT ON CONSTRAINT alert_status_values ON DOMAIN alerts.alert_status IS
  'Must be ACTIVE, ACKNOWLEDGED, ESCALATED, SNOOZED, RESOLVED, EXPIRED or SUPPRESSED';
CREATE DOMAIN alerts.delivery_channel AS text CONSTRAINT delivery_channel_values
  CHECK (VALUE IN (
    'IN_APP', 'WEBSOCKET', 'EMAIL', 'SMS', 'PUSH', 'VOICE', 'WEBHOOK'));
COMMENT ON DOMAIN alerts.delivery_channel IS 'By which way somebody is told';
COMMENT ON CONSTRAINT delivery_channel_values ON DOMAIN alerts.delivery_channel IS
  'Must be IN_APP, WEBSOCKET, EMAIL, SMS, PUSH, VOICE or WEBHOOK';
CREATE DOMAIN alerts.alert_source AS text CONSTRAINT alert_source_values
  CHECK (VALUE IN (
    'EVENT', 'METRIC', 'SCHEDULE', 'MANUAL'));
COMMENT ON DOMAIN alerts.alert_source IS 'What an alert comes from';
COMMENT ON CONSTRAINT alert_source_values ON DOMAIN alerts.alert_source IS 'Must be EVENT, METRIC, SCHEDULE or MANUAL';
CREATE DOMAIN alerts.digest AS text CONSTRAINT digest_values CHECK (VALUE IN ('IMMEDIATE', 'HOURLY', 'DAILY'));
COMMENT ON DOMAIN alerts.digest IS 'How often a subscriber is told';
COMMENT ON CONSTRAINT digest_values ON DOMAIN alerts.digest IS 'Must be IMMEDIATE, HOURLY or DAILY';
CREATE DOMAIN alerts.delivery_status AS text CONSTRAINT delivery_status_values
  CHECK (VALUE IN (
    'QUEUED', 'SENT', 'DELIVERED', 'READ', 'BOUNCED', 'FAILED', 'SUPPRESSED'));
COMMENT ON DOMAIN alerts.delivery_status IS 'What became of telling one recipient';
COMMENT ON CONSTRAINT delivery_status_values ON DOMAIN alerts.delivery_status IS
  'Must be QUEUED, SENT, DELIVERED, READ, BOUNCED, FAILED or SUPPRESSED';

CREATE TABLE alerts.alert_definitions (
  tenant_id           uuid                  NOT NULL DEFAULT kernel.tenant(),
  id                  uuid                  NOT NULL,
  row_version         int                   NOT NULL DEFAULT 1,
  created_at          timestamptz           NOT NULL DEFAULT now(),
  updated_at          timestamptz           NOT NULL DEFAULT now(),
  created_by          uuid                  DEFAULT kernel.actor(),
  updated_by          uuid,
  code                kernel.code           NOT NULL,
  version             int                   NOT NULL DEFAULT 1,
  name                kernel.label          NOT NULL,
  category            alerts.alert_category NOT NULL,
  severity            alerts.alert_severity NOT NULL,
  source              alerts.alert_source   NOT NULL,
  condition           jsonb                 NOT NULL,
  dedupe_key_template kernel.label,
  dedupe_window_s     int                   NOT NULL DEFAULT 0,
  cooldown_s          int                   NOT NULL DEFAULT 0,
  auto_resolve        jsonb,
  escalation          jsonb                 NOT NULL DEFAULT '[]',
  channels            text[]                NOT NULL DEFAULT '{IN_APP}',
  audience            jsonb                 NOT NULL DEFAULT '{}',
  template_ids        jsonb                 NOT NULL DEFAULT '{}',
  contains_phi        boolean               NOT NULL DEFAULT false,
  ack_required        boolean               NOT NULL DEFAULT false,
  ack_sla_s           int,
  enabled             boolean               NOT NULL DEFAULT true,
  owner               kernel.label          NOT NULL,
  CONSTRAINT alert_definitions_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT alert_definitions_condition_object CHECK (jsonb_typeof(condition) = 'object'),
  CONSTRAINT alert_definitions_seconds CHECK (dedupe_window_s >= 0 AND cooldown_s >= 0 AND ack_sla_s > 0),
  CONSTRAINT alert_definitions_escalation_array CHECK (jsonb_typeof(escalation) = 'array'),
  CONSTRAINT alert_definitions_channels_known
    CHECK (channels <@ ARRAY['IN_APP', 'WEBSOCKET', 'EMAIL', 'SMS', 'PUSH', 'VOICE', 'WEBHOOK'])
);
CREATE INDEX alert_definitions_category_ix ON alerts.alert_definitions (tenant_id, category, severity) WHERE enabled;
CREATE INDEX alert_definitions_source_ix ON alerts.alert_definitions (tenant_id, source);
CREATE UNIQUE INDEX alert_definitions_version_uq ON alerts.alert_definitions (tenant_id, code, version);
COMMENT ON TABLE alerts.alert_definitions IS
  'What raises an alert, whom it reaches and how it escalates; each version kept';
COMMENT ON COLUMN alerts.alert_definitions.condition IS 'Typed expression over codes; never code';
COMMENT ON COLUMN alerts.alert_definitions.escalation IS 'Ordered steps {after_s, targets, channels}';
COMMENT ON COLUMN alerts.alert_definitions.template_ids IS 'By channel and language';
COMMENT ON CONSTRAINT alert_definitions_condition_object ON alerts.alert_definitions IS 'Must be an object';
COMMENT ON CONSTRAINT alert_definitions_seconds ON alerts.alert_definitions IS 'Seconds are not negative';
COMMENT ON CONSTRAINT alert_definitions_escalation_array ON alerts.alert_definitions IS 'Must be a list of steps';
COMMENT ON CONSTRAINT alert_definitions_channels_known ON alerts.alert_definitions IS
  'Must be IN_APP, WEBSOCKET, EMAIL, SMS, PUSH, VOICE or WEBHOOK';
COMMENT ON INDEX alerts.alert_definitions_category_ix IS 'Definitions in force';
COMMENT ON INDEX alerts.alert_definitions_version_uq IS 'This version of the definition exists already';
CALL kernel.protect('alerts.alert_definitions', retention => 'operational');

CREATE TABLE alerts.alert_instances (
  tenant_id          uuid                  NOT NULL DEFAULT kernel.tenant(),
  id                 uuid                  NOT NULL,
  row_version        int                   NOT NULL DEFAULT 1,
  created_at         timestamptz           NOT NULL DEFAULT now(),
  updated_at         timestamptz           NOT NULL DEFAULT now(),
  created_by         uuid                  DEFAULT kernel.actor(),
  updated_by         uuid,
  definition_id      uuid,
  definition_version int,
  dedupe_key         kernel.code           NOT NULL,
  severity           alerts.alert_severity NOT NULL,
  category           alerts.alert_category NOT NULL,
  status             alerts.alert_status   NOT NULL DEFAULT 'ACTIVE',
  title              kernel.label          NOT NULL,
  body               kernel.sealed_text,
  patient_id         uuid,
  school_id          uuid,
  subject_ref        kernel.code,
  context            jsonb                 NOT NULL DEFAULT '{}',
  first_seen         timestamptz           NOT NULL DEFAULT now(),
  last_seen          timestamptz           NOT NULL DEFAULT now(),
  occurrences        int                   NOT NULL DEFAULT 1,
  acknowledged_by    uuid,
  acknowledged_at    timestamptz,
  ack_note           kernel.sealed_text,
  escalation_level   int                   NOT NULL DEFAULT 0,
  next_escalation_at timestamptz,
  snoozed_until      timestamptz,
  resolved_by        uuid,
  resolved_at        timestamptz,
  resolution_code    kernel.code,
  parent_id          uuid,
  CONSTRAINT alert_instances_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT alert_instances_definition_fk
    FOREIGN KEY (tenant_id, definition_id) REFERENCES alerts.alert_definitions (tenant_id, id),
  CONSTRAINT alert_instances_patient_fk FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT alert_instances_school_fk FOREIGN KEY (tenant_id, school_id) REFERENCES school.schools (tenant_id, id),
  CONSTRAINT alert_instances_acknowledged_by_fk
    FOREIGN KEY (tenant_id, acknowledged_by) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT alert_instances_resolved_by_fk FOREIGN KEY (tenant_id, resolved_by) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT alert_instances_parent_fk
    FOREIGN KEY (tenant_id, parent_id) REFERENCES alerts.alert_instances (tenant_id, id),
  CONSTRAINT alert_instances_counts CHECK (occurrences >= 1 AND escalation_level >= 0),
  CONSTRAINT alert_instances_acknowledged CHECK (acknowledged_at IS NULL OR acknowledged_by IS NOT NULL),
  CONSTRAINT alert_instances_resolved CHECK (resolved_at IS NOT NULL OR resolution_code IS NULL),
  CONSTRAINT alert_instances_not_own_parent CHECK (parent_id <> id)
);
CREATE INDEX alert_instances_acknowledged_by_ix ON alerts.alert_instances (tenant_id, acknowledged_by);
CREATE INDEX alert_instances_resolved_by_ix ON alerts.alert_instances (tenant_id, resolved_by);
CREATE INDEX alert_instances_status_ix ON alerts.alert_instances (tenant_id, status, severity, last_seen DESC);
CREATE INDEX alert_instances_school_ix ON alerts.alert_instances (tenant_id, school_id, status, last_seen DESC);
CREATE INDEX alert_instances_patient_ix ON alerts.alert_instances (tenant_id, patient_id, last_seen DESC);
CREATE INDEX alert_instances_escalation_ix ON alerts.alert_instances (tenant_id, next_escalation_at)
  WHERE next_escalation_at IS NOT NULL;
CREATE INDEX alert_instances_definition_ix ON alerts.alert_instances (tenant_id, definition_id, first_seen);
CREATE INDEX alert_instances_children_ix ON alerts.alert_instances (tenant_id, parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX alert_instances_parent_ix ON alerts.alert_instances (tenant_id, parent_id);
CREATE UNIQUE INDEX alert_instances_open_uq ON alerts.alert_instances (tenant_id, dedupe_key)
  WHERE status IN ('ACTIVE', 'ACKNOWLEDGED', 'ESCALATED', 'SNOOZED');
COMMENT ON TABLE alerts.alert_instances IS 'Alerts as they were raised; the title holds no health data';
COMMENT ON COLUMN alerts.alert_instances.definition_id IS 'NULL: raised by hand';
COMMENT ON COLUMN alerts.alert_instances.subject_ref IS 'The row it is about: schema.table and id';
COMMENT ON COLUMN alerts.alert_instances.context IS 'Codes only';
COMMENT ON COLUMN alerts.alert_instances.parent_id IS 'The alert that a storm was folded into';
COMMENT ON CONSTRAINT alert_instances_counts ON alerts.alert_instances IS 'Counts cannot be negative';
COMMENT ON CONSTRAINT alert_instances_acknowledged ON alerts.alert_instances IS 'An acknowledgement has a person';
COMMENT ON CONSTRAINT alert_instances_resolved ON alerts.alert_instances IS 'Only what is resolved says how';
COMMENT ON CONSTRAINT alert_instances_not_own_parent ON alerts.alert_instances IS 'An alert is not its own parent';
COMMENT ON INDEX alerts.alert_instances_escalation_ix IS 'What escalates next';
COMMENT ON INDEX alerts.alert_instances_children_ix IS 'Alerts of one storm';
COMMENT ON INDEX alerts.alert_instances_open_uq IS 'Such an alert is open already';
CALL kernel.protect('alerts.alert_instances',
  subject => 'patient_id', class => 'C2', key_class => 'clinical', retention => 'alerts');

CREATE TABLE alerts.alert_subscriptions (
  tenant_id        uuid            NOT NULL DEFAULT kernel.tenant(),
  id               uuid            NOT NULL,
  row_version      int             NOT NULL DEFAULT 1,
  created_at       timestamptz     NOT NULL DEFAULT now(),
  updated_at       timestamptz     NOT NULL DEFAULT now(),
  created_by       uuid            DEFAULT kernel.actor(),
  updated_by       uuid,
  user_id          uuid,
  role             kernel.code,
  on_call_list     kernel.code,
  filter           jsonb           NOT NULL DEFAULT '{}',
  channels         text[]          NOT NULL DEFAULT '{IN_APP}',
  quiet_hours      jsonb,
  digest           alerts.digest   NOT NULL DEFAULT 'IMMEDIATE',
  language         kernel.language,
  verified_contact boolean         NOT NULL DEFAULT false,
  muted_until      timestamptz,
  CONSTRAINT alert_subscriptions_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT alert_subscriptions_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT alert_subscriptions_subscriber CHECK (num_nonnulls(user_id, role, on_call_list) = 1),
  CONSTRAINT alert_subscriptions_channels_known
    CHECK (channels <@ ARRAY['IN_APP', 'WEBSOCKET', 'EMAIL', 'SMS', 'PUSH', 'VOICE', 'WEBHOOK'])
);
CREATE INDEX alert_subscriptions_user_ix ON alerts.alert_subscriptions (tenant_id, user_id);
CREATE INDEX alert_subscriptions_role_ix ON alerts.alert_subscriptions (tenant_id, role) WHERE role IS NOT NULL;
COMMENT ON TABLE alerts.alert_subscriptions IS 'Who wants to be told of what, how and when';
COMMENT ON COLUMN alerts.alert_subscriptions.role IS 'Name of a role; everybody who holds it';
COMMENT ON COLUMN alerts.alert_subscriptions.filter IS '{categories, min_severity, schools}';
COMMENT ON COLUMN alerts.alert_subscriptions.quiet_hours IS '{from, to, timezone}';
COMMENT ON CONSTRAINT alert_subscriptions_subscriber ON alerts.alert_subscriptions IS
  'Names a user, a role or an on-call list, and only one';
COMMENT ON CONSTRAINT alert_subscriptions_channels_known ON alerts.alert_subscriptions IS
  'Must be IN_APP, WEBSOCKET, EMAIL, SMS, PUSH, VOICE or WEBHOOK';
COMMENT ON INDEX alerts.alert_subscriptions_role_ix IS 'Subscriptions of a role';
CALL kernel.protect('alerts.alert_subscriptions', retention => 'operational');

CREATE TABLE alerts.alert_delivery_log (
  tenant_id          uuid                    NOT NULL DEFAULT kernel.tenant(),
  id                 uuid                    NOT NULL,
  row_version        int                     NOT NULL DEFAULT 1,
  created_at         timestamptz             NOT NULL DEFAULT now(),
  updated_at         timestamptz             NOT NULL DEFAULT now(),
  created_by         uuid                    DEFAULT kernel.actor(),
  updated_by         uuid,
  instance_id        uuid                    NOT NULL,
  recipient_id       uuid,
  channel            alerts.delivery_channel NOT NULL,
  attempt            int                     NOT NULL DEFAULT 1,
  status             alerts.delivery_status  NOT NULL DEFAULT 'QUEUED',
  suppression_reason kernel.code,
  provider_ref       kernel.code,
  latency_ms         int,
  payload_hash       bytea,
  at                 timestamptz             NOT NULL DEFAULT now(),
  CONSTRAINT alert_delivery_log_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT alert_delivery_log_instance_fk
    FOREIGN KEY (tenant_id, instance_id) REFERENCES alerts.alert_instances (tenant_id, id),
  CONSTRAINT alert_delivery_log_recipient_fk
    FOREIGN KEY (tenant_id, recipient_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT alert_delivery_log_counts CHECK (attempt >= 1 AND latency_ms >= 0),
  CONSTRAINT alert_delivery_log_hash_length CHECK (octet_length(payload_hash) = 32),
  CONSTRAINT alert_delivery_log_suppressed CHECK ((status = 'SUPPRESSED') = (suppression_reason IS NOT NULL))
);
CREATE INDEX alert_delivery_log_instance_ix ON alerts.alert_delivery_log (tenant_id, instance_id, at);
CREATE INDEX alert_delivery_log_recipient_ix ON alerts.alert_delivery_log (tenant_id, recipient_id, at DESC);
CREATE INDEX alert_delivery_log_waiting_ix ON alerts.alert_delivery_log (tenant_id, status, at)
  WHERE status IN ('QUEUED', 'FAILED');
COMMENT ON TABLE alerts.alert_delivery_log IS 'One row for each recipient, channel and attempt';
COMMENT ON COLUMN alerts.alert_delivery_log.provider_ref IS 'The provider''s name of the message';
COMMENT ON CONSTRAINT alert_delivery_log_counts ON alerts.alert_delivery_log IS 'Counts cannot be negative';
COMMENT ON CONSTRAINT alert_delivery_log_hash_length ON alerts.alert_delivery_log IS 'Must be a SHA-256';
COMMENT ON CONSTRAINT alert_delivery_log_suppressed ON alerts.alert_delivery_log IS
  'What is suppressed, and only that, says why';
COMMENT ON INDEX alerts.alert_delivery_log_waiting_ix IS 'What is still to be sent';
CALL kernel.protect('alerts.alert_delivery_log', retention => 'alerts');
