//! `salus keys`: make, list, check and exchange keys, and say who can open them.

mod erase;
mod recipients;

use super::backup::schedule;
use crate::{
    output::{Outcome, table},
    place::Place,
};
use clap::{Args, Subcommand};
use salus_core::{Ctx, Error, PLATFORM, Result};
use salus_store::{
    Db, KeyReport,
    kms::Kept,
    rotate::{Pace, Rotated, Rotation, RotationRules},
    seal::KeyClass,
};
use serde_json::json;
use std::path::PathBuf;
use uuid::Uuid;

#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make the root key, encrypted to the operator, a recovery identity that is printed once, and others.
    Init {
        /// Another age public key (age1…) that shall open the root key.
        #[arg(long = "recipient", value_name = "AGE_PUBLIC_KEY")]
        recipients: Vec<String>,
    },
    /// List the keys of all tenants: class, generation, state, age, use, exactly how many values lie under each and where,
    /// and how far an exchange is.
    Status {
        /// One tenant only.
        #[arg(long)]
        tenant: Option<String>,
        /// The values of each column, too.
        #[arg(long)]
        columns: bool,
    },
    /// Exchange data keys while the server serves, or go on with exchanges that broke off. The keys of all classes, unless
    /// something is named.
    Rotate(RotateArgs),
    /// Hand the operator's identity to the key service of the settings, instead of a file; again, to wrap it with the newest
    /// version of the service's key.
    Handover,
    /// Give the root key a new version, wrap everything under it and give the older version up.
    Rewrap,
    /// Erase a person: destroy the key that all their sealed values need. It takes two: this asks for it, or, when
    /// somebody of the tenant has asked, does it. It cannot be taken back.
    Shred {
        /// The tenant.
        #[arg(long)]
        tenant: String,
        /// The person's id.
        #[arg(long)]
        person: Uuid,
        /// Why.
        #[arg(long, value_parser = salus_store::erase::REASONS)]
        reason: String,
        /// The person's id once more.
        #[arg(long, value_name = "PERSON")]
        confirm: Uuid,
    },
    /// The certificate of a person's erasure, signed with the key of the audit log: what was erased, and since when no known
    /// backup holds the person. `salus-verify` checks it without a database.
    Certificate {
        /// The tenant.
        #[arg(long)]
        tenant: String,
        /// The person's id.
        #[arg(long)]
        person: Uuid,
        /// The file to write.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Who can open the root key: list them, add one, take one away.
    #[command(subcommand)]
    Recipients(recipients::RecipientsCommand),
    /// Unwrap every key and open every canary; with a file, also check that a kept recovery identity works.
    Doctor {
        /// A file that holds the recovery identity.
        #[arg(long, value_name = "FILE")]
        escrow: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "independent switches of a command line")]
pub struct RotateArgs {
    /// One tenant only.
    #[arg(long)]
    tenant: Option<String>,
    /// The data keys of these classes: identity, clinical, claims, messaging, documents, secrets, audit.
    #[arg(long = "class", value_name = "CLASS")]
    classes: Vec<String>,
    /// The key of blind indexes and search tokens.
    #[arg(long)]
    index: bool,
    /// The tenant key, under which the others are wrapped.
    #[arg(long)]
    tenant_key: bool,
    /// Begin nothing: only go on with what broke off.
    #[arg(long, conflicts_with_all = ["classes", "index", "tenant_key"])]
    resume: bool,
    /// Why.
    #[arg(long, default_value = "manual", value_parser = ["scheduled", "manual", "compromise", "limit"])]
    reason: String,
    /// Without rest between batches: sooner done, and the server is slower meanwhile.
    #[arg(long)]
    fast: bool,
}

pub async fn run(mut place: Place, command: KeysCommand) -> Result<Outcome> {
    match command {
        KeysCommand::Init { recipients } => {
            let identity = place.keys().init(&recipients)?;
            if place.config.kms.is_some() {
                place.keep_identity().await?;
            }
            let root = place.keys().root;
            let text = format!(
                "The root key is in {}, encrypted to the operator's identity beside it and to this recovery identity.\n\
                 Write it down and keep it away from this machine; it is not stored and not shown again. Who loses both\n\
                 loses every sealed value:\n\n    {identity}",
                root.display()
            );
            Ok(Outcome::done(json!({"root": root, "recovery_identity": identity}), text))
        }
        KeysCommand::Handover => {
            let kept = place.keep_identity().await?;
            let text = format!(
                "The key service {} has the operator's identity, under version {} of its key {}; the file is removed.\n\
                 Keep the recovery identity: it is what opens the root key when the service is lost.",
                kept.kms, kept.version, kept.key
            );
            Ok(Outcome::done(json!({"ok": true, "kms": kept.kms, "key": kept.key, "version": kept.version}), text))
        }
        KeysCommand::Status { tenant, columns } => status(&place, tenant.as_deref(), columns).await,
        KeysCommand::Rotate(args) => rotate(&place, args).await,
        KeysCommand::Rewrap => rewrap(&mut place).await,
        KeysCommand::Shred { tenant, person, reason, confirm } => {
            if person != confirm {
                return Err(Error::invalid("confirm", "not_the_same", "Repeats the id of the person to be erased"));
            }
            erase::shred(&place, &tenant, person, &reason).await
        }
        KeysCommand::Certificate { tenant, person, out } => erase::certificate(&place, &tenant, person, out).await,
        KeysCommand::Recipients(command) => recipients::run(&mut place, command).await,
        KeysCommand::Doctor { escrow } => doctor(&place, escrow).await,
    }
}

async fn status(place: &Place, only: Option<&str>, columns: bool) -> Result<Outcome> {
    let db = place.db().await?;
    let now = db.env().now();
    let (mut rows, mut counted, mut open) = (Vec::new(), Vec::new(), Vec::new());
    let mut list = Vec::new();
    let inventory = db.key_inventory().await?;
    for (tenant, slug) in tenants(&db, place, only).await? {
        let counts = db.count_sealed(tenant).await?;
        for key in inventory.iter().filter(|k| k.tenant == slug) {
            let values: i64 = counts.iter().filter(|c| c.key_no == key.key_no).map(|c| c.values).sum();
            let advice = key.advice(now, RotationRules::of(&db, tenant).await?).unwrap_or_default();
            rows.push(vec![
                slug.clone(),
                key.kind.clone(),
                key.class.clone().unwrap_or_default(),
                key.generation.to_string(),
                key.state.clone(),
                key.age_days(now).map(|d| d.to_string()).unwrap_or_default(),
                if key.class.is_some() { values.to_string() } else { String::new() },
                key.seals.to_string(),
                advice.to_owned(),
            ]);
            let under: Vec<_> = counts.iter().filter(|c| c.key_no == key.key_no).collect();
            counted.extend(under.iter().map(|c| {
                vec![slug.clone(), c.table.clone(), c.column.clone(), key.generation.to_string(), c.values.to_string()]
            }));
            list.push(json!({"key": key, "values": values, "columns": under, "advice": advice}));
        }
        open.extend(db.rotations(tenant, true).await?.into_iter().map(|r| (slug.clone(), r)));
    }
    let heads = ["tenant", "kind", "class", "generation", "state", "days", "values", "seals reserved", ""];
    let mut text = table(&heads, &rows);
    if columns {
        text = format!("{text}\n\n{}", table(&["tenant", "table", "column", "generation", "values"], &counted));
    }
    for (slug, rotation) in &open {
        text = format!("{text}\n{slug}: {}", progress(rotation));
    }
    let open: Vec<_> = open.into_iter().map(|(_, rotation)| rotation).collect();
    Ok(Outcome::done(json!({"keys": list, "rotations": open}), text))
}

fn progress(r: &Rotation) -> String {
    format!(
        "the {} is being exchanged: {}, {} of {} rows, pass {}, {} that do not open",
        r.name(),
        r.state,
        r.rows_done,
        r.rows_total,
        r.passes + 1,
        r.rows_failed
    )
}

/// The platform and all tenants, or the one that is named.
async fn tenants(db: &Db, place: &Place, only: Option<&str>) -> Result<Vec<(Uuid, String)>> {
    if let Some(slug) = only {
        return Ok(vec![(place.tenant(db, slug).await?, slug.to_owned())]);
    }
    let served = db.tenants().await?.into_iter().filter(|t| t.state != "closed").map(|t| (t.id, t.slug));
    Ok(std::iter::once((PLATFORM, "platform".to_owned())).chain(served).collect())
}

async fn rotate(place: &Place, args: RotateArgs) -> Result<Outcome> {
    let db = place.db().await?;
    let mut wanted = Vec::new();
    for name in &args.classes {
        let class = KeyClass::from_name(name).ok_or_else(|| {
            let names: Vec<&str> = KeyClass::ALL.into_iter().map(KeyClass::name).collect();
            Error::invalid("class", "not_allowed", format!("Is one of: {}", names.join(", ")))
        })?;
        wanted.push(Rotated::Class(class));
    }
    wanted.extend(args.index.then_some(Rotated::Index));
    wanted.extend(args.tenant_key.then_some(Rotated::Tenant));
    if wanted.is_empty() && !args.resume {
        wanted.extend(Rotated::classes());
    }
    let tenants = tenants(&db, place, args.tenant.as_deref()).await?;
    for (tenant, slug) in &tenants {
        for what in &wanted {
            match db.begin_rotation(Ctx::operator(db.env(), *tenant), *what, &args.reason).await {
                Err(Error::Conflict { .. }) => {
                    tracing::info!(tenant = %slug, ?what, "is being exchanged already: goes on");
                }
                other => other.map(|_| ())?,
            }
        }
    }
    let speed = Pace { rest: if args.fast { 0 } else { Pace::default().rest }, ..Pace::default() };
    let (mut lines, mut finished, mut left) = (Vec::new(), Vec::new(), Vec::new());
    for (tenant, slug) in &tenants {
        let open: Vec<Uuid> = db.rotations(*tenant, true).await?.iter().map(|r| r.id).collect();
        for r in db.run_rotations(*tenant, &speed, |r| tracing::debug!(tenant = %slug, "{}", progress(r))).await? {
            lines.push(format!(
                "PROBLEM: {slug}: {} rows hold a value under an older {} that does not open; the log names them. The key stays",
                r.rows_failed,
                r.name()
            ));
            left.push(r);
        }
        for r in
            db.rotations(*tenant, false).await?.into_iter().filter(|r| open.contains(&r.id) && r.finished_at.is_some())
        {
            let kept = if r.rows_kept > 0 {
                format!("; {} values of append-only tables stay under the older key, which opens them", r.rows_kept)
            } else {
                String::new()
            };
            lines.push(format!(
                "{slug}: the {} was exchanged, {} rows moved, counted twice{kept}",
                r.name(),
                r.rows_done
            ));
            finished.push(r);
        }
    }
    if lines.is_empty() {
        lines.push("There was nothing to go on with".into());
    }
    let ok = left.is_empty();
    Ok(Outcome { json: json!({"ok": ok, "finished": finished, "left": left}), text: lines.join("\n"), ok })
}

async fn rewrap(place: &mut Place) -> Result<Outcome> {
    if place.config.kms.is_some() {
        place.keep_identity().await?;
    }
    let db = place.db().await?;
    bring_log(place).await;
    let done = db.rewrap_root(&place.keys(), &place.admin().await?).await?;
    let mut text = format!(
        "The root key is at version {}: {} tenant keys and {} keys of the audit log were put under it, {} older version was given up.\n\
         Backups made before keep their own root key file and open with the same identities.",
        done.version, done.tenant_keys, done.log_keys, done.given_up
    );
    if let Some(identity) = &done.recovery_identity {
        text = format!(
            "{text}\nThe file did not say whose the old recovery identity is. This is the new one; write it down and keep it away\n\
             from this machine; it is not stored and not shown again:\n\n    {identity}"
        );
    }
    Ok(Outcome::done(json!({"ok": true, "done": done}), text))
}

/// Archives the log up to now: under the new version of the root key another archive begins, with the next backup.
async fn bring_log(place: &Place) {
    if place.config.backup_dir.is_none() || place.config.pgbackrest_stanza.is_some() || place.cluster().is_none() {
        return;
    }
    if let Err(e) = schedule::archive(place).await {
        tracing::warn!(error = %e, "the end of the log is not archived: it comes with the next archive");
    }
}

async fn doctor(place: &Place, escrow: Option<PathBuf>) -> Result<Outcome> {
    let db = place.db().await?;
    let mut report = db.check_keys().await?;
    check_key_service(place, &mut report).await?;
    let now = db.env().now();
    let inventory = db.key_inventory().await?;
    for (tenant, slug) in tenants(&db, place, None).await? {
        let rules = RotationRules::of(&db, tenant).await?;
        for key in inventory.iter().filter(|k| k.tenant == slug) {
            if let Some(why) = key.advice(now, rules) {
                let name = key.class.as_deref().unwrap_or(&key.kind);
                report.notes.push(format!("{slug}: the {name} key is {}: salus keys rotate", why.replace('_', " ")));
            }
        }
    }
    let mut lines = vec![format!("{} keys unwrapped, {} canaries open", report.unwrapped, report.canaries)];
    lines.extend(report.problems.iter().map(|p| format!("PROBLEM: {p}")));
    lines.extend(report.notes.iter().map(|n| format!("Note: {n}")));
    let mut escrowed = None;
    if let Some(path) = escrow {
        let text = std::fs::read_to_string(&path)
            .map_err(|e| salus_core::Error::invalid("escrow", "unreadable", format!("{}: {e}", path.display())))?;
        let verdict = place.keys().check_escrow(&text);
        lines.push(match &verdict {
            Ok(()) => "the recovery identity opens the root key".into(),
            Err(e) => format!("PROBLEM: {e}"),
        });
        if verdict.is_ok() {
            db.note_escrow().await?;
        }
        escrowed = Some(verdict.is_ok());
    }
    let ok = report.problems.is_empty() && escrowed != Some(false);
    Ok(Outcome { json: json!({"ok": ok, "report": report, "escrow": escrowed}), text: lines.join("\n"), ok })
}

/// Whether the key service still opens the identity, and with the newest version of its key.
async fn check_key_service(place: &Place, report: &mut KeyReport) -> Result<()> {
    let (Some(service), Some(kept)) = (&place.config.kms, Kept::read(&place.keys())?) else { return Ok(()) };
    let kms = service.open()?;
    let newest = match kept.identity(&*kms).await {
        Ok(_) => kms.newest().await,
        Err(e) => Err(e),
    };
    match newest {
        Err(e) => report.problems.push(e.to_string()),
        Ok(newest) if newest != kept.version => report.notes.push(format!(
            "the key service has version {newest} of its key, and the identity is under {}: salus keys handover, before the old one is disabled",
            kept.version
        )),
        Ok(_) => {}
    }
    Ok(())
}
