//! The alert centre in a browser: what is open by urgency, an alert acknowledged and resolved, how somebody is told, a
//! definition tested and saved; and that an open page hears of it.

use crate::live::{a_ticket, next, own};
use hyper::StatusCode;
use salus_core::Ctx;
use salus_domains::{
    alerts::{self, Raised},
    demo::{self, Size},
};
use salus_testkit::{Caller, TestApp};
use serde_json::json;
use std::time::{Duration, Instant};
use uuid::Uuid;

async fn raise(app: &TestApp, tenant: Uuid, key: &str, severity: &str) -> Uuid {
    let mut tx = app.db.begin(Ctx::system(app.db.env(), tenant), false).await.unwrap();
    let title = "The vaccine freezer is warm";
    let raised = Raised { key, severity, category: "OPERATIONS", title, school: None, subject: "test" };
    let id = alerts::raise(&mut tx, &raised).await.unwrap();
    tx.commit("test.raise", "alerts.alert_instances").await.unwrap();
    id
}

async fn token(caller: &Caller, path: &str) -> String {
    let page = caller.get(path).await.text();
    page.split("name=\"_csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn an_alert_is_seen_heard_of_acknowledged_and_resolved() {
    let app = TestApp::new().await;
    let tenant = demo::load_sized(&app.db, "larkspur", Size::Small).await.unwrap().id;
    let lead = app.session("larkspur", tenant, "nurse_supervisor").await;
    let mut socket = own(&app, &a_ticket(&lead).await).await.unwrap();
    let before = next(&mut socket).await["unread"].as_u64().unwrap();
    let empty = lead.get("/alerts").await.text();
    assert!(empty.contains("href=\"/alerts\"") && empty.contains("hx-trigger=\"salus:news from:body, every 30s\""));
    let since = Instant::now();
    let id = raise(&app, tenant, "freezer:1", "CRITICAL").await;
    assert_eq!(next(&mut socket).await, json!({"type": "notifications", "unread": before + 1}));
    assert!(since.elapsed() < Duration::from_secs(5));
    let page = lead.get("/alerts").await.text();
    for shown in ["The vaccine freezer is warm", "Critical", "Open now:"] {
        assert!(page.contains(shown), "{shown}");
    }
    assert!(!lead.get("/alerts?severity=LOW").await.text().contains("The vaccine freezer is warm"));

    let address = format!("/alerts/{id}");
    let one = lead.get(&address).await.text();
    for shown in ["I have it in hand", "Put off", "Who was told", "No confirmed number"] {
        assert!(one.contains(shown), "{shown}: {one}");
    }
    assert!(!one.contains("4 hours"), "a critical one is put off for an hour at most");
    let csrf = token(&lead, &address).await;
    let post = async |verb: &str, fields: &[(&str, &str)]| {
        let fields: Vec<(&str, &str)> = fields.iter().copied().chain([("_csrf", csrf.as_str())]).collect();
        lead.submit(&format!("{address}/{verb}"), &fields).await
    };
    let refused = post("snooze", &[("minutes", "240")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().contains("at most 60 minutes"), "{}", refused.text());
    assert_eq!(post("acknowledge", &[("note", "On my way")]).await.status, StatusCode::SEE_OTHER);
    let one = lead.get(&address).await.text();
    assert!(one.contains("On my way") && one.contains("In hand since") && !one.contains("I have it in hand"), "{one}");
    assert_eq!(post("resolve", &[("resolution_code", "FALSE_ALARM")]).await.status, StatusCode::SEE_OTHER);
    assert!(lead.get(&address).await.text().contains("False alarm"));
    let again = post("resolve", &[]).await;
    assert_eq!(again.status, StatusCode::CONFLICT);

    // A number that is not a person's alerts, and somebody who may not see any.
    assert_eq!(lead.get("/alerts/01900000-0000-7000-8000-000000000000").await.status, StatusCode::NOT_FOUND);
    let office = app.session("larkspur", tenant, "sis_coordinator").await;
    assert_eq!(office.get("/alerts").await.status, StatusCode::FORBIDDEN);
    assert!(!office.get("/").await.text().contains("href=\"/alerts\""));
}

#[tokio::test]
async fn somebody_says_how_they_are_told_and_a_definition_is_tested_before_it_is_saved() {
    let app = TestApp::new().await;
    let tenant = demo::load_sized(&app.db, "larkspur", Size::Small).await.unwrap().id;
    let lead = app.session("larkspur", tenant, "nurse_supervisor").await;
    let csrf = token(&lead, "/alerts/subscription").await;
    let fields = |from: &'static str, sms: &'static str| {
        [
            ("email", "true"),
            ("sms", sms),
            ("digest", "HOURLY"),
            ("quiet_from", from),
            ("quiet_to", "06:00"),
            ("timezone", "America/Los_Angeles"),
        ]
    };
    let post = async |path: &str, fields: &[(&str, &str)]| {
        let fields: Vec<(&str, &str)> = fields.iter().copied().chain([("_csrf", csrf.as_str())]).collect();
        lead.submit(path, &fields).await
    };
    let refused = post("/alerts/subscription", &fields("21:00", "true")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().contains("telephone number that you confirmed"), "{}", refused.text());
    let refused = post("/alerts/subscription", &fields("nine", "false")).await;
    assert!(refused.text().contains("two times of the day"), "{}", refused.text());
    let kept = post("/alerts/subscription", &fields("21:00", "false")).await;
    assert_eq!(kept.status, StatusCode::SEE_OTHER, "{}", kept.text());
    let page = lead.get("/alerts/subscription?kept=1").await.text();
    assert!(page.contains("Your choice is kept") && page.contains("value=\"21:00\""), "{page}");

    let definition = |condition: &'static str, how: &'static str| {
        [
            ("code", "many_visits"),
            ("name", "Many visits"),
            ("category", "CLINICAL"),
            ("severity", "LOW"),
            ("source", "EVENT"),
            ("condition", condition),
            ("enabled", "true"),
            ("do", how),
        ]
    };
    let good = r#"{"event": "school.visit.begun"}"#;
    let tested = post("/alerts/definitions", &definition(good, "test")).await;
    assert_eq!(tested.status, StatusCode::OK, "{}", tested.text());
    assert!(tested.text().contains("In the last seven days it would have raised"), "{}", tested.text());
    for wrong in [r#"{"event": "no.such"}"#, "{"] {
        let refused = post("/alerts/definitions", &definition(wrong, "save")).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    let saved = post("/alerts/definitions", &definition(good, "save")).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.text());
    let page = lead.get("/alerts/definitions").await.text();
    assert!(page.contains("many_visits") && page.contains("Version 1"), "{page}");
    let api = app.key(tenant, "nurse_supervisor").await;
    let listed = api.get("/api/v1/alerts/real-time/definitions").await.json();
    assert!(listed["definitions"].as_array().unwrap().iter().any(|d| d["code"] == "many_visits"));
}
