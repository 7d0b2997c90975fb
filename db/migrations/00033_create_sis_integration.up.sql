-- Student information systems: how rosters come, each run, and what went wrong.
CREATE DOMAIN exchange.sis_vendor AS text CONSTRAINT sis_vendor_values
  CHECK (VALUE IN (
    'POWERSCHOOL', 'INFINITE_CAMPUS', 'SKYWARD', 'ONEROSTER_GENERIC', 'CSV_SFTP', 'ED_FI'));
COMMENT ON DOMAIN exchange.sis_vendor IS 'Which student information system';
COMMENT ON CONSTRAINT sis_vendor_values ON DOMAIN exchange.sis_vendor IS
  'Must be POWERSCHOOL, INFINITE_CAMPUS, SKYWARD, ONEROSTER_GENERIC, CSV_SFTP or ED_FI';
CREATE DOMAIN exchange.sync_direction AS text CONSTRAINT sync_direction_values
  CHECK (VALUE IN (
    'IMPORT_ONLY', 'EXPORT_ONLY', 'BIDIRECTIONAL'));
COMMENT ON DOMAIN exchange.sync_direction IS 'Which way records go';
COMMENT ON CONSTRAINT sync_direction_values ON DOMAIN exchange.sync_direction IS
  'Must be IMPORT_ONLY, EXPORT_ONLY or BIDIRECTIONAL';
CREATE DOMAIN exchange.sync_job_status AS text CONSTRAINT sync_job_status_values
  CHECK (VALUE IN (
    'QUEUED', 'RUNNING', 'PAUSED_SAFETY', 'COMPLETED', 'COMPLETED_WITH_ERRORS', 'FAILED', 'CANCELLED'));
COMMENT ON DOMAIN exchange.sync_job_status IS 'Where a run stands';
COMMENT ON CONSTRAINT sync_job_status_values ON DOMAIN exchange.sync_job_status IS
  'Must be QUEUED, RUNNING, PAUSED_SAFETY, COMPLETED, COMPLETED_WITH_ERRORS, FAILED or CANCELLED';
CREATE DOMAIN exchange.sis_protocol AS text CONSTRAINT sis_protocol_values
  CHECK (VALUE IN (
    'ONEROSTER_1_1_REST', 'ONEROSTER_1_2_REST', 'ONEROSTER_CSV', 'POWERSCHOOL_NATIVE', 'SKYWARD_NATIVE'));
COMMENT ON DOMAIN exchange.sis_protocol IS 'How a system is spoken to';
COMMENT ON CONSTRAINT sis_protocol_values ON DOMAIN exchange.sis_protocol IS
  'Must be ONEROSTER_1_1_REST, ONEROSTER_1_2_REST, ONEROSTER_CSV, POWERSCHOOL_NATIVE or SKYWARD_NATIVE';
CREATE DOMAIN exchange.delete_policy AS text CONSTRAINT delete_policy_values
  CHECK (VALUE IN (
    'DEACTIVATE', 'FLAG', 'IGNORE'));
COMMENT ON DOMAIN exchange.delete_policy IS 'What happens to what the source no longer has';
COMMENT ON CONSTRAINT delete_policy_values ON DOMAIN exchange.delete_policy IS 'Must be DEACTIVATE, FLAG or IGNORE';
CREATE DOMAIN exchange.sync_mode AS text CONSTRAINT sync_mode_values
  CHECK (VALUE IN (
    'FULL', 'DELTA', 'DRY_RUN', 'RETRY_ERRORS'));
COMMENT ON DOMAIN exchange.sync_mode IS 'What a run does';
COMMENT ON CONSTRAINT sync_mode_values ON DOMAIN exchange.sync_mode IS 'Must be FULL, DELTA, DRY_RUN or RETRY_ERRORS';
CREATE DOMAIN exchange.sync_error_state AS text CONSTRAINT sync_error_state_values
  CHECK (VALUE IN (
    'OPEN', 'RETRYING', 'RESOLVED', 'IGNORED'));
COMMENT ON DOMAIN exchange.sync_error_state IS 'Where an error stands';
COMMENT ON CONSTRAINT sync_error_state_values ON DOMAIN exchange.sync_error_state IS
  'Must be OPEN, RETRYING, RESOLVED or IGNORED';
CREATE DOMAIN exchange.sync_error_severity AS text CONSTRAINT sync_error_severity_values
  CHECK (VALUE IN (
    'INFO', 'WARNING', 'ERROR'));
COMMENT ON DOMAIN exchange.sync_error_severity IS 'How bad an error is';
COMMENT ON CONSTRAINT sync_error_severity_values ON DOMAIN exchange.sync_error_severity IS
  'Must be INFO, WARNING or ERROR';

CREATE TABLE exchange.sis_sync_configs (
  tenant_id      uuid                    NOT NULL DEFAULT kernel.tenant(),
  id             uuid                    NOT NULL,
  row_version    int                     NOT NULL DEFAULT 1,
  created_at     timestamptz             NOT NULL DEFAULT now(),
  updated_at     timestamptz             NOT NULL DEFAULT now(),
  created_by     uuid                    DEFAULT kernel.actor(),
  updated_by     uuid,
  name           kernel.label            NOT NULL,
  vendor         exchange.sis_vendor     NOT NULL,
  protocol       exchange.sis_protocol   NOT NULL,
  base_url       kernel.label,
  token_url      kernel.label,
  credentials    kernel.sealed_json,
  scopes         text[]                  NOT NULL DEFAULT '{}',
  direction      exchange.sync_direction NOT NULL DEFAULT 'IMPORT_ONLY',
  entity_set     text[]                  NOT NULL DEFAULT '{}',
  field_mappings jsonb                   NOT NULL DEFAULT '[]',
  cron           kernel.code,
  school_ids     text[]                  NOT NULL DEFAULT '{}',
  delta_enabled  boolean                 NOT NULL DEFAULT true,
  delete_policy  exchange.delete_policy  NOT NULL DEFAULT 'FLAG',
  safety_limits  jsonb                   NOT NULL DEFAULT '{}',
  active         boolean                 NOT NULL DEFAULT true,
  CONSTRAINT sis_sync_configs_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT sis_sync_configs_name_uq UNIQUE (tenant_id, name)
);
CREATE INDEX sis_sync_configs_active_ix ON exchange.sis_sync_configs (tenant_id, active);
COMMENT ON TABLE exchange.sis_sync_configs IS 'Student information systems a tenant takes rosters from';
COMMENT ON COLUMN exchange.sis_sync_configs.school_ids IS 'Which schools; none: all';
COMMENT ON CONSTRAINT sis_sync_configs_name_uq ON exchange.sis_sync_configs IS
  'A connection of this name exists already';
CALL kernel.protect('exchange.sis_sync_configs', class => 'C1', key_class => 'secrets', retention => 'operational');
CALL kernel.classify('exchange.sis_sync_configs', 'credentials', phi => 'secret');

CREATE TABLE exchange.sis_sync_jobs (
  tenant_id     uuid                     NOT NULL DEFAULT kernel.tenant(),
  id            uuid                     NOT NULL,
  row_version   int                      NOT NULL DEFAULT 1,
  created_at    timestamptz              NOT NULL DEFAULT now(),
  updated_at    timestamptz              NOT NULL DEFAULT now(),
  created_by    uuid                     DEFAULT kernel.actor(),
  updated_by    uuid,
  config_id     uuid                     NOT NULL,
  mode          exchange.sync_mode       NOT NULL,
  status        exchange.sync_job_status NOT NULL DEFAULT 'QUEUED',
  started_at    timestamptz,
  finished_at   timestamptz,
  watermark     kernel.code,
  counters      jsonb                    NOT NULL DEFAULT '{}',
  safety_report jsonb,
  snapshot_ref  kernel.code,
  approved_by   uuid,
  CONSTRAINT sis_sync_jobs_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT sis_sync_jobs_config_fk
    FOREIGN KEY (tenant_id, config_id) REFERENCES exchange.sis_sync_configs (tenant_id, id),
  CONSTRAINT sis_sync_jobs_approved_by_fk FOREIGN KEY (tenant_id, approved_by) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT sis_sync_jobs_period CHECK (finished_at >= started_at)
);
CREATE INDEX sis_sync_jobs_approved_by_ix ON exchange.sis_sync_jobs (tenant_id, approved_by);
CREATE INDEX sis_sync_jobs_config_ix ON exchange.sis_sync_jobs (tenant_id, config_id, started_at DESC);
COMMENT ON TABLE exchange.sis_sync_jobs IS 'Runs of roster synchronisation';
COMMENT ON CONSTRAINT sis_sync_jobs_period ON exchange.sis_sync_jobs IS 'Cannot end before it begins';
CALL kernel.protect('exchange.sis_sync_jobs', retention => 'operational');

CREATE TABLE exchange.sis_sync_errors (
  tenant_id   uuid                      NOT NULL DEFAULT kernel.tenant(),
  id          uuid                      NOT NULL,
  row_version int                       NOT NULL DEFAULT 1,
  created_at  timestamptz               NOT NULL DEFAULT now(),
  updated_at  timestamptz               NOT NULL DEFAULT now(),
  created_by  uuid                      DEFAULT kernel.actor(),
  updated_by  uuid,
  job_id      uuid                      NOT NULL,
  entity      kernel.code               NOT NULL,
  source_id   kernel.code,
  field       kernel.code,
  code        kernel.code               NOT NULL,
  message     kernel.prose              NOT NULL,
  payload     kernel.sealed_json,
  severity    exchange.sync_error_severity NOT NULL DEFAULT 'ERROR',
  state       exchange.sync_error_state NOT NULL DEFAULT 'OPEN',
  resolution  kernel.code,
  fingerprint kernel.code               NOT NULL,
  occurrences int                       NOT NULL DEFAULT 1,
  CONSTRAINT sis_sync_errors_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT sis_sync_errors_job_fk FOREIGN KEY (tenant_id, job_id) REFERENCES exchange.sis_sync_jobs (tenant_id, id),
  CONSTRAINT sis_sync_errors_fingerprint_uq UNIQUE (tenant_id, job_id, fingerprint),
  CONSTRAINT sis_sync_errors_counts CHECK (occurrences >= 1)
);
CREATE INDEX sis_sync_errors_job_ix ON exchange.sis_sync_errors (tenant_id, job_id, state, code);
COMMENT ON TABLE exchange.sis_sync_errors IS 'What went wrong in a run, in words a person can act on';
COMMENT ON COLUMN exchange.sis_sync_errors.fingerprint IS 'Errors that are the same have the same';
COMMENT ON CONSTRAINT sis_sync_errors_fingerprint_uq ON exchange.sis_sync_errors IS
  'This error of the run is there already: it is counted';
COMMENT ON CONSTRAINT sis_sync_errors_counts ON exchange.sis_sync_errors IS 'Is counted from 1';
CALL kernel.protect('exchange.sis_sync_errors', class => 'C2', key_class => 'identity', retention => 'operational');
