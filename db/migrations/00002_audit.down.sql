-- lossy: the audit log goes with its tables
DROP SEQUENCE audit.writer_ids;
CALL kernel.forget('audit.redactions');
CALL kernel.forget('audit.pruned_ranges');
CALL kernel.forget('audit.checkpoints');
CALL kernel.forget('audit.tree_states');
CALL kernel.forget('audit.tiles');
CALL kernel.forget('audit.leaves');
CALL kernel.forget('audit.event_subjects');
CALL kernel.forget('audit.activity_logs');
DROP DOMAIN audit.sha256;
DROP DOMAIN audit.outcome;
