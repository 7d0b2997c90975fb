//! Bundles: what a receiver can check without the database, and what is refused.

use super::World;
use salus_store::audit::{
    Anchor as _,
    bundle::{Checked, Selection, check, export},
    merkle::VerifyingKey,
};
use time::{Duration, OffsetDateTime};

fn all(world: &World) -> Selection {
    let now = world.db.env().now();
    Selection { tenant: world.tenant, subject: None, from: OffsetDateTime::UNIX_EPOCH, to: now + Duration::days(1) }
}

fn read(bundle: &str, key: Option<&VerifyingKey>, heads: &[String]) -> Checked {
    check(&mut bundle.as_bytes(), key, heads).unwrap()
}

#[tokio::test]
async fn is_checked_without_a_database_and_every_change_is_refused() {
    let world = World::new().await;
    let (mut sealer, anchor) = (world.sealer(), world.anchor());
    world.record(300).await;
    world.settle().await;
    sealer.seal().await.unwrap();
    sealer.anchor(&anchor).await.unwrap();
    world.record(40).await;
    world.settle().await;
    sealer.seal().await.unwrap();
    let mut bytes = Vec::new();
    let written = export(&world.log(), &all(&world), &[&anchor], &mut bytes).await.unwrap();
    assert_eq!(written, 340);
    let bundle = String::from_utf8(bytes).unwrap();
    let key = VerifyingKey::parse(&world.verify().await.key.unwrap()).unwrap();
    let heads = [anchor.newest().unwrap().unwrap()];

    let held = read(&bundle, Some(&key), &heads);
    assert_eq!((held.problems.as_slice(), held.events, held.earlier, held.size), (&[][..], 340, 1, 340));
    assert!(held.key_given && !read(&bundle, None, &[]).key_given);

    // One changed event, one left out, one twice, a cut, another log's key, another log's head.
    let changed = bundle.replacen("\"outcome\\\":\\\"success\\\"", "\"outcome\\\":\\\"refused\\\"", 1);
    assert_ne!(changed, bundle);
    assert!(read(&changed, Some(&key), &heads).problems[0].starts_with("line 2: the event of leaf 0"));
    let mut lines: Vec<&str> = bundle.lines().collect();
    let taken = lines.remove(5);
    assert_eq!(read(&lines.join("\n"), Some(&key), &heads).problems.len(), 1);
    lines.insert(5, taken);
    lines.insert(5, taken);
    assert_eq!(read(&lines.join("\n"), Some(&key), &heads).problems.len(), 1);
    assert_eq!(read(&lines[..200].join("\n"), Some(&key), &heads).problems, ["it is cut: the end is missing"]);
    let other = World::new().await;
    other.record(1).await;
    other.settle().await;
    let foreign = other.sealer().seal().await.unwrap().note.unwrap();
    let other_key = VerifyingKey::parse(&other.verify().await.key.unwrap()).unwrap();
    assert_eq!(read(&bundle, Some(&other_key), &[]).problems.len(), 1);
    assert_eq!(read(&bundle, Some(&key), &[foreign]).problems.len(), 1);
    let unproved = bundle.replacen("\"earlier\":[{", "\"earlier\":[],\"x\":[{", 1);
    assert_eq!(read(&unproved, Some(&key), &heads).problems.len(), 1);
    for nonsense in ["", "{}", "\u{0}", "[1]\n[2]"] {
        assert!(!read(nonsense, None, &[]).problems.is_empty());
    }
}

#[tokio::test]
async fn shows_the_events_of_one_tenant() {
    let world = World::new().await;
    world.record(3).await;
    let other = world.db.create_tenant("austa", false).await.unwrap();
    for _ in 0..2 {
        let tx = world.db.begin(salus_core::Ctx::operator(world.db.env(), other), true).await.unwrap();
        tx.commit("test.note", "audit.activity_logs").await.unwrap();
    }
    world.settle().await;
    world.sealer().seal().await.unwrap();
    let mut bytes = Vec::new();
    let selection = Selection { tenant: other, ..all(&world) };
    assert_eq!(export(&world.log(), &selection, &[], &mut bytes).await.unwrap(), 2);
    let bundle = String::from_utf8(bytes).unwrap();
    assert!(read(&bundle, None, &[]).problems.is_empty() && !bundle.contains(&world.tenant.to_string()));
}

#[tokio::test]
async fn holds_events_of_all_epochs_and_no_forged_one() {
    let (world, _) = super::epochs::rolled_back().await;
    let held_since = world.anchor().kept().unwrap();
    world.new_epoch().await.unwrap();
    world.record(30).await;
    world.settle().await;
    world.sealer().seal().await.unwrap();
    let mut bytes = Vec::new();
    let written = export(&world.log(), &all(&world), &[&world.anchor()], &mut bytes).await.unwrap();
    assert_eq!(written, 20 + 30);
    let bundle = String::from_utf8(bytes).unwrap();
    let key = VerifyingKey::parse(&world.verify().await.key.unwrap()).unwrap();
    let newest = world.anchor().newest().unwrap().unwrap();
    let held = read(&bundle, Some(&key), &[newest, held_since[3].clone(), held_since[1].clone()]);
    assert_eq!(held.problems, Vec::<String>::new());
    assert_eq!((held.events, held.earlier, held.declared, held.epochs.len()), (50, 2, 1, 1));
    assert_eq!(held.epochs[0].lost.events, 25);
    // The statement changed, left out, or the earlier epoch left out.
    for (from, to) in [
        ("restored after a disk failed", "nothing of note happened here"),
        ("\\\"agreed\\\":20", "\\\"agreed\\\":10"),
        ("\"first\":{", "\"first\":null,\"x\":{"),
        ("\"epoch\":1,\"checkpoint\"", "\"epoch\":3,\"checkpoint\""),
    ] {
        let forged = bundle.replacen(from, to, 1);
        assert_ne!(forged, bundle, "{from}");
        let problems = read(&forged, Some(&key), &[]).problems;
        assert!(problems[0].starts_with("line 1:"), "{from}: {problems:?}");
    }
    let moved = bundle.replacen("{\"epoch\":2,\"leaf\":1,", "{\"epoch\":1,\"leaf\":1,", 1);
    assert_ne!(moved, bundle);
    assert_eq!(read(&moved, Some(&key), &[]).problems.len(), 1);
}
