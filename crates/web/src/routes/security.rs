//! A person's own security: password, authenticator, recovery codes, addresses for codes, known browsers.

use super::{
    frame::{Form, Shown, Visit, html, keep_session, locked, messages},
    passkey::site,
};
use crate::{
    http::Peer,
    pages::{
        form::FieldMessage,
        security::{self, Device, Passkey, Pending, SecurityView, SignedIn},
    },
};
use axum::{
    Extension,
    extract::Path,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect},
};
use qrcodegen::{QrCode, QrCodeEcc};
use salus_core::{Error, Result};
use salus_domains::auth::{self, Enrolment, Medium};
use salus_store::Record;

/// GET `/account/security`.
pub async fn show(visit: Visit, headers: HeaderMap) -> Shown {
    page(&visit, &headers, SecurityView::default()).await
}

/// The page, with what just happened.
pub async fn page(visit: &Visit, headers: &HeaderMap, view: SecurityView) -> Shown {
    let wrong = !view.errors.is_empty() || !view.error.is_empty();
    let view = fill(visit, headers, view).await.map_err(|e| visit.error(e))?;
    let status = if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok((status, html(&security::render(&view, &visit.shell))).into_response())
}

async fn fill(visit: &Visit, headers: &HeaderMap, view: SecurityView) -> Result<SecurityView> {
    let (db, ctx) = (&visit.app.db, &visit.ctx);
    let factors = auth::own_factors(db, ctx).await?;
    let own = auth::own_security(db, ctx).await?;
    let pending = auth::pending_authenticator(db, ctx, "Salus", &account(visit)).await?;
    let of = |r: &Record, name: &str| r.text(name).to_owned();
    let passkeys = own.passkeys.iter().map(|r| Passkey {
        id: of(r, "id"),
        name: of(r, "name"),
        created_at: of(r, "created_at"),
        last_used_at: of(r, "last_used_at"),
        suspended: !r.text("suspended_at").is_empty(),
    });
    let devices = own.devices.iter().map(|r| Device {
        id: of(r, "id"),
        agent: of(r, "user_agent"),
        last_used_at: of(r, "last_used_at"),
        expires_at: of(r, "expires_at"),
    });
    let history = own.history.iter().map(|r| SignedIn {
        at: of(r, "created_at"),
        outcome: of(r, "outcome"),
        reason: of(r, "reason"),
        ip: of(r, "ip"),
        agent: of(r, "user_agent"),
    });
    let accounts = auth::own_providers(db, ctx).await?;
    let channels = Medium::CODES.iter().filter(|c| visit.app.courier.as_ref().is_some_and(|by| by.carries(**c)));
    Ok(SecurityView {
        // What was sent may have changed it since the caller was looked up.
        must_enrol: ctx.restricted && !factors.any(),
        must_prove: !own.is_fresh,
        authenticator: factors.authenticator,
        pending: pending.map(|p| drawn(&p)).transpose()?,
        passkeys: passkeys.collect(),
        passkeys_work: site(&visit.app, headers).is_some(),
        recovery_left: factors.recovery_codes,
        channels: channels.map(|c| c.name().to_owned()).collect(),
        own_channels: factors.channels,
        accounts: accounts.into_iter().map(|p| (p.id.to_string(), p.name, p.linked)).collect(),
        devices: devices.collect(),
        history: history.collect(),
        rules: own.rules,
        ..view
    })
}

fn account(visit: &Visit) -> String {
    visit.shell.person.as_ref().map(|p| p.email.clone()).unwrap_or_default()
}

fn drawn(new: &Enrolment) -> Result<Pending> {
    let code = QrCode::encode_text(&new.address, QrCodeEcc::Medium).map_err(Error::internal)?;
    let side = code.size();
    let dark = (0..side * side).map(|at| code.get_module(at % side, at / side)).collect();
    Ok(Pending { secret: new.secret.clone(), size: usize::try_from(side).map_err(Error::internal)?, dark })
}

/// Shows the page again with an error that the person can mend; others are a page of their own.
pub async fn refused(visit: &Visit, headers: &HeaderMap, error: Error, renamed: &[(&str, &str)]) -> Shown {
    match &error {
        Error::Invalid(_) | Error::Conflict { .. } | Error::Refused { .. } | Error::ProveAgain => {
            let (mut errors, general) = messages(visit.shell.locale, &error);
            for e in &mut errors {
                if let Some((_, to)) = renamed.iter().find(|(from, _)| *from == e.field) {
                    (*to).clone_into(&mut e.field);
                }
            }
            page(visit, headers, SecurityView { errors, error: general, ..SecurityView::default() }).await
        }
        Error::TooMany(seconds) => {
            let error = locked(visit.shell.locale, *seconds);
            page(visit, headers, SecurityView { error, ..SecurityView::default() }).await
        }
        _ => Err(visit.error(error)),
    }
}

/// Back to the page, or the page with what is wrong.
pub async fn done(visit: &Visit, headers: &HeaderMap, result: Result<()>, renamed: &[(&str, &str)]) -> Shown {
    visit.app.callers.forget();
    match result {
        Ok(()) => Ok(Redirect::to("/account/security").into_response()),
        Err(e) => refused(visit, headers, e, renamed).await,
    }
}

/// The same after a proof of who sits there: the session has another token from here on.
async fn renewed(visit: &Visit, headers: &HeaderMap, view: SecurityView) -> Shown {
    let mut response = page(visit, headers, view).await?;
    if let Some(renewed) = auth::renew(&visit.app.db, &visit.ctx).await.map_err(|e| visit.error(e))? {
        keep_session(&mut response, &visit.app, &renewed);
    }
    Ok(response)
}

/// The page with new recovery codes, if there are any.
pub async fn with_codes(
    visit: &Visit,
    headers: &HeaderMap,
    result: Result<Vec<String>>,
    renamed: &[(&str, &str)],
) -> Shown {
    visit.app.callers.forget();
    match result {
        Ok(recovery_codes) => renewed(visit, headers, SecurityView { recovery_codes, ..SecurityView::default() }).await,
        Err(e) => refused(visit, headers, e, renamed).await,
    }
}

/// POST `/account/security/password`.
pub async fn change_password(Extension(peer): Extension<Peer>, headers: HeaderMap, form: Form) -> Shown {
    let Form { visit, fields } = form;
    let get = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    if get("password") != get("again") {
        let message = visit.shell.t().ui.not_the_same.to_owned();
        let errors = vec![FieldMessage { field: "again".into(), message }];
        return page(&visit, &headers, SecurityView { errors, ..SecurityView::default() }).await;
    }
    let ip = peer.0.to_string();
    if let Err(e) = auth::change_password(&visit.app.db, &visit.ctx, get("old"), get("password"), &ip).await {
        return refused(&visit, &headers, e, &[]).await;
    }
    visit.app.callers.forget();
    let done = visit.shell.t().security.password_changed.to_owned();
    renewed(&visit, &headers, SecurityView { done, ..SecurityView::default() }).await
}

/// POST `/account/security/authenticator`.
pub async fn new_authenticator(headers: HeaderMap, Form { visit, .. }: Form) -> Shown {
    let made = auth::new_authenticator(&visit.app.db, &visit.ctx, "Salus", &account(&visit)).await;
    done(&visit, &headers, made.map(|_| ()), &[]).await
}

/// POST `/account/security/authenticator/confirm`.
pub async fn confirm_authenticator(headers: HeaderMap, Form { visit, fields }: Form) -> Shown {
    let code = fields.get("code").map(String::as_str).unwrap_or_default();
    let codes = auth::confirm_authenticator(&visit.app.db, &visit.ctx, code).await;
    with_codes(&visit, &headers, codes, &[]).await
}

/// POST `/account/security/authenticator/remove`.
pub async fn remove_authenticator(headers: HeaderMap, Form { visit, .. }: Form) -> Shown {
    let removed = auth::remove_authenticator(&visit.app.db, &visit.ctx).await;
    done(&visit, &headers, removed, &[]).await
}

/// POST `/account/security/recovery-codes`.
pub async fn recovery_codes(headers: HeaderMap, Form { visit, .. }: Form) -> Shown {
    let codes = auth::new_recovery_codes(&visit.app.db, &visit.ctx).await;
    with_codes(&visit, &headers, codes, &[]).await
}

/// POST `/account/security/codes`: an address that codes are to be sent to.
pub async fn new_address(headers: HeaderMap, Form { visit, fields }: Form) -> Shown {
    let get = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let Some(courier) = visit.app.courier.clone() else { return Err(visit.error(Error::NotFound)) };
    let asked = match Medium::of_codes(get("channel")) {
        Ok(channel) => auth::new_address(&visit.app.db, &visit.ctx, &*courier, channel, get("address")).await,
        Err(e) => Err(e),
    };
    match asked {
        Ok(address_token) => page(&visit, &headers, SecurityView { address_token, ..SecurityView::default() }).await,
        Err(e) => refused(&visit, &headers, e, &[]).await,
    }
}

/// POST `/account/security/codes/confirm`.
pub async fn confirm_address(headers: HeaderMap, Form { visit, fields }: Form) -> Shown {
    let get = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let token = get("token");
    match auth::confirm_address(&visit.app.db, &visit.ctx, &token, &get("sent_code")).await {
        Err(Error::Invalid(_)) => {
            let message = visit.shell.t().security.wrong_code.to_owned();
            let errors = vec![FieldMessage { field: "sent_code".into(), message }];
            page(&visit, &headers, SecurityView { address_token: token, errors, ..SecurityView::default() }).await
        }
        Err(Error::Unauthenticated) => {
            let error = visit.shell.t().security.begin_again.to_owned();
            page(&visit, &headers, SecurityView { error, ..SecurityView::default() }).await
        }
        other => with_codes(&visit, &headers, other, &[]).await,
    }
}

/// POST `/account/security/codes/{channel}/remove`.
pub async fn remove_address(headers: HeaderMap, Path(channel): Path<String>, form: Form) -> Shown {
    let visit = form.visit;
    let channel = Medium::of_codes(&channel).map_err(|_| visit.error(Error::NotFound))?;
    let removed = auth::remove_address(&visit.app.db, &visit.ctx, channel).await;
    done(&visit, &headers, removed, &[]).await
}

/// POST `/account/security/devices/{id}/remove`.
pub async fn remove_device(headers: HeaderMap, Path(id): Path<String>, form: Form) -> Shown {
    let visit = form.visit;
    let id = id.parse().map_err(|_| visit.error(Error::NotFound))?;
    let removed = auth::revoke_own(&visit.app.db, &visit.ctx, auth::Own::Device, id).await;
    done(&visit, &headers, removed, &[]).await
}
