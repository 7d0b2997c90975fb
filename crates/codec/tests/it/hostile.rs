//! Input made to break the parser: it is refused with a path, and nothing panics.

use crate::{
    any_bytes,
    support::{map, refusals},
};
use proptest::prelude::*;
use salus_codec::fhir::{self, peek_type};
use salus_codec::json::{self, Limits, canonical};

/// Path and code of the refusal of one text.
fn refused(text: &[u8]) -> String {
    let problem = fhir::parse(text).expect_err("must be refused");
    format!("{} {}", problem.path, problem.code)
}

#[test]
fn nesting_is_bounded() {
    let deep = |n: usize| format!(r#"{{"resourceType":"Basic","x":{}1{}}}"#, "[".repeat(n), "]".repeat(n));
    assert!(fhir::parse(deep(63).as_bytes()).is_ok());
    assert!(refused(deep(64).as_bytes()).ends_with(" depth"));
    assert!(refused(deep(1_000_000).as_bytes()).ends_with(" depth"));
    let objects = format!(r#"{{"resourceType":"Basic","x":{}"#, r#"{"a":"#.repeat(1_000_000));
    assert!(fhir::parse(objects.as_bytes()).is_err());
}

#[test]
fn lists_are_bounded() {
    let long = |n: usize| format!(r#"{{"resourceType":"Basic","x":[{}0]}}"#, "0,".repeat(n - 1));
    assert!(fhir::parse(long(100_000).as_bytes()).is_ok());
    assert_eq!(refused(long(100_001).as_bytes()), "Basic.x too_many");
}

#[test]
fn a_key_stands_once() {
    assert_eq!(
        refused(br#"{"resourceType":"Patient","name":[{"family":"a"},{"family":"b","family":"c"}]}"#),
        "Patient.name[1].family duplicate_key"
    );
    assert_eq!(refused(br#"{"resourceType":"Patient","id":"a","\u0069d":"b"}"#), "Patient.id duplicate_key");
    let many = (0..5000).map(|n| format!(r#""k{n}":1"#)).collect::<Vec<_>>().join(",") + ",";
    assert_eq!(
        refused(format!(r#"{{"resourceType":"Basic",{many}"k4321":1}}"#).as_bytes()),
        "Basic.k4321 duplicate_key"
    );
    // A key that is data is not repeated in the message.
    assert_eq!(refused(br#"{"resourceType":"Basic","Ann Lee":1,"Ann Lee":1}"#), "Basic.? duplicate_key");
}

#[test]
fn only_json_is_json() {
    for (text, expected) in [
        (&br#"{"resourceType":"Basic","x":NaN}"#[..], "Basic.x syntax"),
        (br#"{"resourceType":"Basic","x":-Infinity}"#, "Basic.x syntax"),
        (br#"{"resourceType":"Basic","x":01}"#, "Basic syntax"),
        (br#"{"resourceType":"Basic","x":1.}"#, "Basic.x syntax"),
        (br#"{"resourceType":"Basic","x":.5}"#, "Basic.x syntax"),
        (br#"{"resourceType":"Basic","x":"a"} {}"#, "Basic trailing"),
        (br#"{"resourceType":"Basic",}"#, "Basic syntax"),
        (br#"{"resourceType":"Basic","x":["a" "b"]}"#, "Basic.x syntax"),
        (br#"{"resourceType":"Basic","x":"\ud800"}"#, "Basic.x surrogate"),
        (br#"{"resourceType":"Basic","x":"\ud800\u0041"}"#, "Basic.x surrogate"),
        (br#"{"resourceType":"Basic","x":"\u0000"}"#, "Basic.x control_character"),
        (b"{\"resourceType\":\"Basic\",\"x\":\"\x01\"}", "Basic.x control_character"),
        (b"{\"resourceType\":\"Basic\",\"x\":\"\xff\"}", "Basic utf8"),
        (br#"{"resourceType":"Basic","x":"\q"}"#, "Basic.x syntax"),
        (br#"{"resourceType":"Basic""#, "Basic syntax"),
        (b"", " syntax"),
        (b"[]", " no_object"),
        (b"{}", "resourceType required"),
        (br#"{"resourceType":"Pacient"}"#, "resourceType unknown_type"),
        (br#"{"resourceType":7}"#, "resourceType required"),
        (br#"{"resourceType":"Patient","id":"a/b"}"#, "Patient.id id"),
        (br#"{"resourceType":"Patient","id":7}"#, "Patient.id id"),
    ] {
        assert_eq!(refused(text), expected, "{}", String::from_utf8_lossy(text));
    }
    let long = format!(r#"{{"resourceType":"Basic","x":{}}}"#, "9".repeat(200));
    assert_eq!(refused(long.as_bytes()), "Basic.x number");
}

#[test]
fn numbers_and_texts_are_kept_exactly() {
    let text = r#"{"b":1.00,"a":[-0.0,1e-7,123456789012345678901234567890],"c":"\"\\\n\t\u00e9😀\/"}"#;
    let value = json::parse(text.as_bytes(), Limits::default()).unwrap();
    assert_eq!(
        value.to_string(),
        "{\"b\":1.00,\"a\":[-0.0,1e-7,123456789012345678901234567890],\"c\":\"\\\"\\\\\\n\\té😀/\"}"
    );
    // RFC 8785 sorts by UTF-16: the emoji's surrogates come before U+FB01.
    let keys = "{\"\u{fb01}\":1,\"😀\":2,\"a\":{\"z\":[],\"y\":{}}}";
    let value = json::parse(keys.as_bytes(), Limits::default()).unwrap();
    assert_eq!(String::from_utf8(canonical(&value)).unwrap(), "{\"a\":{\"y\":{},\"z\":[]},\"😀\":2,\"\u{fb01}\":1}");
    let (a, b) = (br#"{"x":1,"y":2}"#, br#" { "y" : 2, "x":1 } "#);
    let of = |text: &[u8]| canonical(&json::parse(text, Limits::default()).unwrap());
    assert_eq!(of(a), of(b));
}

#[test]
fn the_type_is_found_wherever_it_stands() {
    assert_eq!(
        peek_type(br#" {"id":"a","contained":[{"resourceType":"Medication"}],"resourceType" : "Basic"}"#),
        Some("Basic")
    );
    assert_eq!(peek_type(b"\xef\xbb\xbf{\"resourceType\":\"Basic\""), Some("Basic"));
    assert_eq!(peek_type(br#"{"x":"\"resourceType\":\"Patient\"","y":{"resourceType":"Patient"}}"#), None);
    for none in [&b""[..], b"{", b"[]", b"{}", br#"{"resourceType":7}"#, br#"{"resourceType""#, b"null"] {
        assert_eq!(peek_type(none), None);
    }
}

#[test]
fn a_bad_element_refuses_the_resource_with_its_path() {
    for (text, expected) in [
        (r#"{"resourceType":"Condition","code":{"text":"x"}}"#, "Condition.subject required"),
        (r#"{"resourceType":"Patient","birthDate":"1990-02-30"}"#, "Patient.birthDate date"),
        (r#"{"resourceType":"Patient","birthDate":19900101}"#, "Patient.birthDate type"),
        (r#"{"resourceType":"Patient","gender":"F"}"#, "Patient.gender code"),
        (r#"{"resourceType":"Patient","name":{"family":"x"}}"#, "Patient.name type"),
        (r#"{"resourceType":"Patient","name":[{"use":"old"},{"use":"nick"}]}"#, "Patient.name[1].use code"),
        (r#"{"resourceType":"Patient","telecom":[{"rank":"1","value":"5"}]}"#, "Patient.telecom[0].rank type"),
        (r#"{"resourceType":"Patient","deceasedDateTime":"yesterday"}"#, "Patient.deceasedDateTime date"),
        (r#"{"resourceType":"Encounter","status":"done","class":{"code":"AMB"}}"#, "Encounter.status code"),
        (
            r#"{"resourceType":"Encounter","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/1"},
                "period":{"start":"2020-01-02","end":"2020-01-01"}}"#,
            "Encounter.period period",
        ),
        (
            r#"{"resourceType":"Procedure","status":"completed","subject":{"reference":"Patient/1"},
                "performedDateTime":"2020-01-01T10:00"}"#,
            "Procedure.performedDateTime date",
        ),
        (
            r#"{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":"5"}}"#,
            "Observation.valueQuantity.value type",
        ),
        (
            r#"{"resourceType":"AllergyIntolerance","patient":{"reference":"Patient/1"},"code":{"text":"nuts"},
                "reaction":[{"severity":"mild"},{"severity":"bad"}]}"#,
            "AllergyIntolerance.reaction[1].severity code",
        ),
    ] {
        assert_eq!(refusals(text), [expected], "{text}");
    }
    assert_eq!(
        refusals(r#"{"resourceType":"Immunization","patient":{"reference":"Patient/1"}}"#),
        ["Immunization.status required", "Immunization.vaccineCode required", "Immunization.occurrence[x] required"]
    );
}

#[test]
fn a_refusal_never_repeats_the_source() {
    for text in [
        r#"{"resourceType":"Patient","gender":"Zebedee"}"#,
        r#"{"resourceType":"Patient","birthDate":"Zebedee"}"#,
        r#"{"resourceType":"Patient","Zebedee x":1,"Zebedee x":2}"#,
        r#"{"resourceType":"Zebedee"}"#,
        r#"{"resourceType":"Patient","id":"Zebedee Zebedee"}"#,
        r#"{"resourceType":"Patient","x":Zebedee}"#,
    ] {
        let told = format!("{:?}", map(text).unwrap_err());
        assert!(!told.contains("Zebedee"), "{told}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        any_bytes::fhir(&bytes);
        any_bytes::codes(&bytes);
    }

    #[test]
    fn pieces_of_json_never_panic(pieces in proptest::collection::vec(piece(), 0..40)) {
        any_bytes::fhir(pieces.concat().as_bytes());
    }

    #[test]
    fn broken_resources_never_panic(cut in 0usize..1400, with in "[{}\\[\\]\",:0-9a-z]{0,3}", skip in 0usize..20) {
        let whole = include_str!("patient.json");
        let cut = cut.min(whole.len());
        let rest = (cut + skip).min(whole.len());
        if whole.is_char_boundary(cut) && whole.is_char_boundary(rest) {
            any_bytes::fhir(format!("{}{with}{}", &whole[..cut], &whole[rest..]).as_bytes());
        }
    }
}

fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\n",
        "\\",
        "\"resourceType\":",
        "\"Patient\"",
        "\"Bundle\"",
        "\"entry\":[",
        "{\"resource\":{",
        "\"fullUrl\":\"x\"",
        "1",
        "true",
        "null",
        "\"id\":\"a\"",
        " ",
        "\"Observation\"",
        "\"code\":{",
    ])
}
