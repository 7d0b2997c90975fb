-- When definitions of alerts that fire at set times are due next, and alerts by when they changed, for who follows them.
CREATE TABLE alerts.alert_schedules (
  tenant_id   uuid         NOT NULL DEFAULT kernel.tenant(),
  id          uuid         NOT NULL,
  row_version int          NOT NULL DEFAULT 1,
  created_at  timestamptz  NOT NULL DEFAULT now(),
  updated_at  timestamptz  NOT NULL DEFAULT now(),
  created_by  uuid         DEFAULT kernel.actor(),
  updated_by  uuid,
  code        kernel.code  NOT NULL,
  cron        kernel.label NOT NULL,
  timezone    kernel.code  NOT NULL,
  next_due_at timestamptz  NOT NULL,
  last_due_at timestamptz,
  CONSTRAINT alert_schedules_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT alert_schedules_code_uq UNIQUE (tenant_id, code),
  CONSTRAINT alert_schedules_order CHECK (last_due_at < next_due_at)
);
COMMENT ON TABLE alerts.alert_schedules IS
  'When a definition of alerts of source SCHEDULE is due next; the row moves on with the alert it raises';
COMMENT ON COLUMN alerts.alert_schedules.code IS 'The definition, whichever version of it is in force';
COMMENT ON COLUMN alerts.alert_schedules.cron IS 'The set time by which next_due_at was found: minute, hour, day, month, weekday';
COMMENT ON COLUMN alerts.alert_schedules.timezone IS 'The zone on whose clocks it was found; after a change it is found anew';
COMMENT ON CONSTRAINT alert_schedules_code_uq ON alerts.alert_schedules IS 'This definition has its time already';
COMMENT ON CONSTRAINT alert_schedules_order ON alerts.alert_schedules IS 'The next time comes after the last';
CALL kernel.protect('alerts.alert_schedules', retention => 'operational');

CREATE INDEX alert_instances_changed_ix ON alerts.alert_instances (tenant_id, updated_at);
COMMENT ON INDEX alerts.alert_instances_changed_ix IS 'Alerts that changed since a moment';
