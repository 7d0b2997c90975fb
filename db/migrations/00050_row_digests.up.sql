-- A digest of every stored row in the audit event of its last change, what is made of them, and alerts that people close.

CREATE SEQUENCE kernel.row_changes;
COMMENT ON SEQUENCE kernel.row_changes IS 'A number for each change of a row: of two digests of a row the greater is the newer';
GRANT USAGE ON SEQUENCE kernel.row_changes TO salus_app;
GRANT SELECT ON SEQUENCE kernel.row_changes TO salus_backup;

-- Not marked: what is made anew from other rows, what changes at every request or by a task that has no event, and the
-- audit log, which has its own proof.
DO $$
DECLARE
  tbl text;
BEGIN
  FOR tbl IN
    SELECT t.table_name FROM kernel.tables t
     WHERE t.shared_reason IS NULL AND t.table_name NOT IN (
       'kernel.keys', 'kernel.subject_keys', 'kernel.search_tokens', 'kernel.outbox', 'kernel.idempotency_keys',
       'kernel.key_rotation_history', 'kernel.encrypted_field_metadata', 'audit.activity_logs', 'audit.event_subjects',
       'audit.tamper_alerts', 'auth.sessions', 'auth.refresh_tokens', 'auth.login_history')
  LOOP
    CALL kernel.mark(tbl::regclass);
  END LOOP;
END $$;
CALL kernel.mark('auth.api_keys', '{last_used_at,row_version,updated_at,updated_by}');

CREATE DOMAIN audit.checksum_state AS text CONSTRAINT checksum_state_values
  CHECK (VALUE IN ('VALID', 'MISMATCH', 'MISSING', 'RESEALED'));
COMMENT ON DOMAIN audit.checksum_state IS
  'VALID: as last written; MISMATCH: changed behind the product; MISSING: removed behind it; RESEALED: taken as it is by a person';
COMMENT ON CONSTRAINT checksum_state_values ON DOMAIN audit.checksum_state IS 'Must be VALID, MISMATCH, MISSING or RESEALED';

CREATE TABLE audit.data_integrity_checksums (
  tenant_id     uuid        NOT NULL DEFAULT kernel.tenant(),
  id            uuid        NOT NULL,
  table_name    text        NOT NULL,
  row_id        uuid        NOT NULL,
  row_version   int         NOT NULL DEFAULT 0,
  algorithm     text        NOT NULL DEFAULT 'HMAC-SHA-256',
  checksum      audit.sha256 NOT NULL,
  chain_seq     bigint      NOT NULL,
  prev_checksum audit.sha256,
  event_id      uuid        NOT NULL,
  recorded_at   timestamptz NOT NULL,
  computed_at   timestamptz NOT NULL DEFAULT now(),
  verified_at   timestamptz,
  state         audit.checksum_state NOT NULL DEFAULT 'VALID',
  CONSTRAINT data_integrity_checksums_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT data_integrity_checksums_row_uq UNIQUE (tenant_id, table_name, row_id)
);
CREATE INDEX data_integrity_checksums_verified_ix ON audit.data_integrity_checksums (tenant_id, verified_at NULLS FIRST);
COMMENT ON TABLE audit.data_integrity_checksums IS
  'The last digest of each row, taken from the sealed events that have them; can be rebuilt from the log at any time';
COMMENT ON COLUMN audit.data_integrity_checksums.checksum IS
  'HMAC-SHA-256 under a key derived from the root key, of the SHA-256 of the row''s canonical image (RFC 8785)';
COMMENT ON COLUMN audit.data_integrity_checksums.chain_seq IS 'The number of the change: of two digests the greater is the newer';
COMMENT ON COLUMN audit.data_integrity_checksums.prev_checksum IS 'The digest before, when this table had it';
COMMENT ON COLUMN audit.data_integrity_checksums.event_id IS 'The audit event that has the digest';
COMMENT ON COLUMN audit.data_integrity_checksums.recorded_at IS 'When that event was recorded';
COMMENT ON COLUMN audit.data_integrity_checksums.computed_at IS 'When the digest was taken from the log';
COMMENT ON COLUMN audit.data_integrity_checksums.verified_at IS 'When the row was last held against it';
COMMENT ON CONSTRAINT data_integrity_checksums_row_uq ON audit.data_integrity_checksums IS 'A row has one last digest';
COMMENT ON INDEX audit.data_integrity_checksums_verified_ix IS 'Rows that were held against their digest longest ago';
CALL kernel.protect('audit.data_integrity_checksums', retention => 'follows_row');
CALL kernel.unmark('audit.data_integrity_checksums');
DROP TRIGGER touch ON audit.data_integrity_checksums; -- its row_version is that of the row it is about

-- Alerts about rows, and what a person decided about an alert.
CREATE DOMAIN audit.alert_state AS text CONSTRAINT alert_state_values CHECK (VALUE IN ('OPEN', 'ACKNOWLEDGED', 'CLOSED'));
COMMENT ON DOMAIN audit.alert_state IS 'OPEN: nobody has looked; ACKNOWLEDGED: somebody is at it; CLOSED: explained';
COMMENT ON CONSTRAINT alert_state_values ON DOMAIN audit.alert_state IS 'Must be OPEN, ACKNOWLEDGED or CLOSED';
ALTER TABLE audit.tamper_alerts
  ADD COLUMN row_version int NOT NULL DEFAULT 1,
  ADD COLUMN updated_at  timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN created_by  uuid DEFAULT kernel.actor(),
  ADD COLUMN updated_by  uuid,
  ADD COLUMN table_name  text,
  ADD COLUMN row_id      uuid,
  ADD COLUMN state       audit.alert_state NOT NULL DEFAULT 'OPEN',
  ADD COLUMN decided_at  timestamptz,
  ADD COLUMN decided_by  uuid,
  ADD COLUMN reason      kernel.prose,
  ADD CONSTRAINT tamper_alerts_decided CHECK ((state = 'OPEN') = (decided_at IS NULL) AND (state = 'OPEN') = (reason IS NULL)),
  DROP CONSTRAINT tamper_alerts_once_uq,
  ADD CONSTRAINT tamper_alerts_once_uq UNIQUE NULLS NOT DISTINCT (tenant_id, noted_on, kind, leaf_index, event_id, table_name, row_id);
CREATE INDEX tamper_alerts_open_ix ON audit.tamper_alerts (tenant_id, created_at DESC) WHERE state <> 'CLOSED';
COMMENT ON COLUMN audit.tamper_alerts.table_name IS 'The table, when it is about a row';
COMMENT ON COLUMN audit.tamper_alerts.row_id IS 'The row, when it is about one';
COMMENT ON COLUMN audit.tamper_alerts.decided_at IS 'When a person acknowledged or closed it';
COMMENT ON COLUMN audit.tamper_alerts.decided_by IS 'Who';
COMMENT ON COLUMN audit.tamper_alerts.reason IS 'What that person found; it is not sealed, so name nobody';
COMMENT ON CONSTRAINT tamper_alerts_once_uq ON audit.tamper_alerts IS 'This sign was noted today already';
COMMENT ON CONSTRAINT tamper_alerts_decided ON audit.tamper_alerts IS 'An alert that is not open says when and why it was decided';
COMMENT ON INDEX audit.tamper_alerts_open_ix IS 'What is to be looked at';
INSERT INTO kernel.fields (column_id, table_name, column_name, class)
  SELECT kernel.column_id('audit.tamper_alerts', c), 'audit.tamper_alerts', c, 'C1'
    FROM unnest('{row_version,updated_at,created_by,updated_by,table_name,row_id,state,decided_at,decided_by,reason}'::text[]) c;
UPDATE kernel.tables SET append_only = false WHERE table_name = 'audit.tamper_alerts';
DROP TRIGGER refuse_change ON audit.tamper_alerts;
CREATE TRIGGER touch BEFORE UPDATE ON audit.tamper_alerts FOR EACH ROW EXECUTE FUNCTION kernel.touch();
CREATE TRIGGER refuse_change BEFORE DELETE ON audit.tamper_alerts FOR EACH ROW EXECUTE FUNCTION kernel.refuse_change();
GRANT UPDATE (state, decided_at, decided_by, reason) ON audit.tamper_alerts TO salus_app;
