//! The list of ASVS requirements is held against the program: a number stands there once, a test that is named exists, and
//! what tests show does not become less.

use super::{Source, sources};
use std::collections::BTreeSet;

const LIST: &str = "docs/ASVS.md";
/// Requirements of each level in version 5.0.0; of the third those that are aimed at.
const LEVELS: [(&str, usize); 3] = [("1", 70), ("2", 183), ("3", 8)];
/// How many of them tests show at least; only raised.
const TESTED: usize = 144;
const VERDICTS: [&str; 6] = ["tested", "by design", "absent", "operator", "partly", "missed"];

/// The four cells of a row.
fn rows(list: &Source) -> Vec<(usize, [&str; 4])> {
    let lines =
        list.text.lines().enumerate().filter(|(_, line)| {
            line.strip_prefix("| ").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        });
    let cells = |line| <[&str; 4]>::try_from(str::trim_matches(line, ['|', ' ']).splitn(4, " | ").collect::<Vec<_>>());
    lines.filter_map(|(at, line)| Some((at + 1, cells(line).ok()?))).collect()
}

/// What is wrong with the list, and how many requirements tests show.
fn faults(list: &Source, all: &[Source]) -> (Vec<String>, usize) {
    let (mut faults, mut numbers, mut tested) = (Vec::new(), BTreeSet::new(), 0);
    let rows = rows(list);
    for (at, [number, _, verdict, why]) in &rows {
        let mut fault = |what: String| faults.push(list.at(*at, &format!("{number}: {what}")));
        if !numbers.insert(*number) {
            fault("stands here twice".into());
        }
        if !VERDICTS.contains(verdict) {
            fault(format!("{verdict} is no verdict"));
        }
        let named: Vec<&str> = why.split('`').skip(1).step_by(2).filter(|name| name.contains(".rs ")).collect();
        if (*verdict == "tested") == named.is_empty() {
            fault("names tests when its verdict is tested, and only then".into());
        }
        for name in named {
            let (file, test) = name.split_once(' ').unwrap_or_default();
            let file = format!("crates/{file}");
            if !all.iter().any(|s| s.path == file && is_test_in(&s.text, test)) {
                fault(format!("there is no test {test} in {file}"));
            }
        }
        tested += usize::from(*verdict == "tested");
    }
    for (level, count) in LEVELS {
        let found = rows.iter().filter(|(_, cells)| cells[1] == level).count();
        if found != count {
            faults.push(list.at(1, &format!("level {level} has {count} requirements, and {found} stand here")));
        }
    }
    (faults, tested)
}

/// Whether a function of this name stands right under the attribute of a test.
fn is_test_in(text: &str, name: &str) -> bool {
    let head = format!("fn {name}(");
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.iter().enumerate().any(|(at, line)| {
        let above = || lines[..at].iter().rev().take_while(|l| l.starts_with("#[") || l.starts_with("//"));
        line.contains(&head) && above().any(|l| l.contains("test"))
    })
}

#[test]
fn each_requirement_has_a_verdict_and_each_test_that_is_named_exists() {
    let all = sources();
    let list = all.iter().find(|s| s.path == LIST).unwrap();
    let (found, tested) = faults(list, &all);
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(tested >= TESTED, "tests show {tested} requirements, and {TESTED} did before");

    let broken =
        list.text.replacen("tests/it/headers.rs", "tests/it/footers.rs", 1).replacen("| tested |", "| green |", 1);
    let (found, _) = faults(&Source::new(LIST, &broken), &all);
    assert!(found.iter().any(|f| f.contains("footers.rs")) && found.iter().any(|f| f.contains("green is no verdict")));
}
