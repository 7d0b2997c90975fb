//! A restored cluster: unpacked, recovered up to the moment that was asked for, asked everything that can be asked, and
//! stopped. Nothing is served before [`Restored::before_serving`] has done what must come first.

use super::{
    RestoreArgs,
    identity::{Identity, Source},
    millis, not_ours, schedule, stamp,
};
use crate::{config::Config, output::table, place::Place};
use salus_core::{Ctx, Env, Error, PLATFORM, Result};
use salus_store::{
    Db,
    audit::{self, Evidence},
    backup::{self, Backup, Kind, Manifest, To},
    cluster::{Cluster, Settings},
    erase::Ledger,
    migrate::{self, Files},
    schema,
    seal::RootFile,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use time::OffsetDateTime;
use tokio_postgres::Client;
use zeroize::Zeroizing;

/// How long the server may replay its log before it is given up.
const RECOVERY_MAX: Duration = Duration::from_hours(12);

/// A restored cluster and what was found in it.
pub(super) struct Restored {
    pub(super) config: Config,
    identity: Zeroizing<String>,
    source: Source,
    pub(super) from: PathBuf,
    manifest: Manifest,
    to: To,
    /// The last change that was replayed.
    reached: Option<OffsetDateTime>,
    steps: Vec<(&'static str, Duration)>,
    keys: Value,
    log: Value,
    pub(super) problems: Vec<String>,
    notes: Vec<String>,
    rows: BTreeMap<String, i64>,
    counted: Option<usize>,
    /// The signed report, when it was asked for.
    pub(super) signed: Option<String>,
}

impl Restored {
    pub(super) async fn run(config: Config, args: &RestoreArgs, drill: bool) -> Result<Self> {
        backup::refuse_filled(&config.home)?;
        let to = args.to()?;
        let Identity { text, source } = Identity::find(&config, args).await?;
        Self::with((config, args), to, (text, source), drill).await
    }

    /// The same with an identity that was found.
    pub(super) async fn with(
        (config, args): (Config, &RestoreArgs),
        to: To,
        (text, source): (Zeroizing<String>, Source),
        drill: bool,
    ) -> Result<Self> {
        let from = match &args.from {
            Some(from) => from.clone(),
            None => newest(&config, &text, to)?,
        };
        let refused = if drill { Some(Backup::refuse_stranger(&from)?) } else { None };
        let backup = Arc::new(Backup::open(&from, &text)?);
        let mut restored = Self::new((config, text, source), from, backup.manifest().clone(), to);
        restored.steps.extend(refused.map(|took| ("refuse an identity that is not its own", took)));
        let began = Instant::now();
        match restored.manifest.kind {
            Kind::Base => restored.unpack(backup).await?,
            Kind::Logical => restored.load(backup).await?,
        }
        restored.keep_wrapped()?;
        restored.steps.push(("read, decrypt and unpack", began.elapsed()));
        restored.check(drill, args.erasures.as_deref()).await?;
        Ok(restored)
    }

    /// The files of a cluster.
    async fn unpack(&self, backup: Arc<Backup>) -> Result<()> {
        if self.config.database_url.is_some() || self.config.database_admin_url.is_some() {
            return Err(not_ours());
        }
        let (home, settings, to) = (self.config.home.clone(), self.config.pgbackrest_file.clone(), self.to);
        let work = move || backup.restore(&home, to, settings.as_deref());
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
    }

    /// The rows of a database, into a private cluster that is made for them or into one's own server.
    async fn load(&self, backup: Arc<Backup>) -> Result<()> {
        let (home, to, first) = (self.config.home.clone(), self.to, Arc::clone(&backup));
        let made = !home.exists();
        tokio::task::spawn_blocking(move || first.begin_load(&home, to)).await.map_err(Error::internal)??;
        let loaded = async {
            let place = self.place()?;
            if place.cluster().is_none() {
                place.reach().await?;
            }
            backup.load(&mut place.admin().await?, &place.loaded().await?).await
        };
        loaded.await.inspect_err(|_| {
            // Nothing in it is anybody else's.
            if made {
                fs::remove_dir_all(&self.config.home).ok();
            } else {
                Backup::clear(&self.config.home);
            }
        })
    }

    /// The restored database, opened with the identity at hand.
    fn place(&self) -> Result<Place> {
        let mut place = Place::open(self.config.clone())?;
        place.hold_identity(self.identity.clone());
        Ok(place)
    }

    /// Keeps what the key service wrapped with the new directory, so that its server finds it.
    fn keep_wrapped(&self) -> Result<()> {
        let Source::Service(wrapped) = &self.source else { return Ok(()) };
        let kept = RootFile::at(&self.config.home, None).operator_kms();
        fs::copy(wrapped, &kept).map(drop).map_err(|e| Error::Unavailable(format!("{}: {e}", kept.display())))
    }

    /// What a server of the new directory needs, in words.
    pub(super) fn what_now(&self) -> String {
        let home = self.config.home.display();
        let own = self.config.database_url.is_some();
        let place = if own { "The database is in your server, its keys are" } else { "The cluster is" };
        match &self.source {
            Source::File(file) => format!(
                "{place} in {home}; no identity was put there. Serve it with\n    SALUS_OPERATOR_KEY={} salus --home {home} \
                 serve\nor put the operator's identity into {home}/keys/operator.key.",
                file.display()
            ),
            Source::Service(_) => format!(
                "{place} in {home}, with the operator's identity as the key service wrapped it. Put salus.toml there and \
                 serve it with\n    salus --home {home} serve"
            ),
        }
    }

    /// Unpacked, and nothing asked yet.
    fn new(
        (config, identity, source): (Config, Zeroizing<String>, Source),
        from: PathBuf,
        manifest: Manifest,
        to: To,
    ) -> Self {
        Self {
            config,
            identity,
            source,
            from,
            manifest,
            to,
            reached: None,
            steps: Vec::new(),
            keys: Value::Null,
            log: Value::Null,
            problems: Vec::new(),
            notes: Vec::new(),
            rows: BTreeMap::new(),
            counted: None,
            signed: None,
        }
    }

    /// Starts the cluster, asks it everything that can be asked, and stops it.
    async fn check(&mut self, drill: bool, erasures: Option<&Path>) -> Result<()> {
        let mut since = Instant::now();
        let cluster = if self.manifest.kind == Kind::Base { Some(self.recover().await?) } else { None };
        let place = self.place()?;
        let admin = place.admin().await?;
        let sql = "SELECT pg_last_xact_replay_timestamp()";
        self.reached = admin.query_one(sql, &[]).await.map_err(Error::internal)?.get(0);
        self.took("start and recover", &mut since);
        if drill {
            self.rows = backup::count_rows(&admin).await?;
            self.compare();
            self.took("count rows", &mut since);
        }
        // Before anything is written: in another cluster an event has a number of before the log's end.
        if self.check_database(&admin, &mut since).await? {
            self.check_log(&place).await?;
            self.took("audit verify", &mut since);
        }
        match place.db_as_it_is().await {
            Err(e) => self.problems.push(format!("keys doctor: {e}")),
            Ok(db) => {
                let report = db.check_keys().await?;
                self.problems.extend(report.problems.iter().cloned());
                self.keys = json!({"unwrapped": report.unwrapped, "canaries": report.canaries});
                self.took("keys doctor", &mut since);
                self.before_serving(&place, &db, erasures).await?;
                db.close().await;
            }
        }
        if drill {
            self.sign(&place).await;
        }
        drop((admin, place, cluster));
        self.took("stop", &mut since);
        Ok(())
    }

    /// Starts the server that replays its log, and removes what that needed.
    async fn recover(&self) -> Result<Cluster> {
        let home = self.config.home.clone();
        let settings = Settings { patience: RECOVERY_MAX, ..Settings::default() };
        let opened =
            tokio::task::spawn_blocking(move || Cluster::open(&home, settings)).await.map_err(Error::internal)?;
        let cluster = opened.map_err(|e| self.unreached(e))?;
        Backup::restored(&self.config.home)?;
        Ok(cluster)
    }

    /// Whether the schema is the one this program knows, after looking at the database.
    async fn check_database(&mut self, admin: &Client, since: &mut Instant) -> Result<bool> {
        let source = backup::Source::read(admin).await?;
        let same = match self.manifest.kind {
            Kind::Base => source == self.manifest.source,
            // It is another cluster, and may be of a newer release.
            Kind::Logical => source.migrations == self.manifest.source.migrations,
        };
        if !same && self.to == To::Backup {
            self.problems.push("the migrations or the cluster's identifier are not those of the manifest".into());
        }
        self.problems.extend(migrate::health(admin).await?.problems);
        self.took("doctor database", since);
        let newest = Files::embedded()?.newest();
        if source.schema < newest {
            self.notes.push(format!(
                "schema {} is older than this program's {newest}: run salus db migrate; db verify and audit verify were \
                 left out",
                source.schema
            ));
            return Ok(false);
        }
        self.problems.extend(schema::verify(admin).await?.iter().map(ToString::to_string));
        self.took("db verify", since);
        Ok(true)
    }

    /// What must be done to a restored database before anybody is served from it, in this order. It is an earlier state:
    /// whatever was done since and must stay done is done again here.
    async fn before_serving(&mut self, place: &Place, db: &Db, erasures: Option<&Path>) -> Result<()> {
        self.erase_again(place, db, erasures).await?;
        let mut tx = db.begin(Ctx::operator(db.env(), PLATFORM), true).await?;
        tx.note(json!({"backup": self.manifest.id, "to": self.asked(), "reached": self.reached.map(stamp)}));
        tx.commit("kernel.database.restore", "kernel.installation").await
    }

    /// Destroys the keys of persons who were erased since the backup.
    async fn erase_again(&mut self, place: &Place, db: &Db, erasures: Option<&Path>) -> Result<()> {
        let own = place.erasures();
        if let Some(given) = erasures.filter(|given| *given != own.path()) {
            if !given.exists() {
                return Err(Error::Unavailable(format!("the erasure ledger {} is not there", given.display())));
            }
            // Kept with the new directory, so that every start repeats it; what is there already may know of later ones.
            db.take_in_erasures(&own, &Ledger::new(given.to_owned()))?;
        }
        // The server keeps a copy beside the backups.
        let root = place.keys().unlock()?;
        let beside = self.from.parent().map(|out| schedule::erasures_beside(out, &root));
        if let Some(beside) = beside.filter(|beside| beside.path().exists()) {
            db.take_in_erasures(&own, &beside)?;
        }
        if !own.path().exists() {
            self.notes.push(
                "no list of erased persons was found: name it with --erasures if anyone was erased since the backup, or they can be read again"
                    .into(),
            );
            return Ok(());
        }
        match db.replay_erasures(&own).await {
            Err(e) => self.problems.push(e.to_string()),
            Ok(r) => {
                self.notes
                    .push(format!("{} erased persons are listed, {} were erased again", r.listed, r.erased_again));
            }
        }
        Ok(())
    }

    /// The audit log by itself: its anchor and receipts belong to the installation it was taken from, and speak of later
    /// events.
    async fn check_log(&mut self, place: &Place) -> Result<()> {
        let Some(log) = place.log()? else { return Ok(()) };
        let report = audit::verify(&log, &Evidence::default()).await?;
        self.problems.extend(report.problems.iter().map(|p| format!("audit verify: {p}")));
        self.log = json!({"size": report.size, "root": report.root, "epochs": report.epochs.len(),
            "unsealed": report.unsealed, "checkpoints": report.checkpoints, "key": report.key});
        Ok(())
    }

    /// Signs the report with the key of the restored log.
    async fn sign(&mut self, place: &Place) {
        let signed = async {
            match place.log()? {
                Some(log) => audit::report::sign(&log, &self.json()).await,
                None => Ok(None),
            }
        };
        match signed.await {
            Ok(Some(note)) => self.signed = Some(note),
            Ok(None) => self.notes.push("the report is not signed: the audit log has no key yet".into()),
            Err(e) => self.problems.push(format!("the report cannot be signed: {e}")),
        }
    }

    /// Where the log ends before the time that was asked for, words that say so.
    fn unreached(&self, e: Error) -> Error {
        let ended = matches!(&e, Error::Unavailable(why) if why.contains("before configured recovery target"));
        if !ended {
            return e;
        }
        Error::Unavailable(format!(
            "the archived log holds no change that was committed after {}: --to latest restores all there is",
            self.asked()
        ))
    }

    /// In a restore as of the end of the backup each table must have the rows it had.
    fn compare(&mut self) {
        if self.to != To::Backup {
            self.counted = Some(self.rows.len());
            return;
        }
        for (table, rows) in &self.manifest.rows {
            match self.rows.get(table) {
                Some(n) if n == rows => {}
                Some(n) => self.problems.push(format!("{table} has {n} rows, and had {rows} when backed up")),
                None => self.problems.push(format!("{table} is missing")),
            }
        }
        self.counted = Some(self.manifest.rows.len());
    }

    fn took(&mut self, step: &'static str, since: &mut Instant) {
        self.steps.push((step, since.elapsed()));
        *since = Instant::now();
    }

    fn asked(&self) -> String {
        match self.to {
            To::Backup => "backup".into(),
            To::Latest => "latest".into(),
            To::Time(at) => stamp(at),
        }
    }

    pub(super) fn ok(&self) -> bool {
        self.problems.is_empty()
    }

    pub(super) fn json(&self) -> Value {
        let steps: Vec<Value> = self.steps.iter().map(|(s, took)| json!({"step": s, "ms": millis(*took)})).collect();
        let m = &self.manifest;
        let verified = m.pgbackrest.is_none() && m.kind == Kind::Base;
        let not_counted: &[String] = if self.to == To::Backup { &m.changing } else { &[] };
        json!({
            "ok": self.ok(), "at": stamp(Env::default().now()), "home": self.config.home, "backup": self.from,
            "backup_id": m.id, "backup_began_at": m.began_at.to_string(), "to": self.asked(),
            "reached": self.reached.map(stamp), "schema": m.source.schema, "stop_lsn": m.stop_lsn,
            "root_key": m.root_key, "keys": self.keys, "audit_log": self.log, "kind": m.kind, "pg_verifybackup": verified.then_some("ok"), "pgbackrest": m.pgbackrest, "rows": self.rows,
            "tables_counted": self.counted, "tables_not_counted": not_counted, "steps": steps,
            "problems": self.problems, "notes": self.notes,
        })
    }

    pub(super) fn text(&self) -> String {
        let rows: Vec<Vec<String>> =
            self.steps.iter().map(|(s, took)| vec![(*s).to_owned(), format!("{} ms", took.as_millis())]).collect();
        let mut lines = vec![
            format!(
                "{} of {}, schema {}",
                if self.manifest.kind == Kind::Logical { "Logical backup" } else { "Backup" },
                self.manifest.began_at,
                self.manifest.source.schema
            ),
            table(&["step", "took"], &rows),
        ];
        if self.to != To::Backup {
            let reached = self.reached.map_or_else(|| "nothing after the backup".to_owned(), stamp);
            lines.push(format!("Asked for {}; the last change in it was committed at {reached}", self.asked()));
        }
        if let Some(n) = self.counted {
            let not = if self.to == To::Backup { self.manifest.changing.len() } else { 0 };
            lines.push(format!("{n} tables counted; {not} not, because they changed while the backup was taken"));
        }
        lines.extend(self.notes.iter().map(|note| format!("Notice: {note}")));
        lines.extend(self.problems.iter().map(|p| format!("PROBLEM: {p}")));
        lines.push(if self.ok() {
            "Restored, and every check is well".into()
        } else {
            "Restored with problems".into()
        });
        lines.join("\n")
    }
}

/// Whether the log from there on is archived.
fn goes_on(manifest: &Manifest) -> bool {
    manifest.wal.is_some() || manifest.pgbackrest.is_some()
}

/// The newest backup of `backup_dir` that ended before the moment that is asked for.
fn newest(config: &Config, identity: &str, to: To) -> Result<PathBuf> {
    let out = super::folder(config, None)
        .map_err(|_| Error::invalid("from", "required", "Name the directory of a backup, or set backup_dir"))?;
    let sealed = |dir: &Path| fs::read(dir.join("root.age")).ok();
    let dirs = fs::read_dir(&out).map_err(|e| Error::Unavailable(format!("{}: {e}", out.display())))?;
    // Any backup's root key opens the list: those of another root key are left out.
    let roots = dirs.flatten().filter_map(|dir| RootFile::unlock_with(&sealed(&dir.path())?, identity).ok());
    let mut found: Vec<(OffsetDateTime, PathBuf)> = Vec::new();
    for root in roots {
        for entry in backup::list(&out, &Arc::new(root))? {
            let Some(manifest) = entry.manifest else { continue };
            let fits = match to {
                To::Time(at) => manifest.ended_at <= at && goes_on(&manifest),
                To::Latest => goes_on(&manifest),
                To::Backup => true,
            };
            if fits {
                found.push((manifest.ended_at, entry.path));
            }
        }
        if !found.is_empty() {
            break;
        }
    }
    found.sort();
    let none = || Error::Unavailable(format!("no backup in {} opens with this identity and fits --to", out.display()));
    found.pop().map(|(_, path)| path).ok_or_else(none)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_with_other_rows_or_none_is_a_problem() {
        let print = json!({"bytes": 1, "sha256": ""});
        let manifest = json!({
            "format": 1, "id": "01a1ffe3-ee39-75c9-ad93-3e15257dae4e", "program": "0.1.0", "start_lsn": "0/1",
            "began_at": "2026-01-01T00:00:00Z", "ended_at": "2026-01-01T00:00:01Z", "stop_lsn": "0/2", "root_key": "",
            "source": {"postgres": 150_018, "system_identifier": "1", "schema": 1, "migrations": []},
            "wrapped_key": "", "archive": print, "files": {}, "rows": {"a": 1, "b": 2, "c": 3}, "changing": ["d"],
        });
        let manifest = serde_json::from_value(manifest).expect("a manifest");
        let mut restored = Restored::new(
            (Config::default(), Zeroizing::default(), Source::File(PathBuf::new())),
            PathBuf::new(),
            manifest,
            To::Backup,
        );
        let found = |rows: &[(&str, i64)]| rows.iter().map(|(t, n)| ((*t).to_owned(), *n)).collect();
        restored.rows = found(&[("a", 1), ("b", 2), ("c", 3), ("d", 9)]);
        restored.compare();
        assert!(restored.ok());
        restored.rows = found(&[("a", 1), ("b", 1)]);
        restored.compare();
        assert_eq!(restored.problems, ["b has 1 rows, and had 2 when backed up", "c is missing"]);
        assert_eq!(restored.counted, Some(3));
    }
}
