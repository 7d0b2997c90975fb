//! Passwords that leaked elsewhere: a list that the operator brings, looked at without asking anyone (`spec` 4, passwords).
//!
//! It is kept as a split block Bloom filter, as Apache Parquet defines one, over the first eight bytes of each password's
//! SHA-1, which is how such lists are published. Eight bits in one block of 32 bytes tell whether a password is on the list, so
//! a look is one row by its key. A password that is on the list is always found; one in ten thousand that is not is taken for
//! one that is, and its owner chooses another. No password can be read back.

use super::configuration::SecurityConfiguration;
use aws_lc_rs::digest;
use salus_core::{Ctx, Error, PLATFORM, Result};
use salus_store::{Act, Db, Tx, perform, sql};
use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
};
use time::OffsetDateTime;
use unicode_normalization::UnicodeNormalization as _;
use uuid::Uuid;

/// Bytes of a block: eight words, one bit of each.
const BLOCK: usize = 32;
/// Blocks in a row of the table.
const IN_ROW: u64 = 60;
/// Bits of the filter for each password.
const BITS: u64 = 24;
/// Passwords of one list: the filter is made in memory, 3 bytes for each.
const MOST: u64 = 64_000_000;
/// Bytes of a line, at most.
const LONGEST: u64 = 4096;
/// Rows of one statement.
const ROWS: usize = 512;
/// By which each word of a block takes another bit of the key (Apache Parquet, `BloomFilter.md`).
const SALTS: [u32; 8] =
    [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];

/// The list in use.
#[derive(Debug, Clone, serde::Serialize)]
pub struct LeakedList {
    /// Name of the file.
    pub source: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Passwords in it.
    pub entries: i64,
    /// Passwords seen less often were left out.
    pub least_count: i32,
    /// When it was imported.
    pub imported_at: String,
}

/// The first eight bytes of a password's SHA-1.
fn key_of(password: &[u8]) -> u64 {
    let sha1 = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password);
    first_eight(sha1.as_ref())
}

fn first_eight(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).fold(0, |key, byte| key << 8 | u64::from(*byte))
}

/// Which of `blocks` a key is in.
fn block_of(key: u64, blocks: u64) -> u64 {
    ((key >> 32) * blocks) >> 32
}

/// The bit of each word of its block.
#[allow(clippy::cast_possible_truncation, reason = "the lower half of the key")]
fn bits_of(key: u64) -> [u32; 8] {
    SALTS.map(|salt| 1 << ((key as u32).wrapping_mul(salt) >> 27))
}

struct Filter {
    words: Vec<[u32; 8]>,
}

impl Filter {
    fn of(entries: u64) -> Result<Self> {
        let blocks = (entries * BITS).div_ceil(8 * BLOCK as u64).max(1);
        Ok(Self { words: vec![[0; 8]; usize::try_from(blocks).map_err(Error::internal)?] })
    }

    fn blocks(&self) -> u64 {
        self.words.len() as u64
    }

    #[allow(clippy::cast_possible_truncation, reason = "an index of a vector")]
    fn add(&mut self, key: u64) {
        let at = block_of(key, self.blocks()) as usize;
        for (word, bit) in self.words[at].iter_mut().zip(bits_of(key)) {
            *word |= bit;
        }
    }

    /// The rows of the table.
    fn rows(&self) -> impl Iterator<Item = Vec<u8>> {
        let rows = self.words.chunks(usize::try_from(IN_ROW).unwrap_or(1));
        rows.map(|row| row.iter().flatten().flat_map(|word| word.to_le_bytes()).collect())
    }
}

/// Whether a block has all bits of a key.
fn has(block: &[u8], key: u64) -> bool {
    let words = block.chunks_exact(4).map(|w| u32::from_le_bytes([w[0], w[1], w[2], w[3]]));
    block.len() == BLOCK && words.zip(bits_of(key)).all(|(word, bit)| word & bit == bit)
}

/// The key of a line, none for one that is empty or was seen too seldom: a SHA-1 in hexadecimal, with a colon and how often it
/// was seen or without; or else a password as it is.
fn read_line(line: &[u8], least: u32) -> std::result::Result<Option<u64>, &'static str> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() {
        return Ok(None);
    }
    let hash = line.get(..40).and_then(|digits| hex::decode(digits).ok());
    match (hash, line.get(40..)) {
        (Some(hash), None | Some([])) => Ok((least <= 1).then(|| first_eight(&hash))),
        (Some(hash), Some([b':', count @ ..])) => {
            let count = std::str::from_utf8(count).ok().and_then(|count| count.trim().parse::<u64>().ok());
            let count = count.ok_or("after the colon stands no number")?;
            Ok((count >= u64::from(least)).then(|| first_eight(&hash)))
        }
        // Passwords are compared in their composed form; what is no text cannot be typed and is taken as it is.
        _ => Ok((least <= 1).then(|| match std::str::from_utf8(line) {
            Ok(text) => key_of(text.nfc().collect::<String>().as_bytes()),
            Err(_) => key_of(line),
        })),
    }
}

/// Gives every key of a file, and the file's digest.
fn read_file(path: &Path, least: u32, mut each: impl FnMut(u64)) -> Result<[u8; 32]> {
    let failed = |e: std::io::Error| Error::invalid("file", "unreadable", format!("{}: {e}", path.display()));
    let (mut file, mut line, mut at) = (BufReader::new(File::open(path).map_err(failed)?), Vec::new(), 0_u64);
    let mut whole = digest::Context::new(&digest::SHA256);
    while (&mut file).take(LONGEST).read_until(b'\n', &mut line).map_err(failed)? > 0 {
        at += 1;
        whole.update(&line);
        let wrong = |why| Error::invalid("file", "malformed", format!("{}, line {at}: {why}", path.display()));
        if line.len() as u64 == LONGEST && !line.ends_with(b"\n") {
            return Err(wrong("longer than any password: this is no list of them"));
        }
        if let Some(key) = read_line(&line, least).map_err(wrong)? {
            each(key);
        }
        line.clear();
    }
    whole.finish().as_ref().try_into().map_err(Error::internal)
}

/// Takes a file of leaked passwords in place of the list before. Its lines are passwords, or their SHA-1 in hexadecimal, with a
/// colon and how often each was seen or without; those seen less often than `least` are left out.
///
/// # Errors
/// [`Error::Invalid`] on `file` for one that cannot be read, has a wrong line, or no or too many passwords; nothing is changed then.
pub async fn import_list(db: &Db, path: &Path, least: u32) -> Result<LeakedList> {
    let from = path.to_owned();
    let read = move || {
        let mut entries = 0;
        let sha256 = read_file(&from, least, |_| entries += 1)?;
        if entries == 0 {
            let why = if least > 1 { "No password in it was seen so often" } else { "There is no password in it" };
            return Err(Error::invalid("file", "empty", why));
        }
        if entries > MOST {
            let why =
                format!("{entries} passwords; at most {MOST} are taken: leave out the rare ones with --min-count");
            return Err(Error::invalid("file", "too_many", why));
        }
        let mut filter = Filter::of(entries)?;
        if read_file(&from, least, |key| filter.add(key))? != sha256 {
            return Err(Error::invalid("file", "changed", "Was changed while it was read"));
        }
        Ok((entries, sha256, filter))
    };
    let (entries, sha256, filter) = tokio::task::spawn_blocking(read).await.map_err(Error::internal)??;
    let name = path
        .file_name()
        .map_or_else(|| "list".into(), |name| name.to_string_lossy().chars().take(200).collect::<String>());
    let number = |n: u64| i64::try_from(n).map_err(Error::internal);
    let (entries, blocks, least) =
        (number(entries)?, number(filter.blocks())?, i32::try_from(least.max(1)).map_err(Error::internal)?);
    perform(db, act("auth.leaked_list.import"), Ctx::operator(db.env(), PLATFORM), move |tx| {
        Box::pin(async move {
            forget(tx).await?;
            let id = tx.ctx.env.id();
            let sql = sql!(
                "INSERT INTO auth.leaked_password_lists (id, source, sha256, least_count, entries, blocks) \
                 VALUES ($1, $2::text, $3::bytea, $4, $5, $6)"
            );
            tx.query(sql, &[&id, &name, &sha256.as_slice(), &least, &entries, &blocks]).await?;
            let (mut numbers, mut rows) = (Vec::new(), Vec::new());
            for (number, row) in (0_i64..).zip(filter.rows()) {
                numbers.push(number);
                rows.push(row);
                if rows.len() == ROWS {
                    put(tx, id, &numbers, &rows).await?;
                    numbers.clear();
                    rows.clear();
                }
            }
            put(tx, id, &numbers, &rows).await?;
            tx.on_row(id);
            tx.count(1);
            current(tx).await?.ok_or_else(|| Error::internal("a list that was imported is not there"))
        })
    })
    .await
}

/// Goes on without a list.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub async fn remove_list(db: &Db) -> Result<()> {
    perform(db, act("auth.leaked_list.remove"), Ctx::operator(db.env(), PLATFORM), |tx| {
        Box::pin(async move { if forget(tx).await? { Ok(()) } else { Err(Error::NotFound) } })
    })
    .await
}

/// The list in use.
///
/// # Errors
/// Those of the database.
pub async fn list(db: &Db) -> Result<Option<LeakedList>> {
    let mut tx = db.begin(Ctx::system(db.env(), PLATFORM), true).await?;
    let found = current(&mut tx).await?;
    tx.finish_unrecorded().await?;
    Ok(found)
}

fn act(name: &str) -> Act {
    Act {
        name: name.into(),
        target: "auth.leaked_password_lists",
        permission: "kernel.setting.write",
        read_only: false,
        row: None,
    }
}

async fn put(tx: &mut Tx, list: Uuid, numbers: &[i64], rows: &[Vec<u8>]) -> Result<()> {
    let sql = sql!(
        "INSERT INTO auth.leaked_password_pages (list_id, number, bits) \
         SELECT $1, u.number, u.bits FROM unnest($2::int8[], $3::bytea[]) AS u(number, bits)"
    );
    tx.query(sql, &[&list, &numbers, &rows]).await.map(|_| ())
}

/// Whether there was one.
async fn forget(tx: &mut Tx) -> Result<bool> {
    tx.query(sql!("DELETE FROM auth.leaked_password_pages"), &[]).await?;
    Ok(!tx.query(sql!("DELETE FROM auth.leaked_password_lists RETURNING id"), &[]).await?.is_empty())
}

pub(super) async fn current(tx: &mut Tx) -> Result<Option<LeakedList>> {
    let sql = sql!(
        "SELECT source, encode(sha256, 'hex') AS sha256, entries, least_count, imported_at FROM auth.leaked_password_lists \
         ORDER BY imported_at DESC LIMIT 1"
    );
    let Some(row) = tx.query_opt(sql, &[]).await? else { return Ok(None) };
    Ok(Some(LeakedList {
        source: row.get("source"),
        sha256: row.get("sha256"),
        entries: row.get("entries"),
        least_count: row.get("least_count"),
        imported_at: crate::clock::text(row.get::<_, OffsetDateTime>("imported_at"))?,
    }))
}

/// Whether a password is on the list, where the tenant's rules ask for it.
pub(super) async fn is_leaked(db: &Db, tenant: Uuid, rules: &SecurityConfiguration, password: &str) -> Result<bool> {
    if !rules.breached_password_check {
        return Ok(false);
    }
    let key = key_of(password.nfc().collect::<String>().as_bytes());
    let upper = i64::try_from(key >> 32).map_err(Error::internal)?;
    let mut tx = db.begin(Ctx::system(db.env(), tenant), true).await?;
    let sql = sql!(
        "SELECT l.blocks, p.bits FROM auth.leaked_password_lists l \
         JOIN auth.leaked_password_pages p ON p.list_id = l.id AND p.number = (($1::bigint * l.blocks) >> 32) / 60"
    );
    let rows = tx.query(sql, &[&upper]).await?;
    tx.finish_unrecorded().await?;
    let found = rows.iter().any(|row| {
        let blocks = u64::try_from(row.get::<_, i64>("blocks")).unwrap_or_default();
        let at = usize::try_from(block_of(key, blocks) % IN_ROW).unwrap_or_default() * BLOCK;
        row.get::<_, &[u8]>("bits").get(at..at + BLOCK).is_some_and(|block| has(block, key))
    });
    Ok(found)
}

/// Refuses one that is on the list.
///
/// # Errors
/// [`Error::Invalid`] on `password`.
pub(super) async fn must_not_be_leaked(
    db: &Db,
    tenant: Uuid,
    rules: &SecurityConfiguration,
    password: &str,
) -> Result<()> {
    if is_leaked(db, tenant, rules, password).await? {
        return Err(Error::invalid("password", "leaked", "Is on the list of leaked passwords: choose another"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_hashes_with_or_without_a_count_or_passwords() {
        let password = key_of(b"password");
        // The SHA-1 of "password", as such lists write it.
        let hash = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8";
        assert_eq!(read_line(b"password\r\n", 1), Ok(Some(password)));
        assert_eq!(read_line(hash.as_bytes(), 1), Ok(Some(password)));
        assert_eq!(read_line(format!("{hash}:12\n").as_bytes(), 12), Ok(Some(password)));
        assert_eq!(read_line(format!("{hash}:12\n").as_bytes(), 13), Ok(None), "seen too seldom");
        assert!(read_line(format!("{hash}:many\n").as_bytes(), 1).is_err());
        assert_eq!(read_line(b"\r\n", 1), Ok(None));
        let composed = read_line("contrase\u{f1}a".as_bytes(), 1);
        assert_eq!(read_line("contrasen\u{303}a".as_bytes(), 1), composed, "one form of letters");
        assert_eq!(read_line(&[0xff, 0xfe], 1), Ok(Some(key_of(&[0xff, 0xfe]))));
    }

    #[test]
    fn what_is_in_the_filter_is_found_and_hardly_anything_else() {
        let entries = 50_000_u32;
        let mut filter = Filter::of(entries.into()).unwrap();
        (0..entries).for_each(|n| filter.add(key_of(format!("leaked {n}").as_bytes())));
        let rows: Vec<Vec<u8>> = filter.rows().collect();
        let found = |password: String| {
            let key = key_of(password.as_bytes());
            let at = block_of(key, filter.blocks());
            let row = &rows[usize::try_from(at / IN_ROW).unwrap()];
            let from = usize::try_from(at % IN_ROW).unwrap() * BLOCK;
            has(&row[from..from + BLOCK], key)
        };
        assert!((0..entries).all(|n| found(format!("leaked {n}"))));
        let wrong = (0..200_000).filter(|n| found(format!("another {n}"))).count();
        assert!(wrong <= 60, "{wrong} of 200,000 were taken for leaked ones");
    }
}
