//! Tenants stay apart on pages too: another organization's row is answered like one that never was, by every page that
//! takes an id, and no page shows what another organization wrote. The operations behind them are tried by
//! `salus prove isolation`.

use crate::headers::routes_as_written;
use futures_util::{StreamExt as _, stream};
use hyper::{Method, StatusCode};
use salus_domains::demo::{self, Size};
use salus_testkit::{Caller, TestApp};
use serde_json::json;
use uuid::Uuid;

const CANARY: &str = "Zzyzxcanary";

/// A row of each table that holds some of this tenant's.
async fn rows(app: &TestApp, tenant: Uuid) -> Vec<(String, Uuid)> {
    let admin = app.database.connect("salus_admin").await;
    let mut found = Vec::new();
    for table in app.db.catalog().tables().filter(|t| !t.shared && !t.append_only) {
        if table.columns.iter().any(|c| c.name == "id") {
            let sql = format!("SELECT id FROM {} WHERE tenant_id = $1 ORDER BY id LIMIT 1", table.name);
            found.extend(admin.query_opt(&sql, &[&tenant]).await.unwrap().map(|row| (table.name.clone(), row.get(0))));
        }
    }
    found
}

/// Status, place it sends to and text, with the id and what changes from answer to answer left out.
async fn told(caller: &Caller, path: &str, id: Uuid) -> (StatusCode, String, String) {
    let answer = caller.get(&path.replace("{}", &id.to_string())).await;
    let text = answer.text().replace(&id.to_string(), "ID");
    let number = text.split("<code>").nth(1).and_then(|rest| rest.split('<').next()).unwrap_or_default().to_owned();
    let text = if number.is_empty() { text } else { text.replace(&number, "NUMBER") };
    // Who prints it when: the minute may turn between two answers.
    let mark = text
        .split("class=\"print-mark\">")
        .nth(1)
        .and_then(|rest| rest.split('<').next())
        .unwrap_or_default()
        .to_owned();
    let text = if mark.is_empty() { text } else { text.replace(&mark, "MARK") };
    (answer.status, answer.header("location").replace(&id.to_string(), "ID"), text)
}

#[tokio::test]
async fn another_organizations_row_is_on_no_page() {
    let app = TestApp::new().await;
    let larkspur = demo::load_sized(&app.db, "larkspur", Size::Small).await.unwrap().id;
    let office = app.key(larkspur, app.role_of_everything(larkspur).await).await;
    let made = office.post("/api/v1/medical/patients", &json!({"family_name": CANARY, "given_names": "A"})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let pages: Vec<(String, bool)> = routes_as_written()
        .into_iter()
        .filter(|(_, methods)| methods.contains(&Method::GET))
        .map(|(path, _)| path)
        .filter(|path| !path.contains("{*") && path.matches('{').count() < 2)
        .map(|path| match path.split_once('{') {
            Some((before, rest)) => (format!("{before}{{}}{}", rest.split_once('}').unwrap().1), true),
            None => (path, false),
        })
        .collect();
    let foreign = rows(&app, larkspur).await;
    assert!(foreign.len() > 30 && pages.iter().filter(|(_, id)| *id).count() > 20, "{} tables", foreign.len());
    let all = app.role_of_everything(app.valley).await;
    let owner = app.session("valley", app.valley, all).await;
    for (page, with_id) in &pages {
        if !with_id {
            let text = owner.get(page).await.text();
            assert!(!text.contains(CANARY), "{page} shows another organization's patient");
            continue;
        }
        let never = told(&owner, page, app.db.env().id()).await;
        let answers = stream::iter(&foreign)
            .map(|(table, id)| {
                let owner = &owner;
                async move { (table, told(owner, page, *id).await) }
            })
            .buffer_unordered(8)
            .collect::<Vec<_>>()
            .await;
        for (table, answer) in answers {
            assert_eq!(answer, never, "{page} tells a row of {table} from one that never was");
        }
    }
}
