//! The data browser: the page of every exposed table and of a row in it, and what is in none.

use hyper::StatusCode;
use salus_testkit::TestApp;
use std::collections::BTreeSet;

/// Tables that no page of the browser shows, each for its reason. This list may only shrink.
const NOT_SHOWN: [(&str, &str); 0] = [];

#[tokio::test]
async fn every_exposed_table_has_its_page() {
    let app = TestApp::new().await;
    let owner = app.session("valley", app.valley, "OWNER").await;
    let index = owner.get("/browse").await.text();
    let mut refused = Vec::new();
    for resource in salus_domains::resources() {
        let path = format!("/browse/{}", resource.table.replace('.', "/"));
        let page = owner.get(&path).await;
        match page.status {
            StatusCode::OK => assert!(index.contains(&format!("href=\"{path}\"")), "{path} is not in the list"),
            StatusCode::FORBIDDEN => refused.push(resource.table),
            status => panic!("{path}: {status}"),
        }
    }
    assert!(refused.len() < 10, "an owner may open most: {refused:?}");
}

#[tokio::test]
async fn a_table_is_shown_or_there_is_a_reason() {
    let app = TestApp::new().await;
    let exposed: BTreeSet<&str> = salus_domains::resources().into_iter().map(|r| r.table).collect();
    let hidden: Vec<&str> =
        app.db.catalog().tables().map(|t| t.name.as_str()).filter(|t| !exposed.contains(t)).collect();
    assert_eq!(hidden, NOT_SHOWN.map(|(table, _)| table), "{} of {}", hidden.len(), app.db.catalog().tables().count());
}

#[tokio::test]
async fn a_sealed_value_is_opened_on_the_record() {
    let app = TestApp::new().await;
    let owner = app.session("valley", app.valley, "OWNER").await;
    let admin = app.database.connect("salus_admin").await;
    let id = owner.get("/api/v1/medical/patients?limit=1&fields=id").await.json()["data"][0]["id"].clone();
    let row = format!("/browse/medical/patients/{}", id.as_str().unwrap());
    let name =
        owner.get(&format!("/api/v1/medical/patients/{}", id.as_str().unwrap())).await.json()["family_name"].clone();
    let name = name.as_str().unwrap().to_owned();
    let page = owner.get(&row).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.text().contains(&name), "a sealed value is masked until it is asked for");
    let opened = owner.get(&format!("{row}/open/family_name")).await;
    assert!(opened.status == StatusCode::OK && opened.text().contains(&name), "{}", opened.text());
    // The newest event about this row tells exactly what was opened.
    let sql = "SELECT convert_from(header, 'UTF8')::jsonb ->> 'disclosed' FROM audit.activity_logs \
               WHERE tenant_id = $1 ORDER BY recorded_at DESC, id DESC LIMIT 1";
    let disclosed: Option<String> = admin.query_one(sql, &[&app.valley]).await.unwrap().get(0);
    assert!(disclosed.is_some_and(|d| d.contains("family_name") && !d.contains("birth_date")));
}
