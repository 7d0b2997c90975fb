//! Why a record is used: codes of the HL7 v3 code system `PurposeOfUse`, narrowed to what the specifications name.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// Why a record is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Purpose {
    /// Care of the person.
    #[serde(rename = "TREAT")]
    Treatment,
    /// Care that several providers give together.
    #[serde(rename = "COC")]
    Coordination,
    /// Care that cannot wait.
    #[serde(rename = "ETREAT")]
    Emergency,
    /// Emergency access past the relationship and the labels that would close a record; always reviewed.
    #[serde(rename = "BTG")]
    BreakGlass,
    /// Coverage, claims and payment.
    #[serde(rename = "HPAYMT")]
    Payment,
    /// Running the organization, its quality and its programs.
    #[serde(rename = "HOPERAT")]
    Operations,
    /// Accounts, settings and keys.
    #[serde(rename = "HSYSADMIN")]
    Administration,
    /// Privacy, security and other duties of compliance.
    #[serde(rename = "HCOMPL")]
    Compliance,
    /// Legal proceedings.
    #[serde(rename = "HLEGAL")]
    Legal,
    /// Public health reporting and surveillance.
    #[serde(rename = "PUBHLTH")]
    PublicHealth,
    /// Research.
    #[serde(rename = "HRESCH")]
    Research,
    /// The person asks for their own record.
    #[serde(rename = "PATRQT")]
    PatientRequest,
    /// A guardian or proxy asks for the record of a person in their care.
    #[serde(rename = "FAMRQT")]
    FamilyRequest,
}

impl Purpose {
    /// Every purpose, in the order in which a caller's first one is taken.
    pub const ALL: [Self; 13] = [
        Self::Treatment,
        Self::Coordination,
        Self::Payment,
        Self::Operations,
        Self::PublicHealth,
        Self::Compliance,
        Self::Administration,
        Self::Legal,
        Self::Research,
        Self::PatientRequest,
        Self::FamilyRequest,
        Self::Emergency,
        Self::BreakGlass,
    ];

    /// The code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Treatment => "TREAT",
            Self::Coordination => "COC",
            Self::Emergency => "ETREAT",
            Self::BreakGlass => "BTG",
            Self::Payment => "HPAYMT",
            Self::Operations => "HOPERAT",
            Self::Administration => "HSYSADMIN",
            Self::Compliance => "HCOMPL",
            Self::Legal => "HLEGAL",
            Self::PublicHealth => "PUBHLTH",
            Self::Research => "HRESCH",
            Self::PatientRequest => "PATRQT",
            Self::FamilyRequest => "FAMRQT",
        }
    }

    /// The purpose of this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.code() == code)
    }

    /// The purpose a caller names in `field`.
    ///
    /// # Errors
    /// [`Error::Invalid`] listing the codes.
    pub fn parse(field: &str, code: &str) -> Result<Self> {
        let all = || Self::ALL.map(Self::code).join(", ");
        Self::from_code(code).ok_or_else(|| Error::invalid(field, "not_allowed", format!("Is one of: {}", all())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_what_the_audit_log_writes() {
        for purpose in Purpose::ALL {
            assert_eq!(serde_json::to_value(purpose).unwrap(), purpose.code());
            assert_eq!(Purpose::from_code(purpose.code()), Some(purpose));
        }
        assert!(Purpose::parse("purpose", "treat").unwrap_err().to_string().contains("TREAT, COC"));
    }
}
