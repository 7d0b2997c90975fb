//! Repairing as the command does it: one transaction, one refused statement taken back alone, compared again.

use salus_store::schema::{self, Kind, repair};

use crate::database::{Database, populate, rows};

#[tokio::test]
async fn a_drifted_database_is_repaired_and_keeps_its_rows() {
    let (database, mut client) = Database::migrated("repair").await;
    client.batch_execute("BEGIN").await.unwrap();
    populate(&client).await;
    client.batch_execute("COMMIT").await.unwrap();
    let dump = database.dump();
    let before = rows(&client).await;
    let drift = "
        DROP POLICY tenant_wall ON kernel.settings;
        ALTER TABLE kernel.keys DISABLE ROW LEVEL SECURITY;
        GRANT ALL ON kernel.keys TO PUBLIC;
        DROP INDEX kernel.outbox_due_ix;
        ALTER TABLE kernel.outbox DROP CONSTRAINT outbox_attempts;
        ALTER TABLE kernel.settings DISABLE TRIGGER touch;
        DROP PROCEDURE audit.ensure_partitions(date, int);
        CREATE FUNCTION kernel.evil() RETURNS int LANGUAGE sql RETURN 1;
        CREATE VIEW kernel.leak AS SELECT kernel.evil(), * FROM kernel.settings;";
    client.batch_execute(drift).await.unwrap();
    let found = schema::verify(&client).await.unwrap();
    assert_eq!(found.len(), 9, "{found:#?}");
    let repairs = repair::plan(&found, &schema::expected().unwrap());
    let outcome = repair::apply(&mut client, &repairs).await.unwrap();
    assert_eq!((outcome.applied, outcome.refused.len(), outcome.remaining.len()), (9, 0, 0), "{outcome:#?}");
    assert_eq!(schema::verify(&client).await.unwrap(), []);
    assert_eq!(rows(&client).await, before);
    assert!(dump == database.dump(), "the dump of the schema is what it was");
    database.drop().await;
}

#[tokio::test]
async fn what_postgresql_refuses_is_told_and_the_rest_is_repaired() {
    let (database, mut client) = Database::migrated("repair_refused").await;
    client.batch_execute("BEGIN").await.unwrap();
    populate(&client).await;
    // Rows arrived that the lost constraint would have refused: they are somebody's to decide about.
    let drift = "COMMIT;
        ALTER TABLE kernel.outbox ALTER event DROP NOT NULL;
        ALTER TABLE kernel.outbox DROP CONSTRAINT outbox_attempts;
        UPDATE kernel.outbox SET event = NULL, attempts = -1 WHERE id = (SELECT id FROM kernel.outbox LIMIT 1);
        ALTER TABLE kernel.settings ADD COLUMN note text;
        DROP INDEX kernel.outbox_due_ix";
    client.batch_execute(drift).await.unwrap();
    let before = rows(&client).await;
    let repairs = repair::plan(&schema::verify(&client).await.unwrap(), &schema::expected().unwrap());
    let outcome = repair::apply(&mut client, &repairs).await.unwrap();
    assert_eq!(outcome.applied, 1, "{outcome:#?}");
    let refused: Vec<_> = outcome.refused.iter().map(|(repair, _)| repair.difference.kind).collect();
    assert_eq!(refused, [Kind::Column, Kind::Constraint]);
    assert_eq!(outcome.remaining.len(), 3, "{:#?}", outcome.remaining);
    assert_eq!(rows(&client).await, before);
    database.drop().await;
}
