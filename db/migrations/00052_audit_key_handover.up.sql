-- A signing key that hands over to the next one, or was lost: what it signed up to then stays believed.
ALTER TABLE audit.signing_keys
  DROP CONSTRAINT signing_keys_origin_uq,
  ADD COLUMN ended_epoch int,
  ADD COLUMN ended_size  bigint,
  ADD COLUMN code        audit.sha256,
  ADD COLUMN handover    text,
  ADD CONSTRAINT signing_keys_ended CHECK ((ended_epoch IS NULL) = (ended_size IS NULL) AND (ended_epoch IS NULL) = (code IS NULL));
CREATE UNIQUE INDEX signing_keys_origin_uq ON audit.signing_keys (origin) WHERE ended_epoch IS NULL;
INSERT INTO kernel.fields (column_id, table_name, column_name, class)
  SELECT kernel.column_id('audit.signing_keys', c), 'audit.signing_keys', c, 'C0'
    FROM unnest('{ended_epoch,ended_size,code,handover}'::text[]) c;
COMMENT ON COLUMN audit.signing_keys.public_key IS 'Ed25519; of the key in use what verifies is derived from the wrapped key, of one that ended the code vouches for it';
COMMENT ON COLUMN audit.signing_keys.ended_epoch IS 'Epoch of the last head it may have signed; NULL: in use';
COMMENT ON COLUMN audit.signing_keys.ended_size IS 'Leaves under that head';
COMMENT ON COLUMN audit.signing_keys.code IS 'HMAC-SHA-256 of key, epoch and size under a key derived from the root key';
COMMENT ON COLUMN audit.signing_keys.handover IS 'The head that this key and the one before it both signed; NULL for the first, and after a key was lost';
COMMENT ON INDEX audit.signing_keys_origin_uq IS 'A log has one signing key in use';
COMMENT ON CONSTRAINT signing_keys_ended ON audit.signing_keys IS 'A key that ended says where, with a code';
GRANT UPDATE (public_key, ended_epoch, ended_size, code) ON audit.signing_keys TO salus_sealer;
