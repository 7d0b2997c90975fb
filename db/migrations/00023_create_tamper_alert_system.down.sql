-- lossy: severities of tamper alerts go
DELETE FROM kernel.fields WHERE table_name = 'audit.tamper_alerts' AND column_name = 'severity';
ALTER TABLE audit.tamper_alerts DROP COLUMN severity;
