-- Web Push: browsers that are told while no page is open, and the keys by which push services know an organization.

ALTER DOMAIN auth.medium DROP CONSTRAINT medium_values;
ALTER DOMAIN auth.medium ADD CONSTRAINT medium_values CHECK (VALUE IN ('email', 'sms', 'push'));
COMMENT ON CONSTRAINT medium_values ON DOMAIN auth.medium IS 'Must be email, sms or push';
COMMENT ON TABLE auth.notification_preferences IS
  'What a user has chosen for each medium; without a row: e-mail yes, SMS no, push where a device is told';
COMMENT ON COLUMN auth.deliveries.carrier IS 'What carried it: smtp, webhook, webpush or simulator';

CREATE TABLE auth.push_keys (
  tenant_id   uuid               NOT NULL DEFAULT kernel.tenant(),
  id          uuid               NOT NULL,
  row_version int                NOT NULL DEFAULT 1,
  created_at  timestamptz        NOT NULL DEFAULT now(),
  updated_at  timestamptz        NOT NULL DEFAULT now(),
  created_by  uuid               DEFAULT kernel.actor(),
  updated_by  uuid,
  public_key  text               NOT NULL,
  private_key kernel.sealed_text NOT NULL,
  CONSTRAINT push_keys_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT push_keys_one_uq UNIQUE (tenant_id)
);
COMMENT ON TABLE auth.push_keys IS
  'By which push services know this organization (VAPID, RFC 8292); made when first needed, and without it every device must be turned on again';
COMMENT ON COLUMN auth.push_keys.public_key IS 'Point of P-256, uncompressed, as base64url; browsers subscribe with it';
COMMENT ON COLUMN auth.push_keys.private_key IS 'PKCS #8 as base64url';
COMMENT ON CONSTRAINT push_keys_one_uq ON auth.push_keys IS 'This organization has its key already';
CALL kernel.protect('auth.push_keys', key_class => 'secrets');
CALL kernel.classify('auth.push_keys', 'private_key', phi => 'secret');

CREATE TABLE auth.push_devices (
  tenant_id       uuid               NOT NULL DEFAULT kernel.tenant(),
  id              uuid               NOT NULL,
  row_version     int                NOT NULL DEFAULT 1,
  created_at      timestamptz        NOT NULL DEFAULT now(),
  updated_at      timestamptz        NOT NULL DEFAULT now(),
  created_by      uuid               DEFAULT kernel.actor(),
  updated_by      uuid,
  user_id         uuid               NOT NULL,
  label           kernel.label       NOT NULL,
  endpoint        kernel.sealed_text NOT NULL,
  endpoint_hash   audit.sha256       NOT NULL,
  p256dh          kernel.sealed_text NOT NULL,
  auth            kernel.sealed_text NOT NULL,
  last_success_at timestamptz,
  failures        int                NOT NULL DEFAULT 0,
  CONSTRAINT push_devices_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT push_devices_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT push_devices_endpoint_uq UNIQUE (tenant_id, endpoint_hash),
  CONSTRAINT push_devices_failures CHECK (failures >= 0)
);
CREATE INDEX push_devices_user_ix ON auth.push_devices (tenant_id, user_id);
COMMENT ON TABLE auth.push_devices IS 'Browsers that their users want told while no page is open, at most ten a user';
COMMENT ON COLUMN auth.push_devices.label IS 'Browser and system, by what the browser calls itself';
COMMENT ON COLUMN auth.push_devices.endpoint IS 'Address at the push service; whoever has it may send there';
COMMENT ON COLUMN auth.push_devices.endpoint_hash IS 'SHA-256 of the address: by it a page knows its own browser';
COMMENT ON COLUMN auth.push_devices.p256dh IS 'The browser''s public key (RFC 8291), base64url';
COMMENT ON COLUMN auth.push_devices.auth IS 'What it shares with us besides (RFC 8291), base64url';
COMMENT ON COLUMN auth.push_devices.last_success_at IS 'When the push service last took a message';
COMMENT ON COLUMN auth.push_devices.failures IS 'Attempts since then that it did not take';
COMMENT ON CONSTRAINT push_devices_endpoint_uq ON auth.push_devices IS 'This browser is told already';
COMMENT ON CONSTRAINT push_devices_failures ON auth.push_devices IS 'Counts cannot be negative';
CALL kernel.protect('auth.push_devices', key_class => 'secrets');
CALL kernel.classify('auth.push_devices', 'endpoint', phi => 'secret');
CALL kernel.classify('auth.push_devices', 'p256dh', phi => 'secret');
CALL kernel.classify('auth.push_devices', 'auth', phi => 'secret');
CREATE POLICY own_device ON auth.push_devices FOR ALL
  USING (user_id = (SELECT kernel.actor())) WITH CHECK (user_id = (SELECT kernel.actor()));

ALTER TABLE auth.deliveries ADD COLUMN taken_by text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN auth.deliveries.taken_by IS 'Devices whose push service took it: an attempt that follows leaves them out';
INSERT INTO kernel.fields (column_id, table_name, column_name, class)
  VALUES (kernel.column_id('auth.deliveries', 'taken_by'), 'auth.deliveries', 'taken_by', 'C1');
