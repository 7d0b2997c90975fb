//! Signals of outbreaks, the least likely first; hard rules with what nobody has confirmed yet; and how often the statistics would have
//! cried without an outbreak. One alert's page is [`super::outbreak`].

use super::{
    Shell,
    form::{self, Field, FieldMessage, Kind},
    i18n::{codes, fill, format},
    layout::{self, Head},
    parts::{self, Tab, Tone},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OutbreaksView {
    /// Alerts, in the order of the page.
    pub data: Vec<Alert>,
    /// Whether those that are over are among them.
    pub is_all: bool,
    /// Rules in force.
    pub rules: Vec<Rule>,
    /// The past.
    pub past: Past,
    /// Counts below this are left out for who may not open records.
    pub small_cell: u64,
    /// Whether the person may decide.
    pub may_declare: bool,
    /// The methods of detection.
    pub methods: Vec<Method>,
    /// Monday of the last whole week.
    pub week_of: Option<String>,
    /// Why the last act was refused.
    pub error: String,
    /// Whether the person may write down who is absent.
    pub may_count: bool,
    /// Latest counts of absence of whole schools.
    pub absences: Vec<Absence>,
    /// What was typed into the form that was refused.
    pub values: std::collections::BTreeMap<String, String>,
    /// What is wrong with it.
    pub errors: Vec<FieldMessage>,
}

/// A method of detection.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Method {
    pub method: String,
    pub unit: String,
    pub needs: u64,
    pub has: u64,
    pub schools: Option<Reached>,
    pub alarms: Vec<Above>,
}

/// How much of something there is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Reached {
    pub needs: u64,
    pub has: u64,
}

/// A count of a week above its bound.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Above {
    pub syndrome: String,
    pub level: String,
    pub name: String,
    pub observed: Option<u64>,
    pub upper: Option<f64>,
}

/// Absence through illness.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Absence {
    pub school_id: String,
    pub day: String,
    pub grade: Option<String>,
    pub homeroom: Option<String>,
    pub enrolled: u64,
    pub absent: Option<u64>,
}

/// A school within reach.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Place {
    pub id: String,
    pub name: String,
}

/// An alert of the list.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Alert {
    pub id: String,
    pub number: String,
    pub syndrome: String,
    pub disease_code: Option<String>,
    pub level: String,
    pub name: Option<String>,
    pub school: Option<String>,
    pub method: String,
    pub expected: Option<f64>,
    pub q_value: Option<f64>,
    pub cases: Option<u64>,
    pub first_signal_on: String,
    pub state: String,
    pub review_due_on: Option<String>,
    pub rule: Option<Confirmed>,
    pub small_cell: bool,
}

/// What is known of the rule of an alert.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Confirmed {
    /// Whether somebody compared it with what the health department asks for.
    pub confirmed: bool,
    /// What is to be done.
    pub action: String,
}

/// A hard rule.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the columns, which are commented")]
pub struct Rule {
    pub id: String,
    pub disease_code: Option<String>,
    pub syndrome: Option<String>,
    pub case_count: u64,
    pub share_percent: Option<u64>,
    pub window_days: u64,
    pub scope: String,
    pub action: String,
    pub citation: String,
    pub confirmed_at: Option<String>,
}

/// How often the statistics would have cried.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Past {
    pub school_days: u64,
    pub alerts: u64,
    pub per_100_school_days: Option<f64>,
    pub schools: Vec<Place>,
}

/// The illness of an alert: the disease where it is known; absence, where nobody knows which it is.
#[must_use]
pub fn illness(disease: Option<&str>, syndrome: &str, method: &str, shell: &Shell) -> String {
    if method == "ABSENCE" {
        return codes::label(shell.locale, "METHOD_ABSENCE").into_owned();
    }
    let word = codes::label(shell.locale, syndrome);
    match disease {
        Some(disease) => format!("{} ({word})", codes::label(shell.locale, disease)),
        None => word.into_owned(),
    }
}

/// Among whom the cases are.
#[must_use]
pub fn among(level: &str, name: Option<&str>, school: Option<&str>, shell: &Shell) -> String {
    let t = &shell.t().outbreak;
    let name = name.unwrap_or_default();
    let group = match level {
        "DISTRICT" => return t.district.to_owned(),
        "SCHOOL" => return school.unwrap_or(name).to_owned(),
        "GRADE" => fill(t.grade, &[("name", name)]),
        _ => name.to_owned(),
    };
    school.map_or_else(|| group.clone(), |school| format!("{group} · {school}"))
}

/// The state as a badge.
#[must_use]
pub fn state(code: &str, shell: &Shell) -> Markup {
    let tone = match code {
        "OUTBREAK" | "SIGNAL" => Tone::Bad,
        "UNDER_REVIEW" | "CLUSTER" => Tone::Warn,
        "REPORTED" | "MONITORING" => Tone::Info,
        "CONTROLLED" => Tone::Good,
        _ => Tone::Neutral,
    };
    parts::badge(shell, tone, &codes::label(shell.locale, &format!("OUTBREAK_{code}")))
}

/// A small probability or a number, as a reader takes it in.
#[must_use]
pub fn number(value: Option<f64>, decimals: usize, shell: &Shell) -> String {
    match value {
        None => "–".to_owned(),
        Some(value) if value > 0.0 && value < 0.0005 && decimals >= 3 => {
            format!("< {}", format::decimal(shell.locale, "0.001"))
        }
        Some(value) => format::decimal(shell.locale, &format!("{value:.decimals$}")),
    }
}

/// The page of all.
#[must_use]
pub fn render(view: &OutbreaksView, shell: &Shell) -> Markup {
    let t = &shell.t().outbreak;
    let tab = |label: &str, href: &str, current| Tab { label: label.into(), href: href.into(), current, count: None };
    let tabs = [tab(t.open, "/outbreaks", !view.is_all), tab(t.all, "/outbreaks?state=all", view.is_all)];
    layout::page(
        shell,
        &Head::new(t.title),
        &html! {
            header class="page-head" {
                div { h1 { (t.title) } p class="lead" { (t.lead) } }
                @if view.may_declare {
                    (form::post(shell, "/outbreaks/detect", "inline", &html! {
                        button class="button" type="submit" { (t.look_now) }
                    }))
                }
            }
            (super::immunizations::refused(&view.error, shell))
            (parts::tabs(shell, t.signals, &tabs))
            (parts::card("signals", t.signals, &html! { span class="count" { (view.data.len()) } }, &html! {
                @if view.data.is_empty() { (parts::empty(t.none, t.none_hint, None)) } @else { (table(view, shell)) }
            }))
            (parts::card("absence", t.absence, &html! {}, &absence(view, shell)))
            (parts::card("past", t.false_alarms, &html! {}, &past(&view.past, shell)))
            (parts::card("methods", t.methods, &html! { span class="count" { (view.methods.len()) } }, &methods(view, shell)))
            (parts::card("rules", t.rules, &html! { span class="count" { (view.rules.len()) } }, &rules(view, shell)))
        },
    )
}

fn table(view: &OutbreaksView, shell: &Shell) -> Markup {
    let t = &shell.t().outbreak;
    html! {
        p class="card-note" { (t.q_value) ": " (t.q_hint) }
        table class="grid stack" data-keys {
            (parts::heads(&[t.signal, t.what, t.among, t.cases, t.method, t.q_value, t.state]))
            tbody { @for alert in &view.data { (line(alert, view, shell)) } }
        }
    }
}

fn line(a: &Alert, view: &OutbreaksView, shell: &Shell) -> Markup {
    let t = &shell.t().outbreak;
    let few = fill(t.fewer, &[("n", &view.small_cell.to_string())]);
    html! {
        tr {
            th scope="row" {
                a href={ "/outbreaks/" (a.id) } { (a.number) }
                span class="sub" { (t.since) " " (format::date(shell.locale, &a.first_signal_on)) }
            }
            td data-label=(t.what) { (illness(a.disease_code.as_deref(), &a.syndrome, &a.method, shell)) }
            td data-label=(t.among) { (among(&a.level, a.name.as_deref(), a.school.as_deref(), shell)) }
            td data-label=(t.cases) {
                @match a.cases { Some(n) => (format::count(shell.locale, n)), None => (few) }
                @if let Some(e) = a.expected { span class="sub" { (t.expected) ": " (number(Some(e), 1, shell)) } }
            }
            td data-label=(t.method) {
                (codes::label(shell.locale, &format!("METHOD_{}", a.method)))
                @if a.rule.as_ref().is_some_and(|r| !r.confirmed) {
                    span class="sub tone-warn" { (Tone::Warn.sign(shell)) (t.not_confirmed) }
                }
            }
            td data-label=(t.q_value) { (number(a.q_value, 3, shell)) }
            td data-label=(t.state) {
                (state(&a.state, shell))
                @if a.state == "SIGNAL" {
                    @if let Some(due) = &a.review_due_on {
                        span class="sub" { (fill(t.review_by, &[("date", &format::date(shell.locale, due))])) }
                    }
                }
            }
        }
    }
}

/// Who is absent, and the form to write it down.
fn absence(view: &OutbreaksView, shell: &Shell) -> Markup {
    let t = &shell.t().outbreak;
    let few = fill(t.fewer, &[("n", &view.small_cell.to_string())]);
    let value = |name: &str| view.values.get(name).map_or("", String::as_str);
    let mut school = Field::new("school", t.school, Kind::Choice, value("school")).required();
    school.choices = view.past.schools.iter().map(|s| (s.id.clone(), s.name.clone())).collect();
    let fields = [
        school,
        Field::new("day", t.day, Kind::Date, value("day")).hint(t.absence_day),
        Field::new("grade", t.only_grade, Kind::Text, value("grade")),
        Field::new("absent", t.absent, Kind::Number, value("absent")).required(),
        Field::new("enrolled", t.enrolled, Kind::Number, value("enrolled")).hint(t.enrolled_hint),
    ];
    let name = |id: &str| view.past.schools.iter().find(|s| s.id == id).map_or("", |s| s.name.as_str());
    html! {
        p class="card-note" { (t.absence_hint) }
        @if view.absences.is_empty() { p class="none" { (t.no_absence) } } @else {
            table class="grid plain stack" {
                (parts::heads(&[t.day, t.among, t.absent]))
                tbody {
                    @for a in &view.absences {
                        tr {
                            th scope="row" class="date" { (parts::date(shell, &a.day)) }
                            td data-label=(t.among) {
                                (name(&a.school_id))
                                @if let Some(grade) = &a.grade { " · " (fill(t.grade, &[("name", grade)])) }
                                @if let Some(room) = &a.homeroom { " · " (room) }
                            }
                            td data-label=(t.absent) {
                                @let n = a.absent.map_or_else(|| few.clone(), |n| format::count(shell.locale, n));
                                (fill(t.of_persons, &[("n", &n), ("total", &format::count(shell.locale, a.enrolled))]))
                            }
                        }
                    }
                }
            }
        }
        @if view.may_count {
            (parts::inside(&form::post(shell, "/outbreaks/absences", "form", &html! {
                @for field in fields { (form::field(shell, &field.check(&view.errors))) }
                div class="form-actions" { button class="button" type="submit" { (t.absence_save) } }
            })))
        }
    }
}

/// What each method has to go on, and what the weekly ones say.
fn methods(view: &OutbreaksView, shell: &Shell) -> Markup {
    let t = &shell.t().outbreak;
    let date = view.week_of.as_deref().map_or_else(|| "–".to_owned(), |day| format::date(shell.locale, day));
    let part = |pattern: &str, n: u64, total: u64| {
        let count = |n| format::count(shell.locale, n);
        fill(pattern, &[("n", &count(n.min(total))), ("total", &count(total))])
    };
    html! {
        p class="card-note" { (fill(t.methods_hint, &[("date", &date)])) }
        table class="grid plain stack" {
            (parts::heads(&[t.method, t.state, t.history, t.week_alarms]))
            tbody {
                @for m in &view.methods {
                    @let enough = m.has >= m.needs && m.schools.as_ref().is_none_or(|s| s.has >= s.needs);
                    tr {
                        th scope="row" { (codes::label(shell.locale, &format!("METHOD_{}", m.method))) }
                        td data-label=(t.state) {
                            @if enough { (parts::badge(shell, Tone::Good, t.watches)) } @else { (parts::badge(shell, Tone::Neutral, t.too_little)) }
                        }
                        td data-label=(t.history) {
                            (part(if m.unit == "weeks" { t.weeks_of } else { t.days_of }, m.has, m.needs))
                            @if let Some(s) = &m.schools { span class="sub" { (part(t.schools_of, s.has, s.needs)) } }
                        }
                        td data-label=(t.week_alarms) { (above(m, enough, view, shell)) }
                    }
                }
            }
        }
    }
}

fn above(m: &Method, enough: bool, view: &OutbreaksView, shell: &Shell) -> Markup {
    let t = &shell.t().outbreak;
    let few = fill(t.fewer, &[("n", &view.small_cell.to_string())]);
    let line = |a: &Above| {
        let n = a.observed.map_or_else(|| few.clone(), |n| format::count(shell.locale, n));
        let place = among(&a.level, Some(&a.name), None, shell);
        let words = [
            ("what", codes::label(shell.locale, &a.syndrome).into_owned()),
            ("where", place),
            ("n", n),
            ("bound", number(a.upper, 1, shell)),
        ];
        fill(t.above, &words.each_ref().map(|(name, word)| (*name, word.as_str())))
    };
    html! {
        @if m.unit != "weeks" { (t.on_the_board) }
        @else if !enough { "–" }
        @else if m.alarms.is_empty() { (t.nothing_above) }
        @else { ul class="plain" { @for a in &m.alarms { li { (line(a)) } } } }
    }
}

fn past(past: &Past, shell: &Shell) -> Markup {
    let t = &shell.t().outbreak;
    let rate = fill(t.rate_words, &[("n", &number(past.per_100_school_days, 1, shell))]);
    let days = format::count(shell.locale, past.school_days);
    let alerts = format::count(shell.locale, past.alerts);
    parts::inside(&html! {
        @if past.per_100_school_days.is_some() {
            p { strong { (rate) } }
            p class="hint" { (fill(t.rate_hint, &[("days", &days), ("alerts", &alerts)])) }
        } @else { p class="hint" { (t.no_rate) } }
    })
}

fn rules(view: &OutbreaksView, shell: &Shell) -> Markup {
    let t = &shell.t().outbreak;
    html! {
        p class="card-note" { (t.rules_hint) }
        @if view.rules.is_empty() { p class="none" { (t.no_rules) } } @else {
            table class="grid plain stack" data-keys {
                (parts::heads_then(&[t.what, t.rule, t.action, t.source, t.state], t.act))
                tbody { @for r in &view.rules { (rule(r, view.may_declare, shell)) } }
            }
        }
    }
}

fn rule(r: &Rule, may_declare: bool, shell: &Shell) -> Markup {
    let t = &shell.t().outbreak;
    let about = r.disease_code.as_deref().or(r.syndrome.as_deref()).unwrap_or_default();
    let (n, days) = (r.case_count.to_string(), r.window_days.to_string());
    let percent = r.share_percent.unwrap_or_default().to_string();
    let pattern = if r.share_percent.is_some() { t.rule_share } else { t.rule_words };
    let confirmed = r.confirmed_at.is_some();
    html! {
        tr {
            th scope="row" { (codes::label(shell.locale, about)) }
            td data-label=(t.rule) {
                (fill(pattern, &[("n", &n), ("days", &days), ("percent", &percent)]))
                span class="sub" { (codes::label(shell.locale, &format!("SCOPE_{}", r.scope))) }
            }
            td data-label=(t.action) { (r.action) }
            td data-label=(t.source) class="small" { (r.citation) }
            td data-label=(t.state) {
                @if confirmed { (parts::badge(shell, Tone::Good, t.confirmed)) } @else { (parts::badge(shell, Tone::Warn, t.not_confirmed)) }
            }
            td class="end" {
                @if may_declare && !confirmed {
                    (form::post(shell, &format!("/outbreaks/rules/{}/confirm", r.id), "inline", &html! {
                        button class="button quiet" type="submit" { (t.confirm) span class="unseen" { ": " (codes::label(shell.locale, about)) } }
                    }))
                }
            }
        }
    }
}
