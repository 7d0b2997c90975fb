-- lossy: codes of what stands beside the heads of the audit log; heads that have none are believed without
DROP TRIGGER require_code ON audit.tree_states;
DROP TRIGGER require_code ON audit.checkpoints;
DROP FUNCTION audit.require_code();
REVOKE UPDATE (code) ON audit.checkpoints FROM salus_sealer;
DELETE FROM kernel.fields WHERE (table_name, column_name) IN
  (('audit.checkpoints', 'event_order'), ('audit.checkpoints', 'code'), ('audit.tree_states', 'code'));
ALTER TABLE audit.tree_states DROP COLUMN code;
ALTER TABLE audit.checkpoints DROP COLUMN code, DROP COLUMN event_order;
