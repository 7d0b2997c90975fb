//! The API page, drawn from the OpenAPI document that the server serves: domains, the operations of one, and one
//! operation with parameters, schemas and, for a GET, a form that tries it with the reader's own session.
//!
//! `/docs` lists, `/docs?domain=medical` narrows, `/docs?operation=<operationId>` shows one. The permission of an
//! operation is its `x-permission`, its domain the first of its `tags`.

use super::{
    Shell,
    i18n::fill,
    layout::{self, Head},
    parts::{self, Tab, Tone},
};
use crate::assets;
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// How deep schemas are drawn into one another.
const DEPTH: usize = 3;

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DocsView {
    /// The OpenAPI 3 document.
    pub openapi: Value,
    /// Domain (tag) shown; empty shows all.
    pub domain: String,
    /// `operationId` shown in full.
    pub operation: String,
}

/// One operation of the document.
struct Operation<'a> {
    id: &'a str,
    method: &'a str,
    path: &'a str,
    domain: &'a str,
    body: &'a Value,
}

impl<'a> Operation<'a> {
    fn text(&self, key: &str) -> &'a str {
        self.body[key].as_str().unwrap_or("")
    }
}

/// The operations in the document's order: paths, then methods.
fn operations(openapi: &Value) -> Vec<Operation<'_>> {
    const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
    let mut out = Vec::new();
    for (path, item) in openapi["paths"].as_object().into_iter().flatten() {
        for method in METHODS {
            let Some(body) = item.get(method) else { continue };
            let id = body["operationId"].as_str().unwrap_or("");
            let domain = body["tags"][0].as_str().unwrap_or("api");
            out.push(Operation { id, method, path, domain, body });
        }
    }
    out
}

/// The page.
#[must_use]
pub fn render(view: &DocsView, shell: &Shell) -> Markup {
    let t = shell.t();
    let all = operations(&view.openapi);
    if let Some(operation) = all.iter().find(|o| !view.operation.is_empty() && o.id == view.operation) {
        return one(view, operation, shell);
    }
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for operation in &all {
        *counts.entry(operation.domain).or_default() += 1;
    }
    let tab =
        |label: &str, href: String, current, count| Tab { label: label.into(), href, current, count: Some(count) };
    let mut tabs = vec![tab(t.data.all_domains, "/docs".into(), view.domain.is_empty(), all.len() as u64)];
    tabs.extend(counts.iter().map(|(d, n)| tab(d, format!("/docs?domain={d}"), *d == view.domain, *n)));
    layout::page(
        shell,
        &Head::new(t.data.api),
        &html! {
            header class="page-head" {
                div {
                    h1 { (t.data.api) }
                    p class="lead" { (view.openapi["info"]["description"].as_str().unwrap_or("")) }
                }
                a class="button" href="/openapi.json" { (t.data.openapi_file) }
            }
            (parts::tabs(shell, t.data.domains, &tabs))
            @for domain in counts.keys().filter(|d| view.domain.is_empty() || **d == view.domain) {
                (parts::card(&format!("domain-{domain}"), domain, &html! {}, &list(&all, domain, shell)))
            }
        },
    )
}

fn list(all: &[Operation<'_>], domain: &str, shell: &Shell) -> Markup {
    let t = &shell.t().data;
    html! {
        table class="grid plain operations" data-keys {
            (parts::heads(&[t.operation, t.summary, t.permission]))
            tbody {
                @for o in all.iter().filter(|o| o.domain == domain) {
                    tr {
                        th scope="row" {
                            (method(o.method)) " " a href={ "/docs?operation=" (o.id) } { code { (breakable(o.path)) } }
                        }
                        td { (o.text("summary")) }
                        td {
                            @if !o.text("x-permission").is_empty() {
                                code class="small" { (breakable(o.text("x-permission"))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn method(method: &str) -> Markup {
    html! { span class={ "method method-" (method) } { (method.to_uppercase()) } }
}

/// A path or permission that may break after `/` and `.`.
fn breakable(path: &str) -> Markup {
    html! { @for part in path.split_inclusive(['/', '.']) { (part) wbr; } }
}

fn one(view: &DocsView, o: &Operation<'_>, shell: &Shell) -> Markup {
    let t = shell.t();
    let parameters = parameters(view, o);
    let permission = o.text("x-permission");
    let head = Head::new(o.id).under(t.data.api, "/docs").under(o.domain, format!("/docs?domain={}", o.domain));
    layout::page(
        shell,
        &head,
        &html! {
            header class="page-head" {
                div {
                    h1 { (o.text("summary")) }
                    p class="endpoint" { (method(o.method)) " " code { (breakable(o.path)) } }
                    @if !o.text("description").is_empty() { p class="lead" { (o.text("description")) } }
                }
            }
            @if !permission.is_empty() { p { (t.data.needs_permission) " " code { (permission) } } }
            @if !parameters.is_empty() {
                (parts::card("parameters", t.data.parameters, &html! {}, &parameter_table(&parameters, shell)))
            }
            @if o.method == "get" { (try_it(o, &parameters, shell)) }
            @for (media, body) in o.body["requestBody"]["content"].as_object().into_iter().flatten() {
                (parts::card("request", t.data.request_body, &html! { code class="muted" { (media) } }, &schema(view, &body["schema"], shell)))
            }
            (responses(view, o, shell))
        },
    )
}

/// The parameters of the operation and its path, references followed.
fn parameters<'a>(view: &'a DocsView, o: &Operation<'a>) -> Vec<&'a Value> {
    let shared = &view.openapi["paths"][o.path]["parameters"];
    let lists = [shared, &o.body["parameters"]];
    lists.into_iter().filter_map(Value::as_array).flatten().map(|p| follow(&view.openapi, p)).collect()
}

fn follow<'a>(openapi: &'a Value, value: &'a Value) -> &'a Value {
    let target = value["$ref"].as_str().and_then(|r| openapi.pointer(r.trim_start_matches('#')));
    target.unwrap_or(value)
}

fn parameter_table(parameters: &[&Value], shell: &Shell) -> Markup {
    let t = &shell.t().data;
    html! {
        table class="grid plain stack" {
            (parts::heads(&[t.name, t.place, t.kind, t.meaning]))
            tbody {
                @for p in parameters {
                    tr {
                        th scope="row" {
                            code { (p["name"].as_str().unwrap_or("")) } (required(p["required"] == true, shell))
                        }
                        td data-label=(t.place) { (p["in"].as_str().unwrap_or("")) }
                        td data-label=(t.kind) { (kind(&p["schema"])) }
                        td data-label=(t.meaning) { (p["description"].as_str().unwrap_or("")) }
                    }
                }
            }
        }
    }
}

fn required(required: bool, shell: &Shell) -> Markup {
    html! { @if required { " " (parts::badge(shell, Tone::Neutral, shell.t().data.required)) } }
}

/// The form that sends the GET from the reader's own browser; `salus-docs.js` sends it and shows the answer.
fn try_it(o: &Operation<'_>, parameters: &[&Value], shell: &Shell) -> Markup {
    let t = &shell.t().data;
    let usable = parameters.iter().filter(|p| matches!(p["in"].as_str(), Some("path" | "query")));
    let body = html! {
        p class="card-note" { (t.try_hint) }
        form class="filters" data-try=(o.path) {
            @for (i, p) in usable.enumerate() {
                @let name = p["name"].as_str().unwrap_or("");
                div class="field" {
                    label for={ "try-" (i) } { code { (name) } }
                    input id={ "try-" (i) }
                    name=(name) data-in=(p["in"].as_str().unwrap_or("query")) autocomplete="off" spellcheck="false"
                        required[p["required"] == true];
                }
            }
            div class="filter-actions" { button class="button primary" type="submit" { (t.send) } }
        }
        pre class="command" tabindex="0" aria-label=(t.as_command) data-curl {}
        div class="answer" data-answer hidden aria-live="polite" {
            p { code data-answer-status {} }
            pre tabindex="0" aria-label=(t.answer) data-answer-body {}
        }
        script src=(assets::url("salus-docs.js")) type="module" {}
    };
    parts::card("try", t.try_it, &html! {}, &body)
}

/// Every response; those that are described by the same words and schema, as errors are, stand in one card.
fn responses(view: &DocsView, o: &Operation<'_>, shell: &Shell) -> Markup {
    let t = &shell.t().data;
    let mut cards: Vec<(Vec<&str>, &Value)> = Vec::new();
    for (status, response) in o.body["responses"].as_object().into_iter().flatten() {
        let response = follow(&view.openapi, response);
        match cards.iter_mut().find(|(_, held)| *held == response) {
            Some((statuses, _)) => statuses.push(status),
            None => cards.push((vec![status], response)),
        }
    }
    html! {
        @for (statuses, response) in &cards {
            @let title = fill(t.response, &[("status", &statuses.join(", "))]);
            @let words = html! { span class="muted" { (response["description"].as_str().unwrap_or("")) } };
            @let content = response["content"].as_object().and_then(|c| c.iter().next());
            (parts::card(&format!("response-{}", statuses[0]), &title, &words, &html! {
                @if let Some((media, body)) = content {
                    p class="card-note" { code { (media) } }
                    (schema(view, &body["schema"], shell))
                }
            }))
        }
    }
}

/// The properties of a schema as a table; nested objects open under their row.
fn schema(view: &DocsView, value: &Value, shell: &Shell) -> Markup {
    html! { div class="schema" { (properties(view, value, shell, DEPTH)) } }
}

fn properties(view: &DocsView, value: &Value, shell: &Shell, depth: usize) -> Markup {
    let resolved = follow(&view.openapi, value);
    let inner = if resolved["type"] == "array" { follow(&view.openapi, &resolved["items"]) } else { resolved };
    let needed = |name: &str| inner["required"].as_array().is_some_and(|r| r.iter().any(|n| n == name));
    html! {
        @match inner["properties"].as_object() {
            None => { p class="card-note" { (kind(value)) } }
            Some(properties) => {
                ul class="properties" {
                    @for (name, property) in properties {
                        li {
                            code { (name) } " " span class="type" { (kind(property)) } (required(needed(name), shell))
                            @if let Some(words) = property["description"].as_str() { span class="hint" { (words) } }
                            @if depth > 0 && has_properties(&view.openapi, property) {
                                details {
                                    summary { (shell.t().data.fields) }
                                    (self::properties(view, property, shell, depth - 1))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn has_properties(openapi: &Value, value: &Value) -> bool {
    let resolved = follow(openapi, value);
    let inner = if resolved["type"] == "array" { follow(openapi, &resolved["items"]) } else { resolved };
    inner["properties"].is_object()
}

/// The type of a schema in short: `string date`, `array of Patient`, `text: a | b`.
fn kind(value: &Value) -> String {
    if let Some(reference) = value["$ref"].as_str() {
        return reference.rsplit('/').next().unwrap_or("").to_owned();
    }
    if value["type"] == "array" {
        return format!("[{}]", kind(&value["items"]));
    }
    if let Some(choices) = value["enum"].as_array() {
        return choices.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" | ");
    }
    for key in ["oneOf", "anyOf", "allOf"] {
        if let Some(parts) = value[key].as_array() {
            return parts.iter().map(kind).collect::<Vec<_>>().join(if key == "allOf" { " & " } else { " | " });
        }
    }
    let base = match &value["type"] {
        Value::String(one) => one.clone(),
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" | "),
        _ => "any".to_owned(),
    };
    value["format"].as_str().map_or(base.clone(), |format| format!("{base} ({format})"))
}
