//! One alert of an outbreak: what is said of it and why, the curve of its cases, where they stand together, who they are for those who may
//! open records, what was decided, and what can be done next.

use super::{
    Shell,
    curve::{self, Bar},
    form::{self, Field, FieldMessage, Kind},
    i18n::{codes, fill, format},
    layout::{self, Head},
    outbreaks::{Confirmed, among, illness, number, state},
    parts::{self, Tone},
    patients,
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct OutbreakView {
    pub id: String,
    pub row_version: i64,
    pub number: String,
    pub syndrome: String,
    pub disease_code: Option<String>,
    pub level: String,
    pub name: Option<String>,
    pub school: Option<String>,
    pub school_id: Option<String>,
    pub method: String,
    pub statistic: Option<f64>,
    pub threshold: Option<f64>,
    pub observed: Option<u64>,
    pub expected: Option<f64>,
    pub p_value: Option<f64>,
    pub q_value: Option<f64>,
    pub cases: Option<u64>,
    pub population: Option<u64>,
    pub first_signal_on: String,
    pub last_signal_on: Option<String>,
    pub review_due_on: Option<String>,
    pub state: String,
    pub closed_reason: Option<String>,
    pub reported_to: Option<String>,
    pub rule: Option<Confirmed>,
    pub curve: Vec<Day>,
    pub series: Option<Series>,
    pub clusters: Vec<Cluster>,
    pub line_list: Option<Vec<Case>>,
    pub line_list_total: Option<u64>,
    pub case_classes: Vec<String>,
    pub diseases: Vec<String>,
    pub steps: Vec<Step>,
    pub next: Vec<String>,
    pub reasons: Vec<String>,
    pub small_cell: bool,
    /// The least count that is told.
    pub least: u64,
    /// Whether the person may build the report.
    pub may_report: bool,
    /// Whether the person may decide what a case is.
    pub may_decide_cases: bool,
    /// Letters to families that were made.
    pub letters: Vec<Made>,
    /// Whether a text is known of the illness.
    pub has_letter: bool,
    /// Whether the person may see immunizations.
    pub may_see_vaccines: bool,
    /// What was typed into the form that was refused.
    pub values: std::collections::BTreeMap<String, String>,
    /// What is wrong with it.
    pub errors: Vec<FieldMessage>,
    /// Why the last act was refused.
    pub error: String,
}

/// A day of the curve.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Day {
    pub on: String,
    pub cases: Option<u32>,
}

/// Reports by school day.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Series {
    pub days: Vec<String>,
    pub counts: Vec<u32>,
    pub upper: Vec<Option<f64>>,
}

/// Cases of a group.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Cluster {
    pub kind: String,
    pub name: Option<String>,
    pub cases: Option<u64>,
    pub population: u64,
    pub attack_rate: Option<f64>,
    pub relative_risk: Option<f64>,
}

/// A student who was ill.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Case {
    pub id: String,
    pub student_id: String,
    pub pseudonym: Option<String>,
    pub family_name: Option<String>,
    pub given_names: Option<String>,
    pub preferred_name: Option<String>,
    pub grade: Option<String>,
    pub homeroom: Option<String>,
    pub onset_on: String,
    pub symptoms: Vec<String>,
    pub case_class: String,
    pub disease_code: Option<String>,
}

/// What was decided.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Step {
    pub state: String,
    pub at: String,
    pub reason: Option<String>,
}

/// Letters that were made.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Made {
    pub at: String,
    pub classes: u64,
    pub languages: Vec<String>,
}

/// The page.
#[must_use]
pub fn render(view: &OutbreakView, shell: &Shell) -> Markup {
    let t = &shell.t().outbreak;
    layout::page(
        shell,
        &Head::new(&view.number).under(t.title, "/outbreaks"),
        &html! {
            header class="page-head" {
                div {
                    h1 { (view.number) }
                    p class="lead" {
                        (illness(view.disease_code.as_deref(), &view.syndrome, &view.method, shell)) " · "
                        (among(&view.level, view.name.as_deref(), view.school.as_deref(), shell)) " " (state(&view.state, shell))
                    }
                }
            }
            (super::immunizations::refused(&view.error, shell))
            @if view.small_cell {
                p class="hint" { (fill(t.small_hint, &[("n", &view.least.to_string())])) }
            }
            (figures(view, shell))
            (parts::card("curve", t.curve, &html! {}, &curves(view, shell)))
            (parts::card("next", t.next_step, &html! {}, &next(view, shell)))
            (parts::card("clusters", t.clusters, &html! {}, &clusters(view, shell)))
            @if let Some(list) = &view.line_list {
                (parts::card("cases", t.line_list, &html! { span class="count" { (view.line_list_total.unwrap_or(list.len() as u64)) } }, &html! {
                    (cases(list, shell))
                    @if view.may_decide_cases && !list.is_empty() { (decide(list, view, shell)) }
                }))
            }
            (parts::card("why", t.statistics, &html! {}, &why(view, shell)))
            @if view.may_report { (parts::card("report", t.report, &html! {}, &report(view, shell))) }
            @if view.may_report { (parts::card("letters", t.letters, &html! {}, &letters(view, shell))) }
            (parts::card("steps", t.steps, &html! {}, &steps(view, shell)))
        },
    )
}

fn figures(view: &OutbreakView, shell: &Shell) -> Markup {
    let t = &shell.t().outbreak;
    let few = fill(t.fewer, &[("n", &view.least.to_string())]);
    let cases = view.cases.map_or(few, |n| format::count(shell.locale, n));
    let of = view.population.map(|n| fill(t.of_persons, &[("n", &cases), ("total", &format::count(shell.locale, n))]));
    let day = |on: &str| format::date(shell.locale, on);
    html! {
        dl class="figures" {
            (parts::figure(t.cases, &of.unwrap_or(cases), ""))
            (parts::figure(t.since, &day(&view.first_signal_on), ""))
            (parts::figure(t.q_value, &number(view.q_value, 3, shell), ""))
        }
    }
}

fn curves(view: &OutbreakView, shell: &Shell) -> Markup {
    let t = &shell.t().outbreak;
    let onset: Vec<Bar> = view.curve.iter().map(|d| Bar { on: d.on.clone(), count: d.cases, upper: None }).collect();
    let series: Vec<Bar> = view
        .series
        .iter()
        .flat_map(|s| s.days.iter().zip(&s.counts).zip(&s.upper))
        .map(|((on, n), upper)| Bar { on: on.clone(), count: Some(*n), upper: *upper })
        .collect();
    parts::inside(&html! {
        h3 { (t.curve_hint) }
        @if onset.is_empty() { p class="none" { (t.no_curve) } } @else { (curve::bars(shell, t.curve_hint, &onset)) (list(&onset, t.cases, shell)) }
        @if !series.is_empty() {
            h3 { (t.series) }
            (curve::bars(shell, t.series, &series))
            (list(&series, t.seen, shell))
        }
    })
}

/// The same in a table, for who does not see the drawing.
fn list(bars: &[Bar], label: &str, shell: &Shell) -> Markup {
    let t = &shell.t().outbreak;
    let bounded = bars.iter().any(|b| b.upper.is_some());
    html! {
        details {
            summary { (shell.t().data.table) ": " (label) }
            table class="grid plain" {
                thead { tr { th scope="col" { (t.day) } th scope="col" class="num" { (label) } @if bounded { th scope="col" class="num" { (t.threshold) } } } }
                tbody {
                    @for b in bars {
                        tr {
                            th scope="row" { (parts::date(shell, &b.on)) }
                            td class="num" { @match b.count { Some(n) => (n), None => "–" } }
                            @if bounded { td class="num" { (number(b.upper, 1, shell)) } }
                        }
                    }
                }
            }
        }
    }
}

fn next(view: &OutbreakView, shell: &Shell) -> Markup {
    let t = &shell.t().outbreak;
    let group = match (view.disease_code.as_deref(), view.syndrome.as_str()) {
        (Some("MEASLES"), _) | (None, "RASH_FEVER") => Some("MMR"),
        (Some("VARICELLA"), _) | (None, "RASH") => Some("Varicella"),
        _ => None,
    };
    parts::inside(&html! {
        @if let Some(rule) = &view.rule {
            p {
                strong { (rule.action) }
                @if !rule.confirmed { " " (parts::badge(shell, Tone::Warn, t.not_confirmed)) }
            }
        }
        @if view.state == "SIGNAL" {
            @if let Some(due) = &view.review_due_on { p { (fill(t.review_by, &[("date", &format::date(shell.locale, due))])) } }
        }
        @if let (Some(group), true) = (group, view.may_see_vaccines) {
            p {
                (t.exclusions) ": "
                a href={ "/immunizations/students?school=" (view.school_id.as_deref().unwrap_or_default()) "&susceptible=" (group) } {
                    (fill(t.exclusions_of, &[("group", group)]))
                }
            }
        }
        @if view.next.is_empty() { p class="hint" { (t.over_now) } }
        @for state in &view.next { (step(state, view, shell)) }
    })
}

/// The form of one step.
fn step(state: &str, view: &OutbreakView, shell: &Shell) -> Markup {
    let t = &shell.t().outbreak;
    let label = match state {
        "UNDER_REVIEW" => t.to_review,
        "CLUSTER" => t.to_cluster,
        "OUTBREAK" => t.to_outbreak,
        "REPORTED" => t.to_reported,
        "MONITORING" => t.to_monitoring,
        "CONTROLLED" => t.to_controlled,
        "DISMISSED" => t.to_dismissed,
        _ => t.to_closed,
    };
    let value = |name: &str| view.values.get(name).map_or("", String::as_str);
    let reasons: Vec<&str> = view.reasons.iter().map(String::as_str).collect();
    form::post(
        shell,
        &format!("/outbreaks/{}/state", view.id),
        "form",
        &html! {
            input type="hidden" name="state" value=(state);
            input type="hidden" name="version" value=(view.row_version);
            @if state == "DISMISSED" {
                (form::field(shell, &Field::new("reason", t.reason, Kind::Choice, value("reason")).codes(&reasons).required().check(&view.errors)))
            }
            @if state == "REPORTED" {
                (form::field(shell, &Field::new("reported_to", t.reported_to, Kind::Text, value("reported_to")).required().check(&view.errors)))
            }
            div class="form-actions" { button class=(if state == "DISMISSED" { "button" } else { "button primary" }) type="submit" { (label) } }
        },
    )
}

fn clusters(view: &OutbreakView, shell: &Shell) -> Markup {
    let t = &shell.t().outbreak;
    let few = fill(t.fewer, &[("n", &view.least.to_string())]);
    let percent =
        |rate: Option<f64>| rate.map_or_else(|| "–".to_owned(), |r| format!("{} %", number(Some(r * 100.0), 1, shell)));
    html! {
        @if view.clusters.is_empty() { p class="none" { (t.no_clusters) } } @else {
            table class="grid plain stack" data-keys {
                (parts::heads(&[t.group, t.cases, t.attack_rate, t.relative_risk]))
                tbody {
                    @for c in &view.clusters {
                        tr {
                            th scope="row" {
                                @match c.kind.as_str() {
                                    "HOUSEHOLD" => (t.household),
                                    "GRADE" => (fill(t.grade, &[("name", c.name.as_deref().unwrap_or_default())])),
                                    _ => (c.name.as_deref().unwrap_or_default()),
                                }
                                span class="sub" { (codes::label(shell.locale, &format!("CLUSTER_{}", c.kind))) }
                            }
                            td data-label=(t.cases) {
                                @let n = c.cases.map_or_else(|| few.clone(), |n| format::count(shell.locale, n));
                                (fill(t.of_persons, &[("n", &n), ("total", &format::count(shell.locale, c.population))]))
                            }
                            td data-label=(t.attack_rate) { (percent(c.attack_rate)) }
                            td data-label=(t.relative_risk) { (number(c.relative_risk, 1, shell)) }
                        }
                    }
                }
            }
        }
    }
}

fn cases(list: &[Case], shell: &Shell) -> Markup {
    let t = &shell.t().outbreak;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    html! {
        p class="card-note" { (t.line_hint) }
        table class="grid plain stack" data-keys {
            (parts::heads(&[t.student, t.onset, t.signs, t.certainty]))
            tbody {
                @for c in list {
                    @let name = patients::name(&text(&c.family_name), &text(&c.given_names), &text(&c.preferred_name));
                    @let grade = c.grade.as_ref().map(|grade| fill(t.grade, &[("name", grade)]));
                    tr {
                        th scope="row" {
                            a href={ "/patients/" (c.student_id) } { (if text(&c.family_name).is_empty() { text(&c.pseudonym) } else { name }) }
                            span class="sub" { (grade.unwrap_or_default()) @if let Some(room) = &c.homeroom { " · " (room) } }
                        }
                        td data-label=(t.onset) { (parts::date(shell, &c.onset_on)) }
                        td data-label=(t.signs) {
                            (c.symptoms.iter().map(|s| codes::label(shell.locale, s).into_owned()).collect::<Vec<_>>().join(", "))
                        }
                        td data-label=(t.certainty) {
                            (codes::label(shell.locale, &format!("CASE_{}", c.case_class)))
                            @if let Some(disease) = &c.disease_code { span class="sub" { (codes::label(shell.locale, disease)) } }
                        }
                    }
                }
            }
        }
    }
}

/// What a case is, by who looked into it.
fn decide(list: &[Case], view: &OutbreakView, shell: &Shell) -> Markup {
    let t = &shell.t().outbreak;
    let value = |name: &str| view.values.get(name).map_or("", String::as_str);
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let mut case = Field::new("case", t.student, Kind::Choice, value("case")).required().check(&view.errors);
    let named = |c: &Case| {
        let name = patients::name(&text(&c.family_name), &text(&c.given_names), &text(&c.preferred_name));
        let who = if text(&c.family_name).is_empty() { text(&c.pseudonym) } else { name };
        (c.id.clone(), format!("{who}, {}", format::date(shell.locale, &c.onset_on)))
    };
    case.choices = list.iter().map(named).collect();
    let class = value("case_class");
    let mut classes = Field::new("case_class", t.certainty, Kind::Choice, class).required().check(&view.errors);
    let label = |class: &String| (class.clone(), codes::label(shell.locale, &format!("CASE_{class}")).into_owned());
    classes.choices = view.case_classes.iter().map(label).collect();
    let diseases: Vec<&str> = view.diseases.iter().map(String::as_str).collect();
    let fields = [
        case,
        classes,
        Field::new("disease_code", t.disease, Kind::Choice, value("disease_code"))
            .codes(&diseases)
            .hint(t.disease_hint)
            .check(&view.errors),
        Field::new("decision", t.decision, Kind::Text, value("decision")).required().check(&view.errors),
    ];
    parts::inside(&html! {
        h3 { (t.decide_case) }
        p class="hint" { (t.decide_hint) }
        (form::post(shell, &format!("/outbreaks/{}/case", view.id), "form", &html! {
            @for field in &fields { (form::field(shell, field)) }
            div class="form-actions" { button class="button" type="submit" { (t.decide_case) } }
        }))
    })
}

fn why(view: &OutbreakView, shell: &Shell) -> Markup {
    let t = &shell.t().outbreak;
    let rows = [
        (t.method, html! { (codes::label(shell.locale, &format!("METHOD_{}", view.method))) }),
        (t.statistic, html! { (number(view.statistic, 2, shell)) }),
        (t.over, html! { (number(view.threshold, 2, shell)) }),
        (t.seen, html! { @match view.observed { Some(n) => (n), None => "–" } }),
        (t.expected, html! { (number(view.expected, 2, shell)) }),
        (t.chance, html! { (number(view.p_value, 3, shell)) }),
        (t.q_value, html! { (number(view.q_value, 3, shell)) }),
    ];
    html! { (parts::facts(&rows)) p class="card-note" { (t.q_value) ": " (t.q_hint) } }
}

fn report(view: &OutbreakView, shell: &Shell) -> Markup {
    let t = &shell.t().outbreak;
    let value = |name: &str| view.values.get(name).map_or("", String::as_str);
    let kinds = ["FERPA_HEALTH_EMERGENCY", "STATE_REPORTING_LAW", "CONSENT"];
    let form = match value("format") {
        "" => "pdf",
        other => other,
    };
    let mut format = Field::new("format", t.format, Kind::Choice, form).required();
    let all = [
        ("pdf", t.as_pdf),
        ("xlsx", t.as_xlsx),
        ("list_pdf", t.list_pdf),
        ("list_xlsx", t.list_xlsx),
        ("list_csv", t.csv),
    ];
    let open = if view.line_list.is_some() { all.len() } else { 2 };
    format.choices = all[..open].iter().map(|(code, words)| ((*code).to_owned(), (*words).to_owned())).collect();
    let fields = [
        format,
        Field::new("identified", t.identified, Kind::Flag, value("identified")),
        Field::new("basis", t.basis, Kind::Choice, value("basis")).codes(&kinds).check(&view.errors),
        Field::new("basis_text", t.basis_text, Kind::Text, value("basis_text")),
        Field::new("recipient", t.recipient, Kind::Text, value("recipient")).check(&view.errors),
        Field::new("case_definition", t.case_definition, Kind::Long, value("case_definition")),
        Field::new("measures", t.measures, Kind::Long, value("measures")),
    ];
    parts::inside(&html! {
        p class="hint" { (t.report_hint) }
        (form::post(shell, &format!("/outbreaks/{}/report", view.id), "form", &html! {
            @for field in &fields { (form::field(shell, field)) }
            div class="form-actions" { button class="button" type="submit" { (t.download) } }
        }))
    })
}

fn letters(view: &OutbreakView, shell: &Shell) -> Markup {
    let t = &shell.t().outbreak;
    let value = |name: &str| view.values.get(name).map_or("", String::as_str);
    let languages = [("en", t.english), ("es", t.spanish), ("pt", t.portuguese)];
    let words = |what: &'static str, label: &'static str, kind: Kind| {
        languages.map(|(tag, language)| {
            let name = format!("{what}_{tag}");
            Field::new(&name, &fill(label, &[("language", language)]), kind, value(&name)).check(&view.errors)
        })
    };
    parts::inside(&html! {
        p class="hint" { (t.letters_hint) }
        @for made in view.letters.iter().rev().take(1) {
            p { (fill(t.letters_made, &[("n", &format::count(shell.locale, made.classes)), ("languages", &made.languages.join(", "))])) " " (parts::moment(shell, &made.at)) }
        }
        (form::post(shell, &format!("/outbreaks/{}/letters", view.id), "form", &html! {
            @if !view.has_letter {
                @for field in &words("illness", t.letter_illness, Kind::Text) { (form::field(shell, field)) }
            }
            @for field in &words("message", t.letter_message, Kind::Long) { (form::field(shell, field)) }
            (form::field(shell, &Field::new("contact", t.letter_contact, Kind::Text, value("contact"))))
            (form::field(shell, &Field::new("signed", t.letter_signed, Kind::Text, value("signed"))))
            (form::field(shell, &Field::new("copies", t.letter_copies, Kind::Flag, value("copies")).check(&view.errors)))
            div class="form-actions" { button class="button" type="submit" { (t.letters_make) } }
        }))
    })
}

fn steps(view: &OutbreakView, shell: &Shell) -> Markup {
    let t = &shell.t().outbreak;
    html! {
        @if view.steps.is_empty() { p class="none" { (t.no_steps) } } @else {
            table class="grid plain stack" {
                (parts::heads(&[t.day, t.state, t.reason]))
                tbody {
                    @for s in &view.steps {
                        tr {
                            th scope="row" class="date" { (parts::moment(shell, &s.at)) }
                            td data-label=(t.state) { (state(&s.state, shell)) }
                            td data-label=(t.reason) { @match &s.reason { Some(r) => (codes::label(shell.locale, r)), None => "–" } }
                        }
                    }
                }
            }
        }
    }
}
