//! What each role of the library is answered for each of its purposes, from the replies themselves (A45): every operation
//! is run as every role that may call it on a tenant with a row in every table. No reply may hold a value of a column
//! that the role is not answered; which fields replies hold is a reviewed file.

use crate::{
    coverage::{make_room, mend, own_body, prepare},
    plausible::Plausible,
    role_library::{answered, file, holder, purposes},
    world::World,
};
use futures_util::{StreamExt as _, stream};
use salus_core::{Ctx, Purpose, Result, Scope};
use salus_domains::{auth::library, resources};
use salus_store::{
    Act, Body, Call, Method, Op, Record, Reply,
    catalog::{HEADER, Kind},
    decide::{Decision, decide},
    seal::Format,
};
use salus_testkit::snapshot::assert_accepted;
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::Arc,
};
use uuid::Uuid;

/// Begins a value of a column that no other has.
const TOLD: &str = "told";

/// What comes behind it, and which column that is.
type Telling = BTreeMap<String, (String, String)>;

/// A role for one of its purposes, with what is decided for each permission.
struct Holder {
    name: String,
    purpose: Purpose,
    ctx: Ctx,
    decisions: BTreeMap<&'static str, Decision>,
}

/// Gives columns of one table a value of their own, as far as its checks take one.
async fn tell_apart(world: &World, table: &str, row: Uuid, telling: &mut Telling) {
    let described = world.db.catalog().table(table).unwrap();
    let columns = described.readable().filter(|c| {
        !HEADER.contains(&c.name.as_str())
            && !described.references.contains_key(&c.name)
            && c.labels.is_empty()
            && matches!(c.kind, Kind::Text | Kind::Json | Kind::Sealed(Format::Text | Format::Json))
    });
    for column in columns {
        let own = letters(telling.len());
        let said = format!("{TOLD}{own}x");
        let value = match column.kind {
            Kind::Json | Kind::Sealed(Format::Json) => json!([said]),
            _ => json!(said),
        };
        let mut tx = world.db.begin(world.operator(), false).await.unwrap();
        let values = Map::from_iter([(column.name.clone(), value)]);
        if tx.update(table, row, None, values).await.is_ok() {
            tx.commit("test.tell", "medical.patients").await.unwrap();
            telling.insert(own, (table.to_owned(), column.name.clone()));
        }
    }
}

fn letters(n: usize) -> String {
    n.to_string().bytes().map(|b| char::from(b - b'0' + b'a')).collect()
}

/// Every role of the library for each purpose, reaching the whole tenant: which rows a role reaches is proven elsewhere.
fn holders(world: &World, person: Uuid) -> Vec<Holder> {
    let mut all = Vec::new();
    for role in library().unwrap().sets.values().flatten() {
        for purpose in purposes(role) {
            let mut ctx = holder(world, role, purpose);
            let mut grants = ctx.grants.to_vec();
            grants[0].scope = Scope::Tenant;
            ctx.grants = Arc::from(grants);
            ctx.actor.id = person;
            ctx.actor.kind = salus_core::ActorKind::User;
            let ctx = ctx.for_purpose(purpose);
            let asked = world.ops.iter().map(|op| op.permission).chain(resources().into_iter().map(|r| r.read));
            let asked: BTreeSet<&'static str> = asked.collect();
            let decisions = asked.into_iter().map(|permission| (permission, decided(&ctx, permission))).collect();
            all.push(Holder { name: role.name.clone(), purpose, ctx, decisions });
        }
    }
    all
}

fn decided(ctx: &Ctx, permission: &'static str) -> Decision {
    let act = Act { name: String::new(), target: "medical.patients", permission, read_only: false, row: None };
    decide(ctx, &act, None)
}

/// Runs an operation as `dispatch` would and leaves nothing behind.
async fn tried(world: &World, holder: &Holder, op: &Op, call: Call) -> Result<Reply> {
    let ctx = holder.decisions[op.permission].applied_to(holder.ctx.clone());
    let mut tx = world.db.begin(ctx, op.method == Method::Get).await?;
    let reply = (op.run)(&mut tx, call).await;
    tx.undo().await;
    reply
}

/// The paths at which a reply says something.
fn leaves(at: &str, value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Null => {}
        Value::String(text) if text.is_empty() => {}
        Value::Array(items) => items.iter().for_each(|item| leaves(&format!("{at}[]"), item, into)),
        Value::Object(members) => {
            for (name, value) in members {
                let known = if name.parse::<Uuid>().is_ok() { "*" } else { name };
                let dot = if at.is_empty() { "" } else { "." };
                leaves(&format!("{at}{dot}{known}"), value, into);
            }
        }
        _ => _ = into.insert(at.to_owned()),
    }
}

fn rows(reply: &Reply) -> Vec<&Record> {
    match &reply.body {
        Body::Row(row) => vec![row],
        Body::Page(page) => page.rows.iter().collect(),
        Body::Json(_) | Body::Empty => Vec::new(),
    }
}

/// Rows that a caller is answered of themself, and what is shown once to who made it, whatever they may read of others.
const OWN: &[&str] = &["alerts.subscription.keep", "exchange.webhook_subscription.create"];

/// Fields of a reply beyond what the role is answered.
fn beyond(world: &World, holder: &Holder, op: &Op, reply: &Reply, telling: &Telling) -> BTreeSet<String> {
    let catalog = world.db.catalog();
    let here = &holder.decisions[op.permission];
    let mut found = BTreeSet::new();
    for row in rows(reply).into_iter().filter(|_| !OWN.contains(&op.name.as_str())) {
        let read = resources().into_iter().find(|r| r.table == &*row.table).map_or(op.permission, |r| r.read);
        let decision = if op.method == Method::Get { here } else { &holder.decisions[read] };
        let table = catalog.table(&row.table).unwrap();
        let fields = if decision.permit { answered(decision, table) } else { Vec::new() };
        let known = |name: &str| matches!(name, "id" | "row_version" | "created_at" | "updated_at");
        let said = row.names.iter().zip(&row.values).filter(|(_, v)| !v.is_null()).map(|(name, _)| name);
        found.extend(said.filter(|n| !known(n) && !fields.contains(n)).map(|n| format!("{}.{n}", row.table)));
    }
    let text = serde_json::to_string(&reply.body).unwrap();
    let said = text.split(TOLD).skip(1).filter_map(|rest| telling.get(rest.split('x').next()?));
    for (table, column) in said {
        if !answered(here, catalog.table(table).unwrap()).contains(column) {
            found.insert(format!("{table}.{column} by its value"));
        }
    }
    for (table, columns) in here.masks.iter().flat_map(|m| m.iter()) {
        // Another table's column of the same name would be taken for it.
        let alone = |column: &str| catalog.tables().filter(|t| t.column(column).is_some()).count() == 1;
        let said = columns.iter().filter(|c| text.contains(&format!("\"{c}\":")) && alone(c));
        let mut paths = BTreeSet::new();
        leaves("", &serde_json::to_value(&reply.body).unwrap(), &mut paths);
        let said = said.filter(|c| paths.iter().any(|p| p.rsplit('.').next() == Some(c)));
        found.extend(said.map(|column| format!("{table}.{column} by its name")));
    }
    found
}

/// Replies to one operation: at which paths they say something, and who is answered so.
type Groups = BTreeMap<BTreeSet<String>, Vec<(String, Purpose)>>;

/// What was found out by running operations.
#[derive(Default)]
struct Found {
    /// Fields beyond what a role is answered.
    beyond: BTreeSet<String>,
    /// The reviewed text.
    text: String,
}

impl Found {
    /// Runs an operation as every role that may call it; false when it answers none.
    async fn look(&mut self, world: &World, all: &[Holder], telling: &Telling, (op, call): (&Op, &Call)) -> bool {
        let mut may: Vec<&Holder> = all.iter().filter(|h| h.decisions[op.permission].permit).collect();
        if op.method != Method::Get {
            may.dedup_by(|a, b| a.name == b.name);
        }
        let runs = may.iter().map(|h| async move { (*h, tried(world, h, op, call.clone()).await) });
        // What is written is undone one by one, so that none waits for a row of another.
        let at_once = if op.method == Method::Get { 4 } else { 1 };
        let replies: Vec<_> = stream::iter(runs).buffered(at_once).collect().await;
        let mut groups = Groups::new();
        for (holder, reply) in replies {
            let Ok(reply) = reply else { continue };
            let who = format!("{}: {} {}", op.name, holder.name, holder.purpose.code());
            self.beyond
                .extend(beyond(world, holder, op, &reply, telling).iter().map(|field| format!("{who}: {field}")));
            let mut paths = BTreeSet::new();
            leaves("", &serde_json::to_value(&reply.body).unwrap(), &mut paths);
            if matches!(reply.body, Body::Json(_)) {
                groups.entry(paths).or_default().push((holder.name.clone(), holder.purpose));
            } else {
                groups.entry(BTreeSet::new()).or_default();
            }
        }
        let answered = !groups.is_empty() || may.is_empty();
        groups.remove(&BTreeSet::new());
        self.text.push_str(&told(op, &groups));
        answered
    }
}

/// One operation in the reviewed file: the fields of its fullest reply, and what others lack of them.
fn told(op: &Op, groups: &Groups) -> String {
    let mut text = String::new();
    let mut by_size: Vec<_> = groups.iter().collect();
    by_size.sort_by_key(|(paths, _)| std::cmp::Reverse(paths.len()));
    let Some(&(most, _)) = by_size.first() else { return text };
    let _ = writeln!(text, "\n{}\n  {}", op.name, most.iter().cloned().collect::<Vec<_>>().join(" "));
    for (paths, who) in by_size {
        let mut roles: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (role, purpose) in who {
            roles.entry(role).or_default().push(purpose.code());
        }
        let who: Vec<String> =
            roles.iter().map(|(role, purposes)| format!("{role} ({})", purposes.join(" "))).collect();
        let lacks: Vec<&str> = most.difference(paths).map(String::as_str).collect();
        let more: Vec<&str> = paths.difference(most).map(String::as_str).collect();
        let mut line = who.join(", ");
        for (word, paths) in [("without", lacks), ("with", more)] {
            if !paths.is_empty() {
                let _ = write!(line, "; {word} {}", paths.join(" "));
            }
        }
        let _ = writeln!(text, "  - {line}");
    }
    text
}

/// Operations that no role is answered here: one needs a ledger of erasures. May only shrink.
const SILENT: [&str; 1] = ["compliance.erasure_request.confirm"];

#[tokio::test]
async fn replies_hold_no_field_beyond_what_a_role_is_answered() {
    let world = World::new().await;
    let plausible = Plausible::plant(&world, world.tenant, "north_canary").await;
    let admin = world.database.connect("salus_admin").await;
    // What was planted for today, by UTC, is of the school's day at every hour.
    admin.batch_execute("UPDATE school.schools SET timezone = 'UTC'").await.unwrap();
    let mut telling = Telling::new();
    for resource in resources() {
        let table = world.db.catalog().table(resource.table).unwrap();
        if table.subject.is_some() && !table.append_only {
            tell_apart(&world, resource.table, plausible.row(resource.table), &mut telling).await;
        }
    }
    assert!(telling.len() > 300, "{} columns have a value of their own", telling.len());
    // Somebody has planted rows of their own and broke a glass; what they may not decide about themself another does.
    let persons = holders(&world, plausible.row("auth.users"));
    let mut tx = world.db.begin(world.operator(), false).await.unwrap();
    let other = salus_domains::auth::create_service(&mut tx, "Other", &[]).await.unwrap();
    tx.commit("auth.user.create_service", "auth.users").await.unwrap();
    let others = holders(&world, other);
    let (mut found, mut silent) = (Found::default(), Vec::new());
    // What takes away the row or key that others need comes last.
    let late = |op: &Op| u8::from(op.name.ends_with(".create")) + 2 * u8::from(op.target == "kernel.keys");
    let mut ops: Vec<_> = world.ops.iter().collect();
    ops.sort_by_key(|op| (op.method != Method::Get, late(op)));
    for op in ops {
        let reads = op.method == Method::Get;
        let mut call = plausible.call(&world, op, "north_canary_said").await;
        if !reads {
            mend(&admin).await;
            let spare = prepare(&world, &admin, plausible.row("kernel.approvals"), op).await;
            if op.name.ends_with(".create") {
                make_room(&admin, op.target).await;
            }
            call = plausible.call(&world, op, "north_canary_said").await;
            call.body = own_body(op, spare, &plausible).unwrap_or(call.body);
        }
        // Whoever comes says the number that they have by now.
        if let Some(badge) = call.body.get_mut("badge") {
            let number = telling.iter().find(|(_, (_, column))| column == "student_number").unwrap();
            *badge = json!(format!("{TOLD}{}x", number.0));
        }
        // A label is a matter of its own.
        if let Some(body) = call.body.as_object_mut().filter(|_| op.name.starts_with("records.")) {
            body.remove("sensitivity");
        }
        let answered = found.look(&world, &persons, &telling, (op, &call)).await
            || found.look(&world, &others, &telling, (op, &call)).await;
        if !answered {
            silent.push(op.name.as_str());
        }
    }
    assert!(found.beyond.is_empty(), "{}", found.beyond.into_iter().collect::<Vec<_>>().join("\n"));
    assert_eq!(silent, SILENT);
    let head = "# Which fields replies hold that answer more than rows of one table, by role and purpose, on a tenant with a row in\n\
                # every table. Rows of one table: minimum-necessary.txt. Reviewed: a field more here is a disclosure more.\n";
    assert_accepted(&file("minimum-necessary-replies.txt"), &format!("{head}{}", found.text));
}
