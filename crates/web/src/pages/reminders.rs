//! Reminders to the families of a school: whom they would reach and in which words, before anything is sent; and what became
//! of those that were arranged. Nobody's name is opened for it.

use super::{
    Shell, form,
    i18n::fill,
    immunizations::{notice, refused},
    layout::{self, Head},
    parts::{self, Tone},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The page's data.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RemindersView {
    /// The school.
    pub school: String,
    /// As it is shown.
    pub school_name: String,
    /// What would be made now.
    pub families: u64,
    /// Messages to them.
    pub messages: u64,
    /// Families that cannot be reached.
    pub without_contact: u64,
    /// Families whose reminders wait.
    pub already_waiting: u64,
    /// Students whose family needs none.
    pub not_needed: u64,
    /// What is said, by language.
    pub samples: Vec<Sample>,
    /// What became of the newest reminders.
    pub became: Vec<Became>,
    /// Why the last act, or looking, was refused.
    pub error: String,
}

/// The words for families of a language.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Sample {
    pub language: String,
    pub families: u64,
    pub text: String,
}

/// Reminders that ended alike.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the columns, which are commented")]
pub struct Became {
    pub status: String,
    pub suppression_reason: String,
    pub count: u64,
}

/// The page.
#[must_use]
pub fn render(view: &RemindersView, shell: &Shell) -> Markup {
    let t = &shell.t().immunization;
    let arrange = |action: &str, label: &str, style: &str| {
        form::post(
            shell,
            "/immunizations/reminders",
            "inline",
            &html! {
                input type="hidden" name="school" value=(view.school);
                input type="hidden" name="action" value=(action);
                button class={ "button " (style) } type="submit" { (label) }
            },
        )
    };
    let waiting: u64 = view.became.iter().filter(|b| b.status == "PENDING").map(|b| b.count).sum();
    layout::page(
        shell,
        &Head::new(t.reminders).under(t.title, "/immunizations"),
        &html! {
            header class="page-head" {
                div { h1 { (t.reminders) } p class="lead" { (view.school_name) } }
                a class="button quiet" href={ "/immunizations/letters?school=" (view.school) "&kind=REMINDER" } { (shell.t().school_entry.letters) }
            }
            (refused(&view.error, shell))
            (parts::card("would", t.would_send, &html! {}, &html! {
                div class="card-note" { (would(view, shell)) }
                @for sample in &view.samples {
                    figure class="card-note" {
                        blockquote lang=(sample.language) { (sample.text) }
                        figcaption class="muted" { (fill(t.families_in, &[("n", &sample.families.to_string()), ("what", &sample.language)])) }
                    }
                }
                @if view.messages > 0 { div class="card-note" { (arrange("create", t.arrange, "primary")) } }
            }))
            (parts::card("became", t.became, &html! {}, &html! {
                @if view.became.is_empty() { p class="none" { (t.no_reminders) } } @else { (became(view, shell)) }
                @if waiting > 0 { div class="card-note" { (arrange("cancel", t.call_off, "")) } }
            }))
        },
    )
}

fn would(view: &RemindersView, shell: &Shell) -> Markup {
    let t = &shell.t().immunization;
    let said = |pattern: &str, n: u64| html! { @if n > 0 { li { (fill(pattern, &[("n", &n.to_string())])) } } };
    html! {
        @if view.families + view.without_contact + view.already_waiting == 0 { p { (t.nobody_to_remind) } }
        @if view.families > 0 {
            p { (fill(t.would_reach, &[("families", &view.families.to_string()), ("messages", &view.messages.to_string())])) }
            p class="muted" { (t.reminder_rules) }
        }
        ul class="plain-list" {
            (said(t.unreachable, view.without_contact))
            (said(t.have_waiting, view.already_waiting))
            (said(t.need_none, view.not_needed))
        }
        @if view.without_contact > 0 { (notice(shell, t.enter_contacts, "")) }
    }
}

fn became(view: &RemindersView, shell: &Shell) -> Markup {
    let t = &shell.t().immunization;
    let words = |b: &Became| match (b.status.as_str(), b.suppression_reason.as_str()) {
        ("PENDING", _) => (Tone::Neutral, t.reminder_waits),
        ("SCHEDULED", _) => (Tone::Neutral, t.reminder_handed),
        ("SENT" | "DELIVERED", _) => (Tone::Good, t.reminder_sent),
        (_, "not_needed") => (Tone::Good, t.reminder_unneeded),
        (_, "told_lately") => (Tone::Neutral, t.reminder_lately),
        (_, "left_school") => (Tone::Neutral, t.reminder_left),
        (_, "cancelled") => (Tone::Neutral, t.reminder_off),
        _ => (Tone::Bad, t.reminder_unreached),
    };
    html! {
        table class="grid plain stack" data-keys {
            (parts::heads(&[t.standing, t.how_many]))
            tbody {
                @for b in &view.became {
                    tr {
                        th scope="row" { (parts::badge(shell, words(b).0, words(b).1)) }
                        td data-label=(t.how_many) { (b.count) }
                    }
                }
            }
        }
    }
}
