//! The pass that a student takes along from the clinic, as half a sheet of paper. It says nothing of why they were there.

use super::{
    Shell,
    i18n::format,
    layout::{self, Head},
    parts,
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The page's data, named as the operation answers them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct PassView {
    /// The visit.
    pub id: String,
    pub school: String,
    pub day: String,
    /// The student, as it is shown.
    pub name: String,
    pub homeroom: String,
    pub student_number: String,
    pub arrived_at: String,
    pub left_at: String,
    pub way: String,
    pub periods: Vec<String>,
    pub by: String,
}

/// The page.
#[must_use]
pub fn render(view: &PassView, shell: &Shell) -> Markup {
    let t = &shell.t().clinic;
    layout::page(
        shell,
        &Head::new(t.pass).under(t.title, "/clinic").under(t.visit, format!("/clinic/visits/{}", view.id)),
        &html! {
            header class="page-head" {
                div { h1 { (t.pass) } p class="lead" { (t.pass_lead) } }
                div class="actions" { button class="button primary" type="button" data-print hidden { (t.pass_print) } }
            }
            section class="card pass" aria-label=(t.pass) {
                header { strong { (view.school) } span { (t.pass) } }
                (parts::facts(&facts(view, shell)))
                p class="signed" { span { (t.pass_by) } strong { (view.by) } }
            }
        },
    )
}

fn facts<'a>(view: &PassView, shell: &'a Shell) -> Vec<(&'a str, Markup)> {
    let t = &shell.t().clinic;
    // What is not known yet is written by hand.
    let blank = || html! { span class="blank" {} };
    let clock = |at: &str| {
        if at.is_empty() {
            blank()
        } else {
            html! { time datetime=(at) { (format::clock(&shell.zone, at)) } }
        }
    };
    let mut rows = vec![(t.student, html! { strong { (view.name) } })];
    if !view.homeroom.is_empty() {
        rows.push((t.homeroom, html! { (view.homeroom) }));
    }
    if !view.student_number.is_empty() {
        rows.push((t.student_number, html! { (view.student_number) }));
    }
    rows.extend([
        (t.pass_day, parts::date(shell, &view.day)),
        (t.arrived, clock(&view.arrived_at)),
        (t.left, clock(&view.left_at)),
    ]);
    let way = match view.way.as_str() {
        "CLASS" => t.pass_class,
        "HOME" => t.pass_home,
        "PICKED_UP" => t.pass_picked_up,
        "WITH_STAFF" => t.pass_with_staff,
        "EXCUSED" => t.pass_excused,
        _ => "",
    };
    rows.push((
        t.pass_way,
        if way.is_empty() {
            blank()
        } else {
            html! { (way) }
        },
    ));
    if !view.periods.is_empty() {
        rows.push((t.pass_periods, html! { (view.periods.join(", ")) }));
    }
    rows
}
