//! The compliance page.

use super::{
    frame::{Params, Shown, Visit, html, text},
    home::{items, json_of, with_query},
};
use crate::pages::compliance::{self, ComplianceView, OLD_DAYS, Proof, REGISTERS};
use axum::extract::Query;
use salus_domains::compliance::PROMISES;
use salus_store::Call;
use serde_json::Value;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

/// GET `/compliance`.
pub async fn show(visit: Visit, Query(query): Params) -> Shown {
    let op = "compliance.proof.list";
    let reply = json_of(visit.call(op, Call::default()).await?);
    let oldest = visit.app.db.env().now() - Duration::days(OLD_DAYS);
    let latest: Vec<Proof> = items(&reply, "data").iter().map(|p| proof(p, oldest)).collect();
    let of = |name: &&str| {
        let found = latest.iter().find(|p| p.name == *name).cloned();
        found.unwrap_or_else(|| Proof { name: (*name).to_owned(), ..Proof::default() })
    };
    let registers = REGISTERS.into_iter().filter(|place| readable(&visit, place)).map(str::to_owned).collect();
    let mut view = ComplianceView { proofs: PROMISES.iter().map(of).collect(), registers, history: Vec::new() };
    if let Some(name) = query.get("proof").filter(|name| PROMISES.contains(&name.as_str())) {
        let reply = json_of(visit.call(op, with_query(Call::default(), &[("name", name)])).await?);
        view.history = items(&reply, "data").iter().map(|p| proof(p, oldest)).collect();
    }
    Ok(html(&compliance::render(&view, &visit.shell)))
}

/// Whether the visitor may read the register in `schema/table`.
fn readable(visit: &Visit, place: &str) -> bool {
    let table = place.replace('/', ".");
    salus_domains::resources().iter().any(|r| r.table == table && visit.ctx.may(r.read))
}

fn proof(p: &Value, oldest: OffsetDateTime) -> Proof {
    let proved_at = text(p, "proved_at");
    Proof {
        id: text(p, "id"),
        name: text(p, "name"),
        verdict: text(p, "verdict"),
        reason: text(p, "reason"),
        fix: text(p, "fix"),
        took_ms: p["took_ms"].as_u64().unwrap_or(0),
        old: OffsetDateTime::parse(&proved_at, &Rfc3339).is_ok_and(|at| at < oldest),
        proved_at,
    }
}
