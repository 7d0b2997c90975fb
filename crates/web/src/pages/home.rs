//! The start page: what waits, who is new, where things are.

use super::{
    Shell,
    i18n::{codes, fill},
    layout::{self, Head},
    parts::{self, Tone},
    patients::{self, PatientRow},
};
use crate::pages::icons;
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The start page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct HomeView {
    /// Numbers that matter to this person.
    pub figures: Vec<Figure>,
    /// The patients who were added last.
    pub recent: Vec<PatientRow>,
    /// Things that want attention, most urgent first.
    pub tasks: Vec<Task>,
}

/// One number.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Figure {
    /// What it counts.
    pub label: String,
    /// The number, ready to read.
    pub value: String,
    /// What to know about it.
    pub note: String,
    /// Where it leads, if anywhere.
    pub href: String,
}

/// One thing that wants attention.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Task {
    /// How urgent.
    pub tone: Tone,
    /// What it is.
    pub text: String,
    /// Where it is done.
    pub href: String,
    /// Until when, ISO 8601.
    pub due: String,
}

/// The start page.
#[must_use]
pub fn render(view: &HomeView, shell: &Shell) -> Markup {
    let t = shell.t();
    let name = shell.person.as_ref().map_or("", |p| p.name.as_str());
    layout::page(
        shell,
        &Head::new(t.ui.home),
        &html! {
            header class="page-head" {
                div {
                    h1 { (fill(t.ui.hello, &[("name", name)])) } p class="lead" {
                        (shell.tenant) " · " (parts::date(shell, &shell.today))
                    }
                }
            }
            @if !view.figures.is_empty() {
                dl class="figures" {
                    @for f in &view.figures {
                        div class="figure" {
                            dt { @if f.href.is_empty() { (f.label) } @else { a href=(f.href) { (f.label) } } }
                            dd { (f.value) @if !f.note.is_empty() { span class="figure-note" { (f.note) } } }
                        }
                    }
                }
            }
            div class={ "home" @if view.tasks.is_empty() { " one" } } {
                @if !view.tasks.is_empty() { (parts::card("tasks", t.ui.tasks, &html! {}, &tasks(view, shell))) }
                // Only whoever may see patients, in an organization that works with them.
                @if shell.nav.iter().any(|item| item.href == "/patients") {
                    (parts::card("recent", t.people.recent, &html! { a href="/patients" { (t.people.all_patients) } }, &recent(view, shell)))
                }
            }
            // On a wide screen the side navigation says the same.
            nav class="modules" aria-label=(t.ui.go_to) {
                @for item in shell.nav.iter().filter(|i| i.href != "/") {
                    a class="module" href=(item.href) { (icons::icon(&item.icon)) span { (item.label) } }
                }
            }
        },
    )
}

fn tasks(view: &HomeView, shell: &Shell) -> Markup {
    html! {
        ul class="tasks" {
            @for task in &view.tasks {
                li class={ "tone-" (task.tone.class()) } {
                    (task.tone.sign(shell))
                    a href=(task.href) { (task.text) }
                    span class="muted push" { (parts::moment(shell, &task.due)) }
                }
            }
        }
    }
}

fn recent(view: &HomeView, shell: &Shell) -> Markup {
    let t = &shell.t().people;
    html! {
        @if view.recent.is_empty() {
            (parts::empty(t.none_recent, t.none_recent_hint, Some(("/patients", t.patients))))
        } @else {
            table class="grid plain brief" data-keys {
                (parts::heads(&[t.name, t.age, t.mrn, t.sex]))
                tbody {
                    @for row in &view.recent {
                        tr {
                            th scope="row" {
                                a href={ "/patients/" (row.id) } {
                                    (patients::name(&row.family_name, &row.given_names, &row.preferred_name))
                                }
                            }
                            td class="still" data-label=(t.age) {
                                (patients::age(shell, &row.birth_date, &row.deceased_on))
                            }
                            td data-label=(t.mrn) { span class="id" { (row.mrn) } }
                            td class="still" data-label=(t.sex) { (codes::label(shell.locale, &row.sex)) }
                        }
                    }
                }
            }
        }
    }
}
