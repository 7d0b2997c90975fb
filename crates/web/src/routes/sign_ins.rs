//! Every attempt to sign in to the organization.

use super::{
    access::days,
    frame::{Params, Shown, Visit, encoded, html, messages},
};
use crate::pages::{
    parts::Pager,
    sign_ins::{self, Attempt, Filter, SignInsView},
};
use axum::extract::Query;
use salus_core::{Error, Result};
use salus_store::{Page, Record};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

/// GET `/sign-ins`.
pub async fn show(visit: Visit, Query(query): Params) -> Shown {
    visit.must("auth.session.read")?;
    let get = |name: &str| query.get(name).map(|v| v.trim().to_owned()).unwrap_or_default();
    let filter =
        Filter { outcome: get("outcome"), reason: get("reason"), user: get("user"), from: get("from"), to: get("to") };
    let (page, errors) = match found(&visit, &filter, &get("cursor")).await {
        Ok(page) => (page, Vec::new()),
        Err(e @ Error::Invalid(_)) => {
            (Page { rows: Vec::new(), next: None, total: None }, messages(visit.shell.locale, &e).0)
        }
        Err(e) => return Err(visit.error(e)),
    };
    let ids = page.rows.iter().map(|r| r.text("user_id")).chain([filter.user.as_str()]);
    let names = names(&visit, ids).await.map_err(|e| visit.error(e))?;
    let mut kept = String::new();
    let given = [
        ("outcome", &filter.outcome),
        ("reason", &filter.reason),
        ("user", &filter.user),
        ("from", &filter.from),
        ("to", &filter.to),
    ];
    for (name, value) in given.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = write!(kept, "{name}={}&", encoded(value));
    }
    let first = format!("/sign-ins?{kept}");
    let view = SignInsView {
        rows: page.rows.iter().map(|r| attempt(r, &names)).collect(),
        pager: Pager {
            first: (!get("cursor").is_empty()).then(|| first.trim_end_matches(['?', '&']).to_owned()),
            next: page.next.as_ref().map(|c| format!("{first}cursor={}", encoded(c))),
        },
        of_user: names.get(&filter.user).unwrap_or(&filter.user).clone(),
        filter,
        errors,
    };
    Ok(html(&sign_ins::render(&view, &visit.shell)))
}

async fn found(visit: &Visit, filter: &Filter, cursor: &str) -> Result<Page> {
    let (from, to) = days(visit, (&filter.from, &filter.to))?;
    let asked = [
        ("outcome", filter.outcome.as_str()),
        ("reason", &filter.reason),
        ("user_id", &filter.user),
        ("created_at.gte", &from),
        ("created_at.lt", &to),
        ("cursor", cursor),
        ("sort", "-created_at"),
        ("limit", "50"),
    ];
    let asked: Vec<_> = asked.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    visit.page("auth.login.list", &asked).await
}

/// The names of users by id; none for who may not read them.
pub async fn names(visit: &Visit, ids: impl Iterator<Item = &str>) -> Result<BTreeMap<String, String>> {
    let ids: BTreeSet<&str> = ids.filter(|id| !id.is_empty()).collect();
    if ids.is_empty() || !visit.ctx.may("auth.user.read") {
        return Ok(BTreeMap::new());
    }
    let list = ids.into_iter().collect::<Vec<_>>().join(",");
    let asked = [("id.in", list.as_str()), ("limit", "200"), ("fields", "display_name")];
    let found = match visit.page("auth.user.list", &asked).await {
        Ok(found) => found.rows,
        // What was given as a user is no id.
        Err(Error::Invalid(_)) => Vec::new(),
        Err(e) => return Err(e),
    };
    Ok(found.iter().map(|r| (r.text("id").to_owned(), r.text("display_name").to_owned())).collect())
}

fn attempt(r: &Record, names: &BTreeMap<String, String>) -> Attempt {
    let of = |name: &str| r.text(name).to_owned();
    Attempt {
        at: of("created_at"),
        user_id: of("user_id"),
        user_name: names.get(r.text("user_id")).cloned().unwrap_or_default(),
        outcome: of("outcome"),
        reason: of("reason"),
        ip: of("ip"),
        agent: of("user_agent"),
    }
}
