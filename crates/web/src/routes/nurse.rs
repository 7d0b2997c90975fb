//! A nurse's start page: one operation for each part that the person may see, for all of their schools or one.

use super::{
    clinic::{self, student},
    frame::{PageError, Visit, text},
    home::{items, json_of, with_query},
    medication::pairs,
};
use crate::pages::{
    alert_center::Alert,
    clinic::{ClinicView, VisitRow},
    nurse::{Alerts, Dose, Ending, Here, Medication, NurseView, Place, Signal, Vaccines},
};
use salus_core::Error;
use salus_store::Call;
use serde_json::{Value, json};

/// Alerts that are shown.
const ALERTS: usize = 6;
/// What the list of alerts holds at most.
const MOST: &str = "200";

/// The page of somebody who sees visits at a school; none for everybody else.
pub async fn load(visit: &Visit, school: &str, found: Option<&str>) -> Result<Option<NurseView>, PageError> {
    if !visit.ctx.may("school.visit.read") {
        return Ok(None);
    }
    let school = if school == "all" { "" } else { school };
    let told = call(visit, "school.clinic.now", school).await?;
    let mine = pairs(&told, "mine");
    if mine.is_empty() {
        return Ok(None);
    }
    let mut view = NurseView {
        school: school.to_owned(),
        at: text(&told, "at"),
        schools: places(visit, &told)?,
        here: items(&told, "open").iter().map(|row| here(row, &mine)).collect(),
        here_total: told["total"].as_u64().unwrap_or(0),
        mine,
        ..NurseView::default()
    };
    if visit.ctx.may("school.visit.write") {
        view.check_in = Some(check_in(visit, school, found).await?);
    }
    if visit.ctx.may("school.med.administer") {
        medication(visit, &mut view).await?;
    }
    if visit.ctx.may("school.immunization.read") {
        vaccines(visit, &mut view).await?;
    }
    if visit.ctx.may("school.outbreak.read") {
        signals(visit, &mut view).await?;
    }
    if visit.ctx.may("ops.alert.read") {
        view.alerts = Some(alerts(visit, school).await?);
    }
    Ok(Some(view))
}

async fn call(visit: &Visit, op: &str, school: &str) -> Result<Value, PageError> {
    let call = with_query(Call::default(), &[("school_id", school)]);
    Ok(json_of(visit.call(op, call).await?))
}

fn places(visit: &Visit, told: &Value) -> Result<Vec<Place>, PageError> {
    items(told, "schools").into_iter().map(|place| visit.view(place)).collect()
}

/// Adds what another operation counted at the same schools.
fn add(visit: &Visit, view: &mut NurseView, told: &Value, take: impl Fn(&mut Place, Place)) -> Result<(), PageError> {
    for counted in places(visit, told)? {
        if let Some(place) = view.schools.iter_mut().find(|place| place.id == counted.id) {
            take(place, counted);
        }
    }
    Ok(())
}

fn here(row: &Value, mine: &[(String, String)]) -> Here {
    let school = text(row, "school_id");
    let visit = VisitRow {
        id: text(row, "id"),
        student: student(&row["student"], String::new()),
        check_in_at: text(row, "check_in_at"),
        chief_complaint_code: text(row, "chief_complaint_code"),
        minutes: row["minutes"].as_i64().unwrap_or(0),
        ..VisitRow::default()
    };
    Here { visit, school: mine.iter().find(|(id, _)| *id == school).map(|(_, name)| name.clone()).unwrap_or_default() }
}

/// The field that finds a student, and whom it found.
async fn check_in(visit: &Visit, school: &str, found: Option<&str>) -> Result<ClinicView, PageError> {
    let mut view = ClinicView { school: school.to_owned(), may_write: true, is_home: true, ..ClinicView::default() };
    if let Some(asked) = found
        && let Some(q) = visit.unseal(clinic::PURPOSE, asked).await?
    {
        view.searched = true;
        view.found = clinic::search(visit, &q, school).await.map_err(|e| visit.error(e))?;
    }
    Ok(view)
}

/// A row with its student as pages show one.
fn with_student(row: &Value) -> Value {
    let mut plain = row.clone();
    plain["student"] = json!(student(&row["student"], String::new()));
    if let Some(members) = plain.as_object_mut() {
        members.retain(|_, member| !member.is_null());
    }
    plain
}

fn rows<T: serde::de::DeserializeOwned>(visit: &Visit, told: &Value, name: &str) -> Result<Vec<T>, PageError> {
    items(told, name).iter().map(|row| visit.view(with_student(row))).collect()
}

async fn medication(visit: &Visit, view: &mut NurseView) -> Result<(), PageError> {
    let told = call(visit, "school.medication_round.waiting", &view.school).await?;
    add(visit, view, &told, |place, counted| {
        (place.missed, place.late, place.due) = (counted.missed, counted.late, counted.due);
        (place.soon, place.effect) = (counted.soon, counted.effect);
    })?;
    view.medication = Some(Medication {
        doses: rows::<Dose>(visit, &told, "doses")?,
        effects: rows::<Dose>(visit, &told, "effects")?,
        orders: rows::<Ending>(visit, &told, "orders")?,
        orders_total: told["orders_total"].as_u64().unwrap_or(0),
    });
    Ok(())
}

async fn vaccines(visit: &Visit, view: &mut NurseView) -> Result<(), PageError> {
    let told = call(visit, "school.immunization.waiting", &view.school).await?;
    add(visit, view, &told, |place, counted| {
        (place.students, place.not_evaluated) = (counted.students, counted.not_evaluated);
        (place.overdue, place.no_record) = (counted.overdue, counted.no_record);
    })?;
    view.vaccines = Some(Vaccines {
        exemptions: rows::<Ending>(visit, &told, "exemptions")?,
        exemptions_total: told["exemptions_total"].as_u64().unwrap_or(0),
    });
    Ok(())
}

/// Signals that wait for a review: new ones and those that somebody looks at.
async fn signals(visit: &Visit, view: &mut NurseView) -> Result<(), PageError> {
    let asked = with_query(Call::default(), &[("school_id", view.school.as_str()), ("state", "open")]);
    let told = json_of(visit.call("school.outbreak.board", asked).await?);
    let mut found = Vec::new();
    for row in items(&told, "data") {
        if !["SIGNAL", "UNDER_REVIEW"].contains(&text(&row, "state").as_str()) {
            continue;
        }
        if let Some(place) = view.schools.iter_mut().find(|place| place.id == text(&row, "school_id")) {
            place.signals += 1;
        }
        found.push(visit.view::<Signal>(row)?);
    }
    view.signals = Some(found);
    Ok(())
}

async fn alerts(visit: &Visit, school: &str) -> Result<Alerts, PageError> {
    let asked = with_query(Call::default(), &[("school_id", school), ("limit", MOST)]);
    let told = json_of(visit.call("alerts.alert.live", asked).await?);
    let all: Vec<Alert> = items(&told, "alerts").into_iter().map(|row| visit.view(row)).collect::<Result<_, _>>()?;
    // Of all schools together every open one is counted; of those beyond the list it is not known whether somebody has them.
    let open = told["open"].as_object().ok_or_else(|| visit.error(Error::internal("alerts without their counts")))?;
    let counted = open.values().filter_map(Value::as_u64).sum::<u64>();
    let total = if school.is_empty() { counted } else { all.len() as u64 };
    let waits = |alert: &&Alert| matches!(alert.status.as_str(), "ACTIVE" | "ESCALATED");
    let in_hand = all.iter().filter(|alert| !waits(alert)).count() as u64;
    let unattended = all.iter().filter(waits).take(ALERTS).cloned().collect();
    Ok(Alerts { unattended, waiting: total.saturating_sub(in_hand), in_hand })
}
