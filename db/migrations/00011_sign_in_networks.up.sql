-- From which network an attempt to sign in came, so that failures are counted by it.

ALTER TABLE auth.login_history ADD COLUMN network bytea
  CONSTRAINT login_history_network_length CHECK (octet_length(network) = 32);
COMMENT ON COLUMN auth.login_history.network IS
  'Keyed digest of the /24 (IPv6: /48) network, to count by; the address itself is sealed';
COMMENT ON CONSTRAINT login_history_network_length ON auth.login_history IS 'Must be a keyed SHA-256';
CREATE INDEX login_history_network_ix ON auth.login_history (tenant_id, network, created_at DESC);
INSERT INTO kernel.fields (column_id, table_name, column_name, class)
  VALUES (kernel.column_id('auth.login_history', 'network'), 'auth.login_history', 'network', 'C1');
