-- Epochs of the Merkle log: what a log after a restore or a lagging failover says about the one before it.

CREATE TABLE audit.epochs (
  epoch     int         NOT NULL CONSTRAINT epochs_pk PRIMARY KEY CONSTRAINT epochs_number CHECK (epoch > 1),
  id        uuid        NOT NULL CONSTRAINT epochs_id_uq UNIQUE,
  statement text        NOT NULL,
  mac       audit.sha256 NOT NULL,
  began_at  timestamptz NOT NULL
);
COMMENT ON TABLE audit.epochs IS 'Why the log began anew: each statement is the first leaf of its epoch';
COMMENT ON COLUMN audit.epochs.id IS 'What audit.leaves names as the event of leaf 0';
COMMENT ON COLUMN audit.epochs.statement IS 'JSON, byte for byte as it is in the leaf: the head the database had, the newest anchored head, the digest of what was lost, the reason';
COMMENT ON COLUMN audit.epochs.mac IS 'HMAC-SHA-256 of the statement under a key derived from the root key';
COMMENT ON CONSTRAINT epochs_number ON audit.epochs IS 'The first epoch follows nothing';
COMMENT ON CONSTRAINT epochs_id_uq ON audit.epochs IS 'A statement has an id of its own';

CREATE TABLE audit.lost_events (
  epoch    int  NOT NULL CONSTRAINT lost_events_epoch_fk REFERENCES audit.epochs (epoch),
  event_id uuid NOT NULL,
  CONSTRAINT lost_events_pk PRIMARY KEY (epoch, event_id)
);
COMMENT ON TABLE audit.lost_events IS 'Events that their writers were told to be committed and that were gone when the epoch began';
COMMENT ON COLUMN audit.lost_events.event_id IS 'From the receipts; the statement has the digest of all of them';
COMMENT ON CONSTRAINT lost_events_epoch_fk ON audit.lost_events IS 'Events are lost before an epoch that is there';

CALL kernel.share('audit.epochs',      'statements about the log of the whole database', readable => false);
CALL kernel.share('audit.lost_events', 'ids of lost events, nothing of them', readable => false);
GRANT SELECT, INSERT ON audit.epochs, audit.lost_events TO salus_sealer;
