//! What holds of any bytes in the place of a file from outside, whoever thinks them up.

use salus_codec::{
    cvx,
    fhir::{self, Layout, Resources, peek_type},
    json::{self, Limits, canonical},
};

/// FHIR resources. Nothing panics and every reader comes to its end; what is read is written in one way, and that is read
/// as the same; what is mapped is written as a resource again.
pub fn fhir(bytes: &[u8]) {
    let _ = peek_type(bytes);
    if let Ok(resource) = fhir::parse(bytes) {
        let text = canonical(&resource);
        let again = json::parse(&text, Limits::default()).expect("what was written is read");
        assert_eq!(canonical(&again), text, "one way to write a resource");
        if let Ok(mapped) = fhir::map(&resource)
            && let Some(written) = fhir::write(&mapped.record, Some(resource.clone()))
        {
            assert!(fhir::parse(&canonical(&written)).is_ok(), "what leaves is a resource");
        }
    }
    for layout in [Layout::Auto, Layout::Lines, Layout::Document] {
        let mut steps = 0;
        for found in Resources::with_layout(bytes, layout) {
            steps += 1;
            assert!(steps <= bytes.len() + 1, "a reader must come to an end");
            if let Ok(item) = found {
                assert!(item.bytes.len() <= bytes.len() && item.offset <= bytes.len() as u64);
            }
        }
    }
}

/// CDC's list of vaccine codes. Nothing panics; what is taken stands once.
pub fn codes(bytes: &[u8]) {
    if let Ok(all) = cvx::read(bytes) {
        let mut codes: Vec<&str> = all.iter().map(|c| c.cvx.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), all.len());
    }
}
