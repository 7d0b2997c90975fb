//! Whether a time stamp was signed by an authority that is trusted: the signature of its token (CMS, RFC 5652 section 5.4),
//! the certificate it names (RFC 5035), what that certificate is for and until when (RFC 3161 section 2.3), and the way
//! from it to a certificate of the operator's file. Revocation is not asked about.

use crate::seal::digest;
use aws_lc_rs::{
    digest as hashes,
    signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1,
        ECDSA_P521_SHA512_ASN1, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
        UnparsedPublicKey, VerificationAlgorithm,
    },
};
use cms::{
    cert::{
        CertificateChoices, IssuerAndSerialNumber,
        x509::{
            Certificate,
            ext::pkix::{BasicConstraints, ExtendedKeyUsage, SubjectKeyIdentifier},
            spki::SubjectPublicKeyInfoOwned,
        },
    },
    content_info::ContentInfo,
    signed_data::{SignedData, SignerIdentifier, SignerInfo},
};
use der::{Decode as _, Encode as _, asn1::ObjectIdentifier, oid::AssociatedOid};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use salus_core::{Error, Result};
use time::OffsetDateTime;

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

const SIGNED_DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.2");
const TST_INFO: ObjectIdentifier = oid("1.2.840.113549.1.9.16.1.4");
const CONTENT_TYPE: ObjectIdentifier = oid("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = oid("1.2.840.113549.1.9.4");
/// `SigningCertificate` with SHA-1, and its successor.
const SIGNING_CERTIFICATE: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.12");
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.47");
const TIME_STAMPING: ObjectIdentifier = oid("1.3.6.1.5.5.7.3.8");
const SHA256: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.3");
const RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = oid("1.2.840.10045.2.1");
/// Certificates between a signer and one that is trusted.
const LONGEST: usize = 5;

/// Certificates that are trusted to stamp, or to say who may.
#[derive(Debug, Clone)]
pub struct Authority(Vec<Certificate>);

/// Why a token is not believed.
type Doubt = &'static str;

impl Authority {
    /// Reads certificates in PEM.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `audit_timestamp_certificates`.
    pub fn read(pem: &[u8]) -> Result<Self> {
        let wrong = || {
            let why = "Is a file of certificates in PEM: that of the time stamp authority, or of who issued it";
            Error::invalid("audit_timestamp_certificates", "unreadable", why)
        };
        let mut all = Vec::new();
        for found in CertificateDer::pem_slice_iter(pem) {
            all.push(Certificate::from_der(&found.map_err(|_| wrong())?).map_err(|_| wrong())?);
        }
        if all.is_empty() { Err(wrong()) } else { Ok(Self(all)) }
    }

    /// Whether a trusted authority signed a token that says it was made at `at`.
    ///
    /// # Errors
    /// What is wrong with it, to stand behind "the anchor …".
    pub(super) fn check(&self, token: &[u8], at: OffsetDateTime) -> std::result::Result<(), Doubt> {
        let form = "answers with a token in another form";
        let outer = ContentInfo::from_der(token).map_err(|_| form)?;
        if outer.content_type != SIGNED_DATA {
            return Err(form);
        }
        let message: SignedData = outer.content.decode_as().map_err(|_| form)?;
        let [signer] = message.signer_infos.0.as_slice() else {
            return Err("has a token with not exactly one signature");
        };
        let inner = message.encap_content_info.econtent.as_ref().ok_or(form)?;
        if message.encap_content_info.econtent_type != TST_INFO {
            return Err(form);
        }
        let sent = certificates(&message);
        let known: Vec<&Certificate> = self.0.iter().chain(&sent).collect();
        let certificate = *known.iter().find(|c| is_of(c, &signer.sid)).ok_or("does not send its certificate")?;
        signature(signer, inner.value(), certificate)?;
        self.trusted(certificate, &known, at)
    }

    /// Whether the certificate may stamp, and leads to one that is trusted.
    fn trusted(
        &self,
        signer: &Certificate,
        known: &[&Certificate],
        at: OffsetDateTime,
    ) -> std::result::Result<(), Doubt> {
        let purpose =
            extension::<ExtendedKeyUsage>(signer).filter(|(critical, usage)| *critical && usage.0 == [TIME_STAMPING]);
        purpose.ok_or("signs with a certificate that is not for time stamps")?;
        let mut at_hand = signer;
        for _ in 0..LONGEST {
            if !was_valid(at_hand, at) {
                return Err("signs with a certificate that was not valid then");
            }
            if self.0.contains(at_hand) {
                return Ok(());
            }
            let issuer = known.iter().find(|c| issued(c, at_hand)).ok_or("is not who is trusted to stamp")?;
            at_hand = issuer;
        }
        Err("is not who is trusted to stamp")
    }
}

/// Certificates that came with a token.
fn certificates(message: &SignedData) -> Vec<Certificate> {
    let sent = message.certificates.iter().flat_map(|set| set.0.iter());
    sent.filter_map(|c| match c {
        CertificateChoices::Certificate(c) => Some(c.clone()),
        CertificateChoices::Other(_) => None,
    })
    .collect()
}

fn is_of(certificate: &Certificate, sid: &SignerIdentifier) -> bool {
    let tbs = &certificate.tbs_certificate;
    match sid {
        SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber { issuer, serial_number }) => {
            tbs.issuer == *issuer && tbs.serial_number == *serial_number
        }
        SignerIdentifier::SubjectKeyIdentifier(id) => {
            extension::<SubjectKeyIdentifier>(certificate).is_some_and(|(_, own)| own.0 == id.0)
        }
    }
}

/// The one extension of a kind, and whether it is critical.
fn extension<T: AssociatedOid + for<'a> der::Decode<'a>>(certificate: &Certificate) -> Option<(bool, T)> {
    let all = certificate.tbs_certificate.extensions.iter().flatten();
    let mut found = all.filter(|e| e.extn_id == T::OID);
    let one = found.next().filter(|_| found.next().is_none())?;
    Some((one.critical, T::from_der(one.extn_value.as_bytes()).ok()?))
}

fn was_valid(certificate: &Certificate, at: OffsetDateTime) -> bool {
    let validity = &certificate.tbs_certificate.validity;
    let seconds = u64::try_from(at.unix_timestamp()).unwrap_or(0);
    let second = |t: &cms::cert::x509::time::Time| t.to_unix_duration().as_secs();
    second(&validity.not_before) <= seconds && seconds <= second(&validity.not_after)
}

/// Whether one certificate signed the other, and may.
fn issued(issuer: &Certificate, other: &Certificate) -> bool {
    let may = extension::<BasicConstraints>(issuer).is_some_and(|(_, constraints)| constraints.ca);
    let named = issuer.tbs_certificate.subject == other.tbs_certificate.issuer;
    let (Ok(text), Some(signature)) = (other.tbs_certificate.to_der(), other.signature.as_bytes()) else {
        return false;
    };
    may && named
        && hash_of(other.signature_algorithm.oid)
            .is_some_and(|hash| verifies(&issuer.tbs_certificate.subject_public_key_info, hash, &text, signature))
}

/// Whether the signer signed this content, and no other certificate than its own.
fn signature(signer: &SignerInfo, content: &[u8], certificate: &Certificate) -> std::result::Result<(), Doubt> {
    let form = "answers with a token that is not signed as time stamps are";
    let attributes = signer.signed_attrs.as_ref().ok_or(form)?;
    let value = |kind: ObjectIdentifier| {
        let mut found = attributes.iter().filter(move |a| a.oid == kind);
        let one = found.next().filter(|_| found.next().is_none())?;
        match one.values.as_slice() {
            [value] => Some(value.clone()),
            _ => None,
        }
    };
    let kind: ObjectIdentifier = value(CONTENT_TYPE).and_then(|v| v.decode_as().ok()).ok_or(form)?;
    let told = value(MESSAGE_DIGEST).ok_or(form)?;
    let hash = signer.digest_alg.oid;
    if kind != TST_INFO || hashed(hash, content).as_deref() != Some(told.value()) {
        return Err("signed something else than its token says");
    }
    let own = certificate.to_der().map_err(|_| form)?;
    let named = match (value(SIGNING_CERTIFICATE_V2), value(SIGNING_CERTIFICATE)) {
        // SHA-256 where nothing else is said; another hash stands before it, and gives another length.
        (Some(v2), _) => {
            let der = v2.to_der().map_err(|_| form)?;
            holds(&der, &digest(&own))
                || [SHA384, SHA512].iter().any(|h| hashed(*h, &own).is_some_and(|d| holds(&der, &d)))
        }
        (None, Some(v1)) => {
            let sha1 = hashes::digest(&hashes::SHA1_FOR_LEGACY_USE_ONLY, &own);
            holds(&v1.to_der().map_err(|_| form)?, sha1.as_ref())
        }
        (None, None) => false,
    };
    if !named {
        return Err("signed for another certificate than it sends");
    }
    let text = attributes.to_der().map_err(|_| form)?;
    let hash = hash_of(signer.signature_algorithm.oid).unwrap_or(hash);
    let key = &certificate.tbs_certificate.subject_public_key_info;
    if verifies(key, hash, &text, signer.signature.as_bytes()) { Ok(()) } else { Err("did not sign what it answers") }
}

/// Whether an octet string of these bytes is in an element: the first certificate that a signer names is its own.
fn holds(element: &[u8], hash: &[u8]) -> bool {
    let Ok(length) = u8::try_from(hash.len()) else { return false };
    let wanted = [&[0x04, length], hash].concat();
    element.windows(wanted.len()).any(|part| part == wanted)
}

fn hashed(hash: ObjectIdentifier, bytes: &[u8]) -> Option<Vec<u8>> {
    let algorithm = match hash {
        SHA256 => &hashes::SHA256,
        SHA384 => &hashes::SHA384,
        SHA512 => &hashes::SHA512,
        _ => return None,
    };
    Some(hashes::digest(algorithm, bytes).as_ref().to_vec())
}

/// The hash that the name of a signature algorithm says; `None` for one that says none.
fn hash_of(algorithm: ObjectIdentifier) -> Option<ObjectIdentifier> {
    const SHA256_RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.11");
    const SHA384_RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.12");
    const SHA512_RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.13");
    const SHA256_EC: ObjectIdentifier = oid("1.2.840.10045.4.3.2");
    const SHA384_EC: ObjectIdentifier = oid("1.2.840.10045.4.3.3");
    const SHA512_EC: ObjectIdentifier = oid("1.2.840.10045.4.3.4");
    match algorithm {
        SHA256_RSA | SHA256_EC => Some(SHA256),
        SHA384_RSA | SHA384_EC => Some(SHA384),
        SHA512_RSA | SHA512_EC => Some(SHA512),
        _ => None,
    }
}

/// Whether a key of this kind made the signature. A kind that is not known makes none.
fn verifies(key: &SubjectPublicKeyInfoOwned, hash: ObjectIdentifier, text: &[u8], signature: &[u8]) -> bool {
    const P256: ObjectIdentifier = oid("1.2.840.10045.3.1.7");
    const P384: ObjectIdentifier = oid("1.3.132.0.34");
    const P521: ObjectIdentifier = oid("1.3.132.0.35");
    let curve = key.algorithm.parameters.as_ref().and_then(|p| p.decode_as::<ObjectIdentifier>().ok());
    let algorithm: &'static dyn VerificationAlgorithm = match (key.algorithm.oid, curve, hash) {
        (RSA, _, SHA256) => &RSA_PKCS1_2048_8192_SHA256,
        (RSA, _, SHA384) => &RSA_PKCS1_2048_8192_SHA384,
        (RSA, _, SHA512) => &RSA_PKCS1_2048_8192_SHA512,
        (EC, Some(P256), SHA256) => &ECDSA_P256_SHA256_ASN1,
        (EC, Some(P256), SHA384) => &ECDSA_P256_SHA384_ASN1,
        (EC, Some(P384), SHA256) => &ECDSA_P384_SHA256_ASN1,
        (EC, Some(P384), SHA384) => &ECDSA_P384_SHA384_ASN1,
        (EC, Some(P521), SHA512) => &ECDSA_P521_SHA512_ASN1,
        _ => return false,
    };
    let Some(public) = key.subject_public_key.as_bytes() else { return false };
    UnparsedPublicKey::new(algorithm, public).verify(text, signature).is_ok()
}
