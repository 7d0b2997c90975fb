//! What takes two persons: one alone gets nowhere, whoever it is; two do it once.

use crate::world::{World, at};
use salus_core::{ActorKind, Ctx, Error, Result};
use salus_store::{Body, Call, erase::Ledger};
use serde_json::{Value, json};
use std::path::PathBuf;
use uuid::Uuid;

/// A world with a ledger of erasures.
struct Place {
    world: World,
    ledger: PathBuf,
}

impl Place {
    async fn new() -> Self {
        let world = World::new().await;
        let ledger = std::env::temp_dir().join(format!("salus-two-{}", world.database.name())).join("erasures");
        world.db.keep_erasures(Ledger::new(ledger.clone()));
        Self { world, ledger }
    }

    async fn told(&self, ctx: &Ctx, op: &str, call: Call) -> Result<Value> {
        let reply = self.world.call_as(ctx.clone(), op, call).await?;
        let Body::Json(value) = reply.body else { panic!("{op} answers no object") };
        Ok(value)
    }

    async fn post(&self, ctx: &Ctx, op: &str, id: &str, body: Value) -> Result<Value> {
        self.told(ctx, op, Call { body, ..at(id) }).await
    }

    async fn patient(&self, name: &str) -> Uuid {
        let body = json!({"family_name": name, "given_names": "Ana", "mrn": format!("MRN-{name}")});
        self.world.create("medical.patient.create", body).await.id().unwrap()
    }

    async fn name(&self, id: Uuid) -> Value {
        let reply = self.world.call("medical.patient.get", at(&id.to_string())).await.unwrap();
        let Body::Row(row) = reply.body else { panic!("no row") };
        row.get("family_name").cloned().unwrap()
    }

    async fn one(&self, sql: &str) -> i64 {
        let admin = self.world.database.connect("salus_admin").await;
        admin.query_one(sql, &[]).await.unwrap().get(0)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        std::fs::remove_dir_all(self.ledger.parent().unwrap()).ok();
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn code<T: std::fmt::Debug>(told: Result<T>) -> &'static str {
    told.expect_err("is refused").code()
}

#[tokio::test]
async fn a_person_is_erased_by_two_others_and_the_certificate_says_when_it_is_complete() {
    let place = Place::new().await;
    let (gone, stays) = (place.patient("Gone").await, place.patient("Stays").await);
    let (one, two) = (place.world.somebody(), place.world.somebody());
    let mut program = place.world.somebody();
    program.actor.kind = ActorKind::Service;
    let (create, confirm) = ("compliance.erasure_request.ask", "compliance.erasure_request.confirm");
    let body = json!({"person_id": gone, "reason": "subject_request", "note": "Letter of 3 May"});
    let asked = place.post(&one, create, "", body.clone()).await.unwrap();
    let id = text(&asked["id"]);
    assert_eq!(code(place.post(&two, create, "", body).await), "duplicate", "it waits already");
    let yes = json!({"confirm": gone});
    assert_eq!(code(place.post(&one, confirm, &id, yes.clone()).await), "two_person_required", "the same person");
    assert_eq!(code(place.post(&program, confirm, &id, yes.clone()).await), "two_person_required", "a program");
    assert_eq!(code(place.post(&two, confirm, &id, json!({"confirm": stays})).await), "validation_failed");
    assert_eq!(place.name(gone).await, "Gone", "nothing was done");
    let listed = place.told(&two, "compliance.erasure_request.list", Call::default()).await.unwrap();
    assert_eq!((&listed["data"][0]["note"], &listed["data"][0]["own"]), (&json!("Letter of 3 May"), &json!(false)));
    let done = place.post(&two, confirm, &id, yes.clone()).await.unwrap();
    assert_eq!(done["state"], "done");
    assert_eq!((place.name(gone).await, place.name(stays).await), (Value::Null, json!("Stays")));
    assert!(std::fs::read_to_string(&place.ledger).unwrap().contains(&gone.to_string()), "a restore repeats it");
    assert_eq!(code(place.post(&place.world.somebody(), confirm, &id, yes).await), "decided", "once");
    assert_eq!(code(place.post(&two, create, "", json!({"person_id": gone, "reason": "legal_order"})).await), "erased");
    let listed = place.told(&two, "compliance.erasure_request.list", Call::default()).await.unwrap();
    assert_eq!(listed["data"][0]["note"], Value::Null, "what was written about the person is gone with their key");

    let erasure = text(&listed["data"][0]["erasure"]);
    let certificate = async || place.told(&one, "compliance.erasure_request.certificate", at(&erasure)).await.unwrap();
    let first = certificate().await;
    assert_eq!((&first["state"], &first["complete_on"]), (&json!("backups_unknown"), &Value::Null));
    assert_eq!((&first["asked_by"]["kind"], &first["confirmed_by"]["kind"]), (&json!("user"), &json!("user")));
    // A backup from before is known, and then gone.
    let before = "INSERT INTO kernel.backups (id, began_at, folder, noted_at) VALUES (gen_random_uuid(), now() - interval '1 day', '/x', now()); \
                  UPDATE kernel.installation SET backups_noted_at = now()";
    place.world.admin(before).await;
    let left = certificate().await;
    assert_eq!((&left["state"], &left["backups_left"]), (&json!("backups_left"), &json!(1)));
    place.world.admin("UPDATE kernel.backups SET gone_at = '2100-01-02T03:04:05Z'").await;
    let complete = certificate().await;
    assert_eq!((&complete["state"], &complete["complete_on"]), (&json!("complete"), &json!("2100-01-02T03:04:05Z")));
}

#[tokio::test]
async fn what_is_refused_withdrawn_or_too_old_erases_nobody() {
    let place = Place::new().await;
    let person = place.patient("Stays").await;
    let (one, two) = (place.world.somebody(), place.world.somebody());
    let ask = async |ctx: &Ctx| {
        let body = json!({"person_id": person, "reason": "legal_order"});
        text(&place.post(ctx, "compliance.erasure_request.ask", "", body).await.unwrap()["id"])
    };
    let confirm = async |ctx: &Ctx, id: &str| {
        place.post(ctx, "compliance.erasure_request.confirm", id, json!({"confirm": person})).await
    };
    let decline = async |ctx: &Ctx, id: &str| {
        text(&place.post(ctx, "compliance.erasure_request.decline", id, Value::Null).await.unwrap()["state"])
    };
    let id = ask(&one).await;
    assert_eq!(decline(&one, &id).await, "withdrawn");
    assert_eq!(code(confirm(&two, &id).await), "decided");
    let id = ask(&one).await;
    assert_eq!(decline(&two, &id).await, "refused");
    assert_eq!(code(confirm(&two, &id).await), "decided");
    let id = ask(&one).await;
    place.world.admin("UPDATE kernel.approvals SET expires_at = now() WHERE state = 'waiting'").await;
    assert_eq!(code(confirm(&two, &id).await), "decided", "72 hours are over");
    // The operator is one person, however often.
    let id = ask(&place.world.operator()).await;
    assert_eq!(code(confirm(&place.world.operator(), &id).await), "two_person_required");
    assert_eq!(place.name(person).await, "Stays");
    // The database refuses it whoever writes there.
    let admin = place.world.database.connect("salus_admin").await;
    let sql = "UPDATE kernel.approvals SET state = 'done', decided_by = asked_by, decided_kind = 'user', decided_at = now() WHERE state = 'waiting'";
    let refused = admin.batch_execute(sql).await.unwrap_err();
    assert_eq!(refused.as_db_error().unwrap().constraint(), Some("approvals_second"));
    // Without a list outside the database nobody is erased.
    std::fs::create_dir_all(&place.ledger).unwrap();
    let told = confirm(&two, &id).await;
    assert!(matches!(&told, Err(Error::Unavailable(why)) if why.contains("erasure ledger")), "{told:?}");
    assert_eq!(place.name(person).await, "Stays");
}

#[tokio::test]
async fn two_persons_erase_once_when_both_confirm_at_the_same_time() {
    let place = Place::new().await;
    let person = place.patient("Gone").await;
    let body = json!({"person_id": person, "reason": "subject_request"});
    let id =
        text(&place.post(&place.world.somebody(), "compliance.erasure_request.ask", "", body).await.unwrap()["id"]);
    let (two, three) = (place.world.somebody(), place.world.somebody());
    let confirm = |ctx: Ctx| {
        let (place, id) = (&place, &id);
        async move { place.post(&ctx, "compliance.erasure_request.confirm", id, json!({"confirm": person})).await }
    };
    let (a, b) = tokio::join!(confirm(two), confirm(three));
    assert_eq!(usize::from(a.is_ok()) + usize::from(b.is_ok()), 1, "{a:?} {b:?}");
    assert_eq!(std::fs::read_to_string(&place.ledger).unwrap().lines().count(), 1);
    assert_eq!(place.one("SELECT count(*) FROM kernel.erasures").await, 1);
}

/// The id of the newest key of a purpose.
async fn key(place: &Place, ctx: &Ctx, purpose: &str) -> Value {
    let all = place.told(ctx, "kernel.encryption_key.list", Call::default()).await.unwrap();
    let found = all["data"].as_array().unwrap().iter().find(|k| k["purpose"] == purpose);
    found.unwrap_or_else(|| panic!("no key {purpose}")).clone()
}

#[tokio::test]
async fn a_key_is_exchanged_and_destroyed_by_the_endpoints_of_system_004() {
    let place = Place::new().await;
    place.patient("Under").await;
    let (one, two) = (place.world.somebody(), place.world.somebody());
    let (rotate, status) = ("kernel.encryption_key.rotate", "kernel.encryption_key.set_status");
    let identity = key(&place, &one, "identity").await;
    let id = text(&identity["id"]);
    assert_eq!(
        (&identity["status"], &identity["key_type"], &identity["max_usage"]),
        (&json!("ACTIVE"), &json!("FIELD_DEK"), &json!(2_147_483_648u64))
    );
    assert!(identity["usage_count"].as_i64().unwrap() > 0 && !identity.to_string().contains("wrapped\""), "{identity}");
    let generate = json!({"key_type": "FIELD_DEK", "purpose": "identity"});
    assert_eq!(
        code(place.post(&one, "kernel.encryption_key.generate", "", generate.clone()).await),
        "active_key_exists"
    );
    let above = json!({"key_type": "TENANT_DEK"});
    assert_eq!(code(place.post(&one, "kernel.encryption_key.generate", "", above).await), "two_person_required");
    for refused in ["DESTROYED", "RETIRED"] {
        assert_eq!(
            code(place.post(&one, status, &id, json!({"status": refused})).await),
            "rows_still_use_key",
            "{refused}"
        );
    }
    assert_eq!(place.post(&one, rotate, &id, Value::Null).await.unwrap()["state"], "begun");
    assert_eq!(code(place.post(&one, rotate, &id, Value::Null).await), "rotation_running");
    let quick = salus_store::rotate::Pace { settle: std::time::Duration::from_millis(40), batch: 7, rest: 0 };
    assert!(place.world.db.run_rotations(place.world.tenant, &quick, |_| ()).await.unwrap().is_empty());
    let old = place.told(&one, "kernel.encryption_key.get", at(&id)).await.unwrap();
    assert_eq!((&old["status"], &old["history"][0]["state"]), (&json!("RETIRED"), &json!("finished")));
    let rotations = place.told(&one, "kernel.encryption_key.rotations", Call::default()).await.unwrap();
    assert_eq!(rotations["data"][0]["old_key_id"], id);
    let fields = place.told(&one, "kernel.encryption_key.field_coverage", Call::default()).await.unwrap();
    assert!(
        fields["data"].as_array().unwrap().iter().any(|f| f["column"] == "family_name" && f["values"] == 1),
        "{fields}"
    );

    let destroy = json!({"status": "DESTROYED"});
    let kept = place.post(&one, status, &id, destroy.clone()).await;
    assert_eq!((kept.as_ref().unwrap_err().status(), code(kept)), (423, "needed_by_backup_or_hold"), "30 days");
    place.world.admin("UPDATE kernel.keys SET retired_at = now() - interval '31 days' WHERE state = 'retired'").await;
    assert_eq!(place.post(&one, status, &id, destroy.clone()).await.unwrap()["state"], "waiting");
    assert_eq!(code(place.post(&one, status, &id, destroy.clone()).await), "two_person_required");
    assert_eq!(place.post(&two, status, &id, destroy).await.unwrap()["state"], "done");
    assert_eq!(place.told(&one, "kernel.encryption_key.get", at(&id)).await.unwrap()["status"], "DESTROYED");
    assert_eq!(place.one("SELECT count(*) FROM kernel.keys WHERE state = 'destroyed' AND wrapped IS NULL").await, 1);
    assert!(place.world.db.check_keys().await.unwrap().problems.is_empty());
}

#[tokio::test]
async fn a_distrusted_key_and_the_tenant_key_are_exchanged_by_two_and_a_missing_key_is_made() {
    let place = Place::new().await;
    let person = place.patient("Under").await;
    let (one, two) = (place.world.somebody(), place.world.somebody());
    let clinical = text(&key(&place, &one, "clinical").await["id"]);
    let distrust = json!({"status": "COMPROMISED"});
    let status = "kernel.encryption_key.set_status";
    assert_eq!(place.post(&one, status, &clinical, distrust.clone()).await.unwrap()["state"], "waiting");
    assert_eq!(place.one("SELECT count(*) FROM kernel.key_rotation_history").await, 0, "nothing is done by one");
    assert_eq!(place.post(&two, status, &clinical, distrust).await.unwrap()["state"], "done");
    assert_eq!(place.one("SELECT count(*) FROM kernel.key_rotation_history WHERE reason = 'compromise'").await, 1);
    let all = place
        .told(
            &one,
            "kernel.encryption_key.list",
            Call { query: vec![("status".into(), "COMPROMISED".into())], ..Call::default() },
        )
        .await;
    assert_eq!(all.unwrap()["data"][0]["id"], clinical);
    let tenant = text(&key(&place, &one, "tenant").await["id"]);
    let rotate = "kernel.encryption_key.rotate";
    assert_eq!(place.post(&one, rotate, &tenant, Value::Null).await.unwrap()["state"], "waiting");
    assert_eq!(code(place.post(&one, rotate, &tenant, Value::Null).await), "two_person_required");
    assert_eq!(place.post(&two, rotate, &tenant, Value::Null).await.unwrap()["state"], "begun");

    place.world.admin("UPDATE kernel.keys SET state = 'decrypt_only' WHERE key_class = 'messaging'").await;
    let generate = json!({"key_type": "FIELD_DEK", "purpose": "messaging"});
    let made = place.post(&one, "kernel.encryption_key.generate", "", generate).await.unwrap();
    assert_eq!((&made["status"], &made["generation"]), (&json!("ACTIVE"), &json!(2)));
    assert!(place.world.db.check_keys().await.unwrap().problems.is_empty(), "its canary opens under the key above");
    assert_eq!(place.name(person).await, "Under");
}
