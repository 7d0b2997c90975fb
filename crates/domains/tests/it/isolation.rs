//! The isolation proof holds on a good database, and finds each way of breaking it, naming the place.

use crate::world::{World, as_admin};
use salus_core::{Ctx, Error};
use salus_domains::prove::{self, Report};
use salus_store::{Method, Op, Reply, audit::Sealer, run};
use salus_testkit::TestDb;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};
use uuid::Uuid;

/// What the proof cannot reach because another rule answers first; rule T09 of the linter proves these. May only shrink.
const UNPROVEN: [&str; 2] = ["auth.refresh_tokens.replaced_by", "medical.patients.merged_into"];

#[tokio::test]
async fn the_proof_holds_and_leaves_nothing_behind() {
    let world = World::new().await;
    // Proofs of accesses are given out of a log that was sealed, so it holds an event.
    let tx = world.db.begin(Ctx::operator(world.db.env(), world.tenant), true).await.unwrap();
    tx.commit("test.note", "audit.activity_logs").await.unwrap();
    let mut sealer = Sealer::new(world.db.log().unwrap());
    while sealer.seal().await.unwrap().size == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let report = prove::isolation(&world.db, &world.ops).await.unwrap();
    for check in &report.checks {
        eprintln!("{:5} tried: {}", check.tried, check.name);
    }
    eprintln!("{} attempts in {} ms; kept {:?}", report.tried(), report.milliseconds, report.kept);
    assert_eq!(report.leaks().collect::<Vec<_>>(), Vec::<&str>::new());
    assert!(report.checks.iter().all(|c| c.tried > 0));
    let unproven: Vec<&String> = report.checks.iter().flat_map(|c| &c.unproven).collect();
    assert!(unproven.len() <= UNPROVEN.len(), "{unproven:#?}");
    assert!(unproven.iter().all(|u| UNPROVEN.iter().any(|known| u.starts_with(known))), "{unproven:#?}");

    let kept = left(&world).await;
    assert_eq!(kept, report.kept, "only what is append-only stays");
    let once = [
        "audit.activity_logs",
        "audit.event_subjects",
        "audit.tamper_alerts",
        "auth.login_history",
        "compliance.activity_reviews",
        "compliance.phi_disclosure_audit",
        "reports.document_access_log",
    ];
    assert_eq!(kept, once);
    let admin = world.database.connect("salus_admin").await;
    let open = "SELECT count(*) FROM kernel.tenants WHERE slug LIKE 'prove-%' AND state <> 'closed'";
    assert_eq!(admin.query_one(open, &[]).await.unwrap().get::<_, i64>(0), 0);
}

/// Tables that still hold rows of scratch tenants.
async fn left(world: &World) -> Vec<String> {
    let admin = world.database.connect("salus_admin").await;
    let mut left = Vec::new();
    for table in world.db.catalog().tables().filter(|t| !t.shared) {
        let sql = format!(
            "SELECT EXISTS (SELECT FROM {} r JOIN kernel.tenants t ON t.id = r.tenant_id WHERE t.slug LIKE 'prove-%')",
            table.name
        );
        if admin.query_one(&sql, &[]).await.unwrap().get(0) {
            left.push(table.name.clone());
        }
    }
    left
}

#[tokio::test]
async fn a_killed_proof_is_cleared_away_and_real_tenants_are_not() {
    let world = World::new().await;
    let killed = world.db.create_tenant("prove-a-0123abcd", true).await.unwrap();
    let real = world.db.create_tenant("prove-b-4567cdef", false).await.unwrap();
    let other = world.db.create_tenant("prove-us-wrong", true).await.unwrap();
    for tenant in [killed, real, other] {
        let mut tx = world.db.begin(Ctx::operator(world.db.env(), tenant), false).await.unwrap();
        let values = json!({"family_name": "Kept"}).as_object().cloned().unwrap();
        let id = world.db.env().id();
        tx.insert("medical.patients", &[salus_store::engine::NewRow { id, values }]).await.unwrap();
        tx.commit("test", "medical.patients").await.unwrap();
    }
    let (one, two) = tokio::join!(prove::isolation(&world.db, &world.ops), prove::isolation(&world.db, &world.ops));
    let (report, refused) = if one.is_ok() { (one, two) } else { (two, one) };
    assert!(matches!(refused, Err(Error::Conflict { code: "proof_running", .. })), "one at a time: {refused:?}");
    assert_eq!(report.unwrap().swept, 1);
    let admin = world.database.connect("salus_admin").await;
    let sql = "SELECT t.state::text, (SELECT count(*) FROM medical.patients p WHERE p.tenant_id = t.id), \
               (SELECT count(*) FROM kernel.keys k WHERE k.tenant_id = t.id) FROM kernel.tenants t WHERE t.id = $1";
    for (tenant, state, patients, keys) in [(killed, "closed", 0, 0), (real, "active", 1, 9), (other, "active", 1, 9)] {
        let row = admin.query_one(sql, &[&tenant]).await.unwrap();
        let told: (String, i64, i64) = (row.get(0), row.get(1), row.get(2));
        assert_eq!(told, (state.to_owned(), patients, keys));
    }
}

/// A way of breaking the wall, and how the proof must name it.
const HOLES: [(&str, &str); 12] = [
    (
        "ALTER TABLE medical.patients DISABLE ROW LEVEL SECURITY",
        "medical.patients: another tenant's row is found by id",
    ),
    ("DROP POLICY tenant_wall ON records.allergies", "records.allergies: another tenant's row is changed by tenant"),
    (
        "ALTER POLICY tenant_wall ON records.encounters USING (true) WITH CHECK (tenant_id = kernel.tenant())",
        "records.encounters: another tenant's row is found by id",
    ),
    (
        "ALTER POLICY tenant_wall ON kernel.settings WITH CHECK (true)",
        "kernel.settings: a row for another tenant is accepted",
    ),
    (
        "DROP POLICY whole_tenant ON auth.roles; \
         CREATE POLICY whole_tenant ON auth.roles USING (true)",
        "auth.roles: without a scope every table is empty",
    ),
    (
        "DROP POLICY sensitivity ON medical.patient_names; DROP POLICY own_person ON medical.patient_names; CREATE POLICY own_person ON medical.patient_names FOR SELECT \
         USING ((SELECT kernel.scope()) = 'own')",
        "medical.patient_names: who is linked to no person sees no person",
    ),
    ("GRANT UPDATE ON medical.providers TO salus_reader", "medical.providers: salus_reader may change it"),
    (
        "CREATE VIEW public.everyone AS SELECT * FROM records.documents; GRANT SELECT ON public.everyone TO salus_app",
        "public.everyone: 1 rows of another tenant",
    ),
    (
        "CREATE TABLE records.loose (tenant_id uuid, id uuid); GRANT SELECT ON records.loose TO salus_app",
        "T02 records.loose",
    ),
    (
        "ALTER TABLE medical.patient_addresses DROP CONSTRAINT patient_addresses_patient_fk",
        "patient_id may name another tenant's row of medical.patients",
    ),
    (
        "CREATE FUNCTION kernel.peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER RETURN (SELECT count(*) FROM records.lab_results)",
        "T13 kernel.peek()",
    ),
    ("ALTER TABLE records.vital_signs NO FORCE ROW LEVEL SECURITY", "T03 records.vital_signs"),
];

/// Breaks one thing after another on different tables, and each must be named with what is wrong there.
#[tokio::test]
async fn each_hole_in_the_wall_is_found() {
    let world = World::new().await;
    for (sql, _) in HOLES {
        world.admin(sql).await;
    }
    let report = prove::isolation(&world.db, &world.ops).await.unwrap();
    assert!(!report.holds());
    for (sql, named) in HOLES {
        // The catalogue was read before a constraint was dropped, so the proof still knows of the reference.
        assert!(
            report.leaks().any(|l| l.contains(named)),
            "{sql}\nis not found as {named}:\n{:#?}",
            report.leaks().collect::<Vec<_>>()
        );
    }
    let by_door = |op: &str| report.leaks().any(|l| l.starts_with(op));
    assert!(by_door("medical.patient.list") && by_door("medical.patient.get"), "the door leads through the hole");
    assert!(!report.leaks().any(|l| l.starts_with("records.immunizations")), "what is whole is not accused");
}

/// A role that row-level security stopped binding after the server had looked.
#[tokio::test]
async fn a_role_that_bypasses_row_level_security_is_found() {
    let database = TestDb::new().await;
    let role = format!("bypass_{}", database.name());
    let sql = format!(
        "CREATE ROLE {role} NOLOGIN; GRANT {role} TO salus_app; \
         DO $$ DECLARE s text; BEGIN \
           FOR s IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP \
             EXECUTE format('GRANT USAGE ON SCHEMA %I TO {role}', s); \
             EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO {role}', s); \
             EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO {role}', s); \
           END LOOP; END $$"
    );
    as_admin(&database, &sql).await;
    let mut config = database.config("salus_app");
    config.options(format!("-c role={role}"));
    let world = World::on(database, config).await;
    world.admin(&format!("ALTER ROLE {role} BYPASSRLS")).await;
    let report = prove::isolation(&world.db, &world.ops).await;
    world.admin(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
    let report = report.unwrap();
    for table in ["medical.patients", "records.lab_results", "kernel.keys", "auth.users", "audit.activity_logs"] {
        let named = format!("{table}: another tenant's row is found by id");
        assert!(report.leaks().any(|l| l.starts_with(&named)), "{table}");
    }
}

type Seen = Arc<Mutex<HashMap<Uuid, Value>>>;

/// Operations as someone might write them: one remembers rows whoever asks, one takes any field of a body, one tells
/// a row of another tenant from one that never was.
fn leaky() -> Vec<Arc<Op>> {
    let op = |method, path: &str, verb: &str| Op {
        method,
        path: path.into(),
        name: format!("medical.leaky.{verb}"),
        permission: "medical.patient.read",
        summary: String::new(),
        target: "medical.patients",
        params: Vec::new(),
        input: None,
        output: json!({}),
        run: run(|_, _| Box::pin(async { Err(Error::NotFound) })),
    };
    let seen = Seen::default();
    let (cache, known) = (seen.clone(), seen);
    let cached = run(move |tx, call| {
        let cache = cache.clone();
        Box::pin(async move {
            let id = call.id()?;
            let held = cache.lock().unwrap().get(&id).cloned();
            if let Some(value) = held {
                return Ok(Reply::json(value));
            }
            let value = json!(tx.get("medical.patients", id, &[]).await?);
            cache.lock().unwrap().insert(id, value.clone());
            Ok(Reply::json(value))
        })
    });
    let telling = run(move |_, call| {
        let there = call.id().is_ok_and(|id| known.lock().unwrap().contains_key(&id));
        Box::pin(async move { Err(if there { Error::Stale } else { Error::NotFound }) })
    });
    let trusting = run(|tx, call| {
        let kept = json!({"id": tx.ctx.env.id(), "given": call.body});
        Box::pin(async move { Ok(Reply::json(kept)) })
    });
    vec![
        Arc::new(Op { run: cached, ..op(Method::Get, "/api/v1/leaky/{id}", "cached") }),
        Arc::new(Op { run: telling, ..op(Method::Get, "/api/v1/leaky/{id}/tells", "tells") }),
        Arc::new(Op { run: trusting, input: Some(json!({})), ..op(Method::Post, "/api/v1/leaky", "trusting") }),
    ]
}

#[tokio::test]
async fn a_leak_above_the_database_is_found() {
    let world = World::new().await;
    let report: Report = prove::isolation(&world.db, &leaky()).await.unwrap();
    for named in [
        "medical.leaky.cached: a foreign id is answered with a reply",
        "medical.leaky.tells: a foreign id is answered stale",
        "medical.leaky.trusting: takes tenant_id from the body",
    ] {
        assert!(report.leaks().any(|l| l.starts_with(named)), "{named}: {:#?}", report.leaks().collect::<Vec<_>>());
    }
}
