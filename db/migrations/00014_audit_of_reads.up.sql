-- The events of reads are committed together, before their answers (docs/decisions/0014).
COMMENT ON TABLE audit.activity_logs IS
  'One row for each access to protected health information: of a write in its transaction, of a read before its answer';
