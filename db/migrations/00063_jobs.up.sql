-- Background work: what is to be done once for each event or at set times, and messages that came in already.

CREATE DOMAIN kernel.job_state AS text CONSTRAINT job_state_values
  CHECK (VALUE IN ('waiting', 'running', 'done', 'dead', 'quarantined', 'discarded'));
COMMENT ON DOMAIN kernel.job_state IS
  'dead: failed as often as is tried; quarantined: its worker died of it twice; discarded: a person gave it up';
COMMENT ON CONSTRAINT job_state_values ON DOMAIN kernel.job_state IS
  'Must be waiting, running, done, dead, quarantined or discarded';
CREATE DOMAIN kernel.job_name AS text CONSTRAINT job_name_form CHECK (VALUE ~ '^[a-z_]+(\.[a-z_]+)*$' AND length(VALUE) <= 80);
COMMENT ON DOMAIN kernel.job_name IS 'What a program calls its work, such as auth.send_mail';
COMMENT ON CONSTRAINT job_name_form ON DOMAIN kernel.job_name IS 'Is lower-case words joined by dots';

CREATE TABLE kernel.jobs (
  tenant_id   uuid NOT NULL DEFAULT kernel.tenant(),
  id          uuid NOT NULL,
  row_version int NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  created_by  uuid DEFAULT kernel.actor(),
  updated_by  uuid,
  job         kernel.job_name NOT NULL,
  natural_key text NOT NULL CONSTRAINT jobs_key_length CHECK (length(natural_key) BETWEEN 1 AND 200),
  event       text,
  row_id      uuid,
  body        jsonb NOT NULL DEFAULT '{}',
  state       kernel.job_state NOT NULL DEFAULT 'waiting',
  attempts    int NOT NULL DEFAULT 0 CONSTRAINT jobs_attempts CHECK (attempts >= 0),
  crashes     int NOT NULL DEFAULT 0 CONSTRAINT jobs_crashes CHECK (crashes >= 0),
  due_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  fence       bigint NOT NULL DEFAULT 0,
  lease_until timestamptz,
  error_class text,
  finished_at timestamptz,
  CONSTRAINT jobs_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT jobs_key_uq UNIQUE (tenant_id, job, natural_key),
  CONSTRAINT jobs_leased CHECK ((state = 'running') = (lease_until IS NOT NULL)),
  CONSTRAINT jobs_finished CHECK ((state IN ('waiting', 'running')) = (finished_at IS NULL))
);
CREATE INDEX jobs_due_ix ON kernel.jobs (tenant_id, due_at) WHERE state = 'waiting';
CREATE INDEX jobs_leased_ix ON kernel.jobs (tenant_id, lease_until) WHERE state = 'running';
CREATE INDEX jobs_finished_ix ON kernel.jobs (tenant_id, state, finished_at);
COMMENT ON TABLE kernel.jobs IS 'Background work of the tenant: waiting, under way, done, or given up';
COMMENT ON COLUMN kernel.jobs.natural_key IS 'What makes it one piece of work: the same job with the same key is done once';
COMMENT ON COLUMN kernel.jobs.event IS 'The event it answers';
COMMENT ON COLUMN kernel.jobs.row_id IS 'The row the event was about';
COMMENT ON COLUMN kernel.jobs.body IS 'Ids and codes only, never health data in clear';
COMMENT ON COLUMN kernel.jobs.attempts IS 'How often it was begun';
COMMENT ON COLUMN kernel.jobs.crashes IS 'How often its worker died or lost it';
COMMENT ON COLUMN kernel.jobs.due_at IS 'Not before';
COMMENT ON COLUMN kernel.jobs.fence IS 'Counts those who began it: the effect of any but the last is refused';
COMMENT ON COLUMN kernel.jobs.lease_until IS 'Until when its worker has it without saying that it lives';
COMMENT ON COLUMN kernel.jobs.error_class IS 'The code of the last error, without its text';
COMMENT ON CONSTRAINT jobs_key_length ON kernel.jobs IS 'Must be 1 to 200 characters';
COMMENT ON CONSTRAINT jobs_attempts ON kernel.jobs IS 'Cannot be negative';
COMMENT ON CONSTRAINT jobs_crashes ON kernel.jobs IS 'Cannot be negative';
COMMENT ON CONSTRAINT jobs_key_uq ON kernel.jobs IS 'This work is queued or done already';
COMMENT ON CONSTRAINT jobs_leased ON kernel.jobs IS 'Work under way has a lease, other work has none';
COMMENT ON CONSTRAINT jobs_finished ON kernel.jobs IS 'Work that has ended says when, other work does not';
CALL kernel.protect('kernel.jobs', retention => 'operational');

CREATE TABLE kernel.schedules (
  tenant_id   uuid NOT NULL DEFAULT kernel.tenant(),
  id          uuid NOT NULL,
  row_version int NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  created_by  uuid DEFAULT kernel.actor(),
  updated_by  uuid,
  job         kernel.job_name NOT NULL,
  cron        text CONSTRAINT schedules_cron_form CHECK (cron ~ '^\S+( \S+){4}$' AND length(cron) <= 100),
  is_paused   boolean NOT NULL DEFAULT false,
  next_run_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  last_run_at timestamptz,
  CONSTRAINT schedules_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT schedules_job_uq UNIQUE (tenant_id, job)
);
CREATE INDEX schedules_due_ix ON kernel.schedules (tenant_id, next_run_at) WHERE NOT is_paused;
COMMENT ON TABLE kernel.schedules IS 'When work that comes back is done next, in the time zone of the tenant''s organization';
COMMENT ON COLUMN kernel.schedules.cron IS 'Minute, hour, day, month and weekday; empty: as the program says';
COMMENT ON COLUMN kernel.schedules.last_run_at IS 'For which time it was queued last';
COMMENT ON CONSTRAINT schedules_cron_form ON kernel.schedules IS 'Must be five fields: minute, hour, day, month, weekday';
COMMENT ON CONSTRAINT schedules_job_uq ON kernel.schedules IS 'This work has a schedule already';
CALL kernel.protect('kernel.schedules', retention => 'operational');

CREATE TABLE kernel.inbox (
  tenant_id   uuid NOT NULL DEFAULT kernel.tenant(),
  id          uuid NOT NULL,
  row_version int NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  created_by  uuid DEFAULT kernel.actor(),
  updated_by  uuid,
  source      text NOT NULL CONSTRAINT inbox_source_length CHECK (length(source) BETWEEN 1 AND 100),
  message_id  text NOT NULL CONSTRAINT inbox_message_length CHECK (length(message_id) BETWEEN 1 AND 200),
  digest      bytea NOT NULL CONSTRAINT inbox_digest_length CHECK (octet_length(digest) = 32),
  reply       kernel.sealed_json,
  CONSTRAINT inbox_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT inbox_message_uq UNIQUE (tenant_id, source, message_id)
);
CREATE INDEX inbox_created_ix ON kernel.inbox (tenant_id, created_at);
COMMENT ON TABLE kernel.inbox IS 'Messages of other systems that were taken in, with what was answered: the same again has no effect and the same answer';
COMMENT ON COLUMN kernel.inbox.source IS 'Who sent it, such as a sending application or a webhook';
COMMENT ON COLUMN kernel.inbox.message_id IS 'The sender''s own number of the message';
COMMENT ON COLUMN kernel.inbox.digest IS 'Keyed digest of the message: another text under the same number is refused';
COMMENT ON CONSTRAINT inbox_source_length ON kernel.inbox IS 'Must be 1 to 100 characters';
COMMENT ON CONSTRAINT inbox_message_length ON kernel.inbox IS 'Must be 1 to 200 characters';
COMMENT ON CONSTRAINT inbox_digest_length ON kernel.inbox IS 'Must be 32 bytes';
COMMENT ON CONSTRAINT inbox_message_uq ON kernel.inbox IS 'This message is being taken in or was answered';
CALL kernel.protect('kernel.inbox', key_class => 'secrets', retention => 'operational');
