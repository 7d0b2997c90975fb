-- What stands beside a head of the audit log and is in no leaf gets a code under the root key: until now a changed time of a
-- seal, list of anchors, horizon, transaction or number of an event was noticed by nobody.

ALTER TABLE audit.checkpoints
  ADD COLUMN event_order audit.sha256,
  ADD COLUMN code        audit.sha256;
ALTER TABLE audit.tree_states ADD COLUMN code audit.sha256;
INSERT INTO kernel.fields (column_id, table_name, column_name, class)
  SELECT kernel.column_id(t, c), t, c, 'C0'
    FROM (VALUES ('audit.checkpoints', 'event_order'), ('audit.checkpoints', 'code'), ('audit.tree_states', 'code')) AS f (t, c);
COMMENT ON COLUMN audit.checkpoints.event_order IS 'SHA-256 over transaction and number of each event since the head before; NULL: sealed before there was one';
COMMENT ON COLUMN audit.checkpoints.code IS 'HMAC-SHA-256 of time, order and anchors under a key derived from the root key; NULL: sealed before there was one';
COMMENT ON COLUMN audit.tree_states.code IS 'HMAC-SHA-256 of the horizon under a key derived from the root key; NULL: not sealed since there is one';
GRANT UPDATE (code) ON audit.checkpoints TO salus_sealer;

-- A server that is older than this migration and still runs would seal on without codes, and the next would take that for
-- tampering: it is refused instead, and whoever knows codes seals.
CREATE FUNCTION audit.require_code() RETURNS trigger
  LANGUAGE plpgsql AS $$
BEGIN
  IF TG_TABLE_NAME = 'checkpoints' AND NEW.code IS NULL
     OR TG_TABLE_NAME = 'tree_states' AND TG_OP = 'UPDATE' AND to_jsonb(NEW) -> 'horizon' <> to_jsonb(OLD) -> 'horizon'
        AND NEW.code IS NOT DISTINCT FROM OLD.code THEN
    RAISE EXCEPTION 'This program is older than the schema of the audit log: update it' USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  RETURN NEW;
END $$;
COMMENT ON FUNCTION audit.require_code() IS 'Refuses what a sealer of an older version writes, which knows no codes';
CREATE TRIGGER require_code BEFORE INSERT OR UPDATE ON audit.checkpoints FOR EACH ROW EXECUTE FUNCTION audit.require_code();
CREATE TRIGGER require_code BEFORE UPDATE ON audit.tree_states FOR EACH ROW EXECUTE FUNCTION audit.require_code();
