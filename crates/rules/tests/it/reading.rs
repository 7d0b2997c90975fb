//! Reading supporting data: what is wrong is named with file, line, element and what to do.

use super::support::{schedule, supporting_data};
use salus_rules::immunization::read;

type Files = Vec<(String, Vec<u8>)>;

fn refusal(files: &Files) -> String {
    let read = read::schedule(files.iter().map(|(n, b)| (n.as_str(), b.as_slice())));
    read.map(|_| "it was read").unwrap_err().to_string()
}

/// The release with a change in one file.
fn changed(part: &str, from: &str, to: &str) -> Files {
    let mut files = supporting_data();
    let (_, bytes) = files.iter_mut().find(|(name, _)| name.contains(part)).unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(text.contains(from));
    *bytes = text.replacen(from, to, 1).into_bytes();
    files
}

#[test]
fn a_release_is_read_whole() {
    let schedule = schedule();
    assert_eq!((schedule.antigens.len(), schedule.groups.len()), (30, 26));
    assert_eq!(schedule.conflicts.values().map(Vec::len).sum::<usize>(), 625);
    assert_eq!((schedule.vaccines.len(), schedule.observations.len()), (218, 277));
    assert_eq!(schedule.observed_as("SNOMED", "370388006"), [3]);
    assert_eq!(schedule.observed_as("SNOMED", "1"), Vec::<u16>::new());
    assert_eq!(schedule.antigens.iter().map(|a| a.series.len()).sum::<usize>(), 143);
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let cases = [
        ("Varicella", "<absMinAge>12 months - 4 days</absMinAge>", "<absMinAge>a year</absMinAge>", "<absMinAge>"),
        ("Varicella", "<cvx>21</cvx>", "<cvx>VZV</cvx>", "'VZV' is not a CVX code"),
        ("Varicella", "<seriesType>Standard</seriesType>", "<seriesType>Usual</seriesType>", "'Usual'"),
        ("Varicella", "01/01/1980", "1980", "<immunityBirthDate> holds '1980'"),
        ("Polio", "<setLogic>OR</setLogic>", "<setLogic>XOR</setLogic>", "<setLogic> holds 'XOR'"),
        ("Schedule", "<antigen>Measles</antigen>", "<antigen>Rubeola</antigen>", "Rubeola"),
    ];
    for (part, from, to, expected) in cases {
        let message = refusal(&changed(part, from, to));
        assert!(message.contains(part) && message.contains(" line ") && message.contains(expected), "{message}");
        assert!(message.contains("correct it or import the published file again"), "{message}");
    }
}

#[test]
fn a_broken_or_missing_file_is_named() {
    let cut = changed("Zoster", "</antigenSupportingData>", "");
    assert!(refusal(&cut).contains("Zoster-508.xml line "), "{}", refusal(&cut));
    let entity = changed("Zoster", "</seriesName>", "&secret;</seriesName>");
    assert!(refusal(&entity).contains("unknown entity"), "{}", refusal(&entity));
    let mut files = supporting_data();
    files.retain(|(name, _)| !name.starts_with("Schedule"));
    assert!(refusal(&files).contains("ScheduleSupportingData.xml is missing"));
    files = supporting_data();
    let twice = files.iter().find(|(name, _)| name.contains("Polio")).unwrap().clone();
    files.push(twice);
    assert!(refusal(&files).contains("two files describe the antigen Polio"));
    files = supporting_data();
    files.retain(|(name, _)| !name.contains("Polio"));
    assert!(refusal(&files).contains("no file describes the antigen Polio"));
    assert!(refusal(&vec![("a.xml".to_owned(), b"<html/>".to_vec())]).contains("a.xml line 1, <html>"));
}
