-- lossy: providers go with their table, and of keys of one name the newest stays
CALL kernel.forget('auth.identity_providers');
DELETE FROM auth.api_keys k
  WHERE EXISTS (SELECT FROM auth.api_keys o
                 WHERE o.tenant_id = k.tenant_id AND o.user_id = k.user_id AND o.name = k.name AND o.generation > k.generation);
ALTER TABLE auth.api_keys DROP CONSTRAINT api_keys_generation, DROP CONSTRAINT api_keys_name_uq,
  ADD CONSTRAINT api_keys_name_uq UNIQUE (tenant_id, user_id, name);
COMMENT ON CONSTRAINT api_keys_name_uq ON auth.api_keys IS 'This user has a key of that name';
DELETE FROM kernel.fields WHERE table_name = 'auth.api_keys' AND column_name = 'generation';
ALTER TABLE auth.api_keys DROP COLUMN generation;
