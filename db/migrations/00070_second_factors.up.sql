-- How people prove who they are besides a password, and which browsers are known.

CREATE DOMAIN auth.code_channel AS text CONSTRAINT code_channel_values CHECK (VALUE IN ('email', 'sms'));
COMMENT ON DOMAIN auth.code_channel IS 'By which way a one-time code is sent';
COMMENT ON CONSTRAINT code_channel_values ON DOMAIN auth.code_channel IS 'Must be email or sms';
CREATE DOMAIN auth.challenge_purpose AS text CONSTRAINT challenge_purpose_values
  CHECK (VALUE IN ('sign_in', 'passkey_sign_in', 'passkey_new', 'code_address', 'provider_sign_in', 'provider_link'));
COMMENT ON DOMAIN auth.challenge_purpose IS 'What a challenge is for';
COMMENT ON CONSTRAINT challenge_purpose_values ON DOMAIN auth.challenge_purpose IS
  'Must be sign_in, passkey_sign_in, passkey_new, code_address, provider_sign_in or provider_link';

CREATE TABLE auth.password_history (
  tenant_id     uuid               NOT NULL DEFAULT kernel.tenant(),
  id            uuid               NOT NULL,
  row_version   int                NOT NULL DEFAULT 1,
  created_at    timestamptz        NOT NULL DEFAULT now(),
  updated_at    timestamptz        NOT NULL DEFAULT now(),
  created_by    uuid               DEFAULT kernel.actor(),
  updated_by    uuid,
  user_id       uuid               NOT NULL,
  password_hash kernel.sealed_text NOT NULL,
  CONSTRAINT password_history_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT password_history_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id)
);
CREATE INDEX password_history_user_ix ON auth.password_history (tenant_id, user_id, created_at DESC);
COMMENT ON TABLE auth.password_history IS 'Hashes of former passwords, so that they are not taken again';
COMMENT ON COLUMN auth.password_history.password_hash IS 'Argon2id or imported bcrypt string';
CALL kernel.protect('auth.password_history', key_class => 'secrets');
CALL kernel.classify('auth.password_history', 'password_hash', phi => 'secret');

CREATE TABLE auth.trusted_devices (
  tenant_id       uuid               NOT NULL DEFAULT kernel.tenant(),
  id              uuid               NOT NULL,
  row_version     int                NOT NULL DEFAULT 1,
  created_at      timestamptz        NOT NULL DEFAULT now(),
  updated_at      timestamptz        NOT NULL DEFAULT now(),
  created_by      uuid               DEFAULT kernel.actor(),
  updated_by      uuid,
  user_id         uuid               NOT NULL,
  token_hash      audit.sha256       NOT NULL,
  user_agent      kernel.sealed_text,
  failed_attempts int                NOT NULL DEFAULT 0,
  last_used_at    timestamptz        NOT NULL DEFAULT now(),
  expires_at      timestamptz        NOT NULL,
  revoked_at      timestamptz,
  CONSTRAINT trusted_devices_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT trusted_devices_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT trusted_devices_token_uq UNIQUE (tenant_id, token_hash),
  CONSTRAINT trusted_devices_failed_attempts CHECK (failed_attempts >= 0)
);
CREATE INDEX trusted_devices_user_ix ON auth.trusted_devices (tenant_id, user_id);
COMMENT ON TABLE auth.trusted_devices IS 'Browsers that signed in before: locks that strangers cause do not hold for them';
COMMENT ON COLUMN auth.trusted_devices.token_hash IS 'SHA-256 of the token in the browser''s cookie';
COMMENT ON COLUMN auth.trusted_devices.failed_attempts IS 'Failures from it since the last success; too many end the trust';
COMMENT ON CONSTRAINT trusted_devices_token_uq ON auth.trusted_devices IS 'This device exists already';
COMMENT ON CONSTRAINT trusted_devices_failed_attempts ON auth.trusted_devices IS 'Cannot be negative';
CALL kernel.protect('auth.trusted_devices', key_class => 'secrets');
CALL kernel.classify('auth.trusted_devices', 'user_agent', phi => 'device');
CREATE POLICY own_account ON auth.trusted_devices FOR SELECT USING (user_id = (SELECT kernel.actor()));

CREATE TABLE auth.authenticators (
  tenant_id    uuid               NOT NULL DEFAULT kernel.tenant(),
  id           uuid               NOT NULL,
  row_version  int                NOT NULL DEFAULT 1,
  created_at   timestamptz        NOT NULL DEFAULT now(),
  updated_at   timestamptz        NOT NULL DEFAULT now(),
  created_by   uuid               DEFAULT kernel.actor(),
  updated_by   uuid,
  user_id      uuid               NOT NULL,
  secret       kernel.sealed_text NOT NULL,
  confirmed_at timestamptz,
  last_step    bigint,
  last_used_at timestamptz,
  CONSTRAINT authenticators_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT authenticators_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT authenticators_user_uq UNIQUE (tenant_id, user_id),
  CONSTRAINT authenticators_used CHECK (last_step IS NULL OR confirmed_at IS NOT NULL)
);
COMMENT ON TABLE auth.authenticators IS 'Shared secrets of authenticator apps (TOTP, RFC 6238), one a user';
COMMENT ON COLUMN auth.authenticators.secret IS 'Base 32, as the app holds it';
COMMENT ON COLUMN auth.authenticators.confirmed_at IS 'When a code of it was given for the first time; NULL: not in use yet';
COMMENT ON COLUMN auth.authenticators.last_step IS 'The step of 30 seconds whose code was used last: no code is taken twice';
COMMENT ON CONSTRAINT authenticators_user_uq ON auth.authenticators IS 'This user has an authenticator already';
COMMENT ON CONSTRAINT authenticators_used ON auth.authenticators IS 'Only a confirmed authenticator has been used';
CALL kernel.protect('auth.authenticators', key_class => 'secrets');
CALL kernel.classify('auth.authenticators', 'secret', phi => 'secret');

CREATE TABLE auth.recovery_codes (
  tenant_id   uuid         NOT NULL DEFAULT kernel.tenant(),
  id          uuid         NOT NULL,
  row_version int          NOT NULL DEFAULT 1,
  created_at  timestamptz  NOT NULL DEFAULT now(),
  updated_at  timestamptz  NOT NULL DEFAULT now(),
  created_by  uuid         DEFAULT kernel.actor(),
  updated_by  uuid,
  user_id     uuid         NOT NULL,
  code_hash   audit.sha256 NOT NULL,
  used_at     timestamptz,
  CONSTRAINT recovery_codes_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT recovery_codes_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT recovery_codes_code_uq UNIQUE (tenant_id, user_id, code_hash)
);
COMMENT ON TABLE auth.recovery_codes IS 'Codes for the day on which every other second factor is lost; each works once';
COMMENT ON COLUMN auth.recovery_codes.code_hash IS 'SHA-256 of user and code; a code has 80 random bits';
COMMENT ON CONSTRAINT recovery_codes_code_uq ON auth.recovery_codes IS 'This code exists already';
CALL kernel.protect('auth.recovery_codes', key_class => 'secrets');

CREATE TABLE auth.passkeys (
  tenant_id     uuid         NOT NULL DEFAULT kernel.tenant(),
  id            uuid         NOT NULL,
  row_version   int          NOT NULL DEFAULT 1,
  created_at    timestamptz  NOT NULL DEFAULT now(),
  updated_at    timestamptz  NOT NULL DEFAULT now(),
  created_by    uuid         DEFAULT kernel.actor(),
  updated_by    uuid,
  user_id       uuid         NOT NULL,
  name          kernel.label NOT NULL,
  credential_id bytea        NOT NULL,
  public_key    bytea        NOT NULL,
  sign_count    bigint       NOT NULL DEFAULT 0,
  aaguid        uuid         NOT NULL,
  is_backed_up  boolean      NOT NULL DEFAULT false,
  last_used_at  timestamptz,
  suspended_at  timestamptz,
  CONSTRAINT passkeys_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT passkeys_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT passkeys_credential_uq UNIQUE (tenant_id, credential_id),
  CONSTRAINT passkeys_credential_length CHECK (octet_length(credential_id) BETWEEN 1 AND 1023),
  CONSTRAINT passkeys_public_key_length CHECK (octet_length(public_key) BETWEEN 1 AND 2048),
  CONSTRAINT passkeys_sign_count CHECK (sign_count BETWEEN 0 AND 4294967295)
);
CREATE INDEX passkeys_user_ix ON auth.passkeys (tenant_id, user_id);
COMMENT ON TABLE auth.passkeys IS 'Public keys of passkeys (WebAuthn); the private key never leaves its device';
COMMENT ON COLUMN auth.passkeys.name IS 'What its owner calls it';
COMMENT ON COLUMN auth.passkeys.credential_id IS 'The device''s name for it';
COMMENT ON COLUMN auth.passkeys.public_key IS 'COSE key (RFC 9053)';
COMMENT ON COLUMN auth.passkeys.sign_count IS 'The device''s counter at the last use; one that does not grow tells of a copy';
COMMENT ON COLUMN auth.passkeys.aaguid IS 'Model of the device, as it says itself; zeros: not told';
COMMENT ON COLUMN auth.passkeys.is_backed_up IS 'Whether the device keeps a copy elsewhere';
COMMENT ON COLUMN auth.passkeys.suspended_at IS 'When its counter told of a copy; it opens nothing since';
COMMENT ON CONSTRAINT passkeys_credential_uq ON auth.passkeys IS 'This passkey exists already';
COMMENT ON CONSTRAINT passkeys_credential_length ON auth.passkeys IS 'Must be 1 to 1023 bytes';
COMMENT ON CONSTRAINT passkeys_public_key_length ON auth.passkeys IS 'Must be 1 to 2048 bytes';
COMMENT ON CONSTRAINT passkeys_sign_count ON auth.passkeys IS 'Must be a number of 32 bits';
CALL kernel.protect('auth.passkeys', key_class => 'secrets');
CREATE POLICY own_account ON auth.passkeys FOR SELECT USING (user_id = (SELECT kernel.actor()));

CREATE TABLE auth.code_addresses (
  tenant_id    uuid               NOT NULL DEFAULT kernel.tenant(),
  id           uuid               NOT NULL,
  row_version  int                NOT NULL DEFAULT 1,
  created_at   timestamptz        NOT NULL DEFAULT now(),
  updated_at   timestamptz        NOT NULL DEFAULT now(),
  created_by   uuid               DEFAULT kernel.actor(),
  updated_by   uuid,
  user_id      uuid               NOT NULL,
  channel      auth.code_channel  NOT NULL,
  address      kernel.sealed_text NOT NULL,
  confirmed_at timestamptz        NOT NULL DEFAULT now(),
  CONSTRAINT code_addresses_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT code_addresses_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT code_addresses_channel_uq UNIQUE (tenant_id, user_id, channel)
);
COMMENT ON TABLE auth.code_addresses IS 'Where a user has one-time codes sent to; kept once a code that was sent there was given';
COMMENT ON CONSTRAINT code_addresses_channel_uq ON auth.code_addresses IS 'This user has an address for this way already';
CALL kernel.protect('auth.code_addresses', key_class => 'secrets');
CALL kernel.classify('auth.code_addresses', 'address', phi => 'phone');

CREATE TABLE auth.challenges (
  tenant_id       uuid                   NOT NULL DEFAULT kernel.tenant(),
  id              uuid                   NOT NULL,
  row_version     int                    NOT NULL DEFAULT 1,
  created_at      timestamptz            NOT NULL DEFAULT now(),
  updated_at      timestamptz            NOT NULL DEFAULT now(),
  created_by      uuid                   DEFAULT kernel.actor(),
  updated_by      uuid,
  user_id         uuid,
  purpose         auth.challenge_purpose NOT NULL,
  token_hash      audit.sha256           NOT NULL,
  detail          kernel.sealed_json     NOT NULL,
  failed_attempts int                    NOT NULL DEFAULT 0,
  expires_at      timestamptz            NOT NULL,
  CONSTRAINT challenges_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT challenges_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT challenges_token_uq UNIQUE (tenant_id, token_hash),
  CONSTRAINT challenges_failed_attempts CHECK (failed_attempts >= 0)
);
CREATE INDEX challenges_user_ix ON auth.challenges (tenant_id, user_id);
CREATE INDEX challenges_expiry_ix ON auth.challenges (tenant_id, expires_at);
COMMENT ON TABLE auth.challenges IS 'What was asked of somebody who is about to prove who they are; answered once, within minutes';
COMMENT ON COLUMN auth.challenges.user_id IS 'Who it was asked; NULL when that is not known yet';
COMMENT ON COLUMN auth.challenges.token_hash IS 'SHA-256 of the token by which the answer is matched';
COMMENT ON COLUMN auth.challenges.detail IS 'What the answer is checked against';
COMMENT ON COLUMN auth.challenges.failed_attempts IS 'Wrong answers so far; a few end it';
COMMENT ON CONSTRAINT challenges_token_uq ON auth.challenges IS 'This challenge exists already';
COMMENT ON CONSTRAINT challenges_failed_attempts ON auth.challenges IS 'Cannot be negative';
CALL kernel.protect('auth.challenges', key_class => 'secrets');

ALTER TABLE auth.sessions
  ADD COLUMN proved_at        timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN second_factor_at timestamptz;
COMMENT ON COLUMN auth.sessions.proved_at IS 'When its owner last proved who they are';
COMMENT ON COLUMN auth.sessions.second_factor_at IS 'When a second factor was given; NULL: never in this session';
INSERT INTO kernel.fields (column_id, table_name, column_name, class)
  SELECT kernel.column_id('auth.sessions', name), 'auth.sessions', name, 'C1'
    FROM unnest(ARRAY['proved_at', 'second_factor_at']) AS name;
