//! The API description is a reviewed contract, locked a domain at a time.

use salus_testkit::{TestApp, snapshot};
use salus_web::seed::OPERATIONS;
use serde_json::{Map, Value};

#[tokio::test]
async fn the_description_is_the_reviewed_one() {
    let app = TestApp::new().await;
    let document = app.stranger().get("/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut domains: std::collections::BTreeMap<String, Map<String, Value>> = std::collections::BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let any = item.as_object().unwrap().values().next().unwrap();
        let domain = any["tags"][0].as_str().unwrap().to_owned();
        domains.entry(domain).or_default().insert(path.clone(), item.clone());
    }
    assert!(domains.len() >= 7, "{:?}", domains.keys());
    // All are compared before one fails, so that all that changed waits to be read at once.
    let mut differ = Vec::new();
    for (domain, paths) in domains {
        let text = serde_json::to_string_pretty(&Value::Object(paths)).unwrap() + "\n";
        let file = format!("{}/../../docs/openapi/{domain}.json", env!("CARGO_MANIFEST_DIR"));
        if std::panic::catch_unwind(|| snapshot::assert_accepted(std::path::Path::new(&file), &text)).is_err() {
            differ.push(domain);
        }
    }
    assert_eq!(differ, Vec::<String>::new(), "the differences are told above");
}

#[tokio::test]
async fn the_operations_that_the_specification_lists_are_there_with_their_permissions() {
    let app = TestApp::new().await;
    let document = app.stranger().get("/openapi.json").await.json();
    for (feature, method, path, permission) in OPERATIONS {
        let op = &document["paths"][path][method.to_lowercase()];
        assert_eq!(op["x-permission"], permission, "{method} {path}");
        assert_eq!(op["x-seed-feature"], feature, "{method} {path}");
    }
    let marked = document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    let mut features: std::collections::BTreeMap<u64, usize> = std::collections::BTreeMap::new();
    for feature in marked.filter_map(|op| op["x-seed-feature"].as_u64()) {
        *features.entry(feature).or_default() += 1;
    }
    assert_eq!(
        features.into_iter().collect::<Vec<_>>(),
        [(5, 5), (17, 6), (26, 9), (37, 7), (41, 5)],
        "as section 7 counts them"
    );
}
