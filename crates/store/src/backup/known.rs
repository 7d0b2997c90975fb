//! Which backups are known to exist, in the database: the server and `salus backup` compare it with the folders. From it follows
//! when an erasure is complete: when every backup that began before it is gone.

use super::{Entry, Repository, list};
use crate::{Db, Tx, seal::RootKey};
use salus_core::{Ctx, Error, PLATFORM, Result};
use std::{path::Path, sync::Arc};
use time::OffsetDateTime;
use uuid::Uuid;

/// What is known of the backups from before a moment.
#[derive(Debug, Clone, Copy)]
pub struct Before {
    /// How many are there.
    pub left: i64,
    /// When the last of them went.
    pub gone_at: Option<OffsetDateTime>,
    /// When that was last compared with the folders; never on a server whose backups other tools take.
    pub noted_at: Option<OffsetDateTime>,
}

impl Tx {
    /// What is known of the backups that began before a moment.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn backups_before(&mut self, at: OffsetDateTime) -> Result<Before> {
        let sql = "SELECT count(*) FILTER (WHERE gone_at IS NULL), max(gone_at), \
                     (SELECT backups_noted_at FROM kernel.installation) FROM kernel.backups WHERE began_at < $1";
        let rows = self.run(sql, &[&at]).await?;
        let row = rows.first().ok_or_else(|| Error::internal("an aggregate without a row"))?;
        Ok(Before { left: row.get(0), gone_at: row.get(1), noted_at: row.get(2) })
    }
}

impl Db {
    /// Compares what is known with what lies in this folder and in those where backups lay before. A folder that cannot
    /// be read, such as one on a volume that is not there, changes nothing. `elsewhere` is what pgBackRest holds of a stanza.
    ///
    /// # Errors
    /// Those of the database; that of a folder that cannot be read.
    pub async fn note_backups(
        &self,
        folder: Option<&Path>,
        root: &Arc<RootKey>,
        elsewhere: Option<(&str, &Repository)>,
    ) -> Result<()> {
        let mut tx = self.begin(Ctx::system(self.env(), PLATFORM), false).await?;
        let sql = "SELECT id, folder FROM kernel.backups WHERE gone_at IS NULL";
        let known: Vec<(Uuid, String)> = tx.run(sql, &[]).await?.iter().map(|r| (r.get(0), r.get(1))).collect();
        let mut folders: Vec<String> = known.iter().map(|(_, folder)| folder.clone()).collect();
        folders.extend(folder.map(|f| f.display().to_string()));
        folders.sort_unstable();
        folders.dedup();
        let now = self.env().now();
        if let Some((stanza, repository)) = elsewhere {
            let held = repository.backups().iter().map(|b| (b.id(stanza), b.began_at()));
            note(&mut tx, &format!("pgbackrest:{stanza}"), &held.collect::<Vec<_>>(), (true, now)).await?;
        }
        for folder in &folders {
            let path = Path::new(folder);
            if !path.is_dir() {
                // Not there: perhaps a volume that is not mounted. What lay in it may come back.
                continue;
            }
            let here = list(path, root)?;
            // One that does not open may be any of them.
            let unread = here.iter().any(|e| e.manifest.is_none());
            // What pgBackRest holds is asked of its repository, not of the folders beside.
            let whole = here.iter().filter_map(|e: &Entry| e.manifest.as_ref()).filter(|m| m.pgbackrest.is_none());
            let found: Vec<(Uuid, OffsetDateTime)> = whole.map(|m| (m.id, m.began_at)).collect();
            note(&mut tx, folder, &found, (!unread, now)).await?;
        }
        tx.run("UPDATE kernel.installation SET backups_noted_at = $1", &[&now]).await?;
        tx.finish_unrecorded().await
    }

    /// Keeps when the newest drill was, and whether it was well.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note_drill(&self, at: OffsetDateTime, well: bool) -> Result<()> {
        let mut tx = self.begin(Ctx::system(self.env(), PLATFORM), false).await?;
        let sql = "UPDATE kernel.installation SET drilled_at = $1, drill_well = $2 WHERE drilled_at IS NULL OR drilled_at < $1";
        tx.run(sql, &[&at, &well]).await?;
        tx.finish_unrecorded().await
    }
}

/// Notes what was found in a place; and what is not there any more, when all of it could be read.
async fn note(
    tx: &mut Tx,
    place: &str,
    found: &[(Uuid, OffsetDateTime)],
    (all, now): (bool, OffsetDateTime),
) -> Result<()> {
    for (id, began_at) in found {
        let sql = "INSERT INTO kernel.backups (id, began_at, folder, noted_at) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (id) DO UPDATE SET folder = EXCLUDED.folder, gone_at = NULL \
                   WHERE kernel.backups.folder <> EXCLUDED.folder OR kernel.backups.gone_at IS NOT NULL";
        tx.run(sql, &[id, began_at, &place, &now]).await?;
    }
    if all {
        let ids: Vec<Uuid> = found.iter().map(|(id, _)| *id).collect();
        let sql = "UPDATE kernel.backups SET gone_at = $3 WHERE folder = $1 AND gone_at IS NULL AND id <> ALL($2)";
        tx.run(sql, &[&place, &ids, &now]).await?;
    }
    Ok(())
}
