//! Which PostgreSQL of this machine is used, and which versions are refused.

use super::layout::Layout;
use salus_core::{Error, Result};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The oldest release we run on.
const OLDEST_MAJOR: i32 = 15;
/// The first minor release of each line without CVE-2025-8713 (statistics reveal rows that policies hide).
const FIXED: [(i32, i32); 3] = [(15, 14), (16, 10), (17, 6)];

/// One set of PostgreSQL programs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Installation {
    /// As `server_version_num` writes it.
    pub version: i32,
    pub bin_dir: PathBuf,
}

impl Installation {
    pub fn major(&self) -> i32 {
        self.version / 10_000
    }

    /// The newest installation, or for an existing cluster the one of its own release.
    pub fn find(layout: &Layout) -> Result<Self> {
        let mut found = Self::all();
        let Ok(made_by) = fs::read_to_string(layout.data().join("PG_VERSION")) else {
            return found.pop().filter(|i| i.major() >= OLDEST_MAJOR).ok_or_else(|| {
                Error::Unavailable(format!(
                    "no PostgreSQL {OLDEST_MAJOR} or newer is installed: apt-get install postgresql, or set DATABASE_URL"
                ))
            });
        };
        let major = made_by.trim().parse().unwrap_or(0);
        found.into_iter().rfind(|i| i.major() == major).ok_or_else(|| {
            Error::Unavailable(format!(
                "the cluster in {} was made by PostgreSQL {major}, which is no longer installed: \
                 apt-get install postgresql-{major}",
                layout.home.display()
            ))
        })
    }

    /// The newest of this release, to restore a backup of it.
    pub fn of_major(major: i32) -> Result<Self> {
        Self::all().into_iter().rfind(|i| i.major() == major).ok_or_else(|| {
            Error::Unavailable(format!(
                "the backup was taken from PostgreSQL {major}, which is not installed: apt-get install postgresql-{major}"
            ))
        })
    }

    fn all() -> Vec<Self> {
        let mut found: Vec<Self> = candidates().into_iter().filter_map(|dir| Self::at(&dir)).collect();
        found.sort();
        found
    }

    fn at(dir: &Path) -> Option<Self> {
        let program = dir.join("postgres").canonicalize().ok()?;
        let bin_dir = program.parent()?.to_owned();
        if !bin_dir.join("initdb").exists() {
            return None;
        }
        let out = Command::new(&program).arg("--version").output().ok()?;
        Some(Self { version: version_num(&String::from_utf8_lossy(&out.stdout))?, bin_dir })
    }
}

fn candidates() -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    dirs.extend(fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|e| e.path().join("bin")));
    if let Ok(out) = Command::new("pg_config").arg("--bindir").output() {
        dirs.push(String::from_utf8_lossy(&out.stdout).trim().into());
    }
    dirs
}

/// Reads `postgres (PostgreSQL) 15.18 (Debian …)`; a development release such as `18devel` or `17beta1` counts as its `.0`.
fn version_num(text: &str) -> Option<i32> {
    let word = text.split_whitespace().nth(2)?;
    let mut parts = word.split(|c: char| !c.is_ascii_digit());
    let major: i32 = parts.next()?.parse().ok()?;
    let minor: i32 = parts.next().and_then(|m| m.parse().ok()).unwrap_or(0);
    Some(major * 10_000 + minor)
}

/// Where `pg_dump` and `pg_restore` of this release are, or of the next newer one. The server itself need not be here.
pub(crate) fn programs(major: i32) -> Result<PathBuf> {
    let version = |dir: PathBuf| -> Option<Installation> {
        let bin_dir = dir.join("pg_dump").canonicalize().ok()?.parent()?.to_owned();
        if !bin_dir.join("pg_restore").exists() {
            return None;
        }
        let out = Command::new(bin_dir.join("pg_dump")).arg("--version").output().ok()?;
        Some(Installation { version: version_num(&String::from_utf8_lossy(&out.stdout))?, bin_dir })
    };
    let mut found: Vec<Installation> = candidates().into_iter().filter_map(version).collect();
    found.sort();
    let first = found.iter().map(Installation::major).find(|m| *m >= major);
    found.into_iter().rfind(|i| Some(i.major()) == first).map(|i| i.bin_dir).ok_or_else(|| {
        Error::Unavailable(format!(
            "pg_dump and pg_restore of PostgreSQL {major} or newer are not installed: apt-get install \
             postgresql-client-{major}"
        ))
    })
}

/// Why the server must not run on this version of PostgreSQL, and what to do; `None` when it may.
/// `version` is `server_version_num`.
///
/// The bounds are those of CVE-2025-8713: below them, planner statistics show values of rows that row-level
/// security hides, which is the wall between tenants.
#[must_use]
pub fn version_refusal(version: i32) -> Option<String> {
    let (major, minor) = (version / 10_000, version % 10_000);
    if major < OLDEST_MAJOR {
        return Some(format!(
            "PostgreSQL {major}.{minor} is too old: at least {OLDEST_MAJOR} is needed; install a newer release \
             (apt-get install postgresql) and load a dump of the database into it"
        ));
    }
    let (_, fixed) = FIXED.into_iter().find(|(line, _)| *line == major)?;
    (minor < fixed).then(|| {
        format!(
            "PostgreSQL {major}.{minor} lets tenants see each other's values through planner statistics \
             (CVE-2025-8713): update it to {major}.{fixed} or newer (apt-get update && apt-get install postgresql-{major}) \
             and restart it"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions() {
        assert_eq!(version_num("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(150_018));
        assert_eq!(version_num("postgres (PostgreSQL) 18devel"), Some(180_000));
        assert_eq!(version_num("postgres (PostgreSQL) 17beta1"), Some(170_000));
        assert_eq!(version_num("bash: not found"), None);
    }

    #[test]
    fn refuses_what_leaks_and_what_is_too_old() {
        for refused in [140_019, 150_013, 160_009, 170_005] {
            let text = version_refusal(refused).unwrap_or_default();
            assert!(text.contains("apt-get"), "{refused}: {text}");
        }
        for fine in [150_014, 150_018, 160_010, 170_006, 180_000, 190_001] {
            assert_eq!(version_refusal(fine), None);
        }
    }
}
