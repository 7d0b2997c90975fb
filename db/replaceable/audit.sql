-- Behaviour of the audit log.
CREATE SCHEMA IF NOT EXISTS audit;
COMMENT ON SCHEMA audit IS 'Who did what to which record, and the log that makes it tamper-evident';

CREATE OR REPLACE PROCEDURE audit.ensure_partitions(first_month date, months int)
  LANGUAGE plpgsql AS $$
DECLARE
  month date;
  part text;
BEGIN
  FOR i IN 0 .. months - 1 LOOP
    month := date_trunc('month', first_month)::date + make_interval(months => i);
    part := format('activity_logs_%s', to_char(month, 'YYYYMM'));
    IF to_regclass('audit.' || part) IS NULL THEN
      EXECUTE format('CREATE TABLE audit.%I PARTITION OF audit.activity_logs FOR VALUES FROM (%L) TO (%L)',
        part, month::timestamptz, (month + interval '1 month')::timestamptz);
      EXECUTE format('ALTER TABLE audit.%I ENABLE ROW LEVEL SECURITY', part);
      EXECUTE format('ALTER TABLE audit.%I FORCE ROW LEVEL SECURITY', part);
      EXECUTE format('GRANT SELECT ON audit.%I TO salus_backup', part);
    END IF;
  END LOOP;
END $$;
COMMENT ON PROCEDURE audit.ensure_partitions(date, int) IS
  'Makes the monthly partitions of the log; only a dump reads one by name, all others go through the parent and its policies';
