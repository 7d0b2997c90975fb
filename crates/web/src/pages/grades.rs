//! How the grades of a school stand with immunization, and how each requirement is met.

use super::{
    Shell,
    i18n::{codes, format},
    immunizations::{School, tenths},
    parts::{self, Tone},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// How a grade stands.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Grade {
    pub grade: String,
    pub enrolled: u64,
    pub not_evaluated: u64,
    pub overdue: u64,
    pub no_record: u64,
    pub compliance_score: Option<f64>,
    pub up_to_date_percent: Option<f64>,
    pub in_compliance_percent: Option<f64>,
    pub measles_at_risk: Option<bool>,
}

/// How a requirement is met.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Group {
    pub vaccine_group: String,
    pub checkpoint: String,
    pub required_of: u64,
    pub compliant: u64,
    pub exempt: u64,
    pub lacking: u64,
}

/// The grades of a school, and the requirements by vaccine group.
pub(super) fn within(school: &School, shell: &Shell) -> Markup {
    let t = &shell.t().immunization;
    let number = |n: Option<f64>, unit: &str| tenths(n, unit, shell);
    let count = |n: u64| format::count(shell.locale, n);
    html! {
        table class="grid plain stack" data-keys {
            (parts::heads(&[t.grade, t.enrolled, t.score, t.up_to_date, t.in_compliance, t.overdue, t.no_record]))
            tbody {
                @for g in &school.grades {
                    tr {
                        th scope="row" {
                            (g.grade)
                            @if g.measles_at_risk == Some(true) { span class="sub tone-bad" { (Tone::Bad.sign(shell)) (t.measles_risk) } }
                        }
                        td data-label=(t.enrolled) {
                            (count(g.enrolled))
                            @if g.not_evaluated > 0 { span class="sub" { (t.not_evaluated) ": " (count(g.not_evaluated)) } }
                        }
                        td data-label=(t.score) { (number(g.compliance_score, "")) }
                        td data-label=(t.up_to_date) { (number(g.up_to_date_percent, " %")) }
                        td data-label=(t.in_compliance) { (number(g.in_compliance_percent, " %")) }
                        td data-label=(t.overdue) { (count(g.overdue)) }
                        td data-label=(t.no_record) { (count(g.no_record)) }
                    }
                }
            }
        }
        @if !school.groups.is_empty() {
            table class="grid plain stack" data-keys {
                (parts::heads(&[t.vaccine_group, t.checkpoint, t.required_of, t.compliant, t.exempt, t.overdue]))
                tbody {
                    @for g in &school.groups {
                        tr {
                            th scope="row" { (g.vaccine_group) }
                            td data-label=(t.checkpoint) { (codes::label(shell.locale, &g.checkpoint)) }
                            td data-label=(t.required_of) { (count(g.required_of)) }
                            td data-label=(t.compliant) { (count(g.compliant)) }
                            td data-label=(t.exempt) { (count(g.exempt)) }
                            td data-label=(t.overdue) { (count(g.lacking)) }
                        }
                    }
                }
            }
        }
    }
}
