//! Form fields: label, hint and error tied to their control, so that a reader hears all three. A field is plain data
//! ([`Field`]); hand-made forms and forms of a table description use the same drawing.

use super::{Shell, i18n::codes, layout, parts::Tone};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// What a field takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One line of text.
    #[default]
    Text,
    /// Several lines.
    Long,
    /// A mail address.
    Email,
    /// A telephone number.
    Phone,
    /// A secret; never filled in again.
    Password,
    /// A calendar date.
    Date,
    /// Date and time.
    DateTime,
    /// A whole or decimal number.
    Number,
    /// Yes or no.
    Flag,
    /// One of `choices`.
    Choice,
    /// JSON text.
    Json,
}

/// One field with its present value and what is wrong with it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Field {
    /// Name it is sent under.
    pub name: String,
    /// Words before it.
    pub label: String,
    /// What to enter, and why.
    pub hint: String,
    /// What it takes.
    pub kind: Kind,
    /// Present value; `true` ticks a flag.
    pub value: String,
    /// Value and words of each choice; empty words show the code's label.
    pub choices: Vec<(String, String)>,
    /// Whether it must be filled.
    pub required: bool,
    /// Shown and not changeable here.
    pub locked: bool,
    /// A sealed value stands there and is not shown: left empty, it stays as it is.
    pub masked: bool,
    /// What is wrong and what to do.
    pub error: String,
    /// Value of `autocomplete`, such as `current-password`; empty is `off`.
    pub autocomplete: String,
}

impl Field {
    /// An optional field.
    #[must_use]
    pub fn new(name: &str, label: &str, kind: Kind, value: &str) -> Self {
        Self { name: name.into(), label: label.into(), kind, value: value.into(), ..Self::default() }
    }

    /// The same, to be filled.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: &str) -> Self {
        hint.clone_into(&mut self.hint);
        self
    }

    /// The same with what the browser may fill in.
    #[must_use]
    pub fn autocomplete(mut self, token: &str) -> Self {
        token.clone_into(&mut self.autocomplete);
        self
    }

    /// The same, choosing from codes whose labels the language knows.
    #[must_use]
    pub fn codes(mut self, codes: &[&str]) -> Self {
        self.choices = codes.iter().map(|code| ((*code).to_owned(), String::new())).collect();
        self
    }

    /// The same with the error that stands for it in `errors` (field name and message).
    #[must_use]
    pub fn check(mut self, errors: &[FieldMessage]) -> Self {
        if let Some(found) = errors.iter().find(|e| e.field.trim_start_matches('/') == self.name) {
            self.error.clone_from(&found.message);
        }
        self
    }
}

/// What is wrong with one field, as `errors[]` of a problem document says it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FieldMessage {
    /// Column name or JSON pointer.
    #[serde(alias = "pointer")]
    pub field: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// The field with its label, hint and error.
#[must_use]
pub fn field(shell: &Shell, f: &Field) -> Markup {
    let bad = !f.error.is_empty();
    let id = format!("f-{}", f.name);
    let described = [(!f.hint.is_empty(), "hint"), (f.masked, "masked"), (bad, "error")];
    let described: Vec<_> = described.iter().filter(|(on, _)| *on).map(|(_, part)| format!("{id}-{part}")).collect();
    let described = (!described.is_empty()).then(|| described.join(" "));
    html! {
        div class={ "field kind-" (format!("{:?}", f.kind).to_lowercase()) @if bad { " bad" } } {
            @if f.kind == Kind::Flag { (control(shell, f, &id, described.as_deref())) }
            label for=(id) {
                (f.label)
                @if !f.required && !f.locked && f.kind != Kind::Flag {
                    span class="optional" { " " (shell.t().ui.optional) }
                }
            }
            @if f.kind != Kind::Flag { (control(shell, f, &id, described.as_deref())) }
            @if !f.hint.is_empty() { p class="hint" id={ (id) "-hint" } { (f.hint) } }
            @if f.masked { p class="hint" id={ (id) "-masked" } { (shell.t().data.sealed_keep) } }
            @if bad { p class="error" id={ (id) "-error" } { (Tone::Bad.sign(shell)) (f.error) } }
        }
    }
}

fn control(shell: &Shell, f: &Field, id: &str, described: Option<&str>) -> Markup {
    let invalid = (!f.error.is_empty()).then_some("true");
    let autocomplete = if f.autocomplete.is_empty() { "off" } else { &f.autocomplete };
    let input = match f.kind {
        Kind::Email => "email",
        Kind::Phone => "tel",
        Kind::Password => "password",
        Kind::Date => "date",
        Kind::DateTime => "datetime-local",
        _ => "text",
    };
    html! {
        @match f.kind {
            Kind::Choice => {
                select id=(id) name=(f.name) disabled[f.locked] required[f.required] aria-invalid=[invalid]
                    aria-describedby=[described] {
                    @if !f.required || f.value.is_empty() { option value="" { "–" } }
                    @for (value, words) in &f.choices {
                        option value=(value) selected[*value == f.value] {
                            @if words.is_empty() { (codes::label(shell.locale, value)) } @else { (words) }
                        }
                    }
                }
            }
            Kind::Flag => {
                input id=(id) name=(f.name) type="checkbox" value="true" checked[f.value == "true"] disabled[f.locked]
                    aria-invalid=[invalid] aria-describedby=[described];
            }
            Kind::Long | Kind::Json => {
                textarea id=(id) name=(f.name) rows="4" readonly[f.locked] required[f.required] aria-invalid=[invalid]
                    placeholder=[f.masked.then_some("•••••")] aria-describedby=[described] spellcheck=(f.kind == Kind::Long) {
                        (f.value)
                    }
            }
            _ => {
                input id=(id) name=(f.name) type=(input) value=(if f.kind == Kind::Password { "" } else { &f.value })
                    inputmode=[(f.kind == Kind::Number).then_some("decimal")] autocomplete=(autocomplete)
                    placeholder=[f.masked.then_some("•••••")]
                    readonly[f.locked] required[f.required] aria-invalid=[invalid] aria-describedby=[described];
            }
        }
    }
}

/// What is wrong with the form as a whole, with a link to each field that needs a change. Empty when nothing is.
#[must_use]
pub fn summary(shell: &Shell, general: &str, fields: &[&Field]) -> Markup {
    let bad: Vec<_> = fields.iter().filter(|f| !f.error.is_empty()).collect();
    html! {
        @if !general.is_empty() || !bad.is_empty() {
            div class="flash tone-bad" role="alert" {
                (Tone::Bad.sign(shell))
                div {
                    @if general.is_empty() { (shell.t().ui.fix_fields) } @else { (general) }
                    @if !bad.is_empty() {
                        ul { @for f in bad { li { a href={ "#f-" (f.name) } { (f.label) } ": " (f.error) } } }
                    }
                }
            }
        }
    }
}

/// A form that changes something: a POST with the session's token.
#[must_use]
pub fn post(shell: &Shell, action: &str, class: &str, body: &Markup) -> Markup {
    html! { form method="post" action=(action) class=(class) { (layout::csrf(shell)) (body) } }
}
