//! An anchor by e-mail: once a day the head of the audit log goes to whoever answers for compliance, whose mailbox is
//! out of reach of who administers the database. Which heads were sent stands in a file beside the anchor; the letter
//! itself is the evidence, and says how it is used.

use salus_core::{Clock, Error, Result};
use salus_domains::auth::{Carriers, Letter};
use salus_store::{
    audit::{Anchor, merkle::Hash},
    seal,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use time::OffsetDateTime;

/// Between two letters.
const DAY: Duration = Duration::from_hours(24);
/// A mail server that takes longer has not taken it.
const PATIENCE: Duration = Duration::from_mins(1);

/// To whom, by which carrier, and where what was sent is noted.
pub struct DigestAnchor {
    carriers: Arc<Carriers>,
    to: String,
    file: PathBuf,
    clock: Clock,
}

#[derive(Serialize, Deserialize)]
struct Line {
    note: String,
    #[serde(with = "time::serde::rfc3339")]
    sent_at: OffsetDateTime,
    letter: String,
}

impl DigestAnchor {
    /// `to` is an e-mail address.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an address that is none, and where nothing carries mail: a head that nobody is sent is not
    /// kept anywhere.
    pub fn new(carriers: Arc<Carriers>, to: &str, file: PathBuf, clock: Clock) -> Result<Self> {
        if carriers.email.is_simulated() {
            let why = "Needs the table [mail]: without it no letter leaves, and no head is kept by it";
            return Err(Error::invalid("audit_digest_to", "no_mail", why));
        }
        let form = to.split_once('@').is_some_and(|(who, at)| !who.is_empty() && at.contains('.'));
        if !form || to.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(Error::invalid("audit_digest_to", "not_an_address", "Is one e-mail address"));
        }
        Ok(Self { carriers, to: to.to_owned(), file, clock })
    }

    fn failed(&self, why: &dyn std::fmt::Display) -> Error {
        Error::Unavailable(format!("the anchor {} cannot be used: {why}", self.name()))
    }

    fn lines(&self) -> Result<Vec<Line>> {
        match std::fs::read_to_string(&self.file) {
            // A line that was cut when the machine stopped was never said to be kept.
            Ok(text) => Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(e) => Err(self.failed(&format!("{}: {e}", self.file.display()))),
        }
    }

    fn write(&self, line: &Line) -> std::io::Result<()> {
        if let Some(folder) = self.file.parent() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.file)?;
        file.write_all(format!("\n{}\n", serde_json::to_string(line)?).as_bytes())?;
        file.sync_all()
    }

    /// Hands a letter over on a thread and a runtime of its own: an anchor is asked from inside other work.
    fn send(&self, letter: &Letter) -> Result<()> {
        let carrying = async {
            let carried = tokio::time::timeout(PATIENCE, self.carriers.email.carry(letter)).await;
            carried.map_err(|_| Error::Unavailable("it did not take the letter in time".into()))?
        };
        std::thread::scope(|scope| {
            let done = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.map_err(Error::internal)?.block_on(carrying)
            });
            done.join().map_err(|_| Error::internal("a letter of an anchor broke"))?
        })
        .map_err(|e| self.failed(&e))
    }
}

impl Anchor for DigestAnchor {
    fn name(&self) -> String {
        format!("e-mail:{}", self.to)
    }

    fn every(&self) -> Duration {
        DAY
    }

    /// Also across restarts of the server: one letter a day.
    fn is_due(&self) -> bool {
        let last = self.lines().ok().and_then(|lines| lines.last().map(|line| line.sent_at));
        last.is_none_or(|at| self.clock.now() - at >= DAY)
    }

    fn keep(&self, note: &str, _: u64, _: &[Hash]) -> Result<()> {
        let mut number = seal::digest(note.as_bytes()).map(|byte| format!("{byte:02x}")).concat();
        number.truncate(32);
        let line = serde_json::to_string(&json!({"note": note})).map_err(Error::internal)?;
        let text = format!(
            "This is the signed head of the audit log of a Salus installation. Keep this letter: with it anybody can show that\n\
             nothing of the log up to here was changed or taken away. It holds no health data.\n\n{note}\n\
             To use it, save the line below as it is into a file, and run\n\
             salus audit verify --anchor FILE, or salus-verify BUNDLE --key KEY --anchor FILE.\n\n{line}\n"
        );
        let subject = "Salus: head of the audit log".into();
        let letter = Letter { id: number.clone(), to: self.to.clone(), subject, text, parcel: None };
        self.send(&letter)?;
        let line = Line { note: note.to_owned(), sent_at: self.clock.now(), letter: number };
        self.write(&line).map_err(|e| self.failed(&format!("{}: {e}", self.file.display())))
    }

    fn kept(&self) -> Result<Vec<String>> {
        Ok(self.lines()?.into_iter().map(|line| line.note).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use salus_domains::auth::Carrier;
    use std::{future::Future, pin::Pin, sync::Mutex};
    use time::macros::datetime;

    /// Keeps letters, or refuses them.
    #[derive(Clone, Default)]
    struct Mailbox(Arc<Mutex<(bool, Vec<Letter>)>>);

    impl Carrier for Mailbox {
        fn name(&self) -> &'static str {
            "mailbox"
        }

        fn carry<'a>(&'a self, letter: &'a Letter) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>> {
            Box::pin(async move {
                let mut held = self.0.lock().unwrap();
                if held.0 {
                    return Err(Error::Unavailable("the mail server is away".into()));
                }
                held.1.push(letter.clone());
                Ok(())
            })
        }
    }

    #[test]
    fn a_head_goes_out_once_a_day_and_one_that_did_not_leave_is_not_kept() {
        let folder = std::env::temp_dir().join(format!("salus-digest-{}", std::process::id()));
        let (file, mailbox) = (folder.join("heads.digests"), Mailbox::default());
        let simulated = DigestAnchor::new(
            Arc::default(),
            "officer@clinic.example",
            file.clone(),
            Clock::fixed(datetime!(2026-03-02 10:00 UTC)),
        );
        assert!(simulated.is_err_and(|e| e.to_string().contains("[mail]")), "a simulator sends nothing");
        let at = |moment| {
            let carriers = Arc::new(Carriers { email: Box::new(mailbox.clone()), ..Carriers::default() });
            DigestAnchor::new(carriers, "officer@clinic.example", file.clone(), Clock::fixed(moment)).unwrap()
        };
        let monday = at(datetime!(2026-03-02 10:00 UTC));
        assert!(monday.is_due() && monday.newest().unwrap().is_none());
        mailbox.0.lock().unwrap().0 = true;
        assert!(monday.keep("x/audit/e1\n1\nAA==\n", 0, &[]).unwrap_err().to_string().contains("away"));
        assert!(monday.is_due() && monday.kept().unwrap().is_empty(), "what did not leave is not kept");
        mailbox.0.lock().unwrap().0 = false;
        monday.keep("x/audit/e1\n1\nAA==\n", 0, &[]).unwrap();
        assert!(!at(datetime!(2026-03-03 09:59 UTC)).is_due(), "a restart sends no second letter");
        let tuesday = at(datetime!(2026-03-03 10:00 UTC));
        assert!(tuesday.is_due());
        tuesday.keep("x/audit/e1\n2\nAA==\n", 0, &[]).unwrap();
        assert_eq!(tuesday.newest().unwrap().as_deref(), Some("x/audit/e1\n2\nAA==\n"));
        // What the letter says can be used as it is.
        let letters = mailbox.0.lock().unwrap().1.clone();
        assert_eq!((letters.len(), letters[1].to.as_str()), (2, "officer@clinic.example"));
        let line = letters[1].text.lines().find(|l| l.starts_with('{')).unwrap();
        let saved = folder.join("saved");
        std::fs::write(&saved, line).unwrap();
        let read = salus_store::audit::FileAnchor::new(saved).newest().unwrap();
        assert_eq!(read.as_deref(), Some("x/audit/e1\n2\nAA==\n"));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn an_address_is_one() {
        for wrong in ["", "officer", "@clinic.example", "a@b", "a@b.example, c@d.example"] {
            let carriers = Arc::new(Carriers { email: Box::new(Mailbox::default()), ..Carriers::default() });
            assert!(
                DigestAnchor::new(carriers, wrong, PathBuf::new(), Clock::fixed(datetime!(2026-03-02 10:00 UTC)))
                    .is_err(),
                "{wrong}"
            );
        }
    }
}
