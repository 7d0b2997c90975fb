//! What an insider with the rights of a superuser may try, triggers off, and by what it is found: by the database
//! alone where that is possible, by an anchor and receipts always (`spec` B1.7, A13).

use super::World;
use salus_core::Ctx;
use salus_store::{
    audit::{Anchor as _, Report, redact},
    seal::RootKey,
};
use uuid::Uuid;

/// Sealed in six batches, each head anchored; three more events wait.
const SEALED: u64 = 60;

async fn world() -> World {
    let world = World::new().await;
    let (mut sealer, anchor) = (world.sealer(), world.anchor());
    for _ in 0..6 {
        world.record(10).await;
        world.settle().await;
        anchor.keep(&sealer.seal().await.unwrap().note.unwrap(), 0, &[]).unwrap();
    }
    world.record(3).await;
    let report = world.verify().await;
    assert!(report.holds() && report.size == SEALED && report.unsealed == 3, "{report:?}");
    world
}

impl World {
    /// Runs statements as the administrator with all triggers off.
    async fn attack(&self, sql: &str) {
        let admin = self.database.connect("salus_admin").await;
        admin.batch_execute(&format!("SET session_replication_role = replica; {sql}")).await.unwrap();
    }

    async fn id_at(&self, leaf: i64) -> Uuid {
        let admin = self.database.connect("salus_admin").await;
        let sql = "SELECT event_id FROM audit.leaves WHERE leaf_index = $1";
        admin.query_one(sql, &[&leaf]).await.unwrap().get(0)
    }
}

/// The events of these leaves.
fn events(leaves: &str) -> String {
    format!("id IN (SELECT event_id FROM audit.leaves WHERE leaf_index {leaves})")
}

/// Makes stored commitment and leaf hash fit the row again, as far as that goes without the writer's key.
fn refit(leaves: &str) -> String {
    let commit = "sha256(coalesce(payload_salt, '') || coalesce(payload, ''))";
    format!(
        "UPDATE audit.activity_logs SET payload_commit = {commit} WHERE {}; \
         UPDATE audit.activity_logs SET leaf_hash = sha256('\\x00'::bytea || 'salus-leaf/v1'::bytea || int4send(octet_length(header)) \
         || header || payload_commit || mac) WHERE {};",
        events(leaves),
        events(leaves)
    )
}

/// Cuts the log and its events back to an older head, consistently: what a restore to an earlier time does.
pub fn cut_back_to(size: u64) -> String {
    format!(
        "SET session_replication_role = replica; \
         DELETE FROM audit.activity_logs WHERE id IN (SELECT event_id FROM audit.leaves WHERE leaf_index >= {size}) \
           OR id NOT IN (SELECT event_id FROM audit.leaves); \
         DELETE FROM audit.leaves WHERE leaf_index >= {size}; DELETE FROM audit.checkpoints WHERE size > {size}; \
         UPDATE audit.tiles SET hashes = substr(hashes, 1, 32 * {size}); \
         UPDATE audit.tree_states SET size = {size}, \
           root = (SELECT decode(split_part(note, E'\\n', 3), 'base64') FROM audit.checkpoints WHERE size = {size})"
    )
}

#[track_caller]
fn names(report: &Report, kind: &str, first: Option<u64>) {
    let found = report.problems.iter().find(|p| p.kind == kind);
    let Some(found) = found else { panic!("{kind} is not among {:#?}", report.problems) };
    assert_eq!(found.first, first, "{found}");
}

#[tokio::test]
async fn a_changed_event_is_named_by_its_leaf() {
    let world = world().await;
    world
        .attack(&format!("UPDATE audit.activity_logs SET payload = payload || '\\x00' WHERE {}", events("= 17")))
        .await;
    let report = world.verify_alone().await;
    names(&report, "payload_changed", Some(17));
    assert_eq!(report.problems[0].event, Some(world.id_at(17).await));
    // With the hashes of the row made to fit.
    world.attack(&refit("= 17")).await;
    let report = world.verify_alone().await;
    names(&report, "event_changed", Some(17));
    names(&report, "forged", Some(17));
}

#[tokio::test]
async fn removed_events_are_named_by_their_first_leaf() {
    let world = world().await;
    world.attack(&format!("DELETE FROM audit.activity_logs WHERE {}", events("BETWEEN 23 AND 25"))).await;
    let report = world.verify_alone().await;
    names(&report, "event_missing", Some(23));
    assert_eq!(report.problems[0].count, 3);
    names(&world.verify().await, "receipt_without_event", None);
}

#[tokio::test]
async fn a_detail_that_was_nulled_needs_a_redaction() {
    let world = world().await;
    world.attack(&format!("UPDATE audit.activity_logs SET payload = NULL WHERE {}", events("= 9"))).await;
    names(&world.verify_alone().await, "payload_missing", Some(9));
    let redact =
        "INSERT INTO audit.redactions SELECT event_id, event_id, 'test' FROM audit.leaves WHERE leaf_index = 9";
    world.attack(redact).await;
    let report = world.verify_alone().await;
    names(&report, "payload_missing", Some(9));
    names(&report, "redaction_forged", None);
}

#[tokio::test]
async fn a_redaction_on_the_record_keeps_proofs_whole_and_a_changed_one_excuses_nothing() {
    let world = world().await;
    let event = world.id_at(9).await;
    let mut tx = world.db.begin(Ctx::operator(world.db.env(), world.tenant), false).await.unwrap();
    redact(&mut tx, event, "recorded in error").await.unwrap();
    tx.commit("audit.event.redact", "audit.activity_logs").await.unwrap();
    let admin = world.database.connect("salus_admin").await;
    let sql = "SELECT payload IS NULL AND payload_salt IS NULL FROM audit.activity_logs WHERE id = $1";
    assert!(admin.query_one(sql, &[&event]).await.unwrap().get::<_, bool>(0));
    assert!(world.verify_alone().await.holds(), "a redaction keeps proofs whole");

    // Not twice, not in another tenant, and not what a hold keeps.
    let refused = async |tenant: Uuid, event: Uuid| {
        let mut tx = world.db.begin(Ctx::operator(world.db.env(), tenant), false).await.unwrap();
        let refused = redact(&mut tx, event, "again").await.unwrap_err();
        tx.undo().await;
        refused.code()
    };
    assert_eq!(refused(world.tenant, event).await, "not_found");
    let other = world.db.create_tenant("other", false).await.unwrap();
    assert_eq!(refused(other, world.id_at(11).await).await, "not_found");
    let hold = "INSERT INTO audit.legal_holds (tenant_id, id, reason) VALUES ";
    world.attack(&format!("{hold} ('{}', gen_random_uuid(), 'a lawsuit')", world.tenant)).await;
    assert_eq!(refused(world.tenant, world.id_at(11).await).await, "held");

    // Another basis, or another event in its place, has no code; nothing else of the row may go.
    world.attack("UPDATE audit.redactions SET basis = 'another'").await;
    let report = world.verify_alone().await;
    names(&report, "redaction_forged", None);
    names(&report, "payload_missing", Some(9));
    let app = world.database.connect("salus_app").await;
    let direct = app.execute("UPDATE audit.activity_logs SET payload = NULL", &[]).await;
    assert!(direct.is_err());
}

#[tokio::test]
async fn swapped_and_renumbered_leaves_are_named() {
    let swapped = world().await;
    let swap = "UPDATE audit.leaves SET leaf_index = -1 WHERE leaf_index = 10; UPDATE audit.leaves SET leaf_index = 10 WHERE leaf_index = 11; \
                UPDATE audit.leaves SET leaf_index = 11 WHERE leaf_index = -1;";
    swapped.attack(swap).await;
    let report = swapped.verify_alone().await;
    names(&report, "event_changed", Some(10));
    names(&report, "order", Some(11));

    let renumbered = world().await;
    let renumber = "DELETE FROM audit.leaves WHERE leaf_index = 30; \
                    UPDATE audit.leaves SET leaf_index = leaf_index - 1000 WHERE leaf_index > 30; \
                    UPDATE audit.leaves SET leaf_index = leaf_index + 999 WHERE leaf_index < 0;";
    renumbered.attack(renumber).await;
    let report = renumbered.verify_alone().await;
    names(&report, "event_changed", Some(30));
    names(&report, "leaf_missing", Some(SEALED - 1));
    names(&report, "not_in_log", None);
}

#[tokio::test]
async fn a_forged_event_is_found_by_the_sealer_and_by_verification() {
    let world = world().await;
    // A copy of an event under another id and time, and one whose row is made to fit a header of its own.
    let forge = "INSERT INTO audit.activity_logs (tenant_id, id, recorded_at, writer_id, writer_seq, actor_id, action, target, outcome, \
                   header, payload, payload_salt, payload_commit, mac, leaf_hash) \
                 SELECT tenant_id, gen_random_uuid(), '2020-01-01', writer_id, writer_seq, actor_id, action, target, outcome, header, payload, \
                   payload_salt, payload_commit, mac, leaf_hash FROM audit.activity_logs WHERE id = (SELECT event_id FROM audit.leaves WHERE leaf_index = 5)";
    world.attack(forge).await;
    let fresh = world.verify_alone().await;
    names(&fresh, "column_changed", None);
    let own = "WITH e AS (SELECT *, convert_to(replace(convert_from(header, 'UTF8'), 'test.note', 'test.fake'), 'UTF8') AS h FROM audit.activity_logs \
                 WHERE id = (SELECT event_id FROM audit.leaves WHERE leaf_index = 6)) \
               INSERT INTO audit.activity_logs (tenant_id, id, recorded_at, writer_id, writer_seq, actor_id, action, target, outcome, \
                   header, payload, payload_salt, payload_commit, mac, leaf_hash) \
               SELECT tenant_id, gen_random_uuid(), recorded_at, writer_id, writer_seq, actor_id, 'test.fake', target, outcome, h, payload, payload_salt, \
                 payload_commit, mac, sha256('\\x00'::bytea || 'salus-leaf/v1'::bytea || int4send(octet_length(h)) || h || payload_commit || mac) FROM e";
    world.attack(own).await;
    world.settle().await;
    let sealed = world.sealer().seal().await.unwrap();
    assert_eq!(sealed.suspects.iter().map(|s| s.leaf).collect::<Vec<_>>(), [64]);
    let report = world.verify_alone().await;
    names(&report, "forged", Some(64));
    names(&report, "time", Some(63));
    names(&report, "column_changed", Some(63));
}

#[tokio::test]
async fn a_log_cut_back_to_an_older_head_contradicts_anchor_and_receipts() {
    let world = world().await;
    world.attack(&cut_back_to(40)).await;
    assert!(world.verify_alone().await.holds(), "the database alone cannot tell this from its past");
    let report = world.verify().await;
    names(&report, "rolled_back", Some(40));
    names(&report, "receipt_without_event", None);
    assert_eq!(report.problems.iter().find(|p| p.kind == "receipt_without_event").unwrap().count, 23);
}

#[tokio::test]
async fn an_unsealed_event_that_was_removed_leaves_its_receipt() {
    let world = world().await;
    world.attack("DELETE FROM audit.activity_logs WHERE id NOT IN (SELECT event_id FROM audit.leaves)").await;
    assert!(world.verify_alone().await.holds());
    names(&world.verify().await, "receipt_without_event", None);
}

#[tokio::test]
async fn a_rewritten_log_contradicts_its_key_or_its_anchor() {
    let erase = "DELETE FROM audit.activity_logs WHERE id = (SELECT event_id FROM audit.leaves WHERE leaf_index = 33); \
                  DELETE FROM audit.leaves; DELETE FROM audit.tiles; DELETE FROM audit.checkpoints; DELETE FROM audit.tree_states;";
    // Sealed anew with a key of the attacker's.
    let forged = world().await;
    forged.attack(&format!("{erase} DELETE FROM audit.signing_keys")).await;
    let mut attacker = salus_store::audit::Sealer::new(forged.log_with(RootKey::ephemeral().unwrap()));
    forged.settle().await;
    attacker.seal().await.unwrap();
    let report = forged.verify_alone().await;
    names(&report, "key", None);
    // Sealed anew with the log's own key: only what was kept outside tells.
    let stolen = world().await;
    stolen.attack(erase).await;
    stolen.settle().await;
    let anew = stolen.sealer().seal().await.unwrap();
    assert_eq!(anew.size, SEALED + 2);
    assert!(stolen.verify_alone().await.holds(), "the database alone cannot tell");
    let report = stolen.verify().await;
    names(&report, "anchor_fork", Some(40));
    names(&report, "receipt_without_event", None);
    // And nobody goes on with it while the anchor is asked.
    let refused = stolen.sealer().seal_anchored(&stolen.anchor(), &[]).await.unwrap_err().to_string();
    assert!(refused.contains("not the one that was anchored"), "{refused}");
}

#[tokio::test]
async fn heads_and_tiles_that_were_touched_are_named() {
    let world = world().await;
    let flip = |at: i64| {
        format!("UPDATE audit.tiles SET hashes = set_byte(hashes, {at}, get_byte(hashes, {at}) # 1) WHERE level = 0;")
    };
    world.attack(&flip(32 * 21 + 3)).await;
    let report = world.verify_alone().await;
    names(&report, "event_changed", Some(21));
    names(&report, "head_fork", Some(30));
    names(&report, "root_changed", Some(SEALED));
    let refused = world.sealer().seal().await.unwrap_err().to_string();
    assert!(refused.contains("do not give the stored root"), "{refused}");
    world.attack(&flip(32 * 21 + 3)).await;
    assert!(world.verify().await.holds());

    world
        .attack(
            "UPDATE audit.checkpoints SET note = (SELECT note FROM audit.checkpoints WHERE size = 10) WHERE size = 20",
        )
        .await;
    names(&world.verify_alone().await, "head_signature", Some(20));
    world.attack("DELETE FROM audit.checkpoints WHERE size IN (20, 60)").await;
    names(&world.verify_alone().await, "head_missing", Some(50));
    assert!(world.sealer().seal().await.unwrap_err().to_string().contains("newest head"));
}

#[tokio::test]
async fn columns_triggers_and_epochs_are_looked_at() {
    let world = world().await;
    world.attack(&format!("UPDATE audit.activity_logs SET outcome = 'failed' WHERE {}", events("= 44"))).await;
    names(&world.verify_alone().await, "column_changed", Some(44));
    world.attack("DROP TRIGGER refuse_change ON audit.activity_logs").await;
    names(&world.verify_alone().await, "protection", None);
    let epoch = "UPDATE audit.tree_states SET is_current = false; INSERT INTO audit.tree_states \
                 SELECT 2, 0, sha256(''), horizon, sysid, timeline, true FROM audit.tree_states";
    world.attack(epoch).await;
    names(&world.verify_alone().await, "epoch", None);
}

#[tokio::test]
async fn what_is_found_raises_an_alert_once() {
    let world = world().await;
    let forge = "INSERT INTO audit.activity_logs SELECT tenant_id, gen_random_uuid(), recorded_at, pg_current_xact_id(), writer_id, writer_seq + 900, \
                   actor_id, action, target, outcome, header, payload, payload_salt, payload_commit, set_byte(mac, 0, get_byte(mac, 0) # 1), leaf_hash \
                 FROM audit.activity_logs WHERE id = (SELECT event_id FROM audit.leaves WHERE leaf_index = 6)";
    world.attack(forge).await;
    world.settle().await;
    world.sealer().seal().await.unwrap();
    let admin = world.database.connect("salus_admin").await;
    let alerts = "SELECT tenant_id, leaf_index FROM audit.tamper_alerts WHERE kind = $1";
    let raised = admin.query(alerts, &[&"forged"]).await.unwrap();
    assert_eq!(raised.len(), 1);
    assert_eq!((raised[0].get::<_, Uuid>(0), raised[0].get::<_, i64>(1)), (world.tenant, 63));
    for _ in 0..2 {
        world.verify_alone().await;
    }
    let raised = admin.query(alerts, &[&"forged"]).await.unwrap();
    assert_eq!(raised.len(), 2, "the tenant's from the sealer, and the platform's from verification");
    world.attack("UPDATE audit.tree_states SET root = sha256('')").await;
    for _ in 0..2 {
        world.sealer().seal().await.unwrap_err();
    }
    assert_eq!(admin.query(alerts, &[&"sealing_refused"]).await.unwrap().len(), 1);
    let change = "UPDATE audit.tamper_alerts SET what = ''";
    assert!(admin.batch_execute(change).await.is_err(), "an alert stays as it was noted");
}
