//! School health as a student and their family see it: the doses that were given at school, and the exemptions they submitted.

use super::{
    Shell,
    exemptions::{self, Exemption},
    form::FieldMessage,
    i18n::{codes, fill},
    layout::{self, Head},
    parts::{self, Tone},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The page's data.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FamilyView {
    /// The student.
    pub student_id: String,
    /// As it is shown.
    pub name: String,
    /// The name of the school; empty for who is no student.
    pub school: String,
    /// Over how many days doses are shown.
    pub days: i64,
    /// What came of medication, newest first.
    pub doses: Vec<Given>,
    /// Exemptions of the student; none for who submits none.
    pub exemptions: Option<Vec<Exemption>>,
    /// What was typed into the form of an exemption, and what is wrong with it.
    pub values: BTreeMap<String, String>,
    /// Messages of the form.
    pub errors: Vec<FieldMessage>,
    /// What is said of no field.
    pub error: String,
}

/// What came of one dose.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are those of the answer, which is described in the API")]
pub struct Given {
    pub medication: String,
    pub outcome: String,
    pub dose: Option<String>,
    pub unit: Option<String>,
    pub at: String,
    pub was_corrected: bool,
}

/// The page.
#[must_use]
pub fn render(view: &FamilyView, shell: &Shell) -> Markup {
    let t = &shell.t().family;
    let chart = format!("/patients/{}", view.student_id);
    layout::page(
        shell,
        &Head::new(t.title).under(&view.name, &chart),
        &html! {
            header class="page-head" { div { h1 { (t.title) } p class="lead" { (view.name) @if !view.school.is_empty() { " · " (view.school) } } } }
            @if !view.error.is_empty() { div class="notice bad" role="alert" { (Tone::Bad.sign(shell)) (view.error) } }
            (parts::card("doses", t.doses, &html! { span class="count" { (view.doses.len()) } }, &doses(view, shell)))
            @if let (Some(all), false) = (&view.exemptions, view.school.is_empty()) {
                (parts::card("exemptions", shell.t().immunization.exemptions, &html! { span class="count" { (all.len()) } }, &html! {
                    p class="card-note" { (t.counts_later) }
                    (exemptions::table(all, shell, |_| Markup::default()))
                }))
                (exemptions::form((&view.values, &view.errors), &format!("/students/{}/family/exemptions", view.student_id), shell))
            }
        },
    )
}

fn doses(view: &FamilyView, shell: &Shell) -> Markup {
    let (t, m) = (&shell.t().family, &shell.t().medication);
    html! {
        @if view.doses.is_empty() { p class="none" { (fill(t.no_doses, &[("n", &view.days.to_string())])) } } @else {
            p class="card-note" { (fill(t.doses_lead, &[("n", &view.days.to_string())])) }
            table class="grid plain stack" data-keys {
                (parts::heads(&[t.when, m.right_medicine, m.outcome, m.right_dose]))
                tbody {
                    @for dose in &view.doses {
                        tr {
                            th scope="row" { (parts::moment(shell, &dose.at)) }
                            td data-label=(m.right_medicine) { (dose.medication) }
                            td data-label=(m.outcome) {
                                (codes::label(shell.locale, &dose.outcome))
                                @if dose.was_corrected { " " (parts::badge(shell, Tone::Neutral, m.corrected)) }
                            }
                            td data-label=(m.right_dose) {
                                @match &dose.dose { Some(dose_given) => { (dose_given) " " (dose.unit.as_deref().unwrap_or_default()) } None => "–" }
                            }
                        }
                    }
                }
            }
        }
    }
}
