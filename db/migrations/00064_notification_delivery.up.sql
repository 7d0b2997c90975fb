-- Notifications beyond the page: by which way a user wants them, what was sent, and tickets for live connections.

CREATE DOMAIN auth.medium AS text CONSTRAINT medium_values CHECK (VALUE IN ('email', 'sms'));
COMMENT ON DOMAIN auth.medium IS 'By which way a notification reaches a user outside the page';
COMMENT ON CONSTRAINT medium_values ON DOMAIN auth.medium IS 'Must be email or sms';
CREATE DOMAIN auth.delivery_state AS text CONSTRAINT delivery_state_values
  CHECK (VALUE IN ('waiting', 'sent', 'simulated', 'unneeded', 'undeliverable'));
COMMENT ON DOMAIN auth.delivery_state IS
  'simulated: nothing was sent, because no carrier is configured; unneeded: read on the page before, or no longer wanted; undeliverable: no address';
COMMENT ON CONSTRAINT delivery_state_values ON DOMAIN auth.delivery_state IS
  'Must be waiting, sent, simulated, unneeded or undeliverable';

CREATE TABLE auth.notification_preferences (
  tenant_id   uuid NOT NULL DEFAULT kernel.tenant(),
  id          uuid NOT NULL,
  row_version int NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  created_by  uuid DEFAULT kernel.actor(),
  updated_by  uuid,
  user_id     uuid NOT NULL,
  medium      auth.medium NOT NULL,
  is_wanted   boolean NOT NULL,
  address     kernel.sealed_text,
  CONSTRAINT notification_preferences_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT notification_preferences_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT notification_preferences_uq UNIQUE (tenant_id, user_id, medium)
);
COMMENT ON TABLE auth.notification_preferences IS 'What a user has chosen for each medium; without a row: e-mail yes, SMS no';
COMMENT ON COLUMN auth.notification_preferences.address IS 'The telephone number for SMS; e-mail goes to the address of the account';
COMMENT ON CONSTRAINT notification_preferences_uq ON auth.notification_preferences IS 'This user has chosen for this medium already: change it';
CALL kernel.protect('auth.notification_preferences');
CREATE POLICY own_choice ON auth.notification_preferences FOR ALL
  USING (user_id = (SELECT kernel.actor())) WITH CHECK (user_id = (SELECT kernel.actor()));

CREATE TABLE auth.deliveries (
  tenant_id       uuid NOT NULL DEFAULT kernel.tenant(),
  id              uuid NOT NULL,
  row_version     int NOT NULL DEFAULT 1,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  created_by      uuid DEFAULT kernel.actor(),
  updated_by      uuid,
  notification_id uuid NOT NULL,
  user_id         uuid NOT NULL,
  medium          auth.medium NOT NULL,
  state           auth.delivery_state NOT NULL DEFAULT 'waiting',
  carrier         kernel.code,
  sent_at         timestamptz,
  letter          kernel.sealed_text,
  CONSTRAINT deliveries_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT deliveries_notification_fk FOREIGN KEY (tenant_id, notification_id) REFERENCES auth.notifications (tenant_id, id),
  CONSTRAINT deliveries_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT deliveries_once_uq UNIQUE (tenant_id, notification_id, medium)
);
CREATE INDEX deliveries_user_ix ON auth.deliveries (tenant_id, user_id);
CREATE INDEX deliveries_state_ix ON auth.deliveries (tenant_id, state, created_at);
COMMENT ON TABLE auth.deliveries IS 'What left for a user outside the page, and what became of it';
COMMENT ON COLUMN auth.deliveries.carrier IS 'What carried it: smtp, webhook or simulator';
COMMENT ON COLUMN auth.deliveries.letter IS 'What would have been sent, kept three days where it was only simulated';
COMMENT ON CONSTRAINT deliveries_once_uq ON auth.deliveries IS 'A notification is delivered once by each medium';
CALL kernel.protect('auth.deliveries');

CREATE TABLE auth.socket_tickets (
  tenant_id   uuid NOT NULL DEFAULT kernel.tenant(),
  id          uuid NOT NULL,
  row_version int NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  created_by  uuid DEFAULT kernel.actor(),
  updated_by  uuid,
  session_id  uuid NOT NULL,
  token_hash  audit.sha256 NOT NULL,
  expires_at  timestamptz NOT NULL,
  used_at     timestamptz,
  CONSTRAINT socket_tickets_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT socket_tickets_session_fk FOREIGN KEY (tenant_id, session_id) REFERENCES auth.sessions (tenant_id, id),
  CONSTRAINT socket_tickets_token_uq UNIQUE (tenant_id, token_hash)
);
CREATE INDEX socket_tickets_session_ix ON auth.socket_tickets (tenant_id, session_id);
COMMENT ON TABLE auth.socket_tickets IS 'Tickets by which a page opens a live connection: from its session, for half a minute, once';
COMMENT ON COLUMN auth.socket_tickets.token_hash IS 'SHA-256 of the ticket';
COMMENT ON CONSTRAINT socket_tickets_token_uq ON auth.socket_tickets IS 'This ticket exists already';
CALL kernel.protect('auth.socket_tickets', key_class => 'secrets');

-- The count in the bell is of what is unread.
CREATE INDEX notifications_unread_ix ON auth.notifications (tenant_id, user_id) WHERE read_at IS NULL;
