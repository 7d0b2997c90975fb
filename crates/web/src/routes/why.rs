//! Why somebody can or cannot see a row.

use super::{
    frame::{Params, Shown, Visit, by_id, html, messages},
    home::{json_of, with_query},
};
use crate::pages::why::{self, Asked, WhyView};
use axum::extract::Query;
use salus_core::Error;

/// GET `/why`.
pub async fn show(visit: Visit, Query(query): Params) -> Shown {
    visit.must("auth.access.explain")?;
    let get = |name: &str| query.get(name).map(|v| v.trim().to_owned()).unwrap_or_default();
    let asked = Asked { user: get("user"), table: get("table"), row: get("row"), purpose: get("purpose") };
    let users = visit.page("auth.user.list", &[("limit", "200"), ("fields", "display_name")]).await;
    let users = users.map_err(|e| visit.error(e))?.rows;
    let mut view = WhyView {
        users: users.iter().map(|u| (u.text("id").to_owned(), u.text("display_name").to_owned())).collect(),
        tables: salus_domains::resources().into_iter().map(|r| r.table.to_owned()).collect(),
        asked,
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
