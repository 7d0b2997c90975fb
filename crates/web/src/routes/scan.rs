//! What a scanner typed on the medication round. The badge and the packages that were scanned go from page to page sealed, as what
//! is searched for does (decision 10), so that a dose says `BARCODE` only of what was scanned.

use super::{
    frame::{Form, PageError, Shown, Visit, encoded, html, text},
    home::{json_of, texts},
    medication::{round, sentence, shown},
};
use crate::pages::medication::{RoundView, Scan};
use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect},
};
use salus_domains::school::RIGHTS;
use salus_store::Call;
use serde_json::{Map, Value, json};

/// What a handle is for.
const PURPOSE: &str = "medication.scan";

/// What was scanned before; nothing by a handle of somebody else, or one that is over.
pub async fn before(visit: &Visit, handle: &str) -> Result<Scan, PageError> {
    if handle.is_empty() {
        return Ok(Scan::default());
    }
    let Some(sealed) = visit.unseal(PURPOSE, handle).await? else { return Ok(Scan::default()) };
    let said: Value = serde_json::from_str(&sealed).unwrap_or_default();
    let handle = handle.to_owned();
    Ok(Scan { handle, student: text(&said, "student"), orders: texts(&said, "orders"), ..Scan::default() })
}

/// The rights as they were checked of a dose of this order: by the scanner what was scanned, the rest by a person before a button.
pub fn rights(scan: &Scan, order: &str) -> Value {
    let scanned = |right: &str| match right {
        "student" => !scan.student.is_empty(),
        "medicine" => scan.orders.iter().any(|id| id == order),
        _ => false,
    };
    let how = |right: &str| json!(if scanned(right) { "BARCODE" } else { "EYE" });
    Value::Object(RIGHTS.iter().map(|right| ((*right).to_owned(), how(right))).collect::<Map<_, _>>())
}

/// Where the round of a school goes on, with what was scanned.
pub fn address(school: &str, handle: &str) -> String {
    let scanned = if handle.is_empty() { String::new() } else { format!("&scanned={handle}") };
    format!("/medications?school={}{scanned}", encoded(school))
}

/// POST `/medications/scan`.
pub async fn scan(Form { visit, fields }: Form) -> Shown {
    let get = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let (school, before) = (get("school"), before(&visit, &get("scanned")).await?);
    let student = Some(&before.student).filter(|id| !id.is_empty());
    let body = json!({"code": get("code"), "student_id": student});
    match visit.try_call("school.medication_round.scan", Call { body, ..Call::default() }).await {
        Ok(told) => {
            let told = json_of(told);
            let (student, mut orders) = (text(&told, "student_id"), texts(&told, "order_ids"));
            if student == before.student {
                orders.extend(before.orders.into_iter().filter(|id| !texts(&told, "order_ids").contains(id)));
            }
            let said = json!({"student": student, "orders": orders}).to_string();
            let handle = visit.seal(PURPOSE, &said).await?;
            Ok(Redirect::to(&address(&school, &handle)).into_response())
        }
        Err(e) => {
            let error = sentence(&visit, e)?;
            let view = RoundView { scan: Scan { error, ..before }, ..round(&visit, &school).await? };
            Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&shown(visit, &view))).into_response())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_is_checked_by_barcode_where_it_was_scanned() {
        let scan = Scan { student: "s".into(), orders: vec!["o".into()], ..Scan::default() };
        let how = |scan: &Scan, order: &str| {
            let rights = rights(scan, order);
            assert_eq!(rights.as_object().unwrap().len(), 7);
            assert!(RIGHTS[2..].iter().all(|right| rights[right] == "EYE"));
            (rights["student"].clone(), rights["medicine"].clone())
        };
        assert_eq!(how(&scan, "o"), (json!("BARCODE"), json!("BARCODE")));
        assert_eq!(how(&scan, "other"), (json!("BARCODE"), json!("EYE")), "the package of another order says nothing");
        assert_eq!(how(&Scan::default(), "o"), (json!("EYE"), json!("EYE")));
    }
}
