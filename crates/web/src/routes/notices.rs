//! A user's notifications, and what was sent outside the pages.

use super::frame::{Form, Params, Shown, Visit, encoded, html, messages};
use crate::pages::{
    notices::{self, Notice, NoticesView, OutgoingView, Sent},
    parts::Pager,
};
use axum::{
    extract::Query,
    response::{IntoResponse, Redirect},
};
use salus_core::{Error, Result};
use salus_domains::auth::{self, Choice, Language, Medium};

/// GET `/notifications`.
pub async fn show(visit: Visit) -> Shown {
    page(&visit, None).await
}

/// The page; with what is wrong with choices that were sent, those are shown again.
async fn page(visit: &Visit, refused: Option<NoticesView>) -> Shown {
    let (db, ctx) = (&visit.app.db, &visit.ctx);
    let read = async {
        let inbox = auth::inbox(db, ctx).await?;
        Ok::<_, Error>((inbox, auth::choices(db, ctx).await?))
    };
    let (inbox, choices) = read.await.map_err(|e| visit.error(e))?;
    let language = Language::of(visit.shell.locale.tag());
    let items = inbox.items.iter().map(|n| Notice {
        id: n.id.clone(),
        title: n.title(language).to_owned(),
        href: href(&n.target_table, &n.target_id),
        at: n.created_at.clone(),
        is_read: n.is_read,
    });
    let mut view = refused.unwrap_or_else(|| {
        let of = |medium| choices.iter().find(|c: &&Choice| c.medium == medium);
        NoticesView {
            by_email: of(Medium::Email).is_some_and(|c| c.is_wanted),
            by_sms: of(Medium::Sms).is_some_and(|c| c.is_wanted),
            phone: of(Medium::Sms).map(|c| c.address.clone()).unwrap_or_default(),
            ..NoticesView::default()
        }
    });
    view.items = items.collect();
    Ok(html(&notices::render(&view, &visit.shell)))
}

/// Where a row is shown.
fn href(table: &str, id: &str) -> String {
    match (table, table.split_once('.')) {
        ("", _) | (_, None) => String::new(),
        ("alerts.alert_instances", _) => format!("/alerts/{id}"),
        ("medical.patients", _) => format!("/patients/{id}"),
        ("school.medication_administrations", _) => format!("/medications/doses/{id}"),
        (_, Some((schema, name))) => format!("/browse/{schema}/{name}/{id}"),
    }
}

/// POST `/notifications/read`.
pub async fn read(Form { visit, fields }: Form) -> Shown {
    let one = match fields.get("id").map(|id| id.parse()) {
        None => None,
        Some(Ok(id)) => Some(id),
        Some(Err(_)) => return Err(visit.error(Error::NotFound)),
    };
    auth::mark_read(&visit.app.db, &visit.ctx, one).await.map_err(|e| visit.error(e))?;
    Ok(Redirect::to("/notifications").into_response())
}

/// POST `/notifications/test`.
pub async fn test(Form { visit, .. }: Form) -> Shown {
    auth::notify_self(&visit.app.db, &visit.ctx).await.map_err(|e| visit.error(e))?;
    Ok(Redirect::to("/notifications").into_response())
}

/// POST `/notifications/choices`.
pub async fn choose(Form { visit, fields }: Form) -> Shown {
    let on = |name: &str| fields.get(name).is_some_and(|v| !matches!(v.as_str(), "" | "false"));
    let phone = fields.get("address").map(|v| v.trim().to_owned()).unwrap_or_default();
    let kept = async {
        let sms = Choice { medium: Medium::Sms, is_wanted: on("sms"), address: phone.clone() };
        auth::choose(&visit.app.db, &visit.ctx, &sms).await?;
        let email = Choice { medium: Medium::Email, is_wanted: on("email"), address: String::new() };
        auth::choose(&visit.app.db, &visit.ctx, &email).await
    };
    let kept: Result<()> = kept.await;
    match kept {
        Ok(()) => Ok(Redirect::to("/notifications").into_response()),
        Err(e @ Error::Invalid(_)) => {
            let errors = messages(visit.shell.locale, &e).0;
            let view =
                NoticesView { by_email: on("email"), by_sms: on("sms"), phone, errors, ..NoticesView::default() };
            page(&visit, Some(view)).await
        }
        Err(e) => Err(visit.error(e)),
    }
}

/// GET `/outgoing`.
pub async fn outgoing(visit: Visit, Query(query): Params) -> Shown {
    let cursor = query.get("cursor").map_or("", String::as_str);
    let mut wanted = vec![("limit", "50"), ("fields", "medium,state,created_at,carrier")];
    if !cursor.is_empty() {
        wanted.push(("cursor", cursor));
    }
    let page = visit.page("auth.delivery.list", &wanted).await.map_err(|e| visit.error(e))?;
    let rows = page.rows.iter().map(|r| Sent {
        id: r.text("id").to_owned(),
        medium: r.text("medium").to_owned(),
        state: r.text("state").to_owned(),
        at: r.text("created_at").to_owned(),
        is_kept: r.text("state") == "simulated",
    });
    let pager = Pager {
        first: (!cursor.is_empty()).then(|| "/outgoing".to_owned()),
        next: page.next.as_ref().map(|c| format!("/outgoing?cursor={}", encoded(c))),
    };
    let view = OutgoingView { rows: rows.collect(), pager };
    Ok(html(&notices::outgoing(&view, &visit.shell)))
}
