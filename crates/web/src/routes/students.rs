//! A student at a glance: one operation for each part that the person may see.

use super::{
    clinic::student,
    frame::{PageError, Shown, Visit, by_id, html},
    home::{items, json_of},
};
use crate::pages::student::{self, Guardian, Order, StudentView};
use axum::extract::Path;
use salus_store::Record;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Absences that are shown.
const ABSENCES: &str = "10";
/// Contacts that are shown.
const CONTACTS: &str = "20";

/// GET `/students/{id}`.
pub async fn show(visit: Visit, Path(id): Path<String>) -> Shown {
    let told = json_of(visit.call("school.clinic.summary", by_id(&id)).await?);
    let mut shown = told.clone();
    shown["student"] = json!(student(&told["student"], String::new()));
    for list in ["visits", "symptoms"] {
        shown[list] = items(&told, list).into_iter().map(plain).collect();
    }
    let mut view: StudentView = visit.view(shown)?;
    let may = |permission: &str| visit.ctx.may(permission);
    view.may_see_chart = may("records.fact.read");
    if may("medical.patient.read") {
        view.guardians = Some(guardians(&visit, &id).await?);
    }
    if may("school.med.administer") {
        let told = json_of(visit.call("school.medication_round.student", by_id(&id)).await?);
        let orders =
            items(&told, "orders").into_iter().map(|o| visit.view::<Order>(o)).collect::<Result<Vec<_>, _>>()?;
        let waits =
            |o: &Order| !o.is_over && matches!(o.status.as_str(), "ACTIVE" | "SUSPENDED" | "DRAFT" | "PENDING_CONSENT");
        view.orders = Some(orders.into_iter().filter(waits).collect());
    }
    if may("school.immunization.read") {
        let rows = rows(&visit, "school.evaluation.list", &[("student_id", &id), ("limit", "1")]).await?;
        view.vaccines = Some(rows.into_iter().next().unwrap_or_default());
    }
    if may("school.student.read") {
        let query = [("student_id", id.as_str()), ("is_withdrawn", "false"), ("sort", "-day"), ("limit", ABSENCES)];
        view.absences = Some(rows(&visit, "school.student_absence.list", &query).await?);
    }
    Ok(html(&student::render(&view, &visit.shell)))
}

/// Without what is null.
fn plain(mut row: Value) -> Value {
    if let Value::Object(members) = &mut row {
        members.retain(|_, member| !member.is_null());
    }
    row
}

async fn rows<T: DeserializeOwned>(visit: &Visit, op: &str, query: &[(&str, &str)]) -> Result<Vec<T>, PageError> {
    let page = visit.page(op, query).await.map_err(|e| visit.error(e))?;
    page.rows.iter().map(|row| visit.view(json!(row))).collect()
}

async fn guardians(visit: &Visit, id: &str) -> Result<Vec<Guardian>, PageError> {
    let page = visit.page("medical.patient_contact.list", &[("patient_id", id), ("limit", CONTACTS)]).await;
    let mut found = page.map_err(|e| visit.error(e))?.rows;
    found.sort_by_key(|row| row.get("priority").and_then(Value::as_i64));
    let guardian = |row: &Record| Guardian {
        name: row.text("name").to_owned(),
        relationship: row.text("relationship").to_owned(),
        phone: row.text("phone").to_owned(),
        legal_custody: row.get("legal_custody") == Some(&json!(true)),
        may_pick_up: row.get("may_pick_up") == Some(&json!(true)),
        receives_health_info: row.get("receives_health_info") == Some(&json!(true)),
        restricted: row.get("court_restriction").is_some_and(|court| !court.is_null()),
    };
    Ok(found.iter().map(guardian).collect())
}
