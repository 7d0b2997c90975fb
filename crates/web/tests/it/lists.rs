//! What a list can be asked for: comparisons, one of several, order, some fields, a count, and page after page.

use hyper::StatusCode;
use salus_testkit::{Caller, TestApp};
use serde_json::{Value, json};

const PROVIDERS: &str = "/api/v1/medical/providers";

async fn listed(key: &Caller, query: &str) -> Value {
    let answer = key.get(&format!("{PROVIDERS}?status=active&{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.text());
    answer.json()
}

fn names(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_list_is_asked_by_comparison_order_fields_and_count() {
    let app = TestApp::new().await;
    let key = app.key(app.valley, app.role_of_everything(app.valley).await).await;
    for code in ["QX-1", "QX-2", "QX-3", "QX-4"] {
        let made = key.post(PROVIDERS, &json!({"kind": "individual", "name": code, "specialty_code": code})).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    }
    for (asked, wanted) in [
        ("specialty_code=QX-2", &["QX-2"][..]),
        ("specialty_code.gte=QX-3&specialty_code.lte=QX-9", &["QX-3", "QX-4"]),
        ("specialty_code.gt=QX-3&specialty_code.lt=QX-9", &["QX-4"]),
        ("specialty_code.gte=QX&specialty_code.lt=QX-2", &["QX-1"]),
        ("specialty_code.in=QX-1,QX-4,none", &["QX-1", "QX-4"]),
    ] {
        let page = listed(&key, &format!("{asked}&sort=created_at&total=true")).await;
        assert_eq!(names(&page), wanted, "{asked}");
        assert_eq!(page["total"], wanted.len(), "{asked}");
        let turned = listed(&key, &format!("{asked}&sort=-created_at")).await;
        assert_eq!(names(&turned), wanted.iter().rev().copied().collect::<Vec<_>>(), "{asked} turned");
        assert!(turned.get("total").is_none_or(Value::is_null), "nothing is counted that nobody asked for");
    }
    let some = listed(&key, "specialty_code=QX-1&fields=name,npi").await;
    let fields: Vec<&String> = some["data"][0].as_object().unwrap().keys().collect();
    assert_eq!(fields.len(), 3, "{fields:?}");
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = listed(&key, &format!("specialty_code.gte=QX&sort=created_at&limit=3{cursor}")).await;
        seen.extend(names(&page).into_iter().map(str::to_owned));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, ["QX-1", "QX-2", "QX-3", "QX-4"]);
}

#[tokio::test]
async fn what_a_list_cannot_be_asked_is_refused_by_its_name() {
    let app = TestApp::new().await;
    let key = app.key(app.valley, app.role_of_everything(app.valley).await).await;
    for (asked, pointer, code) in [
        ("specialty_code.like=Q", "/specialty_code.like", "unknown_operator"),
        ("nonsense=1", "/nonsense", "unknown_filter"),
        ("sort=specialty_code", "/sort", "not_allowed"),
        ("limit=0", "/limit", "not_allowed"),
        ("limit=201", "/limit", "not_allowed"),
        ("fields=name,nonsense", "/fields", "unknown_field"),
        ("cursor=AAAA", "/cursor", "not_a_cursor"),
    ] {
        let refused = key.get(&format!("{PROVIDERS}?{asked}")).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{asked}: {}", refused.text());
        let error = refused.json()["errors"][0].clone();
        assert_eq!(
            (error["pointer"].as_str(), error["code"].as_str()),
            (Some(pointer), Some(code)),
            "{asked}: {error}"
        );
    }
}
