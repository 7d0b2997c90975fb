-- Reports that can be made, and those that were.
CREATE SCHEMA reports;
COMMENT ON SCHEMA reports IS 'Reports, exports and shared documents: what can leave, and what left';
GRANT USAGE ON SCHEMA reports TO salus_app, salus_reader, salus_sealer, salus_backup;
CREATE DOMAIN reports.report_format AS text CONSTRAINT report_format_values
  CHECK (VALUE IN (
    'PDF', 'XLSX', 'CSV', 'HTML'));
COMMENT ON DOMAIN reports.report_format IS 'Form of a report';
COMMENT ON CONSTRAINT report_format_values ON DOMAIN reports.report_format IS 'Must be PDF, XLSX, CSV or HTML';
CREATE DOMAIN reports.report_status AS text CONSTRAINT report_status_values
  CHECK (VALUE IN (
    'QUEUED', 'RENDERING', 'READY', 'FAILED', 'EXPIRED', 'REVOKED'));
COMMENT ON DOMAIN reports.report_status IS 'Where a report stands';
COMMENT ON CONSTRAINT report_status_values ON DOMAIN reports.report_status IS
  'Must be QUEUED, RENDERING, READY, FAILED, EXPIRED or REVOKED';
CREATE DOMAIN reports.classification AS text CONSTRAINT classification_values
  CHECK (VALUE IN (
    'C1', 'C2', 'C3', 'C4'));
COMMENT ON DOMAIN reports.classification IS 'Class of what a report holds';
COMMENT ON CONSTRAINT classification_values ON DOMAIN reports.classification IS 'Must be C1, C2, C3 or C4';
CREATE DOMAIN reports.paper AS text CONSTRAINT paper_values CHECK (VALUE IN ('LETTER', 'A4'));
COMMENT ON DOMAIN reports.paper IS 'Size of a page';
COMMENT ON CONSTRAINT paper_values ON DOMAIN reports.paper IS 'Must be LETTER or A4';

CREATE TABLE reports.report_definitions (
  tenant_id            uuid                   NOT NULL DEFAULT kernel.tenant(),
  id                   uuid                   NOT NULL,
  row_version          int                    NOT NULL DEFAULT 1,
  created_at           timestamptz            NOT NULL DEFAULT now(),
  updated_at           timestamptz            NOT NULL DEFAULT now(),
  created_by           uuid                   DEFAULT kernel.actor(),
  updated_by           uuid,
  code                 kernel.code            NOT NULL,
  name                 kernel.label           NOT NULL,
  category             kernel.code            NOT NULL,
  template_id          kernel.code            NOT NULL,
  template_version     int                    NOT NULL DEFAULT 1,
  parameters_schema    jsonb                  NOT NULL DEFAULT '{}',
  data_query_ref       kernel.code            NOT NULL,
  output               reports.report_format  NOT NULL DEFAULT 'PDF',
  classification       reports.classification NOT NULL,
  default_expiry_hours int                    NOT NULL DEFAULT 168,
  roles                text[]                 NOT NULL DEFAULT '{}',
  paper                reports.paper          NOT NULL DEFAULT 'LETTER',
  watermark            boolean                NOT NULL DEFAULT false,
  schedulable          boolean                NOT NULL DEFAULT false,
  CONSTRAINT report_definitions_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT report_definitions_code_uq UNIQUE (tenant_id, code),
  CONSTRAINT report_definitions_expiry CHECK (default_expiry_hours >= 1 AND default_expiry_hours <= 8760),
  CONSTRAINT report_definitions_parameters_object CHECK (jsonb_typeof(parameters_schema) = 'object')
);
CREATE INDEX report_definitions_category_ix ON reports.report_definitions (tenant_id, category);
COMMENT ON TABLE reports.report_definitions IS 'Reports that can be made';
COMMENT ON COLUMN reports.report_definitions.parameters_schema IS 'JSON Schema of the parameters';
COMMENT ON CONSTRAINT report_definitions_code_uq ON reports.report_definitions IS
  'A report of this code exists already';
COMMENT ON CONSTRAINT report_definitions_expiry ON reports.report_definitions IS 'Must be 1 hour to a year';
COMMENT ON CONSTRAINT report_definitions_parameters_object ON reports.report_definitions IS 'Must be an object';
CALL kernel.protect('reports.report_definitions', retention => 'operational');

CREATE TABLE reports.report_instances (
  tenant_id          uuid                  NOT NULL DEFAULT kernel.tenant(),
  id                 uuid                  NOT NULL,
  row_version        int                   NOT NULL DEFAULT 1,
  created_at         timestamptz           NOT NULL DEFAULT now(),
  updated_at         timestamptz           NOT NULL DEFAULT now(),
  created_by         uuid                  DEFAULT kernel.actor(),
  updated_by         uuid,
  definition_id      uuid                  NOT NULL,
  definition_version int                   NOT NULL DEFAULT 1,
  parameters         jsonb                 NOT NULL DEFAULT '{}',
  status             reports.report_status NOT NULL DEFAULT 'QUEUED',
  requested_by       uuid                  NOT NULL,
  purpose            kernel.code           NOT NULL,
  row_count          int,
  page_count         int,
  file_ref           kernel.sealed_text,
  sha256             bytea,
  size_bytes         bigint,
  started_at         timestamptz,
  finished_at        timestamptz,
  expires_at         timestamptz,
  download_count     int                   NOT NULL DEFAULT 0,
  error              kernel.code,
  CONSTRAINT report_instances_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT report_instances_definition_fk
    FOREIGN KEY (tenant_id, definition_id) REFERENCES reports.report_definitions (tenant_id, id),
  CONSTRAINT report_instances_requested_by_fk
    FOREIGN KEY (tenant_id, requested_by) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT report_instances_counts
    CHECK (row_count >= 0 AND page_count >= 0 AND size_bytes >= 0 AND download_count >= 0),
  CONSTRAINT report_instances_ready CHECK (status <> 'READY' OR (file_ref IS NOT NULL AND expires_at IS NOT NULL)),
  CONSTRAINT report_instances_sha256_length CHECK (octet_length(sha256) = 32)
);
CREATE INDEX report_instances_definition_ix ON reports.report_instances (tenant_id, definition_id);
CREATE INDEX report_instances_requested_by_ix ON reports.report_instances (tenant_id, requested_by);
CREATE INDEX report_instances_expiry_ix ON reports.report_instances (tenant_id, expires_at) WHERE status = 'READY';
COMMENT ON TABLE reports.report_instances IS 'Reports that were made; the file itself is sealed and expires';
COMMENT ON CONSTRAINT report_instances_counts ON reports.report_instances IS 'Counts cannot be negative';
COMMENT ON CONSTRAINT report_instances_ready ON reports.report_instances IS
  'A report that is ready has a file and an end';
COMMENT ON CONSTRAINT report_instances_sha256_length ON reports.report_instances IS 'Must be a SHA-256';
COMMENT ON INDEX reports.report_instances_expiry_ix IS 'What expires next';
CALL kernel.protect('reports.report_instances', class => 'C2', key_class => 'documents', retention => 'export_files');
