//! Small parts that pages are made of. Each takes plain values and the [`Shell`] for its language, and knows nothing
//! of any table.

use super::{
    Shell,
    i18n::{codes, fill, format},
};
use maud::{Markup, PreEscaped, html};
use serde::{Deserialize, Serialize};

/// What something means to the reader. Shown by colour and by a sign, never by colour alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// Nothing in particular.
    #[default]
    Neutral,
    /// As it should be.
    Good,
    /// Worth knowing.
    Info,
    /// Needs a look.
    Warn,
    /// Wrong or dangerous.
    Bad,
}

impl Tone {
    /// Last word of the CSS class.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Good => "good",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }

    /// The sign before the words, named for a reader who hears the page.
    #[must_use]
    pub fn sign(self, shell: &Shell) -> Markup {
        let t = &shell.t().ui;
        let (sign, name) = match self {
            Self::Neutral => return PreEscaped(String::new()),
            Self::Good => ("✓", ""),
            Self::Info => ("i", ""),
            Self::Warn => ("!", t.warning),
            Self::Bad => ("✕", t.problem),
        };
        html! {
            span class="sign" aria-hidden="true" { (sign) }
            @if !name.is_empty() { span class="unseen" { (name) ": " } }
        }
    }
}

/// A short word in a frame.
#[must_use]
pub fn badge(shell: &Shell, tone: Tone, text: &str) -> Markup {
    html! { span class={ "badge tone-" (tone.class()) } { (tone.sign(shell)) (text) } }
}

/// A code of a closed set as a badge; its tone follows from what the code says.
#[must_use]
pub fn status(shell: &Shell, code: &str) -> Markup {
    if code.is_empty() {
        return PreEscaped(String::new());
    }
    let tone = match code.to_ascii_uppercase().as_str() {
        "ACTIVE" | "FINAL" | "VERIFIED" | "ACCEPTED" | "CONFIRMED" | "SUCCESS" | "STORED" | "AUTO_ACCEPTED"
        | "HOLDS" | "JUSTIFIED" | "DONE" | "SENT" => Tone::Good,
        "ENTERED_IN_ERROR" | "REJECTED" | "REFUSED" | "FAILED" | "ERASED" | "QUARANTINED" | "FAILS" | "DEAD"
        | "UNDELIVERABLE" | "OPEN" | "UNJUSTIFIED" => Tone::Bad,
        "ON_HOLD" | "NEEDS_REVIEW" | "PRELIMINARY" | "UNVERIFIED" | "AMENDED" | "CORRECTED" | "RECURRENCE"
        | "RELAPSE" | "UNPROVEN" | "ACKNOWLEDGED" | "ESCALATED" => Tone::Warn,
        "PATIENT_REPORTED" | "DOCUMENT_EXTRACTED" | "MERGED" | "RUNNING" | "SIMULATED" => Tone::Info,
        _ => Tone::Neutral,
    };
    badge(shell, tone, &codes::label(shell.locale, code))
}

/// A date of any precision.
#[must_use]
pub fn date(shell: &Shell, iso: &str) -> Markup {
    html! { @if !iso.is_empty() { time datetime=(iso) { (format::date(shell.locale, iso)) } } }
}

/// The date of a moment in the tenant's zone, where the time of day does not matter.
#[must_use]
pub fn day(shell: &Shell, iso: &str) -> Markup {
    html! { @if !iso.is_empty() { time datetime=(iso) { (format::day(shell.locale, &shell.zone, iso)) } } }
}

/// A date with its time of day in the tenant's zone.
#[must_use]
pub fn moment(shell: &Shell, iso: &str) -> Markup {
    html! {
        @if !iso.is_empty() {
            time datetime=(iso) title={ (iso) " · " (shell.zone.name()) } {
                (format::moment(shell.locale, &shell.zone, iso))
            }
        }
    }
}

/// Says that there is nothing, why, and what to do.
#[must_use]
pub fn empty(title: &str, hint: &str, action: Option<(&str, &str)>) -> Markup {
    html! {
        div class="empty" {
            p class="empty-title" { (title) }
            @if !hint.is_empty() { p { (hint) } }
            @if let Some((href, label)) = action { a class="button" href=(href) { (label) } }
        }
    }
}

/// A sealed value that has not been opened. Opening is a request of its own, which the server records; the answer
/// replaces this mark.
#[must_use]
pub fn masked(shell: &Shell, url: &str, what: &str) -> Markup {
    let t = shell.t();
    html! {
        span class="masked" {
            span aria-hidden="true" { "•••••" }
            button type="button" class="open" hx-get=(url) hx-target="closest .masked" hx-swap="outerHTML"
                title=(t.data.open_recorded) aria-label=(fill(t.data.open_named, &[("what", what)])) { (t.data.open) }
        }
    }
}

/// Label and value pairs.
#[must_use]
pub fn facts(rows: &[(&str, Markup)]) -> Markup {
    html! {
        dl class="facts" {
            @for (label, value) in rows { div { dt { (label) } dd { (value) } } }
        }
    }
}

/// One of several views of the same thing.
#[derive(Debug, Clone, Default)]
pub struct Tab {
    /// Words.
    pub label: String,
    /// Address.
    pub href: String,
    /// Whether this is the one shown.
    pub current: bool,
    /// How many things it holds.
    pub count: Option<u64>,
}

/// Tabs that are links, so each has an address.
#[must_use]
pub fn tabs(shell: &Shell, label: &str, tabs: &[Tab]) -> Markup {
    html! {
        nav class="tabs" aria-label=(label) {
            ul {
                @for tab in tabs {
                    li {
                        a href=(tab.href) aria-current=[tab.current.then_some("page")] {
                            (tab.label)
                            @if let Some(n) = tab.count { " " span class="count" { (format::count(shell.locale, n)) } }
                        }
                    }
                }
            }
        }
    }
}

/// A number that matters, what it counts, and a note.
#[must_use]
pub fn figure(label: &str, value: &str, note: &str) -> Markup {
    html! {
        div class="figure" {
            dt { (label) }
            dd { (value) @if !note.is_empty() { span class="figure-note" { (note) } } }
        }
    }
}

/// How far something has come.
#[must_use]
pub fn progress(shell: &Shell, label: &str, done: u64, total: u64) -> Markup {
    let (d, n) = (format::count(shell.locale, done), format::count(shell.locale, total));
    html! {
        div class="progress" {
            progress max=(total.max(1)) value=(done.min(total.max(1))) aria-label=(label) {}
            span { (fill(shell.t().ui.n_of_total, &[("n", &d), ("total", &n)])) }
        }
    }
}

/// Links to the neighbours in a list read by keyset: there is no page number, because none is ever counted.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Pager {
    /// Address of the first page, when this is not it.
    pub first: Option<String>,
    /// Address of the next page, when there is one.
    pub next: Option<String>,
}

/// The pager under a list of `shown` rows.
#[must_use]
pub fn pager(shell: &Shell, pager: &Pager, shown: usize) -> Markup {
    let t = &shell.t().ui;
    let n = format::count(shell.locale, shown as u64);
    html! {
        nav class="pager" aria-label=(t.pages) {
            span class="muted" { (fill(if shown == 1 { t.one_row } else { t.n_rows }, &[("n", &n)])) }
            @if let Some(first) = &pager.first { a class="button quiet" href=(first) { (t.first_page) } }
            @if let Some(next) = &pager.next { a class="button quiet" href=(next) rel="next" { (t.next_page) } }
        }
    }
}

/// Where a column sorts to, and how it sorts now.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Sort {
    /// Address of the list sorted by this column (or the other way round).
    pub href: String,
    /// `ascending`, `descending` or empty.
    pub state: String,
}

/// A column head, a link when the column sorts.
#[must_use]
pub fn head(label: &str, sort: Option<&Sort>, numeric: bool) -> Markup {
    let class = numeric.then_some("num");
    html! {
        @match sort.filter(|s| !s.href.is_empty()) {
            Some(sort) => {
                th scope="col" class=[class] aria-sort=[(!sort.state.is_empty()).then_some(&sort.state)] {
                    a class="sort" href=(sort.href) { (label) span class="sort-mark" aria-hidden="true" {} }
                }
            }
            None => { th scope="col" class=[class] { (label) } }
        }
    }
}

/// The heads of a table whose columns do not sort.
#[must_use]
pub fn heads(labels: &[&str]) -> Markup {
    html! { thead { tr { @for label in labels { (head(label, None, false)) } } } }
}

/// The same with a last column of buttons, whose head is for those who do not see it.
#[must_use]
pub fn heads_then(labels: &[&str], buttons: &str) -> Markup {
    html! {
        thead {
            tr {
                @for label in labels { (head(label, None, false)) }
                th scope="col" { span class="unseen" { (buttons) } }
            }
        }
    }
}

/// What stands in a card besides tables.
#[must_use]
pub fn inside(body: &Markup) -> Markup {
    html! { div class="card-body" { (body) } }
}

/// A wide table that scrolls inside its own region, which the keyboard can reach.
#[must_use]
pub fn scroll(label: &str, table: &Markup) -> Markup {
    html! { div class="scroll" role="region" aria-label=(label) tabindex="0" { (table) } }
}

/// A titled panel with how many it holds and a link to all of them.
#[must_use]
pub fn card(id: &str, title: &str, aside: &Markup, body: &Markup) -> Markup {
    html! {
        section class="card" id=(id) aria-labelledby={ (id) "-title" } {
            header class="card-head" { h2 id={ (id) "-title" } { (title) } (aside) }
            (body)
        }
    }
}
