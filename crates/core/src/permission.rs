//! What a caller may do: names of the form `<domain>.<noun>.<verb>`, and patterns over them.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A set of granted permission patterns. A pattern is a permission name in which any of the three words may be
/// `*`; `medical.*.read` grants every read in `medical`. Nothing is granted by absence.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permissions(BTreeSet<String>);

impl Permissions {
    /// The set of these patterns.
    pub fn new<S: Into<String>>(patterns: impl IntoIterator<Item = S>) -> Self {
        Self(patterns.into_iter().map(Into::into).collect())
    }

    /// Everything: for the operator at the machine and for the kernel's own work.
    #[must_use]
    pub fn all() -> Self {
        Self::new(["*.*.*"])
    }

    /// Whether the permission of this exact name is granted.
    #[must_use]
    pub fn allow(&self, name: &str) -> bool {
        self.0.contains(name) || self.0.iter().any(|pattern| covers(pattern, name))
    }

    /// The patterns, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The first pattern of `other` that `self` does not cover: nothing when `other` can do no more than `self`.
    #[must_use]
    pub fn lacks<'a>(&self, other: &'a Self) -> Option<&'a str> {
        other.iter().find(|pattern| !self.allow(pattern))
    }

    /// Those patterns of `self` under which `other` also grants: what a limited token keeps of its user's rights.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let both = self.iter().filter(|p| other.iter().any(|q| covers(q, p)));
        let turned = other.iter().filter(|q| self.iter().any(|p| covers(p, q)));
        Self(both.chain(turned).map(str::to_owned).collect())
    }
}

/// Whether `pattern` grants all that `name` (a permission or a narrower pattern) does.
fn covers(pattern: &str, name: &str) -> bool {
    let mut want = name.split('.');
    let mut have = pattern.split('.');
    loop {
        match (have.next(), want.next()) {
            (Some("*"), Some(_)) => {}
            (Some(p), Some(n)) if p == n => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_grant_word_by_word() {
        let p = Permissions::new(["medical.*.read", "auth.user.manage"]);
        assert!(p.allow("medical.patient.read"));
        assert!(p.allow("auth.user.manage"));
        assert!(!p.allow("medical.patient.write"));
        assert!(!p.allow("medical.patient"));
        assert!(!p.allow("medical.patient.read.all"));
        assert!(!Permissions::default().allow("medical.patient.read"));
        assert!(Permissions::all().allow("a.b.c"));
    }

    #[test]
    fn what_is_lacking_is_named() {
        let clerk = Permissions::new(["auth.user.*", "medical.*.read"]);
        assert_eq!(clerk.lacks(&Permissions::new(["auth.user.manage", "medical.patient.read"])), None);
        assert_eq!(clerk.lacks(&Permissions::new(["auth.*.manage"])), Some("auth.*.manage"));
        assert_eq!(clerk.lacks(&Permissions::all()), Some("*.*.*"));
        assert_eq!(Permissions::all().lacks(&clerk), None);
    }

    #[test]
    fn a_token_never_exceeds_its_user() {
        let user = Permissions::new(["medical.*.read", "records.fact.write"]);
        let token = Permissions::new(["*.*.read"]);
        let both = user.intersect(&token);
        assert!(both.allow("medical.patient.read"));
        assert!(!both.allow("records.fact.write"));
        assert!(!both.allow("records.fact.read"));
    }
}
