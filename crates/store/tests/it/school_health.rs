//! Migrations 00020 to 00034 make what the specification lists: tables with exactly these columns, value sets, the first
//! columns of indexes. The list is `school_health.txt`; see docs/decisions/0053 for what differs and why.

use crate::database::Database;
use salus_store::{
    migrate::{self, Files},
    schema,
};
use std::collections::BTreeSet;
use tokio_postgres::Client;

const LIST: &str = include_str!("school_health.txt");
/// Columns that the list leaves out.
const HEADER: [&str; 7] = ["tenant_id", "id", "row_version", "created_at", "updated_at", "created_by", "updated_by"];

/// Lines of one kind as name and words.
fn lines(kind: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let kind = format!("{kind} ");
    LIST.lines().filter_map(move |line| line.strip_prefix(kind.as_str())?.split_once(": "))
}

fn words(text: &str) -> BTreeSet<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

async fn texts(client: &Client, sql: &str, name: &str) -> Vec<String> {
    client.query(sql, &[&name]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn the_tables_are_those_of_the_list() {
    let (database, client) = Database::migrated("school_tables").await;
    let mut wrong = Vec::new();
    let sql = "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass($1::text) AND attnum > 0 AND NOT attisdropped";
    for (table, columns) in lines("table") {
        let is: BTreeSet<String> = texts(&client, sql, table).await.into_iter().collect();
        let own = |name: &String| !HEADER.contains(&name.as_str()) && !name.ends_with("_bidx");
        let (is, wanted) = (is.into_iter().filter(own).collect::<BTreeSet<_>>(), words(columns));
        // What a migration of another number added is no part of the specification's list.
        let added = lines("later").filter(|(name, _)| *name == table).flat_map(|(_, columns)| words(columns));
        let wanted: BTreeSet<String> = wanted.into_iter().filter(own).chain(added).collect();
        wrong.extend(wanted.symmetric_difference(&is).map(|column| format!("{table}.{column}")));
    }
    let sql = "SELECT unnest(regexp_matches(pg_get_constraintdef(oid), '''([^'']+)''', 'g')) FROM pg_constraint \
               WHERE contypid = to_regtype($1::text) AND contype = 'c'";
    for (domain, values) in lines("values") {
        let is: BTreeSet<String> = texts(&client, sql, domain).await.into_iter().collect();
        wrong.extend(words(values).symmetric_difference(&is).map(|value| format!("{domain} {value}")));
    }
    assert_eq!(wrong, Vec::<String>::new());
    let tables = lines("table").count() + lines("elsewhere").count();
    assert_eq!(tables, 39, "the specification counts 39 tables");
    database.drop().await;
}

#[tokio::test]
async fn each_hot_path_has_its_index() {
    let (database, client) = Database::migrated("school_indexes").await;
    let sql = "SELECT concat(CASE WHEN x.indisunique THEN 'unique ' END, \
                 regexp_replace((SELECT string_agg(regexp_replace(pg_get_indexdef(x.indexrelid, n, true), '\\(*(\\w+)\\)*(::text)*', '\\1', 'g'), ',' ORDER BY n) \
                   FROM generate_series(1, x.indnkeyatts) n), '^tenant_id,', ''), CASE WHEN x.indpred IS NOT NULL THEN ' where' END) \
               FROM pg_index x WHERE x.indrelid = to_regclass($1::text)";
    let mut missing = Vec::new();
    for (table, indexes) in lines("indexes") {
        let is: BTreeSet<String> = texts(&client, sql, table).await.into_iter().collect();
        for index in indexes.split("; ").filter(|i| !i.starts_with("lower(") && !is.contains(*i)) {
            missing.push(format!("{table} {index}, but {is:?}"));
        }
    }
    assert_eq!(missing, Vec::<String>::new());
    let keys = "SELECT count(*) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
                WHERE k.contype = 'f' AND n.nspname || '.' || c.relname = ANY ($1)";
    let tables: Vec<&str> = lines("table").map(|(table, _)| table).collect();
    let count: i64 = client.query_one(keys, &[&tables]).await.unwrap().get(0);
    // The specification counts more than 60 with one from each table to its tenant; here the wall does what those do.
    assert!(count >= 50, "{count} references");
    database.drop().await;
}

#[test]
fn each_file_makes_its_own_part_of_the_list() {
    let files = Files::embedded().unwrap();
    let (mut current, mut seen) = (None, 0);
    for line in LIST.lines() {
        if let Some(stem) = line.strip_prefix("migration ") {
            let (number, name) = stem.split_once('_').unwrap();
            let migration = files.migration(number.parse().unwrap()).unwrap_or_else(|| panic!("no migration {number}"));
            assert_eq!(migration.name, name);
            current = Some(migration);
            seen += 1;
        }
        for (kind, statement) in [("table ", "CREATE TABLE "), ("values ", "CREATE DOMAIN ")] {
            if let Some((name, _)) = line.strip_prefix(kind).and_then(|l| l.split_once(": ")) {
                let file = &current.unwrap().up;
                assert!(file.text.contains(&format!("{statement}{name} ")), "{} does not make {name}", file.name);
            }
        }
    }
    assert_eq!(seen, 15);
}

/// Migration, how many tables it makes, and its value sets with how many values each has.
type Counted = (&'static str, usize, &'static [(&'static str, usize)]);

/// What section 8 counts of each migration: tables, and value sets that it has as enumerations, with how many values where it says so.
const COUNTED: [Counted; 15] = [
    (
        "00020",
        2,
        &[
            ("compliance.disclosure_type", 0),
            ("compliance.disclosure_purpose", 0),
            ("compliance.disclosure_method", 0),
            ("compliance.recipient_type", 0),
        ],
    ),
    ("00021", 3, &[("kernel.key_type", 0), ("kernel.key_status", 0), ("kernel.encryption_algorithm", 0)]),
    (
        "00022",
        4,
        &[
            ("alerts.alert_severity", 6),
            ("alerts.alert_category", 9),
            ("alerts.alert_status", 7),
            ("alerts.delivery_channel", 7),
        ],
    ),
    ("00023", 2, &[]),
    ("00024", 3, &[("ref.interaction_severity", 6), ("ref.evidence_level", 5)]),
    ("00025", 3, &[]),
    ("00026", 1, &[("school.disposition", 11)]),
    ("00027", 2, &[("school.reminder_status", 7)]),
    ("00028", 2, &[("school.claim_status", 16)]),
    ("00029", 2, &[("reports.report_format", 0), ("reports.report_status", 0)]),
    ("00030", 2, &[("reports.export_format", 5), ("reports.export_job_status", 8)]),
    ("00031", 2, &[("reports.share_permission", 3), ("reports.document_access_action", 0)]),
    ("00032", 2, &[("exchange.registry_protocol", 0), ("exchange.submission_status", 0)]),
    ("00033", 3, &[("exchange.sis_vendor", 0), ("exchange.sync_direction", 0), ("exchange.sync_job_status", 0)]),
    ("00034", 6, &[("school.medication_outcome", 0), ("school.requirement_checkpoint", 0)]),
];

#[test]
fn tables_and_value_sets_are_as_many_as_section_8_counts() {
    let parts: Vec<&str> = LIST.split("\nmigration ").skip(1).collect();
    for (number, tables, sets) in COUNTED {
        let part = parts.iter().find(|part| part.starts_with(number)).unwrap_or_else(|| panic!("no {number}"));
        let of = |kind: &str| part.lines().filter(|line| line.starts_with(kind)).count();
        assert_eq!(of("table ") + of("elsewhere "), tables, "{number}");
        for (set, values) in sets {
            let found = part.lines().find_map(|line| line.strip_prefix(&format!("values {set}: ")));
            let found = found.unwrap_or_else(|| panic!("{number} has no {set}")).split(' ').count();
            assert!(*values == 0 || found == *values, "{set} has {found} values");
        }
    }
    let sum = |of: fn(&Counted) -> usize| COUNTED.iter().map(of).sum::<usize>();
    assert_eq!((sum(|c| c.1), sum(|c| c.2.len())), (39, 29));
}

#[tokio::test]
async fn they_are_filled_in_where_later_ones_were_applied_before() {
    let database = Database::empty("school_late").await;
    let mut client = database.connect().await;
    let all = Files::embedded().unwrap();
    let mut before = all.clone();
    // Whoever has 00090 had the tables of the school before.
    before.migrations.retain(|m| m.version < 90 && !(18..=35).contains(&m.version));
    migrate::up(&mut client, &before, None).await.unwrap();
    let late = migrate::up(&mut client, all, None).await.unwrap();
    assert_eq!(late.iter().filter(|step| step.version.is_some_and(|v| (18..=35).contains(&v))).count(), 18);
    assert_eq!(schema::verify(&client).await.unwrap(), []);
    database.drop().await;
}

#[tokio::test]
async fn what_is_written_once_stays_whoever_asks() {
    let (database, client) = Database::migrated("school_once").await;
    let begin = "SELECT set_config('salus.tenant', gen_random_uuid()::text, false), set_config('salus.scope', 'tenant', false);
        INSERT INTO compliance.phi_disclosure_audit (id, disclosure_id, action) VALUES (gen_random_uuid(), gen_random_uuid(), 'VOID');
        INSERT INTO reports.document_access_log (id, share_id, action, outcome) VALUES (gen_random_uuid(), gen_random_uuid(), 'VIEWED', 'ALLOWED');";
    client.batch_execute(begin).await.unwrap();
    for table in ["compliance.phi_disclosure_audit", "reports.document_access_log"] {
        for act in [
            format!("UPDATE {table} SET created_at = now()"),
            format!("DELETE FROM {table}"),
            format!("TRUNCATE {table}"),
        ] {
            let error = client.batch_execute(&act).await.unwrap_err();
            let told = error.as_db_error().unwrap();
            assert!(told.message().contains("is append-only"), "{act}: {}", told.message());
        }
    }
    database.drop().await;
}
