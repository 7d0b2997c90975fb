-- Who has an alert in hand, who is on call, what waits to be told, and that staff of a school see the alerts of their schools.

ALTER TABLE alerts.alert_instances
  ADD COLUMN assigned_to uuid,
  ADD COLUMN chain_from timestamptz,
  ADD CONSTRAINT alert_instances_assigned_to_fk
    FOREIGN KEY (tenant_id, assigned_to) REFERENCES auth.users (tenant_id, id);
CREATE INDEX alert_instances_assigned_to_ix ON alerts.alert_instances (tenant_id, assigned_to);
CREATE INDEX alert_instances_key_ix ON alerts.alert_instances (tenant_id, dedupe_key, last_seen DESC);
COMMENT ON COLUMN alerts.alert_instances.assigned_to IS 'Who sees to it';
COMMENT ON COLUMN alerts.alert_instances.chain_from IS 'From when its escalation counts: when it was raised, rose or came back';
COMMENT ON CONSTRAINT alert_instances_assigned_to_fk ON alerts.alert_instances IS 'Must name a user of this organization';
COMMENT ON INDEX alerts.alert_instances_key_ix IS 'The last alerts of a key';
INSERT INTO kernel.fields (column_id, table_name, column_name, class)
  SELECT kernel.column_id('alerts.alert_instances', c), 'alerts.alert_instances', c, 'C2' FROM unnest(ARRAY['assigned_to', 'chain_from']) c;

-- What is about no person is seen and worked on by those who work at its school.
CREATE POLICY own_school ON alerts.alert_instances FOR ALL
  USING ((SELECT kernel.scope()) = 'own' AND (SELECT kernel.reaches('school')) AND patient_id IS NULL AND school_id IN (SELECT school.own_schools()))
  WITH CHECK ((SELECT kernel.scope()) = 'own' AND (SELECT kernel.reaches('school')) AND patient_id IS NULL AND school_id IN (SELECT school.own_schools()));

ALTER TABLE alerts.alert_delivery_log
  ADD COLUMN level int NOT NULL DEFAULT 1,
  ADD COLUMN due_at timestamptz,
  ADD CONSTRAINT alert_delivery_log_level CHECK (level >= 1);
CREATE INDEX alert_delivery_log_provider_ix ON alerts.alert_delivery_log (tenant_id, provider_ref) WHERE provider_ref IS NOT NULL;
CREATE INDEX alert_delivery_log_held_ix ON alerts.alert_delivery_log (tenant_id, due_at) WHERE due_at IS NOT NULL AND provider_ref IS NULL;
COMMENT ON COLUMN alerts.alert_delivery_log.level IS 'The level of escalation at which the recipient was told, from 1';
COMMENT ON COLUMN alerts.alert_delivery_log.due_at IS 'Held until then, by quiet hours or a digest; NULL: at once';
COMMENT ON COLUMN alerts.alert_delivery_log.provider_ref IS
  'The delivery (auth.deliveries) that carries it, by whose id the provider knows a repeated message';
COMMENT ON CONSTRAINT alert_delivery_log_level ON alerts.alert_delivery_log IS 'Levels begin with 1';
COMMENT ON INDEX alerts.alert_delivery_log_provider_ix IS 'The entries of a delivery';
COMMENT ON INDEX alerts.alert_delivery_log_held_ix IS 'What is held and when it is due';
INSERT INTO kernel.fields (column_id, table_name, column_name, class)
  SELECT kernel.column_id('alerts.alert_delivery_log', c), 'alerts.alert_delivery_log', c, 'C1' FROM unnest(ARRAY['level', 'due_at']) c;

CREATE TABLE alerts.on_call_shifts (
  tenant_id   uuid        NOT NULL DEFAULT kernel.tenant(),
  id          uuid        NOT NULL,
  row_version int         NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  created_by  uuid        DEFAULT kernel.actor(),
  updated_by  uuid,
  list        kernel.code NOT NULL,
  user_id     uuid        NOT NULL,
  starts_at   timestamptz NOT NULL,
  ends_at     timestamptz NOT NULL,
  CONSTRAINT on_call_shifts_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT on_call_shifts_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT on_call_shifts_period CHECK (ends_at > starts_at)
);
CREATE INDEX on_call_shifts_list_ix ON alerts.on_call_shifts (tenant_id, list, ends_at);
CREATE INDEX on_call_shifts_user_ix ON alerts.on_call_shifts (tenant_id, user_id);
COMMENT ON TABLE alerts.on_call_shifts IS
  'Who is on call when, by list; on a holiday or while somebody is away another has the shift, or nobody';
COMMENT ON COLUMN alerts.on_call_shifts.list IS 'Name of the list, such as backup';
COMMENT ON COLUMN alerts.on_call_shifts.ends_at IS 'The first moment that is not of the shift';
COMMENT ON CONSTRAINT on_call_shifts_period ON alerts.on_call_shifts IS 'A shift ends after it begins';
COMMENT ON INDEX alerts.on_call_shifts_list_ix IS 'Who is on call';
CALL kernel.protect('alerts.on_call_shifts', retention => 'operational');
