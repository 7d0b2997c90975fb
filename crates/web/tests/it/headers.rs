//! A72: every route answers with the security headers, and nothing that another site's page sends changes anything.
//! The routes are read from the source, so that none can be forgotten.

use hyper::{Method, StatusCode};
use salus_testkit::{Answer, Caller, TestApp};
use std::{collections::BTreeMap, path::Path};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// Path and methods of every route, parameters filled in.
fn routes() -> Vec<(String, Vec<Method>)> {
    routes_as_written().into_iter().map(|(path, methods)| (filled(&path), methods)).collect()
}

/// Path and methods of every route.
pub fn routes_as_written() -> Vec<(String, Vec<Method>)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for file in ["routes/mod.rs", "app.rs"] {
        let text = std::fs::read_to_string(src.join(file)).unwrap();
        let code: String = text.split_whitespace().collect();
        for route in code.split(".route(\"").skip(1) {
            let (path, handlers) = route.split_once('"').unwrap();
            let methods = [("get(", Method::GET), ("post(", Method::POST), ("any(", Method::POST)];
            let methods = methods.into_iter().filter(|(name, _)| handlers.contains(name)).map(|(_, m)| m).collect();
            found.push((path.to_owned(), methods));
        }
    }
    assert!(found.len() > 50, "{} routes", found.len());
    found
}

fn filled(path: &str) -> String {
    let mut out = String::new();
    for part in path.split_inclusive('}') {
        match part.split_once('{') {
            Some((before, name)) if name.starts_with('*') => out.extend([before, "medical/patients"]),
            Some((before, _)) => out.extend([before, "0193f5a2-7c41-7e10-9a55-3f0c8d21b7aa"]),
            None => out.push_str(part),
        }
    }
    out
}

fn check(what: &str, answer: &Answer) {
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{what}: {policy}");
    assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"), "{what}: {policy}");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), value, "{what}: {name}");
    }
    assert!(!answer.header("permissions-policy").is_empty() && !answer.header("cache-control").is_empty(), "{what}");
    assert_eq!(answer.header("access-control-allow-origin"), "", "{what}: no other site reads answers");
    assert!(answer.status != StatusCode::INTERNAL_SERVER_ERROR, "{what}: {}", answer.text());
}

#[tokio::test]
async fn every_route_answers_with_the_headers() {
    let app = TestApp::new().await;
    let owner = app.session("valley", app.valley, "OWNER").await;
    for (path, methods) in routes() {
        for caller in [&app.stranger(), &owner] {
            for method in methods.iter().chain(&[Method::DELETE, Method::TRACE]) {
                if path == "/sign-out" {
                    continue;
                }
                let answer = caller.send(method.clone(), &path, &[FORM], Some(String::new())).await;
                check(&format!("{method} {path}"), &answer);
            }
        }
    }
    check("a path that is none", &owner.get("/no/such/page").await);
}

#[tokio::test]
async fn what_every_page_must_say_stands_on_every_page() {
    let app = TestApp::new().await;
    let all = app.role_of_everything(app.valley).await;
    let owner = app.session("valley", app.valley, all).await;
    let (name, cookie) = owner.credential().unwrap();
    let notice = "This PostgreSQL is older than it should be";
    let router = salus_web::App::new(app.db.clone(), false, vec![notice.to_owned()]).unwrap().router();
    let mut pages = 0;
    for (path, _) in routes().into_iter().filter(|(_, m)| m.contains(&Method::GET)) {
        let request = hyper::Request::get(&path).header(*name, cookie).header("accept", "text/html");
        let request = request.body(axum::body::Body::empty()).unwrap();
        let (parts, body) = tower::ServiceExt::oneshot(router.clone(), request).await.unwrap().into_parts();
        let is_page = parts.headers.get("content-type").is_some_and(|t| t.as_bytes().starts_with(b"text/html"));
        if parts.status != StatusCode::OK || !is_page {
            continue;
        }
        let text = axum::body::to_bytes(body, 16 << 20).await.unwrap();
        let text = String::from_utf8_lossy(&text);
        // A part that a page asks for is put into one that says it.
        if text.contains("<html") && path != "/sign-in" {
            assert!(text.contains(notice), "{path}");
            pages += 1;
        }
    }
    assert!(pages > 30, "only {pages} pages");
}

#[tokio::test]
async fn browsers_are_kept_to_https_where_it_is_served() {
    let app = TestApp::new().await;
    for (secure, says) in [(true, "max-age=31536000; includeSubDomains"), (false, "")] {
        let router = salus_web::App::new(app.db.clone(), secure, Vec::new()).unwrap().router();
        let request = hyper::Request::get("/sign-in").body(axum::body::Body::empty()).unwrap();
        let answer = tower::ServiceExt::oneshot(router, request).await.unwrap();
        let header = answer.headers().get("strict-transport-security").map_or("", |v| v.to_str().unwrap());
        assert_eq!(header, says);
    }
}

/// A digest of what is stored, but for what only notes that somebody came.
async fn contents(app: &TestApp) -> BTreeMap<String, Option<String>> {
    let admin = app.database.connect("salus_admin").await;
    let mut all = BTreeMap::new();
    let all_tables = app.db.catalog().tables().filter(|t| !t.shared);
    for table in all_tables.filter(|t| t.name == "kernel.settings" || !matches!(t.schema(), "kernel" | "audit")) {
        let sql = format!("SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {} t", table.name);
        all.insert(table.name.clone(), admin.query_one(&sql, &[]).await.unwrap().get(0));
    }
    all
}

/// What a browser sends along when another site's page makes it send a form, and what an old one does.
const FOREIGN: [&[(&str, &str)]; 3] = [
    &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
    &[("sec-fetch-site", "same-site")],
    &[("origin", "https://evil.example")],
];

async fn send(caller: &Caller, method: Method, path: &str, foreign: &[(&str, &str)], kind: &str) -> Answer {
    let mut headers = vec![("content-type", kind)];
    headers.extend(foreign);
    let body = if kind.ends_with("json") { "{}" } else { "_csrf=guess&password=x" };
    caller.send(method, path, &headers, Some(body.into())).await
}

#[tokio::test]
async fn nothing_that_another_site_sends_changes_anything() {
    let app = TestApp::new().await;
    let owner = app.session("valley", app.valley, "OWNER").await;
    let before = contents(&app).await;
    for (path, _) in routes().into_iter().filter(|(_, m)| m.contains(&Method::POST)) {
        for foreign in FOREIGN {
            let answer = send(&owner, Method::POST, &path, foreign, FORM.1).await;
            // Tokens are handed out for JSON alone, which no form of another site sends, and no cookie is looked at.
            let wanted = if path.starts_with("/api/auth/") { 415 } else { 403 };
            assert_eq!(answer.status.as_u16(), wanted, "{path} {foreign:?}: {}", answer.text());
        }
        // A form of another site may send plain text as well, without being asked.
        for foreign in FOREIGN {
            let answer = send(&owner, Method::POST, &path, foreign, "text/plain").await;
            assert!(matches!(answer.status.as_u16(), 403 | 415), "{path} as text {foreign:?}: {}", answer.status);
        }
        let own = [("sec-fetch-site", "same-origin")];
        // A ticket is asked for by a script of ours, as JSON is: where the request comes from is what counts.
        let by_script = path.starts_with("/api/") || path == "/ws/ticket";
        let session_only = !path.starts_with("/sign-in") && !path.starts_with("/setup") && !by_script;
        if session_only && path != "/preferences" {
            let answer = send(&owner, Method::POST, &path, &own, FORM.1).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} without the form's token");
        }
    }
    let ops = salus_domains::operations(app.db.catalog()).unwrap();
    for op in ops.iter().filter(|o| o.method.as_str() != "GET") {
        let method: Method = op.method.as_str().parse().unwrap();
        let answer = send(&owner, method, &filled(&op.path), FOREIGN[0], "application/json").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", op.name);
        let method: Method = op.method.as_str().parse().unwrap();
        let answer = send(&owner, method, &filled(&op.path), FOREIGN[0], "text/plain").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{} as text", op.name);
    }
    let after = contents(&app).await;
    let changed: Vec<&String> = before.iter().filter(|(table, was)| after[*table] != **was).map(|(t, _)| t).collect();
    assert_eq!(changed, Vec::<&String>::new());
    assert_eq!(owner.get("/account").await.status, StatusCode::OK, "the session goes on");
}
