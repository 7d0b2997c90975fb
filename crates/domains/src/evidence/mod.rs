//! An evidence pack: what an auditor asks for over a period, in twelve sections, from live data and the registers
//! (`spec` A51). Here is what the database holds; files of the installation and the signature are added by the command.
//!
//! What was not recorded is not invented: a section says plainly that it holds nothing, and every control for which the
//! period has no evidence, or has too little of it, is listed as a gap. No name of a person and no health data is in it.

mod gaps;
mod inventory;

use crate::{audit, auth, clock, compliance, kernel, told};
use salus_core::{Ctx, PLATFORM, Result};
use salus_store::{Db, Tx, sql};
use serde::Serialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

/// File name and title of each section, in the order of A51.
pub const SECTIONS: [(&str, &str); 12] = [
    ("01-inventory-and-data-map", "Inventory and data map"),
    ("02-risk-register", "Risk register"),
    ("03-access-recertification", "Users, roles and recertification of access"),
    ("04-sign-in-and-lockout", "Sign-in and lock-out statistics"),
    ("05-audit-review-sign-offs", "Sign-offs of audit reviews"),
    ("06-audit-verification-and-anchors", "Verification of the audit log, and its anchors"),
    ("07-keys-and-rotations", "Key inventory and rotations"),
    ("08-backup-and-drill-reports", "Backups, and drills of restore and point in time"),
    ("09-incidents-and-breaches", "Incident and breach register"),
    ("10-disclosures-and-authorizations", "Statistics of disclosures and authorizations"),
    ("11-changes-and-migrations", "Log of changes and migrations"),
    ("12-components-and-vulnerabilities", "Components, and the age of their vulnerabilities"),
];

/// From when to when; the end is not in it.
#[derive(Debug, Clone, Copy)]
pub struct Period {
    /// First moment.
    pub from: OffsetDateTime,
    /// First moment that is not in it.
    pub to: OffsetDateTime,
}

/// One section.
#[derive(Debug, Clone, Serialize)]
pub struct Section {
    /// As [`SECTIONS`] has it.
    pub title: &'static str,
    /// Where what it says comes from: tables, commands, files.
    pub sources: Vec<&'static str>,
    /// What was found, or that nothing was.
    pub statement: String,
    /// Controls without evidence in the period, or with too little.
    pub gaps: Vec<String>,
    /// Of the installation.
    pub installation: Value,
    /// Of each organization, by its name in addresses.
    pub organizations: Map<String, Value>,
}

/// How many facts a value holds: entries of lists, and numbers that are not zero.
fn facts(value: &Value) -> u64 {
    match value {
        Value::Array(all) => all.len() as u64,
        Value::Object(members) => members.values().map(facts).sum(),
        Value::Number(n) => u64::from(n.as_f64().is_some_and(|n| n != 0.0)),
        _ => 0,
    }
}

impl Section {
    fn new(place: usize, sources: &[&'static str]) -> Self {
        Self {
            title: SECTIONS[place].1,
            sources: sources.to_vec(),
            statement: String::new(),
            gaps: Vec::new(),
            installation: Value::Null,
            organizations: Map::new(),
        }
    }

    /// Says how much is in it, or that nothing is.
    pub fn conclude(&mut self) {
        let held = facts(&self.installation) + self.organizations.values().map(facts).sum::<u64>();
        self.statement = match (held, self.gaps.len()) {
            (0, _) => "Nothing was recorded for this section in the period.".to_owned(),
            (n, 0) => format!("{n} facts; no gap was found."),
            (n, gaps) => format!("{n} facts; {gaps} gap(s), listed under gaps."),
        };
    }
}

/// The twelve sections as far as the database holds them. Taking them is on the record of each organization.
///
/// # Errors
/// Those of the database.
pub async fn gather(db: &Db, period: Period) -> Result<Vec<Section>> {
    let mut all = empty();
    all[0].installation = inventory::tables(db);
    let mut platform = db.begin(Ctx::operator(db.env(), PLATFORM), true).await?;
    let began = kernel::evidence::began(&mut platform).await?;
    of_installation(&mut platform, period, &mut all).await?;
    platform.note(noted(period)?);
    platform.commit("compliance.evidence.take", "compliance.proofs").await?;
    for tenant in db.tenants().await?.into_iter().filter(|t| t.state != "closed") {
        let mut tx = db.begin(Ctx::operator(db.env(), tenant.id), true).await?;
        let found = of_organization(&mut tx, period).await?;
        tx.note(noted(period)?);
        tx.commit("compliance.evidence.take", "compliance.proofs").await?;
        for (place, value) in found {
            all[place].organizations.insert(tenant.slug.clone(), value);
        }
    }
    gaps::find(&mut all, period, (began, db.env().now()));
    Ok(all)
}

fn noted(period: Period) -> Result<Value> {
    Ok(json!({"from": clock::text(period.from)?, "to": clock::text(period.to)?}))
}

fn empty() -> Vec<Section> {
    let sources: [&[&'static str]; 12] = [
        &[
            "the schema's own description",
            "auth.api_keys",
            "auth.identity_providers",
            "auth.roles",
            "exchange.webhook_subscriptions",
            "settings",
        ],
        &["compliance.risks"],
        &["auth.users", "auth.user_roles", "auth.sessions", "compliance.activity_reviews (ACCESS_RIGHTS)"],
        &["auth.login_history", "auth.authenticators", "auth.passkeys", "auth.glass_breaks"],
        &["compliance.activity_reviews", "compliance.access_reviews", "audit.activity_logs"],
        &["salus audit verify", "the anchors of the settings", "compliance.proofs"],
        &["kernel.keys", "kernel.key_rotation_history", "kernel.erasures", "salus keys doctor"],
        &["kernel.backups", "reports of salus drill", "salus doctor backups"],
        &[
            "compliance.breach_incidents",
            "compliance.breach_risk_assessments",
            "compliance.security_alerts",
            "audit.tamper_alerts",
            "audit.legal_holds",
        ],
        &[
            "compliance.phi_disclosures",
            "audit.activity_logs (exports)",
            "compliance.sensitivity_consents",
            "kernel.approvals",
        ],
        &["kernel.migrations", "kernel.replaceables", "the platform's audit log"],
        &["the lock file this program was built from", "a report on advisories, where one was given"],
    ];
    sources.iter().enumerate().map(|(place, sources)| Section::new(place, sources)).collect()
}

async fn of_installation(tx: &mut Tx, period: Period, all: &mut [Section]) -> Result<()> {
    let Period { from, to } = period;
    let proofs = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(p)), '[]') FROM (SELECT name::text, verdict::text, count(*) AS runs, max(proved_at) AS latest_at \
         FROM compliance.proofs WHERE proved_at >= $1 AND proved_at < $2 GROUP BY 1, 2 ORDER BY 1, 2) p"
    );
    all[5].installation = json!({"proofs": told(tx, proofs, &[&from, &to]).await?});
    all[6].installation = json!({"platform": kernel::evidence::keys(tx, from, to).await?});
    all[7].installation = json!({"backups": kernel::evidence::backups(tx, from, to).await?});
    all[8].installation = json!({"platform": audit::counted(tx, from, to).await?["tamper_alerts"]});
    all[10].installation = kernel::evidence::migrations(tx, from, to).await?;
    all[10].installation["acts"] = audit::changes(tx, from, to).await?;
    Ok(())
}

async fn of_organization(tx: &mut Tx, Period { from, to }: Period) -> Result<Vec<(usize, Value)>> {
    let mut integrations = auth::integrations(tx).await?;
    integrations["webhooks"] = crate::exchange::webhooks(tx).await?;
    let mut access = auth::rights(tx).await?;
    access["ended"] = auth::leavers(tx, from, to).await?;
    let mut sign_ins = auth::sign_ins(tx, from, to).await?;
    merge(&mut sign_ins, auth::assurance_and_glass(tx, from, to).await?);
    let reviews = compliance::reviews(tx, from, to).await?;
    access["reviews"] = of_activity(&reviews, "ACCESS_RIGHTS");
    let counted = audit::counted(tx, from, to).await?;
    let mut signed = reviews;
    signed["audit_log"] = counted.clone();
    let mut incidents = compliance::incidents(tx, from, to).await?;
    incidents["tamper_alerts"] = counted["tamper_alerts"].clone();
    incidents["legal_holds"] = audit::held(tx, from, to).await?;
    let mut given = compliance::authorizations(tx, from, to).await?;
    given["disclosures"] = compliance::disclosed(tx, from, to).await?;
    given["given_out"] = audit::given_out(tx, from, to).await?;
    Ok(vec![
        (0, integrations),
        (1, compliance::risks(tx, from, to).await?),
        (2, access),
        (3, sign_ins),
        (4, signed),
        (6, kernel::evidence::keys(tx, from, to).await?),
        (8, incidents),
        (9, given),
    ])
}

/// The signed reviews of one kind.
fn of_activity(reviews: &Value, activity: &str) -> Value {
    let all = reviews["activity_reviews"].as_array().into_iter().flatten();
    all.filter(|r| r["activity"] == activity).cloned().collect()
}

fn merge(into: &mut Value, from: Value) {
    if let (Some(into), Value::Object(from)) = (into.as_object_mut(), from) {
        into.extend(from);
    }
}
