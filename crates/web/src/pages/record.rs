//! The chart: who the person is, what must not be missed, and each kind of clinical fact in short with a way to all
//! of it. `/patients/{id}` shows every section capped; `/patients/{id}?section=results` shows one whole.
//!
//! The tables of the sections are drawn in [`super::facts`], from the view data of
//! [`clinical`](super::clinical).

pub use super::clinical::{
    Allergy, Capped, Document, Encounter, Immunization, Measured, Medication, Observation, Origin, Problem, Procedure,
    Reaction, Source,
};
use super::{
    Shell, facts,
    i18n::codes,
    icons,
    layout::{self, Head},
    parts::{self, Tab, Tone},
    patients,
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// A section of the chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Section {
    Problems,
    Allergies,
    Medications,
    Immunizations,
    Results,
    Vitals,
    Encounters,
    Procedures,
    Documents,
}

/// The chart page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ChartView {
    /// Who it is about.
    pub patient: PatientHeader,
    /// What the person may do from here.
    pub may: Rights,
    /// The one section shown whole; none shows all of them, capped by the caller (8 to 12 rows each).
    pub section: Option<Section>,
    /// Sections that the person may not read: they are left out, for an empty one would say that there is nothing.
    pub closed: Vec<Section>,
    /// Problems, active first.
    pub problems: Capped<Problem>,
    /// Medications, active first.
    pub medications: Capped<Medication>,
    /// Allergies and intolerances, high criticality first.
    pub allergies: Capped<Allergy>,
    /// Immunizations, latest first.
    pub immunizations: Capped<Immunization>,
    /// Results: one row an analyte, grouped by panel.
    pub results: Capped<Measured>,
    /// Vital signs: one row a sign.
    pub vitals: Capped<Measured>,
    /// Encounters, latest first.
    pub encounters: Capped<Encounter>,
    /// Procedures, latest first.
    pub procedures: Capped<Procedure>,
    /// Documents, latest first.
    pub documents: Capped<Document>,
    /// Which sources the record was put together from.
    pub sources: Vec<Source>,
}

/// What the person may do from the chart.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Rights {
    /// Change the patient's own data.
    pub edit: bool,
    /// Read who saw the record.
    pub access: bool,
    /// See health at school as a family does.
    pub family: bool,
}

/// The head of every page about a patient.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PatientHeader {
    /// Id.
    pub id: String,
    /// Family name.
    pub family_name: String,
    /// Given names.
    pub given_names: String,
    /// Name the person goes by.
    pub preferred_name: String,
    /// Stands for the name where the reader has no permission for identified data.
    pub pseudonym: String,
    /// ISO 8601.
    pub birth_date: String,
    /// ISO 8601, empty while alive.
    pub deceased_on: String,
    /// Code.
    pub sex: String,
    /// Record number.
    pub mrn: String,
    /// Legal regime of the record, such as `FERPA`.
    pub regime: String,
    /// Status code.
    pub status: String,
    /// The record this one was merged into.
    pub merged_into: String,
    /// Active allergies, shown in red on every page about the patient.
    pub allergies: Vec<AllergyBrief>,
    /// What an empty `allergies` means: `none_known`, `not_recorded`, or `not_shown` to this person.
    pub allergy_state: String,
    /// Notices that must be seen, such as a sensitivity or a court restriction.
    pub banners: Vec<String>,
}

/// An allergy in the head.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AllergyBrief {
    /// Substance.
    pub substance: String,
    /// `HIGH`, `LOW` or `UNABLE`.
    pub criticality: String,
}

impl PatientHeader {
    /// What the person is called on the page.
    #[must_use]
    pub fn title(&self) -> String {
        if self.pseudonym.is_empty() {
            patients::name(&self.family_name, &self.given_names, &self.preferred_name)
        } else {
            self.pseudonym.clone()
        }
    }
}

/// The band with the person's identity, allergies and notices: at the head of every page about a patient.
#[must_use]
pub fn header(p: &PatientHeader, actions: &Markup, shell: &Shell) -> Markup {
    let t = &shell.t().people;
    html! {
        header class="patient" aria-label=(t.patient) {
            div class="patient-line" {
                div class="patient-who" {
                    h1 { a href={ "/patients/" (p.id) } { (p.title()) } }
                ul class="identity" {
                    @if !p.birth_date.is_empty() {
                        li {
                            span class="unseen" { (t.birth_date) ": " }
                            (parts::date(shell, &p.birth_date)) " (" (patients::age(shell, &p.birth_date, &p.deceased_on)) ")"
                        }
                    }
                    @if !p.sex.is_empty() { li { (codes::label(shell.locale, &p.sex)) } }
                    @if !p.mrn.is_empty() {
                        li { span class="muted" { (t.mrn_short) } " " span class="id" { (p.mrn) } }
                    }
                    @if !p.regime.is_empty() && p.regime != "NONE" {
                        li { span class="badge regime" title=(t.regime_title) { (p.regime.replace('_', " ")) } }
                    }
                    @if !p.status.is_empty() && p.status != "ACTIVE" { li { (parts::status(shell, &p.status)) } }
                }
                }
                div class="actions" { (actions) }
            }
            (allergies(p, shell))
            @for banner in &p.banners { p class="flash tone-warn" role="note" { (Tone::Warn.sign(shell)) (banner) } }
            @if !p.merged_into.is_empty() {
                p class="flash tone-info" role="note" {
                    (Tone::Info.sign(shell)) a href={ "/patients/" (p.merged_into) } { (t.merged_into) }
                }
            }
        }
    }
}

fn allergies(p: &PatientHeader, shell: &Shell) -> Markup {
    let t = &shell.t().people;
    html! {
        @if !p.allergies.is_empty() {
            p class="allergy-line" {
                strong { (t.allergies) }
                @for a in &p.allergies {
                    span class="allergy" {
                        (a.substance)
                        @if a.criticality == "HIGH" { " " em { (t.high_criticality) } }
                    }
                }
            }
        } @else if p.allergy_state == "none_known" {
            p class="allergy-line calm" { (Tone::Good.sign(shell)) (t.no_known_allergies) }
        } @else if p.deceased_on.is_empty() && p.allergy_state != "not_shown" {
            p class="allergy-line unknown" { (Tone::Warn.sign(shell)) (t.allergies_not_recorded) }
        }
    }
}

/// The chart page.
#[must_use]
pub fn render(view: &ChartView, shell: &Shell) -> Markup {
    let t = shell.t();
    let id = &view.patient.id;
    let actions = html! {
        @if view.may.family { a class="button" href={ "/students/" (id) "/family" } { (t.family.title) } }
        @if view.may.access {
            a class="button" href={ "/patients/" (id) "/access" } { (icons::icon("eye")) (t.people.who_saw) }
        }
        @if view.may.edit { a class="button" href={ "/patients/" (id) "/edit" } { (icons::icon("edit")) (t.ui.edit) } }
    };
    let body = match view.section {
        Some(section) => facts::whole(view, section, shell),
        None => overview(view, shell),
    };
    layout::page(
        shell,
        &Head::new(t.people.chart).under(t.people.patients, "/patients"),
        &html! {
            (header(&view.patient, &actions, shell))
            (parts::tabs(shell, t.people.sections, &tabs(view, shell)))
            (body)
        },
    )
}

fn tabs(view: &ChartView, shell: &Shell) -> Vec<Tab> {
    let base = format!("/patients/{}", view.patient.id);
    let summary = Tab {
        label: shell.t().people.summary.into(),
        href: base.clone(),
        current: view.section.is_none(),
        count: None,
    };
    let rest = facts::SECTIONS.iter().filter(|s| !view.closed.contains(s)).map(|section| Tab {
        label: section.title(shell).into(),
        href: format!("{base}?section={}", section.slug()),
        current: view.section == Some(*section),
        count: Some(section.total(view)),
    });
    std::iter::once(summary).chain(rest).collect()
}

fn overview(view: &ChartView, shell: &Shell) -> Markup {
    let lanes = [
        &[Section::Problems, Section::Medications, Section::Allergies][..],
        &[Section::Results, Section::Vitals],
        &[Section::Immunizations, Section::Encounters, Section::Procedures, Section::Documents],
    ];
    html! {
        div class="chart" {
            @for (i, lane) in lanes.iter().enumerate() {
                div class={ "lane lane-" (i + 1) } {
                    @for section in lane.iter().filter(|s| !view.closed.contains(s)) { (facts::short(view, *section, shell)) }
                    @if i == 2 { (facts::sources(&view.sources, shell)) }
                }
            }
        }
    }
}
