//! The SQL that ships in the binary: `bootstrap.sql`, `replaceable/*.sql` and `migrations/NNNNN_name.{up,down}.sql`.
//!
//! Read once, checked once: names, pairs, quotes that end, no transaction control of a file's own, and in a
//! `-- no-transaction` file only statements that may be repeated, because such a file resumes from its beginning.

use std::{collections::BTreeMap, sync::OnceLock};

use rust_embed::RustEmbed;
use salus_core::{Error, Result};

use super::normalise;

#[derive(RustEmbed)]
#[folder = "../../db"]
#[include = "bootstrap.sql"]
#[include = "replaceable/*.sql"]
#[include = "migrations/*.sql"]
struct Embedded;

/// The name under which the checksum of `bootstrap.sql` is kept.
pub(super) const BOOTSTRAP: &str = "bootstrap.sql";

/// Everything a database is made from, in the order of its use.
#[derive(Debug, Clone)]
pub struct Files {
    /// Roles, extensions and the kernel's own schema; run by an administrator.
    pub bootstrap: File,
    /// Functions, triggers and views, by file name; run again whenever they change.
    pub replaceables: Vec<File>,
    /// Structure, by version; each is run once.
    pub migrations: Vec<Migration>,
}

/// One file of SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name, without the folder.
    pub name: String,
    /// Its text, with `\n` line ends.
    pub text: String,
    /// SHA-256 of its tokens, in hex.
    pub checksum: String,
}

/// One step of the structure, forward and back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// The number the file name begins with.
    pub version: i32,
    /// The rest of the name.
    pub name: String,
    /// The way forward.
    pub up: File,
    /// The way back.
    pub down: File,
}

impl Files {
    /// The files of this build.
    pub fn embedded() -> Result<&'static Self> {
        static FILES: OnceLock<Files> = OnceLock::new();
        if let Some(files) = FILES.get() {
            return Ok(files);
        }
        let mut all = Vec::new();
        for path in Embedded::iter() {
            let data = Embedded::get(&path).map(|file| file.data.into_owned()).unwrap_or_default();
            let text = String::from_utf8(data).map_err(|_| Error::Malformed(format!("db/{path} is not UTF-8")))?;
            all.push((path.into_owned(), text));
        }
        let files = Self::parse(all)?;
        Ok(FILES.get_or_init(|| files))
    }

    /// Reads files given as (path below `db/`, text).
    pub fn parse(files: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        let (mut bootstrap, mut replaceables, mut halves) = (None, Vec::new(), BTreeMap::new());
        for (path, text) in files {
            let file = |name: &str| File::new(name, &text).map_err(|e| Error::Malformed(format!("db/{path}: {e}")));
            match path.split_once('/') {
                None if path == BOOTSTRAP => bootstrap = Some(file(&path)?),
                Some(("replaceable", name)) => replaceables.push(file(name)?),
                Some(("migrations", name)) => {
                    let half = Half::parse(name)?;
                    let (version, down) = (half.version, half.down);
                    if halves.insert((version, down), (half, file(name)?)).is_some() {
                        return Err(Error::Malformed(format!("two migrations have the number {version:05}")));
                    }
                }
                _ => {
                    return Err(Error::Malformed(format!("db/{path} is neither bootstrap, replaceable nor migration")));
                }
            }
        }
        replaceables.sort_by(|a: &File, b| a.name.cmp(&b.name));
        Ok(Self {
            bootstrap: bootstrap.ok_or_else(|| Error::Malformed("db/bootstrap.sql is missing".into()))?,
            replaceables,
            migrations: pairs(halves)?,
        })
    }

    /// The migration with this number.
    #[must_use]
    pub fn migration(&self, version: i32) -> Option<&Migration> {
        self.migrations.iter().find(|m| m.version == version)
    }

    /// The highest number, 0 when there is no migration.
    #[must_use]
    pub fn newest(&self) -> i32 {
        self.migrations.last().map_or(0, |m| m.version)
    }
}

impl File {
    fn new(name: &str, text: &str) -> Result<Self> {
        let text = text.replace("\r\n", "\n");
        let file = Self { name: name.into(), checksum: normalise::checksum(&text)?, text };
        for statement in normalise::statements(&file.text)? {
            file.check(statement)?;
        }
        Ok(file)
    }

    /// Runs outside a transaction, for what PostgreSQL refuses inside one: `CREATE INDEX CONCURRENTLY`.
    #[must_use]
    pub fn outside_transaction(&self) -> bool {
        self.text.lines().next().is_some_and(|line| line.trim_end() == "-- no-transaction")
    }

    /// Why running it loses data, from its `-- lossy: why` among the leading comments.
    #[must_use]
    pub fn lossy(&self) -> Option<&str> {
        self.text
            .lines()
            .take_while(|line| line.starts_with("--"))
            .find_map(|line| line.strip_prefix("-- lossy"))
            .map(|why| why.trim_start_matches(':').trim())
    }

    fn check(&self, statement: &str) -> Result<()> {
        let words = normalise::words(statement, 9)?;
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        if let ["begin" | "commit" | "rollback" | "abort" | "end" | "savepoint", ..]
        | ["start" | "prepare", "transaction", ..] = words[..]
        {
            return Err(Error::Malformed(format!(
                "{}: a file holds no {} of its own",
                self.name,
                words[0].to_uppercase()
            )));
        }
        if self.outside_transaction() && !repeatable(&words) {
            return Err(Error::Malformed(format!(
                "{}: outside a transaction only statements that may be repeated are allowed (CREATE INDEX CONCURRENTLY \
                 IF NOT EXISTS, DROP INDEX CONCURRENTLY IF EXISTS, REINDEX, VACUUM, ANALYZE, COMMENT), not {}",
                self.name,
                words.join(" ").to_uppercase()
            )));
        }
        Ok(())
    }
}

fn repeatable(words: &[&str]) -> bool {
    matches!(
        words,
        ["create", "index", "concurrently", "if", "not", "exists", ..]
            | ["create", "unique", "index", "concurrently", "if", "not", "exists", ..]
            | ["drop", "index", "concurrently", "if", "exists", ..]
            | ["reindex" | "vacuum" | "analyze" | "comment", ..]
    )
}

struct Half {
    version: i32,
    name: String,
    down: bool,
}

impl Half {
    fn parse(file: &str) -> Result<Self> {
        let parsed = || {
            let (number, rest) = file.split_once('_')?;
            let (name, down) = match (rest.strip_suffix(".up.sql"), rest.strip_suffix(".down.sql")) {
                (Some(name), _) => (name, false),
                (_, Some(name)) => (name, true),
                _ => return None,
            };
            let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)) && !name.is_empty();
            let version = number.parse().ok().filter(|v| *v > 0 && number.len() == 5 && plain)?;
            Some(Self { version, name: name.into(), down })
        };
        parsed().ok_or_else(|| {
            Error::Malformed(format!("db/migrations/{file} is not named NNNNN_name.up.sql or .down.sql"))
        })
    }
}

fn pairs(mut halves: BTreeMap<(i32, bool), (Half, File)>) -> Result<Vec<Migration>> {
    let mut found = Vec::new();
    while let Some(((version, down), (half, file))) = halves.pop_first() {
        match halves.remove(&(version, !down)) {
            Some((other, back)) if !down && other.name == half.name => {
                found.push(Migration { version, name: half.name, up: file, down: back });
            }
            _ => {
                return Err(Error::Malformed(format!(
                    "db/migrations/{} has no other half of the same name",
                    file.name
                )));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(files: &[(&str, &str)]) -> Result<Files> {
        let own = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        Files::parse(own.chain([("bootstrap.sql".to_owned(), "SELECT 1".to_owned())]))
    }

    #[test]
    fn the_shipped_files_are_in_order() {
        let files = Files::embedded().unwrap();
        assert!(files.migrations.iter().map(|m| m.version).is_sorted());
        assert_eq!(files.migrations[0].name, "kernel");
        assert!(files.replaceables.iter().any(|f| f.name == "kernel.sql"));
        assert!(files.migration(2).unwrap().down.lossy().unwrap().contains("audit log"));
    }

    #[test]
    fn wrong_files_are_named() {
        let up = ("migrations/00001_a.up.sql", "SELECT 1");
        let down = ("migrations/00001_a.down.sql", "SELECT 1");
        for (files, word) in [
            (vec![up], "other half"),
            (vec![down], "other half"),
            (vec![up, ("migrations/00001_b.down.sql", "")], "other half"),
            (vec![up, down, ("migrations/00001_b.up.sql", "")], "00001"),
            (vec![("migrations/1_a.up.sql", "")], "NNNNN_name"),
            (vec![("migrations/00001_.up.sql", "")], "NNNNN_name"),
            (vec![("other.sql", "")], "neither"),
            (vec![("replaceable/a.sql", "SELECT 'a")], "line 1"),
            (vec![down, ("migrations/00001_a.up.sql", "SELECT 1; COMMIT;")], "COMMIT"),
            (vec![down, ("migrations/00001_a.up.sql", "-- no-transaction\nCREATE INDEX a ON b (c)")], "CREATE INDEX A"),
        ] {
            let error = parse(&files).unwrap_err().to_string();
            assert!(error.contains(word), "{word}: {error}");
        }
        assert!(parse(&[up, down]).is_ok());
    }
}
