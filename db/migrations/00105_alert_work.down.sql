-- lossy: shifts, assignments and the times until which deliveries are held go
CALL kernel.forget('alerts.on_call_shifts');
DELETE FROM kernel.fields WHERE (table_name, column_name) IN (('alerts.alert_delivery_log', 'level'), ('alerts.alert_delivery_log', 'due_at'),
  ('alerts.alert_instances', 'assigned_to'), ('alerts.alert_instances', 'chain_from'));
ALTER TABLE alerts.alert_delivery_log DROP CONSTRAINT alert_delivery_log_level, DROP COLUMN level, DROP COLUMN due_at;
COMMENT ON COLUMN alerts.alert_delivery_log.provider_ref IS 'The provider''s name of the message';
DROP INDEX alerts.alert_delivery_log_provider_ix;
DROP POLICY own_school ON alerts.alert_instances;
DROP INDEX alerts.alert_instances_key_ix;
ALTER TABLE alerts.alert_instances DROP CONSTRAINT alert_instances_assigned_to_fk, DROP COLUMN assigned_to, DROP COLUMN chain_from;
