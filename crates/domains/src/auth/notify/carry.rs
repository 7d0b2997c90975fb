//! What carries a message out of the platform. One trait; the simulator is what there is until the operator configures
//! another.

use super::Parcel;
use crate::auth::Courier;
use futures_util::future::BoxFuture;
use salus_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// By which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Medium {
    /// E-mail.
    Email,
    /// SMS.
    Sms,
    /// Web Push, to each browser that its user turned it on in.
    Push,
}

impl Medium {
    /// Those that one-time codes go by.
    pub const CODES: [Self; 2] = [Self::Email, Self::Sms];

    /// One of those by its name.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `channel`.
    pub fn of_codes(name: &str) -> Result<Self> {
        let found = Self::CODES.into_iter().find(|m| m.name() == name);
        found.ok_or_else(|| Error::invalid("channel", "not_allowed", "Is email or sms"))
    }

    /// As the database names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Push => "push",
        }
    }
}

/// One message, ready to be carried.
#[derive(Debug, Clone, Default)]
pub struct Letter {
    /// The same for each attempt: receivers tell a repeated message by it.
    pub id: String,
    /// E-mail address, telephone number, or the address of a browser at its push service.
    pub to: String,
    /// One line; SMS and push have none.
    pub subject: String,
    /// The words.
    pub text: String,
    /// What push takes besides.
    pub parcel: Option<Parcel>,
}

/// Carries messages.
pub trait Carrier: Send + Sync {
    /// What it is, for the record of what was sent.
    fn name(&self) -> &'static str;
    /// Whether it only pretends: then the letter is kept to be looked at.
    fn is_simulated(&self) -> bool {
        false
    }
    /// Hands the message over.
    ///
    /// # Errors
    /// [`salus_core::Error::Unavailable`] when it may go better later; the text names no address.
    fn carry<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<()>>;
}

/// Sends nothing; what would have been sent is kept for a page.
#[derive(Debug, Clone, Copy)]
pub struct Simulator;

impl Carrier for Simulator {
    fn name(&self) -> &'static str {
        "simulator"
    }

    fn is_simulated(&self) -> bool {
        true
    }

    fn carry<'a>(&'a self, _: &'a Letter) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

/// The carriers of an installation.
pub struct Carriers {
    /// For e-mail.
    pub email: Box<dyn Carrier>,
    /// For SMS.
    pub sms: Box<dyn Carrier>,
    /// For push.
    pub push: Box<dyn Carrier>,
    /// Who a push service may ask about us, `mailto:` or `https:`; empty where nothing is sent there.
    pub contact: String,
    /// Where browsers reach the server, for links in messages; empty when it is not known.
    pub base: String,
}

impl Default for Carriers {
    fn default() -> Self {
        Self {
            email: Box::new(Simulator),
            sms: Box::new(Simulator),
            push: Box::new(Simulator),
            contact: String::new(),
            base: String::new(),
        }
    }
}

impl Carriers {
    /// The carrier of a medium.
    #[must_use]
    pub fn of(&self, medium: Medium) -> &dyn Carrier {
        match medium {
            Medium::Email => &*self.email,
            Medium::Sms => &*self.sms,
            Medium::Push => &*self.push,
        }
    }
}

/// Codes go the way of all messages, where something carries them: a code is no message that a page may show later.
impl Courier for Carriers {
    fn carries(&self, medium: Medium) -> bool {
        !self.of(medium).is_simulated()
    }

    fn send_code<'a>(&'a self, medium: Medium, address: &'a str, text: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let id = hex::encode(&salus_store::seal::digest(format!("{address} {text}").as_bytes())[..16]);
            let (to, subject, text) = (address.to_owned(), CODE_SUBJECT.into(), text.to_owned());
            let letter = Letter { id, to, subject, text, parcel: None };
            self.of(medium).carry(&letter).await
        })
    }
}

/// Says nothing of the code: subjects are shown on locked screens.
const CODE_SUBJECT: &str = "Salus";
