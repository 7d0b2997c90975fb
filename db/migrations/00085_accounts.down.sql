-- lossy: for which purposes keys may be used goes with the column
DELETE FROM kernel.fields WHERE (table_name, column_name) IN (('auth.users', 'unlocked_at'), ('auth.api_keys', 'purposes'));
ALTER TABLE auth.api_keys DROP COLUMN purposes;
ALTER TABLE auth.users DROP COLUMN unlocked_at;
