//! The compliance page: each promise of the installation with the verdict, the time and the words of its last proof.

use super::{
    Shell,
    i18n::{Compliance, fill, format},
    layout::{self, Head},
    parts::{self, Tone},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// A proof older than this many days says little about today: the operator is asked for a new one.
pub const OLD_DAYS: i64 = 30;

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ComplianceView {
    /// Each promise with its last proof.
    pub proofs: Vec<Proof>,
    /// Registers that the visitor may read, as `schema/table`.
    pub registers: Vec<String>,
    /// Every proof of one promise, newest first; empty unless one was asked for.
    pub history: Vec<Proof>,
}

/// One proof; of a promise never proved only the name is there.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Proof {
    /// Its id: its report is read by it.
    pub id: String,
    /// Which promise.
    pub name: String,
    /// `HOLDS`, `FAILS`, `UNPROVEN`, or empty when it was never tried.
    pub verdict: String,
    /// What was tried and seen, in English as the program says it.
    pub reason: String,
    /// What to do.
    pub fix: String,
    /// ISO 8601.
    pub proved_at: String,
    /// Milliseconds.
    pub took_ms: u64,
    /// Whether it was more than [`OLD_DAYS`] ago.
    pub old: bool,
}

impl Proof {
    fn is_well(&self) -> bool {
        self.verdict == "HOLDS" && !self.old
    }
}

/// The page.
#[must_use]
pub fn render(view: &ComplianceView, shell: &Shell) -> Markup {
    let t = &shell.t().compliance;
    let wanting = view.proofs.iter().filter(|p| !p.is_well()).count() as u64;
    let n = format::count(shell.locale, wanting);
    layout::page(
        shell,
        &Head::new(t.title),
        &html! {
            header class="page-head" {
                div { h1 { (t.title) } p class="lead" { (t.lead) } }
                @if wanting == 0 { (parts::badge(shell, Tone::Good, t.all_hold)) }
                @else { (parts::badge(shell, Tone::Warn, &fill(t.attention, &[("n", &n)]))) }
            }
            ul class="cards" {
                @for proof in &view.proofs { li { (card(proof, shell)) } }
            }
            p class="hint" { (t.how) " " code { "salus prove" } }
            (registers(view, shell))
            @if !view.history.is_empty() { (history(&view.history, shell)) }
        },
    )
}

fn card(proof: &Proof, shell: &Shell) -> Markup {
    let t = &shell.t().compliance;
    let (title, means) = promise(t, &proof.name);
    let days = OLD_DAYS.to_string();
    let light = html! {
        @if proof.verdict.is_empty() { (parts::badge(shell, Tone::Warn, t.never)) }
        @else { (parts::status(shell, &proof.verdict)) }
    };
    let body = html! {
        p { (means) }
        @if !proof.verdict.is_empty() {
            (parts::facts(&[
                (t.seen, html! { span lang="en" { (proof.reason) } }),
                (t.proved, html! {
                    a href={ "/compliance?proof=" (proof.name) "#history" } { (parts::moment(shell, &proof.proved_at)) }
                    @if proof.old { " " (parts::badge(shell, Tone::Warn, &fill(t.old, &[("n", &days)]))) }
                }),
                (t.report, report(proof, shell)),
            ]))
            @if !proof.fix.is_empty() {
                p class="flash tone-warn" { (Tone::Warn.sign(shell)) strong { (t.to_do) ": " } span lang="en" { (proof.fix) } }
            }
        }
    };
    parts::card(&format!("proof-{}", proof.name), title, &light, &body)
}

/// The way to what it saw in detail.
fn report(proof: &Proof, shell: &Shell) -> Markup {
    let t = &shell.t().compliance;
    html! { a href={ "/api/v1/compliance/proofs?id=" (proof.id) } { (t.report_open) } }
}

/// Where the registers are that an auditor asks for, and how all of it is taken along.
fn registers(view: &ComplianceView, shell: &Shell) -> Markup {
    let t = &shell.t().compliance;
    html! {
        section id="registers" {
            h2 { (t.registers) }
            @if !view.registers.is_empty() {
                ul {
                    @for place in &view.registers { li { a href={ "/browse/" (place) } { (register(t, place)) } } }
                }
            }
            p class="hint" { (t.evidence) " " code { "salus compliance evidence --period 12m --out FILE" } }
        }
    }
}

/// The registers of the page, in its order.
pub const REGISTERS: [&str; 8] = [
    "compliance/risks",
    "compliance/activity_reviews",
    "compliance/access_reviews",
    "compliance/security_alerts",
    "compliance/breach_incidents",
    "compliance/breach_risk_assessments",
    "audit/legal_holds",
    "compliance/retention_policies",
];

fn register<'a>(t: &'a Compliance, place: &'a str) -> &'a str {
    match place {
        "compliance/risks" => t.risks,
        "compliance/activity_reviews" => t.activity_reviews,
        "compliance/access_reviews" => t.access_reviews,
        "compliance/security_alerts" => t.security_alerts,
        "compliance/breach_incidents" => t.incidents,
        "compliance/breach_risk_assessments" => t.assessments,
        "audit/legal_holds" => t.holds,
        "compliance/retention_policies" => t.retention,
        other => other,
    }
}

/// What a promise is called and what it means. One this page does not know reads as its own name.
fn promise<'a>(t: &'a Compliance, name: &'a str) -> (&'a str, &'a str) {
    match name {
        "isolation" => (t.isolation, t.isolation_means),
        "tenancy" => (t.tenancy, t.tenancy_means),
        "schema" => (t.schema, t.schema_means),
        "encryption" => (t.encryption, t.encryption_means),
        "keys" => (t.keys, t.keys_means),
        "audit" => (t.audit, t.audit_means),
        "backups" => (t.backups, t.backups_means),
        "configuration" => (t.configuration, t.configuration_means),
        "transport" => (t.transport, t.transport_means),
        "version" => (t.version, t.version_means),
        other => (other, ""),
    }
}

fn history(rows: &[Proof], shell: &Shell) -> Markup {
    let (t, data) = (&shell.t().compliance, &shell.t().data);
    let title = rows.first().map_or("", |p| promise(t, &p.name).0);
    let table = html! {
        table class="grid stack" data-keys {
            (parts::heads(&[t.proved, data.outcome, t.seen, t.to_do, t.took, t.report]))
            tbody {
                @for p in rows {
                    tr {
                        th scope="row" class="date" { (parts::moment(shell, &p.proved_at)) }
                        td data-label=(data.outcome) { (parts::status(shell, &p.verdict)) }
                        td data-label=(t.seen) lang="en" { (p.reason) }
                        td data-label=(t.to_do) lang="en" { @if p.fix.is_empty() { "–" } @else { (p.fix) } }
                        td data-label=(t.took) class="num" { (format::count(shell.locale, p.took_ms)) " ms" }
                        td data-label=(t.report) { (report(p, shell)) }
                    }
                }
            }
        }
    };
    html! { section id="history" { h2 { (t.history) ": " (title) } (table) } }
}
