//! What differs between two snapshots, said once: what hangs on a missing or unexpected thing is not told again.

use std::{collections::HashSet, fmt};

use super::{Entry, Kind, Snapshot};

/// One thing that is not as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What it is.
    pub kind: Kind,
    /// Its name as SQL, such as `tenant_wall ON kernel.keys`.
    pub name: String,
    /// What is wrong with it.
    pub change: Change,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Expected and not there.
    Missing(Entry),
    /// There and not expected.
    Unexpected(Entry),
    /// There, but different.
    Altered {
        /// What it should be.
        expected: Entry,
        /// What it is.
        found: Entry,
    },
}

/// Every difference of `live` from `expected`, in the order in which things can be made.
#[must_use]
pub fn compare(expected: &Snapshot, live: &Snapshot) -> Vec<Difference> {
    let judged = |kind: Kind| !(live.unregistered && kind == Kind::Registration);
    let mut found = Vec::new();
    for (kind, name, entry) in expected.iter().filter(|(kind, ..)| judged(*kind)) {
        let change = match live.get(kind, name) {
            None => Change::Missing(entry.clone()),
            Some(other) if other.definition == entry.definition => continue,
            Some(other) => Change::Altered { expected: entry.clone(), found: other.clone() },
        };
        found.push(Difference { kind, name: name.to_owned(), change });
    }
    for (kind, name, entry) in live.iter() {
        if expected.get(kind, name).is_none() {
            found.push(Difference { kind, name: name.to_owned(), change: Change::Unexpected(entry.clone()) });
        }
    }
    found.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    without_consequences(found)
}

/// Leaves out what belongs to something that is itself missing or unexpected.
fn without_consequences(mut found: Vec<Difference>) -> Vec<Difference> {
    let identity = |d: &Difference| format!("{} {}", d.kind.word(), d.name);
    let whole: HashSet<(bool, String)> =
        found.iter().filter_map(|d| Some((d.change.is_missing()?, identity(d)))).collect();
    found.retain(|d| match (&d.change, d.change.is_missing()) {
        (Change::Missing(entry) | Change::Unexpected(entry), Some(missing)) => {
            // A comment on an object names that object as its parent and has another identity itself.
            !whole.contains(&(missing, entry.parent.clone()))
        }
        _ => true,
    });
    found
}

impl Change {
    /// `true` for missing, `false` for unexpected, `None` for altered.
    fn is_missing(&self) -> Option<bool> {
        match self {
            Self::Missing(_) => Some(true),
            Self::Unexpected(_) => Some(false),
            Self::Altered { .. } => None,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)?;
        match &self.change {
            Change::Missing(entry) if entry.definition.is_empty() => f.write_str(" is missing"),
            Change::Missing(entry) => write!(f, " is missing: {}", around(&one_line(&entry.definition), 0)),
            Change::Unexpected(entry) if entry.definition.is_empty() => f.write_str(" is not expected"),
            Change::Unexpected(entry) => write!(f, " is not expected: {}", around(&one_line(&entry.definition), 0)),
            Change::Altered { expected, found } => {
                let [expected, found] = [expected, found].map(|entry| one_line(&entry.definition));
                let at = first_difference(&expected, &found);
                let [expected, found] = [expected, found].map(|text| around(&text, at));
                write!(f, " differs: expected \"{expected}\", found \"{found}\"")
            }
        }
    }
}

/// How many characters two texts share at their beginning.
fn first_difference(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What stands near the character `at`, in bounded length.
fn around(text: &str, at: usize) -> String {
    const BEFORE: usize = 60;
    const LENGTH: usize = 160;
    let length = text.chars().count();
    if length <= LENGTH {
        return text.to_owned();
    }
    let start = at.saturating_sub(BEFORE).min(length - LENGTH);
    let middle: String = text.chars().skip(start).take(LENGTH).collect();
    let (before, after) = (if start > 0 { "…" } else { "" }, if start + LENGTH < length { "…" } else { "" });
    format!("{before}{middle}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(lines: &str) -> Snapshot {
        Snapshot::parse(lines).unwrap()
    }

    #[test]
    fn what_hangs_on_a_missing_table_is_not_told_again() {
        let whole = snapshot(
            "TABLE\ta.b\tSCHEMA a\t\nCOLUMN\ta.b.c\tTABLE a.b\tint\nCOMMENT\tCOLUMN a.b.c\tCOLUMN a.b.c\twhy\nSCHEMA\ta\t\t",
        );
        let empty = snapshot("SCHEMA\ta\t\t");
        let told = |d: Vec<Difference>| d.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(told(compare(&whole, &empty)), ["table a.b is missing"]);
        assert_eq!(told(compare(&empty, &whole)), ["table a.b is not expected"]);
        assert!(compare(&whole, &whole).is_empty());
    }

    #[test]
    fn a_long_definition_is_shown_where_it_differs() {
        let text = |word: &str| format!("FUNCTION\ta.b()\tSCHEMA a\t{} {word} {}", "x ".repeat(200), "y ".repeat(200));
        let found = compare(&snapshot(&text("one")), &snapshot(&text("two")));
        let told = found[0].to_string();
        assert!(told.contains("x one y") && told.contains("x two y") && told.len() < 450, "{told}");
    }
}
