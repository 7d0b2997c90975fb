-- lossy: the networks go with their column
DELETE FROM kernel.fields WHERE table_name = 'auth.login_history' AND column_name = 'network';
DROP INDEX auth.login_history_network_ix;
ALTER TABLE auth.login_history DROP COLUMN network;
