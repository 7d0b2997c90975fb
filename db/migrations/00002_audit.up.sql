-- The audit log, and the tables of the Merkle log that seals it (RFC 6962 tree in C2SP tiles).
GRANT USAGE ON SCHEMA audit TO salus_app, salus_reader, salus_sealer, salus_backup;

CREATE DOMAIN audit.outcome AS text CONSTRAINT outcome_values CHECK (VALUE IN ('success', 'refused', 'failed'));
COMMENT ON DOMAIN audit.outcome IS 'success: done; refused: not permitted; failed: tried and not done';
COMMENT ON CONSTRAINT outcome_values ON DOMAIN audit.outcome IS 'Must be success, refused or failed';
CREATE DOMAIN audit.sha256 AS bytea CONSTRAINT sha256_length CHECK (octet_length(VALUE) = 32);
COMMENT ON DOMAIN audit.sha256 IS 'A SHA-256 or HMAC-SHA-256';
COMMENT ON CONSTRAINT sha256_length ON DOMAIN audit.sha256 IS 'Must be 32 bytes';

CREATE TABLE audit.activity_logs (
  tenant_id      uuid        NOT NULL DEFAULT kernel.tenant(),
  id             uuid        NOT NULL,
  recorded_at    timestamptz NOT NULL,
  xact           xid8        NOT NULL DEFAULT pg_current_xact_id(),
  writer_id      int         NOT NULL,
  writer_seq     bigint      NOT NULL,
  actor_id       uuid        NOT NULL,
  action         text        NOT NULL,
  target         text        NOT NULL,
  outcome        audit.outcome NOT NULL,
  header         bytea       NOT NULL,
  payload        kernel.sealed_json,
  payload_salt   bytea,
  payload_commit audit.sha256 NOT NULL,
  mac            audit.sha256 NOT NULL,
  leaf_hash      audit.sha256 NOT NULL,
  CONSTRAINT activity_logs_pk PRIMARY KEY (tenant_id, recorded_at, id)
) PARTITION BY RANGE (recorded_at);
COMMENT ON TABLE audit.activity_logs IS 'One row for each access to protected health information, in the transaction of the access';
COMMENT ON COLUMN audit.activity_logs.recorded_at IS 'Clock of the server, microseconds, never earlier than the writer''s previous event';
COMMENT ON COLUMN audit.activity_logs.xact IS 'The transaction: the sealer takes events in the order of finished transactions';
COMMENT ON COLUMN audit.activity_logs.header IS 'Canonical JSON (RFC 8785) without health data: who, what, which records, why, how it ended';
COMMENT ON COLUMN audit.activity_logs.payload IS 'Sealed detail: the query, the disclosed columns, digests of changed rows';
COMMENT ON COLUMN audit.activity_logs.payload_commit IS 'SHA-256 of salt and payload: stays when the payload is redacted';
COMMENT ON COLUMN audit.activity_logs.mac IS 'HMAC under the writer''s key: shows that a Salus process wrote the event';
COMMENT ON COLUMN audit.activity_logs.leaf_hash IS 'RFC 6962 leaf: SHA-256(0x00, "salus-leaf/v1", length, header, payload_commit, mac)';
CREATE INDEX activity_logs_xact_ix ON audit.activity_logs (xact);
CREATE TABLE audit.activity_logs_default PARTITION OF audit.activity_logs DEFAULT;
ALTER TABLE audit.activity_logs_default ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.activity_logs_default FORCE ROW LEVEL SECURITY;
CALL audit.ensure_partitions(now()::date, 3);
CALL kernel.protect('audit.activity_logs', key_class => 'audit', retention => 'audit_logs', append_only => true);
CREATE POLICY any_caller ON audit.activity_logs FOR INSERT WITH CHECK (true);
GRANT INSERT ON audit.activity_logs TO salus_reader;
GRANT SELECT ON audit.activity_logs TO salus_sealer;

CREATE TABLE audit.event_subjects (
  tenant_id   uuid        NOT NULL DEFAULT kernel.tenant(),
  subject_id  uuid        NOT NULL,
  recorded_at timestamptz NOT NULL,
  id          uuid        NOT NULL,
  CONSTRAINT event_subjects_pk PRIMARY KEY (tenant_id, subject_id, recorded_at, id)
);
COMMENT ON TABLE audit.event_subjects IS 'Which persons an event is about, for "who saw this record"; can be rebuilt from the headers';
CALL kernel.protect('audit.event_subjects', subject => 'subject_id', retention => 'audit_logs', append_only => true);
CREATE POLICY any_caller ON audit.event_subjects FOR INSERT WITH CHECK (true);
GRANT INSERT ON audit.event_subjects TO salus_reader;
GRANT SELECT ON audit.event_subjects TO salus_sealer;

-- The Merkle log: one a database, over the events of all tenants; leaves are salted, so proofs tell nothing.
CREATE TABLE audit.leaves (
  epoch       int         NOT NULL,
  leaf_index  bigint      NOT NULL,
  event_id    uuid        NOT NULL,
  recorded_at timestamptz NOT NULL,
  CONSTRAINT leaves_pk PRIMARY KEY (epoch, leaf_index),
  CONSTRAINT leaves_event_uq UNIQUE (event_id)
);
COMMENT ON TABLE audit.leaves IS 'The place of each sealed event in the tree';
COMMENT ON CONSTRAINT leaves_event_uq ON audit.leaves IS 'An event is sealed once';
CREATE TABLE audit.tiles (
  epoch  int    NOT NULL,
  level  int    NOT NULL,
  idx    bigint NOT NULL,
  hashes bytea  NOT NULL CONSTRAINT tiles_length CHECK (octet_length(hashes) % 32 = 0 AND octet_length(hashes) BETWEEN 32 AND 8192),
  CONSTRAINT tiles_pk PRIMARY KEY (epoch, level, idx)
);
COMMENT ON TABLE audit.tiles IS 'Up to 256 hashes each, as C2SP tlog-tiles lays them out';
COMMENT ON CONSTRAINT tiles_length ON audit.tiles IS 'A tile holds 1 to 256 hashes of 32 bytes';
CREATE TABLE audit.tree_states (
  epoch      int     NOT NULL CONSTRAINT tree_states_pk PRIMARY KEY,
  size       bigint  NOT NULL CONSTRAINT tree_states_size CHECK (size >= 0),
  root       audit.sha256 NOT NULL,
  horizon    xid8    NOT NULL,
  sysid      text    NOT NULL,
  timeline   int     NOT NULL,
  is_current boolean NOT NULL
);
CREATE UNIQUE INDEX tree_states_current_uq ON audit.tree_states (is_current) WHERE is_current;
COMMENT ON INDEX audit.tree_states_current_uq IS 'One epoch is the current one';
COMMENT ON TABLE audit.tree_states IS 'The head of the tree in each epoch';
COMMENT ON CONSTRAINT tree_states_size ON audit.tree_states IS 'Cannot be negative';
CREATE TABLE audit.checkpoints (
  epoch     int         NOT NULL,
  size      bigint      NOT NULL,
  note      text        NOT NULL,
  sealed_at timestamptz NOT NULL,
  anchored  jsonb       NOT NULL DEFAULT '{}',
  CONSTRAINT checkpoints_pk PRIMARY KEY (epoch, size)
);
COMMENT ON TABLE audit.checkpoints IS 'Signed notes of size and root (C2SP tlog-checkpoint), and where each was anchored';
CREATE TABLE audit.pruned_ranges (
  epoch       int    NOT NULL,
  low_index   bigint NOT NULL,
  high_index  bigint NOT NULL,
  reason      text   NOT NULL,
  prune_event uuid   NOT NULL,
  CONSTRAINT pruned_ranges_pk PRIMARY KEY (epoch, low_index),
  CONSTRAINT pruned_ranges_order CHECK (low_index <= high_index)
);
COMMENT ON TABLE audit.pruned_ranges IS 'Leaves whose events left by retention';
COMMENT ON CONSTRAINT pruned_ranges_order ON audit.pruned_ranges IS 'A range ends after it begins';
CREATE TABLE audit.redactions (
  event_id     uuid NOT NULL CONSTRAINT redactions_pk PRIMARY KEY,
  redact_event uuid NOT NULL,
  basis        text NOT NULL
);
COMMENT ON TABLE audit.redactions IS 'Events whose payload was removed, by which event and on what legal basis';
CALL kernel.share('audit.leaves',        'positions in the log of the whole database', readable => false);
CALL kernel.share('audit.tiles',         'hashes of the log of the whole database', readable => false);
CALL kernel.share('audit.tree_states',   'the head of the log of the whole database', readable => false);
CALL kernel.share('audit.checkpoints',   'signed heads of the log; public by design', readable => true);
CALL kernel.share('audit.pruned_ranges', 'positions in the log of the whole database', readable => false);
CALL kernel.share('audit.redactions',    'ids of redacted events, nothing of them', readable => false);
GRANT SELECT, INSERT ON audit.leaves, audit.checkpoints TO salus_sealer;
GRANT SELECT, INSERT, UPDATE ON audit.tiles, audit.tree_states TO salus_sealer;

CREATE SEQUENCE audit.writer_ids AS int;
COMMENT ON SEQUENCE audit.writer_ids IS 'A number for each start of a server process: its events are counted under it';
GRANT USAGE ON SEQUENCE audit.writer_ids TO salus_app;
