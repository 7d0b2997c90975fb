//! Parsers of what others can change, against bytes that nobody wrote: by proptest here, by a fuzzer in `fuzz/`, which
//! has the same checks.

mod bundle;
mod checkpoint;
mod cron;
mod outbound_url;
mod sealed_value;

use proptest::{collection::vec, prelude::*, test_runner::Config};

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(600) })]

    #[test]
    fn any_bytes_are_refused_and_what_was_sealed_is_not(bytes in vec(any::<u8>(), 0..200)) {
        sealed_value::any_bytes(&bytes);
    }

    #[test]
    fn bytes_behind_a_right_beginning_are_refused_as_well(tail in vec(any::<u8>(), 0..120)) {
        sealed_value::any_bytes(&[&[0xE5, 1, 1][..], &tail].concat());
    }

    #[test]
    fn a_head_that_nobody_signed_is_not_believed(text in "[a-z/]{0,9}\n[0-9]{0,4}\n[A-Za-z0-9+/]{0,44}=?\n\n\u{2014} [a-z]{1,3} [A-Za-z0-9+/=]{0,90}\n") {
        checkpoint::any_bytes(text.as_bytes());
    }

    #[test]
    fn no_address_inside_a_network_is_taken(text in "(https?|ftp|HTTPS)?:?//?([a-z]{0,3}@)?(\\[?[0-9a-fx.:%]{1,20}\\]?|[a-z0-9.\u{ff0e}\u{2460}-]{1,14})(:[0-9]{0,5})?(/[a-z?#@\\\\]{0,6})?") {
        outbound_url::any_bytes(text.as_bytes());
    }

    #[test]
    fn a_time_that_comes_back_lies_ahead(text in "([0-9*/,L#W?-]{1,5}|[A-Z]{3})( ([0-9*/,L#W?-]{1,5}|[A-Z]{3}(-[A-Z]{3})?)){3,5}") {
        cron::any_bytes(text.as_bytes());
    }

    #[test]
    fn no_event_is_taken_that_nobody_signed_for(at in any::<prop::sample::Index>(), put in vec(any::<u8>(), 0..4), cut in 0usize..4) {
        let mut bytes = bundle::honest().into_bytes();
        let at = at.index(bytes.len());
        let end = (at + cut).min(bytes.len());
        bytes.splice(at..end, put);
        bundle::any_bytes(&bytes);
    }
}

/// What holds of any bytes.
type Check = fn(&[u8]);

#[test]
fn an_honest_input_cut_off_or_bent_anywhere_is_handled() {
    let honest = bundle::honest();
    let forged = honest.replacen("success", "refused", 1);
    assert!(bundle::any_bytes(honest.as_bytes()) && !bundle::any_bytes(forged.as_bytes()));
    let checks: [Check; 5] =
        [sealed_value::any_bytes, checkpoint::any_bytes, cron::any_bytes, outbound_url::any_bytes, |bytes| {
            bundle::any_bytes(bytes);
        }];
    let honest = honest.into_bytes();
    for check in checks {
        for length in (0..honest.len()).step_by(7) {
            check(&honest[..length]);
            let mut bent = honest.clone();
            bent[length] ^= 1;
            check(&bent);
        }
        for byte in [0, b'\n', 0xff] {
            check(&[byte; 200]);
        }
    }
}
