//! Who reaches which row, for what, and why: relationships, labels, consents, emergency access, masks, and the
//! explanation, which never says anything else than the door.

use crate::world::{World, at};
use salus_core::{ActorKind, Channel, Ctx, Error, Permissions, Purpose, Result};
use salus_domains::{
    auth::{self, Callers, NewUser, Presented, SignIn},
    explain::{Explanation, Question, explain},
};
use salus_store::{ANY_VERSION, Body, Call, Reply};
use salus_testkit::PASSWORD;
use serde_json::{Value, json};
use uuid::Uuid;

/// A tenant with people who have roles, and patients.
pub struct Ward {
    pub world: World,
}

pub const READ: &[&str] = &["medical.*.read", "records.*.read", "kernel.phi.read"];

impl Ward {
    pub async fn new() -> Self {
        Self { world: World::new().await }
    }

    pub async fn make(&self, op: &str, body: Value) -> Uuid {
        self.world.create(op, body).await.id().unwrap()
    }

    pub async fn role(&self, name: &str, scope: &str, purposes: &[&str], patterns: &[&str]) -> Uuid {
        let role = self.make("auth.role.create", json!({"name": name, "scope": scope, "purposes": purposes})).await;
        let body = json!({"name": format!("{name}_WORK"), "patterns": patterns});
        let permission = self.make("auth.permission.create", body).await;
        self.make("auth.role_permission.create", json!({"role_id": role, "permission_id": permission})).await;
        role
    }

    pub async fn user(&self, roles: &[&str]) -> Uuid {
        let mut tx = self.world.db.begin(self.world.operator(), false).await.unwrap();
        let roles: Vec<String> = roles.iter().map(|r| (*r).to_owned()).collect();
        let user = auth::create_service(&mut tx, "Somebody", &roles).await.unwrap();
        tx.commit("auth.user.create_service", "auth.users").await.unwrap();
        user
    }

    /// The user as the edge makes a caller of an API key.
    pub async fn caller(&self, user: Uuid) -> Ctx {
        let name = self.world.db.env().id().to_string();
        let new =
            auth::NewApiKey { name: &name, scopes: Permissions::default(), days: 1, ..auth::NewApiKey::default() };
        let key = auth::create_api_key(&self.world.db, &self.world.operator(), user, &new).await.unwrap();
        Callers::default().caller(&self.world.db, &Presented::Bearer(key.text), Channel::Api).await.unwrap()
    }

    pub async fn patient(&self, name: &str) -> Uuid {
        self.make("medical.patient.create", json!({"family_name": name, "given_names": "Invented", "mrn": name})).await
    }

    pub async fn sees(&self, ctx: &Ctx, patient: Uuid) -> bool {
        self.get(ctx, "medical.patient.get", patient).await.is_ok()
    }

    pub async fn get(&self, ctx: &Ctx, op: &str, row: Uuid) -> Result<Reply> {
        let ctx = Ctx { request: self.world.db.env().id(), ..ctx.clone() };
        self.world.call_as(ctx, op, at(&row.to_string())).await
    }

    pub async fn act(&self, ctx: &Ctx, op: &str, id: Option<Uuid>, body: Value) -> Result<Value> {
        let call = id.map_or_else(Call::default, |id| at(&id.to_string()));
        let ctx = Ctx { request: self.world.db.env().id(), ..ctx.clone() };
        let reply = self.world.call_as(ctx, op, Call { body, ..call }).await?;
        Ok(serde_json::to_value(&reply.body).unwrap())
    }

    /// The header of the newest event of an operation.
    pub async fn event(&self, op: &str) -> Value {
        let admin = self.world.database.connect("salus_admin").await;
        let sql = "SELECT convert_from(header, 'UTF8')::jsonb FROM audit.activity_logs WHERE action = $1 ORDER BY recorded_at DESC LIMIT 1";
        admin.query_one(sql, &[&op]).await.unwrap().get(0)
    }

    pub async fn link(&self, user: Uuid, patient: Uuid, relation: &str, valid_to: Option<&str>) -> Uuid {
        let until = valid_to.or(matches!(relation, "parent" | "guardian").then_some("2199-12-31"));
        let body = json!({"user_id": user, "patient_id": patient, "relation": relation, "valid_from": "2020-01-01",
            "valid_to": until, "proof": "COURT_ORDER"});
        self.make("auth.user_person_link.create", body).await
    }
}

/// The same caller, signed in.
fn in_person(mut ctx: Ctx) -> Ctx {
    ctx.actor.kind = ActorKind::User;
    ctx
}

pub fn code(told: Result<impl Sized>) -> &'static str {
    told.err().map_or("ok", |e| e.code())
}

#[tokio::test]
async fn a_purpose_selects_the_roles_and_stands_in_every_event() {
    let ward = Ward::new().await;
    ward.role("DOCTOR", "tenant", &["TREAT", "COC"], READ).await;
    ward.role("CODER", "tenant", &["HPAYMT"], &["medical.patient.read"]).await;
    let (patient, user) = (ward.patient("Alpha").await, ward.user(&["DOCTOR", "CODER"]).await);
    let ctx = ward.caller(user).await;
    assert_eq!(ctx.purpose, Purpose::Treatment, "the first that a role serves");
    let named = |reply: Reply| match reply.body {
        Body::Row(row) => row.text("family_name").to_owned(),
        _ => panic!("no row"),
    };
    assert_eq!(named(ward.get(&ctx, "medical.patient.get", patient).await.unwrap()), "Alpha");
    assert_eq!(ward.event("medical.patient.get").await["purpose"], "TREAT");
    let paying = ctx.clone().for_purpose(Purpose::Payment);
    assert_eq!(named(ward.get(&paying, "medical.patient.get", patient).await.unwrap()), "", "a coder opens no name");
    assert_eq!(ward.event("medical.patient.get").await["purpose"], "HPAYMT");
    for purpose in [Purpose::Research, Purpose::BreakGlass] {
        let told = ward.get(&ctx.clone().for_purpose(purpose), "medical.patient.get", patient).await;
        assert_eq!(code(told), "purpose_denied");
        let event = ward.event("medical.patient.get").await;
        assert_eq!((&event["outcome"], &event["code"]), (&json!("refused"), &json!("purpose_denied")));
        let why = event["why"].to_string();
        assert!(why.contains("is given by: CODER, DOCTOR") && why.contains(purpose.code()), "{why}");
    }
}

#[tokio::test]
async fn a_member_sees_own_rows_and_wards_as_long_as_the_link_holds() {
    let ward = Ward::new().await;
    ward.role("MEMBER", "own", &["PATRQT"], READ).await;
    ward.role("GUARDIAN", "ward", &["FAMRQT"], READ).await;
    let (me, child, grown, other) = (
        ward.patient("Me").await,
        ward.patient("Child").await,
        ward.patient("Grown").await,
        ward.patient("Other").await,
    );
    let user = ward.user(&["MEMBER", "GUARDIAN"]).await;
    ward.link(user, me, "self", None).await;
    let held = ward.link(user, child, "guardian", None).await;
    ward.link(user, grown, "parent", Some("2024-05-01")).await;
    let own = ward.caller(user).await;
    let family = own.clone().for_purpose(Purpose::FamilyRequest);
    assert_eq!(own.purpose, Purpose::PatientRequest);
    for (patient, mine, theirs) in
        [(me, true, false), (child, false, true), (grown, false, false), (other, false, false)]
    {
        assert_eq!((ward.sees(&own, patient).await, ward.sees(&family, patient).await), (mine, theirs));
    }
    let facts = json!({"patient_id": me, "kind": "allergy"});
    assert!(ward.act(&own, "records.allergy.create", None, facts).await.is_err(), "a member writes nothing");
    ward.world.admin(&format!("UPDATE auth.user_person_links SET revoked_at = now() WHERE id = '{held}'")).await;
    assert!(!ward.sees(&family, child).await, "the same caller, without anything that had to run");
}

#[tokio::test]
async fn a_caseload_and_a_school_are_reached_and_written_and_nothing_beside_them() {
    let ward = Ward::new().await;
    let work = [READ, &["medical.patient.write"]].concat();
    ward.role("THERAPIST", "caseload", &["TREAT"], &work).await;
    ward.role("NURSE", "school", &["TREAT"], &work).await;
    let (mine, pupil, other) = (ward.patient("Mine").await, ward.patient("Pupil").await, ward.patient("Other").await);
    let school = ward.make("auth.organization.create", json!({"name": "School A", "kind": "school"})).await;
    let (therapist, nurse) = (ward.user(&["THERAPIST"]).await, ward.user(&["NURSE"]).await);
    let body = json!({"user_id": therapist, "patient_id": mine, "kind": "care_team", "valid_from": "2020-01-01"});
    ward.make("auth.caseload_assignment.create", body).await;
    ward.make("auth.user_unit.create", json!({"user_id": nurse, "organization_id": school})).await;
    ward.make("auth.person_unit.create", json!({"patient_id": pupil, "organization_id": school})).await;
    let (therapist, nurse) = (ward.caller(therapist).await, ward.caller(nurse).await);
    for (patient, by_therapist, by_nurse) in [(mine, true, false), (pupil, false, true), (other, false, false)] {
        assert_eq!((ward.sees(&therapist, patient).await, ward.sees(&nurse, patient).await), (by_therapist, by_nurse));
        for (ctx, may) in [(&therapist, by_therapist), (&nurse, by_nurse)] {
            let body = json!({"patient_id": patient, "use": "HOME", "city": "Sampleton"});
            let told = ward.act(ctx, "medical.patient_address.create", None, body).await;
            assert_eq!(told.is_ok(), may, "{told:?}");
            let found = ward.act(ctx, "medical.patient.list", None, Value::Null).await.unwrap();
            assert_eq!(found["data"].as_array().unwrap().len(), 1, "a list holds what is reached");
        }
    }
    let told = ward.act(&therapist, "medical.patient.create", None, json!({"family_name": "New"})).await;
    assert_eq!(code(told), "scope_denied", "nobody registers a person they would not reach");
}

#[tokio::test]
async fn rights_over_ones_own_record_open_nothing_in_anothers() {
    let ward = Ward::new().await;
    ward.role("AUDITOR", "tenant", &["HCOMPL"], &["medical.patient.read"]).await;
    ward.role("MEMBER", "own", &["HCOMPL"], READ).await;
    let (me, other) = (ward.patient("Me").await, ward.patient("Other").await);
    let user = ward.user(&["AUDITOR", "MEMBER"]).await;
    ward.link(user, me, "self", None).await;
    let ctx = ward.caller(user).await;
    for patient in [me, other] {
        let Body::Row(row) = ward.get(&ctx, "medical.patient.get", patient).await.unwrap().body else { panic!() };
        assert_eq!(row.text("family_name"), "", "both roles serve the purpose, and one of them opens no name");
    }
}

#[tokio::test]
async fn breaking_the_glass_takes_a_reason_ends_within_the_hour_and_is_reviewed_by_another() {
    let ward = Ward::new().await;
    let work = [READ, &["auth.glass.open", "auth.glass.review", "auth.glass.read"]].concat();
    ward.role("CARE", "caseload", &["TREAT", "BTG"], &work).await;
    ward.role("PRIVACY", "tenant", &["HCOMPL"], &["auth.glass.*"]).await;
    let (patient, other) = (ward.patient("Alpha").await, ward.patient("Beta").await);
    let (user, officer) = (ward.user(&["CARE"]).await, ward.user(&["PRIVACY"]).await);
    let (care, privacy) = (ward.caller(user).await, ward.caller(officer).await);
    let glass = care.clone().for_purpose(Purpose::BreakGlass);
    assert!(!ward.sees(&care, patient).await && !ward.sees(&glass, patient).await);
    let open = "auth.glass.open";
    let why = "Unconscious in the emergency room";
    for (body, field) in [
        (json!({"patient_id": patient, "reason": "because"}), "reason"),
        (json!({"patient_id": patient, "reason": why, "minutes": 61}), "minutes"),
        (json!({"patient_id": Uuid::max(), "reason": why}), "patient_id"),
    ] {
        let told = ward.act(&care, open, None, body).await.unwrap_err();
        assert!(told.to_string().starts_with(field), "{told}");
    }
    let told = ward.act(&privacy, open, None, json!({"patient_id": patient, "reason": why})).await;
    assert_eq!(code(told), "purpose_denied", "none of the officer's roles serves BTG");
    let made = ward.act(&care, open, None, json!({"record_number": "Alpha", "reason": why})).await.unwrap();
    let id: Uuid = made["id"].as_str().unwrap().parse().unwrap();
    assert_eq!((&made["patient_id"], &made["reviewers_told"]), (&json!(patient), &json!(1)));

    assert!(!ward.sees(&care, patient).await, "only calls that name the purpose go through the glass");
    assert!(ward.sees(&glass, patient).await && !ward.sees(&glass, other).await);
    assert_eq!(ward.event("medical.patient.get").await["purpose"], "BTG");
    let log = ward.act(&privacy, "auth.glass.log", None, Value::Null).await.unwrap();
    assert_eq!((&log["data"][0]["id"], &log["data"][0]["uses"]), (&made["id"], &json!(1)), "who reviews sees what for");
    let admin = ward.world.database.connect("salus_admin").await;
    let told = admin.query_one("SELECT user_id, title_key FROM auth.notifications WHERE target_id = $1", &[&id]).await;
    let told = told.unwrap();
    assert_eq!((told.get::<_, Uuid>(0), told.get::<_, &str>(1)), (officer, "glass.opened"));

    let review = json!({"outcome": "JUSTIFIED", "note": "The chart shows it"});
    assert_eq!(code(ward.act(&glass, "auth.glass.review", Some(id), review.clone()).await), "own_review");
    assert_eq!(
        code(ward.act(&privacy, "auth.glass.review", Some(id), review.clone()).await),
        "own_review",
        "a program"
    );
    let privacy = in_person(privacy);
    ward.act(&privacy, "auth.glass.review", Some(id), review.clone()).await.unwrap();
    assert_eq!(code(ward.act(&privacy, "auth.glass.review", Some(id), review).await), "already_reviewed");
    ward.act(&care, "auth.glass.end", Some(id), Value::Null).await.unwrap();
    assert!(!ward.sees(&glass, patient).await);
    let late = "INSERT INTO auth.glass_breaks (tenant_id, id, user_id, patient_id, reason, opened_at, ends_at, review_due_on) \
                SELECT tenant_id, gen_random_uuid(), user_id, patient_id, reason, now() - interval '2 hours', \
                  now() - interval '1 hour', current_date FROM auth.glass_breaks";
    ward.world.admin(late).await;
    assert!(!ward.sees(&glass, patient).await, "what ran out opens nothing, whoever forgot to close it");
    let longer = admin.batch_execute("UPDATE auth.glass_breaks SET ends_at = opened_at + interval '61 minutes'").await;
    assert!(longer.is_err(), "the database takes no longer time either");
}

#[tokio::test]
async fn a_masked_field_is_neither_answered_nor_found_by() {
    let ward = Ward::new().await;
    let role = ward.role("BILLING", "tenant", &["HPAYMT", "HOPERAT"], READ).await;
    let mask = json!({"role_id": role, "purpose": "HPAYMT", "table_name": "medical.patients", "columns": ["family_name", "mrn"]});
    ward.make("auth.field_mask.create", mask).await;
    let patient = ward.patient("Alpha").await;
    let ctx = ward.caller(ward.user(&["BILLING"]).await).await;
    let paying = ctx.clone().for_purpose(Purpose::Payment);
    let operating = ctx.for_purpose(Purpose::Operations);
    for (ctx, family, mrn) in [(&paying, "", ""), (&operating, "Alpha", "Alpha")] {
        let Body::Row(row) = ward.get(ctx, "medical.patient.get", patient).await.unwrap().body else { panic!() };
        assert_eq!((row.text("family_name"), row.text("mrn"), row.text("given_names")), (family, mrn, "Invented"));
        for (name, value) in [("mrn", "Alpha"), ("name", "Alpha")] {
            let call = Call { query: vec![(name.into(), value.into())], ..Call::default() };
            let told = ward.world.call_as(ctx.clone(), "medical.patient.list", call).await;
            assert_eq!(code(told), if family.is_empty() { "validation_failed" } else { "ok" }, "{name}");
        }
    }
    // A role that writes answers no more than those that read.
    ward.role("CLERK", "tenant", &["HPAYMT"], &["medical.patient.write", "kernel.phi.read"]).await;
    let (both, alone) = (ward.user(&["BILLING", "CLERK"]).await, ward.user(&["CLERK"]).await);
    for (user, given) in [(both, "Changed"), (alone, "")] {
        let ctx = ward.caller(user).await.for_purpose(Purpose::Payment);
        let call =
            Call { body: json!({"given_names": "Changed"}), if_match: Some(ANY_VERSION), ..at(&patient.to_string()) };
        let Body::Row(row) = ward.world.call_as(ctx, "medical.patient.change", call).await.unwrap().body else {
            panic!()
        };
        assert_eq!((row.text("family_name"), row.text("given_names"), row.id()), ("", given, Some(patient)));
    }
}

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }
}

/// People of every kind of role with links of every kind, patients with labels and consents, and rows to look at.
struct Town {
    ward: Ward,
    users: Vec<Uuid>,
    patients: Vec<(Uuid, Uuid)>,
    /// Table, the operation that gets a row of it, and the row.
    rows: Vec<(&'static str, &'static str, Uuid)>,
    school: Uuid,
    dice: Dice,
}

impl Town {
    async fn new() -> Self {
        let ward = Ward::new().await;
        let glass = [READ, &["auth.glass.open"]].concat();
        for (name, scope, purposes, patterns) in [
            ("OWN", "own", &["PATRQT"][..], READ),
            ("WARD", "ward", &["FAMRQT", "PATRQT"], READ),
            ("CASE", "caseload", &["TREAT", "BTG"], &glass),
            ("SCHOOL", "school", &["TREAT", "HOPERAT"], READ),
            ("WHOLE", "tenant", &["HOPERAT", "BTG"], &glass),
            ("ANY", "tenant", &[], &["auth.user.read", "medical.provider.read"]),
        ] {
            ward.role(name, scope, purposes, patterns).await;
        }
        let school = ward.make("auth.organization.create", json!({"name": "School A", "kind": "school"})).await;
        let provider = ward.make("medical.provider.create", json!({"kind": "individual", "name": "A Provider"})).await;
        let rows = vec![
            ("medical.providers", "medical.provider.get", provider),
            ("medical.patients", "medical.patient.get", Uuid::max()),
        ];
        let mut town = Self { ward, users: Vec::new(), patients: Vec::new(), rows, school, dice: Dice(11) };
        town.add_patients().await;
        for roles in [
            &["OWN", "WARD"][..],
            &["CASE"],
            &["SCHOOL", "CASE"],
            &["WHOLE"],
            &["ANY", "OWN"],
            &["WHOLE", "SCHOOL"],
            &[],
        ] {
            town.add_user(roles).await;
        }
        town
    }

    /// The first has a label and a denial, the second a labelled row and a consent, the third a label and a consent.
    async fn add_patients(&mut self) {
        for (i, name) in ["Alpha", "Beta", "Gamma", "Delta"].into_iter().enumerate() {
            let patient = self.ward.patient(name).await;
            let body = json!({"patient_id": patient, "use": "HOME", "city": "Sampleton"});
            let address = self.ward.make("medical.patient_address.create", body).await;
            self.rows.push(("medical.patients", "medical.patient.get", patient));
            self.rows.push(("medical.patient_addresses", "medical.patient_address.get", address));
            self.patients.push((patient, address));
            if i % 2 == 0 {
                let body = json!({"patient_id": patient, "organization_id": self.school});
                self.ward.make("auth.person_unit.create", body).await;
            }
            let label = match i {
                0 => json!({"patient_id": patient, "label": "HIV"}),
                1 => {
                    json!({"patient_id": patient, "label": "VIP", "table_name": "medical.patient_addresses", "row_id": address})
                }
                2 => json!({"patient_id": patient, "label": "MINOR"}),
                _ => continue,
            };
            let operator = self.ward.world.operator();
            self.ward.act(&operator, "compliance.sensitivity_label.create", None, label).await.unwrap();
            let decision = ["DENY", "PERMIT", "PERMIT"][i];
            let consent = json!({"patient_id": patient, "decision": decision, "purpose": "HOPERAT",
                "verification": "E_SIGN", "effective_from": "2020-01-01"});
            self.ward.make("compliance.sensitivity_consent.create", consent).await;
        }
    }

    async fn add_user(&mut self, roles: &[&str]) {
        let user = self.ward.user(roles).await;
        self.rows.push(("auth.users", "auth.user.get", user));
        for (patient, _) in &self.patients {
            if self.dice.below(3) == 0 {
                let relation = ["self", "guardian"][self.dice.below(2)];
                let until = [None, Some("2024-01-01")][self.dice.below(2)];
                self.ward.link(user, *patient, relation, until).await;
            }
            if self.dice.below(2) == 0 {
                let body = json!({"user_id": user, "patient_id": patient, "kind": "case", "valid_from": "2020-01-01"});
                self.ward.make("auth.caseload_assignment.create", body).await;
            }
            if self.dice.below(4) == 0 {
                let ctx = self.ward.caller(user).await;
                let body = json!({"patient_id": patient, "reason": "It cannot wait until morning"});
                self.ward.act(&ctx, "auth.glass.open", None, body).await.ok();
            }
        }
        if self.dice.below(2) == 0 {
            let body = json!({"user_id": user, "organization_id": self.school});
            self.ward.make("auth.user_unit.create", body).await;
        }
        self.users.push(user);
    }

    async fn why(&self, user: Uuid, (table, row): (&str, Uuid), purpose: Option<Purpose>) -> Explanation {
        let mut tx = self.ward.world.db.begin(self.ward.world.operator(), true).await.unwrap();
        let why = explain(&mut tx, &Question { user, table: table.into(), row, purpose }).await.unwrap();
        tx.finish_unrecorded().await.unwrap();
        why
    }
}

#[tokio::test]
async fn an_explanation_says_what_the_door_does() {
    let town = Town::new().await;
    let last = town.users[6];
    town.ward.world.admin(&format!("UPDATE auth.users SET status = 'disabled' WHERE id = '{last}'")).await;
    let mut by_rule = std::collections::BTreeMap::new();
    for user in town.users.iter().take(6) {
        let caller = town.ward.caller(*user).await;
        for purpose in [
            Purpose::Treatment,
            Purpose::Operations,
            Purpose::PatientRequest,
            Purpose::FamilyRequest,
            Purpose::BreakGlass,
        ] {
            let ctx = caller.clone().for_purpose(purpose);
            for (table, op, row) in &town.rows {
                let told = town.ward.get(&ctx, op, *row).await;
                let why = town.why(*user, (table, *row), Some(purpose)).await;
                assert_eq!(why.permit, told.is_ok(), "{table} {purpose:?}: {why:#?}");
                assert!(why.rules.iter().all(|r| r.rule != "database"), "{table} {purpose:?}: {why:#?}");
                assert_eq!(why.permit, why.rules.iter().all(|r| r.holds), "{table} {purpose:?}: {why:#?}");
                let failed = why.rules.iter().find(|r| !r.holds).map(|r| r.rule);
                *by_rule.entry(failed).or_insert(0) += 1;
            }
        }
    }
    assert!(by_rule[&None] > 40, "{by_rule:?}");
    let tried: Vec<_> = by_rule.keys().flatten().copied().collect();
    assert_eq!(tried, ["permission", "purpose", "relationship", "sensitivity", "tenant"], "{by_rule:?}");
    let why = town.why(last, ("medical.patients", town.patients[2].0), None).await;
    assert!(!why.permit && !why.rules[0].holds, "a disabled account sees nothing: {why:#?}");
    let admin = town.ward.world.database.connect("salus_admin").await;
    let row = admin.query_one("SELECT count(*) FROM auth.glass_breaks", &[]).await.unwrap();
    assert!(row.get::<_, i64>(0) > 0, "somebody broke the glass");
}

#[tokio::test]
async fn an_explanation_says_what_the_door_does_before_any_row() {
    let ward = Ward::new().await;
    ward.role("reader", "tenant", &["TREAT"], READ).await;
    let patient =
        ward.make("medical.patient.create", json!({"family_name": "Row", "given_names": "A", "mrn": "1"})).await;
    let db = &ward.world.db;
    let mut tx = db.begin(ward.world.operator(), false).await.unwrap();
    let email = "ada@north.example".to_owned();
    let new = NewUser { email, display_name: "Ada".into(), roles: vec!["reader".into()] };
    let invited = auth::invite(&mut tx, &new).await.unwrap();
    tx.commit("auth.user.invite", "auth.users").await.unwrap();
    let signed = auth::accept_and_sign_in(db, &invited.token, PASSWORD, ("192.0.2.1", "test")).await.unwrap().1;
    let SignIn::Session(session) = signed else { panic!("no session") };
    // The rule that refuses, after it was asked whether the session sees the row; none when both say yes.
    let refused_by = async || {
        let presented = Presented::Cookie(session.token.clone());
        let sees = match Callers::default().caller(db, &presented, Channel::Api).await {
            Ok(ctx) => ward.get(&ctx, "medical.patient.get", patient).await.is_ok(),
            Err(e) => panic_unless_nobody(&e),
        };
        let mut tx = db.begin(ward.world.operator(), true).await.unwrap();
        let question = Question { user: invited.user, table: "medical.patients".into(), row: patient, purpose: None };
        let why = explain(&mut tx, &question).await.unwrap();
        tx.finish_unrecorded().await.unwrap();
        assert_eq!((why.permit, why.rules.iter().all(|r| r.holds)), (sees, sees), "{why:#?}");
        why.rules.into_iter().find(|r| !r.holds).map(|r| r.rule)
    };
    assert_eq!(refused_by().await, Some("second_factor"));
    salus_testkit::second_factor(db, &session.token).await;
    assert_eq!(refused_by().await, None);
    db.set_tenant_state("north", ("active", "suspended")).await.unwrap();
    assert_eq!(refused_by().await, Some("organization"));
    db.set_tenant_state("north", ("suspended", "active")).await.unwrap();
    assert_eq!(refused_by().await, None);
    ward.world.admin("UPDATE auth.users SET status = 'locked' WHERE kind <> 'service'").await;
    assert_eq!(refused_by().await, Some("account"));
}

/// Nobody sees nothing; what else goes wrong is found.
fn panic_unless_nobody(e: &Error) -> bool {
    assert!(matches!(e, Error::Unauthenticated), "{e}");
    false
}

#[tokio::test]
async fn what_is_no_purpose_or_no_table_is_said() {
    let ward = Ward::new().await;
    let user = ward.user(&[]).await;
    let ask = async |query: &[(&str, &str)]| {
        let query = query.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let call = Call { query, ..at(&user.to_string()) };
        ward.world.call("auth.user.access", call).await
    };
    let wrong = |told: Result<Reply>| match told {
        Err(Error::Invalid(fields)) => fields[0].pointer.clone(),
        other => panic!("{:?}", other.map(|r| r.status)),
    };
    let row = user.to_string();
    assert_eq!(wrong(ask(&[("table", "auth.users")]).await), "/row");
    assert_eq!(wrong(ask(&[("table", "kernel.subject_keys"), ("row", &row)]).await), "/table");
    assert_eq!(wrong(ask(&[("table", "auth.users"), ("row", &row), ("purpose", "FUN")]).await), "/purpose");
    assert!(ask(&[("table", "auth.users"), ("row", &row)]).await.is_ok() && ask(&[]).await.is_ok());
}

#[tokio::test]
async fn who_acts_for_another_has_shown_it_and_a_guardian_is_one_until_a_day() {
    let ward = Ward::new().await;
    ward.role("GUARDIAN", "ward", &["FAMRQT"], READ).await;
    let (user, child) = (ward.user(&["GUARDIAN"]).await, ward.patient("Child").await);
    for (relation, proof, until) in
        [("guardian", None, Some("2030-05-01")), ("guardian", Some("COURT_ORDER"), None), ("legal_rep", None, None)]
    {
        let body =
            json!({"user_id": user, "patient_id": child, "relation": relation, "proof": proof, "valid_to": until});
        let told = ward.world.call("auth.user_person_link.create", Call { body, ..Call::default() }).await;
        assert_eq!(told.err().map(|e| e.status()), Some(422), "{relation} {proof:?} {until:?}");
    }
}

#[tokio::test]
async fn every_event_names_the_policy_by_which_it_was_decided() {
    let ward = Ward::new().await;
    let role = ward.role("DOCTOR", "tenant", &["TREAT"], READ).await;
    let (patient, user) = (ward.patient("Alpha").await, ward.user(&["DOCTOR"]).await);
    let operator = ward.world.operator();
    let version = async || {
        let ctx = ward.caller(user).await;
        ward.get(&ctx, "medical.patient.get", patient).await.ok();
        let event = ward.event("medical.patient.get").await;
        assert_eq!(event["policy"].as_i64(), ctx.policy, "what the caller was believed by: {event}");
        event["policy"].as_i64().unwrap()
    };
    let first = version().await;
    assert_eq!(version().await, first, "reading changes no policy");
    let on_role = |body: Value| ward.act(&operator, "auth.role.define", Some(role), body);
    on_role(json!({"masks": [{"table": "medical.patients", "columns": ["mrn"]}], "purposes": ["TREAT", "COC"]}))
        .await
        .unwrap();
    assert_eq!(version().await, first + 1, "one transaction, one version, however many rows");
    on_role(json!({"bundles": []})).await.unwrap();
    assert_eq!(version().await, first + 2);
    let refused = ward.event("medical.patient.get").await;
    assert_eq!((&refused["outcome"], &refused["policy"]), (&json!("refused"), &json!(first + 2)), "a refusal as well");
    let label = json!({"patient_id": patient, "label": "VIP"});
    ward.act(&operator, "compliance.sensitivity_label.create", None, label).await.unwrap();
    assert_eq!(version().await, first + 3);
    let consent = json!({"patient_id": patient, "decision": "PERMIT", "user_id": user, "verification": "E_SIGN"});
    ward.make("compliance.sensitivity_consent.create", consent).await;
    ward.act(&operator, "kernel.module.choose", None, json!({"modules": ["records"]})).await.unwrap();
    assert_eq!(version().await, first + 5);
    ward.make("kernel.setting.create", json!({"name": "something.else", "value": 1})).await;
    ward.patient("Beta").await;
    assert_eq!(version().await, first + 5, "what decides nothing changes no policy");
    assert_eq!(ward.event("medical.patient.create").await["policy"], Value::Null, "the operator holds no role");
    let mut tx = ward.world.db.begin(operator.clone(), true).await.unwrap();
    let question = Question { user, table: "medical.patients".into(), row: patient, purpose: None };
    assert_eq!(explain(&mut tx, &question).await.unwrap().policy, Some(first + 5));
    tx.finish_unrecorded().await.unwrap();
    let other = ward.world.db.create_tenant("south", true).await.unwrap();
    let mut tx = ward.world.db.begin(Ctx::operator(ward.world.db.env(), other), true).await.unwrap();
    let held = auth::held(&mut tx, user, ward.world.db.env().now()).await.unwrap();
    assert_eq!(held.policy, 1, "of another tenant nothing changed");
    tx.finish_unrecorded().await.unwrap();
}
