-- Behaviour of the audit log.
CREATE SCHEMA IF NOT EXISTS audit;
COMMENT ON SCHEMA audit IS 'Who did what to which record, and the log that makes it tamper-evident';

CREATE OR REPLACE PROCEDURE audit.show_sealer(part regclass)
  LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('GRANT SELECT ON %s TO salus_sealer', part);
  IF NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = part AND polname = 'sealer') THEN
    EXECUTE format('CREATE POLICY sealer ON %s FOR SELECT TO salus_sealer USING (true)', part);
  END IF;
END $$;
COMMENT ON PROCEDURE audit.show_sealer(regclass) IS
  'Lets the sealer, and nobody else, read a partition of the log: there is one log over the events of all tenants';

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
      CALL audit.show_sealer(format('audit.%I', part)::regclass);
    END IF;
  END LOOP;
END $$;
COMMENT ON PROCEDURE audit.ensure_partitions(date, int) IS
  'Makes the monthly partitions of the log; only the sealer and a dump read one by name, all others go through the parent and its policies';
