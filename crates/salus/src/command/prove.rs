//! `salus prove`: each promise tried on one's own database, one line each with what was seen and what to do.

use super::backup::schedule::{self, Looked};
use crate::{
    output::{Outcome, table},
    place::Place,
};
use clap::ValueEnum;
use salus_core::{Error, Result};
use salus_domains::{
    compliance::{self, Proof, Verdict},
    operations, prove,
};
use salus_store::{
    Db,
    audit::{Evidence, Look, verify},
    cluster::version_refusal,
    lint, migrate, runtime,
    scan::Scanner,
    schema,
};
use serde_json::{Value, json};
use std::{path::PathBuf, time::Instant};

/// A promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Two scratch tenants are planted, and every table and every operation is tried across them.
    Isolation,
    /// The schema breaks no rule of tenancy, performance or naming.
    Tenancy,
    /// The live schema is the one this program expects.
    Schema,
    /// A canary is planted in every sealed column and searched for in the files of the database.
    Encryption,
    /// Every key unwraps and opens its canary.
    Keys,
    /// The whole audit log is verified against its signed heads, anchors and receipts.
    Audit,
    /// There is a fresh backup, its log goes on, and the last drill of a restore was well.
    Backups,
    /// The database is set so that an acknowledged write survives a crash.
    Configuration,
    /// Nothing travels readable on a network.
    Transport,
    /// PostgreSQL has no known hole in row-level security.
    Version,
}

/// What a proof saw.
struct Seen {
    verdict: Verdict,
    reason: String,
    fix: String,
    detail: Value,
}

impl Seen {
    fn holds(reason: impl Into<String>) -> Self {
        Self { verdict: Verdict::Holds, reason: reason.into(), fix: String::new(), detail: Value::Null }
    }

    fn fails(reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fails, fix: fix.into(), ..Self::holds(reason) }
    }

    fn unproven(reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { verdict: Verdict::Unproven, ..Self::fails(reason, fix) }
    }

    /// Holds when nothing was found; otherwise the first finding and how many more there are.
    fn unless<T: std::fmt::Display>(found: &[T], holds: impl Into<String>, fix: &str) -> Self {
        match found {
            [] => Self::holds(holds),
            [only] => Self::fails(only.to_string(), fix),
            [first, more @ ..] => Self::fails(format!("{first}; and {} more", more.len()), fix),
        }
    }

    fn with(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }
}

/// What `salus serve` proves every day by itself: all that plants nothing and reads no whole disk.
const DAILY: [What; 8] = [
    What::Audit,
    What::Tenancy,
    What::Schema,
    What::Keys,
    What::Backups,
    What::Configuration,
    What::Transport,
    What::Version,
];

/// Runs one proof, those of every day or all of them.
pub async fn run(place: &Place, what: Option<What>, only_daily: bool) -> Result<Outcome> {
    // What cannot be opened cannot be proved anything of, nor written to.
    let db = place.db_as_it_is().await?;
    match what {
        _ if only_daily => daily(place, &db).await,
        Some(one) => prove(place, &db, &[one]).await,
        None => prove(place, &db, What::value_variants()).await,
    }
}

/// Proves what is proved every day. What fails becomes an alert, which is made from what is kept.
pub async fn daily(place: &Place, db: &Db) -> Result<Outcome> {
    let done = prove(place, db, &DAILY).await?;
    if !done.ok {
        tracing::error!("a promise of the installation was proved untrue: see the compliance page, or salus prove");
    }
    Ok(done)
}

/// Runs proofs, and writes down what came of each. One that fails keeps no other from running.
async fn prove(place: &Place, db: &Db, all: &[What]) -> Result<Outcome> {
    let (mut proofs, mut details) = (Vec::new(), Vec::new());
    for what in all.iter().copied() {
        let since = Instant::now();
        let seen = Box::pin(try_one(place, db, what)).await.unwrap_or_else(|e| broke_off(&e));
        let milliseconds = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let Seen { verdict, reason, fix, detail } = seen;
        let report = for_all(what, &detail);
        proofs.push(Proof { name: name(what), verdict, reason, fix, milliseconds, report });
        details.push(detail);
    }
    compliance::keep(db, &proofs).await?;
    let ok = proofs.iter().all(|p| p.verdict != Verdict::Fails);
    let json: Vec<Value> = proofs
        .iter()
        .zip(&details)
        .map(|(p, d)| {
            let mut line = json!(p);
            line["report"] = d.clone();
            line
        })
        .collect();
    Ok(Outcome { json: json!({"ok": ok, "proofs": json}), text: words(&proofs, &details), ok })
}

/// Entries of a list that are kept for all tenants.
const NAMED: usize = 50;

/// What of the detail every tenant may read: numbers, and names of the schema and of settings. What names a tenant, a file or
/// an event stays with the operator, as a number.
fn for_all(what: What, detail: &Value) -> Value {
    let pick = |from: &Value, names: &[&str]| -> Value {
        names
            .iter()
            .filter(|name| !from[**name].is_null())
            .map(|name| ((*name).to_owned(), from[*name].clone()))
            .collect()
    };
    let counted = |mut kept: Value, from: &Value, names: &[&str]| {
        for name in names {
            kept[*name] = json!(from[*name].as_array().map_or(0, Vec::len));
        }
        kept
    };
    let each = |list: &Value, names: &[&str]| -> Value {
        list.as_array().into_iter().flatten().take(NAMED).map(|one| pick(one, names)).collect()
    };
    match what {
        _ if detail.is_null() => Value::Null,
        What::Isolation => {
            let mut kept = pick(&detail["report"], &["tables", "operations", "milliseconds"]);
            kept["checks"] = each(&detail["report"]["checks"], &["name", "tried"]);
            counted(kept, detail, &["leaks", "not_tried"])
        }
        What::Tenancy | What::Schema => detail.as_array().into_iter().flatten().take(NAMED).cloned().collect(),
        What::Encryption => counted(pick(detail, &["files", "bytes"]), detail, &["hits"]),
        What::Keys => counted(pick(detail, &["unwrapped", "canaries"]), detail, &["problems", "notes"]),
        What::Audit => {
            let names =
                ["size", "root", "key", "unsealed", "checkpoints", "anchored", "declared", "receipts", "seconds"];
            let mut kept = pick(detail, &names);
            kept["problems"] = each(&detail["problems"], &["kind", "count", "epoch", "first"]);
            kept["epochs"] = each(&detail["epochs"], &["number", "size", "root"]);
            counted(kept, detail, &["unread"])
        }
        What::Backups => counted(pick(detail, &["notes"]), detail, &["problems"]),
        What::Configuration => {
            let names = ["version", "fsync", "full_page_writes", "data_checksums", "synchronous_commit", "problems"];
            pick(detail, &names)
        }
        What::Transport | What::Version => Value::Null,
    }
}

/// A proof that could not be carried out shows nothing, and that is not well either.
fn broke_off(e: &Error) -> Seen {
    let fix = match e {
        Error::Conflict { .. } => "wait until the other proof has ended, and run it again",
        _ => "run it again with --verbose; salus doctor database and salus db verify look at the database itself",
    };
    Seen::fails(format!("the proof broke off: {e}"), fix)
}

fn name(what: What) -> &'static str {
    match what {
        What::Isolation => "isolation",
        What::Tenancy => "tenancy",
        What::Schema => "schema",
        What::Encryption => "encryption",
        What::Keys => "keys",
        What::Audit => "audit",
        What::Backups => "backups",
        What::Configuration => "configuration",
        What::Transport => "transport",
        What::Version => "version",
    }
}

fn words(proofs: &[Proof], details: &[Value]) -> String {
    let rows: Vec<Vec<String>> = proofs
        .iter()
        .map(|p| {
            let verdict =
                if p.verdict == Verdict::Fails { "FAILS".to_owned() } else { p.verdict.code().to_lowercase() };
            vec![verdict, p.name.to_owned(), format!("{} ms", p.milliseconds), p.reason.clone()]
        })
        .collect();
    let mut lines = vec![table(&["", "proof", "took", "what was seen"], &rows), String::new()];
    lines.extend(proofs.iter().filter(|p| !p.fix.is_empty()).map(|p| format!("{}: {}", p.name, p.fix)));
    let list = |d: &Value, name: &str| -> Vec<String> {
        d[name].as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
    };
    for detail in details {
        lines.extend(list(detail, "leaks").iter().map(|l| format!("LEAK: {l}")));
        lines.extend(list(detail, "not_tried").iter().map(|l| format!("not tried: {l}")));
    }
    let count = |verdict| proofs.iter().filter(|p| p.verdict == verdict).count();
    lines.push(format!(
        "{} of {} hold, {} fail, {} could not be tried here",
        count(Verdict::Holds),
        proofs.len(),
        count(Verdict::Fails),
        count(Verdict::Unproven)
    ));
    lines.join("\n")
}

async fn try_one(place: &Place, db: &Db, what: What) -> Result<Seen> {
    match what {
        What::Isolation => isolation(db).await,
        What::Tenancy => {
            let found = lint::check(&place.admin().await?).await?;
            let fix = "run salus doctor tenancy, which names each place and its fix";
            Ok(Seen::unless(&found, "no rule is broken", fix).with(json!(found)))
        }
        What::Schema => {
            let found = super::rows::changed_schema(place, db).await?;
            let holds = format!("{} objects of the schema are what they should be", schema::expected()?.len());
            let told: Vec<String> = found.iter().map(ToString::to_string).collect();
            Ok(Seen::unless(&found, holds, "run salus db repair, which plans the way back").with(json!(told)))
        }
        What::Encryption => encryption(place, db).await,
        What::Keys => {
            let report = db.check_keys().await?;
            let holds = format!("{} keys unwrapped, {} canaries opened", report.unwrapped, report.canaries);
            let fix = "run salus keys doctor; restore root.age and operator.key where the root key is the wrong one";
            // Which tenant's key it is, is the operator's to know.
            let told = if report.problems.is_empty() { vec![] } else { vec!["a key or its canary does not open"] };
            Ok(Seen::unless(&told, holds, fix).with(json!(report)))
        }
        What::Audit => audit(place, db).await,
        What::Backups => backups(place).await,
        What::Configuration => {
            let admin = place.admin().await?;
            let mut health = migrate::health(&admin).await?;
            // What holds for a role or a database wins over the server's own settings.
            let sql = "SELECT coalesce(r.rolname, 'every role') FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole \
                       WHERE EXISTS (SELECT FROM unnest(s.setconfig) c WHERE c ~ '^synchronous_commit=(off|local|false|no|0)$')";
            for row in admin.query(sql, &[]).await.map_err(Error::internal)? {
                health.problems.push(format!("synchronous_commit is turned off for {}", row.get::<_, &str>(0)));
            }
            let holds = "fsync, full_page_writes, data checksums and synchronous commits are on";
            let fix = "change the setting it names in postgresql.conf and restart";
            Ok(Seen::unless(&health.problems, holds, fix).with(json!(health)))
        }
        What::Transport => transport(place).await,
        What::Version => version(place).await,
    }
}

async fn isolation(db: &Db) -> Result<Seen> {
    let report = prove::isolation(db, &operations(db.catalog())?).await?;
    let leaks: Vec<&str> = report.leaks().collect();
    let not_tried: Vec<&String> = report.checks.iter().flat_map(|c| &c.unproven).collect();
    let detail = json!({"leaks": leaks, "not_tried": not_tried, "report": report});
    let tried =
        format!("{} attempts over {} tables and {} operations", report.tried(), report.tables, report.operations);
    Ok(match leaks.len() {
        0 => Seen::holds(format!("{tried}, no leak")),
        n => Seen::fails(
            format!("{tried}, {n} leak(s)"),
            "stop serving until it is closed: each leak below names the table or operation",
        ),
    }
    .with(detail))
}

async fn encryption(place: &Place, db: &Db) -> Result<Seen> {
    let Some(files) = files(place) else {
        return Ok(Seen::unproven(
            "the files of the database are on another machine",
            "plant a known value and run salus doctor plaintext-scan there, on the data directory and on a backup",
        ));
    };
    let look = async |canaries: &[String]| {
        // What is only in memory has not been written yet: make the files say what they will say.
        place.admin().await?.batch_execute("CHECKPOINT").await.map_err(Error::internal)?;
        Scanner::new(canaries)?.scan(&files)
    };
    let (columns, scan) = prove::sealing(db, look).await?;
    let (places, megabytes) = (scan.hits.len(), scan.bytes / 1_000_000);
    let seen = format!("a canary in each of {columns} sealed columns, {} files of {megabytes} MB searched", scan.files);
    Ok(match places {
        0 => Seen::holds(format!("{seen}, none in clear")),
        n => Seen::fails(format!("{seen}, {n} place(s) in clear"), "stop serving: each place is in the JSON report"),
    }
    .with(json!(scan)))
}

/// Files of the private cluster: tables, indexes, write-ahead log, logs.
fn files(place: &Place) -> Option<Vec<PathBuf>> {
    place.cluster().map(|_| vec![place.config.home.join("cluster"), place.config.home.join("log")])
}

async fn audit(place: &Place, db: &Db) -> Result<Seen> {
    let Some(log) = place.log()? else {
        let fix = "set DATABASE_SEALER_URL to an address as salus_sealer (docs/OPERATIONS.md)";
        return Ok(Seen::unproven("the audit log is not sealed here", fix));
    };
    let (began, anchors, receipts) = (db.env().now(), place.anchors()?, place.receipts_of_all(Vec::new()));
    let heads = db.last_found_whole("log").await?.map_or(Look::Newest, Look::Since);
    let verified = runtime::spawn(async move {
        let evidence = Evidence { anchors: anchors.iter().map(AsRef::as_ref).collect(), receipts: &receipts, heads };
        verify(&log, &evidence).await
    });
    let report = verified.await.map_err(Error::internal)??;
    for problem in &report.problems {
        tracing::error!(%problem, "the audit log is not whole: see audit.tamper_alerts");
    }
    // One that could not ask every anchor has not found the log whole.
    if report.unread.is_empty() || !report.problems.is_empty() {
        db.note_verification("log", began, (report.size, report.problems.len() as u64), Some(&report.root)).await?;
    }
    let holds = format!(
        "{} events sealed and {} waiting, {} signed heads, {} anchored heads and {} receipts agree",
        report.size,
        report.unsealed,
        report.checkpoints,
        report.anchored,
        report.receipts.unwrap_or(0)
    );
    if report.problems.is_empty() && report.size > 0 && report.anchored == 0 && report.receipts.unwrap_or(0) == 0 {
        let fix =
            "look whether audit_anchor and audit_receipts lie where the settings say: their volume may not be there";
        return Ok(Seen::unproven(
            "there is neither an anchored head nor a receipt: nothing outside speaks for the log",
            fix,
        )
        .with(json!(report)));
    }
    if report.problems.is_empty() && !report.unread.is_empty() {
        let seen =
            format!("{} of the anchors cannot be read: what they keep was held against nothing", report.unread.len());
        let fix = "run salus audit verify, which names it, and look whether it is reached";
        return Ok(Seen::fails(seen, fix).with(json!(report)));
    }
    let told: Vec<&str> = report.problems.iter().map(|p| p.kind).collect();
    let fix = "run salus audit verify, which names the first bad place, and see docs/OPERATIONS.md";
    Ok(Seen::unless(&told, holds, fix).with(json!(report)))
}

async fn backups(place: &Place) -> Result<Seen> {
    let Some(Looked { notes, problems }) = schedule::look(place).await? else {
        let fix = "watch its backups with the tools that take them, and practise a restore";
        return Ok(Seen::unproven("the database is a server of your own, backed up by its own tools", fix));
    };
    if place.config.backup_dir.is_none() {
        let fix = "set backup_dir to a directory on another volume, and run salus drill restore (docs/OPERATIONS.md)";
        return Ok(Seen::unproven("no backup is taken by itself, and the log is not archived", fix));
    }
    let detail = json!({"notes": notes, "problems": problems});
    Ok(match problems.len() {
        0 => Seen::holds(notes.join("; ")),
        // Their words name files, which are the operator's to know.
        n => {
            Seen::fails(format!("{n} thing(s) are not as they should be"), "run salus doctor backups, which names each")
        }
    }
    .with(detail))
}

async fn transport(place: &Place) -> Result<Seen> {
    let fix = "put sslmode=verify-full in DATABASE_URL";
    let sql = "SELECT inet_client_addr() IS NULL, coalesce(ssl, false), version, cipher \
               FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let row = place.admin().await?.query_one(sql, &[]).await.map_err(Error::internal)?;
    let (socket, tls): (bool, bool) = (row.get(0), row.get(1));
    // Others of Salus' own: the server's pool, the sealer. A role that may not see them sees those of its own only.
    let sql = "SELECT count(*) FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid) \
               WHERE a.datname = current_database() AND a.usename LIKE 'salus\\_%' AND a.client_addr IS NOT NULL AND NOT s.ssl";
    let plain: i64 = place.admin().await?.query_one(sql, &[]).await.map_err(Error::internal)?.get(0);
    if plain > 0 {
        return Ok(Seen::fails(format!("{plain} connections of Salus to the database are not encrypted"), fix));
    }
    let browser = place.config.public_url.as_deref().unwrap_or_default();
    let listen = place.config.listen.as_deref().unwrap_or("127.0.0.1:8080");
    let local = listen.parse::<std::net::SocketAddr>().is_ok_and(|a| a.ip().is_loopback());
    let database = match (socket, tls) {
        (true, _) => "the database is reached through a socket file".to_owned(),
        (_, true) => format!(
            "the database is reached by {} with {}",
            row.get::<_, Option<&str>>(2).unwrap_or_default(),
            row.get::<_, Option<&str>>(3).unwrap_or_default()
        ),
        _ => return Ok(Seen::fails("the connection to the database is not encrypted", fix)),
    };
    Ok(if browser.starts_with("https://") {
        Seen::holds(format!("{database}; browsers by https"))
    } else if local {
        Seen::holds(format!("{database}; only this machine is listened to"))
    } else {
        let fix = "put a proxy that speaks TLS before Salus and set public_url to its https address";
        Seen::fails(format!("{listen} is listened to and public_url is not https"), fix)
    })
}

async fn version(place: &Place) -> Result<Seen> {
    let sql = "SELECT current_setting('server_version_num')::int, current_setting('server_version')";
    let row = place.admin().await?.query_one(sql, &[]).await.map_err(Error::internal)?;
    Ok(match version_refusal(row.get(0)) {
        Some(why) => Seen::fails(why, "update PostgreSQL from your system's packages and restart it"),
        None => Seen::holds(format!("PostgreSQL {} has no known hole in row-level security", row.get::<_, &str>(1))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_promise_of_the_page_is_proved_and_no_other() {
        let proved: Vec<&str> = What::value_variants().iter().map(|w| name(*w)).collect();
        assert_eq!(proved, compliance::PROMISES);
    }
}
