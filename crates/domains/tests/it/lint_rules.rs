//! The schema keeps every rule of the linter, and each rule finds what breaks it.

use crate::world::World;
use std::collections::BTreeSet;

#[tokio::test]
async fn the_migrated_schema_keeps_every_rule() {
    let world = World::new().await;
    let findings: Vec<String> = world.db.lint().await.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(findings, Vec::<String>::new());
}

/// What breaks each rule, and how the finding begins.
const HOLES: [(&str, &str); 38] = [
    ("CREATE TABLE medical.bare (id uuid)", "T01 medical.bare"),
    ("ALTER TABLE kernel.settings DISABLE ROW LEVEL SECURITY", "T02 kernel.settings"),
    ("ALTER TABLE kernel.settings NO FORCE ROW LEVEL SECURITY", "T03 kernel.settings"),
    ("CREATE TABLE medical.loose (tenant_id uuid, id uuid)", "T04 medical.loose"),
    ("DROP POLICY tenant_wall ON records.allergies", "T05 records.allergies"),
    ("CREATE POLICY open_door ON medical.providers FOR SELECT USING (true)", "T06 medical.providers policy open_door"),
    ("GRANT SELECT ON audit.activity_logs_default TO salus_reader", "T07 audit.activity_logs_default"),
    ("GRANT TRUNCATE ON medical.patients TO salus_app", "T08 medical.patients"),
    (
        "CREATE TABLE records.crossing (tenant_id uuid NOT NULL, id uuid NOT NULL, CONSTRAINT crossing_pk PRIMARY KEY (id)); \
         ALTER TABLE records.crossing ADD CONSTRAINT crossing_itself FOREIGN KEY (id) REFERENCES records.crossing (id)",
        "T09 records.crossing crossing_itself",
    ),
    ("CREATE UNIQUE INDEX everywhere_ux ON medical.patients (pseudonym)", "T10 medical.patients everywhere_ux"),
    ("CREATE VIEW medical.seen AS SELECT id FROM medical.patients", "T11 medical.seen"),
    (
        "CREATE MATERIALIZED VIEW medical.kept AS SELECT 1 AS one; GRANT SELECT ON medical.kept TO salus_reader",
        "T12 medical.kept",
    ),
    (
        "CREATE FUNCTION kernel.strong() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT 1'",
        "T13 kernel.strong()",
    ),
    (
        "CREATE FUNCTION kernel.led() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'; \
         REVOKE EXECUTE ON FUNCTION kernel.led() FROM PUBLIC",
        "T14 kernel.led()",
    ),
    ("ALTER ROLE salus_reader CREATEDB", "T15 salus_reader"),
    ("GRANT salus_owner TO salus_reader", "T16 salus_reader"),
    ("CREATE INDEX loose_ix ON kernel.settings USING gin (value)", "P01 kernel.settings loose_ix"),
    ("CREATE TABLE medical.slow (tenant_id uuid NOT NULL, id uuid)", "P02 medical.slow"),
    ("ALTER TABLE medical.providers ADD CHECK (npi <> 'x')", "N01 medical.providers providers_npi_check: bears"),
    (
        "COMMENT ON CONSTRAINT providers_pk ON medical.providers IS NULL",
        "N01 medical.providers providers_pk: says nothing",
    ),
    ("CREATE UNIQUE INDEX mute_ux ON medical.patients (tenant_id, pseudonym)", "N01 medical.patients mute_ux"),
    ("DROP INDEX records.allergies_encounter_ix", "N02 records.allergies allergies_encounter_fk"),
    ("ALTER TABLE medical.patients ADD COLUMN hair text", "N03 medical.patients.hair"),
    (
        "INSERT INTO kernel.fields (column_id, table_name, column_name, class) VALUES (1, 'kernel.settings', 'gone', 'C1')",
        "N03 kernel.settings.gone",
    ),
    ("CREATE TABLE medical.unknown (id uuid)", "N04 medical.unknown"),
    (
        "INSERT INTO kernel.tables (table_name, class, retention, append_only, shared_reason) VALUES ('medical.nowhere', 'C1', 'operational', false, 'a test')",
        "N04 medical.nowhere",
    ),
    ("COMMENT ON TABLE medical.patients IS NULL", "N05 medical.patients"),
    (
        "UPDATE kernel.fields SET class = 'C2' WHERE table_name = 'medical.patients' AND column_name = 'family_name'",
        "N06 medical.patients.family_name",
    ),
    ("CREATE TABLE medical.hidden (tenant_id uuid NOT NULL, secret kernel.sealed_text)", "N06 medical.hidden.secret"),
    (
        "UPDATE kernel.fields SET class = 'C3', key_class = 'clinical' WHERE table_name = 'kernel.settings' AND column_name = 'name'",
        "N06 kernel.settings.name",
    ),
    ("ALTER TABLE medical.providers DROP COLUMN updated_by", "N07 medical.providers.updated_by"),
    ("DROP TRIGGER touch ON medical.providers", "N07 medical.providers: nothing counts"),
    (
        "ALTER TABLE medical.patients ADD COLUMN hair_bidx kernel.blind_index",
        "N08 medical.patients.hair_bidx: a blind index",
    ),
    ("ALTER TABLE medical.patients ADD COLUMN skin_bidx bytea", "N08 medical.patients.skin_bidx: is named"),
    ("DROP TRIGGER refuse_truncate ON auth.login_history", "N09 auth.login_history"),
    ("DROP TRIGGER refuse_truncate ON audit.activity_logs_default", "N09 audit.activity_logs_default"),
    ("REVOKE SELECT ON medical.patients FROM salus_backup", "N10 medical.patients"),
    ("DROP POLICY sealer ON audit.activity_logs_default", "N11 audit.activity_logs_default"),
];

/// In one transaction that is undone: some holes are in roles, which belong to the whole cluster.
#[tokio::test]
async fn the_linter_finds_what_breaks_a_rule() {
    let world = World::new().await;
    let admin = world.database.connect("salus_admin").await;
    admin.batch_execute("BEGIN").await.unwrap();
    for (sql, _) in HOLES {
        admin.batch_execute(sql).await.unwrap_or_else(|e| panic!("{sql}: {:?}", e.as_db_error()));
    }
    let findings: Vec<String> =
        salus_store::lint::check(&admin).await.unwrap().iter().map(ToString::to_string).collect();
    admin.batch_execute("ROLLBACK").await.unwrap();
    for (sql, named) in HOLES {
        assert!(findings.iter().any(|f| f.starts_with(named)), "{sql}\nis not found as {named}: {findings:#?}");
    }
}

#[test]
fn every_rule_has_a_hole() {
    let rules: BTreeSet<&str> = include_str!("../../../store/src/lint.sql")
        .split("SELECT ")
        .filter_map(|part| part.trim_start_matches("DISTINCT ").strip_prefix('\'')?.split('\'').next())
        .filter(|rule| rule.len() == 3 && rule[1..].bytes().all(|b| b.is_ascii_digit()))
        .collect();
    let broken: BTreeSet<&str> = HOLES.iter().map(|(_, named)| &named[..3]).collect();
    assert!(rules.len() >= 29, "only {rules:?} are read");
    assert_eq!(rules, broken);
}
