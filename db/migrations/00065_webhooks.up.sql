-- Webhooks: other systems that are told of events, and what became of each call.

CREATE DOMAIN exchange.webhook_state AS text CONSTRAINT webhook_state_values
  CHECK (VALUE IN ('waiting', 'delivered', 'failing', 'unneeded'));
COMMENT ON DOMAIN exchange.webhook_state IS
  'failing: the last call failed, and the job that makes it says whether it is tried again; unneeded: the subscription ended before';
COMMENT ON CONSTRAINT webhook_state_values ON DOMAIN exchange.webhook_state IS 'Must be waiting, delivered, failing or unneeded';

CREATE TABLE exchange.webhook_subscriptions (
  tenant_id   uuid NOT NULL DEFAULT kernel.tenant(),
  id          uuid NOT NULL,
  row_version int NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  created_by  uuid DEFAULT kernel.actor(),
  updated_by  uuid,
  name        kernel.label NOT NULL,
  url         kernel.sealed_text NOT NULL,
  events      jsonb NOT NULL DEFAULT '[]' CONSTRAINT webhook_subscriptions_events CHECK (jsonb_typeof(events) = 'array'),
  secret      kernel.sealed_text NOT NULL,
  is_active   boolean NOT NULL DEFAULT true,
  CONSTRAINT webhook_subscriptions_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT webhook_subscriptions_name_uq UNIQUE (tenant_id, name)
);
COMMENT ON TABLE exchange.webhook_subscriptions IS 'Systems that are told of events by a signed call';
COMMENT ON COLUMN exchange.webhook_subscriptions.url IS 'https address that is called; it may hold a secret of the receiver';
COMMENT ON COLUMN exchange.webhook_subscriptions.events IS 'Names of events; none named: all that are published';
COMMENT ON COLUMN exchange.webhook_subscriptions.secret IS 'By which calls are signed; shown once when it is made';
COMMENT ON CONSTRAINT webhook_subscriptions_events ON exchange.webhook_subscriptions IS 'Must be a list of names of events';
COMMENT ON CONSTRAINT webhook_subscriptions_name_uq ON exchange.webhook_subscriptions IS 'A subscription of this name exists already';
CALL kernel.protect('exchange.webhook_subscriptions', key_class => 'secrets');
CALL kernel.classify('exchange.webhook_subscriptions', 'secret', phi => 'secret');

CREATE TABLE exchange.webhook_deliveries (
  tenant_id       uuid NOT NULL DEFAULT kernel.tenant(),
  id              uuid NOT NULL,
  row_version     int NOT NULL DEFAULT 1,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  created_by      uuid DEFAULT kernel.actor(),
  updated_by      uuid,
  subscription_id uuid NOT NULL,
  event_id        uuid NOT NULL,
  event           kernel.code NOT NULL,
  row_id          uuid,
  happened_at     timestamptz NOT NULL DEFAULT now(),
  state           exchange.webhook_state NOT NULL DEFAULT 'waiting',
  attempts        int NOT NULL DEFAULT 0 CONSTRAINT webhook_deliveries_attempts CHECK (attempts >= 0),
  last_status     int,
  last_error      kernel.code,
  delivered_at    timestamptz,
  CONSTRAINT webhook_deliveries_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT webhook_deliveries_subscription_fk
    FOREIGN KEY (tenant_id, subscription_id) REFERENCES exchange.webhook_subscriptions (tenant_id, id),
  CONSTRAINT webhook_deliveries_once_uq UNIQUE (tenant_id, subscription_id, event_id)
);
CREATE INDEX webhook_deliveries_time_ix ON exchange.webhook_deliveries (tenant_id, created_at);
COMMENT ON TABLE exchange.webhook_deliveries IS 'One call for each subscription and event, and what became of it';
COMMENT ON COLUMN exchange.webhook_deliveries.event_id IS 'The event''s number: receivers tell a repeated call by it';
COMMENT ON COLUMN exchange.webhook_deliveries.last_status IS 'HTTP status of the last answer; empty when there was none';
COMMENT ON COLUMN exchange.webhook_deliveries.last_error IS 'Why there was no answer: a code';
COMMENT ON CONSTRAINT webhook_deliveries_attempts ON exchange.webhook_deliveries IS 'Cannot be negative';
COMMENT ON CONSTRAINT webhook_deliveries_once_uq ON exchange.webhook_deliveries IS 'A subscription is told of an event once';
CALL kernel.protect('exchange.webhook_deliveries');
