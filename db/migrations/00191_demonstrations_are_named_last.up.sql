-- A demonstration is loaded by many transactions, and bears its own name only when it is whole. No other tenant is
-- ever renamed: its name is in the addresses that people have.
CREATE FUNCTION kernel.keep_name() RETURNS trigger
  LANGUAGE plpgsql AS $$
BEGIN
  IF NOT (OLD.is_demo AND OLD.state = 'active' AND OLD.slug ~ '^demo-[0-9a-f]{8}$') THEN
    RAISE EXCEPTION 'The name of a tenant stays' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
COMMENT ON FUNCTION kernel.keep_name() IS 'Lets a demonstration that is being loaded have its name, and no other tenant another';
CREATE TRIGGER keep_name BEFORE UPDATE OF slug ON kernel.tenants FOR EACH ROW EXECUTE FUNCTION kernel.keep_name();
GRANT UPDATE (slug) ON kernel.tenants TO salus_app;
