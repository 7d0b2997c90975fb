//! Framing on the wire: what can be read in two ways gets 400 and a closed connection; slow heads are closed.

use salus_testkit::TestApp;
use salus_web::http::{Limits, Patience, serve};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    time::timeout,
};

/// Sends bytes and reads until the server closes; the status lines, and whether it closed.
async fn exchange(app: &TestApp, bytes: &[u8]) -> (Vec<String>, bool) {
    let mut stream = TcpStream::connect(app.address()).await.unwrap();
    stream.write_all(bytes).await.ok();
    let mut answer = Vec::new();
    let closed = timeout(Duration::from_secs(3), stream.read_to_end(&mut answer)).await.is_ok();
    let text = String::from_utf8_lossy(&answer).into_owned();
    (text.lines().filter(|l| l.starts_with("HTTP/1.1 ")).map(str::to_owned).collect(), closed)
}

#[tokio::test]
async fn ambiguous_requests_are_refused_and_closed() {
    let app = TestApp::new().await;
    let post = "POST /sign-in HTTP/1.1\r\nHost: x\r\n";
    let cases = [
        (
            "both lengths",
            format!(
                "{post}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"
            ),
        ),
        ("both lengths turned", format!("{post}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n")),
        ("two lengths", format!("{post}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde")),
        ("the same length twice", format!("{post}Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd")),
        ("signed length", format!("{post}Content-Length: +4\r\n\r\nabcd")),
        ("hexadecimal length", format!("{post}Content-Length: 0x4\r\n\r\nabcd")),
        ("unknown coding", format!("{post}Transfer-Encoding: xchunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n")),
        ("two codings", format!("{post}Transfer-Encoding: chunked, identity\r\n\r\n4\r\nabcd\r\n0\r\n\r\n")),
        ("space before the colon", format!("{post}Transfer-Encoding : chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n")),
        ("folded header", format!("{post}X: a\r\n b\r\nContent-Length: 0\r\n\r\n")),
        ("bare line feeds", "POST /sign-in HTTP/1.1\nHost: x\nContent-Length: 4\n\nabcd".to_owned()),
        ("no host", "GET / HTTP/1.1\r\n\r\n".to_owned()),
        ("two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned()),
        (
            "long chunk extension",
            format!("{post}Transfer-Encoding: chunked\r\n\r\n4;{}\r\nabcd\r\n0\r\n\r\n", "a".repeat(100_000)),
        ),
    ];
    for (name, bytes) in cases {
        let (statuses, closed) = exchange(&app, bytes.as_bytes()).await;
        assert!(closed, "{name}: the connection stays open");
        assert_eq!(statuses.len(), 1, "{name}: {statuses:?}");
        // Its head is clear; what follows is too long.
        let status = if name == "long chunk extension" { "413" } else { "400" };
        assert!(statuses[0].starts_with(&format!("HTTP/1.1 {status}")), "{name}: {statuses:?}");
    }
}

#[tokio::test]
async fn heads_have_limits_in_size() {
    let app = TestApp::new().await;
    let many = (0..101).map(|i| format!("X{i}: 1\r\n")).collect::<Vec<_>>().concat();
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let cases = [
        ("431", format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n")),
        ("431", format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "a".repeat(500_000))),
        ("414", get(&format!("/sign-in?{}", "a".repeat(8_184)))),
        ("200", get(&format!("/sign-in?{}", "a".repeat(8_183)))),
        ("431", get(&format!("/{}", "a".repeat(70_000)))),
    ];
    for (status, bytes) in cases {
        let (statuses, closed) = exchange(&app, bytes.as_bytes()).await;
        assert!(closed);
        assert!(statuses.iter().all(|s| s.starts_with(&format!("HTTP/1.1 {status}"))), "{status}: {statuses:?}");
    }
    let trace = exchange(&app, b"TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(trace.0[0].starts_with("HTTP/1.1 405"));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let app = TestApp::new().await;
    let key = app.key(app.valley, "DOCTOR").await;
    let body = format!("{{\"family_name\":\"{}\"}}", "a".repeat(3_000_000));
    let json = [("content-type", "application/json")];
    let answer = key.send(hyper::Method::POST, "/api/v1/medical/patients", &json, Some(body)).await;
    assert_eq!(answer.status, 413, "{}", answer.text());
}

/// A patient whose body is half sent when the server is told to stop.
#[tokio::test]
async fn a_request_that_was_begun_is_answered_before_the_server_ends() {
    let app = TestApp::new().await;
    let key = app.key(app.valley, "DOCTOR").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = salus_web::App::new(app.db.clone(), false, Vec::new()).unwrap().router();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = salus_store::runtime::spawn(serve(listener, router, Limits::default(), async {
        stopped.await.ok();
    }));
    let (credential, body) = (key.credential().unwrap(), r#"{"family_name":"Begun","given_names":"A"}"#);
    let head = format!(
        "POST /api/v1/medical/patients HTTP/1.1\r\nHost: x\r\n{}: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        credential.0,
        credential.1,
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body.as_bytes()[..10]).await.unwrap();
    // Until the head was read there is no request yet.
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.send(()).unwrap();
    while TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!server.is_finished(), "a request is open");
    stream.write_all(&body.as_bytes()[10..]).await.unwrap();
    let mut answer = String::new();
    timeout(Duration::from_secs(10), stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 201") && answer.contains("Begun"), "{answer}");
    timeout(Duration::from_secs(10), server).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn slow_bodies_are_closed_while_others_are_served() {
    let patience = Patience { idle: Duration::from_millis(400), body: Duration::from_mins(1) };
    let app = TestApp::with_limits(Limits { patience, ..Limits::default() }).await;
    let mut slow = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(app.address()).await.unwrap();
        let head = "POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 900\r\n\r\na=";
        stream.write_all(head.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    assert_eq!(app.stranger().get("/api/health").await.status, 200);
    for mut stream in slow {
        let mut rest = Vec::new();
        let ended = timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "a half-sent body stays open");
    }
}

#[tokio::test]
async fn slow_heads_are_closed_while_others_are_served() {
    let limits = Limits { head: Duration::from_millis(400), ..Limits::default() };
    let app = TestApp::with_limits(limits).await;
    let mut slow = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(app.address()).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").await.unwrap();
        slow.push(stream);
    }
    assert_eq!(app.stranger().get("/api/health").await.status, 200);
    for mut stream in slow {
        let mut rest = Vec::new();
        assert!(
            timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await.is_ok(),
            "a half-sent head stays open"
        );
    }
}
