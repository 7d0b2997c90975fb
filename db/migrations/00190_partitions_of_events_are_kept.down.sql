-- The triggers on monthly partitions stay: audit.ensure_partitions makes them too.
DROP TRIGGER refuse_truncate ON audit.activity_logs_default;
