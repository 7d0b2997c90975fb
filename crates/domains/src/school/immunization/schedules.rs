//! Releases of supporting data: imported whole or not at all, kept byte for byte, one of them in use.

use salus_core::{Error, Result};
use salus_rules::immunization::{Schedule, read, schedule::SeriesKind};
use salus_store::{Call, Method, Op, Param, Reply, Resource, Tx, run, seal::digest, sql};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

/// Releases, for the list of schedules.
pub const RELEASES: Resource = Resource {
    table: "school.schedule_releases",
    path: "immunizations/schedules",
    noun: "school.schedule",
    read: "school.immunization.read",
    write: None,
    filters: &["authority", "version", "is_active"],
    locked: &[],
    list: &[],
};

/// Who publishes schedules.
const AUTHORITIES: [&str; 4] = ["ACIP_CDC", "AAP", "STATE", "WHO_PNI"];
/// Schedules that stay in memory once read. They are known by the digest of their files, so tenants share them.
const KEPT: usize = 4;
static READ: Mutex<Vec<([u8; 32], Arc<Schedule>)>> = Mutex::new(Vec::new());

/// A release as answers name it.
#[derive(Debug, Clone)]
pub struct Release {
    /// Its row.
    pub id: Uuid,
    /// Who publishes it.
    pub authority: String,
    /// As the authority counts.
    pub version: String,
    /// Digest of its files.
    sha256: [u8; 32],
}

impl Release {
    pub(super) fn told(&self) -> Value {
        json!({"id": self.id, "authority": self.authority, "version": self.version})
    }
}

/// Reads supporting data and keeps them as a release, in use from then on.
///
/// # Errors
/// [`Error::Invalid`] on `authority` or `version`, and on `supporting` naming the file that is not what it must be;
/// [`Error::Conflict`] when this version of the authority is there with other content.
pub async fn import(tx: &mut Tx, files: &[(String, Vec<u8>)], authority: &str, version: &str) -> Result<Value> {
    if !AUTHORITIES.contains(&authority) {
        let message = format!("Must be {}", AUTHORITIES.join(", "));
        return Err(Error::invalid("authority", "not_allowed", message));
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if version.is_empty() || version.len() > 32 || !version.chars().all(fits) {
        let message = "Is the number of the release in at most 32 letters, digits, dots and dashes, such as 4.64";
        return Err(Error::invalid("version", "not_allowed", message));
    }
    let schedule = read::schedule(files.iter().map(|(name, body)| (name.as_str(), body.as_slice())))?;
    let sha256 = fingerprint(files);
    let sql = sql!(
        "SELECT id, source_sha256 FROM school.schedule_releases WHERE authority = $1::text AND version = $2::text"
    );
    if let Some(known) = tx.query_opt(sql, &[&authority, &version]).await? {
        if known.get::<_, &[u8]>("source_sha256") != sha256 {
            let detail = "This version of this authority is there with other files: name another version";
            return Err(Error::Conflict { code: "version_exists", detail: detail.into() });
        }
        let id = known.get("id");
        put_in_use(tx, id).await?;
        return Ok(summary(id, (authority, version), &schedule, files.len(), false));
    }
    let id = tx.ctx.env.id();
    let rows = doses(tx, &schedule)?;
    let counted = |count: usize| i32::try_from(count).map_err(Error::internal);
    let counts = (counted(files.len())?, counted(schedule.antigens.len())?, counted(rows.ids.len())?);
    let sql = sql!(
        "INSERT INTO school.schedule_releases (id, authority, version, file_count, antigen_count, dose_count, source_sha256) \
         VALUES ($1, $2::text, $3::text, $4, $5, $6, $7)"
    );
    tx.query(sql, &[&id, &authority, &version, &counts.0, &counts.1, &counts.2, &sha256.as_slice()]).await?;
    for (name, body) in files {
        let sql = sql!(
            "INSERT INTO school.schedule_files (id, release_id, name, sha256, body) VALUES ($1, $2, $3::text, $4, $5)"
        );
        let file = tx.ctx.env.id();
        tx.query(sql, &[&file, &id, name, &digest(body).as_slice(), &body.as_slice()]).await?;
    }
    let sql = sql!(
        "INSERT INTO school.vaccination_schedules (id, authority, version, antigen, series_name, series_type, dose_number, rule, source_sha256) \
         SELECT r.id, $1::text, $2::text, r.antigen, r.series, r.kind, r.number, r.rule, $3 \
         FROM unnest($4::uuid[], $5::text[], $6::text[], $7::text[], $8::int[], $9::jsonb[]) AS r (id, antigen, series, kind, number, rule)"
    );
    let Rows { ids, antigens, series, kinds, numbers, rules } = &rows;
    tx.query(sql, &[&authority, &version, &sha256.as_slice(), ids, antigens, series, kinds, numbers, rules]).await?;
    tx.count(rows.ids.len());
    put_in_use(tx, id).await?;
    Ok(summary(id, (authority, version), &schedule, files.len(), true))
}

fn summary(id: Uuid, (authority, version): (&str, &str), schedule: &Schedule, files: usize, new: bool) -> Value {
    json!({"id": id, "authority": authority, "version": version, "files": files, "antigens": schedule.antigens.len(),
           "vaccine_groups": schedule.groups.len(), "new": new})
}

/// Columns of the rows that the release becomes.
#[derive(Default)]
struct Rows<'a> {
    ids: Vec<Uuid>,
    antigens: Vec<&'a str>,
    series: Vec<&'a str>,
    kinds: Vec<&'static str>,
    numbers: Vec<i32>,
    rules: Vec<Value>,
}

fn doses<'a>(tx: &Tx, schedule: &'a Schedule) -> Result<Rows<'a>> {
    let mut rows = Rows::default();
    for antigen in &schedule.antigens {
        for series in &antigen.series {
            for dose in &series.doses {
                rows.ids.push(tx.ctx.env.id());
                rows.antigens.push(&antigen.name);
                rows.series.push(&series.name);
                rows.kinds.push(kind(series.kind));
                rows.numbers.push(dose.number.into());
                rows.rules.push(serde_json::to_value(dose).map_err(Error::internal)?);
            }
        }
    }
    Ok(rows)
}

/// The kind of a series as the column has it.
pub(super) fn kind(kind: SeriesKind) -> &'static str {
    match kind {
        SeriesKind::Standard => "STANDARD",
        SeriesKind::Risk => "RISK",
        SeriesKind::EvaluationOnly => "EVALUATION_ONLY",
    }
}

/// What differs between two releases.
pub(super) fn diff() -> Op {
    let release = |name: &str, doc: &str| Param {
        name: name.into(),
        doc: doc.into(),
        schema: json!({"type": "string", "format": "uuid"}),
    };
    Op {
        method: Method::Get,
        path: "/api/v1/immunizations/schedules/diff".into(),
        name: "school.schedule.diff".into(),
        permission: RELEASES.read,
        summary: "What differs between two releases of schedules, by antigen, series and dose".into(),
        target: RELEASES.table,
        params: vec![
            release("from", "Id of a release; the newest other one when it is left out"),
            release("to", "Id of a release; the one in use when it is left out"),
        ],
        input: None,
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(compared(tx, call))),
    }
}

async fn compared(tx: &mut Tx, call: Call) -> Result<Reply> {
    let mut releases: Vec<(Uuid, String, String)> = Vec::new();
    for name in ["to", "from"] {
        let (asked, other) = (call.query_id(name)?, releases.first().map(|r| r.0));
        let sql = sql!(
            "SELECT id, authority::text, version::text FROM school.schedule_releases WHERE $1::uuid IS NULL OR id = $1 \
             ORDER BY id IS NOT DISTINCT FROM $2::uuid, is_active DESC, created_at DESC, id LIMIT 1"
        );
        let found = tx.query_opt(sql, &[&asked, &other]).await?;
        let found =
            found.ok_or_else(|| Error::invalid(name, "no_such_record", "Must name a release that was imported"))?;
        releases.insert(0, (found.get(0), found.get(1), found.get(2)));
    }
    let sql = sql!(
        "WITH a AS (SELECT * FROM school.vaccination_schedules WHERE authority = $1::text AND version = $2::text), \
              b AS (SELECT * FROM school.vaccination_schedules WHERE authority = $3::text AND version = $4::text) \
         SELECT coalesce(jsonb_agg(jsonb_build_object('antigen', antigen, 'series', series_name, 'dose', dose_number, \
           'change', CASE WHEN a.id IS NULL THEN 'ADDED' WHEN b.id IS NULL THEN 'REMOVED' ELSE 'CHANGED' END, \
           'series_type', jsonb_build_object('from', a.series_type, 'to', b.series_type), \
           'rules', (SELECT coalesce(jsonb_object_agg(k, jsonb_build_object('from', a.rule -> k, 'to', b.rule -> k)), '{}') \
             FROM jsonb_object_keys(a.rule || b.rule) k WHERE a.rule -> k IS DISTINCT FROM b.rule -> k)) \
           ORDER BY antigen, series_name, dose_number), '[]') \
         FROM a FULL JOIN b USING (antigen, series_name, dose_number) \
         WHERE a.rule IS DISTINCT FROM b.rule OR a.series_type IS DISTINCT FROM b.series_type"
    );
    let told = |at: usize| json!({"id": releases[at].0, "authority": releases[at].1, "version": releases[at].2});
    let params: salus_store::Params<'_> = &[&releases[0].1, &releases[0].2, &releases[1].1, &releases[1].2];
    let changes = crate::told(tx, sql, params).await?;
    Ok(Reply::json(json!({"from": told(0), "to": told(1), "changes": changes})))
}

/// SHA-256 over names and digests, by name.
fn fingerprint(files: &[(String, Vec<u8>)]) -> [u8; 32] {
    let mut lines: Vec<String> =
        files.iter().map(|(name, body)| format!("{}  {name}\n", hex::encode(digest(body)))).collect();
    lines.sort();
    digest(lines.concat().as_bytes())
}

/// Judges doses by another release from now on.
///
/// # Errors
/// [`Error::Invalid`] on `version` when it was not imported.
pub async fn activate(tx: &mut Tx, authority: &str, version: &str) -> Result<Value> {
    let release = named(tx, authority, version).await?;
    put_in_use(tx, release.id).await?;
    Ok(release.told())
}

async fn put_in_use(tx: &mut Tx, id: Uuid) -> Result<()> {
    let sql = sql!("UPDATE school.schedule_releases SET is_active = false WHERE is_active AND id <> $1");
    tx.query(sql, &[&id]).await?;
    let sql = sql!("UPDATE school.schedule_releases SET is_active = true WHERE id = $1 AND NOT is_active");
    tx.query(sql, &[&id]).await?;
    tx.emit("school.schedule.activated", id, json!({}));
    Ok(())
}

async fn named(tx: &mut Tx, authority: &str, version: &str) -> Result<Release> {
    let sql = sql!(
        "SELECT id, authority::text AS authority, version::text AS version, source_sha256 FROM school.schedule_releases \
         WHERE authority = $1::text AND version = $2::text"
    );
    let found = tx.query_opt(sql, &[&authority, &version]).await?;
    let missing = || {
        let message =
            format!("{authority} {version} was not imported: salus immunization schedules lists what there is");
        Error::invalid("version", "no_such_record", message)
    };
    release(&found.ok_or_else(missing)?)
}

fn release(row: &salus_store::Row) -> Result<Release> {
    let sha256 = row.get::<_, &[u8]>("source_sha256").try_into().map_err(Error::internal)?;
    Ok(Release { id: row.get("id"), authority: row.get("authority"), version: row.get("version"), sha256 })
}

/// A release with its schedule.
pub(super) struct InUse {
    pub(super) release: Release,
    pub(super) schedule: Arc<Schedule>,
}

/// The release in use, or one that is asked for; none when nothing was imported.
///
/// # Errors
/// [`Error::Invalid`] on `version` for one that was not imported, [`Error::Internal`] when its files were altered.
pub(super) async fn in_use(tx: &mut Tx, asked: Option<(&str, &str)>) -> Result<Option<InUse>> {
    let release = if let Some((authority, version)) = asked {
        named(tx, authority, version).await?
    } else {
        let sql = sql!(
            "SELECT id, authority::text AS authority, version::text AS version, source_sha256 \
             FROM school.schedule_releases WHERE is_active"
        );
        let Some(found) = tx.query_opt(sql, &[]).await? else { return Ok(None) };
        release(&found)?
    };
    let known = |all: &Vec<([u8; 32], Arc<Schedule>)>| {
        all.iter().find(|(sha256, _)| *sha256 == release.sha256).map(|(_, schedule)| schedule.clone())
    };
    let kept = known(&READ.lock().unwrap_or_else(PoisonError::into_inner));
    let schedule = if let Some(schedule) = kept {
        schedule
    } else {
        let schedule = Arc::new(read_again(tx, &release).await?);
        let mut all = READ.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(sha256, _)| *sha256 != release.sha256);
        let over = (all.len() + 1).saturating_sub(KEPT);
        all.drain(..over);
        all.push((release.sha256, schedule.clone()));
        schedule
    };
    Ok(Some(InUse { release, schedule }))
}

/// The schedule from the kept files, which must be those that were imported.
async fn read_again(tx: &mut Tx, release: &Release) -> Result<Schedule> {
    let sql = sql!("SELECT name::text, body FROM school.schedule_files WHERE release_id = $1 ORDER BY name");
    let rows = tx.query(sql, &[&release.id]).await?;
    let files: Vec<(String, Vec<u8>)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    if fingerprint(&files) != release.sha256 {
        return Err(Error::internal(format!("the files of release {} are not those that were imported", release.id)));
    }
    read::schedule(files.iter().map(|(name, body)| (name.as_str(), body.as_slice())))
}
