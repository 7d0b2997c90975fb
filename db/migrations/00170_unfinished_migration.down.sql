DELETE FROM kernel.fields WHERE table_name = 'kernel.unfinished_migration';
DELETE FROM kernel.tables WHERE table_name = 'kernel.unfinished_migration';
REVOKE ALL ON kernel.unfinished_migration FROM salus_backup;
