//! A40: how soon what is taken away is so. A person with an open page and an open stream of alerts, or a program with a stream, asks every 20 ms; then the account,
//! the session, the roles, the key or the whole organization is taken away, and it is told when the last answered request was sent and when the
//! connections were closed.

use crate::{
    Sizes,
    http::Client,
    measure::percentile,
    place::{Place, api_key, organization},
    report::{Report, Row, fault, must, progress},
};
use futures_util::{StreamExt as _, future::try_join_all};
use http_body_util::BodyExt as _;
use hyper::{
    body::Incoming,
    header::{self, HeaderName},
};
use salus_core::{Ctx, Error, Permissions, Result};
use salus_domains::auth::{self, NewUser, SignIn};
use salus_store::{Db, engine::NewRow};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest as _},
};
use uuid::Uuid;

const PASSWORD: &str = "Correct-Horse-7-Battery";
const OWN: &str = "/api/v1/medical/patients?limit=1";
const ALERTS: &str = "/api/v1/alerts/real-time";
/// Organizations in which cuts are made at the same time.
const AT_ONCE: usize = 5;
/// How often the person asks.
const PAUSE: Duration = Duration::from_millis(20);
/// When a cut that is not noticed ends the run.
const LOST: Duration = Duration::from_secs(30);
/// Milliseconds that 99 of 100 stay under.
const WITHIN: f64 = 1000.0;

/// What is taken away.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    User,
    Session,
    Roles,
    Key,
    Tenant,
}

impl Cut {
    const ALL: [(Self, &'static str); 5] = [
        (Self::User, "an account"),
        (Self::Session, "a session"),
        (Self::Roles, "all roles"),
        (Self::Key, "an API key"),
        (Self::Tenant, "an organization"),
    ];
}

/// An organization with somebody who takes away.
struct Town {
    db: Db,
    slug: String,
    tenant: Uuid,
    owner: Client,
    address: String,
}

/// Who loses something.
struct Person {
    user: Uuid,
    client: Client,
    socket: Option<WebSocketStream<TcpStream>>,
    stream: Incoming,
}

/// Microseconds after a cut.
struct Times {
    answered: u64,
    closed: Vec<u64>,
}

/// Measures all five.
///
/// # Errors
/// Those of the server, and a cut that is not noticed.
pub async fn measure(place: &mut Place, sizes: Sizes, report: &mut Report) -> Result<()> {
    place.serve().await?;
    let mut towns = Vec::new();
    for number in 0..AT_ONCE {
        towns.push(Town::make(place, &format!("town{number}")).await?);
    }
    let each = (sizes.attempts / 2).div_ceil(AT_ONCE);
    for (cut, what) in Cut::ALL {
        progress(&format!("taking away {what}: {} times", each * AT_ONCE));
        let all = towns.iter_mut().map(|town| async move {
            let mut times = Vec::new();
            for _ in 0..each {
                times.push(town.cut(cut).await?);
            }
            Ok::<_, Error>(times)
        });
        let all: Vec<Times> = try_join_all(all).await?.into_iter().flatten().collect();
        let mut answered: Vec<u64> = all.iter().map(|t| t.answered).collect();
        let mut closed: Vec<u64> = all.iter().flat_map(|t| t.closed.iter().copied()).collect();
        answered.sort_unstable();
        closed.sort_unstable();
        for (name, micros) in [("last request that is answered", &answered), ("connections closed", &closed)] {
            let work = format!("{what}: {name}, p50 of {}", micros.len());
            report.rows.push(Row::fact("A40", work, (percentile(micros, 50), "ms")));
            report.rows.push(Row::at_most("A40", "p99", (percentile(micros, 99), "ms"), WITHIN));
        }
    }
    Ok(())
}

impl Town {
    async fn make(place: &Place, slug: &str) -> Result<Self> {
        let (db, address) = (place.db.clone(), place.server()?.address.clone());
        let tenant = db.create_tenant(slug, false).await?;
        organization(&db, tenant).await?;
        let key = api_key(&db, tenant).await?;
        let [role, permission] = [db.env().id(), db.env().id()];
        let mut tx = db.begin(Ctx::operator(db.env(), tenant), false).await?;
        let rows = [
            (
                "auth.permissions",
                permission,
                json!({"name": "WORK", "patterns": ["medical.*.read", "kernel.phi.read", "ops.alert.*"]}),
            ),
            ("auth.roles", role, json!({"name": "worker", "scope": "tenant"})),
            ("auth.role_permissions", db.env().id(), json!({"role_id": role, "permission_id": permission})),
            (
                "kernel.settings",
                db.env().id(),
                json!({"name": "security.configuration", "value": {"requireMfa": false}}),
            ),
        ];
        for (table, id, values) in rows {
            let values = values.as_object().cloned().unwrap_or_default();
            tx.insert(table, &[NewRow { id, values }]).await?;
        }
        tx.commit("kernel.demo.load", "kernel.tenants").await?;
        let owner = Client::connect(&address, &key).await?;
        Ok(Self { db, slug: slug.to_owned(), tenant, owner, address })
    }

    /// Takes something away from somebody new.
    async fn cut(&mut self, cut: Cut) -> Result<Times> {
        let mut person = if cut == Cut::Key { self.program().await? } else { self.person().await? };
        person.client.expect(OWN, None, 200).await?;
        let cut_at = self.take(cut, &person).await?;
        let Person { client, socket, stream, .. } = person;
        // The page of a person without roles goes on: it shows that they have none.
        let socket = socket.filter(|_| cut != Cut::Roles);
        let closed = async {
            let (stream, socket) = tokio::join!(ended(stream, cut_at), async {
                match socket {
                    Some(socket) => Some(closed(socket, cut_at).await),
                    None => None,
                }
            });
            [Some(stream), socket].into_iter().flatten().map(micros).collect::<Vec<_>>()
        };
        let (answered, closed) = tokio::join!(last_answered(client, cut_at), tokio::time::timeout(LOST, closed));
        let closed = closed.map_err(|_| Error::internal("a connection stays open"))?;
        if cut == Cut::Tenant {
            self.db.set_tenant_state(&self.slug, ("suspended", "active")).await?;
            while self.owner.send(OWN, None).await?.0 != 200 {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(Times { answered: micros(answered?), closed })
    }

    /// Does it; says when it was done.
    async fn take(&mut self, cut: Cut, person: &Person) -> Result<Instant> {
        let of = |table: &str| format!("/api/v1/auth/{table}?user_id={}&fields=id", person.user);
        match cut {
            Cut::Tenant => {
                self.db.set_tenant_state(&self.slug, ("active", "suspended")).await?;
            }
            Cut::User => self.act(&format!("/api/v1/auth/users/{}/disable", person.user), "null").await?,
            Cut::Roles => {
                self.act(&format!("/api/v1/auth/users/{}/roles", person.user), "{\"roles\":[]}").await?;
            }
            Cut::Session | Cut::Key => {
                let table = if cut == Cut::Key { "api-keys" } else { "sessions" };
                let found = self.owner.expect(&of(table), None, 200).await?;
                let found: Value = serde_json::from_slice(&found).map_err(fault)?;
                let id = found["data"][0]["id"].as_str().unwrap_or_default().to_owned();
                self.act(&format!("/api/v1/auth/{table}/{id}/revoke"), "null").await?;
            }
        }
        Ok(Instant::now())
    }

    async fn act(&mut self, path: &str, body: &str) -> Result<()> {
        self.owner.expect(path, Some(body.to_owned()), 200).await.map(|_| ())
    }

    /// A person before a page.
    async fn person(&self) -> Result<Person> {
        let email = format!("{}@town.example", self.db.env().id().simple());
        let mut tx = self.db.begin(Ctx::operator(self.db.env(), self.tenant), false).await?;
        let new = NewUser { email, display_name: "Somebody".into(), roles: vec!["worker".into()] };
        let made = auth::invite(&mut tx, &new).await?;
        tx.commit("auth.user.invite", "auth.users").await?;
        let (_, signed) = auth::accept_and_sign_in(&self.db, &made.token, PASSWORD, ("127.0.0.1", "bench")).await?;
        let SignIn::Session(signed) = signed else { return Err(Error::internal("no session")) };
        let headers = vec![
            (header::COOKIE, format!("salus_session={}", signed.token)),
            (HeaderName::from_static("sec-fetch-site"), "same-origin".to_owned()),
        ];
        let mut client = Client::with(&self.address, headers).await?;
        let ticket = client.expect("/ws/ticket", Some(String::new()), 200).await?;
        let ticket: Value = serde_json::from_slice(&ticket).map_err(fault)?;
        let address = format!("ws://{}/ws?ticket={}", self.address, ticket["ticket"].as_str().unwrap_or_default());
        let mut request = address.into_client_request().map_err(fault)?;
        let origin = format!("http://{}", self.address).parse().map_err(fault)?;
        request.headers_mut().insert(header::ORIGIN, origin);
        let stream = TcpStream::connect(&self.address).await.map_err(fault)?;
        let (socket, _) = client_async(request, stream).await.map_err(fault)?;
        let stream = alerts(&client).await?;
        Ok(Person { user: made.user, client, socket: Some(socket), stream })
    }

    /// A program with a key.
    async fn program(&self) -> Result<Person> {
        let ctx = Ctx::operator(self.db.env(), self.tenant);
        let mut tx = self.db.begin(ctx.clone(), false).await?;
        let user = auth::create_service(&mut tx, "A program", &["worker".to_owned()]).await?;
        tx.commit("auth.user.create_service", "auth.users").await?;
        let new =
            auth::NewApiKey { name: "bench", scopes: Permissions::default(), days: 1, ..auth::NewApiKey::default() };
        let key = auth::create_api_key(&self.db, &ctx, user, &new).await?;
        let client = Client::connect(&self.address, &key.text).await?;
        let stream = alerts(&client).await?;
        Ok(Person { user, client, socket: None, stream })
    }
}

/// A stream of alerts that has begun.
async fn alerts(client: &Client) -> Result<Incoming> {
    let mut own = client.again().await?;
    own.say(header::ACCEPT, "text/event-stream".to_owned());
    let response = own.open(ALERTS, None).await?;
    must(response.status() == 200, &format!("{ALERTS} answered {}", response.status()))?;
    let mut body = response.into_body();
    let first = body.frame().await;
    must(matches!(first, Some(Ok(_))), "a stream says what is open")?;
    Ok(body)
}

/// How long after the cut the last request was sent that is answered.
async fn last_answered(mut client: Client, cut: Instant) -> Result<Duration> {
    let mut last = Duration::ZERO;
    loop {
        let sent = Instant::now();
        match client.send(OWN, None).await?.0 {
            200 => last = sent.saturating_duration_since(cut),
            401 | 403 => return Ok(last),
            other => return Err(Error::internal(format!("{OWN} answered {other}"))),
        }
        must(cut.elapsed() < LOST, "what was taken away is there")?;
        tokio::time::sleep(PAUSE).await;
    }
}

/// When a stream said that it ends, or did.
async fn ended(mut body: Incoming, cut: Instant) -> Duration {
    let mut told = String::new();
    while let Some(Ok(frame)) = body.frame().await {
        told.push_str(&frame.into_data().map(|d| String::from_utf8_lossy(&d).into_owned()).unwrap_or_default());
        if told.contains("event: ended") || told.contains("event:ended") {
            break;
        }
    }
    cut.elapsed()
}

/// When a live connection was closed.
async fn closed(mut socket: WebSocketStream<TcpStream>, cut: Instant) -> Duration {
    while let Some(Ok(message)) = socket.next().await {
        if matches!(message, Message::Close(_)) {
            break;
        }
    }
    cut.elapsed()
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
