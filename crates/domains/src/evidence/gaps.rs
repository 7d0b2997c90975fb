//! What an auditor would miss. Each rule names the control, the organization and the time without evidence.
//!
//! How often a control is due is said beside its rule. Where the law names no number it is the usual reading: reviews of
//! activity monthly and of access rights quarterly (45 CFR 164.308(a)(1)(ii)(D), (a)(4)), risks judged yearly
//! ((a)(1)(ii)(A)), a restore practised quarterly at least ((a)(7)(ii)(D)).

use super::{Period, Section};
use serde_json::Value;
use time::{Date, Duration, Month, OffsetDateTime, Time, format_description::well_known::Rfc3339};

/// Days of a quarter, with some grace.
const QUARTER: i64 = 100;

/// Lists the gaps of all sections. `began` is when the installation began, `now` the present.
pub fn find(all: &mut [Section], period: Period, (began, now): (Option<OffsetDateTime>, OffsetDateTime)) {
    let end = period.to.min(now);
    let start = began.map_or(period.from, |at| at.max(period.from));
    if start > period.from {
        for section in all.iter_mut() {
            section.gaps.push(format!(
                "The installation began on {}: there is no evidence of before, although the period begins on {}",
                start.date(),
                period.from.date()
            ));
        }
    }
    risks(&mut all[1], (start, end));
    access(&mut all[2], (start, end));
    sign_ins(&mut all[3]);
    reviews(&mut all[4], (start, end));
    keys(&mut all[6]);
    incidents(&mut all[8], end);
    disclosures(&mut all[9]);
    if all[1].organizations.is_empty() {
        all[1].gaps.push("There is no organization on this installation".into());
    }
}

type Span = (OffsetDateTime, OffsetDateTime);

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

/// Adds what `rule` finds of each organization.
fn each(section: &mut Section, rule: impl Fn(&Value) -> Vec<String>) {
    let found: Vec<String> = section
        .organizations
        .iter()
        .flat_map(|(name, value)| rule(value).into_iter().map(move |gap| format!("{name}: {gap}")))
        .collect();
    section.gaps.extend(found);
}

fn risks(section: &mut Section, (start, end): Span) {
    each(section, |org| {
        let all = list(org, "risks");
        let mut gaps = Vec::new();
        if all.is_empty() {
            gaps.push("no risk is in the register: there is no risk analysis (45 CFR 164.308(a)(1)(ii)(A))".into());
        } else if !all.iter().any(|r| r["assessed_in_period"] == true) {
            gaps.push(format!("no risk was judged between {} and {}", start.date(), end.date()));
        }
        let overdue = all.iter().filter(|r| r["overdue"] == true).count();
        if overdue > 0 {
            gaps.push(format!("{overdue} risk(s) should have been judged again"));
        }
        let untreated = all.iter().filter(|r| r["treatment"].is_null()).count();
        if untreated > 0 {
            gaps.push(format!("{untreated} risk(s) have no treatment (45 CFR 164.308(a)(1)(ii)(B))"));
        }
        gaps
    });
}

fn access(section: &mut Section, span: Span) {
    each(section, |org| {
        let reviewed = days(list(org, "reviews"));
        let mut gaps: Vec<String> = holes(span, &reviewed, QUARTER)
            .into_iter()
            .map(|(from, to)| format!("no review of access rights was signed for {from} to {to}"))
            .collect();
        let open = number(&org["ended"]["closed_accounts_with_open_sessions"]);
        if open > 0 {
            gaps.push(format!("{open} closed account(s) still have a session that is open"));
        }
        gaps
    });
}

fn sign_ins(section: &mut Section) {
    each(section, |org| {
        let mut gaps = Vec::new();
        let glass = &org["emergency_accesses"];
        if number(&glass["review_overdue"]) > 0 {
            gaps.push(format!("{} emergency access(es) were not reviewed in time", number(&glass["review_overdue"])));
        }
        if list(org, "attempts").is_empty() {
            gaps.push("nobody signed in during the period".into());
        }
        gaps
    });
}

fn reviews(section: &mut Section, (start, end): Span) {
    each(section, |org| {
        let signed: Vec<&Value> =
            list(org, "activity_reviews").iter().filter(|r| r["activity"] == "AUDIT_LOG").collect();
        let mut missing = Vec::new();
        for (first, last) in months((start, end)) {
            let covered =
                signed.iter().any(|r| day(&r["period_from"]) <= Some(first) && day(&r["period_to"]) >= Some(last));
            if !covered {
                missing.push(format!("{:04}-{:02}", first.year(), u8::from(first.month())));
            }
        }
        let mut gaps = Vec::new();
        if !missing.is_empty() {
            gaps.push(format!("no review of the audit log was signed for the whole of {}", missing.join(", ")));
        }
        let overdue: i64 = list(org, "access_reviews").iter().map(|r| number(&r["overdue"])).sum();
        if overdue > 0 {
            gaps.push(format!("{overdue} access(es) wait for review past their day"));
        }
        gaps
    });
}

fn keys(section: &mut Section) {
    each(section, |org| {
        let limit = |kind: &str| number(&org["rules"][if kind == "class" { "class_days" } else { "other_days" }]);
        list(org, "keys")
            .iter()
            .filter(|k| k["state"] == "active")
            .filter_map(|k| {
                let (kind, age) = (k["kind"].as_str().unwrap_or_default(), number(&k["age_days"]));
                let most = limit(kind);
                (most > 0 && age > most).then(|| {
                    let class = k["key_class"].as_str().unwrap_or_default();
                    format!("the {kind} key {class} is {age} days old; by the rules it is exchanged after {most}")
                })
            })
            .collect()
    });
}

fn incidents(section: &mut Section, end: OffsetDateTime) {
    each(section, |org| {
        let mut gaps = Vec::new();
        for incident in list(org, "incidents").iter().filter(|i| i["closed_at"].is_null()) {
            let number = incident["number"].as_str().unwrap_or_default();
            if day(&incident["individual_notice_due_on"]).is_some_and(|due| due < end.date())
                && !matches!(incident["state"].as_str(), Some("NOT_A_BREACH" | "REMEDIATING"))
            {
                gaps.push(format!(
                    "incident {number}: the 60 days for notice are over (45 CFR 164.404), and it is {}",
                    incident["state"]
                ));
            }
            if !list(incident, "assessments").iter().any(|a| !a["countersigned_at"].is_null()) {
                gaps.push(format!("incident {number}: no assessment has two signatures; it counts as a breach"));
            }
        }
        let open: i64 = list(org, "alerts").iter().filter(|a| a["state"] == "OPEN").map(|a| number(&a["alerts"])).sum();
        if open > 0 {
            gaps.push(format!("{open} security alert(s) are open"));
        }
        gaps
    });
}

/// What left by this program's own interfaces is counted from the log, and what is in the register from the register: where
/// the one has something and the other nothing, or an entry lacks what an accounting tells, it is named.
fn disclosures(section: &mut Section) {
    each(section, |org| {
        let register = &org["disclosures"];
        let entries: i64 = list(register, "by_purpose").iter().map(|d| number(&d["disclosures"])).sum();
        let left: i64 = list(org, "given_out")
            .iter()
            .filter(|e| e["outcome"] == "success" && !e["action"].as_str().unwrap_or_default().starts_with("audit."))
            .map(|e| number(&e["events"]))
            .sum();
        let mut gaps = Vec::new();
        if left > 0 && entries == 0 {
            gaps.push(format!(
                "records were exported {left} time(s), and the register of disclosures has no entry of the period (45 CFR 164.528)"
            ));
        }
        let no_basis = number(&register["accountable_without_basis"]);
        if no_basis > 0 {
            gaps.push(format!("{no_basis} accountable disclosure(s) name no law or authorization that they rest on"));
        }
        let overdue = number(&register["follow_up_overdue"]);
        if overdue > 0 {
            gaps.push(format!("{overdue} disclosure(s) wait for what was to follow, past their day"));
        }
        gaps
    });
}

fn day(value: &Value) -> Option<Date> {
    let form = time::macros::format_description!("[year]-[month]-[day]");
    Date::parse(value.as_str()?, &form).ok()
}

/// The days on which reviews were signed.
fn days(reviews: &[Value]) -> Vec<Date> {
    let mut all: Vec<Date> = reviews
        .iter()
        .filter_map(|r| Some(OffsetDateTime::parse(r["signed_at"].as_str()?, &Rfc3339).ok()?.date()))
        .collect();
    all.sort_unstable();
    all
}

/// Stretches longer than so many days in which nothing was signed.
pub fn holes((start, end): Span, signed: &[Date], most: i64) -> Vec<(Date, Date)> {
    let mut last = start.date();
    let mut found = Vec::new();
    for at in signed.iter().copied().chain([end.date()]) {
        if at - last > Duration::days(most) {
            found.push((last, at));
        }
        last = at;
    }
    found
}

/// The months that ended in a time, each with its first and last day; the first one from the beginning of the time.
pub fn months((start, end): (OffsetDateTime, OffsetDateTime)) -> Vec<(Date, Date)> {
    let mut first = start.date();
    let mut all = Vec::new();
    while let Some(next) = next_month(first) {
        if next.with_time(Time::MIDNIGHT).assume_utc() > end {
            break;
        }
        all.push((first, next.previous_day().unwrap_or(next)));
        first = next;
    }
    all
}

fn next_month(day: Date) -> Option<Date> {
    let (year, month) = (day.year(), day.month());
    let year = if month == Month::December { year + 1 } else { year };
    Date::from_calendar_date(year, month.next(), 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use time::macros::{date, datetime};

    #[test]
    fn a_month_that_has_not_ended_is_not_missed() {
        let all = months((datetime!(2026-09-14 10:00 UTC), datetime!(2026-11-29 15:00 UTC)));
        assert_eq!(
            all,
            [(date!(2026 - 09 - 14), date!(2026 - 09 - 30)), (date!(2026 - 10 - 01), date!(2026 - 10 - 31))]
        );
        let year = months((datetime!(2025-12-01 00:00 UTC), datetime!(2026-12-01 00:00 UTC)));
        assert_eq!((year.len(), year[1].0), (12, date!(2026 - 01 - 01)));
    }

    #[test]
    fn disclosures_are_a_gap_only_where_something_is_lacking() {
        let found = |org: Value| {
            let mut section = Section::new(9, &[]);
            section.organizations.insert("north".into(), org);
            disclosures(&mut section);
            section.gaps
        };
        let given_out = json!([{"action": "exchange.fhir.export", "outcome": "success", "events": 2},
            {"action": "exchange.fhir.export", "outcome": "refused", "events": 5},
            {"action": "audit.log.export", "outcome": "success", "events": 7}]);
        let register = |entries: i64, no_basis: i64, overdue: i64| {
            json!({"by_purpose": [{"purpose": "PUBLIC_HEALTH", "disclosures": entries}],
                   "accountable_without_basis": no_basis, "follow_up_overdue": overdue})
        };
        assert_eq!(found(json!({"disclosures": register(0, 0, 0), "given_out": []})), Vec::<String>::new());
        assert_eq!(found(json!({"disclosures": register(1, 0, 0), "given_out": given_out})), Vec::<String>::new());
        let lacking = found(json!({"disclosures": register(0, 0, 0), "given_out": given_out}));
        assert!(lacking.len() == 1 && lacking[0].contains("exported 2 time(s)"), "{lacking:?}");
        let lacking = found(json!({"disclosures": register(4, 3, 1), "given_out": given_out}));
        assert!(lacking.len() == 2 && lacking[0].contains("north: 3 accountable") && lacking[1].contains("1 disc"));
    }

    #[test]
    fn a_stretch_without_a_signature_is_named() {
        let span = (datetime!(2026-01-01 00:00 UTC), datetime!(2026-12-31 00:00 UTC));
        assert_eq!(holes(span, &[], QUARTER), [(date!(2026 - 01 - 01), date!(2026 - 12 - 31))]);
        let signed = [date!(2026 - 03 - 30), date!(2026 - 06 - 28), date!(2026 - 10 - 15)];
        assert_eq!(holes(span, &signed, QUARTER), [(date!(2026 - 06 - 28), date!(2026 - 10 - 15))]);
    }
}
