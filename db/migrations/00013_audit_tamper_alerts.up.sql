-- Signs of tampering, noted by the sealer and by verification as they find them.

CREATE TABLE audit.tamper_alerts (
  tenant_id  uuid         NOT NULL DEFAULT kernel.tenant(),
  id         uuid         NOT NULL,
  created_at timestamptz  NOT NULL DEFAULT now(),
  noted_on   date         NOT NULL,
  kind       kernel.code  NOT NULL,
  leaf_index bigint,
  event_id   uuid,
  what       kernel.prose NOT NULL,
  CONSTRAINT tamper_alerts_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT tamper_alerts_once_uq UNIQUE NULLS NOT DISTINCT (tenant_id, noted_on, kind, leaf_index, event_id)
);
CREATE INDEX tamper_alerts_time_ix ON audit.tamper_alerts (tenant_id, created_at DESC);
COMMENT ON TABLE audit.tamper_alerts IS 'Signs that the audit log was tampered with; those of the whole log are the platform''s';
COMMENT ON COLUMN audit.tamper_alerts.noted_on IS 'The same sign is noted once a day';
COMMENT ON COLUMN audit.tamper_alerts.kind IS 'Kind of problem as salus audit verify names it, or sealing_refused';
COMMENT ON COLUMN audit.tamper_alerts.leaf_index IS 'First bad place in the log, when there is one';
COMMENT ON COLUMN audit.tamper_alerts.event_id IS 'The event, when it is about one';
COMMENT ON CONSTRAINT tamper_alerts_once_uq ON audit.tamper_alerts IS 'This sign was noted today already';
CALL kernel.protect('audit.tamper_alerts', retention => 'audit_logs', append_only => true);
GRANT SELECT, INSERT ON audit.tamper_alerts TO salus_sealer;
