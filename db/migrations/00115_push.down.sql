-- lossy: devices, keys, and what was sent or chosen by push go
DELETE FROM kernel.fields WHERE (table_name, column_name) = ('auth.deliveries', 'taken_by');
ALTER TABLE auth.deliveries DROP COLUMN taken_by;
CALL kernel.forget('auth.push_devices');
CALL kernel.forget('auth.push_keys');
ALTER TABLE auth.deliveries NO FORCE ROW LEVEL SECURITY;
DELETE FROM auth.deliveries WHERE medium = 'push';
ALTER TABLE auth.deliveries FORCE ROW LEVEL SECURITY;
ALTER TABLE auth.notification_preferences NO FORCE ROW LEVEL SECURITY;
DELETE FROM auth.notification_preferences WHERE medium = 'push';
ALTER TABLE auth.notification_preferences FORCE ROW LEVEL SECURITY;
COMMENT ON COLUMN auth.deliveries.carrier IS 'What carried it: smtp, webhook or simulator';
COMMENT ON TABLE auth.notification_preferences IS 'What a user has chosen for each medium; without a row: e-mail yes, SMS no';
ALTER DOMAIN auth.medium DROP CONSTRAINT medium_values;
ALTER DOMAIN auth.medium ADD CONSTRAINT medium_values CHECK (VALUE IN ('email', 'sms'));
COMMENT ON CONSTRAINT medium_values ON DOMAIN auth.medium IS 'Must be email or sms';
