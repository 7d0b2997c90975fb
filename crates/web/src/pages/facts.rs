//! The tables of the chart's sections: short ones for the overview, whole ones for a section's own page. A fact that
//! nobody has confirmed says so; where it comes from stands in the whole tables.

use super::{
    Shell,
    clinical::{Capped, Origin, Source},
    i18n::{codes, fill, format, units},
    parts::{self, Tone},
    record::{ChartView, Section},
    results,
};
use maud::{Markup, html};

/// The sections in the order of the tabs.
pub const SECTIONS: [Section; 9] = [
    Section::Problems,
    Section::Medications,
    Section::Allergies,
    Section::Immunizations,
    Section::Results,
    Section::Vitals,
    Section::Encounters,
    Section::Procedures,
    Section::Documents,
];

impl Section {
    /// Its value in `?section=`.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::Problems => "problems",
            Self::Allergies => "allergies",
            Self::Medications => "medications",
            Self::Immunizations => "immunizations",
            Self::Results => "results",
            Self::Vitals => "vitals",
            Self::Encounters => "encounters",
            Self::Procedures => "procedures",
            Self::Documents => "documents",
        }
    }

    /// The section of this `?section=`.
    #[must_use]
    pub fn from_slug(slug: &str) -> Option<Self> {
        SECTIONS.into_iter().find(|s| s.slug() == slug)
    }

    /// Its heading.
    #[must_use]
    pub fn title(self, shell: &Shell) -> &'static str {
        let t = &shell.t().people;
        match self {
            Self::Problems => t.problems,
            Self::Allergies => t.allergies,
            Self::Medications => t.medications,
            Self::Immunizations => t.immunizations,
            Self::Results => t.results,
            Self::Vitals => t.vitals,
            Self::Encounters => t.encounters,
            Self::Procedures => t.procedures,
            Self::Documents => t.documents,
        }
    }

    /// How many there are in all.
    #[must_use]
    pub fn total(self, view: &ChartView) -> u64 {
        match self {
            Self::Problems => view.problems.total,
            Self::Allergies => view.allergies.total,
            Self::Medications => view.medications.total,
            Self::Immunizations => view.immunizations.total,
            Self::Results => view.results.total,
            Self::Vitals => view.vitals.total,
            Self::Encounters => view.encounters.total,
            Self::Procedures => view.procedures.total,
            Self::Documents => view.documents.total,
        }
    }

    fn shown(self, view: &ChartView) -> (usize, &parts::Pager) {
        fn of<T>(capped: &Capped<T>) -> (usize, &parts::Pager) {
            (capped.rows.len(), &capped.pager)
        }
        match self {
            Self::Problems => of(&view.problems),
            Self::Allergies => of(&view.allergies),
            Self::Medications => of(&view.medications),
            Self::Immunizations => of(&view.immunizations),
            Self::Results => of(&view.results),
            Self::Vitals => of(&view.vitals),
            Self::Encounters => of(&view.encounters),
            Self::Procedures => of(&view.procedures),
            Self::Documents => of(&view.documents),
        }
    }
}

/// A section on the overview.
#[must_use]
pub fn short(view: &ChartView, section: Section, shell: &Shell) -> Markup {
    let t = &shell.t().people;
    let (shown, _) = section.shown(view);
    let total = section.total(view);
    let aside = html! {
        @if total > shown as u64 {
            a href={ "/patients/" (view.patient.id) "?section=" (section.slug()) } {
                (fill(t.all_n, &[("n", &format::count(shell.locale, total))]))
                span class="unseen" { " " (section.title(shell)) }
            }
        } @else if total > 0 {
            span class="count" { (total) }
        }
    };
    parts::card(section.slug(), section.title(shell), &aside, &body(view, section, shell, false))
}

/// A section on its own page.
#[must_use]
pub fn whole(view: &ChartView, section: Section, shell: &Shell) -> Markup {
    let (shown, pager) = section.shown(view);
    html! {
        (parts::card(section.slug(), section.title(shell), &html! {}, &body(view, section, shell, true)))
        (parts::pager(shell, pager, shown))
    }
}

fn body(view: &ChartView, section: Section, shell: &Shell, full: bool) -> Markup {
    if section.shown(view).0 == 0 {
        return html! { p class="none" { (shell.t().people.none_recorded) } };
    }
    match section {
        Section::Problems => problems(view, shell, full),
        Section::Allergies => allergies(view, shell, full),
        Section::Medications => medications(view, shell, full),
        Section::Immunizations => immunizations(view, shell, full),
        Section::Results => results::measured(&view.patient.id, &view.results.rows, shell, full),
        Section::Vitals => results::measured(&view.patient.id, &view.vitals.rows, shell, full),
        Section::Encounters => encounters(view, shell, full),
        Section::Procedures => procedures(view, shell, full),
        Section::Documents => documents(view, shell, full),
    }
}

/// A table of facts: heads, then rows; the last column of a whole table says where the fact comes from.
fn grid(heads: &[&str], origin: Option<&str>, rows: &Markup) -> Markup {
    html! {
        table class="grid plain brief" {
            thead { tr { @for head in heads.iter().copied().chain(origin) { th scope="col" { (head) } } } }
            tbody { (rows) }
        }
    }
}

/// Marks a fact that is not confirmed by a clinician or an import.
pub(super) fn doubt(origin: &Origin, shell: &Shell) -> Markup {
    html! {
        @if matches!(origin.verification.as_str(), "UNVERIFIED" | "PATIENT_REPORTED" | "DOCUMENT_EXTRACTED") {
            " " (parts::status(shell, &origin.verification))
        }
    }
}

/// How sure its writer was of a problem or allergy, when that is less than confirmed; refuted ones are shown, and say so.
fn certainty(code: &str, shell: &Shell) -> Markup {
    let tone = if code == "REFUTED" { Tone::Warn } else { Tone::Neutral };
    let words = match code {
        // The code of an admission to school says something else.
        "PROVISIONAL" => shell.t().people.provisional.into(),
        code => codes::label(shell.locale, code),
    };
    html! { @if !matches!(code, "" | "CONFIRMED") { " " (parts::badge(shell, tone, &words)) } }
}

fn origin_cell(origin: &Origin, shell: &Shell, full: bool) -> Markup {
    html! {
        @if full {
            td data-label=(shell.t().people.source) class="small" {
                (codes::source(shell.locale, &origin.label))
                @if !origin.verification.is_empty() {
                    span class="sub" { (codes::label(shell.locale, &origin.verification)) }
                }
            }
        }
    }
}

fn problems(view: &ChartView, shell: &Shell, full: bool) -> Markup {
    let t = &shell.t().people;
    grid(
        &[t.problem, t.since, t.status],
        full.then_some(t.source),
        &html! {
            @for p in &view.problems.rows {
                tr {
                    th scope="row" {
                        (p.display)
                        @if p.is_chronic { " " (parts::badge(shell, Tone::Neutral, t.chronic)) }
                        (certainty(&p.certainty, shell)) (doubt(&p.origin, shell))
                        span class="sub" {
                            span class="id" { (p.code) } @if !p.severity.is_empty() {
                                " · " (codes::label(shell.locale, &p.severity))
                            }
                        }
                    }
                    td data-label=(t.since) class="date" {
                        (parts::date(shell, &p.onset_date))
                        @if !p.abatement_date.is_empty() { " – " (parts::date(shell, &p.abatement_date)) }
                    }
                    td data-label=(t.status) { (parts::status(shell, &p.clinical_status)) }
                    (origin_cell(&p.origin, shell, full))
                }
            }
        },
    )
}

fn medications(view: &ChartView, shell: &Shell, full: bool) -> Markup {
    let t = &shell.t().people;
    grid(
        &[t.medication, t.since, t.status],
        full.then_some(t.source),
        &html! {
            @for m in &view.medications.rows {
                tr {
                    th scope="row" {
                        (m.display) (doubt(&m.origin, shell))
                        span class="sub" {
                            (format::decimal(shell.locale, &m.dose_qty)) " " (units::counted(shell.locale, &m.dose_qty, &m.dose_unit))
                            @if !m.route.is_empty() { " " (codes::label(shell.locale, &m.route)) }
                            @if !m.frequency.is_empty() { " · " (m.frequency) }
                            @if m.prn { " · " (t.as_needed) @if !m.prn_reason.is_empty() { " (" (m.prn_reason) ")" } }
                            @if full && !m.prescriber.is_empty() { " · " (m.prescriber) }
                        }
                    }
                    td data-label=(t.since) class="date" {
                        (parts::date(shell, &m.start))
                        @if !m.end.is_empty() { " – " (parts::date(shell, &m.end)) }
                    }
                    td data-label=(t.status) { (parts::status(shell, &m.status)) }
                    (origin_cell(&m.origin, shell, full))
                }
            }
        },
    )
}

fn allergies(view: &ChartView, shell: &Shell, full: bool) -> Markup {
    let t = &shell.t().people;
    grid(
        &[t.substance, t.reaction, t.criticality],
        full.then_some(t.source),
        &html! {
            @for a in &view.allergies.rows {
                tr {
                    th scope="row" {
                        (a.substance) (certainty(&a.certainty, shell)) (doubt(&a.origin, shell))
                        span class="sub" {
                            (codes::label(shell.locale, &a.category))
                            @if a.clinical_status != "ACTIVE" { " · " (codes::label(shell.locale, &a.clinical_status)) }
                            @if full && !a.last_occurrence.is_empty() { " · " (parts::date(shell, &a.last_occurrence)) }
                        }
                    }
                    td data-label=(t.reaction) {
                        @for (i, r) in a.reactions.iter().enumerate() {
                            @if i > 0 { ", " }
                            (r.manifestation)
                            @if !r.severity.is_empty() {
                                " (" (codes::label(shell.locale, &r.severity).to_lowercase()) ")"
                            }
                        }
                        @if a.reactions.is_empty() { "–" }
                    }
                    td data-label=(t.criticality) {
                        @let high = a.criticality == "HIGH";
                        @if !a.criticality.is_empty() {
                            span class={ "badge" @if high { " tone-bad" } } {
                                @if high { "↑ " } (codes::label(shell.locale, &a.criticality))
                            }
                        }
                    }
                    (origin_cell(&a.origin, shell, full))
                }
            }
        },
    )
}

fn immunizations(view: &ChartView, shell: &Shell, full: bool) -> Markup {
    let t = &shell.t().people;
    grid(
        &[t.vaccine, t.given, t.registry],
        full.then_some(t.source),
        &html! {
            @for i in &view.immunizations.rows {
                tr {
                    th scope="row" {
                        (i.display) (doubt(&i.origin, shell))
                        span class="sub" {
                            "CVX " span class="id" { (i.cvx) }
                            @if !i.dose.is_empty() { " · " (t.dose) " " (i.dose) }
                            @if full && !i.lot.is_empty() { " · " (t.lot) " " (i.lot) }
                            @if full && !i.site.is_empty() { " · " (i.site) }
                        }
                    }
                    td data-label=(t.given) class="date" { (parts::date(shell, &i.given_on)) }
                    td data-label=(t.registry) { (parts::status(shell, &i.registry_state)) }
                    (origin_cell(&i.origin, shell, full))
                }
            }
        },
    )
}

fn encounters(view: &ChartView, shell: &Shell, full: bool) -> Markup {
    let t = &shell.t().people;
    grid(
        &[t.encounter, t.when, t.status],
        full.then_some(t.source),
        &html! {
            @for e in &view.encounters.rows {
                tr {
                    th scope="row" {
                        (e.reason) (doubt(&e.origin, shell))
                        span class="sub" {
                            (codes::label(shell.locale, &e.class)) " · " (e.place) @if !e.provider.is_empty() {
                                " · " (e.provider)
                            }
                        }
                    }
                    td data-label=(t.when) class="date" {
                        @if full { (parts::moment(shell, &e.start)) } @else { (parts::day(shell, &e.start)) }
                    }
                    td data-label=(t.status) { (parts::status(shell, &e.status)) }
                    (origin_cell(&e.origin, shell, full))
                }
            }
        },
    )
}

fn procedures(view: &ChartView, shell: &Shell, full: bool) -> Markup {
    let t = &shell.t().people;
    grid(
        &[t.procedure, t.when, t.status],
        full.then_some(t.source),
        &html! {
            @for p in &view.procedures.rows {
                tr {
                    th scope="row" {
                        (p.display) (doubt(&p.origin, shell))
                        span class="sub" {
                            span class="id" { (p.code) } @if !p.performer.is_empty() { " · " (p.performer) }
                        }
                    }
                    td data-label=(t.when) class="date" { (parts::date(shell, &p.performed)) }
                    td data-label=(t.status) { (parts::status(shell, &p.status)) }
                    (origin_cell(&p.origin, shell, full))
                }
            }
        },
    )
}

fn documents(view: &ChartView, shell: &Shell, full: bool) -> Markup {
    let t = &shell.t().people;
    grid(
        &[t.document, t.when, t.status],
        full.then_some(t.source),
        &html! {
            @for d in &view.documents.rows {
                tr {
                    th scope="row" {
                        @if d.href.is_empty() { (d.title) } @else { a href=(d.href) { (d.title) } }
                        span class="sub" {
                            (codes::label(shell.locale, &d.category))
                            @if let Some(pages) = d.page_count { " · " (fill(t.n_pages, &[("n", &pages.to_string())])) }
                            @if let Some(size) = d.byte_size { " · " (format::bytes(shell.locale, size)) }
                        }
                    }
                    td data-label=(t.when) class="date" { (parts::date(shell, &d.service_date)) }
                    td data-label=(t.status) { (parts::status(shell, &d.status)) }
                    @if full { td data-label=(t.source) class="small" { (d.author) } }
                }
            }
        },
    )
}

/// Which sources the record was put together from; a kind of source that keeps no name of its own stands by its kind.
#[must_use]
pub fn sources(sources: &[Source], shell: &Shell) -> Markup {
    let t = &shell.t().people;
    html! {
        @if !sources.is_empty() {
            (parts::card("sources", t.sources, &html! {}, &grid(&[t.source, t.facts, t.last_came], None, &html! {
                @for s in sources {
                    tr {
                        th scope="row" {
                            @let kind = codes::label(shell.locale, &s.kind);
                            @if s.name.is_empty() { (kind) } @else { (s.name) span class="sub" { (kind) } }
                        }
                        td data-label=(t.facts) class="num" { (format::count(shell.locale, s.facts)) }
                        td data-label=(t.last_came) class="date" { (parts::day(shell, &s.last_at)) }
                    }
                }
            })))
        }
    }
}
