-- What a proof saw in detail, as far as every tenant may read it: the light of the compliance page is backed by it.

ALTER TABLE compliance.proofs ADD COLUMN report jsonb
  CONSTRAINT proofs_report_size CHECK (octet_length(report::text) <= 32768);
COMMENT ON COLUMN compliance.proofs.report IS 'Numbers and names of the schema; no tenant, no person, no file';
COMMENT ON CONSTRAINT proofs_report_size ON compliance.proofs IS 'Must be at most 32768 bytes';
INSERT INTO kernel.fields (column_id, table_name, column_name, class) VALUES
  (kernel.column_id('compliance.proofs', 'report'), 'compliance.proofs', 'report', 'C0');
