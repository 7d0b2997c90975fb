//! A tenant into a file: one snapshot, streamed through the cipher.

use super::{BATCH, Closing, FORMAT, Head, Rows, begin, failed, in_order, migrations};
use crate::{Db, Tenant, catalog::Table};
use age::x25519;
use aws_lc_rs::digest::{Context, SHA256};
use salus_core::{Error, Result};
use serde::Serialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, io::Write};
use time::format_description::well_known::Rfc3339;
use tokio_postgres::Client;
use uuid::Uuid;

/// What was written.
#[derive(Debug, Clone, Serialize)]
pub struct Exported {
    /// The tenant.
    pub tenant: Uuid,
    /// Rows of each table.
    pub rows: BTreeMap<String, u64>,
    /// The SHA-256 of the lines, which the end of the file repeats.
    pub sha256: String,
}

/// Lines on their way into the cipher, hashed.
struct Lines<W> {
    out: W,
    hash: Context,
}

impl<W: Write> Lines<W> {
    fn write(&mut self, line: &impl Serialize) -> Result<()> {
        let mut bytes = serde_json::to_vec(line).map_err(Error::internal)?;
        bytes.push(b'\n');
        self.hash.update(&bytes);
        self.out.write_all(&bytes).map_err(|e| Error::Unavailable(format!("the export cannot be written: {e}")))
    }
}

/// Writes everything of a tenant to `out`, encrypted to these public keys (age1…).
///
/// # Errors
/// [`Error::Invalid`] for what is no public key; those of the database and of writing: what was written is no export then.
pub async fn export(db: &Db, tenant: &Tenant, recipients: &[String], out: impl Write) -> Result<Exported> {
    let mut keys: Vec<x25519::Recipient> = Vec::new();
    for text in recipients {
        let wrong =
            || Error::invalid("recipient", "not_a_recipient", format!("{text:?} is not an age public key (age1…)"));
        keys.push(text.parse().map_err(|_| wrong())?);
    }
    let encryptor = age::Encryptor::with_recipients(keys.iter().map(|k| k as &dyn age::Recipient))
        .map_err(|_| Error::invalid("recipient", "required", "Is the public key of whoever shall open it"))?;
    let cipher = encryptor.wrap_output(out).map_err(Error::internal)?;
    let mut lines = Lines { out: cipher, hash: Context::new(&SHA256) };
    let client = db.connect_apart().await?;
    begin(&client, tenant.id, "ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    lines.write(&Head {
        salus_tenant: FORMAT,
        tenant: tenant.id,
        slug: tenant.slug.clone(),
        is_demo: tenant.is_demo,
        at: db.env().now().format(&Rfc3339).map_err(Error::internal)?,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        migrations: migrations(&client).await?,
        root_key: db.root().fingerprint(),
    })?;
    let mut rows = BTreeMap::new();
    for table in in_order(db.catalog()) {
        rows.insert(table.name.clone(), write_table(db, &client, tenant.id, (table, &mut lines)).await?);
    }
    let sha256 = hex::encode(lines.hash.clone().finish());
    let code = hex::encode(db.root().transfer_code(sha256.as_bytes())?);
    lines.write(&Closing { end: rows.clone(), sha256: sha256.clone(), code })?;
    let written = |e: std::io::Error| Error::Unavailable(format!("the export cannot be written: {e}"));
    lines.out.finish().and_then(|mut out| out.flush()).map_err(written)?;
    client.batch_execute("COMMIT").await.map_err(|e| failed(&e))?;
    Ok(Exported { tenant: tenant.id, rows, sha256 })
}

async fn write_table<W: Write>(
    db: &Db,
    client: &Client,
    tenant: Uuid,
    (table, lines): (&Table, &mut Lines<W>),
) -> Result<u64> {
    // A cursor keeps memory small whatever the table holds. The name is the catalogue's.
    let sql = format!(
        "DECLARE rows NO SCROLL CURSOR FOR SELECT to_jsonb(t) FROM {} t WHERE t.tenant_id = '{tenant}'",
        table.name
    );
    client.batch_execute(&sql).await.map_err(|e| failed(&e))?;
    let mut count = 0;
    loop {
        let found = client.query(&format!("FETCH {BATCH} FROM rows"), &[]).await.map_err(|e| failed(&e))?;
        if found.is_empty() {
            break;
        }
        let mut rows: Vec<Value> = found.iter().map(|r| r.get(0)).collect();
        if table.name == "kernel.keys" {
            for row in &mut rows {
                unwrap_tenant_key(db, tenant, row)?;
            }
        }
        count += rows.len() as u64;
        lines.write(&Rows { table: table.name.clone(), rows })?;
    }
    client.batch_execute("CLOSE rows").await.map_err(|e| failed(&e))?;
    Ok(count)
}

/// Takes the tenant key out from under this installation's root key, which another has not.
fn unwrap_tenant_key(db: &Db, tenant: Uuid, row: &mut Value) -> Result<()> {
    if row["kind"] != "tenant" || row["wrapped"].is_null() {
        return Ok(());
    }
    let number = row["key_no"].as_i64().ok_or_else(|| Error::internal("a key without a number"))?;
    let text = row["wrapped"].as_str().and_then(|t| t.strip_prefix("\\x")).unwrap_or_default();
    let wrapped = hex::decode(text).map_err(Error::internal)?;
    let secret = db.root().open_tenant_key(tenant, number.cast_unsigned(), &wrapped)?;
    row["wrapped"] = json!(format!("\\x{}", hex::encode(&secret[..])));
    Ok(())
}
