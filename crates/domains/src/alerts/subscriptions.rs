//! What somebody wants to be told of, how and when: one subscription of each user, and those of a role or an on-call list,
//! which who defines alerts keeps. What is CRITICAL or EMERGENCY reaches people whatever they chose.

use super::{
    CATEGORIES,
    quiet::Quiet,
    reads,
    severity::{Channel, Severity},
};
use crate::{clock, row};
use salus_core::{ActorKind, Error, Result};
use salus_store::{Call, Method, Op, Reply, Tx, engine::NewRow, run, sql};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

const TABLE: &str = "alerts.alert_subscriptions";
const PATH: &str = "/api/v1/alerts/real-time/subscriptions";
const DEFINE: &str = "ops.alert.define";

/// Reading and keeping subscriptions.
pub(super) fn ops() -> Vec<Op> {
    let severities: Vec<&str> = Severity::ALL.iter().map(|s| s.name()).collect();
    let channels: Vec<&str> = Channel::ALL.iter().map(|c| c.name()).collect();
    let op = |method, verb: &str, summary: &str, run| Op {
        method,
        path: PATH.into(),
        name: format!("alerts.subscription.{verb}"),
        // Who may read no alert has nothing to subscribe to.
        permission: "ops.alert.read",
        summary: summary.into(),
        target: TABLE,
        params: Vec::new(),
        input: None,
        output: json!({"type": "object"}),
        run,
    };
    let input = json!({"type": "object", "additionalProperties": false, "required": ["channels"], "properties": {
        "channels": {"type": "array", "items": {"type": "string", "enum": channels}, "description": "IN_APP is always one of them"},
        "filter": {"type": "object", "additionalProperties": false, "properties": {
            "categories": {"type": "array", "items": {"type": "string", "enum": CATEGORIES}},
            "min_severity": {"type": "string", "enum": severities, "description": "At most CRITICAL"},
            "schools": {"type": "array", "items": {"type": "string", "format": "uuid"}}}},
        "quiet_hours": {"type": ["object", "null"], "description": "from, to and timezone; until they end e-mail up to HIGH waits, SMS and push up to MEDIUM"},
        "digest": {"type": "string", "enum": ["IMMEDIATE", "HOURLY", "DAILY"], "description": "How what is MEDIUM and less is gathered; IMMEDIATE when it is left out"},
        "muted_until": {"type": ["string", "null"], "format": "date-time", "description": "At most 30 days; CRITICAL and EMERGENCY come all the same"},
        "role": {"type": "string", "description": "A subscription of who holds this role; takes ops.alert.define. By which ways and when each of them is told is their own choice: channels is IN_APP, without quiet_hours and digest"},
        "on_call_list": {"type": "string", "description": "A subscription of who is on call by this list; the same holds"},
    }});
    vec![
        Op {
            params: vec![reads::limit()],
            ..op(
                Method::Get,
                "own",
                "Your own subscription; for who defines alerts those of all others too",
                run(|tx, call| Box::pin(own(tx, call))),
            )
        },
        Op {
            input: Some(input),
            ..op(Method::Put, "keep", "Keep what you want to be told of", run(|tx, call| Box::pin(keep(tx, call))))
        },
    ]
}

async fn own(tx: &mut Tx, call: Call) -> Result<Reply> {
    let limit = reads::at_most(&call)?;
    let me = tx.ctx.actor.id;
    let sql = sql!(
        "SELECT coalesce((SELECT to_jsonb(s) FROM (SELECT id, row_version, filter, channels, quiet_hours, digest, muted_until \
           FROM alerts.alert_subscriptions WHERE user_id = $1 ORDER BY id DESC LIMIT 1) s), 'null')"
    );
    let mine = crate::told(tx, sql, &[&me]).await?;
    let mut told = json!({"own": mine, "has_confirmed_number": has_number(tx, me).await?,
                          "has_device": has_device(tx, me).await?});
    if tx.ctx.may(DEFINE) {
        let sql = sql!(
            "SELECT coalesce(jsonb_agg(to_jsonb(s)), '[]') FROM (SELECT id, user_id, role, on_call_list, filter, channels, quiet_hours, \
               digest, muted_until FROM alerts.alert_subscriptions WHERE user_id IS DISTINCT FROM $1 \
             ORDER BY role, on_call_list, id LIMIT $2) s"
        );
        told["team"] = crate::told(tx, sql, &[&me, &limit]).await?;
    }
    tx.count(1);
    Ok(Reply::json(told))
}

/// Whether a user has a telephone number that a code was sent to and came back from.
async fn has_number(tx: &mut Tx, user: Uuid) -> Result<bool> {
    let sql = sql!("SELECT EXISTS (SELECT FROM auth.code_addresses WHERE user_id = $1 AND channel = 'sms')");
    Ok(tx.query_opt(sql, &[&user]).await?.is_some_and(|row| row.get(0)))
}

/// Whether a user turned push on in some browser.
async fn has_device(tx: &mut Tx, user: Uuid) -> Result<bool> {
    let sql = sql!("SELECT EXISTS (SELECT FROM auth.push_devices WHERE user_id = $1)");
    Ok(tx.query_opt(sql, &[&user]).await?.is_some_and(|row| row.get(0)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    channels: Vec<String>,
    #[serde(default)]
    filter: Filter,
    #[serde(default)]
    quiet_hours: Value,
    digest: Option<String>,
    muted_until: Option<String>,
    role: Option<String>,
    on_call_list: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    #[serde(default)]
    categories: Vec<String>,
    min_severity: Option<String>,
    #[serde(default)]
    schools: Vec<Uuid>,
}

impl Wanted {
    /// The columns, without whose subscription it is.
    fn values(&self, now: OffsetDateTime) -> Result<Map<String, Value>> {
        let channels = Channel::all_named("channels", &self.channels)?;
        let mandatory = |field: &str, message: &str| Err(Error::invalid(field, "cannot_mute_mandatory", message));
        if !channels.contains(&Channel::InApp) {
            return mandatory("channels", "Has IN_APP: what is critical must reach the page");
        }
        if let Some(unknown) = self.filter.categories.iter().find(|c| !CATEGORIES.contains(&c.as_str())) {
            let message = format!("{unknown} is none of {}", CATEGORIES.join(", "));
            return Err(Error::invalid("/filter/categories", "not_allowed", message));
        }
        let least =
            self.filter.min_severity.as_deref().map(|s| Severity::named("/filter/min_severity", s)).transpose()?;
        if least == Some(Severity::Emergency) {
            return mandatory("/filter/min_severity", "Is at most CRITICAL: what is critical cannot be left out");
        }
        Quiet::read(&self.quiet_hours)?;
        let digest = self.digest.as_deref().unwrap_or("IMMEDIATE");
        if !["IMMEDIATE", "HOURLY", "DAILY"].contains(&digest) {
            return Err(Error::invalid("digest", "not_allowed", "Is IMMEDIATE, HOURLY or DAILY"));
        }
        if let Some(until) = &self.muted_until {
            let until = clock::read(&json!(until), "muted_until")?;
            if until.is_some_and(|until| until > now + time::Duration::days(30)) {
                return mandatory("muted_until", "Is at most 30 days from now: nobody is left out for good");
            }
        }
        let mut filter = Map::new();
        if !self.filter.categories.is_empty() {
            filter.insert("categories".into(), json!(self.filter.categories));
        }
        if let Some(least) = least {
            filter.insert("min_severity".into(), json!(least.name()));
        }
        if !self.filter.schools.is_empty() {
            filter.insert("schools".into(), json!(self.filter.schools));
        }
        Ok(row(json!({
            "channels": self.channels, "filter": filter, "digest": digest, "muted_until": self.muted_until,
            "quiet_hours": self.quiet_hours,
        })))
    }
}

impl Wanted {
    /// What a subscription of a role or a list cannot say: each of those people chooses it for themselves.
    fn of_several(&self) -> Result<()> {
        let own = |field: &str, message: &str| Err(Error::invalid(field, "own_choice", message));
        if self.channels.iter().any(|channel| channel != "IN_APP") {
            return own("channels", "Is IN_APP alone: by which other ways each is told is their own choice");
        }
        if !self.quiet_hours.is_null() {
            return own("quiet_hours", "Is left out: quiet hours are each person's own");
        }
        if self.digest.as_deref().is_some_and(|digest| digest != "IMMEDIATE") {
            return own("digest", "Is left out: digests are each person's own");
        }
        Ok(())
    }
}

async fn keep(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let wanted: Wanted = call.input()?;
    let mut values = wanted.values(tx.ctx.env.now())?;
    let me = tx.ctx.actor.id;
    let known = match (&wanted.role, &wanted.on_call_list) {
        (None, None) => {
            if me.is_nil() || !matches!(tx.ctx.actor.kind, ActorKind::User | ActorKind::Service | ActorKind::Operator) {
                let detail = "Somebody with an account subscribes";
                return Err(Error::Conflict { code: "person_required", detail: detail.into() });
            }
            let number = has_number(tx, me).await?;
            if wanted.channels.iter().any(|c| c == "SMS") && !number {
                let message =
                    "SMS needs a telephone number that you confirmed: give one under Account, Security, Codes";
                return Err(Error::invalid("channels", "contact_unverified", message));
            }
            if wanted.channels.iter().any(|c| c == "PUSH") && !has_device(tx, me).await? {
                let message = "PUSH needs a device: turn on alerts on this device under Notifications";
                return Err(Error::invalid("channels", "contact_unverified", message));
            }
            values.insert("verified_contact".into(), json!(number));
            values.insert("user_id".into(), json!(me));
            let sql = sql!(
                "SELECT id FROM alerts.alert_subscriptions WHERE user_id = $1 ORDER BY id DESC LIMIT 1 FOR UPDATE"
            );
            tx.query_opt(sql, &[&me]).await?
        }
        (Some(_), Some(_)) => {
            return Err(Error::invalid("role", "not_allowed", "Names a role or an on-call list, not both"));
        }
        (role, list) => {
            if !tx.ctx.may(DEFINE) {
                return Err(Error::Forbidden(DEFINE.into()));
            }
            wanted.of_several()?;
            let of = if role.is_some() { "role" } else { "on_call_list" };
            values.insert(of.into(), json!(role.as_ref().or(list.as_ref())));
            let sql = sql!(
                "SELECT id FROM alerts.alert_subscriptions WHERE user_id IS NULL AND role IS NOT DISTINCT FROM $1::text \
                   AND on_call_list IS NOT DISTINCT FROM $2::text ORDER BY id LIMIT 1 FOR UPDATE"
            );
            tx.query_opt(sql, &[role, list]).await?
        }
    };
    let Some(id) = known.map(|row| row.get::<_, Uuid>(0)) else {
        let id = tx.ctx.env.id();
        values.retain(|_, value| !value.is_null());
        return tx.create(TABLE, NewRow { id, values }).await.map(Reply::row);
    };
    for whose in ["user_id", "role", "on_call_list"] {
        values.remove(whose);
    }
    let kept = tx.update(TABLE, id, call.if_match, values).await?;
    Ok(Reply::row(kept))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn what_is_mandatory_cannot_be_kept_away() {
        let now = datetime!(2026-03-02 19:00 UTC);
        let code = |body: Value| match serde_json::from_value::<Wanted>(body).unwrap().values(now) {
            Err(Error::Invalid(fields)) => fields[0].code.clone(),
            other => format!("{other:?}"),
        };
        assert_eq!(code(json!({"channels": ["EMAIL"]})), "cannot_mute_mandatory");
        assert_eq!(
            code(json!({"channels": ["IN_APP"], "filter": {"min_severity": "EMERGENCY"}})),
            "cannot_mute_mandatory"
        );
        assert_eq!(
            code(json!({"channels": ["IN_APP"], "muted_until": "2026-05-01T00:00:00Z"})),
            "cannot_mute_mandatory"
        );
        assert_eq!(code(json!({"channels": ["IN_APP", "VOICE"]})), "channel_absent");
        assert_eq!(code(json!({"channels": ["IN_APP"], "quiet_hours": {"from": "9"}})), "wrong_form");
        let fine = json!({"channels": ["IN_APP"], "filter": {"min_severity": "CRITICAL"}, "muted_until": "2026-03-09T00:00:00Z"});
        assert!(serde_json::from_value::<Wanted>(fine).unwrap().values(now).is_ok());
    }
}
