-- lossy: holds go with their table; ranges that were pruned lose their code and with it their belief
COMMENT ON COLUMN audit.pruned_ranges.prune_event IS NULL;
DELETE FROM kernel.fields WHERE table_name = 'audit.pruned_ranges' AND column_name = 'code';
ALTER TABLE audit.pruned_ranges DROP COLUMN code;
CALL kernel.forget('audit.legal_holds');
