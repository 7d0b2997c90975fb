//! Writing down that records were disclosed, a row for each person, for a domain that discloses them (45 CFR 164.528, 34 CFR 99.32).

use crate::{clock, row};
use salus_core::{ActorKind, Error, Result};
use salus_store::{Tx, engine::NewRow, sql};
use serde_json::json;
use time::Duration;
use uuid::Uuid;

/// Days a row is kept at least: six years (45 CFR 164.528(a)), and a year over.
const KEPT: Duration = Duration::days(7 * 366);

/// By which way records went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By this program to another one.
    Api,
    /// On paper to the family, who may see the record themselves: it stands in no accounting (45 CFR 164.528(a)(1)(ii), 34 CFR
    /// 99.32(d)(1)).
    Letter,
}

/// What was disclosed of each of several persons.
#[derive(Debug, Clone, Copy)]
pub struct Disclosure<'a> {
    /// By which way.
    pub way: Way,
    /// A value of `compliance.disclosure_purpose`.
    pub purpose: &'a str,
    /// A value of `compliance.recipient_type`.
    pub recipient_type: &'a str,
    /// To whom; it is sealed.
    pub recipient: &'a str,
    /// Kinds of information, as codes.
    pub information: &'a [&'a str],
    /// What, in brief; it is sealed.
    pub description: &'a str,
    /// The law or consent it rests on.
    pub basis: &'a str,
    /// A value of `medical.record_regime`.
    pub regime: &'a str,
}

/// Writes a row for each person, as of now. The rows of one call are one series.
///
/// # Errors
/// [`Error::Invalid`] when a person does not exist or was erased.
pub async fn disclose(tx: &mut Tx, what: &Disclosure<'_>, persons: &[Uuid]) -> Result<()> {
    let now = tx.ctx.env.now();
    let year = now.year();
    // One after the other, and over all there are: a number is given once.
    tx.alone("compliance.disclosure", &tx.ctx.tenant.to_string()).await?;
    let found = tx.query_opt(sql!("SELECT compliance.last_disclosure_number($1)"), &[&year]).await?;
    let last: i32 = found.ok_or_else(|| Error::internal("a function answers"))?.get(0);
    let series = tx.ctx.env.id();
    let at = clock::text(now)?;
    let by = (tx.ctx.actor.kind == ActorKind::User).then_some(tx.ctx.actor.id);
    let (kind, method, not_accounted) = match what.way {
        Way::Api => ("ELECTRONIC_TRANSMISSION", "API", None),
        Way::Letter => ("PAPER", "MAIL", Some("TO_THE_FAMILY")),
    };
    let rows: Vec<NewRow> = persons
        .iter()
        .zip(last + 1..)
        .map(|(person, number)| {
            let mut values = row(json!({
                "number": format!("D-{year}-{number:06}"), "patient_id": person, "disclosed_at": at,
                "disclosure_type": kind, "purpose": what.purpose, "method": method,
                "recipient_type": what.recipient_type, "recipient_name": what.recipient, "information_types": what.information,
                "description": what.description, "legal_basis": what.basis, "is_accountable": not_accounted.is_none(), "accountable_reason": not_accounted, "series_id": series,
                "regime": what.regime, "recorded_by": by, "retention_until": (now.date() + KEPT).to_string(),
            }));
            values.retain(|_, value| !value.is_null());
            NewRow { id: tx.ctx.env.id(), values }
        })
        .collect();
    if rows.is_empty() { Ok(()) } else { tx.insert("compliance.phi_disclosures", &rows).await }
}
