//! What a device says (6.1): a fixed head, and behind it the new credential and extensions when flags say so.

use ciborium::Value as Cbor;
use uuid::Uuid;

/// A new credential (6.5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    pub id: Vec<u8>,
    pub public_key: Vec<u8>,
    pub aaguid: Uuid,
}

/// Authenticator data.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "they are the flags of the format")]
pub struct AuthenticatorData {
    pub rp_id_hash: [u8; 32],
    pub user_present: bool,
    pub user_verified: bool,
    pub may_be_backed_up: bool,
    pub is_backed_up: bool,
    pub sign_count: u32,
    pub credential: Option<Credential>,
}

impl AuthenticatorData {
    /// `None` for bytes that are none, too few or too many.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (rp_id_hash, rest) = bytes.split_first_chunk::<32>()?;
        let (flags, rest) = rest.split_first()?;
        let (count, mut rest) = rest.split_first_chunk::<4>()?;
        let flag = |bit: u8| flags >> bit & 1 == 1;
        let mut credential = None;
        if flag(6) {
            let (aaguid, after) = rest.split_first_chunk::<16>()?;
            let (length, after) = after.split_first_chunk::<2>()?;
            let length = usize::from(u16::from_be_bytes(*length));
            if !(1..=1023).contains(&length) {
                return None;
            }
            let (id, after) = after.split_at_checked(length)?;
            let (_, after_key) = next(after)?;
            let public_key = after[..after.len() - after_key.len()].to_vec();
            credential = Some(Credential { id: id.to_vec(), public_key, aaguid: Uuid::from_bytes(*aaguid) });
            rest = after_key;
        }
        if flag(7) {
            let (extensions, after) = next(rest)?;
            extensions.as_map()?;
            rest = after;
        }
        rest.is_empty().then(|| Self {
            rp_id_hash: *rp_id_hash,
            user_present: flag(0),
            user_verified: flag(2),
            may_be_backed_up: flag(3),
            is_backed_up: flag(4),
            sign_count: u32::from_be_bytes(*count),
            credential,
        })
    }
}

/// How deep CBOR of a device may be: its maps hold texts, numbers and bytes.
const DEPTH: usize = 8;

/// The next value, and what comes behind it.
fn next(bytes: &[u8]) -> Option<(Cbor, &[u8])> {
    let mut rest = bytes;
    let value = ciborium::de::from_reader_with_recursion_limit(&mut rest, DEPTH).ok()?;
    Some((value, rest))
}

/// Bytes that are one value and nothing else.
pub fn whole(bytes: &[u8]) -> Option<Cbor> {
    next(bytes).filter(|(_, rest)| rest.is_empty()).map(|(value, _)| value)
}

/// A member of a map by its text name.
pub fn member<'a>(map: &'a Cbor, name: &str) -> Option<&'a Cbor> {
    map.as_map()?.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value)
}

/// A member of a map by its number.
pub fn numbered(map: &Cbor, label: i64) -> Option<&Cbor> {
    let is = |key: &Cbor| key.as_integer().and_then(|n| i64::try_from(n).ok()) == Some(label);
    map.as_map()?.iter().find(|(key, _)| is(key)).map(|(_, value)| value)
}
