//! `salus tenant export`, `restore`, `suspend`, `resume` and `erase`: one tenant out of an installation, into another, or gone.

use crate::{output::Outcome, place::Place};
use salus_core::{Ctx, Error, PLATFORM, Result};
use salus_store::{
    Db,
    audit::report,
    transfer::{self, Source},
};
use serde_json::json;
use std::{
    fs::{File, OpenOptions},
    io::{BufReader, BufWriter, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

fn create(out: &Path) -> Result<File> {
    let open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(out);
    open.map_err(|e| Error::invalid("out", "unwritable", format!("{}: {e}", out.display())))
}

/// Notes on the platform's record what the operator does to a tenant, before it is done.
async fn record(db: &Db, action: &str, detail: serde_json::Value) -> Result<()> {
    let mut tx = db.begin(Ctx::operator(db.env(), PLATFORM), false).await?;
    tx.note(detail);
    tx.commit(action, "kernel.tenants").await
}

/// Everything of a tenant into a file.
pub async fn export(place: &Place, db: &Db, slug: &str, (out, recipients): (PathBuf, Vec<String>)) -> Result<Outcome> {
    let found = db.tenants().await?.into_iter().find(|t| t.slug == slug && t.state != "closed");
    let tenant =
        found.ok_or_else(|| Error::invalid("tenant", "no_such_record", format!("There is no tenant {slug}")))?;
    let keys = if recipients.is_empty() { place.keys().recipients()? } else { recipients };
    let file = create(&out)?;
    record(db, "kernel.tenant.export", json!({"tenant": tenant.id, "recipients": keys})).await?;
    let done = async {
        let exported = transfer::export(db, &tenant, &keys, BufWriter::new(&file)).await?;
        file.sync_all().map_err(Error::internal)?;
        Ok::<_, Error>(exported)
    };
    let exported = match done.await {
        Ok(exported) => exported,
        Err(e) => {
            std::fs::remove_file(&out).ok();
            return Err(e);
        }
    };
    let rows: u64 = exported.rows.values().sum();
    let text = format!(
        "{rows} rows of {} tables of {slug} are in {}, with its keys, encrypted to {} public keys.\n\
         Whoever has the file and one of those identities has everything of {slug}. Bring it in elsewhere with:\n    \
         salus --home OTHER tenant restore --from FILE --identity IDENTITY --foreign",
        exported.rows.len(),
        out.display(),
        keys.len()
    );
    Ok(Outcome::done(json!({"ok": true, "exported": exported, "file": out, "recipients": keys}), text))
}

/// A tenant out of a file.
pub async fn restore(place: &Place, db: &Db, from: &Path, (identity, foreign): (&Path, bool)) -> Result<Outcome> {
    let open = |name: &str, path: &Path| {
        File::open(path).map_err(|e| Error::invalid(name, "unreadable", format!("{}: {e}", path.display())))
    };
    let text = std::fs::read_to_string(identity)
        .map_err(|e| Error::invalid("identity", "unreadable", format!("{}: {e}", identity.display())))?;
    let file = BufReader::new(open("from", from)?);
    record(db, "kernel.tenant.restore", json!({"file": from.display().to_string(), "foreign": foreign})).await?;
    let imported = transfer::import(db, Source { file, identity: &text, foreign }).await?;
    // Whoever was erased after the export is erased again; whoever was before is in this list from now on.
    let replayed = db.replay_erasures(&place.erasures()).await?;
    let added = db.complete_ledger(&place.erasures()).await?;
    let (rows, left): (u64, u64) = (imported.rows.values().sum(), imported.left.values().sum());
    let text = format!(
        "{rows} rows of {} were brought in; {left} stay in the file: the audit log, which is one of a whole installation, and\n\
         what waited or was answered there. {} persons were erased again, {added} were added to the list of erasures.\n\
         It is suspended: salus tenant resume {}",
        imported.slug, replayed.erased_again, imported.slug
    );
    Ok(Outcome::done(json!({"ok": true, "imported": imported, "erased_again": replayed.erased_again}), text))
}

/// Serves a tenant no more, or again.
pub async fn set_state(db: &Db, slug: &str, change: (&'static str, &'static str)) -> Result<Outcome> {
    let id = db.set_tenant_state(slug, change).await?;
    let text = if change.1 == "suspended" {
        format!("{slug} is suspended: within a second nobody signs in to it and no key works. Its rows stay.")
    } else {
        format!("{slug} is served again.")
    };
    Ok(Outcome::done(json!({"ok": true, "id": id, "slug": slug, "state": change.1}), text))
}

/// Erases a tenant for which somebody of its own asked.
pub async fn erase(place: &Place, db: &Db, slug: &str, (confirm, out): (&str, PathBuf)) -> Result<Outcome> {
    if confirm != slug {
        return Err(Error::invalid("confirm", "not_the_same", "Repeats the name of the tenant to be erased"));
    }
    let log = place.log()?.ok_or_else(|| {
        Error::Unavailable("the certificate is signed with the key of the audit log: set DATABASE_SEALER_URL".into())
    })?;
    if report::key(&log).await?.is_none() {
        return Err(Error::Unavailable(
            "the audit log has no key to sign the certificate with: run salus audit seal".into(),
        ));
    }
    super::backup::note(place, db).await?;
    // What cannot be written now cannot be written when it is too late.
    let mut file = create(&out)?;
    let erased = match db.erase_tenant(slug).await {
        Ok(erased) => erased,
        Err(e) => {
            std::fs::remove_file(&out).ok();
            return Err(e);
        }
    };
    let certificate = json!({
        "tenant": erased.tenant, "slug": slug, "erased_at": erased.erased_at, "asked_by": erased.asked_by, "request": erased.request,
        "done_by": "operator", "stays": erased.stays, "backups_left": erased.backups_left,
    });
    let note = report::sign(&log, &certificate).await?.unwrap_or_default();
    file.write_all(note.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|e| Error::Unavailable(format!("{slug} was erased; {}: {e}", out.display())))?;
    let text = format!(
        "{slug} was erased at {}: its keys and rows are gone. Of {} rows stay, sealed under keys that are gone.\n\
         It is complete when the {} known backups from before are deleted; restored, they are erased again by {}.\n\
         The signed certificate is in {}",
        erased.erased_at,
        erased.stays.join(", "),
        erased.backups_left,
        place.erasures().path().display(),
        out.display()
    );
    Ok(Outcome::done(json!({"ok": true, "certificate": certificate, "file": out}), text))
}
