//! What one role gives its holder: permissions, for which purposes, over which rows, and without which columns.

use crate::{Permissions, Purpose};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::BitOr,
};

/// Whose rows a role reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The person the caller is.
    Own,
    /// Persons the caller may act for.
    Ward,
    /// Persons the caller is assigned to.
    Caseload,
    /// Persons who belong to a unit, such as a school, at which the caller works.
    School,
    /// Every row of the tenant.
    Tenant,
}

/// A set of scopes. The whole tenant holds every other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach(u8);

/// Columns that are left out, by table.
pub type Masks = BTreeMap<String, BTreeSet<String>>;

/// What one role gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The role's name.
    pub role: String,
    /// What it may do.
    pub permissions: Permissions,
    /// Over which rows.
    pub scope: Scope,
    /// For which purposes; none named is every purpose but breaking the glass.
    pub purposes: BTreeSet<Purpose>,
    /// Without which columns, for which purpose; none is every purpose.
    pub masks: Vec<(Option<Purpose>, Masks)>,
}

impl Scope {
    /// Every scope, narrowest first.
    pub const ALL: [Self; 5] = [Self::Own, Self::Ward, Self::Caseload, Self::School, Self::Tenant];

    /// The name in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Ward => "ward",
            Self::Caseload => "caseload",
            Self::School => "school",
            Self::Tenant => "tenant",
        }
    }

    /// The scope of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }

    /// The rows a role of this scope reaches for a purpose: who breaks the glass reaches what was opened by it, no more.
    #[must_use]
    pub fn reach(self, purpose: Purpose) -> Reach {
        if purpose == Purpose::BreakGlass { Reach::GLASS } else { Reach(1 << self as u8) }
    }
}

impl Reach {
    /// No row.
    pub const NOTHING: Self = Self(0);
    /// Every row of the tenant.
    pub const TENANT: Self = Self(1 << Scope::Tenant as u8);
    /// Persons whose record the caller opened by breaking the glass.
    pub const GLASS: Self = Self(1 << 7);

    /// Whether every row of the tenant is reached.
    #[must_use]
    pub fn is_whole_tenant(self) -> bool {
        self.0 & Self::TENANT.0 != 0
    }

    /// Whether a scope is in it.
    #[must_use]
    pub fn has(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u8) != 0
    }

    /// Whether persons reached by breaking the glass are in it.
    #[must_use]
    pub fn has_glass(self) -> bool {
        self.0 & Self::GLASS.0 != 0
    }

    /// The single scopes in it, narrowest first.
    pub fn scopes(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |s| self.has(*s))
    }

    /// Whether all its rows come by one scope.
    #[must_use]
    pub fn is_single(self) -> bool {
        self.0.count_ones() < 2
    }

    /// The names in it, as the database reads them.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        self.scopes().map(Scope::name).chain(self.has_glass().then_some("glass")).collect()
    }
}

impl BitOr for Reach {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Grant {
    /// Whether the role names this purpose, or names none.
    #[must_use]
    pub fn names(&self, purpose: Purpose) -> bool {
        self.purposes.contains(&purpose)
    }

    /// Whether the role gives anything for this purpose.
    #[must_use]
    pub fn serves(&self, purpose: Purpose) -> bool {
        self.names(purpose) || (self.purposes.is_empty() && purpose != Purpose::BreakGlass)
    }

    /// Whether a column is left out for a purpose.
    #[must_use]
    pub fn masks(&self, purpose: Purpose, table: &str, column: &str) -> bool {
        let held = self.masks.iter().filter(|(when, _)| when.is_none_or(|p| p == purpose));
        held.filter_map(|(_, masks)| masks.get(table)).any(|columns| columns.contains(column))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaking_the_glass_reaches_nothing_else() {
        for scope in Scope::ALL {
            assert_eq!(scope.reach(Purpose::BreakGlass), Reach::GLASS);
            assert_eq!(Scope::from_name(scope.name()), Some(scope));
            assert_eq!(scope.reach(Purpose::Treatment).names(), [scope.name()]);
        }
        let both = Scope::Own.reach(Purpose::PatientRequest) | Scope::Ward.reach(Purpose::FamilyRequest);
        assert_eq!((both.names(), both.is_single()), (vec!["own", "ward"], false));
        assert!(!both.is_whole_tenant() && Reach::TENANT.is_whole_tenant());
    }
}
