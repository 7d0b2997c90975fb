//! The medication of a month on paper, in English, Spanish and Brazilian Portuguese.

use crate::{
    auth::Language,
    paper::{Block, Document, Page, Part, Table},
};
use serde_json::Value;
use time::OffsetDateTime;

/// Words by key: English, Spanish, Portuguese; sorted by key.
const WORDS: &[(&str, [&str; 3])] = &[
    ("ABSENT", ["Absent", "Ausente", "Ausente"]),
    ("GIVEN", ["Given", "Administrada", "Administrada"]),
    ("HELD", ["Held", "Retenida", "Retida"]),
    ("IMPROVED", ["improved", "mejoró", "melhorou"]),
    ("LATER", ["Later", "Más tarde", "Mais tarde"]),
    ("MISSED", ["Missed", "Omitida", "Perdida"]),
    ("NOT_AVAILABLE", ["Not available", "No disponible", "Indisponível"]),
    ("NO_RECORD", ["NO RECORD", "SIN REGISTRO", "SEM REGISTRO"]),
    ("OPEN", ["Not recorded yet", "Aún sin anotar", "Ainda não anotada"]),
    ("REFUSED", ["Refused", "Rechazada", "Recusada"]),
    ("RELIEVED", ["relieved", "aliviado", "aliviado"]),
    ("SELF_ADMINISTERED", ["Taken alone", "Tomada por sí mismo", "Tomada sozinho"]),
    ("UNCHANGED", ["unchanged", "sin cambio", "sem mudança"]),
    ("VOMITED", ["Vomited", "Vomitada", "Vomitada"]),
    ("WASTED", ["Wasted", "Desechada", "Descartada"]),
    ("WORSE", ["worse", "peor", "pior"]),
    ("as_needed", ["Given as needed", "Administrado según necesidad", "Administrado se necessário"]),
    ("by", ["By", "Por", "Por"]),
    ("corrected", ["corrected", "corregida", "corrigida"]),
    ("day", ["Day", "Día", "Dia"]),
    ("dose", ["Dose", "Dosis", "Dose"]),
    ("due", ["Due", "Hora", "Hora"]),
    ("effect", ["Effect", "Efecto", "Efeito"]),
    ("from_stock", ["from stock", "de existencias", "do estoque"]),
    ("given_at", ["Given at", "Dada a las", "Dada às"]),
    ("medicine", ["Medicine", "Medicamento", "Medicamento"]),
    ("month", ["Medication at school", "Medicación en la escuela", "Medicação na escola"]),
    (
        "nothing",
        [
            "Nothing was ordered or given in this month.",
            "En este mes no se ordenó ni se dio nada.",
            "Neste mês nada foi prescrito nem dado.",
        ],
    ),
    ("outcome", ["Outcome", "Resultado", "Resultado"]),
    ("reason", ["Remark", "Observación", "Observação"]),
    (
        "unrecorded",
        [
            "NO RECORD: the order was not in force at that time, or the dose was not made due.",
            "SIN REGISTRO: la orden no estaba en vigor a esa hora, o la dosis no se generó.",
            "SEM REGISTRO: a ordem não estava em vigor nessa hora, ou a dose não foi gerada.",
        ],
    ),
];

fn word(key: &str, language: Language) -> String {
    let found = WORDS.binary_search_by(|(known, _)| (*known).cmp(key));
    found.map_or_else(|_| key.to_owned(), |at| WORDS[at].1[language as usize].to_owned())
}

/// The pages of a report.
pub(super) fn document(report: &Value, language: Language, made_at: OffsetDateTime) -> Document {
    let w = |key: &str| word(key, language);
    let student = &report["student"];
    let full = format!("{} {}", text(student, "given_names"), text(student, "family_name"));
    let name = if full.trim().is_empty() { text(student, "pseudonym") } else { full.trim().to_owned() };
    let mut blocks = vec![
        Block::Title(format!("{} · {}", w("month"), text(report, "month"))),
        Block::Text(format!("{name} · {} · {}", text(student, "birth_date"), text(report, "school"))),
    ];
    let (orders, needed) = (list(&report["orders"]), list(&report["as_needed"]));
    if orders.is_empty() && needed.is_empty() {
        blocks.push(Block::Text(w("nothing")));
    }
    blocks.extend(scheduled(orders, language));
    blocks.extend(as_needed(needed, language));
    let foot = format!("{name} · {}", text(report, "month"));
    let (title, language) = (w("month"), language.tag());
    Document { title, language, page: Page::LetterWide, made_at, parts: vec![Part { language, foot, blocks }] }
}

/// Orders with their times.
fn scheduled(orders: &[Value], language: Language) -> Vec<Block> {
    let w = |key: &str| word(key, language);
    let mut blocks = Vec::new();
    let mut unrecorded = false;
    for order in orders {
        let head = [text(order, "medication"), text(order, "dose"), text(order, "unit"), text(order, "route")];
        blocks.push(Block::Heading(head.join(" ")));
        let rows: Vec<Vec<String>> = list(&order["slots"])
            .iter()
            .map(|slot| {
                let outcome = text(slot, "outcome");
                unrecorded |= outcome == "NO_RECORD";
                let cells = ["day", "due"].map(|name| text(slot, name)).into_iter().chain([w(&outcome)]);
                cells
                    .chain(["given_at", "dose_given", "by"].map(|name| text(slot, name)))
                    .chain([remark(slot, language)])
                    .collect()
            })
            .collect();
        let head = ["day", "due", "outcome", "given_at", "dose", "by", "reason"].map(w).to_vec();
        blocks.push(Block::Table(Table { head, widths: vec![2.0, 1.3, 2.6, 1.6, 1.2, 3.0, 5.0], rows }));
    }
    if unrecorded {
        blocks.push(Block::Small(w("unrecorded")));
    }
    blocks
}

/// Doses as needed.
fn as_needed(needed: &[Value], language: Language) -> Vec<Block> {
    let w = |key: &str| word(key, language);
    let mut blocks = Vec::new();
    if !needed.is_empty() {
        blocks.push(Block::Heading(w("as_needed")));
        let rows = needed.iter().map(|dose| {
            let amount = format!("{} {}", text(dose, "dose_given"), text(dose, "unit"));
            let mut medicine = text(dose, "medication");
            if dose["from_stock"] == Value::Bool(true) {
                medicine = format!("{medicine} ({})", w("from_stock"));
            }
            let effect = Some(text(dose, "effect")).filter(|e| !e.is_empty()).map(|e| w(&e)).unwrap_or_default();
            vec![
                text(dose, "day"),
                text(dose, "given_at"),
                medicine,
                w(&text(dose, "outcome")),
                amount.trim().to_owned(),
                effect,
                text(dose, "by"),
                remark(dose, language),
            ]
        });
        let rows = rows.collect();
        let head = ["day", "given_at", "medicine", "outcome", "dose", "effect", "by", "reason"].map(w).to_vec();
        blocks.push(Block::Table(Table { head, widths: vec![2.0, 1.4, 3.4, 2.2, 1.6, 1.8, 2.6, 3.6], rows }));
    }
    blocks
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// What else is said of a dose.
fn remark(dose: &Value, language: Language) -> String {
    let said = dose["reason"].as_str().unwrap_or_default();
    match (dose["was_corrected"] == Value::Bool(true), said.is_empty()) {
        (false, _) => said.to_owned(),
        (true, true) => word("corrected", language),
        (true, false) => format!("{said} ({})", word("corrected", language)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const MADE: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    #[test]
    fn every_time_stands_on_paper_in_the_language() {
        assert!(WORDS.is_sorted_by(|a, b| a.0 < b.0));
        let slot = |day: u8, outcome: &str| json!({"day": format!("2026-03-{day:02}"), "due": "12:00", "outcome": outcome, "by": "Nora Invented"});
        let slots: Vec<Value> = (1..=31).map(|day| slot(day, if day == 7 { "NO_RECORD" } else { "GIVEN" })).collect();
        let report = json!({
            "student": {"family_name": "Quillfeather", "given_names": "Marisol"}, "school": "Larkspur", "month": "2026-03",
            "orders": [{"medication": "Methylphenidate", "dose": "10", "unit": "mg", "route": "ORAL", "slots": slots}],
            "as_needed": [{"day": "2026-03-02", "given_at": "10:05", "medication": "Albuterol", "outcome": "GIVEN", "dose_given": "2",
                           "unit": "puff", "effect": "RELIEVED", "from_stock": true}],
        });
        let said = document(&report, Language::Spanish, MADE).texts().join("\n");
        for day in 1..=31 {
            assert!(said.contains(&format!("2026-03-{day:02}")), "{day}");
        }
        assert_eq!(said.matches("Administrada").count(), 31, "30 by the clock and one as needed");
        for shown in
            ["SIN REGISTRO", "aliviado", "de existencias", "Marisol Quillfeather", "la orden no estaba en vigor"]
        {
            assert!(said.contains(shown), "{shown}: {said}");
        }
        let nothing = document(&json!({"student": {}, "orders": []}), Language::English, MADE).texts().join("\n");
        assert!(nothing.contains("Nothing was ordered"));
    }
}
