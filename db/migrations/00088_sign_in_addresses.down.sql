-- lossy: the digests go with their column
DELETE FROM kernel.fields WHERE table_name = 'auth.login_history' AND column_name = 'address';
DROP INDEX auth.login_history_address_ix;
ALTER TABLE auth.login_history DROP COLUMN address;
