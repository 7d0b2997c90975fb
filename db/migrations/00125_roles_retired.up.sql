-- A role that is given to nobody any more stays in the record of who held it.
ALTER TABLE auth.roles
  ADD COLUMN retired_at timestamptz,
  ADD CONSTRAINT roles_built_in_stay CHECK (retired_at IS NULL OR NOT is_system);
COMMENT ON COLUMN auth.roles.retired_at IS 'Since when it gives nothing and is given to nobody; NULL: in use';
COMMENT ON CONSTRAINT roles_built_in_stay ON auth.roles IS
  'A role that came with the organization is not retired: take it from its holders, or take its permissions away';
INSERT INTO kernel.fields (column_id, table_name, column_name, class)
  VALUES (kernel.column_id('auth.roles', 'retired_at'), 'auth.roles', 'retired_at', 'C1');
