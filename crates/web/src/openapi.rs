//! OpenAPI 3.1 from the list of operations: what is documented is what is routed.

use crate::seed;
use salus_core::Purpose;
use salus_store::{Method, Op, decide::Notice};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The document for these operations.
#[must_use]
pub fn document(ops: &[Arc<Op>]) -> Value {
    let mut paths = Map::new();
    for op in ops {
        let item = paths.entry(op.path.clone()).or_insert_with(|| json!({}));
        item[op.method.as_str().to_lowercase()] = operation(op);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Salus",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Every table and action. Every call is recorded; lists are paged by cursor; changes need If-Match.",
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key, slk_…"},
                "session": {"type": "apiKey", "in": "cookie", "name": "salus_session"},
            },
            "parameters": {"Purpose": purpose()},
            "headers": {"Notice": notice()},
            "schemas": {"Problem": problem()},
            "responses": {"Problem": {
                "description": "What went wrong (RFC 9457)",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }},
        },
        "security": [{"key": []}, {"session": []}],
    })
}

/// The domain an operation belongs to: the first word of its name.
#[must_use]
pub fn domain(op: &Op) -> &str {
    op.name.split('.').next().unwrap_or_default()
}

fn operation(op: &Op) -> Value {
    let mut parameters: Vec<Value> = path_names(&op.path)
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string", "format": "uuid"}}))
        .collect();
    parameters.extend(
        op.params.iter().map(|p| json!({"name": p.name, "in": "query", "description": p.doc, "schema": p.schema})),
    );
    parameters.push(json!({"$ref": "#/components/parameters/Purpose"}));
    if op.method == Method::Patch {
        parameters.push(json!({"name": "If-Match", "in": "header", "required": true, "schema": {"type": "string"},
            "description": "The ETag of the version that was read"}));
    }
    if op.method == Method::Post {
        parameters
            .push(json!({"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": 128},
            "description": "The same key with the same request gives the same reply for 72 hours"}));
    }
    let mut responses = Map::new();
    for (status, means) in op.successes() {
        let content = json!({"application/json": {"schema": op.output}});
        let headers = json!({"X-Salus-Notice": {"$ref": "#/components/headers/Notice"}});
        responses.insert((*status).into(), json!({"description": means, "headers": headers, "content": content}));
    }
    for status in errors(op).iter().chain(locked(op)) {
        responses.insert((*status).into(), json!({"$ref": "#/components/responses/Problem"}));
    }
    let mut out = json!({
        "operationId": op.name,
        "summary": op.summary,
        "tags": [domain(op)],
        "parameters": parameters,
        "responses": responses,
        "x-permission": op.permission,
    });
    if let Some(feature) = seed::feature(op.method.as_str(), &op.path) {
        out["x-seed-feature"] = json!(feature);
    }
    if let Some(input) = &op.input {
        out["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": input}}});
    }
    out
}

/// What only acts on keys that must be kept answer.
fn locked(op: &Op) -> &'static [&'static str] {
    if op.name == "kernel.encryption_key.set_status" { &["423"] } else { &[] }
}

/// The statuses an operation can fail with.
fn errors(op: &Op) -> &'static [&'static str] {
    match op.method {
        Method::Get => &["400", "401", "403", "404", "422", "503"],
        Method::Post | Method::Put => &["400", "401", "403", "404", "409", "413", "415", "422", "503"],
        Method::Patch | Method::Delete => {
            &["400", "401", "403", "404", "409", "412", "413", "415", "422", "428", "503"]
        }
    }
}

/// The header by which a call names its purpose.
fn purpose() -> Value {
    json!({
        "name": "X-Purpose-Of-Use", "in": "header", "required": false,
        "schema": {"type": "string", "enum": Purpose::ALL.map(Purpose::code)},
        "description": "Why the call is made (HL7 v3 PurposeOfUse). Only roles that serve it count, and of a key only purposes \
            that it is limited to; without the header it is the first one a role serves. 422 for a code that is none, 403 \
            purpose_denied where no role serves it.",
    })
}

/// The header by which a reply says what its receiver has to be told.
fn notice() -> Value {
    let said = |notice: Notice| format!("`{}` ({})", notice.code(), notice.text());
    json!({
        "schema": {"type": "string"},
        "description": format!(
            "What the receiver has to be told with this reply, as a list of RFC 8941 of which each item has its `text`: {} where \
             something labelled PART2 is open to the caller in the record of a person it is about, and {} for every call under \
             the purpose BTG. Absent when there is nothing to tell.",
            said(Notice::Part2), said(Notice::BreakGlass)
        ),
    })
}

fn path_names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn problem() -> Value {
    json!({
        "type": "object",
        "properties": {
            "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
            "code": {"type": "string", "description": "Stable word for programs"},
            "detail": {"type": "string", "description": "For people"},
            "instance": {"type": ["string", "null"], "description": "The request's id"},
            "errors": {"type": "array", "items": {"type": "object", "properties": {
                "pointer": {"type": "string"}, "code": {"type": "string"}, "message": {"type": "string"}}}},
        },
        "required": ["type", "title", "status", "code", "detail", "errors"],
    })
}
