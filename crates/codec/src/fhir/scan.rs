//! Finds where JSON values begin and end without parsing them: enough to cut a stream into resources and to learn
//! a resource's type. It checks brackets and quotes and nothing else; what it cuts out is parsed strictly later.

use std::ops::Range;

/// What a look at a part of a stream gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scan<T> {
    /// Found.
    Done(T),
    /// The bytes end too early.
    More,
    /// The bytes cannot be JSON.
    Bad,
}

macro_rules! step {
    ($scan:expr) => {
        match $scan {
            Scan::Done(value) => value,
            Scan::More => return Scan::More,
            Scan::Bad => return Scan::Bad,
        }
    };
}
pub(super) use step;

/// The first byte at or after `at` that is no white space.
pub(super) fn blank(bytes: &[u8], at: usize) -> usize {
    let n = bytes[at.min(bytes.len())..].iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')).count();
    at + n
}

/// The end of the string whose opening quote is at `at`.
pub(super) fn string(bytes: &[u8], at: usize) -> Scan<usize> {
    let mut at = at + 1;
    loop {
        let Some(n) = bytes.get(at..).and_then(|rest| memchr::memchr3(b'"', b'\\', b'\n', rest)) else {
            return Scan::More;
        };
        at += n;
        match bytes[at] {
            b'"' => return Scan::Done(at + 1),
            b'\\' => at += 2,
            _ => return Scan::Bad,
        }
    }
}

/// The end of the value that begins at `at`. A number or word at the very end of the bytes asks for more, because
/// it may go on.
pub(super) fn value(bytes: &[u8], at: usize) -> Scan<usize> {
    match bytes.get(at) {
        None => Scan::More,
        Some(b'"') => string(bytes, at),
        Some(b'{' | b'[') => nested(bytes, at),
        Some(b'}' | b']' | b',' | b':') => Scan::Bad,
        Some(_) => {
            let word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.');
            let n = bytes[at..].iter().take_while(|b| word(b)).count();
            match n {
                0 => Scan::Bad,
                n if at + n == bytes.len() => Scan::More,
                n => Scan::Done(at + n),
            }
        }
    }
}

/// The end of the object or array that begins at `at`. The kind of each bracket is left to the parser.
fn nested(bytes: &[u8], at: usize) -> Scan<usize> {
    let mut open = 0_usize;
    let mut at = at;
    loop {
        let next = bytes[at..].iter().position(|b| matches!(b, b'"' | b'{' | b'}' | b'[' | b']'));
        let Some(n) = next else { return Scan::More };
        at += n;
        match bytes[at] {
            b'"' => {
                at = step!(string(bytes, at));
                continue;
            }
            b'{' | b'[' => open += 1,
            _ => open -= 1,
        }
        at += 1;
        if open == 0 {
            return Scan::Done(at);
        }
    }
}

/// One member of an object: the range of its key without quotes, and where its value begins.
pub(super) struct Member {
    pub key: Range<usize>,
    pub value: usize,
}

/// The member that begins at or after `at`, or `None` at the closing brace. `at` stands after the opening brace or
/// after a value.
pub(super) fn member(bytes: &[u8], at: usize) -> Scan<Option<Member>> {
    let mut at = blank(bytes, at);
    if bytes.get(at) == Some(&b',') {
        at = blank(bytes, at + 1);
    }
    match bytes.get(at) {
        None => Scan::More,
        Some(b'}') => Scan::Done(None),
        Some(b'"') => {
            let end = step!(string(bytes, at));
            let colon = blank(bytes, end);
            match bytes.get(colon) {
                None => Scan::More,
                Some(b':') => {
                    let value = blank(bytes, colon + 1);
                    if value >= bytes.len() {
                        return Scan::More;
                    }
                    Scan::Done(Some(Member { key: at + 1..end - 1, value }))
                }
                Some(_) => Scan::Bad,
            }
        }
        Some(_) => Scan::Bad,
    }
}

/// The type of the resource that begins at `at`, by a walk over its own members only, so that a contained resource
/// is not mistaken for it. `None`: it has no `resourceType`.
pub(super) fn resource_type(bytes: &[u8], at: usize) -> Scan<Option<Range<usize>>> {
    let mut at = blank(bytes, at);
    match bytes.get(at) {
        None => return Scan::More,
        Some(b'{') => at += 1,
        Some(_) => return Scan::Bad,
    }
    while let Some(m) = step!(member(bytes, at)) {
        at = step!(value(bytes, m.value));
        if &bytes[m.key] == b"resourceType" {
            let quoted = bytes[m.value] == b'"';
            return if quoted { Scan::Done(Some(m.value + 1..at - 1)) } else { Scan::Bad };
        }
    }
    Scan::Done(None)
}

/// Keys of a Bundle's entry that no other resource's `entry` has.
const ENTRY_KEYS: [&[u8]; 5] = [b"resource", b"fullUrl", b"request", b"response", b"search"];

/// Whether the resource that begins at `at` is a Bundle. Its type may stand behind the entries, of which a Bundle may
/// have any number; then the keys of the first entry tell.
pub(super) fn is_bundle(bytes: &[u8], at: usize) -> Scan<bool> {
    let mut at = blank(bytes, at);
    match bytes.get(at) {
        None => return Scan::More,
        Some(b'{') => at += 1,
        Some(_) => return Scan::Bad,
    }
    while let Some(m) = step!(member(bytes, at)) {
        if &bytes[m.key.clone()] == b"entry" && bytes[m.value] == b'[' && step!(is_entry(bytes, m.value + 1)) {
            return Scan::Done(true);
        }
        at = step!(value(bytes, m.value));
        if &bytes[m.key] == b"resourceType" {
            return Scan::Done(&bytes[m.value..at] == b"\"Bundle\"");
        }
    }
    Scan::Done(false)
}

fn is_entry(bytes: &[u8], at: usize) -> Scan<bool> {
    let mut at = blank(bytes, at);
    match bytes.get(at) {
        None => return Scan::More,
        Some(b'{') => at += 1,
        Some(_) => return Scan::Done(false),
    }
    while let Some(m) = step!(member(bytes, at)) {
        if ENTRY_KEYS.contains(&&bytes[m.key]) {
            return Scan::Done(true);
        }
        at = step!(value(bytes, m.value));
    }
    Scan::Done(false)
}

/// The `resourceType` of a resource without parsing it; the key may stand anywhere among the resource's members.
#[must_use]
pub fn peek_type(bytes: &[u8]) -> Option<&str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match resource_type(bytes, 0) {
        Scan::Done(Some(range)) => std::str::from_utf8(&bytes[range]).ok(),
        _ => None,
    }
}
