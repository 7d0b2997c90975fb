//! What people do to a database by hand, and how each of it must be named.

use salus_store::schema::Kind::{self, *};

/// One kind of drift.
pub struct Case {
    /// What was done by hand.
    pub by_hand: &'static str,
    /// Every difference that must be named, and no other: kind, name, and `+` unexpected, `-` missing or `~` altered.
    pub named: &'static [(Kind, &'static str, char)],
    /// How many of them a person has to decide about, because data would be touched.
    pub by_person: usize,
}

const fn case(by_hand: &'static str, named: &'static [(Kind, &'static str, char)]) -> Case {
    Case { by_hand, named, by_person: 0 }
}

const fn by_person(by_hand: &'static str, named: &'static [(Kind, &'static str, char)], by_person: usize) -> Case {
    Case { by_hand, named, by_person }
}

/// Tables, columns, domains and types.
pub const STRUCTURE: &[Case] = &[
    by_person("CREATE TABLE kernel.extra (a int PRIMARY KEY, b text)", &[(Table, "kernel.extra", '+')], 1),
    by_person("DROP TABLE audit.redactions", &[(Table, "audit.redactions", '-')], 1),
    by_person(
        "ALTER TABLE audit.redactions RENAME TO blackened",
        &[(Table, "audit.redactions", '-'), (Table, "audit.blackened", '+')],
        2,
    ),
    by_person("ALTER TABLE kernel.settings ADD COLUMN note text", &[(Column, "kernel.settings.note", '+')], 1),
    case("ALTER TABLE kernel.outbox DROP COLUMN row_id", &[(Column, "kernel.outbox.row_id", '-')]),
    by_person("ALTER TABLE kernel.outbox DROP COLUMN event", &[(Column, "kernel.outbox.event", '-')], 1),
    by_person(
        "ALTER TABLE kernel.outbox RENAME COLUMN event TO happened",
        &[(Column, "kernel.outbox.event", '-'), (Column, "kernel.outbox.happened", '+')],
        2,
    ),
    case("ALTER TABLE audit.redactions ALTER basis TYPE varchar(500)", &[(Column, "audit.redactions.basis", '~')]),
    case("ALTER TABLE kernel.settings ALTER value DROP NOT NULL", &[(Column, "kernel.settings.value", '~')]),
    case(
        "ALTER TABLE kernel.idempotency_keys ALTER etag SET NOT NULL",
        &[(Column, "kernel.idempotency_keys.etag", '~')],
    ),
    case("ALTER TABLE kernel.outbox ALTER attempts SET DEFAULT 5", &[(Column, "kernel.outbox.attempts", '~')]),
    case("ALTER TABLE kernel.outbox ALTER tenant_id DROP DEFAULT", &[(Column, "kernel.outbox.tenant_id", '~')]),
    case("ALTER TABLE kernel.outbox ALTER event SET DEFAULT 'none'", &[(Column, "kernel.outbox.event", '~')]),
    case("ALTER TABLE kernel.search_tokens SET UNLOGGED", &[(Table, "kernel.search_tokens", '~')]),
    case("ALTER TABLE kernel.outbox SET (autovacuum_enabled = off)", &[(StorageOption, "TABLE kernel.outbox", '+')]),
    by_person(
        "ALTER TABLE kernel.outbox ADD COLUMN a int; ALTER TABLE kernel.outbox ALTER attempts TYPE bigint",
        &[(Column, "kernel.outbox.a", '+'), (Column, "kernel.outbox.attempts", '~')],
        2,
    ),
    case(
        "ALTER DOMAIN kernel.blind_index DROP CONSTRAINT blind_index_length",
        &[(Constraint, "blind_index_length ON DOMAIN kernel.blind_index", '-')],
    ),
    case(
        "ALTER DOMAIN kernel.data_class DROP CONSTRAINT data_class_values;
          ALTER DOMAIN kernel.data_class ADD CONSTRAINT data_class_values CHECK (VALUE LIKE 'C%');
          COMMENT ON CONSTRAINT data_class_values ON DOMAIN kernel.data_class IS 'Must be C0, C1, C2, C3 or C4'",
        &[(Constraint, "data_class_values ON DOMAIN kernel.data_class", '~')],
    ),
    case("ALTER DOMAIN kernel.key_state SET DEFAULT 'active'", &[(Domain, "kernel.key_state", '~')]),
    by_person("CREATE DOMAIN kernel.loose AS text", &[(Domain, "kernel.loose", '+')], 1),
    by_person("CREATE TYPE kernel.mood AS ENUM ('good', 'bad')", &[(Type, "kernel.mood", '+')], 1),
    by_person(
        "CREATE SCHEMA shadow; CREATE TABLE shadow.copy AS SELECT * FROM kernel.settings",
        &[(Schema, "shadow", '+')],
        1,
    ),
    case("ALTER SEQUENCE audit.writer_ids INCREMENT 2 CYCLE", &[(Sequence, "audit.writer_ids", '~')]),
    by_person("DROP SEQUENCE audit.writer_ids", &[(Sequence, "audit.writer_ids", '-')], 1),
    case("DROP TABLE audit.activity_logs_default", &[(Partition, "audit.activity_logs_default", '-')]),
    by_person("CREATE TABLE kernel.child () INHERITS (kernel.installation)", &[(Table, "kernel.child", '+')], 1),
];

/// Indexes and constraints.
pub const RULES: &[Case] = &[
    case("DROP INDEX kernel.outbox_due_ix", &[(Index, "kernel.outbox_due_ix", '-')]),
    case("DROP INDEX audit.activity_logs_xact_ix", &[(Index, "audit.activity_logs_xact_ix", '-')]),
    case("CREATE INDEX settings_slow_ix ON kernel.settings (created_at)", &[(Index, "kernel.settings_slow_ix", '+')]),
    case(
        "DROP INDEX kernel.outbox_due_ix; CREATE INDEX outbox_due_ix ON kernel.outbox (due_at)",
        &[(Index, "kernel.outbox_due_ix", '~')],
    ),
    case(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'kernel.outbox_due_ix'::regclass",
        &[(Index, "kernel.outbox_due_ix", '~')],
    ),
    case("CREATE STATISTICS kernel.st ON event, due_at FROM kernel.outbox", &[(Statistics, "kernel.st", '+')]),
    case(
        "ALTER TABLE kernel.outbox DROP CONSTRAINT outbox_attempts",
        &[(Constraint, "outbox_attempts ON kernel.outbox", '-')],
    ),
    case(
        "ALTER TABLE kernel.outbox DROP CONSTRAINT outbox_attempts;
          ALTER TABLE kernel.outbox ADD CONSTRAINT outbox_attempts CHECK (attempts >= -1);
          COMMENT ON CONSTRAINT outbox_attempts ON kernel.outbox IS 'Cannot be negative'",
        &[(Constraint, "outbox_attempts ON kernel.outbox", '~')],
    ),
    case(
        "ALTER TABLE kernel.outbox DROP CONSTRAINT outbox_attempts;
          ALTER TABLE kernel.outbox ADD CONSTRAINT outbox_attempts CHECK (attempts >= 0) NOT VALID;
          COMMENT ON CONSTRAINT outbox_attempts ON kernel.outbox IS 'Cannot be negative'",
        &[(Constraint, "outbox_attempts ON kernel.outbox", '~')],
    ),
    case(
        "ALTER TABLE kernel.settings ADD CONSTRAINT few CHECK (row_version < 1000)",
        &[(Constraint, "few ON kernel.settings", '+')],
    ),
    case(
        "ALTER TABLE kernel.fields DROP CONSTRAINT fields_table_fk",
        &[(Constraint, "fields_table_fk ON kernel.fields", '-')],
    ),
    case(
        "ALTER TABLE kernel.settings DROP CONSTRAINT settings_name_uq",
        &[(Constraint, "settings_name_uq ON kernel.settings", '-')],
    ),
    case(
        "ALTER TABLE kernel.search_tokens DROP CONSTRAINT search_tokens_pk; ALTER TABLE kernel.search_tokens ALTER id DROP NOT NULL",
        &[(Constraint, "search_tokens_pk ON kernel.search_tokens", '-'), (Column, "kernel.search_tokens.id", '~')],
    ),
    case(
        "ALTER TABLE kernel.settings RENAME CONSTRAINT settings_name_form TO form",
        &[(Constraint, "settings_name_form ON kernel.settings", '-'), (Constraint, "form ON kernel.settings", '+')],
    ),
    case(
        "ALTER TABLE kernel.fields DISABLE TRIGGER ALL",
        &[(SwitchedOff, "CONSTRAINT fields_table_fk ON kernel.fields", '+')],
    ),
];

/// Row-level security, triggers, functions, views.
pub const BEHAVIOUR: &[Case] = &[
    case("DROP POLICY tenant_wall ON kernel.settings", &[(Policy, "tenant_wall ON kernel.settings", '-')]),
    case("CREATE POLICY everyone ON kernel.settings USING (true)", &[(Policy, "everyone ON kernel.settings", '+')]),
    case(
        "ALTER POLICY tenant_wall ON kernel.settings USING (true)",
        &[(Policy, "tenant_wall ON kernel.settings", '~')],
    ),
    case(
        "ALTER POLICY whole_tenant ON kernel.settings TO salus_reader",
        &[(Policy, "whole_tenant ON kernel.settings", '~')],
    ),
    case("ALTER TABLE kernel.settings DISABLE ROW LEVEL SECURITY", &[(RowSecurity, "TABLE kernel.settings", '~')]),
    case("ALTER TABLE kernel.settings NO FORCE ROW LEVEL SECURITY", &[(RowSecurity, "TABLE kernel.settings", '~')]),
    case(
        "ALTER TABLE audit.activity_logs_default DISABLE ROW LEVEL SECURITY",
        &[(RowSecurity, "TABLE audit.activity_logs_default", '+')],
    ),
    case(
        "GRANT SELECT ON audit.activity_logs_default TO salus_app",
        &[(Grant, "TABLE audit.activity_logs_default TO salus_app", '+')],
    ),
    case(
        "ALTER TABLE audit.activity_logs_default DISABLE TRIGGER refuse_change",
        &[(SwitchedOff, "TRIGGER refuse_change ON audit.activity_logs_default", '+')],
    ),
    case("DROP TRIGGER touch ON kernel.settings", &[(Trigger, "touch ON kernel.settings", '-')]),
    case(
        "DROP TRIGGER refuse_change ON audit.activity_logs",
        &[(Trigger, "refuse_change ON audit.activity_logs", '-')],
    ),
    case(
        "CREATE TRIGGER spy AFTER INSERT ON kernel.settings FOR EACH ROW EXECUTE FUNCTION kernel.touch()",
        &[(Trigger, "spy ON kernel.settings", '+')],
    ),
    case("ALTER TABLE kernel.settings DISABLE TRIGGER touch", &[(Trigger, "touch ON kernel.settings", '~')]),
    case("ALTER TABLE kernel.settings ENABLE REPLICA TRIGGER touch", &[(Trigger, "touch ON kernel.settings", '~')]),
    case(
        "ALTER TABLE audit.activity_logs DISABLE TRIGGER refuse_change",
        &[(Trigger, "refuse_change ON audit.activity_logs", '~')],
    ),
    case(
        "DROP TRIGGER touch ON kernel.settings;
          CREATE TRIGGER touch AFTER UPDATE ON kernel.settings FOR EACH ROW EXECUTE FUNCTION kernel.touch()",
        &[(Trigger, "touch ON kernel.settings", '~')],
    ),
    case(
        "CREATE OR REPLACE FUNCTION kernel.refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        &[(Function, "kernel.refuse_change()", '~')],
    ),
    case("ALTER FUNCTION kernel.own_persons() SECURITY DEFINER", &[(Function, "kernel.own_persons()", '~')]),
    case("ALTER FUNCTION kernel.touch() SET search_path = public", &[(Function, "kernel.touch()", '~')]),
    case(
        "DROP PROCEDURE audit.ensure_partitions(date, int)",
        &[(Procedure, "audit.ensure_partitions(date, integer)", '-')],
    ),
    case(
        "CREATE FUNCTION kernel.backdoor(text, int) RETURNS int LANGUAGE sql SECURITY DEFINER RETURN 1",
        &[(Function, "kernel.backdoor(text, integer)", '+')],
    ),
    case(
        "CREATE FUNCTION kernel.always() RETURNS boolean LANGUAGE sql RETURN true;
          CREATE POLICY everyone ON kernel.settings USING (kernel.always())",
        &[(Function, "kernel.always()", '+'), (Policy, "everyone ON kernel.settings", '+')],
    ),
    case(
        "CREATE VIEW kernel.leak AS SELECT * FROM kernel.settings; GRANT SELECT ON kernel.leak TO salus_app",
        &[(View, "kernel.leak", '+')],
    ),
    by_person(
        "CREATE MATERIALIZED VIEW kernel.copy AS SELECT * FROM kernel.settings",
        &[(MaterializedView, "kernel.copy", '+')],
        1,
    ),
    case(
        "CREATE RULE nothing AS ON DELETE TO kernel.settings DO INSTEAD NOTHING",
        &[(Rule, "nothing ON kernel.settings", '+')],
    ),
    case(
        "CREATE FUNCTION kernel.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
          CREATE EVENT TRIGGER spy ON ddl_command_end EXECUTE FUNCTION kernel.on_ddl()",
        &[(EventTrigger, "spy", '+'), (Function, "kernel.on_ddl()", '+')],
    ),
];

/// Owners, grants, roles, comments, registrations.
pub const ACCESS: &[Case] = &[
    // The owner's own rights are not told, so those that were granted to salus_app are missing as well.
    case("ALTER TABLE kernel.settings OWNER TO salus_app",
        &[(Owner, "TABLE kernel.settings", '~'), (Grant, "TABLE kernel.settings TO salus_app", '-')]),
    case("ALTER SCHEMA audit OWNER TO salus_admin", &[(Owner, "SCHEMA audit", '~')]),
    case("ALTER FUNCTION kernel.touch() OWNER TO salus_admin", &[(Owner, "FUNCTION kernel.touch()", '~')]),
    case("ALTER DOMAIN kernel.sealed_text OWNER TO salus_admin", &[(Owner, "DOMAIN kernel.sealed_text", '~')]),
    case("GRANT SELECT ON kernel.keys TO PUBLIC", &[(Grant, "TABLE kernel.keys TO PUBLIC", '+')]),
    case("GRANT TRUNCATE ON kernel.settings TO salus_app", &[(Grant, "TABLE kernel.settings TO salus_app", '~')]),
    case("REVOKE INSERT ON kernel.outbox FROM salus_app", &[(Grant, "TABLE kernel.outbox TO salus_app", '~')]),
    case("REVOKE ALL ON kernel.settings FROM salus_reader", &[(Grant, "TABLE kernel.settings TO salus_reader", '-')]),
    case("GRANT SELECT ON kernel.settings TO salus_reader WITH GRANT OPTION", &[(Grant, "TABLE kernel.settings TO salus_reader", '~')]),
    case("GRANT SELECT (wrapped), UPDATE (wrapped) ON kernel.keys TO salus_sealer", &[(Grant, "TABLE kernel.keys (wrapped) TO salus_sealer", '+')]),
    case("REVOKE EXECUTE ON FUNCTION kernel.tenant() FROM PUBLIC", &[(Grant, "FUNCTION kernel.tenant() TO PUBLIC", '-')]),
    case("GRANT EXECUTE ON FUNCTION kernel.tenant() TO salus_backup", &[(Grant, "FUNCTION kernel.tenant() TO salus_backup", '+')]),
    case("GRANT CREATE ON SCHEMA kernel TO salus_app", &[(Grant, "SCHEMA kernel TO salus_app", '~')]),
    case("REVOKE USAGE ON SCHEMA audit FROM salus_sealer", &[(Grant, "SCHEMA audit TO salus_sealer", '-')]),
    case("GRANT CREATE ON SCHEMA public TO PUBLIC", &[(Grant, "SCHEMA public TO PUBLIC", '~')]),
    case("DO $$ BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO PUBLIC', current_database()); END $$", &[(Grant, "DATABASE TO PUBLIC", '~')]),
    case("DO $$ BEGIN EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM salus_sealer', current_database()); END $$", &[(Grant, "DATABASE TO salus_sealer", '-')]),
    case("REVOKE USAGE ON SEQUENCE audit.writer_ids FROM salus_app", &[(Grant, "SEQUENCE audit.writer_ids TO salus_app", '-')]),
    case("ALTER DEFAULT PRIVILEGES FOR ROLE salus_owner IN SCHEMA kernel GRANT SELECT ON TABLES TO salus_reader",
        &[(DefaultGrant, "FOR ROLE salus_owner IN SCHEMA kernel ON TABLES TO salus_reader", '+')]),
    case("ALTER ROLE salus_sealer CREATEDB", &[(Role, "salus_sealer", '~')]),
    case("ALTER ROLE salus_app BYPASSRLS", &[(Role, "salus_app", '~')]),
    case("GRANT salus_owner TO salus_app", &[(Membership, "salus_owner TO salus_app", '+')]),
    // A server may connect with a role of its own.
    case("CREATE ROLE web_server LOGIN; GRANT salus_app TO web_server", &[]),
    case("CREATE ROLE reporting LOGIN; GRANT salus_backup TO reporting", &[(Membership, "salus_backup TO reporting", '+')]),
    case("REVOKE salus_reader FROM salus_app", &[(Membership, "salus_reader TO salus_app", '-')]),
    case("GRANT salus_reader TO salus_app WITH ADMIN OPTION", &[(Membership, "salus_reader TO salus_app", '~')]),
    case("GRANT pg_read_all_data TO salus_reader", &[(Membership, "pg_read_all_data TO salus_reader", '+')]),
    case("ALTER ROLE salus_app SET search_path = 'evil, \"x%\"'", &[(Setting, "salus_app SET search_path", '+')]),
    case("DO $$ BEGIN EXECUTE format('ALTER ROLE salus_app IN DATABASE %I SET salus.tenant = %L', current_database(), 'x'); END $$",
        &[(Setting, "salus_app IN DATABASE SET salus.tenant", '+')]),
    by_person("CREATE ROLE salus_shadow", &[(Role, "salus_shadow", '+')], 1),
    case("COMMENT ON TABLE kernel.keys IS 'nothing to see'", &[(Comment, "TABLE kernel.keys", '~')]),
    case("COMMENT ON COLUMN kernel.keys.canary IS NULL", &[(Comment, "COLUMN kernel.keys.canary", '-')]),
    case("COMMENT ON COLUMN kernel.keys.id IS 'it''s a \\ new one'", &[(Comment, "COLUMN kernel.keys.id", '+')]),
    case("COMMENT ON CONSTRAINT keys_no_uq ON kernel.keys IS NULL", &[(Comment, "CONSTRAINT keys_no_uq ON kernel.keys", '-')]),
    case("UPDATE kernel.fields SET class = 'C0' WHERE table_name = 'kernel.keys' AND column_name = 'wrapped'",
        &[(Registration, "COLUMN kernel.keys.wrapped", '~')]),
    case("DELETE FROM kernel.fields WHERE table_name = 'kernel.settings'; DELETE FROM kernel.tables WHERE table_name = 'kernel.settings'",
        &[
            (Registration, "COLUMN kernel.settings.created_at", '-'), (Registration, "COLUMN kernel.settings.created_by", '-'),
            (Registration, "COLUMN kernel.settings.id", '-'), (Registration, "COLUMN kernel.settings.name", '-'),
            (Registration, "COLUMN kernel.settings.row_version", '-'), (Registration, "COLUMN kernel.settings.tenant_id", '-'),
            (Registration, "COLUMN kernel.settings.updated_at", '-'), (Registration, "COLUMN kernel.settings.updated_by", '-'),
            (Registration, "COLUMN kernel.settings.value", '-'), (Registration, "TABLE kernel.settings", '-'),
        ]),
    case("INSERT INTO kernel.tables (table_name, class, retention) VALUES ('kernel.ghost', 'C1', 'operational');
          INSERT INTO kernel.fields (column_id, table_name, column_name, class) VALUES (1, 'kernel.ghost', 'it''s', 'C1')",
        &[(Registration, "TABLE kernel.ghost", '+'), (Registration, "COLUMN kernel.ghost.\"it's\"", '+')]),
    case("DROP EXTENSION pg_trgm", &[(Extension, "pg_trgm", '-')]),
];
