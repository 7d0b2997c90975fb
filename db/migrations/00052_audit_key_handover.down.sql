-- lossy: heads that a former key signed cannot be verified any more
REVOKE UPDATE (public_key, ended_epoch, ended_size, code) ON audit.signing_keys FROM salus_sealer;
DELETE FROM audit.signing_keys WHERE ended_epoch IS NOT NULL;
DROP INDEX audit.signing_keys_origin_uq;
DELETE FROM kernel.fields WHERE table_name = 'audit.signing_keys' AND column_name = ANY ('{ended_epoch,ended_size,code,handover}'::text[]);
COMMENT ON COLUMN audit.signing_keys.public_key IS 'Ed25519, to be looked up; what verifies is derived from the wrapped key';
ALTER TABLE audit.signing_keys
  DROP CONSTRAINT signing_keys_ended, DROP COLUMN ended_epoch, DROP COLUMN ended_size, DROP COLUMN code, DROP COLUMN handover,
  ADD CONSTRAINT signing_keys_origin_uq UNIQUE (origin);
COMMENT ON CONSTRAINT signing_keys_origin_uq ON audit.signing_keys IS 'A log has one signing key';
