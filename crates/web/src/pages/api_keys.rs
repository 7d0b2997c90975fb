//! Every living API key of the organization: whose it is, what it may do, from where, until when, and when it was used.

use super::{
    Shell,
    account::{self, Token},
    i18n::codes,
    layout::{self, Head},
    parts::{self, Pager, Tone},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ApiKeysView {
    /// Keys, newest first.
    pub keys: Vec<Key>,
    /// Neighbouring pages.
    pub pager: Pager,
    /// Whether the reader may end them.
    pub may_revoke: bool,
    /// What was done.
    pub done: String,
}

/// One key with its owner.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Key {
    /// The key, without its secret.
    #[serde(flatten)]
    pub token: Token,
    /// Id of its owner.
    pub owner_id: String,
    /// Name of its owner.
    pub owner_name: String,
    /// Networks it works from; none: any.
    pub networks: Vec<String>,
}

/// The page. Form: POST `/api-keys/{id}/revoke`.
#[must_use]
pub fn render(view: &ApiKeysView, shell: &Shell) -> Markup {
    let t = &shell.t().accounts;
    layout::page(
        shell,
        &Head::new(t.api_keys),
        &html! {
            header class="page-head" { div { h1 { (t.api_keys) } p class="lead" { (t.api_keys_lead) } } }
            @if !view.done.is_empty() { p class="flash tone-good" role="status" { (Tone::Good.sign(shell)) (view.done) } }
            @if view.keys.is_empty() { (parts::empty(shell.t().ui.no_tokens, "", None)) }
            @else { div class="card" { (table(view, shell)) } }
            (parts::pager(shell, &view.pager, view.keys.len()))
        },
    )
}

fn table(view: &ApiKeysView, shell: &Shell) -> Markup {
    let (t, s) = (&shell.t().ui, &shell.t().accounts);
    let networks = shell.t().security.networks;
    html! {
        table class="grid plain stack" {
            (parts::heads_then(&[t.token, s.owner, t.scopes, networks, t.expires, t.last_used], t.revoke))
            tbody {
                @for Key { token, owner_id, owner_name, networks: from } in &view.keys {
                    tr {
                        th scope="row" { (token.name) span class="sub id" { (token.prefix) "…" } }
                        td data-label=(s.owner) {
                            a href={ "/users/" (owner_id) } { (if owner_name.is_empty() { owner_id } else { owner_name }) }
                        }
                        td data-label=(t.scopes) {
                            span class="chips" {
                                @if token.scopes.is_empty() { span class="muted" { (s.all_scopes) } }
                                @for scope in &token.scopes { code class="chip" { (scope) } }
                                @for code in &token.purposes { span class="chip" { (codes::label(shell.locale, code)) } }
                            }
                        }
                        td data-label=(networks) {
                            @if from.is_empty() { span class="muted" { (s.anywhere) } } @else {
                                span class="chips" { @for network in from { code class="chip" { (network) } } }
                            }
                        }
                        td data-label=(t.expires) { (parts::day(shell, &token.expires_at)) }
                        td data-label=(t.last_used) {
                            @if token.last_used_at.is_empty() { (t.never) } @else { (parts::moment(shell, &token.last_used_at)) }
                        }
                        td class="end" {
                            @if view.may_revoke { (account::revoke(shell, &format!("/api-keys/{}/revoke", token.id), &token.name)) }
                        }
                    }
                }
            }
        }
    }
}
