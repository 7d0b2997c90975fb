//! The roles that tenants start with, as reviewed files: which operations each may call, and which fields of a patient
//! each is answered for which purpose.

use salus_core::{Channel, Ctx, Grant, Masks, Permissions, Purpose, Scope};
use salus_domains::auth::{StartRole, library};
use salus_store::{
    Act, Catalog, Op,
    catalog::Table,
    decide::{Decision, decide},
};
use salus_testkit::snapshot::assert_accepted;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::Path,
    sync::Arc,
};

use crate::world::World;

fn grant(role: &StartRole) -> Grant {
    let bundles = &library().unwrap().bundles;
    let patterns = role.bundles.iter().flat_map(|name| {
        let bundle = bundles.iter().find(|b| b.name == *name);
        bundle.unwrap_or_else(|| panic!("{}: no bundle {name}", role.name)).patterns.iter().cloned()
    });
    let mask = |m: &salus_domains::auth::StartMask| {
        let purpose = m.purpose.as_deref().map(|p| Purpose::from_code(p).unwrap());
        (purpose, Masks::from([(m.table.clone(), m.columns.iter().cloned().collect())]))
    };
    Grant {
        role: role.name.clone(),
        permissions: Permissions::new(patterns),
        scope: Scope::from_name(&role.scope).unwrap_or_else(|| panic!("{}: {}", role.name, role.scope)),
        purposes: role.purposes.iter().map(|p| Purpose::from_code(p).unwrap_or_else(|| panic!("{p}"))).collect(),
        masks: role.masks.iter().map(mask).collect(),
    }
}

pub fn holder(world: &World, role: &StartRole, purpose: Purpose) -> Ctx {
    let ctx = Ctx { grants: Arc::from([grant(role)]), channel: Channel::Api, ..world.operator() };
    ctx.for_purpose(purpose)
}

fn decided(ctx: &Ctx, op: &Op) -> Decision {
    let act = Act { name: op.name.clone(), target: op.target, permission: op.permission, read_only: true, row: None };
    decide(ctx, &act, None)
}

pub fn file(name: &str) -> std::path::PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it")).join(name)
}

pub fn purposes(role: &StartRole) -> Vec<Purpose> {
    let named: Vec<Purpose> = role.purposes.iter().map(|p| Purpose::from_code(p).unwrap()).collect();
    if named.is_empty() { vec![Purpose::Operations] } else { named }
}

#[tokio::test]
async fn which_role_may_call_what_is_as_reviewed() {
    let world = World::new().await;
    let mut text = String::from(
        "# Which operations each role of the library may call (crates/domains/src/auth/roles.json).\n\
         # Reviewed: a change here changes who sees what.\n",
    );
    let mut used = BTreeSet::new();
    for (set, roles) in &library().unwrap().sets {
        for role in roles {
            let codes = if role.purposes.is_empty() { "any".into() } else { role.purposes.join(" ") };
            let _ = writeln!(text, "\n{set} {} ({}; {codes})", role.name, role.scope);
            let mut verbs: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            let purpose = purposes(role)[0];
            let ctx = holder(&world, role, purpose);
            for op in world.ops.iter().filter(|op| decided(&ctx, op).permit) {
                used.insert(op.permission);
                let (noun, verb) = op.name.rsplit_once('.').unwrap();
                verbs.entry(noun).or_default().push(verb);
            }
            for (noun, verbs) in verbs {
                let _ = writeln!(text, "  {noun}: {}", verbs.join(" "));
            }
            for purpose in Purpose::ALL.into_iter().filter(|p| !role.purposes.is_empty() && !purposes(role).contains(p))
            {
                let ctx = holder(&world, role, purpose);
                assert!(world.ops.iter().all(|op| !decided(&ctx, op).permit), "{} for {purpose:?}", role.name);
            }
        }
    }
    for bundle in &library().unwrap().bundles {
        for pattern in &bundle.patterns {
            let granted = Permissions::new([pattern.clone()]);
            let real = world.ops.iter().any(|op| granted.allow(op.permission)) || granted.allow("kernel.phi.read");
            assert!(real, "{}: {pattern} is the permission of no operation", bundle.name);
        }
    }
    assert_accepted(&file("role-library.txt"), &text);
}

/// What a role is answered of a table for a purpose: fields that are neither masked nor sealed to it.
pub fn answered(decision: &Decision, table: &Table) -> Vec<String> {
    let masks = decision.masks.as_ref().and_then(|m| m.get(&table.name));
    let open = |name: &str| {
        let column = table.column(name).unwrap();
        !column.is_sealed() || table.to_open(column).iter().all(|p| decision.permissions.allow(p))
    };
    let named = table.readable().map(|c| c.name.clone());
    named.filter(|name| !masks.is_some_and(|m| m.contains(name)) && open(name)).collect()
}

#[tokio::test]
async fn which_fields_each_role_is_answered_is_as_reviewed() {
    let world = World::new().await;
    let catalog: &Catalog = world.db.catalog();
    let mut text = String::from(
        "# Fields about a person that each role of the library is answered, by purpose (45 CFR 164.514(d)).\n\
         # Reviewed: a field more here is a disclosure more.\n",
    );
    for (set, roles) in &library().unwrap().sets {
        for role in roles {
            for purpose in purposes(role) {
                let ctx = holder(&world, role, purpose);
                let _ = writeln!(text, "\n{set} {} {}", role.name, purpose.code());
                for op in world.ops.iter().filter(|op| op.name.rsplit('.').next() == Some("get")) {
                    let table = catalog.table(op.target).unwrap();
                    let decision = decided(&ctx, op);
                    if !decision.permit || table.subject.is_none() {
                        continue;
                    }
                    let fields = answered(&decision, table);
                    let _ = writeln!(text, "  {}: {}", op.target, fields.join(" "));
                }
            }
        }
        for mask in roles.iter().flat_map(|r| &r.masks) {
            let table = catalog.table(&mask.table).unwrap();
            for column in &mask.columns {
                assert!(table.column(column).is_some(), "{} has no {column}", mask.table);
            }
        }
    }
    assert_accepted(&file("minimum-necessary.txt"), &text);
}
