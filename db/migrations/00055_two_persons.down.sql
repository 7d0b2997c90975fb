-- lossy: requests and decisions of two persons, and marks of keys that are distrusted
DROP VIEW kernel.encryption_keys;
CALL kernel.forget('kernel.approvals');
DROP DOMAIN kernel.approval_act;
DROP DOMAIN kernel.approval_state;
DROP DOMAIN kernel.asker;
-- A key that was destroyed stays so: nothing opens with an empty one.
ALTER TABLE kernel.keys DROP CONSTRAINT keys_destroyed, DROP CONSTRAINT keys_distrusted;
UPDATE kernel.keys SET wrapped = '' WHERE wrapped IS NULL;
DELETE FROM kernel.fields WHERE table_name = 'kernel.keys' AND column_name IN ('compromised_at', 'destroyed_at');
ALTER TABLE kernel.keys DROP COLUMN compromised_at, DROP COLUMN destroyed_at, ALTER COLUMN wrapped SET NOT NULL;
COMMENT ON COLUMN kernel.keys.wrapped IS NULL;
