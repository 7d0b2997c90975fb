//! Raising: the same key while one is open is the same alert once more; many of one definition at once become one with
//! children; what comes and goes is held. Alert, who is told and what is told commit together with what it is about.

use super::{
    audience::{self, Place},
    chain, definitions,
    definitions::Definition,
    severity::{Severity, Target},
    tell::{self, INSTANCES, Word},
};
use crate::{clock, row};
use salus_core::{Error, Result};
use salus_store::{Row, Tx, engine::NewRow, sql};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// More alerts of one definition than this within [`STORM_WITHIN`] are a storm.
const STORM: i64 = 30;
const STORM_WITHIN: Duration = Duration::minutes(5);
/// So many times raised and resolved within [`FLAPPING_WITHIN`], and an alert is held as long.
const FLAPPING: i64 = 3;
const FLAPPING_WITHIN: Duration = Duration::minutes(30);

/// The event that an alert was raised; its row is the alert.
pub const RAISED: &str = "alerts.alert.raised";

/// What is raised.
#[derive(Debug, Clone, Copy)]
pub struct Raised<'a> {
    /// Says which alert is the same as one before. Its definition is the one whose code stands before the first colon, if
    /// there is one.
    pub key: &'a str,
    /// A value of `alerts.alert_severity`.
    pub severity: &'a str,
    /// A value of `alerts.alert_category`.
    pub category: &'a str,
    /// What happened, without health data.
    pub title: &'a str,
    /// Where.
    pub school: Option<Uuid>,
    /// What it is about.
    pub subject: &'a str,
}

/// What more is known of it.
#[derive(Debug, Clone, Default)]
pub(super) struct More {
    pub(super) patient: Option<Uuid>,
    /// Told besides the definition's audience.
    pub(super) targets: Vec<Target>,
    /// Sealed.
    pub(super) body: Option<String>,
    /// Ids and codes.
    pub(super) context: Value,
}

/// Raises an alert. While one of the same key is open it happens once more, and no second one is made. The caller must reach the
/// whole tenant.
///
/// # Errors
/// Those of the database.
pub async fn raise(tx: &mut Tx, raised: &Raised<'_>) -> Result<Uuid> {
    raise_with(tx, raised, &More::default()).await
}

/// An alert as it is made.
struct New<'a> {
    raised: &'a Raised<'a>,
    more: &'a More,
    severity: Severity,
    definition: Option<Definition>,
    now: OffsetDateTime,
}

/// The same with what more is known.
pub(super) async fn raise_with(tx: &mut Tx, raised: &Raised<'_>, more: &More) -> Result<Uuid> {
    let severity = Severity::named("severity", raised.severity)?;
    let code = raised.key.split(':').next().unwrap_or_default();
    // One after the other for one definition, so that neither the same alert nor a storm begins twice.
    tx.alone("alerts.raise", code).await?;
    let definition = definitions::newest(tx, code).await?;
    let new = New { raised, more, severity, definition, now: tx.ctx.env.now() };
    if let Some(id) = once_more(tx, &new).await? {
        return Ok(id);
    }
    let quiet = new.definition.as_ref().is_some_and(|d| !d.enabled);
    let parent = if quiet { None } else { storm(tx, &new).await? };
    let flaps = !quiet && parent.is_none() && flaps(tx, &new).await?;
    let id = insert(tx, &new, (quiet, flaps, parent)).await?;
    if !quiet && !flaps && parent.is_none() {
        begin(tx, id).await?;
    }
    Ok(id)
}

/// The alert of this key that is open, or that ended so shortly ago that it is not raised again; it happened once more.
async fn once_more(tx: &mut Tx, new: &New<'_>) -> Result<Option<Uuid>> {
    let sql = sql!(
        "SELECT id, severity::text, status::text, last_seen, resolved_at, parent_id FROM alerts.alert_instances WHERE dedupe_key = $1::text \
         ORDER BY status IN ('ACTIVE', 'ACKNOWLEDGED', 'ESCALATED', 'SNOOZED') DESC, last_seen DESC, id DESC LIMIT 1 FOR UPDATE"
    );
    let Some(known) = tx.query_opt(sql, &[&new.raised.key]).await? else { return Ok(None) };
    let (id, status): (Uuid, String) = (known.get("id"), known.get("status"));
    let seconds = |of: fn(&Definition) -> i32| new.definition.as_ref().map_or(0, of);
    if matches!(status.as_str(), "RESOLVED" | "EXPIRED" | "SUPPRESSED") {
        let ended = known.get::<_, Option<OffsetDateTime>>("resolved_at").unwrap_or(known.get("last_seen"));
        let rests = new.now - ended < Duration::seconds(seconds(|d| d.cooldown_s).into());
        let quiet = status == "SUPPRESSED" && new.definition.as_ref().is_some_and(|d| !d.enabled);
        if !rests && !quiet {
            return Ok(None);
        }
        count(tx, id, new.now).await?;
        return Ok(Some(id));
    }
    let window = seconds(|d| d.dedupe_window_s);
    if window > 0 && new.now - known.get::<_, OffsetDateTime>("last_seen") > Duration::seconds(window.into()) {
        chain::end(tx, id, ("EXPIRED", "superseded"), None).await?;
        return Ok(None);
    }
    count(tx, id, new.now).await?;
    if let Some(parent) = known.get::<_, Option<Uuid>>("parent_id") {
        let sql = sql!("UPDATE alerts.alert_instances SET severity = $2::text WHERE id = $1");
        if new.severity > Severity::named("severity", known.get("severity"))? {
            tx.query(sql, &[&id, &new.severity.name()]).await?;
        }
        lift(tx, parent, new.severity).await?;
        return Ok(Some(id));
    }
    lift(tx, id, new.severity).await?;
    Ok(Some(id))
}

async fn count(tx: &mut Tx, id: Uuid, now: OffsetDateTime) -> Result<()> {
    let sql = sql!(
        "UPDATE alerts.alert_instances SET occurrences = occurrences + 1, last_seen = greatest(last_seen, $2) WHERE id = $1"
    );
    tx.query(sql, &[&id, &now]).await?;
    Ok(())
}

/// The parent of a storm that this alert belongs to: of one definition at one school, so that who works there sees it.
async fn storm(tx: &mut Tx, new: &New<'_>) -> Result<Option<Uuid>> {
    let Some(definition) = &new.definition else { return Ok(None) };
    let school = new.raised.school;
    let key = school.map_or_else(|| format!("storm:{}", definition.code), |s| format!("storm:{}:{s}", definition.code));
    let since = new.now - STORM_WITHIN;
    let sql = sql!(
        "SELECT id, last_seen >= $2 AS goes_on FROM alerts.alert_instances WHERE dedupe_key = $1::text \
           AND status IN ('ACTIVE', 'ACKNOWLEDGED', 'ESCALATED', 'SNOOZED') ORDER BY last_seen DESC LIMIT 1"
    );
    let before = tx.query_opt(sql, &[&key, &since]).await?.map(|row| (row.get::<_, Uuid>(0), row.get::<_, bool>(1)));
    if let Some((parent, true)) = before {
        count(tx, parent, new.now).await?;
        lift(tx, parent, new.severity).await?;
        return Ok(Some(parent));
    }
    let sql = sql!(
        "SELECT count(*), array_agg(id), array_agg(DISTINCT severity::text) FROM alerts.alert_instances i \
         WHERE first_seen > $2 AND definition_id IN (SELECT d.id FROM alerts.alert_definitions d WHERE d.code = $1::text) \
           AND school_id IS NOT DISTINCT FROM $3 AND parent_id IS NULL AND dedupe_key NOT LIKE 'storm:%'"
    );
    let Some(found) = tx.query_opt(sql, &[&definition.code, &since, &school]).await? else { return Ok(None) };
    if found.get::<_, i64>(0) < STORM {
        return Ok(None);
    }
    let (children, severities): (Vec<Uuid>, Vec<String>) = (found.get(1), found.get(2));
    let severities = severities.iter().map(|name| Severity::named("severity", name)).collect::<Result<Vec<_>>>()?;
    let severity = severities.into_iter().fold(new.severity, Severity::max);
    let title = format!("More than {STORM} alerts within five minutes: {}", definition.name);
    let raised =
        Raised { key: &key, title: &title, subject: &definition.code, severity: severity.name(), ..*new.raised };
    if let Some((parent, _)) = before {
        chain::end(tx, parent, ("EXPIRED", "superseded"), None).await?;
    }
    let more = More::default();
    let storm = New { raised: &raised, more: &more, severity, definition: new.definition.clone(), now: new.now };
    let parent = insert(tx, &storm, (false, false, None)).await?;
    let sql = sql!(
        "UPDATE alerts.alert_instances SET parent_id = $2, next_escalation_at = NULL WHERE id = ANY($1) \
           AND status IN ('ACTIVE', 'ACKNOWLEDGED', 'ESCALATED', 'SNOOZED')"
    );
    tx.query(sql, &[&children, &parent]).await?;
    let sql = sql!("UPDATE alerts.alert_instances SET occurrences = $2 WHERE id = $1");
    let all = i32::try_from(children.len() + 1).unwrap_or(i32::MAX);
    tx.query(sql, &[&parent, &all]).await?;
    begin(tx, parent).await?;
    Ok(Some(parent))
}

/// Raises an open alert to a severity that is above its own, and tells it anew: what was folded into a storm tells nobody itself.
async fn lift(tx: &mut Tx, id: Uuid, severity: Severity) -> Result<()> {
    let sql = sql!(
        "SELECT severity::text FROM alerts.alert_instances \
         WHERE id = $1 AND status IN ('ACTIVE', 'ACKNOWLEDGED', 'ESCALATED', 'SNOOZED') FOR UPDATE"
    );
    let Some(known) = tx.query_opt(sql, &[&id]).await? else { return Ok(()) };
    if severity <= Severity::named("severity", known.get(0))? {
        return Ok(());
    }
    let sql = sql!(
        "UPDATE alerts.alert_instances SET severity = $2::text, status = 'ACTIVE', snoozed_until = NULL WHERE id = $1"
    );
    tx.query(sql, &[&id, &severity.name()]).await?;
    begin(tx, id).await
}

/// Whether an alert of this key came and went so often that it is held.
async fn flaps(tx: &mut Tx, new: &New<'_>) -> Result<bool> {
    let since = new.now - FLAPPING_WITHIN;
    let sql = sql!(
        "SELECT count(*) FROM alerts.alert_instances \
         WHERE dedupe_key = $1::text AND first_seen > $2 AND status = 'RESOLVED' AND resolved_at > $2"
    );
    Ok(tx.query_opt(sql, &[&new.raised.key, &since]).await?.is_some_and(|row| row.get::<_, i64>(0) >= FLAPPING))
}

async fn insert(tx: &mut Tx, new: &New<'_>, (quiet, flaps, parent): (bool, bool, Option<Uuid>)) -> Result<Uuid> {
    let id = tx.ctx.env.id();
    let now = clock::text(new.now)?;
    let mut values = row(json!({
        "dedupe_key": new.raised.key, "severity": new.severity.name(), "category": new.raised.category,
        "title": new.raised.title, "school_id": new.raised.school, "subject_ref": new.raised.subject,
        "patient_id": new.more.patient, "body": new.more.body, "parent_id": parent,
        "definition_id": new.definition.as_ref().map(|d| d.id), "definition_version": new.definition.as_ref().map(|d| d.version),
        "context": context(new.more, flaps), "first_seen": now, "last_seen": now,
        "status": if quiet { "SUPPRESSED" } else if flaps { "SNOOZED" } else { "ACTIVE" },
    }));
    if flaps {
        values.insert("snoozed_until".into(), json!(clock::text(new.now + FLAPPING_WITHIN)?));
    }
    tx.insert(INSTANCES, &[NewRow { id, values }]).await?;
    tx.emit(RAISED, id, json!({}));
    Ok(id)
}

fn context(more: &More, flaps: bool) -> Value {
    let mut context = if more.context.is_object() { more.context.clone() } else { json!({}) };
    if flaps {
        context["flapping"] = json!(true);
    }
    if !more.targets.is_empty() {
        context["targets"] = json!(more.targets);
    }
    context
}

/// An alert as it is told and escalated.
pub(super) struct Alert {
    pub(super) id: Uuid,
    pub(super) severity: Severity,
    pub(super) category: String,
    pub(super) place: Place,
    pub(super) key: String,
    pub(super) level: i32,
    pub(super) chain_from: OffsetDateTime,
    pub(super) next: Option<OffsetDateTime>,
    /// Named when it was raised.
    pub(super) targets: Vec<Target>,
    pub(super) definition: Option<Definition>,
}

impl Alert {
    pub(super) async fn load(tx: &mut Tx, id: Uuid) -> Result<Self> {
        let sql = sql!(
            "SELECT id, severity::text, category::text, school_id, patient_id, dedupe_key::text, escalation_level, \
               coalesce(chain_from, first_seen) AS chain_from, next_escalation_at, context, definition_id \
             FROM alerts.alert_instances WHERE id = $1"
        );
        let found = tx.query_opt(sql, &[&id]).await?.ok_or(Error::NotFound)?;
        let mut alert = Self::of(&found)?;
        if let Some(definition) = found.get::<_, Option<Uuid>>("definition_id") {
            alert.definition = definitions::by_id(tx, definition).await?;
        }
        Ok(alert)
    }

    fn of(found: &Row) -> Result<Self> {
        let context: Value = found.get("context");
        let targets = context.get("targets").cloned().unwrap_or_else(|| json!([]));
        Ok(Self {
            id: found.get("id"),
            severity: Severity::named("severity", found.get("severity"))?,
            category: found.get("category"),
            place: Place { school: found.get("school_id"), patient: found.get("patient_id") },
            key: found.get("dedupe_key"),
            level: found.get("escalation_level"),
            chain_from: found.get("chain_from"),
            next: found.get("next_escalation_at"),
            targets: serde_json::from_value(targets).map_err(Error::internal)?,
            definition: None,
        })
    }

    pub(super) fn word(&self) -> Word {
        // The text of a definition is about one; a storm is many.
        let one = self.definition.as_ref().filter(|_| !self.key.starts_with("storm:"));
        let own = one.and_then(|d| d.title_key.clone());
        Word {
            alert: self.id,
            severity: self.severity,
            category: self.category.clone(),
            school: self.place.school,
            code: self.definition.as_ref().map_or_else(|| self.category.clone(), |d| d.code.clone()),
            title_key: own.unwrap_or_else(|| format!("alert.{}", self.severity.name())),
            level: self.level,
        }
    }
}

/// Whom an alert is told first: the audience, or where that is nobody whoever may read it; and who subscribed.
pub(super) async fn first_told(tx: &mut Tx, alert: &Alert) -> Result<BTreeSet<Uuid>> {
    let now = tx.ctx.env.now();
    let mut targets = alert.definition.as_ref().map(|d| d.audience.targets.clone()).unwrap_or_default();
    targets.extend(alert.targets.iter().cloned());
    let mut users = audience::meant(tx, &targets, alert.place, now).await?;
    if users.is_empty() {
        users = audience::readers(tx, alert.place, now).await?;
    }
    users.extend(audience::subscribed(tx, (alert.severity, &alert.category), alert.place, now).await?);
    Ok(users)
}

/// Begins the chain of an alert: its first level is told, and the next is due.
pub(super) async fn begin(tx: &mut Tx, id: Uuid) -> Result<()> {
    let now = tx.ctx.env.now();
    let sql = sql!(
        "UPDATE alerts.alert_instances SET chain_from = $2, escalation_level = 1, acknowledged_at = NULL, acknowledged_by = NULL \
         WHERE id = $1"
    );
    tx.query(sql, &[&id, &now]).await?;
    let alert = Alert::load(tx, id).await?;
    let users = first_told(tx, &alert).await?;
    let channels = alert.definition.as_ref().map(|d| d.channels.clone()).filter(|c| !c.is_empty());
    let reached = tell::tell(tx, &alert.word(), &users, channels.as_deref()).await?;
    chain::plan(tx, &alert, now).await?;
    unless_reached(tx, &alert, reached).await
}

/// Raises an alert of its own when an urgent one, or the next level of it, reached nobody.
pub(super) async fn unless_reached(tx: &mut Tx, alert: &Alert, reached: usize) -> Result<()> {
    if reached > 0 || alert.severity < Severity::High || alert.key.starts_with("nobody") {
        return Ok(());
    }
    let raised = Raised {
        key: &format!("nobody:{}", alert.id),
        severity: "CRITICAL",
        category: "SYSTEM",
        title: "There was nobody to notify of an alert",
        school: None,
        subject: &format!("{INSTANCES}:{}", alert.id),
    };
    Box::pin(raise(tx, &raised)).await?;
    Ok(())
}
