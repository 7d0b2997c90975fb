//! Reminders to families: made for a school after looking at whom they would reach, sent by day, at most one a week to a
//! family, and not any more once they are not needed. The message names no child and no vaccine. Section 5.4 of the
//! specification.
//!
//! A deadline is told 30, 14, 7 and 1 days before it, the last of these also to whom something was said in the week before; where doses are missing already, the family is told on the next
//! morning that messages go out. Guardians are told who have custody, may be told about health and are under no court order.

use crate::{
    auth::{Carriers, Language, Letter, Medium, family_letter},
    row,
};
use salus_core::{Error, Result};
use salus_store::{
    Call, Method, Op, Reply, Tx,
    engine::NewRow,
    jobs::{Job, Retry, Running, When, Work},
    run, sql,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

const TABLE: &str = "school.immunization_reminders";
/// Days before a deadline on which the family is told.
const STEPS: [i64; 4] = [30, 14, 7, 1];
/// Hours of the school's day between which messages go out.
const HOURS: (&str, &str) = ("09:00", "20:00");
/// Days of the school in which a family is told once. On the day before a deadline it is told all the same, once that day.
const QUIET_DAYS: i32 = 7;
/// Students that one call may name.
const MOST: usize = 500;
/// Reminders that one run of the job hands over.
const TOGETHER: i64 = 200;
const DELIVER: &str = "school.deliver_reminder";

/// Making reminders, and taking them back.
pub(super) fn action() -> Op {
    let id = |what: &str| json!({"type": "string", "format": "uuid", "description": what});
    Op {
        method: Method::Post,
        path: "/api/v1/immunizations/reminders".into(),
        name: "school.reminder.arrange".into(),
        permission: "school.immunization.write",
        summary: "Make reminders to the families of a school's students who lack doses or have a deadline, or cancel those that wait"
            .into(),
        target: TABLE,
        params: Vec::new(),
        input: Some(json!({"type": "object", "required": ["action", "school_id"], "additionalProperties": false, "properties": {
            "action": {"type": "string", "enum": ["create", "cancel"], "description": "What is done"},
            "school_id": id("The school"),
            "student_ids": {"type": "array", "maxItems": MOST, "items": id("A student"), "description": "Only these students"},
            "dry_run": {"type": "boolean", "description": "Only say what would be made, with the messages"}}})),
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(arrange(tx, call))),
    }
}

/// Sending what is due, and each message by itself.
pub(in crate::school) fn jobs(carriers: &Arc<Carriers>) -> Vec<Job> {
    let carriers = carriers.clone();
    vec![
        Job {
            name: "school.send_reminders",
            when: When::Cron("* * * * *"),
            retry: Retry::default(),
            work: Work::local(|tx, _| Box::pin(send(tx))),
        },
        Job {
            name: DELIVER,
            when: When::Asked,
            retry: Retry { rest: Duration::from_mins(1), limit: Duration::from_mins(1), ..Retry::default() },
            work: Work::outside(move |run| Box::pin(deliver(run, carriers.clone()))),
        },
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    action: String,
    school_id: Uuid,
    #[serde(default)]
    student_ids: Option<Vec<Uuid>>,
    #[serde(default)]
    dry_run: bool,
}

async fn arrange(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let asked: Asked = call.input()?;
    if asked.student_ids.as_ref().is_some_and(|ids| ids.len() > MOST) {
        return Err(Error::invalid("student_ids", "not_allowed", format!("Are at most {MOST}")));
    }
    let now = tx.ctx.env.now();
    crate::school::days::of(tx, asked.school_id, now).await.map_err(|e| match e {
        Error::NotFound => Error::invalid("school_id", "no_such_record", "Must name a school within your reach"),
        other => other,
    })?;
    match asked.action.as_str() {
        "create" => create(tx, &asked).await,
        "cancel" => cancel(tx, &asked).await,
        _ => Err(Error::invalid("action", "not_allowed", "Is create or cancel")),
    }
}

/// A student whose family is to be told something.
struct Wanted {
    student: Uuid,
    reason: &'static str,
    vaccine_group: String,
    due_on: Date,
    days: Vec<Date>,
}

/// Whom of a family to tell, and how.
struct Contact {
    id: Uuid,
    channel: &'static str,
    language: String,
}

async fn create(tx: &mut Tx, asked: &Asked) -> Result<Reply> {
    let now = tx.ctx.env.now();
    let today = crate::school::days::of(tx, asked.school_id, now).await?;
    let (wanted, already, not_needed) = wanted(tx, asked, today).await?;
    let ids: Vec<Uuid> = wanted.iter().map(|w| w.student).collect();
    let contacts = contacts(tx, &ids).await?;
    let instants = mornings(tx, asked.school_id, &wanted).await?;
    let (mut rows, mut languages, mut reached) = (Vec::new(), BTreeMap::<String, usize>::new(), 0);
    for w in &wanted {
        let Some(contact) = contacts.get(&w.student) else { continue };
        reached += 1;
        *languages.entry(contact.language.clone()).or_default() += 1;
        for day in &w.days {
            let send_at = instants.get(day).ok_or_else(|| Error::internal("a day without its morning"))?;
            let values = row(json!({
                "student_id": w.student, "vaccine_group": w.vaccine_group, "reason": w.reason, "channel": contact.channel,
                "language": contact.language, "contact_id": contact.id, "due_on": w.due_on.to_string(),
                "send_at": crate::clock::text(*send_at)?,
            }));
            rows.push(NewRow { id: tx.ctx.env.id(), values });
        }
    }
    let without = wanted.len() - reached;
    if reached == 0 && already == 0 && without > 0 {
        let message = "None of these families has a guardian with custody who may be told about health and has a telephone or e-mail address: \
                       enter one with the student's contacts";
        return Err(Error::invalid("student_ids", "no_reachable_contact", message));
    }
    if !asked.dry_run {
        tx.insert(TABLE, &rows).await?;
    }
    let organization = organization(tx).await?;
    let samples: Vec<Value> = languages
        .iter()
        .map(|(tag, families)| {
            let (subject, text) = family_letter(Language::of(tag), &organization, "…");
            json!({"language": tag, "families": families, "subject": subject, "text": text})
        })
        .collect();
    Ok(Reply::json(json!({
        "dry_run": asked.dry_run, "families": reached, "messages": rows.len(), "without_contact": without,
        "already_waiting": already, "not_needed": not_needed, "samples": samples,
    })))
}

/// Who is to be told, how many have reminders that wait, and of how many nothing is to be told.
async fn wanted(tx: &mut Tx, asked: &Asked, today: Date) -> Result<(Vec<Wanted>, usize, usize)> {
    let sql = sql!(
        "SELECT e.student_id, e.status::text, e.until_on, coalesce((SELECT min(g.value ->> 'vaccine_group') FROM jsonb_array_elements(e.groups) g \
             WHERE g.value ->> 'status' IN ('NONCOMPLIANT', 'NO_RECORD', 'EXCLUDED', 'CONDITIONAL', 'PROVISIONAL')), 'ANY') AS vaccine_group, \
           EXISTS (SELECT FROM school.immunization_reminders r WHERE r.student_id = e.student_id AND r.status IN ('PENDING', 'SCHEDULED')) AS waits \
         FROM school.student_profiles p JOIN school.immunization_evaluations e ON e.tenant_id = p.tenant_id AND e.student_id = p.patient_id \
         WHERE p.school_id = $1 AND p.enrollment_status = 'ENROLLED' AND ($2::uuid[] IS NULL OR p.patient_id = ANY($2)) \
           AND NOT EXISTS (SELECT FROM kernel.subject_keys k WHERE k.id = p.patient_id AND k.destroyed_at IS NOT NULL) \
         ORDER BY e.student_id"
    );
    let (mut wanted, mut already, mut not_needed) = (Vec::new(), 0, 0);
    for found in tx.query(sql, &[&asked.school_id, &asked.student_ids]).await? {
        let until: Option<Date> = found.get("until_on");
        let soon = today + time::Duration::days(STEPS[0]);
        let (reason, due_on) = match (found.get::<_, Option<&str>>("status").unwrap_or_default(), until) {
            ("NONCOMPLIANT" | "NO_RECORD", _) => ("OVERDUE", today),
            ("EXCLUDED", _) => ("EXCLUSION", today),
            ("CONDITIONAL" | "PROVISIONAL", Some(until)) if until >= today => ("CONDITIONAL_DEADLINE", until),
            ("EXEMPT_MEDICAL_TEMP", Some(until)) if until >= today && until <= soon => ("EXEMPTION_EXPIRING", until),
            _ => {
                not_needed += 1;
                continue;
            }
        };
        if found.get("waits") {
            already += 1;
            continue;
        }
        let mut days: Vec<Date> = if matches!(reason, "OVERDUE" | "EXCLUSION") {
            vec![today]
        } else {
            STEPS.iter().map(|before| due_on - time::Duration::days(*before)).filter(|day| *day >= today).collect()
        };
        if days.is_empty() {
            days.push(today);
        }
        let vaccine_group = found.get("vaccine_group");
        wanted.push(Wanted { student: found.get("student_id"), reason, vaccine_group, due_on, days });
    }
    Ok((wanted, already, not_needed))
}

/// The guardian of each student who is told; nothing is opened to know it.
async fn contacts(tx: &mut Tx, students: &[Uuid]) -> Result<HashMap<Uuid, Contact>> {
    let sql = sql!(
        "SELECT DISTINCT ON (c.patient_id) c.patient_id, c.id, c.phone IS NOT NULL AS by_phone, coalesce(c.language::text, 'en') AS language \
         FROM medical.patient_contacts c WHERE c.patient_id = ANY($1) AND c.legal_custody AND c.receives_health_info \
           AND c.court_restriction IS NULL AND (c.phone IS NOT NULL OR c.email IS NOT NULL) ORDER BY c.patient_id, c.priority, c.id"
    );
    let rows = tx.query(sql, &[&students]).await?;
    Ok(rows
        .iter()
        .map(|row| {
            let channel = if row.get("by_phone") { "SMS" } else { "EMAIL" };
            (row.get(0), Contact { id: row.get("id"), channel, language: row.get("language") })
        })
        .collect())
}

/// The instant of each day at which messages begin to go out at this school.
async fn mornings(tx: &mut Tx, school: Uuid, wanted: &[Wanted]) -> Result<HashMap<Date, OffsetDateTime>> {
    let days: HashSet<Date> = wanted.iter().flat_map(|w| w.days.iter().copied()).collect();
    let days: Vec<Date> = days.into_iter().collect();
    let sql = sql!(
        "SELECT d.day, (d.day + $3::text::time) AT TIME ZONE s.timezone::text FROM unnest($2::date[]) AS d (day) JOIN school.schools s ON s.id = $1"
    );
    let rows = tx.query(sql, &[&school, &days, &HOURS.0]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

async fn organization(tx: &mut Tx) -> Result<String> {
    let tenant = tx.ctx.tenant;
    let named = tx.query_opt(sql!("SELECT name::text FROM auth.organizations WHERE id = $1"), &[&tenant]).await?;
    Ok(named.and_then(|row| row.get::<_, Option<String>>(0)).unwrap_or_default())
}

async fn cancel(tx: &mut Tx, asked: &Asked) -> Result<Reply> {
    // What was handed over to be carried cannot be called back.
    let sql = sql!(
        "SELECT r.id FROM school.immunization_reminders r JOIN school.student_profiles p ON p.tenant_id = r.tenant_id AND p.patient_id = r.student_id \
         WHERE p.school_id = $1 AND ($2::uuid[] IS NULL OR r.student_id = ANY($2)) AND r.status = 'PENDING' ORDER BY r.id FOR UPDATE OF r"
    );
    let rows = tx.query(sql, &[&asked.school_id, &asked.student_ids]).await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.get(0)).collect();
    if !asked.dry_run {
        suppress(tx, &ids, ("CANCELLED", "cancelled")).await?;
    }
    tx.count(ids.len());
    Ok(Reply::json(json!({"dry_run": asked.dry_run, "cancelled": ids.len()})))
}

async fn suppress(tx: &mut Tx, ids: &[Uuid], (status, why): (&str, &str)) -> Result<()> {
    let sql = sql!(
        "UPDATE school.immunization_reminders SET status = $2::text, suppression_reason = $3::text WHERE id = ANY($1)"
    );
    tx.query(sql, &[&ids, &status, &why]).await.map(|_| ())
}

/// Hands over what is due and still needed, one message a family; the rest is said to be left out, and why.
async fn send(tx: &mut Tx) -> Result<()> {
    let now = tx.ctx.env.now();
    let sql = sql!(
        "SELECT r.id, r.student_id, CASE \
             WHEN p.patient_id IS NULL OR p.enrollment_status <> 'ENROLLED' THEN 'left_school' \
             WHEN e.status IS NULL OR e.status <> ALL(CASE r.reason WHEN 'CONDITIONAL_DEADLINE' THEN '{CONDITIONAL,PROVISIONAL}' \
               WHEN 'EXEMPTION_EXPIRING' THEN '{EXEMPT_MEDICAL_TEMP}' ELSE '{NONCOMPLIANT,NO_RECORD,EXCLUDED}' END::text[]) THEN 'not_needed' \
             WHEN r.reason IN ('CONDITIONAL_DEADLINE', 'EXEMPTION_EXPIRING') AND e.until_on > r.due_on THEN 'not_needed' \
             WHEN EXISTS (SELECT FROM school.immunization_reminders o WHERE o.student_id = r.student_id AND o.id <> r.id \
               AND (o.status = 'SCHEDULED' OR o.status = 'SENT' AND (o.sent_at AT TIME ZONE d.zone)::date > d.today - \
                 CASE WHEN r.reason IN ('CONDITIONAL_DEADLINE', 'EXEMPTION_EXPIRING') AND r.due_on - d.today <= 1 THEN 1 ELSE $4::int END)) \
               THEN 'told_lately' \
             WHEN NOT EXISTS (SELECT FROM medical.patient_contacts c WHERE c.id = r.contact_id AND c.legal_custody AND c.receives_health_info \
               AND c.court_restriction IS NULL) THEN 'no_reachable_contact' END AS why \
         FROM school.immunization_reminders r LEFT JOIN school.student_profiles p ON p.tenant_id = r.tenant_id AND p.patient_id = r.student_id \
         LEFT JOIN school.schools s ON s.tenant_id = p.tenant_id AND s.id = p.school_id \
         LEFT JOIN school.immunization_evaluations e ON e.tenant_id = r.tenant_id AND e.student_id = r.student_id \
         CROSS JOIN LATERAL (SELECT coalesce(s.timezone::text, 'UTC') AS zone, \
           ($1::timestamptz AT TIME ZONE coalesce(s.timezone::text, 'UTC'))::date AS today) d \
         WHERE r.status = 'PENDING' AND r.send_at <= $1 \
           AND ($1 AT TIME ZONE d.zone)::time BETWEEN $2::text::time AND $3::text::time \
         ORDER BY r.send_at, r.id LIMIT $5 FOR UPDATE OF r SKIP LOCKED"
    );
    let found = tx.query(sql, &[&now, &HOURS.0, &HOURS.1, &QUIET_DAYS, &TOGETHER]).await?;
    let (mut told, mut left): (HashSet<Uuid>, BTreeMap<String, Vec<Uuid>>) = (HashSet::new(), BTreeMap::new());
    let mut due = Vec::new();
    for reminder in &found {
        let (id, student): (Uuid, Uuid) = (reminder.get("id"), reminder.get("student_id"));
        let why: Option<String> = reminder.get("why");
        if let Some(why) = why.or_else(|| (!told.insert(student)).then(|| "told_lately".to_owned())) {
            left.entry(why).or_default().push(id);
        } else {
            due.push(id);
        }
    }
    tx.query(sql!("UPDATE school.immunization_reminders SET status = 'SCHEDULED' WHERE id = ANY($1)"), &[&due]).await?;
    for id in due {
        tx.enqueue(DELIVER, &id.to_string(), json!({ "reminder": id }), None).await?;
    }
    for (why, ids) in &left {
        let status = match why.as_str() {
            "not_needed" => "COMPLETED",
            "no_reachable_contact" => "FAILED",
            _ => "CANCELLED",
        };
        suppress(tx, ids, (status, why)).await?;
    }
    Ok(())
}

async fn deliver(run: Running, carriers: Arc<Carriers>) -> Result<()> {
    let id: Uuid = serde_json::from_value(run.task.body["reminder"].clone()).map_err(Error::internal)?;
    let link = carriers.base.clone();
    let composed = run.step(move |tx, _| Box::pin(async move { compose(tx, id, &link).await })).await?;
    let carrier = match composed {
        None => None,
        Some((medium, letter)) => {
            let carrier = carriers.of(medium);
            carrier.carry(&letter).await?;
            Some(carrier.name())
        }
    };
    run.finish(move |tx, _| Box::pin(async move { settle(tx, id, carrier).await })).await
}

/// The message; none when there is nobody to send it to any more.
async fn compose(tx: &mut Tx, id: Uuid, link: &str) -> Result<Option<(Medium, Letter)>> {
    let sql = sql!(
        "SELECT contact_id, language::text, channel::text FROM school.immunization_reminders WHERE id = $1 AND status = 'SCHEDULED'"
    );
    let Some(found) = tx.query_opt(sql, &[&id]).await? else { return Ok(None) };
    let Some(contact) = found.get::<_, Option<Uuid>>("contact_id") else { return Ok(None) };
    let known = tx.select("medical.patient_contacts", &["phone", "email"], "t.id = $1", &[&contact]).await?;
    let Some(known) = known.first() else { return Ok(None) };
    let (medium, to) = match found.get::<_, &str>("channel") {
        "SMS" => (Medium::Sms, known.text("phone")),
        _ => (Medium::Email, known.text("email")),
    };
    if to.is_empty() {
        return Ok(None);
    }
    let (subject, text) = family_letter(Language::of(found.get("language")), &organization(tx).await?, link);
    Ok(Some((medium, Letter { id: id.to_string(), to: to.to_owned(), subject, text, parcel: None })))
}

async fn settle(tx: &mut Tx, id: Uuid, carrier: Option<&'static str>) -> Result<()> {
    let Some(carrier) = carrier else {
        return suppress(tx, &[id], ("FAILED", "no_reachable_contact")).await;
    };
    let now = tx.ctx.env.now();
    let sql = sql!(
        "UPDATE school.immunization_reminders SET status = 'SENT', sent_at = $2, carrier = $3::text, attempt = attempt + 1 WHERE id = $1"
    );
    tx.query(sql, &[&id, &now, &carrier]).await.map(|_| ())
}
