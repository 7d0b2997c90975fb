//! Erasing a person, as privacy officers do it: what waits for another person's decision, a new request, and the certificate
//! of an erasure. A person is named by their number only, so that no name stands on the page or in its address.

use super::{
    Shell,
    form::{self, Field, FieldMessage, Kind},
    i18n::{codes, fill, format},
    layout::{self, Head},
    parts::{self, Tone},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ErasuresView {
    /// Requests, those that wait first.
    pub requests: Vec<Request>,
    /// Values of the form for a new one.
    pub form: RequestForm,
    /// What is wrong with that form.
    pub errors: Vec<FieldMessage>,
    /// What is wrong as a whole, with that form or with a decision.
    pub general: String,
    /// Reasons that can be given.
    pub reasons: Vec<String>,
    /// Whether the caller may ask.
    pub may_ask: bool,
    /// Whether the caller may confirm.
    pub may_confirm: bool,
}

/// One request, as `compliance.erasure_request.list` answers it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, whose description says what they are")]
pub struct Request {
    pub id: String,
    pub act: String,
    pub person_id: Option<String>,
    pub reason: Option<String>,
    pub note: Option<String>,
    pub state: String,
    pub asked_at: String,
    pub asked_by: Who,
    pub own: bool,
    pub expires_at: String,
    pub decided_at: Option<String>,
    pub decided_by: Option<Who>,
    pub erasure: Option<String>,
}

/// Who asked or decided.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Who {
    /// `user`, `service` or `operator`.
    pub kind: String,
    /// Name, of a user or service.
    pub name: Option<String>,
}

/// The form for a new request.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RequestForm {
    /// The person's number.
    pub person_id: String,
    /// One of the reasons.
    pub reason: String,
    /// Why, in words.
    pub note: String,
}

/// A certificate, as `compliance.erasure_request.certificate` answers it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, whose description says what they are")]
pub struct Certificate {
    pub id: String,
    pub organization: Option<String>,
    pub installation: String,
    pub person_id: String,
    pub reason: String,
    pub erased_at: String,
    pub asked_at: Option<String>,
    pub asked_by: Option<Who>,
    pub confirmed_by: Option<Who>,
    pub erased: Vec<String>,
    pub stays: Vec<String>,
    pub state: String,
    pub complete_on: Option<String>,
    pub backups_left: u64,
    pub backups_noted_at: Option<String>,
}

/// The page. Forms: POST `/erasures`, `/erasures/{id}/confirm`, `/erasures/{id}/decline`.
#[must_use]
pub fn render(view: &ErasuresView, shell: &Shell) -> Markup {
    let t = &shell.t().erasure;
    let (waiting, decided): (Vec<&Request>, Vec<&Request>) = view.requests.iter().partition(|r| r.state == "waiting");
    let count = html! { span class="count" { (format::count(shell.locale, waiting.len() as u64)) } };
    layout::page(
        shell,
        &Head::new(t.title),
        &html! {
            header class="page-head" { div { h1 { (t.title) } p class="lead" { (t.lead) } } }
            @if !view.general.is_empty() {
                div class="flash tone-bad" role="alert" { (Tone::Bad.sign(shell)) div { (view.general) } }
            }
            (parts::card("waiting", t.waiting, &count, &html! {
                @if waiting.is_empty() { p class="hint" { (t.none_waiting) } }
                @for request in &waiting { (waits(request, view, shell)) }
            }))
            @if view.may_ask { (parts::card("ask", t.ask, &html! {}, &ask(view, shell))) }
            (parts::card("decided", t.decided, &html! {}, &history(&decided, shell)))
        },
    )
}

fn name(who: &Who, shell: &Shell) -> String {
    who.name.clone().unwrap_or_else(|| codes::label(shell.locale, &who.kind).into_owned())
}

/// Whose record, or that it is everything.
fn whose(request: &Request, shell: &Shell) -> Markup {
    if let (Some(person), "erase_person") = (&request.person_id, request.act.as_str()) {
        html! { span class="id" { (person) } }
    } else {
        html! { (shell.t().erasure.everything) }
    }
}

fn why(request: &Request, shell: &Shell) -> Markup {
    html! { @if let Some(reason) = &request.reason { (codes::label(shell.locale, reason)) } @else { "–" } }
}

fn waits(request: &Request, view: &ErasuresView, shell: &Shell) -> Markup {
    let t = &shell.t().erasure;
    let confirm = Field::new("confirm", t.person_again, Kind::Text, "").required().hint(t.cannot_undo);
    // Several requests stand on one page: each form's field has a name of its own in the document.
    let confirm = Field { name: format!("confirm-{}", request.id), ..confirm };
    html! {
        article class="request" aria-label=(request.id) {
            (parts::facts(&[
                (t.person, whose(request, shell)),
                (t.reason, why(request, shell)),
                (t.asked_by, html! { (name(&request.asked_by, shell)) ", " (parts::moment(shell, &request.asked_at)) }),
                (t.until, parts::moment(shell, &request.expires_at)),
                (t.note, html! { @if let Some(note) = &request.note { (note) } @else { "–" } }),
            ]))
            @if request.own { p class="hint" { (t.own) } }
            @else if request.act != "erase_person" { p class="hint" { (t.by_operator) } }
            @else if view.may_confirm {
                (form::post(shell, &format!("/erasures/{}/confirm", request.id), "form", &html! {
                    (form::field(shell, &confirm))
                    div class="form-actions" { button class="button danger" type="submit" { (t.confirm) } }
                }))
            }
            @if view.may_ask && (request.own || view.may_confirm) {
                (form::post(shell, &format!("/erasures/{}/decline", request.id), "form", &html! {
                    div class="form-actions" {
                        button class="button" type="submit" { @if request.own { (t.withdraw) } @else { (t.refuse) } }
                    }
                }))
            }
        }
    }
}

fn ask(view: &ErasuresView, shell: &Shell) -> Markup {
    let t = &shell.t().erasure;
    let reasons: Vec<&str> = view.reasons.iter().map(String::as_str).collect();
    let fields = [
        Field::new("person_id", t.person, Kind::Text, &view.form.person_id).required().hint(t.person_hint),
        Field::new("reason", t.reason, Kind::Choice, &view.form.reason).codes(&reasons).required(),
        Field::new("note", t.note, Kind::Long, &view.form.note).hint(t.note_hint),
    ]
    .map(|f| f.check(&view.errors));
    html! {
        p class="card-note" { (t.two_persons) }
        (form::post(shell, "/erasures", "form", &html! {
            @for field in &fields { (form::field(shell, field)) }
            div class="form-actions" { button class="button primary" type="submit" { (t.ask) } }
        }))
    }
}

fn history(decided: &[&Request], shell: &Shell) -> Markup {
    let t = &shell.t().erasure;
    if decided.is_empty() {
        return html! { p class="hint" { (t.none_decided) } };
    }
    html! {
        table class="grid stack" {
            (parts::heads(&[t.person, t.reason, t.state, t.asked_by, t.decided_by, t.certificate]))
            tbody {
                @for r in decided {
                    tr {
                        th scope="row" { (whose(r, shell)) }
                        td data-label=(t.reason) { (why(r, shell)) }
                        td data-label=(t.state) { (parts::status(shell, &r.state)) }
                        td data-label=(t.asked_by) { (name(&r.asked_by, shell)) }
                        td data-label=(t.decided_by) {
                            @if let Some(who) = &r.decided_by { (name(who, shell)) ", " }
                            (parts::moment(shell, r.decided_at.as_deref().unwrap_or_default()))
                        }
                        td data-label=(t.certificate) {
                            @if let Some(id) = &r.erasure { a href={ "/erasures/" (id) } { (t.certificate) } } @else { "–" }
                        }
                    }
                }
            }
        }
    }
}

/// The certificate of one erasure.
#[must_use]
pub fn certificate(view: &Certificate, shell: &Shell) -> Markup {
    let t = &shell.t().erasure;
    let n = format::count(shell.locale, view.backups_left);
    let said = match view.state.as_str() {
        "complete" => (Tone::Good, t.complete.to_owned()),
        "backups_left" => (Tone::Warn, fill(t.backups_left, &[("n", &n)])),
        _ => (Tone::Warn, t.backups_unknown.to_owned()),
    };
    let who = |who: &Option<Who>| who.as_ref().map_or_else(|| "–".to_owned(), |who| name(who, shell));
    let list = |items: &[String]| html! { ul class="dashes" lang="en" { @for item in items { li { (item) } } } };
    let at = |time: &Option<String>| {
        html! { @if let Some(time) = time { (parts::moment(shell, time)) } @else { "–" } }
    };
    layout::page(
        shell,
        &Head::new(t.certificate).under(t.title, "/erasures"),
        &html! {
            header class="page-head" {
                div { h1 { (t.certificate) } p class="lead" { (view.organization.as_deref().unwrap_or_default()) } }
                (parts::badge(shell, said.0, &said.1))
            }
            div class="card" {
                (parts::facts(&[
                    (t.person, html! { span class="id" { (view.person_id) } }),
                    (t.reason, html! { (codes::label(shell.locale, &view.reason)) }),
                    (t.asked_by, html! { (who(&view.asked_by)) " " (parts::moment(shell, view.asked_at.as_deref().unwrap_or_default())) }),
                    (t.decided_by, html! { (who(&view.confirmed_by)) }),
                    (t.erased_at, parts::moment(shell, &view.erased_at)),
                    (t.complete_on, at(&view.complete_on)),
                    (t.noted_at, at(&view.backups_noted_at)),
                    (t.number, html! { span class="id" { (view.id) } }),
                    (t.installation, html! { span class="id" { (view.installation) } }),
                ]))
            }
            (parts::card("erased", t.what_erased, &html! {}, &parts::inside(&list(&view.erased))))
            (parts::card("stays", t.what_stays, &html! {}, &parts::inside(&list(&view.stays))))
            p class="hint" { (t.copies) }
        },
    )
}
