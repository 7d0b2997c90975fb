//! A file that takes up room beside the database, to be given up when the disk is full: without any room PostgreSQL can
//! neither go on nor be emptied, because even removing rows is written down first (`spec` 3.1).

use super::layout::{Layout, at};
use rustix::fs::{FallocateFlags, fallocate, statvfs};
use salus_core::{Error, Result};
use std::{
    fs::{self, File},
    path::Path,
};

/// A disk must have so many times the ballast free, or none is made.
const TIMES: u64 = 4;
/// The same where it was given up and is to be kept again.
const TIMES_AGAIN: u64 = 2;

/// Makes the ballast of this data directory where there is none and room for it; 0 MiB is none. Whether it is there.
///
/// # Errors
/// [`Error::Unavailable`] when it cannot be made.
pub fn keep_ballast(home: &Path, mib: u64) -> Result<bool> {
    keep(home, mib, TIMES)
}

/// The same after it was given up: when there is room for it and as much again. A disk that was full is small by nature.
pub(crate) fn keep_again(home: &Path, mib: u64) -> Result<bool> {
    keep(home, mib, TIMES_AGAIN)
}

fn keep(home: &Path, mib: u64, times: u64) -> Result<bool> {
    let path = Layout::prepare(home)?.ballast();
    if path.exists() || mib == 0 {
        return Ok(path.exists());
    }
    let bytes = mib << 20;
    let disk = statvfs(home).map_err(|e| at(home, &e.into()))?;
    if disk.f_bavail * disk.f_frsize < bytes * times {
        return Ok(false);
    }
    let made = File::create_new(&path)
        .map_err(|e| at(&path, &e))
        .and_then(|file| fallocate(&file, FallocateFlags::empty(), 0, bytes).map_err(|e| at(&path, &e.into())));
    if made.is_err() {
        fs::remove_file(&path).ok();
    }
    made.map(|()| true)
}

/// Gives the ballast up; how many bytes it had.
///
/// # Errors
/// [`Error::Conflict`] where there is none; [`Error::Unavailable`] when it cannot be removed.
pub fn free_ballast(home: &Path) -> Result<u64> {
    let path = Layout::prepare(home)?.ballast();
    let bytes = match fs::metadata(&path) {
        Ok(found) => found.len(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let detail = format!("There is no ballast in {}: make room by other means", home.display());
            return Err(Error::Conflict { code: "no_ballast", detail });
        }
        Err(e) => return Err(at(&path, &e)),
    };
    fs::remove_file(&path).map_err(|e| at(&path, &e))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ballast_takes_room_until_it_is_given_up() {
        let home = std::env::temp_dir().join(format!("salus-ballast-{}", std::process::id()));
        assert!(!keep_ballast(&home, 0).unwrap());
        assert!(keep_ballast(&home, 1).unwrap() && keep_ballast(&home, 1).unwrap(), "it is made once");
        assert_eq!(free_ballast(&home).unwrap(), 1 << 20);
        assert_eq!(free_ballast(&home).unwrap_err().code(), "no_ballast");
        fs::remove_dir_all(home).unwrap();
    }
}
