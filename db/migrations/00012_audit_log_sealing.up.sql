-- What the sealer of the Merkle log needs: its signing keys, and sight of the events of all tenants.

CREATE TABLE audit.signing_keys (
  id         uuid        NOT NULL CONSTRAINT signing_keys_pk PRIMARY KEY,
  origin     text        NOT NULL CONSTRAINT signing_keys_origin_uq UNIQUE,
  public_key audit.sha256 NOT NULL,
  wrapped    bytea       NOT NULL,
  created_at timestamptz NOT NULL
);
COMMENT ON TABLE audit.signing_keys IS 'Keys that sign the heads of the log, each wrapped by the root key; never in clear';
COMMENT ON COLUMN audit.signing_keys.origin IS 'Name of the log the key signs for; epochs are counted behind it';
COMMENT ON COLUMN audit.signing_keys.public_key IS 'Ed25519, to be looked up; what verifies is derived from the wrapped key';
COMMENT ON COLUMN audit.signing_keys.wrapped IS 'Nonce, encrypted seed and tag (AES-256-GCM), bound to the id of the row';
COMMENT ON CONSTRAINT signing_keys_origin_uq ON audit.signing_keys IS 'A log has one signing key';
CALL kernel.share('audit.signing_keys', 'the key of the log of the whole database, wrapped', readable => false);
GRANT SELECT, INSERT ON audit.signing_keys TO salus_sealer;
GRANT SELECT ON audit.redactions, audit.pruned_ranges TO salus_sealer;
GRANT UPDATE (anchored) ON audit.checkpoints TO salus_sealer;

-- Partitions made before this migration; the procedure does the same for those made since.
DO $$
DECLARE part regclass;
BEGIN
  FOR part IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'audit.activity_logs'::regclass LOOP
    CALL audit.show_sealer(part);
  END LOOP;
END $$;
