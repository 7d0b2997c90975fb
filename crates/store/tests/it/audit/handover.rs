//! The signing key handed over, or lost: what was signed before stays believed, and nobody gives a former key a longer life.

use super::World;
use salus_store::audit::{
    Anchor as _, Evidence, FileAnchor,
    bundle::{self, Selection},
    epoch, handover,
    merkle::VerifyingKey,
};
use time::{Duration, OffsetDateTime};

/// Sealed and anchored.
async fn grow(world: &World, events: usize) {
    world.record(events).await;
    world.settle().await;
    let mut sealer = world.sealer();
    sealer.seal_anchored(&world.anchor(), &[]).await.unwrap();
    sealer.anchor(&world.anchor()).await.unwrap();
}

async fn bundle_of(world: &World, early: &FileAnchor) -> Vec<u8> {
    let which = Selection {
        tenant: world.tenant,
        subject: None,
        from: OffsetDateTime::UNIX_EPOCH,
        to: world.db.env().now() + Duration::days(1),
    };
    let mut out = Vec::new();
    bundle::export(&world.log(), &which, &[&world.anchor(), early], &mut out).await.unwrap();
    out
}

async fn admin(world: &World, sql: &str) {
    world.database.connect("salus_admin").await.batch_execute(sql).await.unwrap();
}

#[tokio::test]
async fn both_keys_sign_one_head_and_holders_of_either_believe_the_log() {
    let world = World::new().await;
    assert_eq!(handover::rotate(&world.log()).await.unwrap_err().code(), "not_sealed");
    grow(&world, 20).await;
    let early = world.anchor().newest().unwrap().unwrap();
    let first = handover::rotate(&world.log()).await.unwrap();
    grow(&world, 20).await;
    let second = handover::rotate(&world.log()).await.unwrap();
    assert_eq!(first.to, second.from);
    grow(&world, 20).await;
    let report = world.verify().await;
    assert!(report.holds() && report.size >= 60, "{:#?}", report.problems);
    assert_eq!(report.key.as_deref(), Some(&*second.to));
    // Somebody holds a head that the first key signed.
    let holder = FileAnchor::new(world.home.join("holder"));
    holder.keep(&early, 0, &[]).unwrap();
    let bytes = bundle_of(&world, &holder).await;
    for key in [&first.from, &first.to, &second.to] {
        let key = VerifyingKey::parse(key).unwrap();
        let done = bundle::check(&mut &bytes[..], Some(&key), std::slice::from_ref(&early)).unwrap();
        assert!(done.problems.is_empty(), "{:?}", done.problems);
    }
    let other = VerifyingKey::of("salus-1/audit", [7; 32]);
    assert!(!bundle::check(&mut &bytes[..], Some(&other), &[]).unwrap().problems.is_empty());

    // A former key gets no longer life, and another one no life at all.
    admin(&world, "UPDATE audit.signing_keys SET ended_size = ended_size + 1000 WHERE ended_epoch IS NOT NULL").await;
    let report = world.verify_alone().await;
    assert!(report.problems.iter().any(|p| p.kind == "key"), "{:#?}", report.problems);
    assert!(world.sealer().seal().await.is_err());
}

#[tokio::test]
async fn a_lost_key_is_replaced_at_the_beginning_of_an_epoch_by_who_noted_it() {
    let world = World::new().await;
    grow(&world, 20).await;
    let lost = world.verify().await.key.unwrap();
    let ask = |lost_key: Option<VerifyingKey>| epoch::Ask {
        reason: "the signing key was lost".into(),
        ticket: None,
        request: world.db.env().id(),
        lost_key,
    };
    let (anchor, receipts) = (world.anchor(), [world.home.join("receipts")]);
    let evidence = || Evidence { anchors: vec![&anchor], receipts: &receipts, ..Evidence::default() };
    let key = VerifyingKey::parse(&lost).unwrap();
    let kept = epoch::begin(&world.log(), &evidence(), &ask(Some(key.clone()))).await.unwrap_err();
    assert_eq!(kept.code(), "key_not_lost");
    admin(&world, "DELETE FROM audit.signing_keys").await;
    assert!(world.sealer().seal().await.is_err(), "a key is not made twice");
    assert!(epoch::begin(&world.log(), &evidence(), &ask(None)).await.is_err());
    let wrong = VerifyingKey::of(key.name(), [9; 32]);
    let refused = epoch::begin(&world.log(), &evidence(), &ask(Some(wrong))).await.unwrap_err().to_string();
    assert!(refused.contains("newest head"), "{refused}");
    let begun = epoch::begin(&world.log(), &evidence(), &ask(Some(key))).await.unwrap();
    assert_eq!(begun.statement.cause, "its signing key was lost");
    grow(&world, 5).await;
    let report = world.verify().await;
    assert!(report.holds(), "{:#?}", report.problems);
    assert_ne!(report.key, Some(lost));
}
