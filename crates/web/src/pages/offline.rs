//! Visits that are written down without a connection: the page that the browser shows then, which holds nothing about anybody, and the
//! card on today's clinic that sends what was kept.

use super::{
    Shell,
    clinic::REASONS,
    form::{self, Field, Kind},
    layout::{self, Head},
    parts::Tone,
};
use crate::assets;
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// What today's clinic gives the browser so that it can keep visits.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Keeping {
    /// The key it seals for; empty where this person records no visits.
    pub key: String,
    /// What goes back with each visit.
    pub handle: String,
}

/// The page. It is the same for everybody, because the browser keeps it.
#[must_use]
pub fn render(shell: &Shell) -> Markup {
    let t = &shell.t().offline;
    let fields = [
        Field::new("student_number", t.number, Kind::Text, "").required().autocomplete("off"),
        Field::new("reason", t.reason, Kind::Choice, "").required().codes(&REASONS),
        Field::new("came_at", t.came, Kind::DateTime, "").required(),
        Field::new("left_at", t.left, Kind::DateTime, ""),
    ];
    layout::kept(
        shell,
        &Head::new(t.title),
        &html! {
            section class="panel" data-offline data-at-school=(t.at_school) data-kept=(t.kept) data-full=(t.full) data-times=(t.times)
                data-failed=(t.failed) {
                h1 { (t.title) }
                p { (t.lead) }
                p data-unknown hidden { (t.unknown) }
                form class="form" hidden {
                    p class="muted" data-school {}
                    @for field in &fields { (form::field(shell, field)) }
                    div class="actions" { button class="button primary" type="submit" { (t.keep) } }
                }
                p role="status" data-said {}
                p class="muted" { (t.sealed) }
                p { a class="button" href="/clinic" { (t.again) } }
            }
            script src=(assets::url("salus-offline.js")) type="module" {}
        },
    )
}

/// The card on today's clinic. It is shown when something waits on this device.
#[must_use]
pub fn card(keeping: &Keeping, (school, name): (&str, &str), shell: &Shell) -> Markup {
    let t = &shell.t().offline;
    html! {
        section class="card" aria-labelledby="offline-title" hidden data-keeping=(keeping.key) data-handle=(keeping.handle) data-school=(school)
            data-school-name=(name) data-worker="/worker.js" data-page="/clinic/offline" data-sending=(t.sending) data-not-sent=(t.not_sent)
            data-came=(t.came_line) {
            header class="card-head" { h2 id="offline-title" { (t.waiting) } }
            p class="card-note" role="status" data-said {}
            ul class="plain-list" data-refused {}
            template {
                li class="card-note" {
                    (Tone::Warn.sign(shell)) " " strong data-line {} " " span data-why {} " "
                    button class="button quiet" type="button" { (t.discard) }
                }
            }
        }
        script src=(assets::url("salus-offline.js")) type="module" {}
    }
}
