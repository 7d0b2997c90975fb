//! What the sealer seals, and what it refuses.

use super::World;
use crate::database::rounds;
use salus_core::{Ctx, Env};
use salus_store::audit::{
    Anchor as _, LATE, TOO_LATE,
    merkle::{Note, VerifyingKey},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use uuid::Uuid;

#[tokio::test]
async fn events_of_all_tenants_are_sealed_once_and_verified() {
    let world = World::new().await;
    let (mut first, mut second) = (world.sealer(), world.sealer());
    assert_eq!(first.seal().await.unwrap().events, 0);
    let empty = world.verify().await;
    assert!(empty.holds() && empty.size == 0, "{:?}", empty.problems);

    world.record(300).await;
    let other = world.db.create_tenant("austa", false).await.unwrap();
    let tx = world.db.begin(Ctx::operator(world.db.env(), other), false).await.unwrap();
    tx.commit("test.note", "audit.activity_logs").await.unwrap();
    world.settle().await;
    let sealed = first.seal().await.unwrap();
    assert!(sealed.events >= 301 && sealed.suspects.is_empty(), "{sealed:?}");
    assert_eq!(second.seal().await.unwrap().events, 0, "nothing is sealed twice");
    world.record(5).await;
    world.settle().await;
    let more = second.seal().await.unwrap();
    assert_eq!((more.events, more.size), (5, sealed.size + 5));

    let report = world.verify().await;
    assert!(report.holds(), "{:?}", report.problems);
    assert_eq!((report.size, report.unsealed, report.checkpoints), (more.size, 0, 2));
    assert!(report.receipts.unwrap() >= 306);
    let key = VerifyingKey::parse(&report.key.unwrap()).unwrap();
    let head = Note::parse(&more.note.unwrap()).unwrap().open(&key).unwrap();
    assert_eq!((head.size, hex::encode(head.root)), (report.size, report.root));
}

#[tokio::test]
async fn an_open_transaction_delays_and_loses_nothing() {
    let world = World::new().await;
    let mut sealer = world.sealer();
    world.record(3).await;
    world.settle().await;
    let before = sealer.seal().await.unwrap().size;
    let slow = world.database.connect("salus_admin").await;
    slow.batch_execute("BEGIN; SELECT pg_current_xact_id()").await.unwrap();
    world.record(4).await;
    assert_eq!(sealer.seal().await.unwrap().events, 0, "a smaller transaction is still open");
    let waiting = world.verify().await;
    assert!(waiting.holds() && waiting.unsealed == 4, "{waiting:?}");
    slow.batch_execute("COMMIT").await.unwrap();
    world.settle().await;
    assert_eq!(sealer.seal().await.unwrap().size, before + 4);
    assert!(world.verify().await.holds());
}

#[tokio::test]
async fn many_writers_and_sealers_lose_nothing_and_double_nothing() {
    // In a long run so many seconds, with 32 writers (A14).
    let seconds = rounds(0);
    let (count, began) = (if seconds > 0 { 32 } else { 12 }, Instant::now());
    let world = Arc::new(World::new().await);
    let (heads, writing) = (Arc::new(AtomicUsize::new(0)), Arc::new(()));
    let writers: Vec<_> = (0..count)
        .map(|w| {
            let (world, heads, writing) = (Arc::clone(&world), Arc::clone(&heads), Arc::clone(&writing));
            salus_store::runtime::spawn(async move {
                for i in 0..100_000u64 {
                    // Any transaction of the cluster holds up the sealers, so work goes on until they have sealed under it.
                    let enough = i >= 1000 || heads.load(Ordering::Relaxed) > 3;
                    if i >= 25 && enough && began.elapsed().as_secs() >= seconds.into() {
                        break;
                    }
                    let ctx = Ctx::operator(world.db.env(), world.tenant);
                    let mut tx = world.db.begin(ctx, false).await.unwrap();
                    tx.query(salus_store::sql!("SELECT pg_current_xact_id()::text"), &[]).await.unwrap();
                    tokio::time::sleep(Duration::from_millis((i * 7 + w) % 13)).await;
                    if i % 5 == 4 {
                        tx.undo().await;
                    } else {
                        tx.commit("test.note", "audit.activity_logs").await.unwrap();
                    }
                }
                // The sealers see by it that somebody still writes.
                drop(writing);
            })
        })
        .collect();
    let sealers: Vec<_> = (0..3)
        .map(|_| {
            let (mut sealer, heads, writing) = (world.sealer(), Arc::clone(&heads), Arc::downgrade(&writing));
            salus_store::runtime::spawn(async move {
                while writing.strong_count() > 0 {
                    let made = sealer.seal().await.unwrap();
                    heads.fetch_add(usize::from(made.note.is_some()), Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
        })
        .collect();
    drop(writing);
    for task in writers.into_iter().chain(sealers) {
        task.await.unwrap();
    }
    world.settle().await;
    world.sealer().seal().await.unwrap();
    let report = world.verify().await;
    assert!(report.holds() && report.checkpoints > 3, "{:?}", report.problems);
    let events: i64 = {
        let admin = world.database.connect("salus_admin").await;
        admin.query_one("SELECT count(*) FROM audit.activity_logs", &[]).await.unwrap().get(0)
    };
    assert_eq!((report.size.cast_signed(), report.unsealed), (events, 0));
    assert!(events >= count.cast_signed() * 20);
}

#[tokio::test]
async fn a_log_that_fell_behind_its_anchor_is_not_extended() {
    let world = World::new().await;
    let (mut sealer, anchor) = (world.sealer(), world.anchor());
    world.record(5).await;
    world.settle().await;
    let old = sealer.seal_anchored(&anchor, &[]).await.unwrap();
    world.record(5).await;
    world.settle().await;
    anchor.keep(&sealer.seal_anchored(&anchor, &[]).await.unwrap().note.unwrap(), 0, &[]).unwrap();
    let admin = world.database.connect("salus_admin").await;
    let cut = super::attacks::cut_back_to(old.size);
    admin.batch_execute(&cut).await.unwrap();
    world.record(1).await;
    let refused = sealer.seal_anchored(&anchor, &[]).await.unwrap_err().to_string();
    assert!(refused.contains("rolled back"), "{refused}");
}

#[tokio::test]
async fn the_sealer_may_append_and_nothing_else() {
    let world = World::new().await;
    world.record(2).await;
    world.sealer().seal().await.unwrap();
    let sealer = world.database.connect("salus_sealer").await;
    for refused in [
        "UPDATE audit.leaves SET leaf_index = 9",
        "DELETE FROM audit.leaves",
        "UPDATE audit.checkpoints SET note = ''",
        "DELETE FROM audit.tiles",
        "UPDATE audit.signing_keys SET wrapped = ''",
        "DELETE FROM audit.activity_logs_default",
        "UPDATE audit.activity_logs SET action = 'x'",
        "SELECT wrapped FROM kernel.keys",
    ] {
        let error = sealer.batch_execute(refused).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "42501", "{refused}");
    }
    let app = world.database.connect("salus_app").await;
    for refused in
        ["SELECT * FROM audit.leaves", "SELECT * FROM audit.signing_keys", "SELECT * FROM audit.activity_logs_default"]
    {
        assert_eq!(app.batch_execute(refused).await.unwrap_err().code().unwrap().code(), "42501", "{refused}");
    }
}

#[tokio::test]
async fn events_are_not_changed_or_emptied_by_any_name_whoever_asks() {
    let world = World::new().await;
    world.record(2).await;
    let admin = world.database.connect("salus_admin").await;
    let month: String = admin
        .query_one(
            "SELECT min(inhrelid::regclass::text) FROM pg_inherits WHERE inhparent = 'audit.activity_logs'::regclass",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    for table in ["audit.activity_logs", "audit.activity_logs_default", &month] {
        for act in
            [format!("TRUNCATE {table}"), format!("DELETE FROM {table}"), format!("UPDATE {table} SET action = 'x'")]
        {
            for role in ["salus_app", "salus_sealer", "salus_backup"] {
                let error = world.database.connect(role).await.batch_execute(&act).await.unwrap_err();
                assert_eq!(error.code().unwrap().code(), "42501", "{role}: {act}");
            }
            // Row-level security hides rows from these, so only TRUNCATE reaches them.
            for role in if act.starts_with("TRUNCATE") { &["salus_owner", "salus_admin"][..] } else { &[] } {
                let as_role = format!("BEGIN; SET LOCAL ROLE {role}; {act}");
                let error = admin.batch_execute(&as_role).await.unwrap_err();
                admin.batch_execute("ROLLBACK").await.unwrap();
                let told = error.as_db_error().unwrap();
                assert!(told.message().contains("is append-only"), "{role}: {act}: {}", told.message());
            }
        }
    }
}

#[tokio::test]
async fn a_partition_that_the_sealer_does_not_see_is_told() {
    let world = World::new().await;
    world.record(1).await;
    let admin = world.database.connect("salus_admin").await;
    admin.batch_execute("DROP POLICY sealer ON audit.activity_logs_default").await.unwrap();
    let refused = world.sealer().seal().await.unwrap_err().to_string();
    assert!(refused.contains("does not see audit.activity_logs_default"), "{refused}");
    let found = salus_store::lint::check(&admin).await.unwrap();
    assert!(found.iter().any(|f| f.rule == "N11"), "{found:?}");
}

#[tokio::test]
async fn reading_bait_raises_an_alert_at_the_next_seal_and_nobody_can_see_which_it_is() {
    let world = World::new().await;
    let (bait, other) = (world.db.env().id(), world.db.env().id());
    let ctx = || Ctx::operator(world.db.env(), world.tenant);
    world.db.mark_honey(ctx(), bait, true).await.unwrap();
    let again = world.db.mark_honey(ctx(), bait, true).await.unwrap_err();
    assert_eq!(again.code(), "duplicate");
    let read = async |person: Uuid| {
        let mut tx = world.db.begin(ctx(), true).await.unwrap();
        tx.about(other);
        tx.about(person);
        tx.commit("test.read", "audit.activity_logs").await.unwrap();
        world.settle().await;
        world.sealer().seal().await.unwrap();
    };
    let admin = world.database.connect("salus_admin").await;
    let alerts = async || -> i64 {
        let sql = "SELECT count(*) FROM audit.tamper_alerts WHERE kind = 'honey_read' AND tenant_id = $1 AND event_id IS NOT NULL";
        admin.query_one(sql, &[&world.tenant]).await.unwrap().get(0)
    };
    read(other).await;
    assert_eq!(alerts().await, 0);
    read(bait).await;
    assert_eq!(alerts().await, 1);
    world.db.mark_honey(ctx(), bait, false).await.unwrap();
    read(bait).await;
    assert_eq!(alerts().await, 1, "an ordinary record again");
    assert_eq!(world.db.mark_honey(ctx(), bait, false).await.unwrap_err().code(), "not_found");
}

#[tokio::test]
async fn how_long_events_wait_is_known_and_after_a_quarter_of_an_hour_nothing_leaves() {
    let mut world = World::new().await;
    world.record(2).await;
    world.settle().await;
    world.sealer().seal().await.unwrap();
    assert!(world.db.unsealed_for().await.unwrap().unwrap() < LATE);
    world.db.require_sealed(world.tenant).await.unwrap();
    // The sealer stands still, the clock does not.
    let now = world.db.env().now();
    world.reopen(Env::fixed(now + time::Duration::minutes(2))).await;
    assert!(world.db.unsealed_for().await.unwrap().unwrap() > LATE);
    world.reopen(Env::fixed(now + TOO_LATE * 2)).await;
    world.db.require_sealed(world.tenant).await.unwrap();
    world.record(1).await;
    world.reopen(Env::fixed(now + TOO_LATE * 2 + LATE)).await;
    world.db.require_sealed(world.tenant).await.unwrap();
    world.reopen(Env::fixed(now + TOO_LATE * 3 + LATE)).await;
    let refused = world.db.require_sealed(world.tenant).await.unwrap_err().to_string();
    assert!(refused.contains("salus audit seal"), "{refused}");
    assert!(world.db.raise_alert("sealing_late", "The audit log is not sealed").await.unwrap());
    assert!(!world.db.raise_alert("sealing_late", "The audit log is not sealed").await.unwrap(), "once a day");
    // A clock that went as time did is no step; one that was put back is.
    let now = world.db.env().now();
    assert!(!world.db.watch_clock(now, std::time::Duration::from_secs(1)).await.unwrap());
    assert!(world.db.watch_clock(now, std::time::Duration::from_mins(10)).await.unwrap());
}

#[tokio::test]
async fn a_clock_that_was_set_back_is_told_and_is_no_tampering() {
    let mut world = World::new().await;
    let start = Env::default().now();
    let at = |time| Env { clock: salus_core::Clock::fixed(time), ..Env::default() };
    world.reopen(at(start + time::Duration::hours(5))).await;
    world.record(3).await;
    world.settle().await;
    // The sealer's clock is right: what it seals says to be of five hours later.
    world.sealer().seal().await.unwrap();
    let wrong = world.verify().await;
    assert_eq!(wrong.problems.iter().map(|p| p.kind).collect::<Vec<_>>(), ["time"], "{:?}", wrong.problems);

    world.reopen(at(start)).await;
    assert!(world.db.watch_clock(start + time::Duration::hours(5), Duration::from_secs(1)).await.unwrap());
    world.settle().await;
    world.sealer().seal().await.unwrap();
    let told = world.verify().await;
    assert!(told.holds(), "{:?}", told.problems);
    assert!(told.notes.len() == 1 && told.notes[0].contains("clock was moved"), "{:?}", told.notes);
}

#[tokio::test]
async fn an_anchor_that_was_emptied_and_a_torn_receipt_are_told() {
    let world = World::new().await;
    world.record(3).await;
    world.settle().await;
    let mut sealer = world.sealer();
    sealer.seal().await.unwrap();
    sealer.anchor(&world.anchor()).await.unwrap();
    assert!(world.verify().await.holds());
    std::fs::remove_file(world.home.join("anchor/heads")).unwrap();
    let told = world.verify().await;
    assert_eq!(told.problems.iter().map(|p| p.kind).collect::<Vec<_>>(), ["anchor_empty"], "{:?}", told.problems);
    // What no text is, is one line that cannot be read, and the others count.
    let mut known = told.receipts.unwrap();
    let folder = world.home.join("receipts");
    std::fs::write(folder.join("receipts-torn"), b"A 1 \xff\xfe\n").unwrap();
    let told = world.verify().await;
    assert!(told.problems.iter().any(|p| p.kind == "receipt_unreadable"), "{:?}", told.problems);
    known = told.receipts.unwrap() - known;
    assert_eq!(known, 0);
}

#[tokio::test]
async fn when_everything_was_verified_is_kept() {
    let world = World::new().await;
    assert_eq!(world.db.last_verification("log").await.unwrap(), None);
    let began = world.db.env().now();
    world.db.note_verification("log", began, (10, 0), Some("00ff")).await.unwrap();
    world.db.note_verification("rows", began, (10, 1), None).await.unwrap();
    assert!(world.db.last_verification("log").await.unwrap().is_some_and(|at| at >= began));
    assert!(world.db.check_all_rows(None).await.unwrap().iter().all(|report| report.faults.is_empty()));
}
