//! What lies outside the database: reports of drills in the data directory, and the components of this program.

use super::{super::backup::schedule, add};
use crate::place::Place;
use salus_core::{Error, Result};
use salus_domains::evidence::{Period, Section};
use salus_store::audit::{Log, report};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::Path;
use time::{Date, Duration, OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};

/// The lock file of the build: every crate by version and digest.
const LOCK: &str = include_str!("../../../../../Cargo.lock");
/// A vulnerability that is known for longer, in days, is a gap.
const PATCH_DAYS: i64 = 7;

/// Drills of the period with what became of them, and how backups stand now.
pub async fn drills(place: &Place, log: &Log, period: Period, section: &mut Section) -> Result<()> {
    let key = report::key(log).await?;
    let mut found: Vec<(OffsetDateTime, Value)> = Vec::new();
    let notes = std::fs::read_dir(place.config.home.join("drills")).into_iter().flatten().flatten();
    for path in notes.map(|entry| entry.path()) {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let Some(said) = report::glance(&text) else { continue };
        let at = said["at"].as_str().and_then(|at| OffsetDateTime::parse(at, &Rfc3339).ok());
        let Some(at) = at.filter(|at| *at >= period.from && *at < period.to) else { continue };
        let signed = key.as_ref().is_some_and(|key| report::open_own(&text, key).is_ok());
        let point_in_time = said["to"].as_str().is_some_and(|to| to != "backup");
        found.push((at, json!({
            "at": said["at"], "ok": said["ok"], "signed": signed, "point_in_time": point_in_time, "to": said["to"], "reached": said["reached"],
            "backup_began_at": said["backup_began_at"], "tables_counted": said["tables_counted"], "steps": said["steps"],
            "problems": said["problems"], "report": text,
        })));
    }
    found.sort_by_key(|(at, _)| *at);
    let well = |point: bool| {
        found
            .iter()
            .filter(move |(_, d)| d["ok"] == true && d["signed"] == true && (!point || d["point_in_time"] == true))
    };
    if found.is_empty() {
        section.gaps.push(
            "No drill was done in the period: that backups come back was not shown (45 CFR 164.308(a)(7)(ii)(D))"
                .into(),
        );
    } else if well(false).next().is_none() {
        section.gaps.push("No drill of the period was well and signed".into());
    }
    if well(true).next().is_none() {
        section.gaps.push("No drill to a point in time was well in the period".into());
    }
    let mut last = period.from;
    for at in well(false).map(|(at, _)| *at).chain([period.to]) {
        if !found.is_empty() && at - last > schedule::DRILL_MAX {
            section.gaps.push(format!("No drill was well between {} and {}", last.date(), at.date()));
        }
        last = at;
    }
    let all: Vec<Value> = found.into_iter().map(|(_, drill)| drill).collect();
    add(section, "drills", json!(all));
    match schedule::look(place).await? {
        None => section.gaps.push(
            "The database is a server of its owner's: its backups are taken by other tools, whose evidence is not in this pack".into(),
        ),
        Some(looked) => {
            section.gaps.extend(looked.problems.iter().cloned());
            add(section, "now", json!({"notes": looked.notes, "problems": looked.problems}));
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
}

/// Reads what `cargo audit --json` wrote.
///
/// # Errors
/// [`Error::Invalid`] on `advisories`.
pub fn advisories(path: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| Error::invalid("advisories", "unreadable", format!("{}: {e}", path.display())))?;
    let said: Value = serde_json::from_str(&text).unwrap_or_default();
    if said["vulnerabilities"]["list"].is_array() && said["database"].is_object() {
        return Ok(said);
    }
    Err(Error::invalid(
        "advisories",
        "not_a_report",
        "Is what cargo audit --json prints: database and vulnerabilities.list",
    ))
}

/// Every crate of the lock file, and how long its vulnerabilities are known.
pub fn components(advisories: Option<&Value>, now: OffsetDateTime, section: &mut Section) -> Result<()> {
    let lock: Lock = toml::from_str(LOCK).map_err(Error::internal)?;
    let crates: Vec<Value> = lock
        .package
        .iter()
        .map(|p| {
            let purl = format!("pkg:cargo/{}@{}", p.name, p.version);
            json!({"name": p.name, "version": p.version, "purl": purl, "own": p.source.is_none(), "sha256": p.checksum})
        })
        .collect();
    add(section, "components", json!(crates));
    add(
        section,
        "note",
        json!(
            "All crates of the lock file, those of tests among them; PostgreSQL and the operating system are not in it"
        ),
    );
    let Some(said) = advisories else {
        section.gaps.push("No report on advisories was given (--advisories): whether a component has a known vulnerability is not shown".into());
        return Ok(());
    };
    let day = format_description!("[year]-[month]-[day]");
    let mut known = Vec::new();
    for found in said["vulnerabilities"]["list"].as_array().into_iter().flatten() {
        let (advisory, package) = (&found["advisory"], &found["package"]);
        let since = advisory["date"].as_str().and_then(|d| Date::parse(d, &day).ok());
        let age = since.map(|d| (now.date() - d).whole_days());
        let name =
            format!("{} {}", package["name"].as_str().unwrap_or("?"), package["version"].as_str().unwrap_or("?"));
        if !lock.package.iter().any(|p| name == format!("{} {}", p.name, p.version)) {
            let why = format!("It names {name}, which this program was not built with: it is about another lock file");
            return Err(Error::invalid("advisories", "other_lock_file", why));
        }
        let id = advisory["id"].as_str().unwrap_or("?");
        if age.is_none_or(|days| days > PATCH_DAYS) {
            let known = age.map_or("for an unknown time".to_owned(), |days| format!("for {days} days"));
            section.gaps.push(format!("{name} has {id}, known {known}"));
        }
        known.push(json!({"id": id, "component": name, "date": advisory["date"], "age_days": age}));
    }
    add(section, "vulnerabilities", json!(known));
    let database = &said["database"];
    add(
        section,
        "advisory_database",
        json!({"last_updated": database["last-updated"], "advisories": database["advisory-count"]}),
    );
    let updated = database["last-updated"].as_str().and_then(|at| OffsetDateTime::parse(at, &Rfc3339).ok());
    if updated.is_none_or(|at| now - at > Duration::days(PATCH_DAYS)) {
        section.gaps.push("The report on advisories is older than seven days, or does not say how old it is".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn section() -> Section {
        Section {
            title: "",
            sources: Vec::new(),
            statement: String::new(),
            gaps: Vec::new(),
            installation: Value::Null,
            organizations: serde_json::Map::new(),
        }
    }

    #[test]
    fn components_are_those_of_the_lock_file_and_vulnerabilities_have_an_age() {
        let now = datetime!(2026-11-29 12:00 UTC);
        let mut without = section();
        components(None, now, &mut without).unwrap();
        let all = without.installation["components"].as_array().unwrap().clone();
        assert!(all.iter().any(|c| c["name"] == "tokio" && c["sha256"].is_string()) && without.gaps.len() == 1);
        let tokio = all.iter().find(|c| c["name"] == "tokio").unwrap();
        let said = json!({"database": {"last-updated": "2026-11-28T00:00:00Z", "advisory-count": 900}, "vulnerabilities": {"list": [
            {"advisory": {"id": "RUSTSEC-0000-0001", "date": "2026-11-09"}, "package": {"name": "tokio", "version": tokio["version"]}},
            {"advisory": {"id": "RUSTSEC-0000-0002", "date": "2026-11-25"}, "package": {"name": "tokio", "version": tokio["version"]}}]}});
        let mut with = section();
        components(Some(&said), now, &mut with).unwrap();
        assert_eq!(with.gaps.len(), 1, "{:?}", with.gaps);
        assert!(with.gaps[0].contains("RUSTSEC-0000-0001, known for 20 days"));
        assert_eq!(with.installation["vulnerabilities"][1]["age_days"], 4);
        let other = json!({"database": {}, "vulnerabilities": {"list": [{"advisory": {}, "package": {"name": "left-pad", "version": "1"}}]}});
        assert!(components(Some(&other), now, &mut section()).is_err(), "a report about something else is refused");
    }
}
