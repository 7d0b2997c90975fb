//! E-mail by SMTP to the mail server that the operator names: with TLS from the first byte or from STARTTLS on, in clear
//! only to this machine.

use super::{Carrier, Letter};
use futures_util::future::BoxFuture;
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::{AsyncSmtpTransportBuilder, authentication::Credentials},
};
use salus_core::{Error, Result};
use std::time::Duration;

/// A mail server.
pub struct Smtp {
    server: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Smtp {
    /// `address` is `smtps://host`, `smtp://host` (STARTTLS is demanded) or `smtp://localhost:port`; `login` is user and
    /// password.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the setting.
    pub fn new(address: &str, from: &str, login: Option<(String, String)>) -> Result<Self> {
        let wrong =
            || Error::invalid("mail.server", "wrong_form", "Is smtps://host or smtp://host, with :port if need be");
        let (scheme, host) = address.split_once("://").ok_or_else(wrong)?;
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse::<u16>().map_err(|_| wrong())?)),
            None => (host, None),
        };
        if name.is_empty() || name.contains(['/', '@', ' ']) {
            return Err(wrong());
        }
        let transport = match scheme {
            "smtps" => AsyncSmtpTransport::<Tokio1Executor>::relay(name).map_err(|_| wrong())?,
            "smtp" if matches!(name, "localhost" | "127.0.0.1") => {
                AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(name)
            }
            "smtp" => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(name).map_err(|_| wrong())?,
            _ => return Err(wrong()),
        };
        let transport = port.into_iter().fold(transport, AsyncSmtpTransportBuilder::port);
        let transport =
            login.into_iter().fold(transport, |t, (user, password)| t.credentials(Credentials::new(user, password)));
        let from = from.parse().map_err(|_| {
            Error::invalid("mail.from", "wrong_form", "Is an address such as Salus <salus@example.org>")
        })?;
        Ok(Self { server: transport.timeout(Some(Duration::from_secs(20))).build(), from })
    }

    fn message(&self, letter: &Letter) -> Result<Message> {
        // The text of this error would name the address.
        let to: Mailbox = letter
            .to
            .parse()
            .map_err(|_| Error::Conflict { code: "bad_address", detail: "This address cannot be written to".into() })?;
        Message::builder()
            .from(self.from.clone())
            .to(to)
            .message_id(Some(format!("<{}@{}>", letter.id, self.from.email.domain())))
            .header(lettre::message::header::MIME_VERSION_1_0)
            .subject(&letter.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text.clone())
            .map_err(|_| Error::internal("a letter cannot be made"))
    }
}

impl Carrier for Smtp {
    fn name(&self) -> &'static str {
        "smtp"
    }

    fn carry<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let message = self.message(letter)?;
            match self.server.send(message).await {
                Ok(_) => Ok(()),
                Err(e) if e.is_permanent() => {
                    Err(Error::Conflict { code: "mail_refused", detail: "The mail server refused it for good".into() })
                }
                Err(_) => Err(Error::Unavailable("the mail server did not take it".into())),
            }
        })
    }
}
