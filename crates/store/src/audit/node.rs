//! Nodes: each keeps receipts of its own, so that after a failover the log goes on by itself only when those of all of them
//! were looked at. A node is known by the file `node` in its folder of receipts, which makes it the same one wherever the
//! folder is copied to, and by a row of `audit.nodes` that the others see.

use super::plain;
use crate::{Db, Tx};
use salus_core::{Ctx, Error, PLATFORM, Result};
use std::{
    collections::BTreeSet,
    fmt, fs, io,
    path::{Path, PathBuf},
};
use time::OffsetDateTime;
use tokio_postgres::Transaction;
use uuid::Uuid;

/// The file in a folder of receipts that says whose they are.
const FILE: &str = "node";

/// A node as the database knows it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Node {
    /// Its id.
    pub id: Uuid,
    /// The name of its machine.
    pub host: String,
    /// Its folder of receipts there.
    pub folder: String,
    /// Since when it is known.
    #[serde(with = "time::serde::rfc3339")]
    pub known_at: OffsetDateTime,
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} ({} on {})", self.id, self.folder, self.host)
    }
}

/// Whose receipts a folder holds; `None` while nobody has said.
fn of(folder: &Path) -> Result<Option<Uuid>> {
    let path = folder.join(FILE);
    match fs::read_to_string(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::Unavailable(format!("{}: {e}", path.display()))),
        Ok(text) => text.trim().parse().map(Some).map_err(|_| {
            Error::Unavailable(format!("{} does not say whose receipts these are: it was changed", path.display()))
        }),
    }
}

/// The same, said now where nobody has. Of several programs that begin together one says it.
fn name(folder: &Path, id: Uuid) -> Result<Uuid> {
    if let Some(known) = of(folder)? {
        return Ok(known);
    }
    let (path, half) = (folder.join(FILE), folder.join(format!(".{FILE}.{id}")));
    let failed = |e: io::Error| Error::Unavailable(format!("{}: {e}", path.display()));
    fs::write(&half, format!("{id}\n")).map_err(failed)?;
    let linked = fs::hard_link(&half, &path);
    fs::remove_file(&half).map_err(failed)?;
    match linked {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(failed(e)),
        _ => of(folder)?.ok_or_else(|| failed(io::ErrorKind::NotFound.into())),
    }
}

/// Known nodes whose receipts are in none of these folders.
pub(super) async fn unseen(tx: &Transaction<'_>, folders: &[PathBuf]) -> Result<Vec<Node>> {
    let seen: BTreeSet<Uuid> = folders.iter().filter_map(|folder| of(folder).transpose()).collect::<Result<_>>()?;
    let sql = "SELECT id, host, folder, known_at FROM audit.nodes WHERE forgotten_at IS NULL ORDER BY known_at, id";
    let known = tx.query(sql, &[]).await.map_err(|e| plain(&e))?;
    let known = known.iter().map(|r| Node { id: r.get(0), host: r.get(1), folder: r.get(2), known_at: r.get(3) });
    Ok(known.filter(|node| !seen.contains(&node.id)).collect())
}

/// What is to be done about receipts that were not looked at; `None` when all were.
pub(super) fn missing(unseen: &[Node]) -> Option<String> {
    let first = unseen.first()?;
    let more = if unseen.len() > 1 { format!(" and {} more", unseen.len() - 1) } else { String::new() };
    Some(format!(
        "the receipts of {first}{more} were not looked at: name that folder, or a copy of it, in audit_receipts_of or with \
         --receipts; where it is gone for good, salus audit nodes --forget {}",
        first.id
    ))
}

impl Db {
    /// Makes the node of this folder of receipts known to the others, before it writes an event.
    ///
    /// # Errors
    /// [`Error::Unavailable`] for a folder that cannot be written; those of the database.
    pub async fn make_known(&self, folder: &Path) -> Result<()> {
        let id = name(folder, self.env().id())?;
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let folder = folder.display().to_string();
        let mut tx = self.begin(Ctx::system(self.env(), PLATFORM), false).await?;
        let sql = "SELECT FROM audit.nodes WHERE id = $1 AND host = $2 AND folder = $3 AND forgotten_at IS NULL";
        if tx.run(sql, &[&id, &host, &folder]).await?.is_empty() {
            let sql = "INSERT INTO audit.nodes (id, host, folder, known_at) VALUES ($1, $2, $3, $4) \
                       ON CONFLICT (id) DO UPDATE SET host = EXCLUDED.host, folder = EXCLUDED.folder, forgotten_at = NULL";
            tx.run(sql, &[&id, &host, &folder, &self.env().now()]).await?;
        }
        tx.finish_unrecorded().await
    }
}

impl Tx {
    /// The nodes that are known, the oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn nodes(&mut self) -> Result<Vec<Node>> {
        let sql = "SELECT id, host, folder, known_at FROM audit.nodes WHERE forgotten_at IS NULL ORDER BY known_at, id";
        let rows = self.run(sql, &[]).await?;
        Ok(rows.iter().map(|r| Node { id: r.get(0), host: r.get(1), folder: r.get(2), known_at: r.get(3) }).collect())
    }

    /// Asks no more for the receipts of a node: they are gone for good. It is known again when it starts.
    ///
    /// # Errors
    /// [`Error::NotFound`]; those of the database.
    pub async fn forget_node(&mut self, id: Uuid) -> Result<()> {
        let sql = "UPDATE audit.nodes SET forgotten_at = $2 WHERE id = $1 AND forgotten_at IS NULL RETURNING id";
        let now = self.ctx.env.now();
        if self.run(sql, &[&id, &now]).await?.is_empty() { Err(Error::NotFound) } else { Ok(()) }
    }
}
