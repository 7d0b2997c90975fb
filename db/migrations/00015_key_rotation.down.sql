-- lossy: the history of key rotations and the counts of values go; keys stay
CALL kernel.forget('kernel.encrypted_field_metadata');
CALL kernel.forget('kernel.key_rotation_history');
DROP DOMAIN kernel.rotation_state;
DROP DOMAIN kernel.rotation_reason;
DELETE FROM kernel.fields WHERE table_name = 'kernel.keys' AND column_name = 'retired_at';
ALTER TABLE kernel.keys DROP COLUMN retired_at;
