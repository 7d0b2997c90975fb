-- Retention of the audit log: holds that keep events, and a code under each range that was pruned.

CREATE TABLE audit.legal_holds (
  tenant_id      uuid         NOT NULL DEFAULT kernel.tenant(),
  id             uuid         NOT NULL,
  row_version    int          NOT NULL DEFAULT 1,
  created_at     timestamptz  NOT NULL DEFAULT now(),
  updated_at     timestamptz  NOT NULL DEFAULT now(),
  created_by     uuid         DEFAULT kernel.actor(),
  updated_by     uuid,
  subject_id     uuid,
  reason         kernel.prose NOT NULL,
  released_at    timestamptz,
  release_reason kernel.prose,
  CONSTRAINT legal_holds_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT legal_holds_released CHECK ((released_at IS NULL) = (release_reason IS NULL))
);
CREATE INDEX legal_holds_subject_ix ON audit.legal_holds (tenant_id, subject_id) WHERE released_at IS NULL;
COMMENT ON TABLE audit.legal_holds IS 'Events that are kept whatever their age: of a tenant, or about one person';
COMMENT ON COLUMN audit.legal_holds.subject_id IS 'The person; NULL: every event of the tenant';
COMMENT ON COLUMN audit.legal_holds.released_at IS 'NULL: in force';
COMMENT ON INDEX audit.legal_holds_subject_ix IS 'Holds in force on a person';
COMMENT ON CONSTRAINT legal_holds_released ON audit.legal_holds IS 'A released hold says when and why';
CALL kernel.protect('audit.legal_holds', retention => 'audit_logs');

ALTER TABLE audit.pruned_ranges ADD COLUMN code audit.sha256;
INSERT INTO kernel.fields (column_id, table_name, column_name, class)
  VALUES (kernel.column_id('audit.pruned_ranges', 'code'), 'audit.pruned_ranges', 'code', 'C0');
COMMENT ON COLUMN audit.pruned_ranges.code IS 'HMAC-SHA-256 of the range under a key derived from the root key: without it the range excuses nothing';
COMMENT ON COLUMN audit.pruned_ranges.prune_event IS 'The request of the audit event that says who pruned';
