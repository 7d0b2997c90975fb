//! Every migration can be taken back, and its number is its own.

use super::sources;
use std::collections::BTreeMap;

/// What is wrong with a set of file names in `db/migrations`.
fn unpaired(names: &[&str]) -> Vec<String> {
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for name in names {
        let number = name.get(..5).filter(|n| n.chars().all(|c| c.is_ascii_digit()) && name[5..].starts_with('_'));
        let stem = name.strip_suffix(".up.sql").or_else(|| name.strip_suffix(".down.sql"));
        match (number, stem) {
            (Some(number), Some(_)) => found.entry(number).or_default().push(name),
            _ => wrong.push(format!("{name}: is named NNNNN_name.up.sql or NNNNN_name.down.sql")),
        }
    }
    for (number, mut files) in found {
        files.sort_unstable();
        let stem = files[0].trim_end_matches(".down.sql");
        if files != [format!("{stem}.down.sql"), format!("{stem}.up.sql")] {
            wrong.push(format!("{number}: one up and one down of the same name, not {}", files.join(", ")));
        }
    }
    wrong
}

#[test]
fn migrations_go_both_ways() {
    assert!(unpaired(&["00001_a.up.sql", "00001_a.down.sql"]).is_empty());
    assert_eq!(unpaired(&["00001_a.up.sql"]).len(), 1);
    assert_eq!(unpaired(&["00001_a.up.sql", "00001_b.down.sql"]).len(), 1);
    assert_eq!(unpaired(&["00001_a.up.sql", "00001_a.down.sql", "00001_b.up.sql", "00001_b.down.sql"]).len(), 1);
    assert_eq!(unpaired(&["1_a.up.sql"]).len(), 1);
    let all = sources();
    let names: Vec<&str> = all.iter().filter_map(|s| s.path.strip_prefix("db/migrations/")).collect();
    assert!(names.len() >= 4);
    assert_eq!(unpaired(&names), Vec::<String>::new());
}

#[test]
fn migrations_say_what_they_do() {
    for source in sources().iter().filter(|s| s.path.starts_with("db/migrations/")) {
        let sql = source.text.lines().any(|l| !l.trim().is_empty() && !l.trim_start().starts_with("--"));
        assert!(sql, "{} does nothing", source.path);
    }
}
