//! Finding a person and entering one: the list with its search, and the form.
//!
//! A search is a POST, because a name must not stand in an address. The server answers `303` to a list whose cursor
//! holds the sealed query, so that *Back* and *Next page* are plain links.

use super::{
    Shell,
    form::{self, Field, FieldMessage, Kind},
    i18n::{codes, fill, format},
    icons,
    layout::{self, Head},
    parts::{self, Pager, Tone},
    table,
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The list of patients, found or recent.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PatientsView {
    /// What was asked.
    pub search: Search,
    /// Whether the rows answer a search (else they are the latest).
    pub searched: bool,
    /// Without permission for identified data: rows hold pseudonym, age band, sex and three digits of the postcode.
    pub pseudonymised: bool,
    /// Rows.
    pub rows: Vec<PatientRow>,
    /// Neighbouring pages.
    pub pager: Pager,
    /// What is wrong with a search field.
    pub errors: Vec<FieldMessage>,
    /// Whether the person may enter a patient.
    pub may_create: bool,
}

/// The fields of the search, sent by POST to `/patients` under these names.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Search {
    /// The one field: a name, a date, an identifier or a telephone number.
    pub q: String,
    /// Name, in any order, from its first letters on.
    pub name: String,
    /// Birth date.
    pub birth_date: String,
    /// Record number or any other identifier, whole.
    pub identifier: String,
    /// Telephone number, whole.
    pub phone: String,
    /// Sex code.
    pub sex: String,
    /// Status code.
    pub status: String,
}

/// One patient in a list.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PatientRow {
    /// Id.
    pub id: String,
    /// Family name.
    pub family_name: String,
    /// Given names.
    pub given_names: String,
    /// Name the person goes by.
    pub preferred_name: String,
    /// ISO 8601.
    pub birth_date: String,
    /// ISO 8601, empty while alive.
    pub deceased_on: String,
    /// Code.
    pub sex: String,
    /// Record number.
    pub mrn: String,
    /// Code.
    pub status: String,
    /// Why the search found this person.
    pub matched: Vec<Match>,
    /// Name that stands for the person in the pseudonymised view.
    pub pseudonym: String,
    /// Such as `10–14`.
    pub age_band: String,
    /// First three digits of the postal code.
    pub postcode3: String,
}

/// One reason why a search found a person.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Match {
    /// `name`, `prefix`, `sound`, `former_name`, `preferred_name`, `birth_date`, `mrn`, `identifier` or `phone`.
    pub by: String,
    /// The value that matched, when it helps, such as the former name.
    pub text: String,
}

/// The form of a patient.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PatientFormView {
    /// Id, when it changes an existing patient.
    pub id: Option<String>,
    /// Version read, sent back.
    pub row_version: Option<i64>,
    /// Values by field name; the names are those of [`fields`].
    pub values: BTreeMap<String, String>,
    /// Fields to offer; empty offers all. What the API does not take must be left out.
    pub offered: Vec<String>,
    /// What is wrong, by field.
    pub errors: Vec<FieldMessage>,
    /// What is wrong with the form as a whole.
    pub error: String,
    /// People who may be the same: shown before a new patient is made.
    pub duplicates: Vec<PatientRow>,
}

/// A person's name as lists show it: family name first.
#[must_use]
pub fn name(family: &str, given: &str, preferred: &str) -> String {
    let formal = [family, given].iter().filter(|s| !s.is_empty()).copied().collect::<Vec<_>>().join(", ");
    if preferred.is_empty() || given.split(' ').any(|g| g == preferred) {
        formal
    } else {
        format!("{formal} “{preferred}”")
    }
}

/// The list page.
#[must_use]
pub fn render(view: &PatientsView, shell: &Shell) -> Markup {
    let t = shell.t();
    layout::page(
        shell,
        &Head::new(t.people.patients),
        &html! {
            header class="page-head" {
                div {
                    h1 { (t.people.patients) }
                    @if view.pseudonymised { p class="lead" { (t.people.pseudonymised) } }
                }
                @if view.may_create {
                    a class="button primary" href="/patients/new" { (icons::icon("plus")) (t.people.new_patient) }
                }
            }
            @if !view.pseudonymised { (search(view, shell)) }
            @if view.rows.is_empty() {
                @if view.searched { (parts::empty(t.people.nobody, t.people.nobody_hint, None)) }
                @else { (parts::empty(t.people.nobody_yet, t.people.nobody_yet_hint, None)) }
            } @else {
                h2 class="list-title" id="results" { (if view.searched { t.people.found } else { t.people.latest }) }
                @if view.pseudonymised { (pseudonyms(shell, &view.rows)) }
                @else { (people(shell, &view.rows, view.searched)) }
                (parts::pager(shell, &view.pager, view.rows.len()))
            }
        },
    )
}

fn search(view: &PatientsView, shell: &Shell) -> Markup {
    let t = &shell.t().people;
    let s = &view.search;
    let fields = [
        Field::new("name", t.name, Kind::Text, &s.name),
        Field::new("birth_date", t.birth_date, Kind::Date, &s.birth_date),
        Field::new("identifier", t.identifier, Kind::Text, &s.identifier),
        Field::new("phone", t.phone, Kind::Phone, &s.phone),
        Field::new("sex", t.sex, Kind::Choice, &s.sex).codes(&["F", "M", "X", "UNK"]),
        Field::new("status", t.status, Kind::Choice, &s.status).codes(&["ACTIVE", "INACTIVE", "DECEASED", "MERGED"]),
    ]
    .map(|f| f.check(&view.errors));
    let open = fields.iter().any(|f| !f.value.is_empty() || !f.error.is_empty());
    let q = Field::new("q", "", Kind::Text, "").check(&view.errors);
    let body = html! {
        div class="smart" {
            label class="unseen" for="smart-q" { (t.search_label) }
            (icons::icon("search"))
            input id="smart-q" type="search" name="q" value=(s.q) autocomplete="off" placeholder=(t.search_placeholder)
                aria-describedby="smart-hint" aria-invalid=[(!q.error.is_empty()).then_some("true")];
            button class="button primary" type="submit" { (shell.t().ui.search) }
        }
        p class="hint" id="smart-hint" {
            @if q.error.is_empty() { (t.search_hint) } @else {
                span class="error" { (Tone::Bad.sign(shell)) (q.error) }
            }
        }
        details class="more" open[open] {
            summary { (t.more_filters) }
            div class="filters" { @for f in &fields { (form::field(shell, f)) } }
        }
    };
    form::post(shell, "/patients", "search card", &html! { div role="search" { (body) } })
}

/// A table of people, each row a link to the chart.
#[must_use]
pub fn people(shell: &Shell, rows: &[PatientRow], matched: bool) -> Markup {
    let t = &shell.t().people;
    html! {
        table class="grid brief" data-keys {
            thead {
                tr {
                    th scope="col" { (t.name) }
                    th scope="col" { (t.birth_date) }
                    th scope="col" { (t.age) }
                    th scope="col" { (t.sex) }
                    th scope="col" { (t.mrn) }
                    th scope="col" { (t.status) }
                    @if matched { th scope="col" { (t.why) } }
                }
            }
            tbody {
                @for row in rows {
                    tr {
                        th scope="row" {
                            a href={ "/patients/" (row.id) } {
                                (name(&row.family_name, &row.given_names, &row.preferred_name))
                            }
                        }
                        td data-label=(t.birth_date) { (parts::date(shell, &row.birth_date)) }
                        td class="still" data-label=(t.age) { (age(shell, &row.birth_date, &row.deceased_on)) }
                        td data-label=(t.sex) { (codes::label(shell.locale, &row.sex)) }
                        td data-label=(t.mrn) { span class="id" { (row.mrn) } }
                        td data-label=(t.status) { (parts::status(shell, &row.status)) }
                        @if matched { td data-label=(t.why) { (why(shell, &row.matched)) } }
                    }
                }
            }
        }
    }
}

/// Age today, or at death.
#[must_use]
pub fn age(shell: &Shell, birth: &str, death: &str) -> String {
    let until = if death.is_empty() { &shell.today } else { death };
    let Some(age) = format::age(shell.locale, birth, until) else { return "–".to_owned() };
    if death.is_empty() { age } else { fill(shell.t().people.age_at_death, &[("age", &age)]) }
}

fn why(shell: &Shell, matches: &[Match]) -> Markup {
    let t = &shell.t().people;
    let words = |by: &str| match by {
        "prefix" => t.by_prefix,
        "sound" => t.by_sound,
        "former_name" => t.by_former_name,
        "preferred_name" => t.by_preferred_name,
        "birth_date" => t.birth_date,
        "mrn" => t.mrn,
        "identifier" => t.identifier,
        "phone" => t.phone,
        _ => t.name,
    };
    html! {
        @if matches.is_empty() { "–" }
        span class="why" {
            @for m in matches {
                span class="chip" { (words(&m.by)) @if !m.text.is_empty() { " · " (m.text) } }
            }
        }
    }
}

fn pseudonyms(shell: &Shell, rows: &[PatientRow]) -> Markup {
    let t = &shell.t().people;
    html! {
        table class="grid brief" data-keys {
            (parts::heads(&[t.pseudonym, t.age_band, t.sex, t.postcode3, t.status]))
            tbody {
                @for row in rows {
                    tr {
                        th scope="row" { a class="id" href={ "/patients/" (row.id) } { (row.pseudonym) } }
                        td data-label=(t.age_band) { (row.age_band) }
                        td data-label=(t.sex) { (codes::label(shell.locale, &row.sex)) }
                        td data-label=(t.postcode3) { (row.postcode3) @if !row.postcode3.is_empty() { "··" } }
                        td data-label=(t.status) { (parts::status(shell, &row.status)) }
                    }
                }
            }
        }
    }
}

/// The fields of the form by group, with their values and errors. Names are columns of the patient, except `phone`
/// and `email`, which become its contact points.
fn fields(view: &PatientFormView, shell: &Shell) -> Vec<(&'static str, Vec<Field>)> {
    let t = &shell.t().people;
    let text = |name: &str, label: &str| Field::new(name, label, Kind::Text, "");
    let groups = vec![
        (
            t.group_name,
            vec![
                text("family_name", t.family_name).required(),
                text("given_names", t.given_names).required(),
                text("preferred_name", t.preferred_name).hint(t.preferred_name_hint),
                text("suffix", t.suffix),
            ],
        ),
        (
            t.group_person,
            vec![
                Field::new("birth_date", t.birth_date, Kind::Date, "").required(),
                Field::new("sex", t.sex, Kind::Choice, "").required().codes(&["F", "M", "X", "UNK"]),
                text("pronouns", t.pronouns),
                text("preferred_language", t.language).hint(t.language_hint),
                Field::new("interpreter_needed", t.interpreter, Kind::Flag, ""),
                Field::new("deceased_on", t.deceased_on, Kind::Date, ""),
            ],
        ),
        (
            t.group_record,
            vec![
                text("mrn", t.mrn).hint(t.mrn_hint),
                Field::new("record_regime", t.regime, Kind::Choice, "").hint(t.regime_hint).codes(REGIMES),
                Field::new("status", t.status, Kind::Choice, "").codes(&["ACTIVE", "INACTIVE", "DECEASED"]),
            ],
        ),
        (
            t.group_contact,
            vec![
                Field::new("phone", t.phone, Kind::Phone, ""),
                Field::new("email", shell.t().ui.email, Kind::Email, ""),
                text("address_lines", t.address),
                text("city", t.city),
                text("state", t.state),
                text("postal_code", t.postal_code),
            ],
        ),
    ];
    let offered = |f: &Field| view.offered.is_empty() || view.offered.contains(&f.name);
    let filled = |mut f: Field| {
        f.value = view.values.get(&f.name).cloned().unwrap_or_default();
        f.check(&view.errors)
    };
    groups.into_iter().map(|(title, list)| (title, list.into_iter().filter(offered).map(filled).collect())).collect()
}

/// The legal regimes a record can be under (records specification 1.3).
const REGIMES: &[&str] = &["HIPAA", "FERPA", "FERPA_AND_STATE", "HIPAA_AND_PART2", "LGPD", "NONE"];

/// The form page: POST to `/patients/new`, or to `/patients/{id}/edit` with `row_version`.
#[must_use]
pub fn form(view: &PatientFormView, shell: &Shell) -> Markup {
    let t = shell.t();
    let groups = fields(view, shell);
    let all: Vec<_> = groups.iter().flat_map(|(_, list)| list).collect();
    let (title, action, back) = match &view.id {
        Some(id) => (t.people.edit_patient, format!("/patients/{id}/edit"), format!("/patients/{id}")),
        None => (t.people.new_patient, "/patients/new".to_owned(), "/patients".to_owned()),
    };
    let body = html! {
        @if let Some(version) = view.row_version { input type="hidden" name="row_version" value=(version); }
        @for (title, list) in groups.iter().filter(|(_, list)| !list.is_empty()) {
            fieldset { legend { (title) } div class="form two" { @for f in list { (form::field(shell, f)) } } }
        }
        @if !view.duplicates.is_empty() {
            (form::field(shell, &Field::new("not_duplicate", t.people.not_duplicate, Kind::Flag, "").required()))
        }
        (table::buttons(shell, &back))
    };
    layout::page(
        shell,
        &Head::new(title).under(t.people.patients, "/patients"),
        &html! {
            h1 { (title) }
            (form::summary(shell, &view.error, &all))
            @if !view.duplicates.is_empty() {
                section class="card warn" {
                    header class="card-head" { h2 { (Tone::Warn.sign(shell)) (t.people.duplicates) } }
                    p class="card-note" { (t.people.duplicates_hint) }
                    (people(shell, &view.duplicates, true))
                }
            }
            (form::post(shell, &action, "card grouped", &body))
        },
    )
}
