//! What is looked at before a consent is written or a label of a row is changed: nobody opens a closed record to themself.

use crate::{Check, checked};
use salus_core::{ActorKind, Error, Result};
use salus_store::{Call, Op, Tx, sql};
use uuid::Uuid;

/// Who may take a label away.
const LIFT: &str = "compliance.sensitivity.lift";

/// An operation on a table of this domain or of the records, with the check that belongs to it; most have none.
#[must_use]
pub fn guarded(op: Op) -> Op {
    let check: Check = match op.name.as_str() {
        "compliance.sensitivity_consent.create" | "compliance.sensitivity_consent.change" => {
            |tx, call| Box::pin(consent(tx, call))
        }
        name if name.starts_with("records.") && name.ends_with(".change") => {
            |tx, call| Box::pin(std::future::ready(label(tx, call)))
        }
        _ => return op,
    };
    checked(op, check)
}

/// The label that a row bears itself is changed by whoever may take labels away; others put one beside it.
fn label(tx: &Tx, call: &Call) -> Result<()> {
    if call.body.get("sensitivity").is_some() && !tx.ctx.may(LIFT) {
        return Err(Error::Forbidden(LIFT.into()));
    }
    Ok(())
}

/// Whom a consent names is said by somebody else, and the person sees that it was written.
async fn consent(tx: &mut Tx, call: &Call) -> Result<()> {
    let id = call.id().ok();
    let sql = sql!(
        "SELECT c.patient_id, c.user_id, c.role_id, c.decision::text AS decision \
         FROM compliance.sensitivity_consents c WHERE c.id = $1"
    );
    let before = tx.query_opt(sql, &[&id]).await?;
    let named = |field: &str| -> Option<Uuid> {
        match call.body.get(field) {
            Some(given) => given.as_str()?.parse().ok(),
            None => before.as_ref().and_then(|row| row.get(field)),
        }
    };
    if let Some(patient) = named("patient_id") {
        tx.about(patient);
    }
    let (caller, user, role) = (tx.ctx.actor.id, named("user_id"), named("role_id"));
    let decision = call.body.get("decision").and_then(|given| given.as_str()).map(str::to_owned);
    let permits = decision.or_else(|| before.as_ref().map(|row| row.get("decision"))).as_deref() == Some("PERMIT");
    let by_account = matches!(tx.ctx.actor.kind, ActorKind::User | ActorKind::Service);
    if !permits || !by_account {
        return Ok(());
    }
    let held = sql!("SELECT 1 FROM auth.user_roles WHERE user_id = $1 AND role_id = $2 LIMIT 1");
    if user == Some(caller) || tx.query_opt(held, &[&caller, &role]).await?.is_some() {
        let detail = "This consent would open a closed record to yourself: let another person write it down".into();
        return Err(Error::Refused { code: "own_consent", detail });
    }
    Ok(())
}
