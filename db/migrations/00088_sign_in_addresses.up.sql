-- Failures with an address that is nobody's are counted too, so that the wait after too many tells nobody who has an account.

ALTER TABLE auth.login_history ADD COLUMN address bytea
  CONSTRAINT login_history_address_length CHECK (octet_length(address) = 32);
COMMENT ON COLUMN auth.login_history.address IS
  'Keyed digest of an address that was no user''s, to count by; NULL when a user was meant';
COMMENT ON CONSTRAINT login_history_address_length ON auth.login_history IS 'Must be a keyed SHA-256';
CREATE INDEX login_history_address_ix ON auth.login_history (tenant_id, address, created_at DESC) WHERE address IS NOT NULL;
COMMENT ON INDEX auth.login_history_address_ix IS 'Attempts with one address that is nobody''s';
INSERT INTO kernel.fields (column_id, table_name, column_name, class)
  VALUES (kernel.column_id('auth.login_history', 'address'), 'auth.login_history', 'address', 'C1');
