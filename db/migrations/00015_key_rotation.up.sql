-- Keys that are exchanged while the server serves: what is under way, what was done, and what lies under which key.

ALTER TABLE kernel.keys ADD COLUMN retired_at timestamptz;
COMMENT ON COLUMN kernel.keys.retired_at IS 'Since when nothing is sealed with it any more; it is kept, because backups may need it';
INSERT INTO kernel.fields (column_id, table_name, column_name, class)
  VALUES (kernel.column_id('kernel.keys', 'retired_at'), 'kernel.keys', 'retired_at', 'C1');

CREATE DOMAIN kernel.rotation_reason AS text CONSTRAINT rotation_reason_values
  CHECK (VALUE IN ('scheduled', 'manual', 'compromise', 'limit'));
COMMENT ON DOMAIN kernel.rotation_reason IS 'Why a key is exchanged: by age, by hand, because it may be known, because it has sealed too much';
COMMENT ON CONSTRAINT rotation_reason_values ON DOMAIN kernel.rotation_reason IS 'Must be scheduled, manual, compromise or limit';
CREATE DOMAIN kernel.rotation_state AS text CONSTRAINT rotation_state_values CHECK (VALUE IN ('spreading', 'moving', 'finished'));
COMMENT ON DOMAIN kernel.rotation_state IS
  'spreading: servers learn the new key; moving: it is in use and what is under older ones is moved; finished';
COMMENT ON CONSTRAINT rotation_state_values ON DOMAIN kernel.rotation_state IS 'Must be spreading, moving or finished';

CREATE TABLE kernel.key_rotation_history (
  tenant_id    uuid NOT NULL DEFAULT kernel.tenant(),
  id           uuid NOT NULL,
  row_version  int NOT NULL DEFAULT 1,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  created_by   uuid DEFAULT kernel.actor(),
  updated_by   uuid,
  kind         kernel.key_kind NOT NULL,
  key_class    kernel.key_class,
  old_key_no   bigint NOT NULL,
  new_key_no   bigint NOT NULL,
  reason       kernel.rotation_reason NOT NULL,
  state        kernel.rotation_state NOT NULL DEFAULT 'spreading',
  table_name   text,
  cursor_id    uuid,
  passes       int NOT NULL DEFAULT 0,
  clean_passes int NOT NULL DEFAULT 0,
  pass_moved   bigint NOT NULL DEFAULT 0,
  rows_total   bigint NOT NULL DEFAULT 0,
  rows_done    bigint NOT NULL DEFAULT 0,
  rows_failed  bigint NOT NULL DEFAULT 0,
  rows_kept    bigint NOT NULL DEFAULT 0,
  activated_at timestamptz,
  finished_at  timestamptz,
  CONSTRAINT key_rotation_history_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT key_rotation_history_class_given CHECK ((kind = 'class') = (key_class IS NOT NULL)),
  CONSTRAINT key_rotation_history_counts CHECK (least(passes, clean_passes, pass_moved, rows_total, rows_done, rows_failed, rows_kept) >= 0),
  CONSTRAINT key_rotation_history_end CHECK ((state = 'finished') = (finished_at IS NOT NULL))
);
COMMENT ON TABLE kernel.key_rotation_history IS 'Every exchange of a key: which by which, how far it is, and how it ended';
COMMENT ON COLUMN kernel.key_rotation_history.old_key_no IS 'Number of the key that was in use, in kernel.keys, from which no row is ever removed';
COMMENT ON COLUMN kernel.key_rotation_history.new_key_no IS 'Number of the key that takes its place';
COMMENT ON COLUMN kernel.key_rotation_history.table_name IS 'The table that is being passed through';
COMMENT ON COLUMN kernel.key_rotation_history.cursor_id IS 'The last row of it that was looked at; saved with the rows, so that a killed run goes on here';
COMMENT ON COLUMN kernel.key_rotation_history.passes IS 'Times that every table was passed through';
COMMENT ON COLUMN kernel.key_rotation_history.clean_passes IS 'Counts in a row that found nothing under an older key; two end the exchange';
COMMENT ON COLUMN kernel.key_rotation_history.pass_moved IS 'Rows that this pass has moved so far';
COMMENT ON COLUMN kernel.key_rotation_history.rows_total IS 'Rows under an older key when moving began';
COMMENT ON COLUMN kernel.key_rotation_history.rows_failed IS 'Rows with a value that does not open: the older key stays until they are repaired';
COMMENT ON COLUMN kernel.key_rotation_history.rows_kept IS 'Rows of append-only tables that stay under the older key, which therefore still opens';
COMMENT ON CONSTRAINT key_rotation_history_class_given ON kernel.key_rotation_history IS 'The exchange of a class key names its class, others do not';
COMMENT ON CONSTRAINT key_rotation_history_counts ON kernel.key_rotation_history IS 'Counts are not negative';
COMMENT ON CONSTRAINT key_rotation_history_end ON kernel.key_rotation_history IS 'A finished exchange says when';
CREATE UNIQUE INDEX key_rotation_history_open_uq ON kernel.key_rotation_history (tenant_id, kind, key_class) NULLS NOT DISTINCT
  WHERE finished_at IS NULL;
COMMENT ON INDEX kernel.key_rotation_history_open_uq IS 'This key is being exchanged already';
CALL kernel.protect('kernel.key_rotation_history', retention => 'keys');

CREATE TABLE kernel.encrypted_field_metadata (
  tenant_id   uuid NOT NULL DEFAULT kernel.tenant(),
  id          uuid NOT NULL,
  row_version int NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  created_by  uuid DEFAULT kernel.actor(),
  updated_by  uuid,
  table_name  text NOT NULL,
  column_name text NOT NULL,
  key_class   kernel.key_class NOT NULL,
  key_no      bigint NOT NULL,
  value_count bigint NOT NULL,
  counted_at  timestamptz NOT NULL,
  CONSTRAINT encrypted_field_metadata_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT encrypted_field_metadata_uq UNIQUE (tenant_id, table_name, column_name, key_no),
  CONSTRAINT encrypted_field_metadata_count CHECK (value_count >= 0)
);
COMMENT ON TABLE kernel.encrypted_field_metadata IS 'How many values of each sealed column lie under which key, as of the last count';
COMMENT ON COLUMN kernel.encrypted_field_metadata.key_no IS 'The number in the header of the values, whether or not such a key is known';
COMMENT ON COLUMN kernel.encrypted_field_metadata.counted_at IS 'When all values of the tenant were counted';
COMMENT ON CONSTRAINT encrypted_field_metadata_uq ON kernel.encrypted_field_metadata IS 'A column is counted once for each key';
COMMENT ON CONSTRAINT encrypted_field_metadata_count ON kernel.encrypted_field_metadata IS 'A count is not negative';
CALL kernel.protect('kernel.encrypted_field_metadata', retention => 'keys');
