-- lossy: second factors, passkeys, known devices and former passwords go with their tables
DELETE FROM kernel.fields WHERE table_name = 'auth.sessions' AND column_name IN ('proved_at', 'second_factor_at');
ALTER TABLE auth.sessions DROP COLUMN proved_at, DROP COLUMN second_factor_at;
CALL kernel.forget('auth.challenges');
CALL kernel.forget('auth.code_addresses');
CALL kernel.forget('auth.passkeys');
CALL kernel.forget('auth.recovery_codes');
CALL kernel.forget('auth.authenticators');
CALL kernel.forget('auth.trusted_devices');
CALL kernel.forget('auth.password_history');
DROP DOMAIN auth.challenge_purpose;
DROP DOMAIN auth.code_channel;
