//! The machine's clock is set back and forth under a running server: nobody is believed longer than they should be, and
//! the audit log keeps its order.

use hyper::StatusCode;
use salus_core::{Clock, Env};
use salus_testkit::TestApp;
use salus_web::http::Limits;
use serde_json::json;
use time::Duration;

const PATIENTS: &str = "/api/v1/medical/patients";

#[tokio::test]
async fn a_clock_that_jumps_lets_nobody_in_for_longer_and_keeps_the_order_of_events() {
    // Ahead of the database, so that what it makes now is valid whatever this test does to the clock.
    let start = Env::default().now() + Duration::minutes(20);
    let env = Env { clock: Clock::fixed(start), ..Env::default() };
    let app = TestApp::with(Limits::default(), env.clone()).await;
    let (key, session) = (app.key(app.valley, "DOCTOR").await, app.session("valley", app.valley, "DOCTOR").await);
    let status = async |caller: &salus_testkit::Caller| caller.get(PATIENTS).await.status;
    assert_eq!((status(&key).await, status(&session).await), (StatusCode::OK, StatusCode::OK));

    // Ten minutes back: work goes on, and a key that is spent stays spent.
    env.clock.set(start - Duration::minutes(10));
    assert_eq!((status(&key).await, status(&session).await), (StatusCode::OK, StatusCode::OK));
    let body = json!({"family_name": "Clock", "given_names": "Jumps", "mrn": "C1"}).to_string();
    let headers = [("content-type", "application/json"), ("idempotency-key", "clock")];
    let post = async || key.send(hyper::Method::POST, PATIENTS, &headers, Some(body.clone())).await;
    let made = post().await.json();
    env.clock.set(start);
    let again = post().await.json();
    assert_eq!(made["id"], again["id"], "{made} {again}");

    // Withdrawn, and the clock goes back to when it was not: what was remembered of the caller is not believed.
    let admin = app.database.connect("salus_admin").await;
    admin.batch_execute("UPDATE auth.api_keys SET revoked_at = now()").await.unwrap();
    env.clock.set(start - Duration::minutes(10));
    assert_eq!(status(&key).await, StatusCode::UNAUTHORIZED, "a withdrawn key is refused whatever the clock says");

    // An hour ahead an idle session has ended; set right again, it is as it was.
    env.clock.set(start + Duration::hours(1));
    assert_eq!(status(&session).await, StatusCode::UNAUTHORIZED);
    env.clock.set(start);
    assert_eq!(status(&session).await, StatusCode::OK);

    // Events of one writer have times in the order of their numbers, whatever the clock did.
    let sql = "SELECT count(*) FROM (SELECT recorded_at, lag(recorded_at) OVER (PARTITION BY writer_id ORDER BY writer_seq) AS before \
               FROM audit.activity_logs) e WHERE before >= recorded_at";
    let out_of_order: i64 = admin.query_one(sql, &[]).await.unwrap().get(0);
    assert_eq!(out_of_order, 0);
}
