//! Parsers of what others can change, against bytes that nobody wrote: here a few, by a fuzzer in `fuzz/` many.

mod token;

/// A token in all but its signature, and a set of keys, cut off and bent at every place.
#[test]
fn tokens_that_nobody_signed_are_refused_however_they_are_bent() {
    let honest = [
        "eyJhbGciOiJFUzI1NiIsImtpZCI6IjEifQ.eyJpc3MiOiIifQ.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        r#"{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},{"kty":"OKP","crv":"Ed25519","x":""}]}"#,
    ];
    for text in honest {
        token::any_bytes(text.as_bytes());
        for at in 0..text.len() {
            token::any_bytes(&text.as_bytes()[..at]);
            for byte in [b'.', b'"', 0, b'A'] {
                let mut bent = text.as_bytes().to_vec();
                bent[at] = byte;
                token::any_bytes(&bent);
            }
        }
    }
}
