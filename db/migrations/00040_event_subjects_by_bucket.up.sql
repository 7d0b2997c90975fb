-- Which persons an event is about, many to a row: a row for each person and event cost more than the read it told of.
-- The sealer writes them with the leaves; events that are not sealed yet are found by themselves (audit.events_about).

ALTER TABLE audit.event_subjects RENAME TO event_subjects_before;
ALTER TABLE audit.event_subjects_before RENAME CONSTRAINT event_subjects_pk TO event_subjects_before_pk;

CREATE TABLE audit.event_subjects (
  tenant_id   uuid        NOT NULL DEFAULT kernel.tenant(),
  bucket      int         NOT NULL CONSTRAINT event_subjects_bucket CHECK (bucket BETWEEN 0 AND 4095),
  recorded_at timestamptz NOT NULL,
  id          uuid        NOT NULL,
  entries     bytea       NOT NULL CONSTRAINT event_subjects_entries CHECK (octet_length(entries) % 40 = 0 AND octet_length(entries) >= 40),
  CONSTRAINT event_subjects_pk PRIMARY KEY (tenant_id, bucket, recorded_at, id)
);
-- Ids and times do not compress; trying costs time.
ALTER TABLE audit.event_subjects ALTER COLUMN entries SET STORAGE EXTERNAL;
COMMENT ON TABLE audit.event_subjects IS
  'Which persons sealed events are about, for "who saw this record"; can be rebuilt from the headers. Read it through audit.events_about';
COMMENT ON COLUMN audit.event_subjects.bucket IS 'The last 12 bits of the persons'' ids: a person''s events are in one bucket in 4096';
COMMENT ON COLUMN audit.event_subjects.recorded_at IS 'Time of the newest event in the row';
COMMENT ON COLUMN audit.event_subjects.entries IS
  'Of 40 bytes each: the person''s id, microseconds since 1970 of the event (big-endian), the event''s id';
COMMENT ON CONSTRAINT event_subjects_bucket ON audit.event_subjects IS 'A bucket is a number from 0 to 4095';
COMMENT ON CONSTRAINT event_subjects_entries ON audit.event_subjects IS 'An entry has 40 bytes, and a row at least one';

INSERT INTO audit.event_subjects (tenant_id, bucket, recorded_at, id, entries)
  SELECT tenant_id, audit.subject_bucket(subject_id), recorded_at, id, audit.subject_entry(subject_id, recorded_at, id)
    FROM audit.event_subjects_before;
DELETE FROM kernel.fields WHERE table_name = 'audit.event_subjects';
DELETE FROM kernel.tables WHERE table_name = 'audit.event_subjects';
DROP TABLE audit.event_subjects_before;
CALL kernel.protect('audit.event_subjects', retention => 'audit_logs', append_only => true);
REVOKE INSERT ON audit.event_subjects FROM salus_app;
GRANT SELECT, INSERT ON audit.event_subjects TO salus_sealer;

CREATE TABLE audit.subject_index (
  is_current boolean NOT NULL DEFAULT true CONSTRAINT subject_index_pk PRIMARY KEY CONSTRAINT subject_index_one CHECK (is_current),
  sysid      text    NOT NULL,
  horizon    xid8    NOT NULL
);
COMMENT ON TABLE audit.subject_index IS 'Up to which transaction audit.event_subjects is complete; the sealer moves it with the leaves';
COMMENT ON COLUMN audit.subject_index.sysid IS 'The cluster that numbers these transactions: in another one nothing is complete';
COMMENT ON COLUMN audit.subject_index.horizon IS 'Events of transactions before this one are in audit.event_subjects';
COMMENT ON CONSTRAINT subject_index_one ON audit.subject_index IS 'There is one such row';
CALL kernel.share('audit.subject_index', 'the number of a transaction, nothing of any tenant', readable => true);
GRANT SELECT, INSERT, UPDATE ON audit.subject_index TO salus_sealer;
-- What was there is complete for every event that is: the next seal says from where on.
INSERT INTO audit.subject_index (sysid, horizon)
  SELECT sysid, horizon FROM audit.tree_states WHERE is_current;
