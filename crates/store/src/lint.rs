//! The catalogue linter: what in the schema breaks a rule, found by `lint.sql` in one statement. Rules T keep tenants
//! apart and stop the server; rules P keep indexes usable under row-level security; rules N are our own order.

use salus_core::{Error, Result};
use serde::Serialize;
use tokio_postgres::Client;

/// One thing in the schema that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Rule, such as `T02`.
    pub rule: String,
    /// Table, column, constraint, function or role.
    pub object: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub fix: String,
}

impl Finding {
    /// Whether one tenant could reach another's rows because of it.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        self.rule.starts_with('T')
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {} ({})", self.rule, self.object, self.problem, self.fix)
    }
}

/// Everything that breaks a rule, in order; empty when all is well. Any role may ask.
///
/// # Errors
/// [`Error::Internal`] when the registry is missing.
pub async fn check(client: &Client) -> Result<Vec<Finding>> {
    let rows = client.query(include_str!("lint.sql"), &[]).await.map_err(Error::internal)?;
    let finding =
        |r: &tokio_postgres::Row| Finding { rule: r.get(0), object: r.get(1), problem: r.get(2), fix: r.get(3) };
    Ok(rows.iter().map(finding).collect())
}

/// The reason not to serve, when a rule that keeps tenants apart is broken.
#[must_use]
pub fn fatal(findings: &[Finding]) -> Option<Error> {
    let broken: Vec<String> = findings.iter().filter(|f| f.is_fatal()).map(ToString::to_string).collect();
    (!broken.is_empty()).then(|| {
        Error::Unavailable(format!(
            "refusing to serve: tenants are not kept apart. {}: see salus doctor tenancy",
            broken.join("; ")
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_keeps_tenants_apart_is_fatal() {
        let of = |rule: &str| Finding {
            rule: rule.into(),
            object: "medical.patients".into(),
            problem: "row-level security is off".into(),
            fix: "CALL kernel.protect".into(),
        };
        assert!(fatal(&[of("P01"), of("N05")]).is_none());
        let said = fatal(&[of("N05"), of("T02")]).unwrap().to_string();
        assert!(said.contains("T02 medical.patients: row-level security is off (CALL kernel.protect)"), "{said}");
        assert!(!said.contains("N05"));
    }
}
