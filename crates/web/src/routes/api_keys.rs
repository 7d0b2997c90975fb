//! Every living API key of the organization.

use super::{
    frame::{Form, Params, Shown, Visit, by_id, encoded, html},
    sign_ins::names,
    users::key_of,
};
use crate::pages::{
    api_keys::{self, ApiKeysView, Key},
    parts::Pager,
};
use axum::extract::{Path, Query};
use salus_core::Error;
use time::format_description::well_known::Rfc3339;

/// GET `/api-keys`.
pub async fn show(visit: Visit, Query(query): Params) -> Shown {
    page(&visit, query.get("cursor").map_or("", String::as_str), String::new()).await
}

async fn page(visit: &Visit, cursor: &str, done: String) -> Shown {
    visit.must("auth.session.read")?;
    let now = visit.app.db.env().now().format(&Rfc3339).map_err(|e| visit.error(Error::internal(e)))?;
    let mut asked =
        vec![("revoked_at", "null"), ("expires_at.gt", now.as_str()), ("limit", "50"), ("sort", "-created_at")];
    if !cursor.is_empty() {
        asked.push(("cursor", cursor));
    }
    let found = visit.page("auth.api_key.list", &asked).await.map_err(|e| visit.error(e))?;
    let names = names(visit, found.rows.iter().map(|r| r.text("user_id"))).await.map_err(|e| visit.error(e))?;
    let keys = found.rows.iter().map(|r| {
        let owner_id = r.text("user_id").to_owned();
        let (token, networks) = key_of(r);
        Key { token, owner_name: names.get(&owner_id).cloned().unwrap_or_default(), owner_id, networks }
    });
    let view = ApiKeysView {
        keys: keys.collect(),
        pager: Pager {
            first: (!cursor.is_empty()).then(|| "/api-keys".to_owned()),
            next: found.next.as_ref().map(|c| format!("/api-keys?cursor={}", encoded(c))),
        },
        may_revoke: visit.ctx.may("auth.user.manage"),
        done,
    };
    Ok(html(&api_keys::render(&view, &visit.shell)))
}

/// POST `/api-keys/{id}/revoke`.
pub async fn revoke(Path(id): Path<String>, form: Form) -> Shown {
    let visit = form.visit;
    visit.call("auth.api_key.revoke", by_id(&id)).await?;
    visit.app.callers.forget();
    let done = visit.shell.t().accounts.done.to_owned();
    page(&visit, "", done).await
}
