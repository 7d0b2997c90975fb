//! What the installation tells by itself: a restore that nobody practised or that was not well, a recovery identity that
//! nobody tried, a promise that was proved untrue. Each alert ends when its reason does.

use crate::alerts::Place;
use salus_core::Env;
use salus_domains::{
    auth::Simulator,
    compliance::{self, Proof, Verdict},
};
use serde_json::Value;
use time::Duration;

#[tokio::test]
async fn drills_escrow_and_proofs_raise_alerts_and_end_them() {
    let p = Place::with(Box::new(Simulator)).await;
    let db = &p.s.world.db;
    let now = Env::default().now();
    p.clock(now);
    let open = async || {
        p.sweep().await;
        // That there is nobody here who could be told is another alert.
        let sql = "SELECT dedupe_key FROM alerts.alert_instances WHERE status = 'ACTIVE' AND dedupe_key NOT LIKE 'nobody%' ORDER BY 1";
        p.ask(sql).await
    };
    let proved = async |verdict, at| {
        p.clock(at);
        let proof = Proof {
            name: "audit",
            verdict,
            reason: "seen".into(),
            fix: String::new(),
            milliseconds: 1,
            report: Value::Null,
        };
        compliance::keep(db, &[proof]).await.unwrap();
    };
    assert_eq!(open().await, Vec::<String>::new(), "a new installation owes nothing yet");
    proved(Verdict::Fails, now).await;
    assert_eq!(open().await, ["proof_failed"]);
    proved(Verdict::Holds, now + Duration::minutes(1)).await;
    p.s.world
        .admin(
            "UPDATE kernel.installation SET created_at = now() - interval '91 days'; \
             INSERT INTO kernel.backups (id, began_at, folder, noted_at) \
               VALUES (gen_random_uuid(), now() - interval '9 days', '/away', now()), (gen_random_uuid(), now(), '/away', now())",
        )
        .await;
    assert_eq!(open().await, ["drill_old", "escrow_old"], "nine days of backups, and none was ever restored");
    db.note_drill(now - Duration::days(1), false).await.unwrap();
    assert_eq!(open().await, ["drill_failed", "escrow_old"]);
    db.note_drill(now - Duration::days(2), true).await.unwrap();
    assert_eq!(open().await, ["drill_failed", "escrow_old"], "an older one takes nothing back");
    db.note_drill(now, true).await.unwrap();
    db.note_escrow().await.unwrap();
    assert_eq!(open().await, Vec::<String>::new());
}
