//! A38: what the time of a refused sign-in tells. Attempts for somebody, for nobody, in an organization that there is not and for an account that is locked take
//! turns, each from a network of its own unless it is the locked one, so that whatever else the machine does falls on all.

use crate::{
    Sizes,
    http::Client,
    measure::{median, percentile},
    place::{Place, TENANT},
    report::{Report, Row, must},
};
use hyper::header::HeaderName;
use salus_core::{Ctx, Result};
use salus_domains::auth::{self, NewUser};
use serde_json::json;
use std::time::Instant;

const PASSWORD: &str = "Correct-Horse-7-Battery";
/// What the medians may differ by, in milliseconds.
const MOST_APART: f64 = 5.0;
/// So many failures of one account in a row lock it everywhere; before that they are taken back.
const TAKE_BACK: usize = 50;
/// Who is asked for, in which organization, and how it ends.
const WHOM: [(&str, &str, &str, u16); 4] = [
    ("a wrong password", TENANT, "somebody@bench.example", 401),
    ("an address that is nobody's", TENANT, "nobody@bench.example", 401),
    ("an organization that there is not", "no-such-place", "somebody@bench.example", 401),
    ("a locked account", TENANT, "locked@bench.example", 429),
];

/// Measures how long each takes.
///
/// # Errors
/// Those of the server, and an answer that is not what it must be.
pub async fn measure(place: &mut Place, sizes: Sizes, report: &mut Report) -> Result<()> {
    let rounds = sizes.attempts;
    for email in ["somebody@bench.example", "locked@bench.example"] {
        let mut tx = place.db.begin(Ctx::operator(place.db.env(), place.tenant), false).await?;
        let new = NewUser { email: email.into(), display_name: "Somebody".into(), roles: vec!["bench".into()] };
        let made = auth::invite(&mut tx, &new).await?;
        tx.commit("auth.user.invite", "auth.users").await?;
        auth::accept_invitation(&place.db, &made.token, PASSWORD).await?;
    }
    place.behind_a_proxy().await?;
    let mut client = Client::with(&place.server()?.address, Vec::new()).await?;
    for _ in 0..5 {
        attempt(&mut client, WHOM[3], "192.0.2.1", 401).await?;
    }
    let admin = place.connect("salus_admin").await?;
    let mut times = [const { Vec::new() }; 4];
    for round in 0..rounds {
        for turn in 0..4 {
            let which = (round + turn) % 4;
            let from = if which == 3 {
                "192.0.2.1".to_owned()
            } else {
                format!("10.{}.{}.1", which * 64 + round / 256, round % 256)
            };
            let begun = Instant::now();
            attempt(&mut client, WHOM[which], &from, WHOM[which].3).await?;
            times[which].push(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
        }
        if round % TAKE_BACK == 0 {
            admin.batch_execute("UPDATE auth.users SET failed_attempts = 0").await.map_err(crate::report::fault)?;
        }
    }
    let millis = |micros: &[u64]| median(micros.iter().map(|us| percentile(&[*us], 50)));
    let known = millis(&times[0]);
    for (at, (what, ..)) in WHOM.iter().enumerate() {
        let own = millis(&times[at]);
        report.rows.push(Row::fact("A38", format!("{what}, median of {rounds}"), (own, "ms")));
        if at > 0 {
            report.rows.push(Row::at_most(
                "A38",
                "its distance from the first",
                ((own - known).abs(), "ms"),
                MOST_APART,
            ));
        }
    }
    Ok(())
}

async fn attempt(
    client: &mut Client,
    (what, organization, email, _): (&str, &str, &str, u16),
    from: &str,
    status: u16,
) -> Result<()> {
    client.say(HeaderName::from_static("x-forwarded-for"), from.to_owned());
    let body = json!({"organization": organization, "email": email, "password": "not the password"});
    let (got, told) = client.send("/api/auth/token", Some(body.to_string())).await?;
    must(got == status, &format!("{what} from {from} answered {got}: {}", String::from_utf8_lossy(&told)))
}
