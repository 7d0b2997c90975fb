-- Payloads that are removed on the record, how far the log is sealed, and records that nobody has a reason to read.

-- A redaction counts with a code under the root key, as a pruned range does.
ALTER TABLE audit.redactions ADD COLUMN code audit.sha256;
INSERT INTO kernel.fields (column_id, table_name, column_name, class)
  VALUES (kernel.column_id('audit.redactions', 'code'), 'audit.redactions', 'code', 'C0');
COMMENT ON COLUMN audit.redactions.redact_event IS 'The request of the audit event that says who redacted';
COMMENT ON COLUMN audit.redactions.code IS 'HMAC-SHA-256 of the redaction under a key derived from the root key: without it it excuses nothing';
DROP TRIGGER refuse_change ON audit.activity_logs;
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON audit.activity_logs FOR EACH ROW EXECUTE FUNCTION audit.refuse_change();
REVOKE ALL ON FUNCTION audit.redact(uuid, uuid, text, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.redact(uuid, uuid, text, bytea) TO salus_app;

-- How far the log is sealed, for health and exports.
CREATE TABLE audit.sealing (
  one                boolean     NOT NULL DEFAULT true CONSTRAINT sealing_pk PRIMARY KEY CONSTRAINT sealing_one CHECK (one),
  sealed_at          timestamptz NOT NULL,
  oldest_unsealed_at timestamptz
);
COMMENT ON TABLE audit.sealing IS 'One row: when the sealer last did its work, and the oldest event it had to leave';
COMMENT ON COLUMN audit.sealing.oldest_unsealed_at IS 'An event whose transaction, or an earlier one, had not ended; NULL: none waits';
COMMENT ON CONSTRAINT sealing_one ON audit.sealing IS 'There is one row';
CALL kernel.share('audit.sealing', 'how far the log of the whole database is sealed');
GRANT SELECT, INSERT, UPDATE ON audit.sealing TO salus_sealer;

-- Which records are bait. A mark tells nobody which, not even who reads the table.
CREATE TABLE audit.honey_marks (
  mark      audit.sha256 NOT NULL CONSTRAINT honey_marks_pk PRIMARY KEY,
  placed_at timestamptz  NOT NULL DEFAULT now()
);
COMMENT ON TABLE audit.honey_marks IS 'Records that nobody has a reason to read: whoever does raises an alert';
COMMENT ON COLUMN audit.honey_marks.mark IS 'HMAC-SHA-256 of tenant and person under a key derived from the root key';
CALL kernel.share('audit.honey_marks', 'marks that tell neither tenant nor person', readable => false);
GRANT SELECT, INSERT, DELETE ON audit.honey_marks TO salus_app;
GRANT SELECT ON audit.honey_marks TO salus_sealer;
