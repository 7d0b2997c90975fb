//! What must be true whatever was done to the processes: the database holds what was acknowledged, once, and the audit log
//! tells exactly what is there.

use super::installation::Installation;
use std::collections::BTreeSet;
use tokio_postgres::Client;
use uuid::Uuid;

const CREATED: &str = "SELECT (convert_from(header, 'UTF8')::jsonb ->> 'row')::uuid FROM audit.activity_logs \
    WHERE action = 'medical.patient.create' AND outcome = 'success'";

/// Every patient that is there was acknowledged, and the other way round; every one has the events of its making.
pub async fn rows(admin: &Client, acknowledged: &[Uuid], when: &str) {
    let once: BTreeSet<Uuid> = acknowledged.iter().copied().collect();
    assert_eq!(once.len(), acknowledged.len(), "{when}: two keys were answered with the same row");
    let ids = async |sql: &str| -> BTreeSet<Uuid> {
        admin.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    };
    let there = ids("SELECT id FROM medical.patients").await;
    let lost: Vec<&Uuid> = once.difference(&there).collect();
    assert!(lost.is_empty(), "{when}: acknowledged and lost: {lost:?}");
    // Every key was sent until it was answered, so whatever else is there was done for a key a second time.
    let twice: Vec<&Uuid> = there.difference(&once).collect();
    assert!(twice.is_empty(), "{when}: done twice: {twice:?}");
    assert_eq!(ids(CREATED).await, there, "{when}: the log tells something else than the table");
    let half = "SELECT count(*) FROM kernel.idempotency_keys WHERE reply IS NULL";
    let half: i64 = admin.query_one(half, &[]).await.unwrap().get(0);
    assert_eq!(half, 0, "{when}: a key is spent and its reply is not there");
    let queued = "SELECT count(*) FROM medical.patients p WHERE NOT EXISTS (SELECT FROM kernel.outbox o \
                  WHERE o.row_id = p.id AND o.event = 'medical.patient.created')";
    let queued: i64 = admin.query_one(queued, &[]).await.unwrap().get(0);
    assert_eq!(queued, 0, "{when}: a patient without the event that tells of it");
}

/// The same, and every check that the program has.
pub async fn all(place: &Installation, acknowledged: &[Uuid], when: &str) {
    rows(&place.admin().await, acknowledged, when).await;
    let checks = [
        &["audit", "seal"][..],
        &["audit", "verify"],
        &["audit", "verify", "--rows"],
        &["db", "verify"],
        &["keys", "doctor"],
    ];
    for arguments in checks {
        place.done(arguments);
    }
}
