//! Whom a school keeps home for lack of doses, and whom it will soon: the list that a nurse works through with families.

use super::{
    Shell,
    i18n::{fill, format},
    immunizations::{Required, Student, missing, standing},
    layout::{self, Head},
    parts, patients,
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The page's data, named as the operation answers them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ExclusionsView {
    /// The school.
    pub school: String,
    /// As it is shown.
    pub school_name: String,
    /// Its day.
    pub today: String,
    /// Days ahead that are shown.
    pub ahead: u64,
    /// Students in all.
    pub total: u64,
    /// Whether the person may make letters.
    pub may_write: bool,
    /// The students, those who are kept home longest first.
    pub data: Vec<Student>,
}

/// The page.
#[must_use]
pub fn render(view: &ExclusionsView, shell: &Shell) -> Markup {
    let (t, i) = (&shell.t().school_entry, &shell.t().immunization);
    let home = |s: &&Student| s.excluded_from.as_deref().is_some_and(|from| from <= view.today.as_str());
    let now: Vec<&Student> = view.data.iter().filter(home).collect();
    let soon: Vec<&Student> = view.data.iter().filter(|s| !home(s)).collect();
    let (shown, total) = (view.data.len().to_string(), view.total.to_string());
    let count = |all: &[&Student]| html! { span class="count" { (all.len()) } };
    layout::page(
        shell,
        &Head::new(t.exclusions).under(i.title, "/immunizations"),
        &html! {
            header class="page-head" {
                div { h1 { (t.exclusions) } p class="lead" { (view.school_name) } }
                @if view.may_write {
                    a class="button quiet" href={ "/immunizations/letters?school=" (view.school) "&kind=EXCLUSION" } { (t.letters) }
                }
            }
            p { (t.exclusions_lead) }
            @if view.total > view.data.len() as u64 { p class="muted" { (fill(t.shown_of, &[("n", &shown), ("total", &total)])) } }
            (parts::card("now", t.home_now, &count(&now), &html! {
                @if now.is_empty() { p class="none" { (t.nobody_home) } } @else { (table(&now, t.home_since, shell)) }
            }))
            (parts::card("soon", t.home_soon, &count(&soon), &html! {
                @if soon.is_empty() { p class="none" { (fill(t.nobody_soon, &[("n", &view.ahead.to_string())])) } }
                @else { (table(&soon, t.home_from, shell)) }
            }))
        },
    )
}

fn table(students: &[&Student], from: &str, shell: &Shell) -> Markup {
    let i = &shell.t().immunization;
    html! {
        table class="grid stack" data-keys {
            (parts::heads(&[i.student, from, i.standing, i.missing]))
            tbody { @for s in students { (line(s, from, shell)) } }
        }
    }
}

fn line(s: &Student, from: &str, shell: &Shell) -> Markup {
    let i = &shell.t().immunization;
    let name = patients::name(&s.family_name, &s.given_names, &s.preferred_name);
    let open: Vec<&Required> = s.requirements.iter().flatten().filter(|r| r.is_open()).collect();
    html! {
        tr {
            th scope="row" {
                a href={ "/students/" (s.student_id) "/immunizations" } { (if s.family_name.is_empty() { &s.pseudonym } else { &name }) }
                span class="sub" {
                    (fill(shell.t().clinic.grade, &[("grade", &s.grade)])) @if let Some(room) = &s.homeroom { " · " (room) }
                }
            }
            td data-label=(from) { @if let Some(on) = &s.excluded_from { (parts::date(shell, on)) } }
            td data-label=(i.standing) {
                @if let Some(status) = &s.status { (standing(status, shell)) }
                @if let Some(until) = &s.until { " " (fill(i.until, &[("date", &format::date(shell.locale, until))])) }
            }
            td data-label=(i.missing) {
                ul class="plain-list" { @for r in open { li { strong { (r.vaccine_group) } ": " (missing(r, shell)) } } }
            }
        }
    }
}
