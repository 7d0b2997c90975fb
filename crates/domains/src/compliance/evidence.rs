//! What the registers hold for an evidence pack: numbers, days, codes and ids. Sealed words stay where they are.

use super::registers;
use crate::told;
use salus_core::Result;
use salus_store::{Tx, sql};
use serde_json::{Value, json};
use time::OffsetDateTime;

/// The risk register as it is, and what of it was judged in the time.
pub(crate) async fn risks(tx: &mut Tx, from: OffsetDateTime, to: OffsetDateTime) -> Result<Value> {
    let sql = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(r)), '[]') FROM (SELECT id, title, asset, scenario, likelihood::text, impact::text, \
           treatment::text, plan, owner_id, state::text, assessed_on, review_due_on, created_at, updated_at, \
           assessed_on >= $1::timestamptz::date AND assessed_on <= $2::timestamptz::date AS assessed_in_period, \
           state <> 'CLOSED' AND review_due_on < current_date AS overdue \
         FROM compliance.risks ORDER BY review_due_on, title) r"
    );
    Ok(json!({"risks": told(tx, sql, &[&from, &to]).await?}))
}

/// Signed reviews, and accesses and alerts with what was decided about them.
pub(crate) async fn reviews(tx: &mut Tx, from: OffsetDateTime, to: OffsetDateTime) -> Result<Value> {
    let signed = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(r)), '[]') FROM (SELECT id, activity::text, period_from, period_to, counted, \
           outcome::text, signed_at, signed_by FROM compliance.activity_reviews \
         WHERE signed_at >= $1 AND signed_at < $2 ORDER BY signed_at) r"
    );
    let accesses = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(r)), '[]') FROM (SELECT reason::text, outcome::text, count(*) AS accesses, \
           count(*) FILTER (WHERE reviewed_at IS NULL AND due_on < current_date) AS overdue \
         FROM compliance.access_reviews WHERE created_at >= $1 AND created_at < $2 GROUP BY 1, 2 ORDER BY 1, 2) r"
    );
    Ok(
        json!({"activity_reviews": told(tx, signed, &[&from, &to]).await?, "access_reviews": told(tx, accesses, &[&from, &to]).await?}),
    )
}

/// Incidents that were open in the time, their assessments and clocks, and security alerts.
pub(crate) async fn incidents(tx: &mut Tx, from: OffsetDateTime, to: OffsetDateTime) -> Result<Value> {
    let incidents = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(i)), '[]') FROM (SELECT i.id, i.number, i.discovered_on, \
           i.discovered_on + 60 AS individual_notice_due_on, i.regime::text, i.kind::text, i.location::text, i.encrypted, \
           i.keys_exposed, i.affected_estimate, i.affected_confirmed, i.by_state, i.law_enforcement_hold_until, i.state::text, i.closed_at, \
           (SELECT coalesce(jsonb_agg(jsonb_build_object('nature', a.nature, 'recipient', a.recipient, 'acquired', a.acquired, \
              'mitigation', a.mitigation, 'conclusion', a.conclusion, 'signed_at', a.signed_at, 'signed_by', a.signed_by, \
              'countersigned_at', a.countersigned_at, 'countersigned_by', a.countersigned_by) ORDER BY a.signed_at), '[]') \
            FROM compliance.breach_risk_assessments a WHERE a.incident_id = i.id) AS assessments \
         FROM compliance.breach_incidents i WHERE i.created_at < $2 AND (i.closed_at IS NULL OR i.closed_at >= $1) \
         ORDER BY i.discovered_on, i.number) i"
    );
    let incidents = told(tx, incidents, &[&from, &to]).await?;
    let mut all = registers::alerts(tx, from, to).await?;
    all["incidents"] = incidents;
    Ok(all)
}

/// What persons permitted and denied in the time, as counts.
pub(crate) async fn authorizations(tx: &mut Tx, from: OffsetDateTime, to: OffsetDateTime) -> Result<Value> {
    let sql = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(c)), '[]') FROM (SELECT decision::text, verification::text, count(*) AS consents, \
           count(*) FILTER (WHERE withdrawn_at >= $1 AND withdrawn_at < $2) AS withdrawn_in_period \
         FROM compliance.sensitivity_consents WHERE created_at < $2 AND (created_at >= $1 OR withdrawn_at >= $1) \
         GROUP BY 1, 2 ORDER BY 1, 2) c"
    );
    let erased = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(e)), '[]') FROM (SELECT act::text, state::text, reason::text, count(*) AS requests \
         FROM kernel.approvals WHERE created_at >= $1 AND created_at < $2 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3) e"
    );
    Ok(
        json!({"consents": told(tx, sql, &[&from, &to]).await?, "requests_of_two_persons": told(tx, erased, &[&from, &to]).await?}),
    )
}

/// What was disclosed in the time, as counts: the register of 45 CFR 164.528 and 34 CFR 99.32. What was voided is no
/// disclosure; what is left out of accountings at an agency's request until some day is counted all the same.
pub(crate) async fn disclosures(tx: &mut Tx, from: OffsetDateTime, to: OffsetDateTime) -> Result<Value> {
    let sql = sql!(
        "WITH d AS (SELECT * FROM compliance.phi_disclosures WHERE disclosed_at >= $1 AND disclosed_at < $2 AND status <> 'VOIDED') \
         SELECT jsonb_build_object( \
           'by_type', (SELECT coalesce(jsonb_agg(to_jsonb(c)), '[]') FROM (SELECT disclosure_type::text, count(*) AS disclosures \
              FROM d GROUP BY 1 ORDER BY 1) c), \
           'by_purpose', (SELECT coalesce(jsonb_agg(to_jsonb(c)), '[]') FROM (SELECT purpose::text, legal_basis::text, \
              count(*) AS disclosures, count(DISTINCT patient_id) AS persons FROM d GROUP BY 1, 2 ORDER BY 1, 2) c), \
           'accountable', count(*) FILTER (WHERE is_accountable), \
           'not_accountable', count(*) FILTER (WHERE NOT is_accountable), \
           'suspended', count(*) FILTER (WHERE suspended_until >= current_date), \
           'accountable_without_basis', count(*) FILTER (WHERE is_accountable AND legal_basis IS NULL AND authorization_id IS NULL), \
           'follow_up_overdue', count(*) FILTER (WHERE follow_up_required AND follow_up_done_at IS NULL \
              AND follow_up_due_on < current_date)) FROM d"
    );
    told(tx, sql, &[&from, &to]).await
}
