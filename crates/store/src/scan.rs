//! Looks for clear text where only ciphertext may lie: streams files and reports where a canary stands. Each canary is
//! looked for as it is, in lower and upper case, as UTF-16, and as the hexadecimal text PostgreSQL writes bytes in.
//!
//! What it cannot see: text inside compressed blocks, which are values over 2 kB and whole pages in the WAL. A dump
//! holds every value uncompressed, so scan one as well.

use memchr::memmem::Finder;
use salus_core::{Error, Result};
use serde::Serialize;
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

/// A canary that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hit {
    /// The file.
    pub file: PathBuf,
    /// Where in it, in bytes from its beginning.
    pub offset: u64,
    /// Which of the canaries, by its place in the list: the value itself is not repeated in a report.
    pub canary: usize,
    /// In which form it stood.
    pub form: &'static str,
}

/// What was scanned and found.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Scan {
    /// Files read to their end.
    pub files: usize,
    /// Bytes read.
    pub bytes: u64,
    /// Canaries in the clear.
    pub hits: Vec<Hit>,
}

/// Bytes read at a time.
const STEP: usize = 1 << 20;
/// Hits after which a file is not looked at further: one is enough to fail, these are enough to find out why.
const MOST: usize = 100;
/// A shorter canary would be found by chance in ciphertext.
const SHORTEST: usize = 6;

/// The forms of the canaries, to look for in any number of files.
pub struct Scanner {
    needles: Vec<Needle>,
    longest: usize,
}

struct Needle {
    find: Finder<'static>,
    canary: usize,
    form: &'static str,
}

impl Scanner {
    /// For these canaries.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is none, or one is so short that ciphertext holds it by chance.
    pub fn new<S: AsRef<str>>(canaries: &[S]) -> Result<Self> {
        if canaries.is_empty() {
            return Err(Error::invalid("canary", "required", "Name at least one value that is stored sealed"));
        }
        let mut needles: Vec<Needle> = Vec::new();
        for (canary, text) in canaries.iter().map(AsRef::as_ref).enumerate() {
            if text.len() < SHORTEST {
                let message = format!("Is at least {SHORTEST} bytes long, or chance would find it");
                return Err(Error::invalid("canary", "too_short", message));
            }
            for (bytes, form) in forms(text) {
                if !needles.iter().any(|n| n.find.needle() == bytes) {
                    needles.push(Needle { find: Finder::new(&bytes).into_owned(), canary, form });
                }
            }
        }
        let longest = needles.iter().map(|n| n.find.needle().len()).max().unwrap_or(0);
        Ok(Self { needles, longest })
    }

    /// Scans files and whole directories. Links are not followed, so nothing outside is read.
    ///
    /// # Errors
    /// [`Error::Unavailable`] naming the file that cannot be read: a file not looked at proves nothing.
    pub fn scan(&self, paths: &[PathBuf]) -> Result<Scan> {
        let mut scan = Scan::default();
        let mut todo: Vec<(PathBuf, bool)> = paths.iter().rev().map(|p| (p.clone(), true)).collect();
        while let Some((path, named)) = todo.pop() {
            let kind = match std::fs::symlink_metadata(&path) {
                Ok(found) => found.file_type(),
                // A running server removes files while they are being listed.
                Err(e) if !named && e.kind() == std::io::ErrorKind::NotFound => continue,
                Err(e) => return Err(unreadable(&path, &e)),
            };
            if kind.is_dir() {
                for entry in std::fs::read_dir(&path).map_err(|e| unreadable(&path, &e))? {
                    todo.push((entry.map_err(|e| unreadable(&path, &e))?.path(), false));
                }
            } else if kind.is_file() {
                match File::open(&path) {
                    Ok(file) => self.read(&path, file, &mut scan)?,
                    Err(e) if !named && e.kind() == std::io::ErrorKind::NotFound => {}
                    Err(e) => return Err(unreadable(&path, &e)),
                }
            }
        }
        Ok(scan)
    }

    /// Scans one stream under the name of a file, as for the output of a program.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when reading fails.
    pub fn read(&self, name: &Path, mut from: impl Read, scan: &mut Scan) -> Result<()> {
        let mut buffer = vec![0; STEP + self.longest];
        // The tail of one step stands before the next one, so that no canary is cut in two.
        let (mut kept, mut base, mut found) = (0, 0_u64, 0);
        loop {
            let got = match from.read(&mut buffer[kept..]) {
                Ok(got) => got,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(unreadable(name, &e)),
            };
            if got == 0 {
                break;
            }
            scan.bytes += got as u64;
            let held = kept + got;
            for needle in &self.needles {
                // What lies wholly in the part kept from before was found before.
                let start = (kept + 1).saturating_sub(needle.find.needle().len());
                for at in needle.find.find_iter(&buffer[start..held]) {
                    if found < MOST {
                        let offset = base + (start + at) as u64;
                        scan.hits.push(Hit { file: name.into(), offset, canary: needle.canary, form: needle.form });
                    }
                    found += 1;
                }
            }
            let keep = held.min(self.longest.saturating_sub(1));
            buffer.copy_within(held - keep..held, 0);
            base += (held - keep) as u64;
            kept = keep;
        }
        scan.files += 1;
        Ok(())
    }
}

fn forms(text: &str) -> Vec<(Vec<u8>, &'static str)> {
    let utf16 = |s: &str| s.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let (lower, upper) = (text.to_lowercase(), text.to_uppercase());
    vec![
        (text.as_bytes().to_vec(), "as it is"),
        (lower.clone().into_bytes(), "lower case"),
        (upper.into_bytes(), "upper case"),
        (utf16(text), "UTF-16"),
        (utf16(&lower), "UTF-16, lower case"),
        (hex::encode(text).into_bytes(), "hexadecimal"),
    ]
}

fn unreadable(path: &Path, e: &std::io::Error) -> Error {
    Error::Unavailable(format!(
        "{} cannot be read ({e}): run the scan as the owner of the data directory, because a file not looked at proves nothing",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan_of(bytes: &[u8], step: usize) -> Scan {
        struct Slow<'a>(&'a [u8], usize);
        impl Read for Slow<'_> {
            fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
                let n = self.1.min(self.0.len()).min(into.len());
                into[..n].copy_from_slice(&self.0[..n]);
                self.0 = &self.0[n..];
                Ok(n)
            }
        }
        let mut scan = Scan::default();
        let scanner = Scanner::new(&["Müller-Canary", "second_one"]).unwrap();
        scanner.read(Path::new("x"), Slow(bytes, step), &mut scan).unwrap();
        scan
    }

    #[test]
    fn finds_every_form_once_wherever_it_is_cut() {
        let utf16: Vec<u8> = "müller-canary".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let text = [
            &b"...."[..],
            "Müller-Canary".as_bytes(),
            b"\0\0",
            "MÜLLER-CANARY".as_bytes(),
            b"--",
            &utf16,
            b"aa",
            hex::encode("second_one").as_bytes(),
            b"second_on",
        ]
        .concat();
        for step in [1, 2, 7, 13, 64, 4096] {
            let scan = scan_of(&text, step);
            let mut found: Vec<_> = scan.hits.iter().map(|h| (h.offset, h.canary, h.form)).collect();
            found.sort_unstable();
            let hex_at = text.len() as u64 - 9 - 20;
            let utf_at = hex_at - 2 - 26;
            let want = [
                (4, 0, "as it is"),
                (20, 0, "upper case"),
                (utf_at, 0, "UTF-16, lower case"),
                (hex_at, 1, "hexadecimal"),
            ];
            assert_eq!(found, want, "in steps of {step}");
            assert_eq!((scan.bytes, scan.files), (text.len() as u64, 1));
        }
    }

    #[test]
    fn a_file_that_cannot_be_looked_at_is_an_error() {
        let scanner = Scanner::new(&["canary"]).unwrap();
        assert!(matches!(scanner.scan(&["/no/such/file".into()]), Err(Error::Unavailable(_))));
        assert!(Scanner::new::<&str>(&[]).is_err());
        assert!(Scanner::new(&["short"]).is_err());
    }
}
