//! The data browser: the page of every exposed table and of a row in it, and what is in none.

use hyper::StatusCode;
use salus_testkit::TestApp;
use std::collections::BTreeSet;

/// Tables that no page of the browser shows, by the reason. They may only become fewer.
const NOT_SHOWN: [(&str, &[&str]); 5] = [
    (
        "the audit log has pages of its own, and what it is sealed with is nobody's to read",
        &[
            "audit.activity_logs",
            "audit.checkpoints",
            "audit.epochs",
            "audit.event_subjects",
            "audit.honey_marks",
            "audit.leaves",
            "audit.lost_events",
            "audit.nodes",
            "audit.pruned_ranges",
            "audit.redactions",
            "audit.sealing",
            "audit.signing_keys",
            "audit.subject_index",
            "audit.tiles",
            "audit.tree_states",
        ],
    ),
    (
        "a person's own means of signing in, which nobody else reads",
        &[
            "auth.authenticators",
            "auth.challenges",
            "auth.code_addresses",
            "auth.leaked_password_lists",
            "auth.leaked_password_pages",
            "auth.notification_preferences",
            "auth.oauth_accounts",
            "auth.password_history",
            "auth.push_devices",
            "auth.push_keys",
            "auth.recovery_codes",
            "auth.refresh_tokens",
            "auth.socket_tickets",
        ],
    ),
    (
        "the program's own: schema, keys, queues",
        &[
            "kernel.backups",
            "kernel.fields",
            "kernel.idempotency_keys",
            "kernel.inbox",
            "kernel.installation",
            "kernel.migrations",
            "kernel.outbox",
            "kernel.replaceables",
            "kernel.search_tokens",
            "kernel.subject_keys",
            "kernel.tables",
            "kernel.tenants",
            "kernel.unfinished_migration",
        ],
    ),
    (
        "counts and signals that are told by their pages, so that small counts are not told (decision 113)",
        &[
            "school.absence_counts",
            "school.compliance_snapshots",
            "school.outbreak_alerts",
            "school.outbreak_case_clusters",
            "school.symptom_tracking",
        ],
    ),
    (
        "shown by their pages only: the plan of an alert, the proofs, the files of a schedule",
        &["alerts.alert_schedules", "compliance.proofs", "school.schedule_files"],
    ),
];

#[tokio::test]
async fn every_exposed_table_has_its_page() {
    let app = TestApp::new().await;
    let owner = app.session("valley", app.valley, app.role_of_everything(app.valley).await).await;
    let index = owner.get("/browse").await.text();
    for resource in salus_domains::resources() {
        let path = format!("/browse/{}", resource.table.replace('.', "/"));
        let page = owner.get(&path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(index.contains(&format!("href=\"{path}\"")), "{path} is not in the list");
    }
}

#[tokio::test]
async fn a_table_is_shown_or_there_is_a_reason() {
    let app = TestApp::new().await;
    let exposed: BTreeSet<&str> = salus_domains::resources().into_iter().map(|r| r.table).collect();
    let hidden: BTreeSet<&str> =
        app.db.catalog().tables().map(|t| t.name.as_str()).filter(|t| !exposed.contains(t)).collect();
    let reasoned: BTreeSet<&str> = NOT_SHOWN.iter().flat_map(|(_, tables)| *tables).copied().collect();
    assert_eq!(hidden, reasoned);
}

#[tokio::test]
async fn a_sealed_value_is_opened_on_the_record() {
    let app = TestApp::new().await;
    let owner = app.session("valley", app.valley, app.role_of_everything(app.valley).await).await;
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
    let sql = "SELECT convert_from(header, 'UTF8') FROM audit.activity_logs \
               WHERE tenant_id = $1 ORDER BY recorded_at DESC, id DESC LIMIT 1";
    let disclosed: Option<String> = admin.query_one(sql, &[&app.valley]).await.unwrap().get(0);
    assert!(disclosed.is_some_and(|d| d.contains("family_name") && !d.contains("birth_date")));
}
