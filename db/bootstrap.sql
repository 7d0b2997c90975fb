-- What must stand before the first migration: roles, extensions and the kernel's own schema.
-- Runs as an administrator of the cluster, in one transaction, and may run any number of times. Roles belong to the whole
-- cluster: what stands already is not written again, or two databases migrating at once would refuse each other's write.
DO $$
DECLARE r record;
BEGIN
  FOR r IN SELECT * FROM (VALUES
      ('salus_owner',  'NOLOGIN'),   -- owns every object; migrations act as it; nobody serves as it
      ('salus_reader', 'NOLOGIN'),   -- what a request that only reads is allowed to do
      ('salus_app',    'LOGIN'),     -- the running server
      ('salus_sealer', 'LOGIN'),     -- appends to the Merkle log
      ('salus_backup', 'LOGIN')      -- dumps every tenant; reads only
    ) AS want(name, login)
  LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r.name) THEN
      EXECUTE format('CREATE ROLE %I %s NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION', r.name, r.login);
    END IF;
  END LOOP;
  IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
     AND NOT (SELECT rolbypassrls FROM pg_roles WHERE rolname = 'salus_backup') THEN
    ALTER ROLE salus_backup BYPASSRLS;
  END IF;
  IF NOT pg_has_role('salus_app', 'salus_reader', 'MEMBER') THEN
    GRANT salus_reader TO salus_app;
  END IF;
END $$;

DO $$
BEGIN
  EXECUTE format('GRANT CREATE, CONNECT ON DATABASE %I TO salus_owner', current_database());
  EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO salus_app, salus_sealer, salus_backup', current_database());
  -- So that an owner who is not superuser can act as salus_owner from here on.
  IF NOT pg_has_role(current_user, 'salus_owner', 'MEMBER') THEN
    EXECUTE format('GRANT salus_owner TO %I', current_user);
  END IF;
END $$;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

CREATE SCHEMA IF NOT EXISTS extensions AUTHORIZATION salus_owner;
GRANT USAGE ON SCHEMA extensions TO salus_app;
CREATE EXTENSION IF NOT EXISTS pgcrypto    SCHEMA extensions;
CREATE EXTENSION IF NOT EXISTS "uuid-ossp" SCHEMA extensions;
CREATE EXTENSION IF NOT EXISTS pg_trgm     SCHEMA extensions;

SET LOCAL ROLE salus_owner;
CREATE SCHEMA IF NOT EXISTS kernel;
COMMENT ON SCHEMA kernel IS 'What every domain stands on: tenancy, protection, keys, outbox, settings';

CREATE TABLE IF NOT EXISTS kernel.migrations (
  version     int         NOT NULL CONSTRAINT migrations_pk PRIMARY KEY,
  name        text        NOT NULL,
  checksum    text        NOT NULL,
  state       text        NOT NULL CONSTRAINT migrations_state CHECK (state IN ('applied', 'running')),
  applied_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  applied_by  text        NOT NULL DEFAULT session_user,
  duration_ms int         NOT NULL DEFAULT 0
);
COMMENT ON TABLE kernel.migrations IS 'One row for each applied migration; written only by salus db';
COMMENT ON CONSTRAINT migrations_pk ON kernel.migrations IS 'This version is listed already';
COMMENT ON CONSTRAINT migrations_state ON kernel.migrations IS 'Must be applied or running';
CREATE TABLE IF NOT EXISTS kernel.replaceables (
  name       text        NOT NULL CONSTRAINT replaceables_pk PRIMARY KEY,
  checksum   text        NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON CONSTRAINT replaceables_pk ON kernel.replaceables IS 'This file is listed already';
COMMENT ON TABLE kernel.replaceables IS 'Which version of each file of functions is in force';
CREATE TABLE IF NOT EXISTS kernel.unfinished_migration (
  id       uuid        NOT NULL CONSTRAINT unfinished_migration_pk PRIMARY KEY,
  one      boolean     NOT NULL DEFAULT true CONSTRAINT unfinished_migration_once UNIQUE
           CONSTRAINT unfinished_migration_one CHECK (one),
  began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  known    text        NOT NULL,
  mac      bytea       NOT NULL
);
COMMENT ON TABLE kernel.unfinished_migration IS 'A row from before migrations rewrite rows until those rows are attested; written only by salus db and salus serve';
COMMENT ON COLUMN kernel.unfinished_migration.known IS 'What differed from the audit log before, as JSON: ids of rows, nothing of what they hold';
COMMENT ON COLUMN kernel.unfinished_migration.mac IS 'Of the row, under the root key: whoever writes one by hand excuses nothing';
COMMENT ON CONSTRAINT unfinished_migration_pk ON kernel.unfinished_migration IS 'This mark is there already';
COMMENT ON CONSTRAINT unfinished_migration_once ON kernel.unfinished_migration IS 'Migrations are marked already';
COMMENT ON CONSTRAINT unfinished_migration_one ON kernel.unfinished_migration IS 'There is one mark at most';
