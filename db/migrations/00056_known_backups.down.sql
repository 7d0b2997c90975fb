-- lossy: which backups are known to exist
CALL kernel.forget('kernel.backups');
REVOKE UPDATE (backups_noted_at) ON kernel.installation FROM salus_app;
DELETE FROM kernel.fields WHERE table_name = 'kernel.installation' AND column_name = 'backups_noted_at';
ALTER TABLE kernel.installation DROP COLUMN backups_noted_at;
