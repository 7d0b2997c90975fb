-- lossy: digests of rows are not taken any more; what was decided about alerts goes, and alerts about rows
DROP TRIGGER refuse_change ON audit.tamper_alerts;
DROP TRIGGER touch ON audit.tamper_alerts;
-- Alerts about rows of all tenants.
ALTER TABLE audit.tamper_alerts NO FORCE ROW LEVEL SECURITY;
DELETE FROM audit.tamper_alerts WHERE table_name IS NOT NULL;
ALTER TABLE audit.tamper_alerts FORCE ROW LEVEL SECURITY;
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON audit.tamper_alerts FOR EACH ROW EXECUTE FUNCTION kernel.refuse_change();
UPDATE kernel.tables SET append_only = true WHERE table_name = 'audit.tamper_alerts';
REVOKE UPDATE (state, decided_at, decided_by, reason) ON audit.tamper_alerts FROM salus_app;
DELETE FROM kernel.fields WHERE table_name = 'audit.tamper_alerts'
  AND column_name = ANY ('{row_version,updated_at,created_by,updated_by,table_name,row_id,state,decided_at,decided_by,reason}'::text[]);
DROP INDEX audit.tamper_alerts_open_ix;
ALTER TABLE audit.tamper_alerts
  DROP CONSTRAINT tamper_alerts_once_uq,
  DROP CONSTRAINT tamper_alerts_decided,
  DROP COLUMN row_version, DROP COLUMN updated_at, DROP COLUMN created_by, DROP COLUMN updated_by, DROP COLUMN table_name,
  DROP COLUMN row_id, DROP COLUMN state, DROP COLUMN decided_at, DROP COLUMN decided_by, DROP COLUMN reason,
  ADD CONSTRAINT tamper_alerts_once_uq UNIQUE NULLS NOT DISTINCT (tenant_id, noted_on, kind, leaf_index, event_id);
COMMENT ON CONSTRAINT tamper_alerts_once_uq ON audit.tamper_alerts IS 'This sign was noted today already';
DROP DOMAIN audit.alert_state;
CALL kernel.forget('audit.data_integrity_checksums');
DROP DOMAIN audit.checksum_state;
DO $$
DECLARE
  tbl text;
BEGIN
  FOR tbl IN SELECT t.table_name FROM kernel.tables t WHERE t.shared_reason IS NULL LOOP
    CALL kernel.unmark(tbl::regclass);
  END LOOP;
END $$;
DROP SEQUENCE kernel.row_changes;
