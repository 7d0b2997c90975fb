//! `salus serve`: from whatever state the data directory is in to a serving platform, or to words that say why not.

use super::{
    ServeArgs,
    backup::{self, drills, schedule},
    dispatching, rotating, rows, sealing,
};
use crate::{
    output::{Outcome, say},
    place::Place,
};
use salus_core::{Ctx, Error, Result};
use salus_domains::{
    auth::{self, Courier, Medium},
    demo::{self, Loaded},
};
use salus_store::{
    Db, Tenant,
    cluster::{keep_ballast, version_refusal},
    migrate,
    outbound::Outbound,
    runtime,
};
use salus_web::{
    App, Options,
    http::{Limits, serve},
};
use serde_json::json;
use std::sync::Arc;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

/// MiB kept for a full disk when the settings do not say.
const BALLAST_MIB: u64 = 256;

pub async fn run(mut place: Place, args: ServeArgs, as_json: bool) -> Result<Outcome> {
    let listener = listener(&place, &args).await?;
    let address = listener.local_addr().map_err(Error::internal)?;
    runtime::allow_open_files();
    // Taken before anything is started, so that a stop during start-up is a clean one as well.
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt()).map_err(Error::internal)?,
        signal(SignalKind::terminate()).map_err(Error::internal)?,
    );

    let base = match &place.config.public_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => format!("http://{address}"),
    };
    let ready = tokio::select! {
        ready = prepare(&mut place, args.demo, (&base, as_json)) => ready?,
        _ = interrupt.recv() => return Ok(stopped()),
        _ = terminate.recv() => return Ok(stopped()),
    };
    let place = Arc::new(place);
    announce((&base, &format!("http://{address}")), &ready, as_json);
    let db = ready.db.clone();
    let carriers = Arc::new(place.config.carriers(&base)?);
    let outbound = place.config.outbound()?;
    let options = options(&place, (&base, ready.demo), (carriers.clone(), outbound.clone()), ready.notices)?;
    let app = App::with(ready.db, options)?;
    let jobs = Arc::new(salus_domains::jobs(&carriers, &outbound)?);
    let anchors = place.anchors()?;
    let sealing = place.log()?.map(|log| sealing::begin(log, db.clone(), anchors, place.receipts_of_all(Vec::new())));
    let backups = schedule::begin(&place, &db);
    let drills = drills::begin(&place);
    let rotating = rotating::begin(db.clone());
    let dispatching = dispatching::begin(db.clone(), jobs);
    let looking = rows::begin(&place, db.clone());
    let stop = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping: open requests are finished first");
    };
    serve(listener, app.router(), Limits::default(), stop).await.map_err(Error::internal)?;
    rotating.end().await;
    dispatching.end().await;
    looking.end().await;
    if let Some(sealing) = sealing {
        sealing.end().await;
    }
    if let Some(drills) = drills {
        drills.end().await;
    }
    if let Some(backups) = backups {
        backups.end().await;
    }
    // Connections end before the database they are to does, or each would be reported as broken.
    db.close().await;
    drop(place);
    Ok(stopped())
}

/// What surrounds the application.
fn options(
    place: &Place,
    (base, demo): (&str, bool),
    (courier, outbound): (Arc<dyn Courier>, Outbound),
    notices: Vec<String>,
) -> Result<Options> {
    let carried = Medium::CODES.into_iter().any(|medium| courier.carries(medium));
    Ok(Options {
        secure: base.starts_with("https://"),
        notices,
        public_url: place.config.public_url.clone(),
        courier: Some(courier),
        outbound: Some(outbound),
        proxies: place.config.proxies()?,
        // In a demonstration codes by e-mail and SMS are shown on a page where nothing carries them.
        simulator: (demo && !carried).then(Default::default),
    })
}

/// Where it is asked to listen.
async fn listener(place: &Place, args: &ServeArgs) -> Result<TcpListener> {
    let listen = args
        .listen
        .clone()
        .or_else(|| args.port.map(|p| format!("127.0.0.1:{p}")))
        .or_else(|| place.config.listen.clone());
    let listen = listen.unwrap_or_else(|| "127.0.0.1:8080".into());
    let refused = |e| Error::Unavailable(format!("cannot listen on {listen}: {e}; {}", listen_fix(&e)));
    TcpListener::bind(&listen).await.map_err(refused)
}

fn listen_fix(e: &std::io::Error) -> &'static str {
    if e.kind() == std::io::ErrorKind::AddrInUse {
        "another program listens there: --port 0 takes a free port"
    } else {
        "give an address of this machine and a port, such as 127.0.0.1:8080"
    }
}

struct Ready {
    db: Db,
    notices: Vec<String>,
    loaded: Vec<Loaded>,
    /// Whether demonstration tenants belong here.
    demo: bool,
    /// Whether there is no tenant to sign in to.
    empty: bool,
    /// Tenants without an emergency credential.
    unsealed: Vec<String>,
}

fn stopped() -> Outcome {
    Outcome::done(json!({"status": "stopped"}), "stopped")
}

async fn prepare(place: &mut Place, load_demo: bool, (base, as_json): (&str, bool)) -> Result<Ready> {
    let kept = keep_room(place);
    if place.may_migrate() {
        rows::migrate(place, migrate::Files::embedded()?, None).await?;
    }
    // What would refuse to serve refuses before a key is made.
    place.check().await?;
    if let Some(identity) = make_keys(place).await? {
        tell_recovery(&identity, as_json);
        if place.config.kms.is_some() {
            place.keep_identity().await?;
        }
    }
    let db = place.db_checked().await?;
    if let Some(mib) = kept {
        db.keep_room(place.config.home.clone(), mib);
    }
    // A database restored from an earlier time may have the keys of persons who were erased since.
    let replayed = db.replay_erasures(&place.erasures()).await?;
    if replayed.erased_again > 0 {
        tracing::warn!(
            persons = replayed.erased_again,
            "persons were erased again: the database was older than the ledger"
        );
    }
    let added = db.complete_ledger(&place.erasures()).await?;
    if added > 0 {
        tracing::warn!(
            persons = added,
            "the erasure ledger lacked persons whom the database knows to be erased: added"
        );
    }
    backup::note(place, &db).await?;
    let mut notices = Vec::new();
    let sql = "SELECT current_setting('server_version_num')::int";
    let version = place.admin().await?.query_one(sql, &[]).await.map_err(Error::internal)?.get(0);
    if let Some(why) = version_refusal(version) {
        notices.push(why);
    }
    if place.log()?.is_none() {
        notices.push("the audit log is not sealed: set DATABASE_SEALER_URL (see docs/OPERATIONS.md)".into());
    }
    let demo = load_demo && !demo::is_production(&db).await?;
    if load_demo && !demo {
        notices.push("this database is marked production: no demonstration data goes into it".into());
    }
    let loaded = if demo { demonstrate(&db, (base, as_json)).await? } else { Vec::new() };
    let tenants = db.tenants().await?;
    let unsealed = unsealed(&db, &tenants).await?;
    Ok(Ready { db, notices, loaded, demo, empty: tenants.is_empty(), unsealed })
}

/// Loads the demonstration tenants that are not there yet.
async fn demonstrate(db: &Db, (base, as_json): (&str, bool)) -> Result<Vec<Loaded>> {
    let mut loaded = Vec::new();
    for name in demo::names() {
        if !demo::exists(db, &name).await? {
            tracing::info!(tenant = %name, "loading demonstration data");
            let tenant = match demo::load(db, &name).await {
                // Another server has loaded it meanwhile.
                Err(Error::Conflict { code: "tenant_exists", .. }) => continue,
                other => other?,
            };
            if !as_json {
                tell_links(base, &tenant);
            }
            loaded.push(tenant);
        }
    }
    Ok(loaded)
}

/// Organizations, other than demonstrations, that have no emergency credential: nobody could come in when nobody can sign in.
async fn unsealed(db: &Db, tenants: &[Tenant]) -> Result<Vec<String>> {
    let mut lacking = Vec::new();
    for tenant in tenants.iter().filter(|t| t.state == "active" && !t.is_demo) {
        let mut tx = db.begin(Ctx::operator(db.env(), tenant.id), true).await?;
        if !auth::ways_back(&mut tx).await?.emergency {
            lacking.push(tenant.slug.clone());
        }
        tx.finish_unrecorded().await?;
    }
    Ok(lacking)
}

/// Keeps some room on the disk of the private cluster for the day when it is full; how many MiB.
fn keep_room(place: &Place) -> Option<u64> {
    let mib = place.config.ballast_mib.unwrap_or(BALLAST_MIB);
    if mib == 0 || place.cluster().is_none() {
        return None;
    }
    match keep_ballast(&place.config.home, mib) {
        Ok(true) => return Some(mib),
        Ok(false) => tracing::warn!("the disk has too little room to keep some for the day when it is full"),
        Err(e) => tracing::warn!(error = %e, "no room is kept for the day when the disk is full"),
    }
    None
}

/// Makes the root key of a new installation. A database that already holds keys gets none: its key must be restored.
async fn make_keys(place: &Place) -> Result<Option<String>> {
    let keys = place.keys();
    if keys.exists() {
        return Ok(None);
    }
    let mut admin = place.admin().await?;
    // A role that row-level security binds sees the keys of one tenant at a time; the platform has keys whenever any
    // tenant does.
    let tx = admin.transaction().await.map_err(Error::internal)?;
    let as_platform = "SELECT set_config('salus.tenant', $1, true), set_config('salus.scope', 'tenant', true)";
    tx.query_one(as_platform, &[&salus_core::PLATFORM.to_string()]).await.map_err(Error::internal)?;
    let held = tx.query_one("SELECT EXISTS (SELECT FROM kernel.keys)", &[]).await.map_err(Error::internal)?;
    tx.rollback().await.map_err(Error::internal)?;
    if held.get(0) {
        return Err(Error::Unavailable(format!(
            "the database holds sealed data, but there is no root key in {}: restore root.age and operator.key; a new key would open nothing",
            keys.root.display()
        )));
    }
    keys.init(&[]).map(Some)
}

/// What is to be known: the address for browsers, and, where a proxy has that, the one that is listened on.
fn announce((base, listens): (&str, &str), ready: &Ready, as_json: bool) {
    if as_json {
        let links: Vec<_> = ready
            .loaded
            .iter()
            .flat_map(|t| t.invitations.iter().map(|i| json!({"tenant": t.slug, "email": i.email, "roles": i.roles, "link": format!("{base}/setup/{}", i.token)})))
            .collect();
        let told = json!({"address": base, "listens": listens, "setup_links": links, "without_emergency_credential": ready.unsealed});
        say(&told.to_string());
        return;
    }
    if ready.empty {
        say("There is no tenant yet. Make one with: salus tenant create, then salus user invite.");
    }
    for slug in &ready.unsealed {
        say(&format!(
            "Tenant {slug} has no emergency credential: salus user seal-emergency --tenant {slug} --role admin"
        ));
    }
    for notice in &ready.notices {
        say(&format!("Notice: {notice}"));
    }
    let behind = if base == listens { String::new() } else { format!(", by {listens}") };
    say(&format!("Salus serves on {base}{behind}"));
}

/// Told as soon as they exist, as a recovery identity is: whoever stops while the next tenant is loaded still has them.
fn tell_links(base: &str, tenant: &Loaded) {
    say(&format!("Tenant {} was loaded. One-time links to choose a password (72 hours):", tenant.slug));
    for i in &tenant.invitations {
        say(&format!("    {} ({}): {base}/setup/{}", i.email, i.roles.join(", "), i.token));
    }
    say("");
}

/// Told as soon as it exists: whatever fails afterwards, it is not lost.
fn tell_recovery(identity: &str, as_json: bool) {
    if as_json {
        say(&json!({"recovery_identity": identity}).to_string());
        return;
    }
    say(
        "A root key was made. It is the only way to the sealed data: without it, and without this recovery identity,\n\
             everything sealed is lost for good. Write the identity down now and keep it away from this machine;\n\
             it is not stored and not shown again:\n",
    );
    say(&format!("    {identity}\n"));
}
