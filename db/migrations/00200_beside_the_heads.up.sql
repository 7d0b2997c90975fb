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
