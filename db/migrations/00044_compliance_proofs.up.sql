-- What was proved about the installation, when, and what came of it.

CREATE DOMAIN compliance.proof_verdict AS text CONSTRAINT proof_verdict_values
  CHECK (VALUE IN ('HOLDS', 'FAILS', 'UNPROVEN'));
COMMENT ON DOMAIN compliance.proof_verdict IS
  'HOLDS: shown on this database; FAILS: shown to be untrue; UNPROVEN: could not be tried here';
COMMENT ON CONSTRAINT proof_verdict_values ON DOMAIN compliance.proof_verdict IS 'Must be HOLDS, FAILS or UNPROVEN';
CREATE DOMAIN compliance.proof_name AS text CONSTRAINT proof_name_form CHECK (VALUE ~ '^[a-z_]{3,40}$');
COMMENT ON DOMAIN compliance.proof_name IS 'Which promise, as salus prove names it';
COMMENT ON CONSTRAINT proof_name_form ON DOMAIN compliance.proof_name IS 'Must be 3 to 40 lower-case letters and underscores';

CREATE TABLE compliance.proofs (
  id        uuid                     NOT NULL CONSTRAINT proofs_pk PRIMARY KEY,
  run_id    uuid                     NOT NULL,
  proved_at timestamptz              NOT NULL,
  name      compliance.proof_name    NOT NULL,
  verdict   compliance.proof_verdict NOT NULL,
  reason    text                     NOT NULL CONSTRAINT proofs_reason_length CHECK (length(reason) BETWEEN 1 AND 2000),
  fix       text                     NOT NULL DEFAULT '' CONSTRAINT proofs_fix_length CHECK (length(fix) <= 2000),
  took_ms   bigint                   NOT NULL CONSTRAINT proofs_took_range CHECK (took_ms >= 0),
  program   text                     NOT NULL CONSTRAINT proofs_program_length CHECK (length(program) BETWEEN 1 AND 60)
);
CREATE INDEX proofs_time_ix ON compliance.proofs (name, proved_at DESC);
COMMENT ON TABLE compliance.proofs IS 'Every proof that was run on this installation; the audit log of the platform has the same verdicts, sealed';
COMMENT ON COLUMN compliance.proofs.run_id IS 'Proofs of one run of salus prove share it';
COMMENT ON COLUMN compliance.proofs.reason IS 'What was tried and seen, in one sentence; names no tenant and no person';
COMMENT ON COLUMN compliance.proofs.fix IS 'What to do where it does not hold';
COMMENT ON COLUMN compliance.proofs.took_ms IS 'Milliseconds';
COMMENT ON COLUMN compliance.proofs.program IS 'Version of Salus that ran it';
COMMENT ON CONSTRAINT proofs_reason_length ON compliance.proofs IS 'Must be 1 to 2000 characters';
COMMENT ON CONSTRAINT proofs_fix_length ON compliance.proofs IS 'Must be at most 2000 characters';
COMMENT ON CONSTRAINT proofs_took_range ON compliance.proofs IS 'Must not be negative';
COMMENT ON CONSTRAINT proofs_program_length ON compliance.proofs IS 'Must be 1 to 60 characters';
CALL kernel.share('compliance.proofs', 'what was shown about the installation, nothing of a tenant');
GRANT INSERT ON compliance.proofs TO salus_app;
