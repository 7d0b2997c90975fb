//! Links of guardians: what stands with the contact bars the user, childhood ends on the tenant's own day, and nothing has to
//! run for it.

use crate::{
    access::{READ, Ward},
    world::at,
};
use salus_core::{Ctx, Error};
use salus_domains::explain::{Question, explain};
use salus_store::Call;
use serde_json::{Value, json};
use time::{Date, Duration};
use uuid::Uuid;

struct Family {
    ward: Ward,
    user: Uuid,
    ctx: Ctx,
}

impl Family {
    async fn new() -> Self {
        let ward = Ward::new().await;
        ward.role("GUARDIAN", "ward", &["FAMRQT"], READ).await;
        let user = ward.user(&["GUARDIAN"]).await;
        let ctx = ward.caller(user).await;
        Self { ward, user, ctx }
    }

    async fn contact(&self, child: Uuid, more: Value) -> Uuid {
        let mut body = json!({"patient_id": child, "name": "Invented", "relationship": "MTH", "portal_access": "VIEW",
            "receives_health_info": true});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.ward.make("medical.patient_contact.create", body).await
    }

    async fn link(&self, child: Uuid, more: Value) -> Result<Value, Error> {
        let mut body =
            json!({"user_id": self.user, "patient_id": child, "relation": "parent", "proof": "BIRTH_CERTIFICATE"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.ward.act(&self.ward.world.operator(), "auth.user_person_link.create", None, body).await
    }

    async fn sees(&self, child: Uuid) -> bool {
        self.ward.sees(&self.ctx, child).await
    }

    /// What an explanation says of the links.
    async fn links(&self, child: Uuid) -> String {
        let mut tx = self.ward.world.db.begin(self.ward.world.operator(), true).await.unwrap();
        let question = Question { user: self.user, table: "medical.patients".into(), row: child, purpose: None };
        let why = explain(&mut tx, &question).await.unwrap();
        tx.finish_unrecorded().await.unwrap();
        why.rules.iter().find(|r| r.rule == "relationship").unwrap().words.clone()
    }

    async fn born(&self, name: &str, on: Date) -> Uuid {
        let body = json!({"family_name": name, "given_names": "Invented", "mrn": name, "birth_date": on.to_string()});
        self.ward.make("medical.patient.create", body).await
    }

    /// The day it is somewhere, as the database counts.
    async fn day_in(&self, zone: &str) -> Date {
        let admin = self.ward.world.database.connect("salus_admin").await;
        let sql = "SELECT (now() AT TIME ZONE $1)::date";
        admin.query_one(sql, &[&zone]).await.unwrap().get(0)
    }

    async fn live_in(&self, zone: &str) {
        let tenant = self.ward.world.tenant;
        let sql = format!(
            "INSERT INTO auth.organizations (tenant_id, id, kind, name, timezone) VALUES ('{tenant}', '{tenant}', 'clinic', 'North', '{zone}') \
             ON CONFLICT (tenant_id, id) DO UPDATE SET timezone = excluded.timezone"
        );
        self.ward.world.admin(&sql).await;
    }
}

fn field(told: Result<Value, Error>) -> String {
    match told {
        Err(Error::Invalid(fields)) => fields[0].pointer.clone(),
        other => format!("{other:?}"),
    }
}

fn before_birthday(born: Date) -> Date {
    born.replace_year(born.year() + 18).unwrap() - Duration::days(1)
}

#[tokio::test]
async fn what_stands_with_the_contact_ends_the_link_at_once() {
    let family = Family::new().await;
    let (child, other) = (family.ward.patient("Child").await, family.ward.patient("Other").await);
    let contact = family.contact(child, json!({})).await;
    let strange = family.contact(other, json!({})).await;
    let silent = family.contact(child, json!({"receives_health_info": false})).await;
    let until = json!("2099-01-01");
    for named in [json!(null), json!(strange), json!(silent), json!(Uuid::nil())] {
        let told = family.link(child, json!({"valid_to": until, "contact_id": named})).await;
        assert_eq!(field(told), "/contact_id", "{named}");
    }
    let link = family.link(child, json!({"valid_to": until, "contact_id": contact})).await.unwrap();
    assert!(family.sees(child).await && !family.sees(other).await);
    assert!(family.links(child).await.contains("today: parent; one of them counts"));
    for (column, barring, back) in [
        ("court_restriction", json!("no contact by order of the court"), json!(null)),
        ("receives_health_info", json!(false), json!(true)),
        ("portal_access", json!("NONE"), json!("FULL")),
    ] {
        for (value, seen) in [(barring, false), (back, true)] {
            let version =
                family.ward.world.call("medical.patient_contact.get", at(&contact.to_string())).await.unwrap();
            let version = i32::try_from(version.version().unwrap()).unwrap();
            let body = json!({column: value});
            let call = Call { body, if_match: Some(version), ..at(&contact.to_string()) };
            family.ward.world.call("medical.patient_contact.change", call).await.unwrap();
            assert_eq!(family.sees(child).await, seen, "{column} {value}");
            assert_eq!(family.links(child).await.contains("parent (restricted)"), !seen, "{column} {value}");
        }
    }
    // A court order proves who somebody is, and does not outweigh what a court restricts.
    let id = link["id"].as_str().unwrap();
    family
        .ward
        .world
        .admin(&format!("UPDATE auth.user_person_links SET proof = 'COURT_ORDER' WHERE id = '{id}'"))
        .await;
    family.ward.world.admin(&format!("DELETE FROM medical.patient_contacts WHERE id = '{contact}'")).await;
    assert!(!family.sees(child).await, "a source that sends contacts anew lifts nothing");
    assert!(family.links(child).await.contains("parent (contact removed)"));
}

#[tokio::test]
async fn a_contact_is_known_by_the_record_of_the_user_too() {
    let family = Family::new().await;
    let (me, child) = (family.ward.patient("Me").await, family.ward.patient("Child").await);
    family.link(me, json!({"relation": "self", "proof": null})).await.unwrap();
    family.link(child, json!({"relation": "proxy", "proof": "SIGNED_AUTHORIZATION"})).await.unwrap();
    assert!(family.sees(child).await);
    let court = json!({"person_patient_id": me, "court_restriction": "by order of the court"});
    family.contact(child, court).await;
    assert!(!family.sees(child).await, "whichever link says otherwise");
}

#[tokio::test]
async fn a_parent_is_one_until_the_18th_birthday_where_the_tenant_is() {
    let family = Family::new().await;
    // 25 hours lie between these two: it is never the same day in both.
    let (west, east) = ("Pacific/Pago_Pago", "Pacific/Kiritimati");
    let today = family.day_in(west).await;
    assert!(family.day_in(east).await > today);
    let birthday = today + Duration::days(1);
    let born = birthday.replace_year(birthday.year() - 18).unwrap_or(birthday - Duration::days(365 * 18 + 4));
    let child = family.born("Nearly", born).await;
    let told = family.link(child, json!({"valid_to": birthday.to_string()})).await;
    assert_eq!(field(told), "/valid_to", "the birthday itself is too late");
    let made = family.link(child, json!({"valid_from": "2020-01-01"})).await.unwrap();
    assert_eq!(made["valid_to"], json!(before_birthday(born).to_string()), "filled in for who may open the date");
    for (zone, seen) in [(west, true), (east, false), (west, true)] {
        family.live_in(zone).await;
        assert_eq!(family.sees(child).await, seen, "{zone}");
    }
    let admin = family.ward.world.database.connect("salus_admin").await;
    let wrong = admin.batch_execute("UPDATE auth.organizations SET timezone = 'Mars/Olympus'").await.unwrap_err();
    assert_eq!(wrong.as_db_error().unwrap().constraint(), Some("organizations_timezone_known"));

    // Another authority goes beyond childhood.
    let ward = family.born("Adult", Date::from_calendar_date(2000, time::Month::May, 2).unwrap()).await;
    let forever = json!("2199-12-31");
    assert_eq!(field(family.link(ward, json!({"valid_to": forever})).await), "/valid_to");
    let court = json!({"relation": "guardian", "proof": "COURT_ORDER", "valid_to": forever});
    family.link(ward, court).await.unwrap();
    assert!(family.sees(ward).await);
    // What came in by another way is held to the month.
    let sql = "UPDATE auth.user_person_links SET proof = 'ATTESTED' WHERE relation = 'guardian'";
    family.ward.world.admin(sql).await;
    assert!(!family.sees(ward).await && family.links(ward).await.contains("guardian (of age)"));
}

#[tokio::test]
async fn a_date_of_birth_set_right_sets_the_end_right_whoever_does_it() {
    let family = Family::new().await;
    let day = |year| Date::from_calendar_date(year, time::Month::June, 15).unwrap();
    let this = family.day_in("UTC").await.year();
    let child = family.born("Child", day(this - 5)).await;
    family.link(child, json!({})).await.unwrap();
    let ward = &family.ward;
    let write = ["medical.patient.write", "medical.patient.read", "kernel.phi.read"];
    ward.role("CARE", "caseload", &["TREAT"], &write).await;
    let nurse = ward.user(&["CARE"]).await;
    let case = json!({"user_id": nurse, "patient_id": child, "kind": "care_team", "valid_from": "2020-01-01"});
    ward.make("auth.caseload_assignment.create", case).await;
    let ctx = ward.caller(nurse).await;
    let ends = async || {
        let admin = ward.world.database.connect("salus_admin").await;
        let sql = "SELECT valid_to FROM auth.user_person_links WHERE patient_id = $1";
        admin.query_one(sql, &[&child]).await.unwrap().get::<_, Date>(0)
    };
    assert_eq!(ends().await, before_birthday(day(this - 5)));
    for (version, born, ended) in [(1, this - 7, this - 7), (2, this - 3, this - 7)] {
        let body = json!({"birth_date": day(born).to_string()});
        let call = Call { body, if_match: Some(version), ..at(&child.to_string()) };
        ward.world.call_as(ctx.clone(), "medical.patient.change", call).await.unwrap();
        assert_eq!(ends().await, before_birthday(day(ended)), "earlier at once, later by whoever keeps links");
    }
    assert!(family.sees(child).await);
    let body = json!({"birth_date": day(this - 30).to_string()});
    let call = Call { body, if_match: Some(3), ..at(&child.to_string()) };
    ward.world.call_as(ctx.clone(), "medical.patient.change", call).await.unwrap();
    assert!(!family.sees(child).await, "of age all along");
}
