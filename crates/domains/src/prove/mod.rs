//! `salus prove isolation` and `salus prove encryption`: on the user's own database, two scratch tenants are planted with
//! a row in every table; one of them tries to reach the other by SQL ([`salus_store::walls`]) and through every operation
//! ([`door`]), and what is sealed is looked for in the files.
//!
//! Safe beside real tenants: only scratch tenants are named in any statement that could change something, and every
//! attempt by SQL is rolled back. Afterwards the scratch tenants are removed and closed, also those a killed run left.
//! Their audit events stay, sealed with keys that are gone: the log is append-only, and nobody makes an exception.

pub mod door;
pub mod specimen;

use salus_core::Result;
use salus_store::{
    Db, Op,
    scan::Scan,
    walls::{self, Check, Site},
};
use serde::Serialize;
use specimen::{Factory, Scratch};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

/// What was tried and what came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Tables that hold tenants' rows.
    pub tables: usize,
    /// Operations.
    pub operations: usize,
    /// Promises with the attempts to break them.
    pub checks: Vec<Check>,
    /// How long it took.
    pub milliseconds: u64,
    /// Scratch tenants of killed runs that were removed first.
    pub swept: usize,
    /// Append-only tables in which rows of the scratch tenants stay.
    pub kept: Vec<String>,
}

impl Report {
    /// Every leak.
    pub fn leaks(&self) -> impl Iterator<Item = &str> {
        self.checks.iter().flat_map(|c| &c.leaks).map(String::as_str)
    }

    /// Whether nothing leaked.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.leaks().next().is_none()
    }

    /// Attempts in all.
    #[must_use]
    pub fn tried(&self) -> usize {
        self.checks.iter().map(|c| c.tried).sum()
    }
}

/// Proves that tenants are kept apart, and removes what it needed for that whatever comes of it.
///
/// # Errors
/// [`salus_core::Error::Conflict`] while another proof runs; those of the database. A leak is no error: it is in the
/// report.
pub async fn isolation(db: &Db, operations: &[Arc<Op>]) -> Result<Report> {
    let since = Instant::now();
    let tried = async |factory: Factory, mine: Scratch, theirs: Scratch| {
        let mut checks = walls::try_all(db, &mine.planted(), &theirs.planted()).await?;
        checks.extend(door::try_all(db, operations, &factory, mine, theirs).await?);
        Ok(checks)
    };
    let Planted { made: checks, swept, kept } = planted(db, tried).await?;
    Ok(Report {
        tables: db.catalog().tables().filter(|t| !t.shared).count(),
        operations: operations.len(),
        checks,
        milliseconds: u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX),
        swept,
        kept,
    })
}

/// Proves that sealed columns are sealed where they lie: plants a canary in each, has `look` search the files of the
/// database for it, and removes it. Returns how many columns held one, and what was found.
///
/// # Errors
/// As for [`isolation`], and those of `look`. A canary in clear is no error: it is in the scan.
pub async fn sealing(db: &Db, look: impl AsyncFnOnce(&[String]) -> Result<Scan>) -> Result<(usize, Scan)> {
    let tried = async |factory: Factory, mine: Scratch, theirs: Scratch| {
        let columns = factory.sealed_columns(db.catalog(), &mine);
        let scan = look(&[&mine, &theirs].map(|s| specimen::veiled(&s.marker))).await?;
        Ok((columns, scan))
    };
    Ok(planted(db, tried).await?.made)
}

struct Planted<T> {
    made: T,
    swept: usize,
    kept: Vec<String>,
}

/// Works on two planted scratch tenants, and removes them, and those a killed run left, whatever comes of it.
async fn planted<T>(db: &Db, work: impl AsyncFnOnce(Factory, Scratch, Scratch) -> Result<T>) -> Result<Planted<T>> {
    let site = Site::claim(db).await?;
    let swept = site.left_behind().await?.len();
    clear(db, &site).await?;
    let made = async {
        let mut factory = Factory::new(db.env());
        let (mut mine, mut theirs) = (scratch(db, 'a').await?, scratch(db, 'b').await?);
        factory.plant(db, &mut mine).await?;
        factory.plant(db, &mut theirs).await?;
        work(factory, mine, theirs).await
    };
    let made = made.await;
    let removed = clear(db, &site).await;
    Ok(Planted { made: made?, swept, kept: removed? })
}

/// Removes every scratch tenant there is; the names of append-only tables that keep rows of theirs.
async fn clear(db: &Db, site: &Site) -> Result<Vec<String>> {
    let mut kept = BTreeSet::new();
    for tenant in site.left_behind().await? {
        kept.extend(walls::remove(db, tenant).await?);
    }
    Ok(kept.into_iter().collect())
}

/// Makes a scratch tenant. Its marker is letters and underscores, which most checks of form admit.
async fn scratch(db: &Db, side: char) -> Result<Scratch> {
    let random = db.env().id().simple().to_string();
    let hex = &random[24..];
    let letters: String =
        hex.bytes().map(|b| char::from(if b.is_ascii_digit() { b - b'0' + b'g' } else { b })).collect();
    let id = db.create_tenant(&format!("prove-{side}-{hex}"), true).await?;
    let marker = format!("tenant_{side}_canary_{letters}");
    Ok(Scratch { id, marker, rows: BTreeMap::new(), more: BTreeSet::new() })
}
