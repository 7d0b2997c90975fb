//! A user's notifications and devices, and what was sent outside the pages.

use super::frame::{Form, Params, Shown, Visit, encoded, first_word, html, is_told, messages};
use crate::{
    assets,
    pages::{
        notices::{self, Device, Devices, Notice, NoticesView, OutgoingView, Sent},
        parts::Pager,
    },
};
use axum::{
    extract::Query,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use salus_core::{Error, Result};
use salus_domains::auth::{self, Choice, Language, Medium, NewDevice};

/// GET `/notifications`.
pub async fn show(visit: Visit) -> Shown {
    page(&visit, None, String::new()).await
}

/// The page; with what is wrong with choices that were sent, those are shown again. `device_error` says why a device was not
/// turned on.
async fn page(visit: &Visit, refused: Option<NoticesView>, device_error: String) -> Shown {
    let (db, ctx) = (&visit.app.db, &visit.ctx);
    let read = async {
        let (inbox, choices) = (auth::inbox(db, ctx).await?, auth::choices(db, ctx).await?);
        Ok::<_, Error>((inbox, choices, auth::devices(db, ctx).await?, auth::push_key(db, ctx).await?))
    };
    let (inbox, choices, devices, push_key) = read.await.map_err(|e| visit.error(e))?;
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
            by_push: of(Medium::Push).is_some_and(|c| c.is_wanted),
            phone: of(Medium::Sms).map(|c| c.address.clone()).unwrap_or_default(),
            ..NoticesView::default()
        }
    });
    view.items = items.collect();
    let device = |d: auth::Device| Device {
        id: d.id.to_string(),
        label: d.label,
        hash: d.hash,
        since: d.created_at,
        told_at: d.last_success_at,
        is_failing: d.failures > 0,
    };
    // What a demonstration shows instead carries codes only.
    let courier = visit.app.courier.as_ref().filter(|_| visit.app.simulator.is_none());
    view.devices = Devices {
        on: devices.into_iter().map(device).collect(),
        key: push_key,
        works: courier.is_some_and(|by| by.carries(Medium::Push)),
        error: device_error,
    };
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
        for (medium, name) in [(Medium::Email, "email"), (Medium::Push, "push")] {
            let choice = Choice { medium, is_wanted: on(name), address: String::new() };
            auth::choose(&visit.app.db, &visit.ctx, &choice).await?;
        }
        Ok(())
    };
    let kept: Result<()> = kept.await;
    match kept {
        Ok(()) => Ok(Redirect::to("/notifications").into_response()),
        Err(e @ Error::Invalid(_)) => {
            let errors = messages(visit.shell.locale, &e).0;
            let (by_email, by_sms, by_push) = (on("email"), on("sms"), on("push"));
            let view = NoticesView { by_email, by_sms, by_push, phone, errors, ..NoticesView::default() };
            page(&visit, Some(view), String::new()).await
        }
        Err(e) => Err(visit.error(e)),
    }
}

/// POST `/notifications/devices`: what a browser gave the script of the page.
pub async fn add_device(headers: HeaderMap, Form { visit, fields }: Form) -> Shown {
    let get = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let agent = headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let new = NewDevice { endpoint: get("endpoint"), p256dh: get("p256dh"), auth: get("auth"), agent };
    match auth::add_device(&visit.app.db, &visit.ctx, &new).await {
        Ok(_) => Ok(Redirect::to("/notifications#devices").into_response()),
        Err(e) if is_told(&e) => page(&visit, None, first_word(visit.shell.locale, &e)).await,
        Err(e) => Err(visit.error(e)),
    }
}

/// POST `/notifications/devices/remove`.
pub async fn remove_device(Form { visit, fields }: Form) -> Shown {
    let id = fields.get("id").and_then(|id| id.parse().ok()).ok_or_else(|| visit.error(Error::NotFound))?;
    auth::remove_device(&visit.app.db, &visit.ctx, id).await.map_err(|e| visit.error(e))?;
    Ok(Redirect::to("/notifications#devices").into_response())
}

/// GET `/worker.js`: what a browser runs when a message comes or the server is not reached. Its address stays, because a browser asks there for a
/// newer one.
pub async fn worker() -> Response {
    let file = assets::url("salus-worker.js").trim_start_matches("/assets/");
    let Some(asset) = assets::get(file) else { return StatusCode::NOT_FOUND.into_response() };
    let headers = [(header::CONTENT_TYPE, asset.content_type), (header::CACHE_CONTROL, "no-cache")];
    (headers, asset.bytes.as_ref()).into_response()
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
