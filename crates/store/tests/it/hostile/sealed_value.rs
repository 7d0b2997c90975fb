//! What holds of any bytes in the place of a sealed value, whoever thinks them up: proptest in the tests, a fuzzer in `fuzz/`.

use salus_store::seal::{Binding, ClassKey, Format, KeyClass, key_no, open, seal};
use uuid::Uuid;
use zeroize::Zeroizing;

const KEY: u64 = 0x0102_0304_0506_0708;
/// Mark, algorithm, number of the key; nonce; tag.
const LEAST: usize = 11 + 12 + 16;

fn key() -> ClassKey {
    ClassKey::new(KEY, KeyClass::Identity, true, Zeroizing::new([7; 32]))
}

fn place(format: Format) -> Binding {
    Binding { tenant: Uuid::from_u128(1), column: 2, row: Uuid::from_u128(3), format }
}

/// Nothing panics; a number is told only of what begins and is as long as a sealed value; what was not sealed does not open;
/// what was sealed opens to what it was and, one byte changed or cut, does not.
pub fn any_bytes(bytes: &[u8]) {
    let class = key();
    let looks_sealed = bytes.len() >= LEAST && bytes.starts_with(&[0xE5, 1, 1]);
    match key_no(bytes) {
        Ok(number) => assert!(looks_sealed && number.to_be_bytes() == bytes[3..11]),
        Err(_) => assert!(!looks_sealed),
    }
    for format in [Format::Text, Format::Date, Format::Json] {
        assert!(open(&class, None, &place(format), bytes).is_err(), "bytes that nobody sealed open");
    }
    // The same bytes behind a header that is right get as far as the cipher.
    let mut headed = vec![0xE5, 1, 1];
    headed.extend_from_slice(&KEY.to_be_bytes());
    headed.extend_from_slice(bytes);
    assert!(open(&class, None, &place(Format::Json), &headed).is_err());

    let at = place(Format::Text);
    let sealed = seal(&class, None, &at, bytes).expect("bytes are sealed");
    assert_eq!(key_no(&sealed).expect("a number"), KEY);
    assert_eq!(&open(&class, None, &at, &sealed).expect("opens")[..], bytes);
    let (first, second) = (bytes.first().copied().unwrap_or(1), bytes.get(1).copied().unwrap_or(2));
    let mut changed = sealed.clone();
    let where_ = usize::from(first) * 256 + usize::from(second);
    let at_byte = where_ % changed.len();
    changed[at_byte] ^= second | 1;
    assert!(open(&class, None, &at, &changed).is_err(), "byte {at_byte} of {} was changed", sealed.len());
    assert!(open(&class, None, &at, &sealed[..at_byte]).is_err(), "cut to {at_byte} of {}", sealed.len());
}
