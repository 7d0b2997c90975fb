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

CREATE OR REPLACE FUNCTION audit.refuse_change() RETURNS trigger
  LANGUAGE plpgsql AS $$
BEGIN
  -- The one change there is: a payload goes, nothing else with it, and a redaction says so.
  IF TG_OP = 'UPDATE' AND OLD.payload IS NOT NULL AND NEW.payload IS NULL AND NEW.payload_salt IS NULL
     AND to_jsonb(NEW) - '{payload,payload_salt}'::text[] = to_jsonb(OLD) - '{payload,payload_salt}'::text[]
     AND EXISTS (SELECT FROM audit.redactions r WHERE r.event_id = OLD.id) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION '%.% is append-only: % is refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'append_only';
END $$;
COMMENT ON FUNCTION audit.refuse_change() IS
  'Stops accidents on the audit log and lets a redaction pass; the Merkle log is what stops intent';

CREATE OR REPLACE FUNCTION audit.redact(event uuid, request uuid, basis text, code bytea) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  at timestamptz;
BEGIN
  SELECT e.recorded_at INTO at FROM audit.activity_logs e
    WHERE e.tenant_id = kernel.tenant() AND e.id = redact.event AND e.payload IS NOT NULL;
  IF at IS NULL THEN
    RETURN false;
  END IF;
  INSERT INTO audit.redactions (event_id, redact_event, basis, code)
    VALUES (redact.event, redact.request, redact.basis, redact.code);
  UPDATE audit.activity_logs e SET payload = NULL, payload_salt = NULL
    WHERE e.tenant_id = kernel.tenant() AND e.recorded_at = at AND e.id = redact.event;
  RETURN FOUND;
END $$;
COMMENT ON FUNCTION audit.redact(uuid, uuid, text, bytea) IS
  'Removes the payload of an event of the caller''s tenant and says so; without a code under the root key it excuses nothing';
