DROP TRIGGER note_removed ON kernel.subject_keys;
DROP TRIGGER note_destroyed ON kernel.subject_keys;
DELETE FROM kernel.fields WHERE table_name = 'kernel.tenants' AND column_name = 'keys_state';
ALTER TABLE kernel.tenants DROP COLUMN keys_state;
