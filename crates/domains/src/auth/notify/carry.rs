//! What carries a message out of the platform. One trait; the simulator is what there is until the operator configures
//! another.

use futures_util::future::BoxFuture;
use salus_core::Result;
use serde::{Deserialize, Serialize};

/// By which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Medium {
    /// E-mail.
    Email,
    /// SMS.
    Sms,
}

impl Medium {
    /// As the database names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }
}

/// One message, ready to be carried.
#[derive(Debug, Clone)]
pub struct Letter {
    /// The same for each attempt: receivers tell a repeated message by it.
    pub id: String,
    /// E-mail address or telephone number.
    pub to: String,
    /// One line; SMS has none.
    pub subject: String,
    /// The words.
    pub text: String,
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
    /// Where browsers reach the server, for links in messages; empty when it is not known.
    pub base: String,
}

impl Default for Carriers {
    fn default() -> Self {
        Self { email: Box::new(Simulator), sms: Box::new(Simulator), base: String::new() }
    }
}

impl Carriers {
    /// The carrier of a medium.
    #[must_use]
    pub fn of(&self, medium: Medium) -> &dyn Carrier {
        match medium {
            Medium::Email => &*self.email,
            Medium::Sms => &*self.sms,
        }
    }
}
