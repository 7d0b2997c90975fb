//! Who is on call: the shifts of a time by list, with who could take one, which chains ask each list, when nobody is on call and
//! when several are; and taking a shift off. What has been stays, so that it can be told who was to be reached.

use super::{
    definitions,
    severity::{Severity, Target},
};
use crate::{auth, clock};
use salus_core::{Error, Result};
use salus_store::{ANY_VERSION, Call, Method, Op, Param, Reply, Tx, run, sql};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use time::{Duration, OffsetDateTime, UtcOffset};
use uuid::Uuid;

const TABLE: &str = "alerts.on_call_shifts";
const PATH: &str = "/api/v1/alerts/on-call";
/// The longest time that is looked at, in days.
const LONGEST: i64 = 35;
/// Most shifts of one answer.
const MOST: i64 = 500;

/// The calendar, and taking a shift off.
pub(super) fn ops() -> Vec<Op> {
    let instant = |name: &str, doc: &str| Param {
        name: name.into(),
        doc: doc.into(),
        schema: json!({"type": "string", "format": "date-time"}),
    };
    let op = |method, path: &str, verb: &str, summary: &str, run| Op {
        method,
        path: format!("{PATH}/{path}"),
        name: format!("alerts.on_call_shift.{verb}"),
        permission: "ops.alert.define",
        summary: summary.into(),
        target: TABLE,
        params: Vec::new(),
        input: None,
        output: json!({"type": "object"}),
        run,
    };
    vec![
        Op {
            params: vec![
                instant("from", "From this moment; now when it is left out"),
                instant("to", "To this moment, at most 35 days later; 14 days later when it is left out"),
            ],
            ..op(
                Method::Get,
                "calendar",
                "calendar",
                "By list who is on call from when to when, when nobody is and when several are, and who could be",
                run(|tx, call| Box::pin(calendar(tx, call))),
            )
        },
        op(
            Method::Post,
            "{id}/remove",
            "remove",
            "Take a shift off: one that has not begun goes, one that runs ends now",
            run(|tx, call| Box::pin(remove(tx, call))),
        ),
    ]
}

/// One shift, as far as time goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shift {
    user: Uuid,
    from: OffsetDateTime,
    to: OffsetDateTime,
}

/// A time on which nobody or several are on call.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stretch {
    from: OffsetDateTime,
    to: OffsetDateTime,
    users: BTreeSet<Uuid>,
}

/// When nobody is on call between these moments, and when several persons are. Two shifts of one person are one.
fn stretches(shifts: &[Shift], from: OffsetDateTime, to: OffsetDateTime) -> Vec<Stretch> {
    let within = |at: OffsetDateTime| at.clamp(from, to);
    let mut edges: BTreeSet<OffsetDateTime> = shifts.iter().flat_map(|s| [within(s.from), within(s.to)]).collect();
    edges.extend([from, to]);
    let edges: Vec<OffsetDateTime> = edges.into_iter().collect();
    let mut found: Vec<Stretch> = Vec::new();
    for pair in edges.windows(2) {
        let (begins, ends) = (pair[0], pair[1]);
        let users: BTreeSet<Uuid> =
            shifts.iter().filter(|s| s.from <= begins && s.to >= ends).map(|s| s.user).collect();
        match found.last_mut().filter(|last| last.to == begins && last.users == users) {
            Some(last) => last.to = ends,
            None => found.push(Stretch { from: begins, to: ends, users }),
        }
    }
    found.retain(|stretch| stretch.users.len() != 1);
    found
}

/// A moment of the query, in UTC.
fn moment(call: &Call, name: &str) -> Result<Option<OffsetDateTime>> {
    let given = call.query_value(name).filter(|v| !v.is_empty());
    Ok(clock::read(&json!(given), name)?.map(|at| at.to_offset(UtcOffset::UTC)))
}

async fn calendar(tx: &mut Tx, call: Call) -> Result<Reply> {
    let now = tx.ctx.env.now();
    let from = moment(&call, "from")?.unwrap_or(now);
    let to = match moment(&call, "to")? {
        Some(to) => to,
        None => from.checked_add(Duration::days(14)).unwrap_or(from),
    };
    if to <= from || to - from > Duration::days(LONGEST) {
        let message = format!("Is after from, by at most {LONGEST} days");
        return Err(Error::invalid("to", "out_of_range", message));
    }
    let sql = sql!(
        "SELECT id, row_version, list::text AS list, user_id, starts_at, ends_at FROM alerts.on_call_shifts \
         WHERE ends_at > $1 AND starts_at < $2 ORDER BY starts_at, ends_at, id LIMIT $3"
    );
    let found = tx.query(sql, &[&from, &to, &MOST]).await?;
    if i64::try_from(found.len()).is_ok_and(|n| n == MOST) {
        let message = format!("Holds {MOST} shifts or more: ask for a shorter time");
        return Err(Error::invalid("to", "out_of_range", message));
    }
    let mut lists = asked(tx).await?;
    let mut by_list: BTreeMap<String, Vec<(Shift, Value)>> = BTreeMap::new();
    for row in &found {
        let shift = Shift { user: row.get("user_id"), from: row.get("starts_at"), to: row.get("ends_at") };
        let told = json!({
            "id": row.get::<_, Uuid>("id"), "row_version": row.get::<_, i32>("row_version"), "user_id": shift.user,
            "starts_at": clock::text(shift.from)?, "ends_at": clock::text(shift.to)?,
        });
        by_list.entry(row.get("list")).or_default().push((shift, told));
    }
    for list in by_list.keys() {
        lists.entry(list.clone()).or_default();
    }
    let people = auth::holders(tx, "ops.alert.read").await?;
    let users: Vec<Uuid> = people.iter().copied().chain(found.iter().map(|row| row.get("user_id"))).collect();
    let names = auth::display_names(tx, users.into_iter()).await?;
    let lists = lists
        .iter()
        .map(|(list, asked)| told(list, asked, by_list.remove(list).unwrap_or_default(), (now, from, to), &names))
        .collect::<Result<Vec<_>>>()?;
    let mut people: Vec<Value> = people.iter().map(|id| json!({"id": id, "name": names.get(id)})).collect();
    people.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    tx.count(found.len());
    Ok(Reply::json(
        json!({"from": clock::text(from)?, "to": clock::text(to)?, "now": clock::text(now)?, "lists": lists, "people": people}),
    ))
}

/// One list as it is shown.
fn told(
    list: &str,
    asked: &Asked,
    shifts: Vec<(Shift, Value)>,
    (now, from, to): (OffsetDateTime, OffsetDateTime, OffsetDateTime),
    names: &HashMap<Uuid, String>,
) -> Result<Value> {
    let plain: Vec<Shift> = shifts.iter().map(|(shift, _)| *shift).collect();
    let (mut gaps, mut overlaps) = (Vec::new(), Vec::new());
    // Of what is past nobody can fill a gap.
    for stretch in stretches(&plain, from.max(now), to.max(now)) {
        let mut told = json!({"from": clock::text(stretch.from)?, "to": clock::text(stretch.to)?});
        if stretch.users.is_empty() {
            gaps.push(told);
        } else {
            told["users"] = stretch.users.iter().map(|id| json!({"id": id, "name": names.get(id)})).collect();
            overlaps.push(told);
        }
    }
    let shown: Vec<Value> = shifts
        .into_iter()
        .map(|(shift, mut told)| {
            told["name"] = json!(names.get(&shift.user));
            told["is_over"] = json!(shift.to <= now);
            told["is_running"] = json!(shift.from <= now && now < shift.to);
            told
        })
        .collect();
    Ok(
        json!({"list": list, "severities": asked.severities, "definitions": asked.definitions, "shifts": shown, "gaps": gaps,
              "overlaps": overlaps}),
    )
}

/// What asks a list.
#[derive(Default)]
struct Asked {
    severities: Vec<&'static str>,
    definitions: BTreeSet<String>,
}

/// The lists that chains, definitions and subscriptions ask, with what asks them. The list `*` is all of them and none of its own.
async fn asked(tx: &mut Tx) -> Result<BTreeMap<String, Asked>> {
    let mut lists: BTreeMap<String, Asked> = BTreeMap::new();
    let of = |targets: &[Target]| -> Vec<String> {
        let list = |target: &Target| match target {
            Target::OnCall(list) if list != "*" => Some(list.clone()),
            _ => None,
        };
        targets.iter().filter_map(list).collect()
    };
    for severity in Severity::ALL {
        for list in severity.chain().iter().flat_map(|step| of(&step.targets)) {
            lists.entry(list).or_default().severities.push(severity.name());
        }
    }
    for definition in definitions::in_force(tx).await? {
        let mut named = of(&definition.audience.targets);
        // Without steps of its own it goes the way of its severity, which is told above.
        named.extend(definition.escalation.iter().flat_map(|step| of(&step.targets)));
        for list in named {
            lists.entry(list).or_default().definitions.insert(definition.code.clone());
        }
    }
    let sql = sql!(
        "SELECT DISTINCT on_call_list::text AS list FROM alerts.alert_subscriptions WHERE on_call_list IS NOT NULL ORDER BY 1 LIMIT 200"
    );
    for row in tx.query(sql, &[]).await? {
        lists.entry(row.get("list")).or_default();
    }
    Ok(lists)
}

async fn remove(tx: &mut Tx, call: Call) -> Result<Reply> {
    let (id, now) = (call.id()?, tx.ctx.env.now());
    let sql = sql!("SELECT row_version, starts_at, ends_at FROM alerts.on_call_shifts WHERE id = $1 FOR UPDATE");
    let shift = tx.query_opt(sql, &[&id]).await?.ok_or(Error::NotFound)?;
    tx.on_row(id);
    if call.if_match.is_some_and(|version| version != ANY_VERSION && version != shift.get::<_, i32>("row_version")) {
        return Err(Error::Stale);
    }
    if shift.get::<_, OffsetDateTime>("ends_at") <= now {
        let detail = "This shift is over: it stays, so that it can be told who was on call";
        return Err(Error::Conflict { code: "state_conflict", detail: detail.into() });
    }
    if shift.get::<_, OffsetDateTime>("starts_at") >= now {
        tx.query(sql!("DELETE FROM alerts.on_call_shifts WHERE id = $1"), &[&id]).await?;
        return Ok(Reply::json(json!({"id": id, "ends_at": null})));
    }
    let ends = crate::row(json!({ "ends_at": clock::text(now)? }));
    tx.update(TABLE, id, None, ends).await?;
    Ok(Reply::json(json!({"id": id, "ends_at": clock::text(now)?})))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn shift(user: u128, from: OffsetDateTime, to: OffsetDateTime) -> Shift {
        Shift { user: Uuid::from_u128(user), from, to }
    }

    #[test]
    fn gaps_and_overlaps_are_found_to_the_moment() {
        let day = |d: u8, h: u8| datetime!(2026-03-01 00:00 UTC).replace_day(d).unwrap().replace_hour(h).unwrap();
        let (from, to) = (day(2, 0), day(9, 0));
        let of = |shifts: &[Shift]| -> Vec<(OffsetDateTime, OffsetDateTime, usize)> {
            stretches(shifts, from, to).into_iter().map(|s| (s.from, s.to, s.users.len())).collect()
        };
        assert_eq!(of(&[]), [(from, to, 0)], "nobody at all");
        assert_eq!(of(&[shift(1, day(1, 0), day(20, 0))]), [], "longer than what is looked at");
        assert_eq!(
            of(&[shift(1, day(1, 0), day(4, 8)), shift(2, day(4, 8), day(10, 0))]),
            [],
            "one takes over from the other"
        );
        assert_eq!(
            of(&[shift(1, day(1, 0), day(4, 8)), shift(1, day(4, 6), day(10, 0))]),
            [],
            "one person twice is one"
        );
        assert_eq!(
            of(&[shift(1, day(2, 8), day(4, 8)), shift(2, day(4, 6), day(8, 0)), shift(3, day(4, 7), day(4, 9))]),
            [
                (from, day(2, 8), 0),
                (day(4, 6), day(4, 7), 2),
                (day(4, 7), day(4, 8), 3),
                (day(4, 8), day(4, 9), 2),
                (day(8, 0), to, 0),
            ]
        );
    }
}
