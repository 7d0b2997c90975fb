//! A tenant out of a file, into an installation that does not have it: all or nothing, in one transaction.

use super::{Closing, FORMAT, Head, Rows, begin, failed, is_brought_in, migrations};
use crate::{Db, seal::Secret};
use age::x25519;
use aws_lc_rs::digest::{Context, SHA256};
use salus_core::{Error, Result};
use serde::Serialize;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read},
};
use tokio_postgres::Client;
use uuid::Uuid;
use zeroize::Zeroizing;

/// What was brought in.
#[derive(Debug, Clone, Serialize)]
pub struct Imported {
    /// The tenant.
    pub tenant: Uuid,
    /// Its name in addresses and commands.
    pub slug: String,
    /// When the export was made.
    pub exported_at: String,
    /// Rows of each table that were brought in.
    pub rows: BTreeMap<String, u64>,
    /// Rows of each table that the file holds and that stay in it, as those of the audit log.
    pub left: BTreeMap<String, u64>,
    /// Whether this installation wrote the file.
    pub own: bool,
}

/// A file and what is known of it.
pub struct Source<'a, R> {
    /// Its bytes.
    pub file: R,
    /// The text of an identity that opens it.
    pub identity: &'a str,
    /// Take it although another installation wrote it: who did cannot be proved then.
    pub foreign: bool,
}

/// Brings a tenant in. It is suspended until somebody resumes it.
///
/// # Errors
/// [`Error::Unavailable`] for a file that does not open, was changed or cut, or is of another schema; [`Error::Conflict`] for a
/// tenant that is here; nothing is brought in then.
pub async fn import<R: Read>(db: &Db, source: Source<'_, R>) -> Result<Imported> {
    let refused = |why: &str| Error::Unavailable(format!("the export {why}"));
    let line =
        source.identity.lines().map(str::trim).find(|l| !l.is_empty() && !l.starts_with('#')).unwrap_or_default();
    let identity: x25519::Identity = line.parse().map_err(|_| refused("needs an age identity (AGE-SECRET-KEY-…)"))?;
    let decryptor = age::Decryptor::new(source.file).map_err(|_| refused("is no encrypted file"))?;
    let clear = decryptor
        .decrypt(std::iter::once(&identity as &dyn age::Identity))
        .map_err(|_| refused("does not open with this identity"))?;
    let mut lines = Reader { lines: BufReader::new(clear), hash: Context::new(&SHA256) };
    let head: Head = serde_json::from_str(&lines.next()?.unwrap_or_default()).map_err(|_| refused("has no head"))?;
    if head.salus_tenant != FORMAT {
        return Err(refused(&format!("is of format {}, and this program knows {FORMAT}", head.salus_tenant)));
    }
    let client = db.connect_apart().await?;
    if migrations(&client).await? != head.migrations {
        let newest = head.migrations.last().map_or(0, |m| m.0);
        return Err(refused(&format!(
            "is of schema {newest}, and this database is of another: use the same version of Salus"
        )));
    }
    begin(&client, head.tenant, "").await?;
    let done = bring(db, &client, &head, (&mut lines, source.foreign)).await;
    match done {
        Ok(imported) => {
            client.batch_execute("COMMIT").await.map_err(|e| failed(&e))?;
            Ok(imported)
        }
        Err(e) => {
            client.batch_execute("ROLLBACK").await.ok();
            Err(e)
        }
    }
}

struct Reader<R> {
    lines: BufReader<R>,
    hash: Context,
}

impl<R: Read> Reader<R> {
    /// The next line; the hash does not cover it yet.
    fn next(&mut self) -> Result<Option<String>> {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line);
        read.map_err(|_| Error::Unavailable("the export was changed or cut: its cipher does not hold".into()))?;
        if line.starts_with("{\"end\"") || line.is_empty() {
            return Ok((!line.is_empty()).then_some(line));
        }
        self.hash.update(line.as_bytes());
        Ok(Some(line))
    }
}

async fn bring<R: Read>(
    db: &Db,
    client: &Client,
    head: &Head,
    (lines, foreign): (&mut Reader<R>, bool),
) -> Result<Imported> {
    let refused = |why: &str| Error::Unavailable(format!("the export {why}"));
    let sql =
        "INSERT INTO kernel.tenants (id, slug, state, is_demo) VALUES ($1, $2, 'suspended', $3) ON CONFLICT DO NOTHING";
    if client.execute(sql, &[&head.tenant, &head.slug, &head.is_demo]).await.map_err(|e| failed(&e))? == 0 {
        let detail =
            format!("There is, or was, a tenant {} or one with its id here: nothing is overwritten", head.slug);
        return Err(Error::Conflict { code: "tenant_exists", detail });
    }
    let (mut rows, mut left): (BTreeMap<String, u64>, BTreeMap<String, u64>) = Default::default();
    let end = loop {
        let line = lines.next()?.ok_or_else(|| refused("ends before its end: it was cut"))?;
        if line.starts_with("{\"end\"") {
            break serde_json::from_str::<Closing>(&line).map_err(|_| refused("has no end"))?;
        }
        let batch: Rows = serde_json::from_str(&line).map_err(|_| refused("has a line that is none"))?;
        let count = batch.rows.len() as u64;
        let table = db.catalog().table(&batch.table).map_err(|_| refused("names a table that is not here"))?;
        if table.shared {
            return Err(refused("names a table that belongs to no tenant"));
        }
        if is_brought_in(table) {
            insert(db, client, head.tenant, batch).await?;
            *rows.entry(table.name.clone()).or_default() += count;
        } else {
            *left.entry(table.name.clone()).or_default() += count;
        }
    };
    let sha256 = hex::encode(lines.hash.clone().finish());
    let counted = rows.iter().chain(&left).all(|(table, n)| end.end.get(table) == Some(n))
        && end.end.iter().all(|(table, n)| *n == 0 || rows.contains_key(table) || left.contains_key(table));
    if end.sha256 != sha256 || !counted {
        return Err(refused("was changed: its lines are not those that were written"));
    }
    let own = end.code == hex::encode(db.root().transfer_code(sha256.as_bytes())?);
    if !own && !foreign {
        return Err(refused(&format!(
            "was written by another installation (root key {}), or by nobody: --foreign takes it at its word",
            head.root_key
        )));
    }
    Ok(Imported { tenant: head.tenant, slug: head.slug.clone(), exported_at: head.at.clone(), rows, left, own })
}

async fn insert(db: &Db, client: &Client, tenant: Uuid, mut batch: Rows) -> Result<()> {
    if batch.table == "kernel.keys" {
        for row in &mut batch.rows {
            wrap_tenant_key(db, tenant, row)?;
        }
    }
    let table = db.catalog().table(&batch.table)?;
    let columns: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
    let columns = columns.join(", ");
    // Names are the catalogue's. Row-level security refuses a row of any other tenant.
    let sql = format!(
        "INSERT INTO {0} ({columns}) SELECT {columns} FROM jsonb_populate_recordset(NULL::{0}, $1::jsonb)",
        table.name
    );
    let rows = Value::Array(batch.rows);
    client.execute(&sql, &[&rows]).await.map(|_| ()).map_err(|e| failed(&e))
}

/// Puts the tenant key under this installation's root key.
fn wrap_tenant_key(db: &Db, tenant: Uuid, row: &mut Value) -> Result<()> {
    if row["kind"] != "tenant" || row["wrapped"].is_null() {
        return Ok(());
    }
    let wrong = || Error::Unavailable("the export holds a tenant key that is none".into());
    let number = row["key_no"].as_i64().ok_or_else(wrong)?;
    let text = row["wrapped"].as_str().and_then(|t| t.strip_prefix("\\x")).ok_or_else(wrong)?;
    let mut secret: Secret = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text, &mut secret[..]).map_err(|_| wrong())?;
    let root = db.root();
    let wrapped = root.wrap_tenant_key(tenant, number.cast_unsigned(), &secret)?.0;
    row["wrapped"] = json!(format!("\\x{}", hex::encode(wrapped)));
    row["wrap_key_version"] = json!(root.version());
    Ok(())
}
