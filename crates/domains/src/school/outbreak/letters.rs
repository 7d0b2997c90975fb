//! Letters to families about an outbreak: one a class and language, with a first page that says how many copies each takes. They
//! name no case, no number and no student; who makes them adds what the health department asks for.

use super::{
    detect::{self, TABLE},
    letter_words::{Illness, Word, illness},
};
use crate::{
    auth::Language,
    clock,
    paper::{self, Block, Document, Page, Part, Table},
};
use salus_core::{Error, Result};
use salus_store::{Call, Method, Op, Record, Reply, Tx, run, sql};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use time::Date;
use uuid::Uuid;

/// Most classes of one call.
const MOST: usize = 300;
/// Most copies that are written out.
const MOST_COPIES: i64 = 3000;
/// Languages that letters are written in, as bodies name them.
const LANGUAGES: [Language; 3] = [Language::English, Language::Spanish, Language::Portuguese];

/// Making letters.
pub(super) fn action() -> Op {
    let words = |what: &str| {
        let text = json!({"type": ["string", "null"], "maxLength": 2000});
        json!({"type": ["object", "null"], "additionalProperties": false, "description": what,
               "properties": {"en": text, "es": text, "pt-BR": text}})
    };
    let line = |what: &str| json!({"type": ["string", "null"], "maxLength": 200, "description": what});
    Op {
        method: Method::Post,
        path: "/api/v1/health/outbreaks/{id}/letters".into(),
        name: "school.outbreak.write_letters".into(),
        permission: "school.outbreak.report",
        summary:
            "Letters to the families of those among whom an outbreak is, by class and language, naming nobody (PDF)"
                .into(),
        target: TABLE,
        params: Vec::new(),
        input: Some(json!({"type": "object", "additionalProperties": false, "properties": {
            "homerooms": {"type": ["array", "null"], "items": {"type": "string", "format": "uuid"}, "maxItems": MOST,
                          "description": "Only of these classes; of all whom the alert is about when it is left out"},
            "illness": words("What the illness is called, by language; needed where no text is known of it"),
            "message": words("What the letter says besides, such as what the health department asks for, by language"),
            "contact": line("Whom to ask; the school's telephone when it is left out"),
            "signed": line("Who signs"),
            "copies": {"type": ["boolean", "null"], "description": "true: a copy for every student; false: one a class and language"}}})),
        output: json!({"type": "object", "properties": {
            "letters": {"type": "array", "items": {"type": "object"}}, "students": {"type": "integer"}, "file": paper::file_schema()}}),
        run: run(|tx, call| Box::pin(letters(tx, call))),
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Wanted {
    homerooms: Option<Vec<Uuid>>,
    illness: Option<Words>,
    message: Option<Words>,
    contact: Option<String>,
    signed: Option<String>,
    copies: Option<bool>,
}

/// A text by language.
#[derive(Deserialize, Default, Clone)]
#[serde(deny_unknown_fields, default)]
struct Words {
    en: Option<String>,
    es: Option<String>,
    #[serde(rename = "pt-BR")]
    pt_br: Option<String>,
}

impl Words {
    fn of(&self, language: Language) -> Option<&str> {
        let text = match language {
            Language::English => &self.en,
            Language::Spanish => &self.es,
            Language::Portuguese => &self.pt_br,
        };
        text.as_deref().map(str::trim).filter(|t| !t.is_empty())
    }
}

/// School, name, id and language: the order of letters.
type Order = (String, Option<String>, Option<Uuid>, &'static str);

/// A class whose families read one language.
struct Class {
    id: Option<Uuid>,
    name: Option<String>,
    school: String,
    phone: Option<String>,
    language: Language,
    students: i64,
}

async fn letters(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let id = call.id()?;
    let alert = tx.get(TABLE, id, &[]).await?;
    let wanted: Wanted = if call.body.is_null() { Wanted::default() } else { call.input()? };
    let classes = classes(tx, &alert, wanted.homerooms.as_deref()).await?;
    let known = illness(alert.text("disease_code"), alert.text("syndrome"));
    let languages: BTreeSet<&str> = classes.iter().map(|c| c.language.tag()).collect();
    for language in LANGUAGES.into_iter().filter(|l| languages.contains(l.tag())) {
        let given = wanted.illness.as_ref().and_then(|w| w.of(language));
        if known.is_none() && given.is_none() {
            let field = format!("illness/{}", language.tag());
            return Err(Error::invalid(&field, "required", "Say what the illness is called: no text is known of it"));
        }
        if wanted.message.is_some() && wanted.message.as_ref().and_then(|w| w.of(language)).is_none() {
            let field = format!("message/{}", language.tag());
            return Err(Error::invalid(&field, "required", "Some families read this language: say it in it too"));
        }
    }
    let students: i64 = classes.iter().map(|c| c.students).sum();
    if wanted.copies == Some(true) && students > MOST_COPIES {
        let message = format!("Are {students}, and at most {MOST_COPIES} are written out: ask for single classes");
        return Err(Error::invalid("copies", "too_many", message));
    }
    let document = document(tx, &alert, (&wanted, known), &classes)?;
    let number = alert.text("number");
    let file = paper::file(&format!("{number}-letters.pdf"), paper::PDF, &paper::print(tx, document).await?);
    let told: Vec<Value> = classes
        .iter()
        .map(|c| json!({"homeroom_id": c.id, "homeroom": c.name, "school": c.school, "language": c.language.tag(), "students": c.students}))
        .collect();
    noted(tx, &alert, &classes).await?;
    tx.count(classes.len());
    Ok(Reply::json(json!({"letters": told, "students": students, "file": file})))
}

/// The classes of those whom the alert is about, by the language of the guardian who is told first; where a family has none, that
/// of the student.
async fn classes(tx: &mut Tx, alert: &Record, only: Option<&[Uuid]>) -> Result<Vec<Class>> {
    let kind = alert.get("params").and_then(|p| p["detection"]["kind"].as_str()).unwrap_or_default().to_owned();
    let key = alert.get("scope_ids").and_then(|ids| ids.get(0)).and_then(Value::as_str).unwrap_or_default().to_owned();
    let sql = sql!(
        "SELECT h.id, h.name::text AS name, s.name::text AS school, s.phone::text AS phone, \
           lower(split_part(coalesce(c.language::text, m.preferred_language::text, 'en'), '-', 1)) AS language, \
           count(*) AS students \
         FROM school.student_profiles p JOIN school.schools s ON s.id = p.school_id \
         JOIN medical.patients m ON m.id = p.patient_id LEFT JOIN school.class_groups h ON h.id = p.homeroom_id \
         LEFT JOIN LATERAL (SELECT g.language FROM medical.patient_contacts g WHERE g.patient_id = p.patient_id \
           AND g.legal_custody AND g.receives_health_info AND g.court_restriction IS NULL ORDER BY g.priority, g.id LIMIT 1) c ON true \
         WHERE p.enrollment_status = 'ENROLLED' AND s.is_active AND ($3::uuid[] IS NULL OR h.id = ANY($3)) AND CASE $1::text \
           WHEN 'HOMEROOM' THEN p.homeroom_id::text = $2 \
           WHEN 'GRADE' THEN p.school_id::text || '/' || p.grade::text = $2 \
           WHEN 'SCHOOL' THEN p.school_id::text = $2 \
           WHEN 'DISTRICT' THEN true \
           ELSE EXISTS (SELECT FROM school.class_memberships g WHERE g.patient_id = p.patient_id AND g.left_on IS NULL \
             AND g.class_group_id::text = $2) END \
         GROUP BY 1, 2, 3, 4, 5 ORDER BY 3, 2 NULLS LAST, 1, 5"
    );
    let only = only.map(<[Uuid]>::to_vec);
    let rows = tx.query(sql, &[&kind, &key, &only]).await?;
    let mut all: BTreeMap<Order, Class> = BTreeMap::new();
    for row in &rows {
        let language = Language::of(row.get("language"));
        let class = Class {
            id: row.get("id"),
            name: row.get("name"),
            school: row.get("school"),
            phone: row.get("phone"),
            language,
            students: row.get("students"),
        };
        let place = (class.school.clone(), class.name.clone(), class.id, language.tag());
        all.entry(place).and_modify(|c| c.students += class.students).or_insert(class);
    }
    if let Some(unknown) = only.iter().flatten().find(|id| !all.values().any(|c| c.id == Some(**id))) {
        let message = format!("{unknown} is no class of those whom this alert is about");
        return Err(Error::invalid("homerooms", "no_such_record", message));
    }
    if all.is_empty() {
        let detail = "No student is enrolled among those whom this alert is about";
        return Err(Error::Conflict { code: "nobody_to_write_to", detail: detail.into() });
    }
    if all.len() > MOST {
        let message = format!("Letters would be {}, and at most {MOST} are made at once: name classes", all.len());
        return Err(Error::invalid("homerooms", "too_many", message));
    }
    Ok(all.into_values().collect())
}

fn document(
    tx: &Tx,
    alert: &Record,
    (wanted, known): (&Wanted, Option<&Illness>),
    classes: &[Class],
) -> Result<Document> {
    let since =
        clock::date(alert.text("first_signal_on")).ok_or_else(|| Error::internal("an alert has a first day"))?;
    let close = matches!(alert.text("level"), "CLASS" | "BUS");
    let foot = format!("{} · {}", alert.text("number"), tx.ctx.request);
    let mut parts = vec![copies(&foot, classes)];
    for class in classes {
        let letter = Letter { class, wanted, known, since, close };
        let part = Part { language: class.language.tag(), foot: foot.clone(), blocks: letter.blocks() };
        let times = if wanted.copies == Some(true) { class.students } else { 1 };
        parts.extend((0..times).map(|_| part.clone()));
    }
    Ok(Document {
        title: format!("Letters to families, {}", alert.text("number")),
        language: "en",
        page: Page::Letter,
        made_at: tx.ctx.env.now(),
        parts,
    })
}

/// The first page: how many copies of which letter.
fn copies(foot: &str, classes: &[Class]) -> Part {
    let rows = classes.iter().map(|c| {
        let name = c.name.clone().unwrap_or_else(|| "Without a class".into());
        vec![c.school.clone(), name, c.language.tag().to_owned(), c.students.to_string()]
    });
    let head = ["School", "Class", "Language", "Copies"].map(str::to_owned).to_vec();
    let table = Table { head, widths: vec![2.0, 1.5, 1.0, 1.0], rows: rows.collect() };
    let note = "Families of another language are given the letter in English: ask for an interpreter.";
    let blocks = vec![Block::Title("Letters to print".into()), Block::Table(table), Block::Text(note.into())];
    Part { language: "en", foot: foot.to_owned(), blocks }
}

/// One letter.
struct Letter<'a> {
    class: &'a Class,
    wanted: &'a Wanted,
    known: Option<&'a Illness>,
    since: Date,
    close: bool,
}

impl Letter<'_> {
    fn blocks(&self) -> Vec<Block> {
        let language = self.class.language;
        let word = |w: Word| w.of(language).to_owned();
        let given = self.wanted.illness.as_ref().and_then(|w| w.of(language));
        let name = given.or_else(|| self.known.map(|k| k.name(language))).unwrap_or_default();
        let day = word(Word::Days)
            .replace("{year}", &self.since.year().to_string())
            .replace("{month}", &format!("{:02}", u8::from(self.since.month())))
            .replace("{day}", &format!("{:02}", self.since.day()));
        let intro = word(if self.close { Word::IntroClass } else { Word::Intro });
        let place = match &self.class.name {
            Some(room) => word(Word::RoomOf).replace("{room}", room).replace("{school}", &self.class.school),
            None => self.class.school.clone(),
        };
        let mut blocks = vec![
            Block::Title(word(Word::Title)),
            Block::Text(place),
            Block::Room(1),
            Block::Text(word(Word::Family)),
            Block::Text(intro.replace("{illness}", name).replace("{date}", &day)),
        ];
        if let Some(message) = self.wanted.message.as_ref().and_then(|w| w.of(language)) {
            blocks.push(Block::Text(message.to_owned()));
        }
        if let Some(known) = self.known {
            blocks.push(Block::Heading(word(Word::Signs)));
            blocks.push(Block::Text(known.signs(language).to_owned()));
            blocks.push(Block::Heading(word(Word::Home)));
            blocks.push(Block::Point(known.home(language).to_owned()));
        } else {
            blocks.push(Block::Heading(word(Word::Home)));
        }
        blocks.push(Block::Point(word(Word::Doctor)));
        blocks.push(Block::Point(word(Word::Hands)));
        if self.known.is_some_and(|k| k.vaccine) {
            blocks.push(Block::Point(word(Word::Vaccine)));
        }
        blocks.push(Block::Room(1));
        blocks.push(Block::Text(word(Word::Privacy)));
        let given = |text: &Option<String>| text.as_deref().map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned);
        if let Some(contact) = given(&self.wanted.contact).or_else(|| self.class.phone.clone()) {
            blocks.push(Block::Text(word(Word::Questions).replace("{contact}", &contact)));
        }
        if let Some(signed) = given(&self.wanted.signed) {
            blocks.push(Block::Room(2));
            blocks.push(Block::Text(signed));
        }
        blocks
    }
}

/// Writes at the alert that letters were made, for how many classes and in which languages.
async fn noted(tx: &mut Tx, alert: &Record, classes: &[Class]) -> Result<()> {
    let now = clock::text(tx.ctx.env.now())?;
    let rooms: BTreeSet<Option<Uuid>> = classes.iter().map(|c| c.id).collect();
    let languages: BTreeSet<&str> = classes.iter().map(|c| c.language.tag()).collect();
    let entry = json!({"at": now, "by": tx.ctx.actor.id, "classes": rooms.len(), "languages": languages});
    detect::noted(tx, alert.id().ok_or(Error::NotFound)?, "letters", entry).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    fn words(language: Language, wanted: &Wanted, close: bool) -> String {
        let class = Class {
            id: None,
            name: Some("Room 12".into()),
            school: "Invented".into(),
            phone: Some("+1 555 0100".into()),
            language,
            students: 24,
        };
        let letter =
            Letter { class: &class, wanted, known: illness("VARICELLA", "RASH"), since: date!(2026 - 03 - 02), close };
        format!("{:?}", letter.blocks())
    }

    #[test]
    fn a_letter_is_whole_in_each_language_and_says_no_number_of_cases() {
        for (language, shown) in [
            (
                Language::English,
                ["Notice to families", "chickenpox", "03/02/2026", "blisters have dried", "vaccination record"],
            ),
            (Language::Spanish, ["Aviso a las familias", "varicela", "02/03/2026", "ampollas", "cartilla"]),
            (Language::Portuguese, ["Aviso às famílias", "catapora", "02/03/2026", "bolhas", "caderneta"]),
        ] {
            let told = words(language, &Wanted::default(), false);
            for text in shown.into_iter().chain(["Room 12 · Invented", "+1 555 0100"]) {
                assert!(told.contains(text), "{text}: {told}");
            }
            assert!(
                !["{illness}", "{date}", "{room}", "{school}", "{contact}"].iter().any(|hole| told.contains(hole)),
                "{told}"
            );
            assert!(!told.contains("24"), "no number of students or cases: {told}");
        }
        let class = words(Language::English, &Wanted::default(), true);
        assert!(class.contains("a group that your child belongs to") && !class.contains("among students or staff"));
    }

    #[test]
    fn what_is_typed_in_stands_in_the_letter() {
        let wanted = Wanted {
            message: Some(Words { es: Some("El condado pide pruebas.".into()), ..Words::default() }),
            contact: Some(" The health office ".into()),
            signed: Some("The nurse".into()),
            illness: Some(Words { es: Some("una enfermedad inventada".into()), ..Words::default() }),
            ..Wanted::default()
        };
        let told = words(Language::Spanish, &wanted, false);
        for text in
            ["El condado pide pruebas.", "Preguntas: The health office", "The nurse", "una enfermedad inventada"]
        {
            assert!(told.contains(text), "{text}: {told}");
        }
    }
}
