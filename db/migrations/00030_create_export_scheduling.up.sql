-- Exports at set times, and each time one ran.
CREATE DOMAIN reports.export_format AS text CONSTRAINT export_format_values
  CHECK (VALUE IN (
    'CSV', 'XLSX', 'JSON', 'PDF', 'PARQUET'));
COMMENT ON DOMAIN reports.export_format IS 'Form of an export';
COMMENT ON CONSTRAINT export_format_values ON DOMAIN reports.export_format IS 'Must be CSV, XLSX, JSON, PDF or PARQUET';
CREATE DOMAIN reports.export_job_status AS text CONSTRAINT export_job_status_values
  CHECK (VALUE IN (
    'QUEUED', 'RUNNING', 'UPLOADING', 'COMPLETED', 'COMPLETED_EMPTY', 'FAILED', 'CANCELLED', 'EXPIRED'));
COMMENT ON DOMAIN reports.export_job_status IS 'Where an export stands';
COMMENT ON CONSTRAINT export_job_status_values ON DOMAIN reports.export_job_status IS
  'Must be QUEUED, RUNNING, UPLOADING, COMPLETED, COMPLETED_EMPTY, FAILED, CANCELLED or EXPIRED';
CREATE DOMAIN reports.compression AS text CONSTRAINT compression_values CHECK (VALUE IN ('NONE', 'ZIP', 'GZIP'));
COMMENT ON DOMAIN reports.compression IS 'How an export is packed';
COMMENT ON CONSTRAINT compression_values ON DOMAIN reports.compression IS 'Must be NONE, ZIP or GZIP';
CREATE DOMAIN reports.destination_kind AS text CONSTRAINT destination_kind_values
  CHECK (VALUE IN (
    'LOCAL', 'SFTP', 'S3', 'HTTPS_PUT', 'EMAIL_LINK', 'SHARE'));
COMMENT ON DOMAIN reports.destination_kind IS 'Where an export goes';
COMMENT ON CONSTRAINT destination_kind_values ON DOMAIN reports.destination_kind IS
  'Must be LOCAL, SFTP, S3, HTTPS_PUT, EMAIL_LINK or SHARE';
CREATE DOMAIN reports.export_encryption AS text CONSTRAINT export_encryption_values
  CHECK (VALUE IN (
    'NONE', 'ZIP_AES256', 'PGP', 'AGE'));
COMMENT ON DOMAIN reports.export_encryption IS 'How an export is closed';
COMMENT ON CONSTRAINT export_encryption_values ON DOMAIN reports.export_encryption IS
  'Must be NONE, ZIP_AES256, PGP or AGE';
CREATE DOMAIN reports.delta_mode AS text CONSTRAINT delta_mode_values CHECK (VALUE IN ('FULL', 'SINCE_LAST'));
COMMENT ON DOMAIN reports.delta_mode IS 'What an export holds';
COMMENT ON CONSTRAINT delta_mode_values ON DOMAIN reports.delta_mode IS 'Must be FULL or SINCE_LAST';
CREATE DOMAIN reports.de_identification AS text CONSTRAINT de_identification_values
  CHECK (VALUE IN (
    'NONE', 'LIMITED', 'SAFE_HARBOR'));
COMMENT ON DOMAIN reports.de_identification IS 'What is taken out of an export';
COMMENT ON CONSTRAINT de_identification_values ON DOMAIN reports.de_identification IS
  'Must be NONE, LIMITED or SAFE_HARBOR';

CREATE TABLE reports.scheduled_exports (
  tenant_id         uuid                      NOT NULL DEFAULT kernel.tenant(),
  id                uuid                      NOT NULL,
  row_version       int                       NOT NULL DEFAULT 1,
  created_at        timestamptz               NOT NULL DEFAULT now(),
  updated_at        timestamptz               NOT NULL DEFAULT now(),
  created_by        uuid                      DEFAULT kernel.actor(),
  updated_by        uuid,
  name              kernel.label              NOT NULL,
  dataset           kernel.code               NOT NULL,
  columns           text[]                    NOT NULL DEFAULT '{}',
  filters           jsonb                     NOT NULL DEFAULT '{}',
  format            reports.export_format     NOT NULL,
  compression       reports.compression       NOT NULL DEFAULT 'NONE',
  cron              kernel.code               NOT NULL,
  timezone          kernel.code               NOT NULL,
  destination_kind  reports.destination_kind  NOT NULL,
  destination       kernel.sealed_json        NOT NULL,
  encryption        reports.export_encryption NOT NULL DEFAULT 'ZIP_AES256',
  delta_mode        reports.delta_mode        NOT NULL DEFAULT 'FULL',
  de_identification reports.de_identification NOT NULL DEFAULT 'NONE',
  legal_basis       kernel.code,
  owner_id          uuid                      NOT NULL,
  active            boolean                   NOT NULL DEFAULT true,
  next_run_at       timestamptz,
  last_status       reports.export_job_status,
  max_rows          int,
  retention_days    int                       NOT NULL DEFAULT 7,
  CONSTRAINT scheduled_exports_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT scheduled_exports_owner_fk FOREIGN KEY (tenant_id, owner_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT scheduled_exports_name_uq UNIQUE (tenant_id, name),
  CONSTRAINT scheduled_exports_limits CHECK (max_rows >= 1 AND retention_days >= 1)
);
CREATE INDEX scheduled_exports_owner_ix ON reports.scheduled_exports (tenant_id, owner_id);
CREATE INDEX scheduled_exports_due_ix ON reports.scheduled_exports (tenant_id, next_run_at) WHERE active;
COMMENT ON TABLE reports.scheduled_exports IS 'Exports that run at set times';
COMMENT ON COLUMN reports.scheduled_exports.cron IS 'Five fields, in the time zone beside it';
COMMENT ON COLUMN reports.scheduled_exports.destination IS 'Address and credentials';
COMMENT ON CONSTRAINT scheduled_exports_name_uq ON reports.scheduled_exports IS 'An export of this name exists already';
COMMENT ON CONSTRAINT scheduled_exports_limits ON reports.scheduled_exports IS 'Must be at least 1';
COMMENT ON INDEX reports.scheduled_exports_due_ix IS 'What runs next';
CALL kernel.protect('reports.scheduled_exports', class => 'C1', key_class => 'secrets', retention => 'operational');
CALL kernel.classify('reports.scheduled_exports', 'destination', phi => 'secret');

CREATE TABLE reports.export_jobs (
  tenant_id      uuid                      NOT NULL DEFAULT kernel.tenant(),
  id             uuid                      NOT NULL,
  row_version    int                       NOT NULL DEFAULT 1,
  created_at     timestamptz               NOT NULL DEFAULT now(),
  updated_at     timestamptz               NOT NULL DEFAULT now(),
  created_by     uuid                      DEFAULT kernel.actor(),
  updated_by     uuid,
  schedule_id    uuid,
  status         reports.export_job_status NOT NULL DEFAULT 'QUEUED',
  watermark_from timestamptz,
  watermark_to   timestamptz,
  rows           bigint,
  bytes          bigint,
  sha256         bytea,
  manifest       jsonb                     NOT NULL DEFAULT '{}',
  attempts       int                       NOT NULL DEFAULT 0,
  error          kernel.code,
  started_at     timestamptz,
  finished_at    timestamptz,
  delivered_at   timestamptz,
  receipt        kernel.code,
  CONSTRAINT export_jobs_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT export_jobs_schedule_fk
    FOREIGN KEY (tenant_id, schedule_id) REFERENCES reports.scheduled_exports (tenant_id, id),
  CONSTRAINT export_jobs_counts CHECK (rows >= 0 AND bytes >= 0 AND attempts >= 0),
  CONSTRAINT export_jobs_sha256_length CHECK (octet_length(sha256) = 32),
  CONSTRAINT export_jobs_window_order CHECK (watermark_to >= watermark_from)
);
CREATE INDEX export_jobs_schedule_ix ON reports.export_jobs (tenant_id, schedule_id, started_at DESC);
COMMENT ON TABLE reports.export_jobs IS 'Runs of exports';
COMMENT ON COLUMN reports.export_jobs.schedule_id IS 'NULL: run once, by hand';
COMMENT ON CONSTRAINT export_jobs_counts ON reports.export_jobs IS 'Counts cannot be negative';
COMMENT ON CONSTRAINT export_jobs_sha256_length ON reports.export_jobs IS 'Must be a SHA-256';
COMMENT ON CONSTRAINT export_jobs_window_order ON reports.export_jobs IS 'Cannot end before it begins';
CALL kernel.protect('reports.export_jobs', retention => 'operational');
