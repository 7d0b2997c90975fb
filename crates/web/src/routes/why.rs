//! Why somebody can or cannot see a row. Whose access it is is searched for; what was typed travels as a sealed handle, because names
//! stand in no address.

use super::{
    frame::{Form, Params, Shown, Visit, by_id, html, messages},
    home::{json_of, with_query},
};
use crate::pages::why::{self, Asked, WhyView};
use axum::{
    extract::Query,
    response::{IntoResponse as _, Redirect},
};
use salus_core::{Error, Result};
use salus_store::Record;

/// What a handle is for.
const PURPOSE: &str = "why.search";
/// Users that a search shows.
const SHOWN: &str = "25";
/// Longest text that is searched for.
const LONGEST: usize = 200;

/// GET `/why`.
pub async fn show(visit: Visit, Query(query): Params) -> Shown {
    visit.must("auth.access.explain")?;
    let get = |name: &str| query.get(name).map(|v| v.trim().to_owned()).unwrap_or_default();
    let asked = Asked { user: get("user"), table: get("table"), row: get("row"), purpose: get("purpose") };
    let q = match get("found").as_str() {
        "" => String::new(),
        handle => visit.unseal(PURPOSE, handle).await?.unwrap_or_default(),
    };
    let mut view = WhyView {
        users: users(&visit, &q, &asked.user).await.map_err(|e| visit.error(e))?,
        tables: salus_domains::resources().into_iter().map(|r| r.table.to_owned()).collect(),
        asked,
        q,
        ..WhyView::default()
    };
    if !view.asked.user.is_empty() {
        let Asked { user, table, row, purpose } = &view.asked;
        let call = with_query(by_id(user), &[("table", table), ("row", row), ("purpose", purpose)]);
        match visit.try_call("auth.user.access", call).await {
            Ok(body) if !table.is_empty() => {
                let answer = serde_json::from_value(json_of(body));
                view.answer = Some(answer.map_err(|e| visit.error(Error::internal(e)))?);
            }
            Ok(_) => {}
            Err(e @ Error::Invalid(_)) => view.errors = messages(visit.shell.locale, &e).0,
            Err(e) => return Err(visit.error(e)),
        }
    }
    Ok(html(&why::render(&view, &visit.shell)))
}

/// POST `/why`: searches a user.
pub async fn search(Form { visit, fields }: Form) -> Shown {
    visit.must("auth.access.explain")?;
    let q: String = fields.get("q").map(|q| q.trim().chars().take(LONGEST).collect()).unwrap_or_default();
    if q.is_empty() {
        return Ok(Redirect::to("/why").into_response());
    }
    let handle = visit.seal(PURPOSE, &q).await?;
    let kept = ["table", "row", "purpose"].iter().filter_map(|name| Some((*name, fields.get(*name)?.trim())));
    let mut query = form_urlencoded::Serializer::new(format!("found={handle}"));
    query.extend_pairs(kept.filter(|(_, value)| !value.is_empty()));
    Ok(Redirect::to(&format!("/why?{}", query.finish())).into_response())
}

/// Those whom a search finds; without one, the user who was chosen.
async fn users(visit: &Visit, q: &str, chosen: &str) -> Result<Vec<(String, String)>> {
    let named = |r: &Record| {
        let (name, email) = (r.text("display_name"), r.text("email"));
        (r.text("id").to_owned(), if email.is_empty() { name.to_owned() } else { format!("{name} · {email}") })
    };
    let fields = ("fields", "display_name,email");
    if q.is_empty() {
        if chosen.is_empty() {
            return Ok(Vec::new());
        }
        let found = visit.page("auth.user.list", &[("id.in", chosen), fields]).await?;
        return Ok(found.rows.iter().map(named).collect());
    }
    let by = if q.contains('@') { "email" } else { "name" };
    match visit.page("auth.user.list", &[(by, q), ("limit", SHOWN), fields]).await {
        Ok(found) => Ok(found.rows.iter().map(named).collect()),
        // What cannot be a name or an address finds nobody.
        Err(Error::Invalid(_)) => Ok(Vec::new()),
        Err(e) => Err(e),
    }
}
