//! Short names of code systems and their addresses. A table keeps the short name where it has one, because people
//! filter by it; everything else is kept by its address.

/// Addresses of a code system by our short name; the first is the one we write.
const SYSTEMS: &[(&str, &[&str])] = &[
    ("SNOMED", &["http://snomed.info/sct", "urn:oid:2.16.840.1.113883.6.96"]),
    ("ICD10CM", &["http://hl7.org/fhir/sid/icd-10-cm", "urn:oid:2.16.840.1.113883.6.90"]),
    ("ICD10PCS", &["http://www.cms.gov/Medicare/Coding/ICD10", "http://hl7.org/fhir/sid/icd-10-pcs"]),
    ("RxNorm", &["http://www.nlm.nih.gov/research/umls/rxnorm", "urn:oid:2.16.840.1.113883.6.88"]),
    ("NDC", &["http://hl7.org/fhir/sid/ndc", "urn:oid:2.16.840.1.113883.6.69"]),
    ("UNII", &["http://fdasis.nlm.nih.gov", "urn:oid:2.16.840.1.113883.4.9"]),
    ("CPT", &["http://www.ama-assn.org/go/cpt", "urn:oid:2.16.840.1.113883.6.12"]),
    ("HCPCS", &["https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "urn:oid:2.16.840.1.113883.6.285"]),
    ("CVX", &["http://hl7.org/fhir/sid/cvx", "urn:oid:2.16.840.1.113883.12.292"]),
    ("MVX", &["http://hl7.org/fhir/sid/mvx", "urn:oid:2.16.840.1.113883.12.227"]),
];

/// Address of LOINC.
pub(super) const LOINC: &str = "http://loinc.org";
/// Address of UCUM.
pub(super) const UCUM: &str = "http://unitsofmeasure.org";
/// Address of HL7 v3 `ActCode`.
pub(super) const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";

/// The short name of the code system at `address`, or the address.
pub(super) fn short(address: &str) -> &str {
    if address == "urn:oid:2.16.840.1.113883.6.1" {
        return LOINC;
    }
    SYSTEMS.iter().find(|(_, addresses)| addresses.contains(&address)).map_or(address, |(name, _)| name)
}

/// The address of a code system by its short name; an address stays as it is.
pub(super) fn address(name: &str) -> &str {
    SYSTEMS.iter().find(|(short, _)| *short == name).map_or(name, |(_, addresses)| addresses[0])
}
