//! `salus audit`: read the audit log of a tenant; seal, anchor and verify that of all.

mod export;

use super::rows;
use crate::{
    output::{Outcome, table},
    place::Place,
};
use clap::Subcommand;
use salus_core::{Ctx, Error, PLATFORM, Result};
use salus_domains::{audit::holds, compliance::retention, operations};
use salus_store::{
    Call,
    audit::{
        Anchor, Evidence, FileAnchor, Log, Look, Node, Sealer,
        epoch::{self, Begun},
        handover,
        merkle::VerifyingKey,
        retention::{self as audit_retention, Ask},
        verify,
    },
    dispatch,
};
use serde_json::{Value, json};
use std::{fmt::Write as _, path::PathBuf};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// The newest events of a tenant.
    List {
        #[arg(long)]
        tenant: String,
        /// Only this operation, such as medical.patient.get.
        #[arg(long)]
        action: Option<String>,
        /// Only events before this time (RFC 3339).
        #[arg(long)]
        before: Option<String>,
    },
    /// Who saw or changed one person's record.
    Accesses {
        #[arg(long)]
        tenant: String,
        /// Id of the patient.
        #[arg(long)]
        patient: String,
    },
    /// Append finished events to the Merkle log and sign its head, as `salus serve` does every second.
    Seal,
    /// Keep the newest signed head at the anchor, as `salus serve` does every 30 seconds.
    Anchor,
    /// Remove events whose time is over by the tenants' retention policies (seven years where none speaks of them).
    /// Their leaves and all proofs stay. The log is verified first.
    Prune {
        /// Why, in the log for good.
        #[arg(long, default_value = "retention")]
        reason: String,
        /// Do it; without this it says what would leave.
        #[arg(long)]
        apply: bool,
    },
    /// Keep the events of a tenant, or about one person, whatever their age.
    Hold {
        #[arg(long)]
        tenant: String,
        /// Only events about this patient.
        #[arg(long)]
        patient: Option<Uuid>,
        #[arg(long)]
        reason: String,
    },
    /// Let a hold go.
    Release {
        #[arg(long)]
        tenant: String,
        /// The id that `salus audit hold` printed.
        #[arg(long)]
        hold: Uuid,
        #[arg(long)]
        reason: String,
    },
    /// Begin the log anew after a restore, a failover or a dump put into another cluster: what the old log was, which
    /// events are lost and why become the first leaf of a new epoch, and sealing goes on. Refused where the log can be
    /// continued.
    NewEpoch {
        /// Why, for whoever reads the log in ten years; it is not sealed, so name no person.
        #[arg(long)]
        reason: String,
        /// The ticket that tells more.
        #[arg(long)]
        ticket: Option<String>,
        /// Other anchors that show what the log was, such as a copy from another machine.
        #[arg(long = "anchor", value_name = "FILE")]
        anchors: Vec<PathBuf>,
        /// Receipts of other nodes, or copies of them, beside those that the settings name.
        #[arg(long = "receipts", value_name = "DIR")]
        receipts: Vec<PathBuf>,
        /// The signing key is lost: the key as it was noted outside. Another one signs from then on.
        #[arg(long, value_name = "KEY")]
        lost_key: Option<String>,
    },
    /// Nodes that keep receipts of audit events: after a failover each is asked for them. Ask one no more whose receipts are
    /// gone for good.
    Nodes {
        /// Its id.
        #[arg(long, requires = "reason")]
        forget: Option<Uuid>,
        /// Why, in the log for good; it is not sealed, so name no person.
        #[arg(long, requires = "forget")]
        reason: Option<String>,
    },
    /// Make a new signing key for the log; both sign one head. Note the key it prints outside.
    RotateKey,
    /// Write events with their proofs, to be checked by `salus-verify` without a database.
    Export {
        #[arg(long)]
        tenant: String,
        /// Only events about this patient.
        #[arg(long)]
        patient: Option<Uuid>,
        /// Only events at or after this time (RFC 3339).
        #[arg(long)]
        from: Option<String>,
        /// Only events before this time (RFC 3339).
        #[arg(long)]
        to: Option<String>,
        /// The file to write; it must not be there yet.
        #[arg(long)]
        output: PathBuf,
        /// Another file of heads whose newest the receiver holds.
        #[arg(long = "anchor", value_name = "FILE")]
        anchors: Vec<PathBuf>,
        /// FHIR R4 audit events in the shape of IHE BALP instead, one a line, without proofs.
        #[arg(long, conflicts_with = "anchors")]
        fhir: bool,
    },
    /// Recompute the whole log from its rows, and hold it against its signed heads, the anchor and the receipts.
    /// What is wrong is named with its first place. Exit code 0: whole; 3: signs of tampering; 1: anything else, such as an
    /// anchor that could not be read.
    Verify {
        /// Other anchors to hold against it, such as a copy from another machine.
        #[arg(long = "anchor", value_name = "FILE")]
        anchors: Vec<PathBuf>,
        /// Receipts of other nodes, or copies of them, beside those that the settings name.
        #[arg(long = "receipts", value_name = "DIR")]
        receipts: Vec<PathBuf>,
        /// Ask neither anchor nor receipts: only what the database says of itself.
        #[arg(long, conflicts_with_all = ["anchors", "receipts"])]
        alone: bool,
        /// Read every head of a bucket, each a call, and not only the newest and some of the others.
        #[arg(long, conflicts_with = "alone")]
        every_head: bool,
        /// Also hold every stored row against the last event that wrote it, or only those of this table.
        #[arg(long, value_name = "TABLE", num_args = 0..=1, default_missing_value = "")]
        rows: Option<String>,
    },
    /// Signs of tampering that are not closed, of the whole installation or of one tenant; close one that is explained.
    Alerts {
        #[arg(long, default_value = "platform")]
        tenant: String,
        /// Id of the one to close.
        #[arg(long, requires = "reason")]
        close: Option<Uuid>,
        /// Why it is explained. It is not sealed: name nobody.
        #[arg(long, requires = "close")]
        reason: Option<String>,
    },
    /// Remove the sealed detail of an event for good, such as a search text; its header and all proofs stay.
    Redact {
        #[arg(long)]
        tenant: String,
        /// Id of the event.
        #[arg(long)]
        event: String,
        /// On what basis; it is not sealed, so name no person.
        #[arg(long)]
        reason: String,
    },
    /// Make the record of a person bait: whoever reads it raises an alert. Nobody can see which records are.
    Honey {
        #[arg(long)]
        tenant: String,
        /// Id of a patient made for it.
        #[arg(long)]
        patient: Uuid,
        /// Make it an ordinary record again.
        #[arg(long)]
        remove: bool,
    },
    /// Take rows as they are now, present or gone: after a repair in the database itself. It is on the record, with who
    /// did it and why, and nothing else makes a row right that `verify --rows` names.
    Attest {
        #[arg(long)]
        tenant: String,
        /// Such as medical.patients.
        #[arg(long)]
        table: String,
        /// Id of a row; as often as needed.
        #[arg(long = "row", required = true)]
        rows: Vec<Uuid>,
        #[arg(long)]
        reason: String,
    },
}

pub async fn run(place: &Place, command: AuditCommand) -> Result<Outcome> {
    match command {
        AuditCommand::Seal => seal(place).await,
        AuditCommand::Anchor => anchor(place).await,
        AuditCommand::Prune { reason, apply } => prune(place, reason, !apply).await,
        AuditCommand::Hold { tenant, patient, reason } => hold(place, &tenant, patient, &reason).await,
        AuditCommand::Release { tenant, hold, reason } => release(place, &tenant, hold, &reason).await,
        AuditCommand::NewEpoch { reason, ticket, anchors, receipts, lost_key } => {
            let lost_key = lost_key.as_deref().map(VerifyingKey::parse).transpose()?;
            new_epoch(place, (reason, ticket), (anchors, receipts), lost_key).await
        }
        AuditCommand::Nodes { forget, reason } => nodes(place, forget, reason).await,
        AuditCommand::RotateKey => rotate_key(place).await,
        AuditCommand::Export { tenant, patient, from, to, output, anchors, fhir } => {
            let db = place.db().await?;
            let which = export::selection(place, &db, (&tenant, patient), (from, to)).await?;
            if fhir {
                export::as_fhir(&db, &which, &output).await
            } else {
                export::with_proofs(place, &db, &which, (output, anchors)).await
            }
        }
        AuditCommand::Verify { anchors, receipts, alone, every_head, rows } => {
            let whole = check(place, (anchors, receipts), (alone, every_head)).await?;
            match rows {
                None => Ok(whole),
                Some(table) => rows::check(place, Some(table.as_str()).filter(|t| !t.is_empty()))
                    .await
                    .map(|of_rows| whole.and("rows", of_rows)),
            }
        }
        AuditCommand::Alerts { tenant, close: Some(id), reason } => {
            let path = vec![("id".into(), id.to_string())];
            let call = Call { path, body: json!({"reason": reason.unwrap_or_default()}), ..Call::default() };
            let reply = operate(place, &tenant, "audit.tamper_alert.close", call).await?;
            Ok(Outcome::done(reply, "The sign is closed, on the record"))
        }
        AuditCommand::Alerts { tenant, .. } => alerts(place, &tenant).await,
        AuditCommand::Redact { tenant, event, reason } => {
            let why = format!("{tenant} has no event {event}: salus audit list --tenant {tenant} --json has their ids");
            let call = Call { path: vec![("id".into(), event)], body: json!({"reason": reason}), ..Call::default() };
            let reply = match operate(place, &tenant, "audit.event.redact", call).await {
                Err(Error::NotFound) => Err(Error::invalid("event", "no_such_record", why)),
                other => other,
            }?;
            Ok(Outcome::done(reply, "The detail of the event is removed, on the record"))
        }
        AuditCommand::Honey { tenant, patient, remove } => honey(place, &tenant, patient, remove).await,
        AuditCommand::Attest { tenant, table, rows, reason } => attest(place, &tenant, (&table, &rows), &reason).await,
        AuditCommand::List { tenant, action, before } => {
            let given = [("action", action), ("before", before)];
            let query = given.into_iter().filter_map(|(n, v)| Some((n.to_owned(), v?))).collect();
            read(place, &tenant, "audit.log.list", Call { query, ..Call::default() }).await
        }
        AuditCommand::Accesses { tenant, patient } => {
            let call = Call { path: vec![("id".into(), patient)], ..Call::default() };
            read(place, &tenant, "audit.log.accesses", call).await
        }
    }
}

async fn hold(place: &Place, tenant: &str, patient: Option<Uuid>, reason: &str) -> Result<Outcome> {
    let db = place.db().await?;
    let id = holds::hold(&db, place.tenant(&db, tenant).await?, patient, reason).await?;
    let text = format!("Held until: salus audit release --tenant {tenant} --hold {id} --reason …");
    Ok(Outcome::done(json!({"ok": true, "hold": id}), text))
}

async fn release(place: &Place, tenant: &str, hold: Uuid, reason: &str) -> Result<Outcome> {
    let db = place.db().await?;
    holds::release(&db, place.tenant(&db, tenant).await?, hold, reason).await?;
    Ok(Outcome::done(json!({"ok": true}), "The hold is released"))
}

async fn honey(place: &Place, tenant: &str, patient: Uuid, remove: bool) -> Result<Outcome> {
    let db = place.db().await?;
    holds::bait(&db, place.tenant(&db, tenant).await?, patient, !remove).await?;
    let text = if remove { "It is an ordinary record again" } else { "Whoever reads it raises an alert" };
    Ok(Outcome::done(json!({"ok": true}), text))
}

async fn attest(place: &Place, tenant: &str, (table, rows): (&str, &[Uuid]), reason: &str) -> Result<Outcome> {
    let db = place.db().await?;
    let ctx = Ctx::operator(db.env(), place.tenant(&db, tenant).await?);
    db.attest_rows(&ctx, table, rows, reason).await?;
    let text = format!("{} rows of {table} are taken as they are, on the record", rows.len());
    Ok(Outcome::done(json!({"ok": true, "rows": rows.len()}), text))
}

/// The log, for a command about it.
async fn log(place: &Place) -> Result<Log> {
    place.check().await?;
    place.log()?.ok_or_else(|| {
        Error::Unavailable(
            "DATABASE_SEALER_URL is not set: name in it the address of this database as salus_sealer, or a role that is \
             granted salus_sealer and nothing more"
                .into(),
        )
    })
}

async fn seal(place: &Place) -> Result<Outcome> {
    let receipts = place.receipts_of_all(Vec::new());
    let sealed = Sealer::new(log(place).await?).seal_anchored(&place.anchor(), &receipts).await?;
    let suspects: Vec<Value> =
        sealed.suspects.iter().map(|s| json!({"leaf": s.leaf, "event": s.event, "tenant": s.tenant})).collect();
    let mut text = if sealed.busy {
        "another process is sealing".to_owned()
    } else {
        format!("{} events sealed in {:.3} s; the log holds {}", sealed.events, sealed.seconds, sealed.size)
    };
    for s in &sealed.suspects {
        let _ = write!(text, "\nSUSPECT: leaf {}, event {}: no Salus process made it as it is", s.leaf, s.event);
    }
    let json = json!({"ok": suspects.is_empty(), "busy": sealed.busy, "events": sealed.events, "size": sealed.size,
        "checkpoint": sealed.note, "suspects": suspects, "seconds": sealed.seconds});
    Ok(Outcome { json, text, ok: sealed.suspects.is_empty() })
}

async fn anchor(place: &Place) -> Result<Outcome> {
    let mut sealer = Sealer::new(log(place).await?);
    let (mut size, mut names) = (0, Vec::new());
    for anchor in place.anchors()? {
        size = sealer.anchor(anchor.as_ref()).await?;
        names.push(anchor.name());
    }
    let text = format!("the head over {size} events is kept at {}", names.join(" and "));
    Ok(Outcome::done(json!({"ok": true, "size": size, "anchors": names}), text))
}

/// Who keeps receipts, or one of whom they are not asked any more.
async fn nodes(place: &Place, forget: Option<Uuid>, reason: Option<String>) -> Result<Outcome> {
    let db = place.db().await?;
    let mut tx = db.begin(Ctx::operator(db.env(), PLATFORM), forget.is_none()).await?;
    let Some(id) = forget else {
        let nodes = tx.nodes().await?;
        tx.finish_unrecorded().await?;
        let row = |n: &Node| vec![n.id.to_string(), n.host.clone(), n.folder.clone(), n.known_at.to_string()];
        let text = table(&["node", "host", "receipts", "known since"], &nodes.iter().map(row).collect::<Vec<_>>());
        return Ok(Outcome::done(json!({"ok": true, "nodes": nodes}), text));
    };
    tx.forget_node(id).await.map_err(|e| match e {
        Error::NotFound => {
            Error::invalid("forget", "no_such_record", format!("No node {id} is known: salus audit nodes"))
        }
        other => other,
    })?;
    tx.note(json!({"node": id, "reason": reason}));
    tx.commit("audit.node.forget", "audit.nodes").await?;
    Ok(Outcome::done(json!({"ok": true, "forgotten": id}), format!("Node {id} is not asked for receipts any more")))
}

/// The anchors of the settings and those that were named.
fn evidence(place: &Place, named: Vec<PathBuf>) -> Result<Vec<Box<dyn Anchor>>> {
    let mut all = place.anchors()?;
    all.extend(named.into_iter().map(|path| Box::new(FileAnchor::new(path)) as Box<dyn Anchor>));
    Ok(all)
}

async fn prune(place: &Place, reason: String, dry: bool) -> Result<Outcome> {
    let log = log(place).await?;
    let kept = place.anchors()?;
    let evidence = Evidence { anchors: kept.iter().map(AsRef::as_ref).collect(), receipts: &[], ..Evidence::default() };
    let report = verify(&log, &evidence).await?;
    if let Some(problem) = report.problems.first() {
        return Err(Error::Unavailable(format!(
            "the audit log is not whole, and nothing is removed from it: {problem}"
        )));
    }
    let db = place.db().await?;
    let keep = retention::audit_periods(&db).await?;
    let ctx = Ctx::operator(db.env(), PLATFORM);
    let ask = Ask { reason, request: ctx.request, dry, now: db.env().now() };
    if !dry {
        // Who removes is on the record, and first.
        let mut tx = db.begin(ctx, true).await?;
        tx.note(json!({"reason": ask.reason}));
        tx.commit("audit.log.prune", "audit.activity_logs").await?;
    }
    let mut attested = 0;
    for keep in keep.iter().filter(|_| !dry) {
        // A closed tenant has no keys, and so no rows that could be read.
        match db.attest_before(keep.tenant, keep.until(ask.now), "its last event is removed").await {
            Err(Error::NotFound) => {}
            taken => attested += taken?,
        }
    }
    let mut admin = place.admin().await?;
    let done = audit_retention::prune(&log, &mut admin, (&place.anchor(), &keep), &ask).await?;
    let text = format!(
        "{} events in {} ranges {}, {} are held; {attested} rows were attested anew; months of which nothing is left: {}",
        done.events,
        done.ranges,
        if dry { "would leave" } else { "left" },
        done.held,
        if done.partitions.is_empty() { "none".to_owned() } else { done.partitions.join(", ") }
    );
    Ok(Outcome::done(json!({"ok": true, "applied": !dry, "attested": attested, "pruned": done}), text))
}

async fn rotate_key(place: &Place) -> Result<Outcome> {
    let log = log(place).await?;
    let db = place.db().await?;
    // Who exchanges the key is on the record, and first.
    let tx = db.begin(Ctx::operator(db.env(), PLATFORM), true).await?;
    tx.commit("audit.log.rotate_key", "audit.signing_keys").await?;
    let handed = handover::rotate(&log).await?;
    let unkept = keep_everywhere(log, &place.anchors()?).await;
    let mut text = format!(
        "The log is signed by another key from now on. Note it outside, and give it to the witness beside the old one:\nold  {}\nkey  {}",
        handed.from, handed.to
    );
    for why in &unkept {
        let _ = write!(text, "\nPROBLEM: {why}");
    }
    let ok = unkept.is_empty();
    Ok(Outcome { json: json!({"ok": ok, "handover": handed, "problems": unkept}), text, ok })
}

/// Gives the newest head to every anchor. What is done is done, whatever they say: what failed is told beside it, and the
/// server tries again.
async fn keep_everywhere(log: Log, anchors: &[Box<dyn Anchor>]) -> Vec<String> {
    let (mut sealer, mut failed) = (Sealer::new(log), Vec::new());
    for anchor in anchors {
        if let Err(e) = sealer.anchor(anchor.as_ref()).await {
            failed.push(format!("the new head is not kept at {}: {e}", anchor.name()));
        }
    }
    failed
}

async fn new_epoch(
    place: &Place,
    (reason, ticket): (String, Option<String>),
    (anchors, receipts): (Vec<PathBuf>, Vec<PathBuf>),
    lost_key: Option<VerifyingKey>,
) -> Result<Outcome> {
    let log = log(place).await?;
    let db = place.db().await?;
    let kept = evidence(place, anchors)?;
    let receipts = place.receipts_of_all(receipts);
    let evidence =
        Evidence { anchors: kept.iter().map(AsRef::as_ref).collect(), receipts: &receipts, ..Evidence::default() };
    // Who begins an epoch is on the record, and first.
    let ctx = Ctx::operator(db.env(), PLATFORM);
    let ask = epoch::Ask { reason, ticket, request: ctx.request, lost_key };
    let mut tx = db.begin(ctx, true).await?;
    tx.note(json!({"reason": ask.reason, "ticket": ask.ticket}));
    tx.commit("audit.log.new_epoch", "audit.epochs").await?;
    let begun = epoch::begin(&log, &evidence, &ask).await?;
    let unkept = keep_everywhere(log, &kept).await;
    let Begun { statement: s, lost, events, .. } = &begun;
    let mut lines = vec![
        format!("Epoch {} has begun: {}", s.epoch, s.cause),
        format!(
            "Before it the database held {} leaves of epoch {}, root {}",
            s.previous.size, s.previous.epoch, s.previous.root
        ),
    ];
    lines.push(match &s.anchored {
        Some(head) => format!(
            "The newest anchored head was {} leaves of epoch {}; both agree up to {}",
            head.size, head.epoch, s.agreed
        ),
        None => "No anchor held a head: what was sealed and is gone cannot be told".into(),
    });
    lines.push(match s.lost.receipts {
        Some(n) if lost.is_empty() => format!("None of the {n} events with a receipt is lost"),
        Some(n) => format!("{} of {n} events with a receipt are lost:", lost.len()),
        None => "There were no receipts: which events are lost cannot be told".into(),
    });
    lines.extend(lost.iter().map(|id| format!("    {id}")));
    lines.push(format!("{events} events that waited are sealed"));
    lines.extend(unkept.iter().map(|why| format!("PROBLEM: {why}")));
    let ok = unkept.is_empty();
    Ok(Outcome { json: json!({"ok": ok, "begun": begun, "problems": unkept}), text: lines.join("\n"), ok })
}

fn moment(name: &str, given: Option<String>) -> Result<Option<OffsetDateTime>> {
    let wrong = |_| Error::invalid(name, "wrong_type", "Is a time such as 2026-01-31T00:00:00Z (RFC 3339)");
    given.map(|text| OffsetDateTime::parse(&text, &Rfc3339).map_err(wrong)).transpose()
}

async fn check(
    place: &Place,
    (anchors, receipts): (Vec<PathBuf>, Vec<PathBuf>),
    (alone, every_head): (bool, bool),
) -> Result<Outcome> {
    let log = log(place).await?;
    let kept = if alone { Vec::new() } else { evidence(place, anchors)? };
    let receipts = if alone { Vec::new() } else { place.receipts_of_all(receipts) };
    let heads = if every_head { Look::Every } else { Look::Newest };
    let evidence = Evidence { anchors: kept.iter().map(AsRef::as_ref).collect(), receipts: &receipts, heads };
    let report = verify(&log, &evidence).await?;
    let mut lines: Vec<String> = report.problems.iter().map(|p| format!("PROBLEM: {p}")).collect();
    lines.extend(report.unread.iter().map(|why| format!("NOT COMPARED: {why}")));
    lines.extend(report.notes.iter().map(|note| format!("Note: {note}")));
    lines.extend(report.unseen.iter().map(|n| format!("Note: the receipts of {n} were not looked at: --receipts DIR")));
    let given = report.receipts.map_or("no receipts".to_owned(), |n| format!("{n} receipts"));
    lines.push(format!(
        "{} events sealed, {} waiting; {} signed heads, {} anchored heads and {given} checked in {:.2} s",
        report.size, report.unsealed, report.checkpoints, report.anchored, report.seconds
    ));
    for said in report.epochs.iter().filter_map(|e| e.statement.as_ref()) {
        lines.push(format!(
            "Notice: epoch {} began at {} ({}) after {} leaves of epoch {}; {} events are known to be lost",
            said.epoch, said.at, said.reason, said.previous.size, said.previous.epoch, said.lost.events
        ));
    }
    lines.push(format!("root {}", report.root));
    lines.extend(report.key.iter().map(|key| format!("key  {key}")));
    let (ok, tampering) = (report.holds(), !report.problems.is_empty());
    lines.push(
        match (ok, tampering) {
            (true, _) => "The log is whole",
            (_, true) => "THE LOG IS NOT WHOLE",
            _ => "The log is whole as far as it was compared: an anchor could not be read",
        }
        .to_owned(),
    );
    Ok(Outcome { json: json!({"ok": ok, "tampering": tampering, "report": report}), text: lines.join("\n"), ok })
}

async fn operate(place: &Place, tenant: &str, name: &str, call: Call) -> Result<Value> {
    let db = place.db().await?;
    let ctx = Ctx::operator(db.env(), place.tenant(&db, tenant).await?);
    let ops = operations(db.catalog())?;
    let op = ops.iter().find(|o| o.name == name).ok_or_else(|| Error::internal(format!("no operation {name}")))?;
    let reply = dispatch(&db, op, ctx, call).await?;
    Ok(json!(reply.body))
}

async fn alerts(place: &Place, tenant: &str) -> Result<Outcome> {
    let query = [("state.in", "OPEN,ACKNOWLEDGED"), ("limit", "200")];
    let query = query.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let reply = operate(place, tenant, "audit.tamper_alert.list", Call { query, ..Call::default() }).await?;
    let rows: Vec<Vec<String>> = reply["data"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|a| {
            ["created_at", "severity", "kind", "what", "id"]
                .map(|name| a[name].as_str().unwrap_or_default().to_owned())
                .to_vec()
        })
        .collect();
    if rows.is_empty() {
        return Ok(Outcome::done(reply, "No sign of tampering is open"));
    }
    Ok(Outcome { text: table(&["at", "severity", "kind", "what", "id"], &rows), json: reply, ok: false })
}

async fn read(place: &Place, tenant: &str, name: &str, call: Call) -> Result<Outcome> {
    let reply = operate(place, tenant, name, call).await?;
    let text = |e: &Value, name: &str| e[name].as_str().unwrap_or_default().to_owned();
    let rows: Vec<Vec<String>> = reply["data"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|e| {
            let who = if e["actor_name"].is_null() { text(e, "actor_kind") } else { text(e, "actor_name") };
            vec![text(e, "at"), who, text(e, "action"), text(e, "outcome"), e["people"].to_string(), text(e, "request")]
        })
        .collect();
    Ok(Outcome::done(reply, table(&["at", "who", "action", "outcome", "people", "request"], &rows)))
}
