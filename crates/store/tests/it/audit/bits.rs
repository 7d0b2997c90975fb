//! One flipped bit anywhere in what is stored of the log is named (`spec` A17): every column of every table of it, at a
//! place that a seed draws. A plain run tries each column once, `script/chaos audit` as often as it says.

use super::World;
use crate::database::rounds;
use tokio_postgres::Client;

const TABLES: [&str; 5] =
    ["audit.activity_logs", "audit.leaves", "audit.tiles", "audit.checkpoints", "audit.tree_states"];

/// By the sealer, which refuses to go on: which cluster the head is of says nothing about the log's content.
const BY_THE_SEALER: [&str; 2] = ["audit.tree_states.sysid", "audit.tree_states.timeline"];

/// Numbers from a seed (xorshift).
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        i64::try_from(self.0 >> 40).unwrap()
    }
}

/// A value of this type with one bit flipped.
fn flipped(column: &str, kind: &str, (place, bit): (i64, i64)) -> String {
    let small = 1 << (bit % 3);
    match kind {
        "bytea" => {
            let at = format!("({place} % octet_length({column}))::int");
            format!("set_byte({column}, {at}, get_byte({column}, {at}) # {})", 1 << (bit % 8))
        }
        "uuid" => {
            let bytes = format!("decode(replace({column}::text, '-', ''), 'hex')");
            let at = place % 16;
            format!("encode(set_byte({bytes}, {at}, get_byte({bytes}, {at}) # {}), 'hex')::uuid", 1 << (bit % 8))
        }
        "text" => {
            let at = format!("(1 + {place} % length({column}))::int");
            format!("overlay({column} placing chr(ascii(substr({column}, {at}, 1)) # {small}) from {at} for 1)")
        }
        "integer" | "bigint" => format!("{column} # {}", 1 << (bit % 12)),
        "xid8" => format!("({column}::text::bigint # {})::text::xid8", 1 << (bit % 20)),
        "timestamp with time zone" => format!("{column} + {} * interval '1 microsecond'", 1i64 << (bit % 40)),
        "jsonb" => {
            let text = format!("{column}::text");
            let at = format!("(1 + {place} % length({text}))::int");
            format!("overlay({text} placing chr(ascii(substr({text}, {at}, 1)) # {small}) from {at} for 1)::jsonb")
        }
        "boolean" => format!("NOT {column}"),
        other => panic!("no way to flip a bit of {other}"),
    }
}

/// Flips a bit of one row, and says by which statement. What a constraint or the tree's own keys refuse is drawn again.
async fn flip(admin: &Client, (table, column, kind): (&str, &str, &str), draw: &mut Draw) -> String {
    for _ in 0..200 {
        let value = flipped(column, kind, (draw.next(), draw.next()));
        let row = format!(
            "SELECT tableoid, ctid FROM {table} WHERE {column} IS NOT NULL ORDER BY tableoid, ctid \
             OFFSET {} % (SELECT count(*) FROM {table} WHERE {column} IS NOT NULL) LIMIT 1",
            draw.next()
        );
        let sql = format!("UPDATE {table} SET {column} = {value} WHERE (tableoid, ctid) = ({row})");
        if admin.execute(&sql, &[]).await.is_ok_and(|rows| rows == 1) {
            return sql;
        }
    }
    panic!("no bit of {table}.{column} can be flipped");
}

#[tokio::test]
async fn one_flipped_bit_in_any_column_of_the_log_is_named() {
    let world = World::new().await;
    let mut sealer = world.sealer();
    for _ in 0..3 {
        world.record(12).await;
        world.settle().await;
        sealer.seal().await.unwrap();
        sealer.anchor(&world.anchor()).await.unwrap();
    }
    assert!(world.verify().await.holds());
    let seed = u64::from_be_bytes(world.tenant.as_bytes()[8..].try_into().unwrap()) | 1;
    let mut draw = Draw(seed);
    let admin = world.database.connect("salus_admin").await;
    admin.batch_execute("SET session_replication_role = replica; CREATE SCHEMA kept").await.unwrap();
    for table in TABLES {
        let copy = table.replace("audit.", "kept.");
        // Whoever flips bits does not mind what values are allowed.
        let sql = format!("CREATE TABLE {copy} AS SELECT * FROM {table}");
        admin.batch_execute(&sql).await.unwrap();
    }
    admin.batch_execute("ALTER DOMAIN audit.outcome DROP CONSTRAINT outcome_values").await.unwrap();
    let columns = "SELECT c.oid::regclass::text, a.attname::text, \
            coalesce(nullif(t.typbasetype, 0), t.oid)::regtype::text \
          FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid \
         WHERE c.oid = ANY($1::text[]::regclass[]) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, 2";
    let tables: Vec<&str> = TABLES.to_vec();
    let columns = admin.query(columns, &[&tables]).await.unwrap();
    let mut unnamed = Vec::new();
    assert!(columns.len() >= 30, "{}", columns.len());
    for round in 0..rounds(1) {
        for row in &columns {
            let (table, column, kind): (&str, &str, &str) = (row.get(0), row.get(1), row.get(2));
            let name = format!("{table}.{column}");
            let sql = flip(&admin, (table, column, kind), &mut draw).await;
            let found = if BY_THE_SEALER.contains(&name.as_str()) {
                world.sealer().seal().await.is_err()
            } else {
                !world.verify().await.problems.is_empty()
            };
            if !found {
                unnamed.push(format!("round {round}: {sql}"));
            }
            let copy = table.replace("audit.", "kept.");
            let back = format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM {copy}");
            admin.batch_execute(&back).await.unwrap();
        }
    }
    assert!(unnamed.is_empty(), "seed {seed}: nothing names\n{}", unnamed.join("\n"));
    assert!(world.verify_alone().await.holds(), "what was put back is whole");
}

#[tokio::test]
async fn heads_from_before_codes_are_believed_and_a_program_from_before_them_seals_no_more() {
    let world = World::new().await;
    let mut sealer = world.sealer();
    let admin = world.database.connect("salus_admin").await;
    let behind = async |sql: &str| {
        let quiet = format!("SET session_replication_role = replica; {sql}; SET session_replication_role = origin");
        admin.batch_execute(&quiet).await.unwrap();
    };
    world.record(5).await;
    world.settle().await;
    sealer.seal().await.unwrap();
    behind("UPDATE audit.checkpoints SET code = NULL, event_order = NULL; UPDATE audit.tree_states SET code = NULL")
        .await;
    assert!(world.verify().await.holds());
    sealer.anchor(&world.anchor()).await.unwrap();
    for _ in 0..2 {
        world.record(5).await;
        world.settle().await;
        sealer.seal().await.unwrap();
        assert!(world.verify().await.holds());
    }
    let old = world.database.connect("salus_sealer").await;
    for sql in [
        "UPDATE audit.tree_states SET horizon = (horizon::text::bigint + 1)::text::xid8",
        "INSERT INTO audit.checkpoints (epoch, size, note, sealed_at) VALUES (1, 99, 'x', now())",
    ] {
        let refused = old.batch_execute(sql).await.unwrap_err();
        assert!(refused.as_db_error().unwrap().message().contains("older than the schema"), "{sql}: {refused}");
    }
    let named = async || world.verify().await.problems.iter().map(|p| p.kind).collect::<Vec<_>>();
    // One that is taken away again.
    behind("UPDATE audit.tree_states SET code = NULL").await;
    assert_eq!(named().await, ["horizon_changed"]);
    assert!(sealer.seal().await.is_err());
    behind("UPDATE audit.checkpoints SET code = NULL WHERE size = (SELECT max(size) FROM audit.checkpoints)").await;
    assert!(named().await.contains(&"head_changed"));
}
