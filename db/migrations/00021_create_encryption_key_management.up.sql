-- Value sets of keys. The tables are kernel.keys, kernel.key_rotation_history and kernel.encrypted_field_metadata of
-- 00001 and 00015; the view kernel.encryption_keys of 00055 shows the first under these values.
CREATE DOMAIN kernel.key_type AS text CONSTRAINT key_type_values
  CHECK (VALUE IN (
    'MASTER_KEK', 'TENANT_DEK', 'FIELD_DEK', 'DOCUMENT_KEK', 'BLIND_INDEX', 'SIGNING', 'BACKUP'));
COMMENT ON DOMAIN kernel.key_type IS 'What a key is for';
COMMENT ON CONSTRAINT key_type_values ON DOMAIN kernel.key_type IS
  'Must be MASTER_KEK, TENANT_DEK, FIELD_DEK, DOCUMENT_KEK, BLIND_INDEX, SIGNING or BACKUP';
CREATE DOMAIN kernel.key_status AS text CONSTRAINT key_status_values
  CHECK (VALUE IN (
    'PENDING', 'ACTIVE', 'ROTATING', 'RETIRED', 'COMPROMISED', 'DESTROYED'));
COMMENT ON DOMAIN kernel.key_status IS 'Where a key stands; ROTATING still opens and does not seal';
COMMENT ON CONSTRAINT key_status_values ON DOMAIN kernel.key_status IS
  'Must be PENDING, ACTIVE, ROTATING, RETIRED, COMPROMISED or DESTROYED';
CREATE DOMAIN kernel.encryption_algorithm AS text CONSTRAINT encryption_algorithm_values
  CHECK (VALUE IN (
    'AES_256_GCM', 'AES_256_SIV', 'CHACHA20_POLY1305', 'ED25519', 'HMAC_SHA256', 'RSA_3072'));
COMMENT ON DOMAIN kernel.encryption_algorithm IS 'Algorithm a key is used with';
COMMENT ON CONSTRAINT encryption_algorithm_values ON DOMAIN kernel.encryption_algorithm IS
  'Must be AES_256_GCM, AES_256_SIV, CHACHA20_POLY1305, ED25519, HMAC_SHA256 or RSA_3072';
