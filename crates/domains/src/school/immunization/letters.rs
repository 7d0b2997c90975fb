//! Letters to families on paper: that a student is kept home, or that doses are missing. Made for a school in one file, homeroom
//! by homeroom with a cover for each, in the language of the guardian who has custody and may be told about health.
//!
//! A letter names the child, the vaccine groups that are missing and the day, and nothing else of the record. The file is handed
//! to who asked for it and is not kept; that a letter was made is kept, and stands among the disclosures. A family gets one letter
//! of a kind in a week.

use super::letter_texts::{Told, cover, letter};
use crate::{
    auth::Language,
    compliance::{Disclosure, Way, disclose},
    paper::{self, Document, Page, Part},
    row,
    school::days,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use salus_core::{Error, Result};
use salus_store::{Call, Method, Op, Record, Reply, Tx, engine::NewRow, run, sql};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use time::{Date, Duration};
use uuid::Uuid;

const TABLE: &str = "school.immunization_letters";
/// Days in which a family gets one letter of a kind.
const QUIET_DAYS: i64 = 7;
/// A letter says up to so many days ahead that a student will be kept home.
const AHEAD: i64 = 30;
/// Letters of one file.
const MOST: usize = 500;

/// Making letters.
pub(super) fn action() -> Op {
    let id = |what: &str| json!({"type": "string", "format": "uuid", "description": what});
    Op {
        method: Method::Post,
        path: "/api/v1/immunizations/letters".into(),
        name: "school.letter.write".into(),
        permission: "school.immunization.write",
        summary: "Make the letters to families of a school whose child is or will be kept home (EXCLUSION, needs school.exemption.approve) or \
            lacks doses (REMINDER), as one PDF by homeroom; each is a disclosure"
            .into(),
        target: TABLE,
        params: Vec::new(),
        input: Some(json!({"type": "object", "required": ["school_id", "kind"], "additionalProperties": false, "properties": {
            "school_id": id("The school"),
            "kind": {"type": "string", "enum": ["EXCLUSION", "REMINDER"], "description": "What the letters are about"},
            "homeroom_id": id("Only this homeroom"),
            "student_ids": {"type": "array", "maxItems": MOST, "items": id("A student"), "description": "Only these students"},
            "again": {"type": "boolean", "description": "Also to families that got one within the week"},
            "dry_run": {"type": "boolean", "description": "Only count; nothing is opened, made or kept"}}})),
        output: json!({"type": "object", "properties": {
            "letters": {"type": "integer"}, "pdf": {"type": ["string", "null"], "contentEncoding": "base64",
                "contentMediaType": "application/pdf", "description": "The letters; null when there is none"}}}),
        run: run(|tx, call| Box::pin(asked(tx, call))),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    school_id: Uuid,
    kind: String,
    #[serde(default)]
    homeroom_id: Option<Uuid>,
    #[serde(default)]
    student_ids: Option<Vec<Uuid>>,
    #[serde(default)]
    again: bool,
    #[serde(default)]
    dry_run: bool,
}

/// A student whose family gets a letter.
struct Wanted {
    student: Uuid,
    homeroom: String,
    grade: String,
    contact: Uuid,
    language: String,
    /// From when the student is kept home, or until when doses are expected.
    deadline: Option<Date>,
    groups: Vec<String>,
}

async fn asked(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let asked: Asked = call.input()?;
    let exclusion = match asked.kind.as_str() {
        "EXCLUSION" => true,
        "REMINDER" => false,
        _ => return Err(Error::invalid("kind", "not_allowed", "Is EXCLUSION or REMINDER")),
    };
    if exclusion && !tx.ctx.may("school.exemption.approve") {
        return Err(Error::Forbidden("school.exemption.approve".into()));
    }
    if asked.student_ids.as_ref().is_some_and(|ids| ids.len() > MOST) {
        return Err(Error::invalid("student_ids", "not_allowed", format!("Are at most {MOST}")));
    }
    let now = tx.ctx.env.now();
    let today = days::of(tx, asked.school_id, now).await.map_err(|e| match e {
        Error::NotFound => Error::invalid("school_id", "no_such_record", "Must name a school within your reach"),
        other => other,
    })?;
    let (wanted, without_contact, written_lately) = wanted(tx, &asked, exclusion, today).await?;
    if wanted.len() > MOST {
        let message = format!("These are {} letters, of which one file holds {MOST}: name a homeroom", wanted.len());
        return Err(Error::invalid("homeroom_id", "too_many", message));
    }
    let mut by_homeroom: BTreeMap<&str, usize> = BTreeMap::new();
    let mut by_language: BTreeMap<&str, usize> = BTreeMap::new();
    for w in &wanted {
        *by_homeroom.entry(&w.homeroom).or_default() += 1;
        *by_language.entry(Language::of(&w.language).tag()).or_default() += 1;
    }
    let homerooms: Vec<Value> = by_homeroom.iter().map(|(name, n)| json!({"homeroom": name, "letters": n})).collect();
    let mut told = json!({
        "kind": asked.kind, "dry_run": asked.dry_run, "letters": wanted.len(), "without_contact": without_contact,
        "written_lately": written_lately, "homerooms": homerooms, "languages": by_language, "pdf": null,
    });
    tx.count(wanted.len());
    if asked.dry_run || wanted.is_empty() {
        return Ok(Reply::json(told));
    }
    let document = compose(tx, asked.school_id, &wanted, exclusion, today).await?;
    keep(tx, &asked, &wanted, today).await?;
    told["pdf"] = json!(STANDARD.encode(paper::print(tx, document).await?));
    Ok(Reply::json(told))
}

/// Whose families get a letter, how many cannot be reached, and how many got one lately.
async fn wanted(tx: &mut Tx, asked: &Asked, exclusion: bool, today: Date) -> Result<(Vec<Wanted>, usize, usize)> {
    let sql = sql!(
        "SELECT p.patient_id, p.grade::text AS grade, coalesce(h.name::text, '') AS homeroom, e.status::text AS status, e.until_on, \
           e.excluded_from, c.id AS contact, coalesce(c.language::text, 'en') AS language, \
           EXISTS (SELECT FROM school.immunization_letters l WHERE l.student_id = p.patient_id AND l.kind = $4::text AND l.written_on > $5) AS lately, \
           (SELECT coalesce(array_agg(DISTINCT g.value ->> 'vaccine_group'), '{}') FROM jsonb_array_elements(e.groups) g \
             WHERE g.value ->> 'status' IN ('NONCOMPLIANT', 'NO_RECORD', 'EXCLUDED', 'CONDITIONAL', 'PROVISIONAL')) AS groups \
         FROM school.student_profiles p JOIN school.immunization_evaluations e ON e.tenant_id = p.tenant_id AND e.student_id = p.patient_id \
         LEFT JOIN school.class_groups h ON h.tenant_id = p.tenant_id AND h.id = p.homeroom_id \
         LEFT JOIN LATERAL (SELECT c.id, c.language FROM medical.patient_contacts c WHERE c.patient_id = p.patient_id AND c.legal_custody \
           AND c.receives_health_info AND c.court_restriction IS NULL ORDER BY c.priority, c.id LIMIT 1) c ON true \
         WHERE p.school_id = $1 AND p.enrollment_status = 'ENROLLED' AND ($2::uuid IS NULL OR p.homeroom_id = $2) \
           AND ($3::uuid[] IS NULL OR p.patient_id = ANY($3)) \
           AND e.status IN ('NONCOMPLIANT', 'NO_RECORD', 'EXCLUDED', 'CONDITIONAL', 'PROVISIONAL') \
           AND NOT EXISTS (SELECT FROM kernel.subject_keys k WHERE k.id = p.patient_id AND k.destroyed_at IS NOT NULL) \
         ORDER BY h.name NULLS LAST, p.patient_id"
    );
    let (mut wanted, mut without, mut lately) = (Vec::new(), 0, 0);
    let since = today - Duration::days(QUIET_DAYS);
    let found = tx.query(sql, &[&asked.school_id, &asked.homeroom_id, &asked.student_ids, &asked.kind, &since]).await?;
    for found in found {
        let status: &str = found.get("status");
        let home: Option<Date> = found.get("excluded_from");
        let attends = matches!(status, "CONDITIONAL" | "PROVISIONAL");
        let is_home = !attends && home.is_some_and(|from| from <= today + Duration::days(AHEAD));
        // Who is told that the child is kept home is not reminded as well.
        if is_home != exclusion {
            continue;
        }
        let Some(contact) = found.get::<_, Option<Uuid>>("contact") else {
            without += 1;
            continue;
        };
        if found.get("lately") && !asked.again {
            lately += 1;
            continue;
        }
        let deadline = if exclusion { home } else { found.get::<_, Option<Date>>("until_on").filter(|_| attends) };
        wanted.push(Wanted {
            student: found.get("patient_id"),
            homeroom: found.get("homeroom"),
            grade: found.get("grade"),
            contact,
            language: found.get("language"),
            deadline,
            groups: found.get("groups"),
        });
    }
    Ok((wanted, without, lately))
}

/// The pages: a cover for each homeroom, then its letters by name.
async fn compose(tx: &mut Tx, school: Uuid, wanted: &[Wanted], exclusion: bool, today: Date) -> Result<Document> {
    let sql = sql!("SELECT name::text, coalesce(phone::text, '') FROM school.schools WHERE id = $1");
    let found = tx.query_opt(sql, &[&school]).await?.ok_or(Error::NotFound)?;
    let (name, phone): (String, String) = (found.get(0), found.get(1));
    let students: Vec<Uuid> = wanted.iter().map(|w| w.student).collect();
    let contacts: Vec<Uuid> = wanted.iter().map(|w| w.contact).collect();
    let fields = ["family_name", "given_names", "pseudonym"];
    let children = by_id(tx.select("medical.patients", &fields, "t.id = ANY($1)", &[&students]).await?);
    let guardians =
        tx.select("medical.patient_contacts", &["patient_id", "name"], "t.id = ANY($1)", &[&contacts]).await?;
    let guardians = by_id(guardians);
    let mut rooms: BTreeMap<(bool, &str), Vec<(String, Part)>> = BTreeMap::new();
    for w in wanted {
        let child = children.get(&w.student).ok_or(Error::NotFound)?;
        let said = |name: &str| child.text(name).trim().to_owned();
        let full = format!("{} {}", said("given_names"), said("family_name"));
        let shown = if full.trim().is_empty() { said("pseudonym") } else { full.trim().to_owned() };
        let guardian = guardians.get(&w.contact).map(|g| g.text("name").trim().to_owned()).unwrap_or_default();
        if let Some(letter) = paper::unprintable(&format!("{shown} {guardian}")) {
            let message = format!("{letter}; it is in the name of student {} or of the guardian", w.student);
            return Err(Error::invalid("student_ids", "unprintable", message));
        }
        let told = Told {
            language: Language::of(&w.language),
            exclusion,
            today,
            school: &name,
            phone: &phone,
            guardian: &guardian,
            child: &shown,
            grade: &w.grade,
            homeroom: &w.homeroom,
            deadline: w.deadline,
            groups: &w.groups,
        };
        let key = format!("{} {}", said("family_name"), said("given_names")).to_lowercase();
        rooms.entry((w.homeroom.is_empty(), &w.homeroom)).or_default().push((key, letter(&told)));
    }
    let mut parts = Vec::new();
    for ((_, room), mut letters) in rooms {
        letters.sort_by(|a, b| a.0.cmp(&b.0));
        parts.push(cover(&name, room, letters.len(), today));
        parts.extend(letters.into_iter().map(|(_, part)| part));
    }
    let (title, made_at) = ("Immunization letters".into(), tx.ctx.env.now());
    let document = Document { title, language: "en", page: Page::Letter, made_at, parts };
    document.refuse_unprintable().map(|()| document)
}

fn by_id(rows: Vec<Record>) -> HashMap<Uuid, Record> {
    rows.into_iter().filter_map(|row| Some((row.id()?, row))).collect()
}

/// That the letters were made, and to whom.
async fn keep(tx: &mut Tx, asked: &Asked, wanted: &[Wanted], today: Date) -> Result<()> {
    let rows: Vec<NewRow> = wanted
        .iter()
        .map(|w| {
            let values = row(json!({
                "student_id": w.student, "school_id": asked.school_id, "kind": asked.kind,
                "language": Language::of(&w.language).tag(), "contact_id": w.contact, "written_on": today.to_string(),
                "deadline_on": w.deadline.map(|d| d.to_string()),
            }));
            NewRow { id: tx.ctx.env.id(), values }
        })
        .collect();
    tx.insert(TABLE, &rows).await?;
    let students: Vec<Uuid> = wanted.iter().map(|w| w.student).collect();
    let what = Disclosure {
        way: Way::Letter,
        purpose: "OPERATIONS",
        recipient_type: "FAMILY",
        recipient: "Guardian with custody, by letter",
        information: &["NAME", "IMMUNIZATION_MISSING"],
        description: &format!("Letter about immunization: {}", asked.kind),
        basis: "34 CFR 99.10; 45 CFR 164.502(g)",
        regime: "FERPA",
    };
    disclose(tx, &what, &students).await?;
    for student in students {
        tx.about(student);
    }
    Ok(())
}
