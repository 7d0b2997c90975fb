-- Tamper alerts and checksums stand in audit.tamper_alerts and audit.data_integrity_checksums; here they get the severity.
ALTER TABLE audit.tamper_alerts ADD COLUMN severity alerts.alert_severity NOT NULL DEFAULT 'EMERGENCY';
CREATE INDEX tamper_alerts_severity_ix ON audit.tamper_alerts (tenant_id, severity, created_at DESC);
COMMENT ON COLUMN audit.tamper_alerts.severity IS 'How urgent it is; a sign of tampering is an emergency until a person says otherwise';
COMMENT ON INDEX audit.tamper_alerts_severity_ix IS 'Alerts by severity, newest first';
INSERT INTO kernel.fields (column_id, table_name, column_name, class)
  VALUES (kernel.column_id('audit.tamper_alerts', 'severity'), 'audit.tamper_alerts', 'severity', 'C1');
