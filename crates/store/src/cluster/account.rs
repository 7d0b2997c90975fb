//! Under which account of the machine PostgreSQL runs. It refuses to run as root, so root lends it another:
//! the owner of an existing cluster, or `postgres`. Everyone else runs it as themselves.

use super::layout::Layout;
use rustix::process::{getegid, geteuid};
use salus_core::{Error, Result};
use std::{fs, os::unix::fs::MetadataExt, process::Command};

/// Tried in this order when root makes a cluster.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// An account of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
}

impl Account {
    /// The account that runs this cluster.
    pub fn for_cluster(layout: &Layout) -> Result<Self> {
        let me = geteuid().as_raw();
        let owner = fs::metadata(layout.data()).ok().map(|m| (m.uid(), m.gid()));
        match (me, owner) {
            (0, Some((0, _))) => Err(Error::Unavailable(format!(
                "{} belongs to root, and PostgreSQL refuses to run as root: give it to another account with chown -R",
                layout.data().display()
            ))),
            (0, Some((uid, gid))) => Self::named(uid, gid),
            (0, None) => UNPRIVILEGED.iter().find_map(|name| lookup(name)).ok_or_else(|| {
                Error::Unavailable("PostgreSQL cannot run as root: install it with its account `postgres`".into())
            }),
            (_, Some((uid, _))) if uid != me => Err(Error::Unavailable(format!(
                "{} belongs to user number {uid}: run as that user or as root",
                layout.data().display()
            ))),
            _ => Self::named(me, getegid().as_raw()),
        }
    }

    fn named(uid: u32, gid: u32) -> Result<Self> {
        let found = lookup(&uid.to_string()).ok_or_else(|| {
            Error::Unavailable(format!(
                "user number {uid} has no name on this machine, which peer authentication needs"
            ))
        })?;
        Ok(Self { gid, ..found })
    }

    /// Whether commands must be run under another account than ours.
    pub fn is_lent(&self) -> bool {
        geteuid().as_raw() != self.uid
    }

    /// Owner and group for files that this account must own; nothing when that is us anyway.
    pub fn owner(&self) -> Option<(u32, u32)> {
        self.is_lent().then_some((self.uid, self.gid))
    }
}

/// Finds an account by name or number: in `/etc/passwd`, or where accounts come from a directory, by `getent`.
fn lookup(key: &str) -> Option<Account> {
    let local = fs::read_to_string("/etc/passwd").unwrap_or_default();
    find(&local, key).or_else(|| {
        let out = Command::new("getent").args(["passwd", key]).output().ok()?;
        find(&String::from_utf8_lossy(&out.stdout), key)
    })
}

fn find(passwd: &str, key: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut part = line.split(':');
        let (name, _, uid, gid) = (part.next()?, part.next()?, part.next()?, part.next()?);
        (name == key || uid == key)
            .then(|| Some(Account { name: name.to_owned(), uid: uid.parse().ok()?, gid: gid.parse().ok()? }))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_accounts_by_name_and_number() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\npostgres:x:101:104::/var/lib/postgresql:/bin/bash\n";
        let postgres = Account { name: "postgres".into(), uid: 101, gid: 104 };
        assert_eq!(find(passwd, "postgres"), Some(postgres.clone()));
        assert_eq!(find(passwd, "101"), Some(postgres));
        assert_eq!(find(passwd, "10"), None);
    }
}
