//! The chart: who the person is, what must not be missed, and each kind of clinical fact in short with a way to all
//! of it. `/patients/{id}` shows every section capped; `/patients/{id}?section=results` shows one whole.
//!
//! The tables of the sections are drawn in [`facts`](super::facts).

use super::{
    Shell, facts,
    i18n::codes,
    icons,
    layout::{self, Head},
    parts::{self, Pager, Tab, Tone},
    patients,
};
use maud::{Markup, html};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

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
}

/// Some rows of a section, and how many there are.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Capped<T> {
    /// The rows shown.
    pub rows: Vec<T>,
    /// How many there are in all.
    pub total: u64,
    /// Neighbouring pages, when the section is shown whole.
    pub pager: Pager,
}

impl<T> Default for Capped<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), total: 0, pager: Pager::default() }
    }
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
    /// What an empty `allergies` means: `none_known` or `not_recorded`.
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

/// Where a fact comes from.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    /// Who is behind it, in words.
    pub label: String,
    /// How far it is verified: a code such as `IMPORTED` or `PATIENT_REPORTED`.
    pub verification: String,
    /// When it was recorded, ISO 8601.
    pub recorded_at: String,
}

/// A problem or diagnosis.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the columns' own; dates are ISO 8601 of any precision")]
pub struct Problem {
    pub id: String,
    pub display: String,
    pub code: String,
    pub system: String,
    pub clinical_status: String,
    pub severity: String,
    pub is_chronic: bool,
    pub onset_date: String,
    pub abatement_date: String,
    pub origin: Origin,
}

/// A medication.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the columns' own; dates are ISO 8601 of any precision")]
pub struct Medication {
    pub id: String,
    pub display: String,
    #[serde(deserialize_with = "text")]
    pub dose_qty: String,
    pub dose_unit: String,
    pub route: String,
    pub frequency: String,
    pub prn: bool,
    pub prn_reason: String,
    pub status: String,
    pub start: String,
    pub end: String,
    pub prescriber: String,
    pub origin: Origin,
}

/// An allergy or intolerance.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the columns' own; dates are ISO 8601 of any precision")]
pub struct Allergy {
    pub id: String,
    pub substance: String,
    pub category: String,
    pub criticality: String,
    pub clinical_status: String,
    pub reactions: Vec<Reaction>,
    pub last_occurrence: String,
    pub origin: Origin,
}

/// How an allergy shows itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the columns' own")]
pub struct Reaction {
    pub manifestation: String,
    pub severity: String,
}

/// A dose given (or refused).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the columns' own; dates are ISO 8601 of any precision")]
pub struct Immunization {
    pub id: String,
    pub display: String,
    pub cvx: String,
    pub given_on: String,
    pub dose: String,
    pub lot: String,
    pub site: String,
    pub status: String,
    pub registry_state: String,
    pub origin: Origin,
}

/// One value of a test or sign.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Observation {
    /// Id of the row.
    pub id: String,
    /// When it was collected or measured, ISO 8601.
    pub at: String,
    /// The value as reported, digits kept: a number, text, titre or pair (`118/76`).
    #[serde(deserialize_with = "text")]
    pub value: String,
    /// `<`, `<=`, `>`, `>=` or empty.
    pub comparator: String,
    /// Unit (UCUM). A number without one is marked, not charted and not flagged.
    pub unit: String,
    /// Lower bound of the reference range.
    #[serde(deserialize_with = "text")]
    pub low: String,
    /// Upper bound of the reference range.
    #[serde(deserialize_with = "text")]
    pub high: String,
    /// `L`, `H`, `LL`, `HH`, `A`, `AA`, `N` or empty.
    pub flag: String,
    /// Status code.
    pub status: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// One analyte or sign with its latest value and its course.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Measured {
    /// LOINC code: the address of the trend.
    pub code: String,
    /// Name.
    pub display: String,
    /// Panel under which it stands.
    pub panel: String,
    /// The latest value.
    pub latest: Observation,
    /// Earlier and latest values for the sparkline, at most some dozen.
    pub series: Vec<Observation>,
    /// How many values there are.
    pub count: u64,
}

/// A visit.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the columns' own; dates are ISO 8601 of any precision")]
pub struct Encounter {
    pub id: String,
    pub class: String,
    pub reason: String,
    pub start: String,
    pub end: String,
    pub place: String,
    pub provider: String,
    pub status: String,
    pub origin: Origin,
}

/// Something done.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the columns' own; dates are ISO 8601 of any precision")]
pub struct Procedure {
    pub id: String,
    pub display: String,
    pub code: String,
    pub system: String,
    pub performed: String,
    pub performer: String,
    pub status: String,
    pub origin: Origin,
}

/// A document.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Document {
    /// Id.
    pub id: String,
    /// Title.
    pub title: String,
    /// Category code.
    pub category: String,
    /// ISO 8601.
    pub service_date: String,
    /// Pages.
    pub page_count: Option<u64>,
    /// Size in bytes.
    pub byte_size: Option<u64>,
    /// Who wrote it.
    pub author: String,
    /// Status code.
    pub status: String,
    /// Address it is downloaded from, when the person may.
    pub href: String,
}

/// A source of the record.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Source {
    /// Name.
    pub name: String,
    /// Kind code, such as `EHR_IMPORT`.
    pub kind: String,
    /// How many facts came from it.
    pub facts: u64,
    /// When the last one came, ISO 8601.
    pub last_at: String,
}

/// Text from a JSON string, number or null: a decimal keeps the digits it came with.
fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    })
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
                h1 { a href={ "/patients/" (p.id) } { (p.title()) } }
                ul class="identity" {
                    @if !p.birth_date.is_empty() {
                        li { span class="unseen" { (t.birth_date) ": " } (parts::date(shell, &p.birth_date)) " (" (patients::age(shell, &p.birth_date, &p.deceased_on)) ")" }
                    }
                    @if !p.sex.is_empty() { li { (codes::label(shell.locale, &p.sex)) } }
                    @if !p.mrn.is_empty() { li { span class="muted" { (t.mrn_short) } " " span class="id" { (p.mrn) } } }
                    @if !p.regime.is_empty() && p.regime != "NONE" { li { span class="badge regime" title=(t.regime_title) { (p.regime.replace('_', " ")) } } }
                    @if !p.status.is_empty() && p.status != "ACTIVE" { li { (parts::status(shell, &p.status)) } }
                }
                div class="actions" { (actions) }
            }
            (allergies(p, shell))
            @for banner in &p.banners { p class="flash tone-warn" role="note" { (Tone::Warn.sign(shell)) (banner) } }
            @if !p.merged_into.is_empty() {
                p class="flash tone-info" role="note" { (Tone::Info.sign(shell)) a href={ "/patients/" (p.merged_into) } { (t.merged_into) } }
            }
        }
    }
}

fn allergies(p: &PatientHeader, shell: &Shell) -> Markup {
    let t = &shell.t().people;
    html! {
        @if !p.allergies.is_empty() {
            p class="allergy-line" {
                strong { (Tone::Bad.sign(shell)) (t.allergies) }
                @for a in &p.allergies {
                    span class="allergy" {
                        (a.substance)
                        @if a.criticality == "HIGH" { " " em { (t.high_criticality) } }
                    }
                }
            }
        } @else if p.allergy_state == "none_known" {
            p class="allergy-line calm" { (Tone::Good.sign(shell)) (t.no_known_allergies) }
        } @else {
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
        @if view.may.access { a class="button" href={ "/patients/" (id) "/access" } { (icons::icon("eye")) (t.people.who_saw) } }
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
    let rest = facts::SECTIONS.iter().map(|section| Tab {
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
                    @for section in *lane { (facts::short(view, *section, shell)) }
                    @if i == 2 { (facts::sources(&view.sources, shell)) }
                }
            }
        }
    }
}
