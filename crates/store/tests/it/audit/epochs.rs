//! Epochs: after a rollback, in another cluster or on another timeline nothing is sealed until one is begun; what is
//! lost is listed exactly; and an epoch that somebody forged is no epoch (`spec` A21).

use super::{World, attacks::cut_back_to, open};
use salus_core::{Ctx, Env};
use salus_store::audit::{
    Anchor as _, Evidence,
    epoch::{Ask, Begun, begin},
    verify,
};
use serde_json::json;
use std::{collections::BTreeSet, path::PathBuf};
use uuid::Uuid;

impl World {
    /// Begins an epoch with everything that is kept outside.
    pub async fn new_epoch(&self) -> salus_core::Result<Begun> {
        self.new_epoch_with(&[self.home.join("receipts")]).await
    }

    async fn new_epoch_with(&self, receipts: &[PathBuf]) -> salus_core::Result<Begun> {
        let anchor = self.anchor();
        let evidence = Evidence { anchors: vec![&anchor], receipts, ..Evidence::default() };
        let ask = Ask {
            reason: "restored after a disk failed".into(),
            ticket: None,
            request: self.db.env().id(),
            lost_key: None,
        };
        let begun = begin(&self.log(), &evidence, &ask).await?;
        self.sealer().anchor(&anchor).await?;
        Ok(begun)
    }

    /// All events that are in the table.
    async fn ids(&self) -> BTreeSet<Uuid> {
        let admin = self.database.connect("salus_admin").await;
        let rows = admin.query("SELECT id FROM audit.activity_logs", &[]).await.unwrap();
        rows.iter().map(|r| r.get(0)).collect()
    }

    async fn seal_with_all(&self) -> salus_core::Result<salus_store::audit::Sealed> {
        self.sealer().seal_anchored(&self.anchor(), &[self.home.join("receipts")]).await
    }

    /// Runs statements as the administrator with all triggers off.
    async fn force(&self, sql: &str) {
        let admin = self.database.connect("salus_admin").await;
        admin.batch_execute(&format!("SET session_replication_role = replica; {sql}")).await.unwrap();
    }
}

/// A log that was rolled back from 40 sealed events to 20, with five more that were not sealed: the ids that are gone.
pub async fn rolled_back() -> (World, BTreeSet<Uuid>) {
    let world = World::new().await;
    for _ in 0..4 {
        world.record(10).await;
        world.settle().await;
        world.sealer().seal().await.unwrap();
        world.sealer().anchor(&world.anchor()).await.unwrap();
    }
    world.record(5).await;
    let before = world.ids().await;
    world.force(&cut_back_to(20)).await;
    let lost = before.difference(&world.ids().await).copied().collect();
    (world, lost)
}

#[tokio::test]
async fn a_log_that_was_rolled_back_goes_on_in_a_new_epoch_that_lists_what_is_lost() {
    let (world, lost) = rolled_back().await;
    world.record(3).await;
    world.settle().await;
    let refused = world.seal_with_all().await.unwrap_err().to_string();
    assert!(refused.contains("rolled back") && refused.contains("salus audit new-epoch"), "{refused}");
    let begun = world.new_epoch().await.unwrap();
    assert_eq!(begun.lost.iter().copied().collect::<BTreeSet<_>>(), lost, "exactly those");
    assert_eq!(lost.len(), 25);
    let said = &begun.statement;
    assert_eq!((said.epoch, said.previous.size, said.agreed, begun.events), (2, 20, 20, 3));
    assert_eq!(said.anchored.as_ref().map(|head| head.size), Some(40));

    // Sealing and anchoring go on, and everything holds: the lost part is on record, not a problem.
    world.record(300).await;
    world.settle().await;
    let sealed = world.seal_with_all().await.unwrap();
    assert_eq!((sealed.events, sealed.size), (300, 304));
    world.sealer().anchor(&world.anchor()).await.unwrap();
    let report = world.verify().await;
    assert!(report.holds(), "{:#?}", report.problems);
    assert_eq!((report.size, report.epochs.len(), report.declared, report.unsealed), (304, 2, 2, 0));
    assert_eq!(report.epochs[1].statement.as_ref(), Some(said));
    assert!(world.verify_alone().await.holds());
    let again = world.new_epoch().await.unwrap_err();
    assert_eq!(again.code(), "epoch_not_needed", "a log that can be continued gets no epoch");

    // The earlier epoch is verified as before, and so is the statement.
    world.force("UPDATE audit.activity_logs SET header = header || ' ' WHERE id = (SELECT event_id FROM audit.leaves WHERE epoch = 1 AND leaf_index = 7)").await;
    let report = world.verify_alone().await;
    let changed = report.problems.iter().find(|p| p.kind == "event_changed").unwrap();
    assert_eq!((changed.epoch, changed.first), (1, Some(7)));
}

#[tokio::test]
async fn an_epoch_after_an_epoch_and_a_restore_to_before_the_last_one() {
    let (world, _) = rolled_back().await;
    world.new_epoch().await.unwrap();
    world.record(4).await;
    world.settle().await;
    world.seal_with_all().await.unwrap();
    world.sealer().anchor(&world.anchor()).await.unwrap();
    // Back to the first epoch, as an older backup has it: the second is known to the anchor only.
    world
        .force(
            "DELETE FROM audit.activity_logs WHERE id IN (SELECT event_id FROM audit.leaves WHERE epoch = 2); \
             DELETE FROM audit.leaves WHERE epoch = 2; DELETE FROM audit.tiles WHERE epoch = 2; \
             DELETE FROM audit.checkpoints WHERE epoch = 2; DELETE FROM audit.lost_events; DELETE FROM audit.epochs; \
             DELETE FROM audit.tree_states WHERE epoch = 2; UPDATE audit.tree_states SET is_current = true",
        )
        .await;
    assert!(world.seal_with_all().await.unwrap_err().to_string().contains("rolled back"));
    let begun = world.new_epoch().await.unwrap();
    assert_eq!((begun.statement.epoch, begun.statement.previous.epoch), (3, 1), "a number is not used twice");
    assert_eq!(begun.lost.len(), 25 + 4);
    world.record(2).await;
    world.settle().await;
    assert_eq!(world.seal_with_all().await.unwrap().events, 2);
    let report = world.verify().await;
    assert!(report.holds(), "{:#?}", report.problems);
}

#[tokio::test]
async fn another_cluster_and_another_timeline_are_noticed() {
    let world = World::new().await;
    world.record(10).await;
    world.settle().await;
    world.sealer().seal().await.unwrap();
    world.sealer().anchor(&world.anchor()).await.unwrap();
    // A failover on which nothing was lost: anchor and receipts show it, and nothing else does.
    world.force("UPDATE audit.tree_states SET timeline = timeline - 1").await;
    world.record(2).await;
    world.settle().await;
    let refused = world.sealer().seal().await.unwrap_err().to_string();
    assert!(refused.contains("a restore or a failover"), "{refused}");
    assert_eq!(world.seal_with_all().await.unwrap().events, 2);
    assert!(world.sealer().seal().await.is_ok(), "the new timeline is noted");
    // One on which an event was lost that no head speaks of.
    world.record(1).await;
    let gone = "DELETE FROM audit.activity_logs WHERE id NOT IN (SELECT event_id FROM audit.leaves)";
    world.force(&format!("UPDATE audit.tree_states SET timeline = timeline - 1; {gone}")).await;
    let refused = world.seal_with_all().await.unwrap_err().to_string();
    assert!(refused.contains("1 events that were committed are gone"), "{refused}");
    assert_eq!(world.new_epoch().await.unwrap().lost.len(), 1);
    // A dump in another cluster: rows carry transaction numbers that are still to come here.
    world.record(300).await;
    let future = "UPDATE audit.activity_logs SET xact = (xact::text::bigint + 1000000000)::text::xid8 \
                  WHERE id NOT IN (SELECT event_id FROM audit.leaves)";
    world.force(&format!("UPDATE audit.tree_states SET sysid = '1' WHERE is_current; {future}")).await;
    let refused = world.seal_with_all().await.unwrap_err().to_string();
    assert!(refused.contains("another cluster"), "{refused}");
    let begun = world.new_epoch().await.unwrap();
    assert_eq!((begun.events, begun.lost.len(), begun.statement.epoch), (300, 0, 3));
    for _ in 0..2 {
        world.record(20).await;
        world.settle_own().await;
        assert_eq!(world.seal_with_all().await.unwrap().events, 20);
    }
    let report = world.verify().await;
    assert!(report.holds(), "{:#?}", report.problems);
}

#[tokio::test]
async fn what_another_node_lost_is_listed_and_its_receipts_are_asked_for() {
    let world = World::new().await;
    let (own, others) = (world.home.join("receipts"), world.home.join("other/receipts"));
    let other = open(&world.database, (&world.home.join("other"), &world.keys), Env::default()).await;
    let record = async || {
        let mut tx = other.begin(Ctx::operator(other.env(), world.tenant), false).await.unwrap();
        tx.note(json!({}));
        tx.commit("test.note", "audit.activity_logs").await.unwrap();
    };
    world.record(3).await;
    record().await;
    world.settle().await;
    world.sealer().seal().await.unwrap();
    world.sealer().anchor(&world.anchor()).await.unwrap();
    // The standby that took over has the last event of this node, and not the last two of the other.
    world.record(1).await;
    let before = world.ids().await;
    record().await;
    record().await;
    let lost: Vec<Uuid> = world.ids().await.difference(&before).copied().collect();
    let gone = lost.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ");
    let failover = "UPDATE audit.tree_states SET timeline = timeline - 1";
    world.force(&format!("{failover}; DELETE FROM audit.activity_logs WHERE id IN ({gone})")).await;
    world.settle().await;
    let node = std::fs::read_to_string(others.join("node")).unwrap();
    let asks = |refused: &str| {
        assert!(refused.contains(node.trim()) && refused.contains("other/receipts"), "{refused}");
        assert!(refused.contains("audit_receipts_of") && refused.contains("--forget"), "{refused}");
    };
    let seal = async |folders: &[PathBuf]| world.sealer().seal_anchored(&world.anchor(), folders).await;
    asks(&seal(std::slice::from_ref(&own)).await.unwrap_err().to_string());
    asks(&world.new_epoch().await.unwrap_err().to_string());
    let missing = seal(&[own.clone(), world.home.join("nowhere")]).await.unwrap_err().to_string();
    assert!(missing.contains("nowhere"), "{missing}");
    // A folder that is there and empty says nothing of the node.
    std::fs::create_dir(world.home.join("empty")).unwrap();
    asks(&seal(&[own.clone(), world.home.join("empty")]).await.unwrap_err().to_string());
    let all = [own.clone(), others.clone()];
    let refused = seal(&all).await.unwrap_err().to_string();
    assert!(refused.contains("2 events that were committed are gone"), "{refused}");
    let evidence = Evidence { anchors: Vec::new(), receipts: std::slice::from_ref(&own), ..Evidence::default() };
    assert_eq!(verify(&world.log(), &evidence).await.unwrap().unseen.len(), 1);
    assert_eq!(world.new_epoch_with(&all).await.unwrap().lost, lost, "exactly those");
    world.record(1).await;
    world.settle().await;
    assert_eq!(seal(&all).await.unwrap().events, 1);

    // Forgotten, it is asked for no more; and it is known again when it starts.
    let mut tx = world.db.begin(Ctx::operator(world.db.env(), salus_core::PLATFORM), false).await.unwrap();
    assert_eq!(tx.nodes().await.unwrap().len(), 2);
    tx.forget_node(node.trim().parse().unwrap()).await.unwrap();
    tx.commit("audit.node.forget", "audit.nodes").await.unwrap();
    world.force(failover).await;
    world.settle().await;
    assert_eq!(seal(std::slice::from_ref(&own)).await.unwrap().events, 1);
    other.make_known(&others).await.unwrap();
    world.force(failover).await;
    asks(&seal(&[own]).await.unwrap_err().to_string());
}

#[tokio::test]
async fn a_forged_epoch_is_no_epoch() {
    let (world, _) = rolled_back().await;
    let begun = world.new_epoch().await.unwrap();
    world.record(3).await;
    world.settle().await;
    world.seal_with_all().await.unwrap();
    assert!(world.verify().await.holds());
    let kinds = async || world.verify_alone().await.problems.iter().map(|p| p.kind).collect::<BTreeSet<_>>();
    // Another reason, a smaller loss, another first leaf, no statement at all.
    let reason =
        |from: &str, to: &str| format!("UPDATE audit.epochs SET statement = replace(statement, '{from}', '{to}')");
    world.force(&reason("a disk failed", "all was well")).await;
    assert!(kinds().await.contains("epoch"));
    assert!(world.seal_with_all().await.is_err(), "a forged epoch is not extended");
    world.force(&reason("all was well", "a disk failed")).await;
    assert!(world.verify().await.holds());
    world.force(&format!("DELETE FROM audit.lost_events WHERE event_id = '{}'", begun.lost[0])).await;
    assert!(kinds().await.contains("epoch"));
    world.force(&format!("INSERT INTO audit.lost_events VALUES (2, '{}')", begun.lost[0])).await;
    assert!(world.verify().await.holds());
    world
        .force("UPDATE audit.tiles SET hashes = sha256('x') || substr(hashes, 33) WHERE epoch = 2 AND level = 0")
        .await;
    assert!(kinds().await.contains("epoch"));
    world.force("DELETE FROM audit.lost_events; DELETE FROM audit.epochs").await;
    assert!(kinds().await.contains("epoch"));
}

#[tokio::test]
async fn an_epoch_cannot_hide_what_an_anchor_has_seen_since() {
    let (world, _) = rolled_back().await;
    let copy = world.home.join("anchor/copy");
    std::fs::copy(world.home.join("anchor/heads"), &copy).unwrap();
    // The operator's anchor was cut with the log; another copy was not, and speaks against the statement.
    let all = world.anchor().kept().unwrap();
    std::fs::write(world.home.join("anchor/heads"), "").unwrap();
    all[..2].iter().for_each(|note| world.anchor().keep(note, 0, &[]).unwrap());
    world.force("UPDATE audit.tree_states SET timeline = timeline - 1").await;
    world.new_epoch().await.unwrap();
    let (anchor, other) = (world.anchor(), salus_store::audit::FileAnchor::new(copy));
    let evidence = Evidence { anchors: vec![&anchor, &other], receipts: &[], ..Evidence::default() };
    let report = salus_store::audit::verify(&world.log(), &evidence).await.unwrap();
    assert_eq!(report.problems.iter().map(|p| p.kind).collect::<Vec<_>>(), ["rolled_back"]);
}
