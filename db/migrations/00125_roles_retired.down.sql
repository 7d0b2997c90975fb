-- lossy: which roles were retired and when; they can be given again
DELETE FROM kernel.fields WHERE table_name = 'auth.roles' AND column_name = 'retired_at';
ALTER TABLE auth.roles DROP COLUMN retired_at;
