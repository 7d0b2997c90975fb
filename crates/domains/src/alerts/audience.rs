//! Who is told: whom a definition or a step means, and who subscribed, as far as the alert is within their reach. Nobody is
//! told of an alert of a school that is none of theirs.

use super::severity::{Severity, Target};
use salus_core::Result;
use salus_store::{Tx, sql};
use serde_json::Value;
use std::collections::BTreeSet;
use time::OffsetDateTime;
use uuid::Uuid;

/// The patterns of permissions that give `ops.alert.read`.
const READ: [&str; 8] =
    ["ops.alert.read", "ops.alert.*", "ops.*.read", "ops.*.*", "*.alert.read", "*.alert.*", "*.*.read", "*.*.*"];

/// What an alert is about, as far as reach goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) school: Option<Uuid>,
    pub(super) patient: Option<Uuid>,
}

type Users = BTreeSet<Uuid>;

/// Whom these targets mean now, of those within whose reach the alert is.
///
/// # Errors
/// Those of the database.
pub(super) async fn meant(tx: &mut Tx, targets: &[Target], place: Place, now: OffsetDateTime) -> Result<Users> {
    let mut named = Users::new();
    for target in targets {
        named.extend(match target {
            Target::Role(role) => holders(tx, role, now).await?,
            Target::Position(position) => staff(tx, place.school, Some(position), now).await?,
            Target::OnCall(list) => on_call(tx, list, now).await?,
            Target::User(user) => Users::from([*user]),
        });
    }
    within(tx, named, place, now).await
}

/// Those of these users within whose reach the alert is: who may read it, and who works at its school when it is about no
/// person.
///
/// # Errors
/// Those of the database.
pub(super) async fn within(tx: &mut Tx, named: Users, place: Place, now: OffsetDateTime) -> Result<Users> {
    if named.is_empty() {
        return Ok(named);
    }
    let mut reach = readers(tx, place, now).await?;
    if place.patient.is_none() {
        reach.extend(staff(tx, place.school, None, now).await?);
    }
    Ok(named.intersection(&reach).copied().collect())
}

/// Who may read the alert.
///
/// # Errors
/// Those of the database.
pub(super) async fn readers(tx: &mut Tx, place: Place, now: OffsetDateTime) -> Result<Users> {
    let sql = sql!(
        "SELECT DISTINCT ur.user_id FROM auth.user_roles ur \
         JOIN auth.users u ON u.tenant_id = ur.tenant_id AND u.id = ur.user_id AND u.status = 'active' \
         JOIN auth.roles r ON r.tenant_id = ur.tenant_id AND r.id = ur.role_id \
         JOIN auth.role_permissions rp ON rp.tenant_id = r.tenant_id AND rp.role_id = r.id \
         JOIN auth.permissions p ON p.tenant_id = rp.tenant_id AND p.id = rp.permission_id \
         WHERE ur.valid_from <= $1 AND (ur.valid_to IS NULL OR ur.valid_to > $1) AND jsonb_exists_any(p.patterns, $2::text[]) \
           AND (r.scope = 'tenant' \
             OR (r.scope = 'school' AND $4::uuid IS NULL AND EXISTS (SELECT FROM auth.user_units w \
                  JOIN school.schools s ON s.tenant_id = w.tenant_id AND s.organization_id = w.organization_id AND s.id = $3 \
                 WHERE w.tenant_id = ur.tenant_id AND w.user_id = ur.user_id AND w.valid_from <= $1::timestamptz::date \
                   AND (w.valid_to IS NULL OR w.valid_to >= $1::timestamptz::date))) \
             OR (r.scope = 'school' AND EXISTS (SELECT FROM auth.user_units w \
                  JOIN auth.person_units q ON q.tenant_id = w.tenant_id AND q.organization_id = w.organization_id AND q.patient_id = $4 \
                 WHERE w.tenant_id = ur.tenant_id AND w.user_id = ur.user_id AND w.valid_from <= $1::timestamptz::date \
                   AND (w.valid_to IS NULL OR w.valid_to >= $1::timestamptz::date) AND q.valid_from <= $1::timestamptz::date \
                   AND (q.valid_to IS NULL OR q.valid_to >= $1::timestamptz::date))) \
             OR (r.scope = 'caseload' AND EXISTS (SELECT FROM auth.caseload_assignments c \
                 WHERE c.tenant_id = ur.tenant_id AND c.user_id = ur.user_id AND c.patient_id = $4 AND c.revoked_at IS NULL \
                   AND c.valid_from <= $1::timestamptz::date AND (c.valid_to IS NULL OR c.valid_to >= $1::timestamptz::date))))"
    );
    let patterns: Vec<&str> = READ.to_vec();
    Ok(users(&tx.query(sql, &[&now, &patterns, &place.school, &place.patient]).await?))
}

async fn holders(tx: &mut Tx, role: &str, now: OffsetDateTime) -> Result<Users> {
    let sql = sql!(
        "SELECT DISTINCT ur.user_id FROM auth.user_roles ur \
         JOIN auth.roles r ON r.tenant_id = ur.tenant_id AND r.id = ur.role_id AND r.name = $1::text \
         WHERE ur.valid_from <= $2 AND (ur.valid_to IS NULL OR ur.valid_to > $2)"
    );
    Ok(users(&tx.query(sql, &[&role, &now]).await?))
}

async fn staff(tx: &mut Tx, school: Option<Uuid>, position: Option<&str>, now: OffsetDateTime) -> Result<Users> {
    let sql = sql!(
        "SELECT DISTINCT t.user_id FROM school.school_staff t \
         JOIN auth.users u ON u.tenant_id = t.tenant_id AND u.id = t.user_id AND u.status = 'active' \
         JOIN school.schools s ON s.tenant_id = t.tenant_id AND s.id = t.school_id \
         WHERE t.school_id = $1 AND ($2::text IS NULL OR t.position = $2::text) \
           AND (t.ended_on IS NULL OR t.ended_on >= ($3::timestamptz AT TIME ZONE s.timezone::text)::date)"
    );
    Ok(users(&tx.query(sql, &[&school, &position, &now]).await?))
}

async fn on_call(tx: &mut Tx, list: &str, now: OffsetDateTime) -> Result<Users> {
    let sql = sql!(
        "SELECT DISTINCT user_id FROM alerts.on_call_shifts \
         WHERE (list = $1::text OR $1::text = '*') AND starts_at <= $2 AND ends_at > $2"
    );
    Ok(users(&tx.query(sql, &[&list, &now]).await?))
}

/// Who subscribed to such an alert by themselves, by a role or by an on-call list, of those who may read it. What is mandatory
/// asks about no mute.
///
/// # Errors
/// Those of the database.
pub(super) async fn subscribed(
    tx: &mut Tx,
    (severity, category): (Severity, &str),
    place: Place,
    now: OffsetDateTime,
) -> Result<Users> {
    let sql = sql!(
        "SELECT user_id, role::text, on_call_list::text AS list, filter FROM alerts.alert_subscriptions \
         WHERE $2 OR muted_until IS NULL OR muted_until <= $1 ORDER BY id"
    );
    let mut named = Users::new();
    for found in tx.query(sql, &[&now, &severity.is_mandatory()]).await? {
        if !matches(&found.get("filter"), severity, category, place.school) {
            continue;
        }
        if let Some(user) = found.get::<_, Option<Uuid>>("user_id") {
            named.insert(user);
        }
        if let Some(role) = found.get::<_, Option<String>>("role") {
            named.extend(holders(tx, &role, now).await?);
        }
        if let Some(list) = found.get::<_, Option<String>>("list") {
            named.extend(on_call(tx, &list, now).await?);
        }
    }
    if named.is_empty() {
        return Ok(named);
    }
    Ok(named.intersection(&readers(tx, place, now).await?).copied().collect())
}

/// Whether a filter lets an alert through. What it does not name it does not ask about.
pub(super) fn matches(filter: &Value, severity: Severity, category: &str, school: Option<Uuid>) -> bool {
    let listed = |name: &str, wanted: &str| {
        let list = filter.get(name).and_then(Value::as_array).filter(|list| !list.is_empty());
        list.is_none_or(|list| list.iter().any(|v| v.as_str() == Some(wanted)))
    };
    let least =
        filter.get("min_severity").and_then(Value::as_str).and_then(|s| Severity::named("min_severity", s).ok());
    least.is_none_or(|least| severity >= least)
        && listed("categories", category)
        && school.is_none_or(|school| listed("schools", &school.to_string()))
}

fn users(rows: &[salus_store::Row]) -> Users {
    rows.iter().map(|row| row.get(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_filter_asks_about_what_it_names() {
        let school = Uuid::from_u128(7);
        let lets = |filter: Value, severity| matches(&filter, severity, "MEDICATION", Some(school));
        assert!(lets(json!({}), Severity::Info));
        assert!(
            !lets(json!({"min_severity": "HIGH"}), Severity::Medium)
                && lets(json!({"min_severity": "HIGH"}), Severity::High)
        );
        assert!(
            lets(json!({"categories": ["MEDICATION"]}), Severity::Low)
                && !lets(json!({"categories": ["SYSTEM"]}), Severity::Low)
        );
        assert!(
            lets(json!({"schools": [school]}), Severity::Low)
                && !lets(json!({"schools": [Uuid::nil()]}), Severity::Low)
        );
    }

    #[test]
    fn the_patterns_of_reading_are_all_that_give_it() {
        for pattern in READ {
            assert!(salus_core::Permissions::new([pattern]).allow("ops.alert.read"), "{pattern}");
        }
    }
}
