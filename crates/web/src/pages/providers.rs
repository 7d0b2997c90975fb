//! Identity providers: by which services people sign in, and one that is added or changed.

use super::{
    Shell,
    form::{self, Field, FieldMessage, Kind},
    layout::{self, Head},
    parts::{self, Tone},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ProvidersView {
    /// Those there are.
    pub rows: Vec<Provider>,
    /// The one that is added, or changed when it has an id.
    pub form: Provider,
    /// Whether the person may change them.
    pub may_change: bool,
    /// To where the provider sends browsers back.
    pub redirect: String,
    /// What is wrong with what was sent.
    pub errors: Vec<FieldMessage>,
    /// The same as a whole.
    pub general: String,
    /// What was done.
    pub done: String,
}

/// One provider.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the columns'")]
pub struct Provider {
    pub id: String,
    pub row_version: i32,
    pub name: String,
    pub issuer: String,
    pub client_id: String,
    pub links_by_email: bool,
    pub is_active: bool,
}

/// The page. Forms: POST `/identity-providers`, `/identity-providers/{id}` and `/identity-providers/{id}/secret`.
#[must_use]
pub fn render(view: &ProvidersView, shell: &Shell) -> Markup {
    let t = &shell.t().connections;
    let editing = !view.form.id.is_empty();
    let head = if editing {
        Head::new(t.edit_provider).under(t.providers, "/identity-providers")
    } else {
        Head::new(t.providers)
    };
    layout::page(
        shell,
        &head,
        &html! {
            header class="page-head" { div { h1 { (if editing { t.edit_provider } else { t.providers }) } p class="lead" { (t.providers_lead) } } }
            @if !view.done.is_empty() { p class="flash tone-good" role="status" { (Tone::Good.sign(shell)) (view.done) } }
            @if !editing {
                @if view.rows.is_empty() { (parts::empty(t.no_provider, "", None)) } @else {
                    (parts::card("providers", t.providers, &html! {}, &list(view, shell)))
                }
            }
            @if view.may_change {
                (parts::card("provider", if editing { t.edit_provider } else { t.add_provider }, &html! {}, &edit(view, shell)))
                @if editing { (parts::card("secret", t.secret, &html! {}, &secret(view, shell))) }
            }
        },
    )
}

fn list(view: &ProvidersView, shell: &Shell) -> Markup {
    let t = &shell.t().connections;
    html! {
        table class="grid plain stack" {
            (parts::heads(&[t.name, t.issuer, t.client_id, t.active]))
            tbody {
                @for p in &view.rows {
                    tr {
                        th scope="row" { @if view.may_change { a href={ "/identity-providers/" (p.id) } { (p.name) } } @else { (p.name) } }
                        td data-label=(t.issuer) { span class="id" { (p.issuer) } }
                        td data-label=(t.client_id) { span class="id" { (p.client_id) } }
                        td data-label=(t.active) {
                            @if p.is_active { (parts::badge(shell, Tone::Good, t.active)) } @else { (parts::badge(shell, Tone::Neutral, t.unused)) }
                        }
                    }
                }
            }
        }
    }
}

fn edit(view: &ProvidersView, shell: &Shell) -> Markup {
    let t = &shell.t().connections;
    let p = &view.form;
    let flag = |on: bool| if on { "true" } else { "" };
    let mut fields = vec![
        Field::new("name", t.name, Kind::Text, &p.name).required().hint(t.name_hint),
        Field::new("issuer", t.issuer, Kind::Text, &p.issuer).required().hint(t.issuer_hint),
        Field::new("client_id", t.client_id, Kind::Text, &p.client_id).required(),
        Field::new("links_by_email", t.links_by_email, Kind::Flag, flag(p.links_by_email)),
    ];
    if !p.id.is_empty() {
        fields.push(Field::new("is_active", t.active, Kind::Flag, flag(p.is_active)));
    }
    let fields: Vec<Field> = fields.into_iter().map(|f| f.check(&view.errors)).collect();
    let action =
        if p.id.is_empty() { "/identity-providers".to_owned() } else { format!("/identity-providers/{}", p.id) };
    let body = html! {
        (form::summary(shell, &view.general, &fields.iter().collect::<Vec<_>>()))
        input type="hidden" name="row_version" value=(p.row_version);
        @for f in &fields { (form::field(shell, f)) }
        p class="hint" { (t.redirect) ": " code { (view.redirect) } }
        div class="form-actions" { button class="button primary" type="submit" { (shell.t().ui.save) } }
    };
    form::post(shell, &action, "form", &body)
}

fn secret(view: &ProvidersView, shell: &Shell) -> Markup {
    let t = &shell.t().connections;
    let field = Field::new("client_secret", t.secret, Kind::Password, "").hint(t.secret_hint).check(&view.errors);
    let body = html! {
        (form::field(shell, &field))
        div class="form-actions" { button class="button" type="submit" { (t.set_secret) } }
    };
    form::post(shell, &format!("/identity-providers/{}/secret", view.form.id), "form", &body)
}
