//! One-time codes that are sent: by e-mail or SMS, through whoever can carry them.
//!
//! Holds: an address is kept only after a code that was sent there was given; a code is good for one question, for ten
//! minutes. A code that is sent is weaker than an authenticator or a passkey: who reads the mailbox has it.

use super::{
    challenge, factors,
    notify::{self, Language, Medium},
    token::Token,
};
use crate::{clock, row};
use futures_util::future::BoxFuture;
use salus_core::{Ctx, Error, Result};
use salus_store::{At, Db, Tx, engine::NewRow, sql};
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};
use uuid::Uuid;

/// Who carries codes.
pub trait Courier: Send + Sync {
    /// Whether it carries by this way at all.
    fn carries(&self, channel: Medium) -> bool;

    /// Sends a text that holds a code. It must not be written down anywhere on the way.
    fn send_code<'a>(&'a self, channel: Medium, address: &'a str, text: &'a str) -> BoxFuture<'a, Result<()>>;
}

/// A text that would have been sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// By which way.
    pub channel: Medium,
    /// Where to.
    pub address: String,
    /// What.
    pub text: String,
}

/// Carries nothing anywhere: keeps the latest texts in memory, to be looked at. For demonstrations and tests.
#[derive(Debug, Default)]
pub struct CodeSimulator(Mutex<VecDeque<Sent>>);

/// How many texts a simulator keeps.
const KEPT: usize = 50;
/// How often a code is sent for one question.
const SENDS: i64 = 3;

impl Courier for CodeSimulator {
    fn carries(&self, _: Medium) -> bool {
        true
    }

    fn send_code<'a>(&'a self, channel: Medium, address: &'a str, text: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push_front(Sent { channel, address: address.to_owned(), text: text.to_owned() });
            kept.truncate(KEPT);
            Ok(())
        })
    }
}

impl CodeSimulator {
    /// What would have been sent, the latest first.
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// Six random digits, each number as likely as any other.
fn new_code() -> Result<String> {
    loop {
        let mut bytes = [0; 4];
        salus_store::seal::fill_random(&mut bytes)?;
        let number = u32::from_be_bytes(bytes);
        if number < u32::MAX - u32::MAX % 1_000_000 {
            return Ok(format!("{:06}", number % 1_000_000));
        }
    }
}

/// Whether this is the code that was sent for a question.
pub(super) fn is_sent(detail: &Value, code: &str) -> bool {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let sent = detail["code"].as_str().filter(|sent| sent.len() == 6);
    sent.is_some_and(|sent| aws_lc_rs::constant_time::verify_slices_are_equal(sent.as_bytes(), code.as_bytes()).is_ok())
}

/// What is sent, in the language of its user.
const WORDS: [&str; 3] = [
    "is your Salus code. It holds for ten minutes. Nobody from Salus will ask you for it.",
    "es su código de Salus. Vale diez minutos. Nadie de Salus se lo pedirá.",
    "é o seu código do Salus. Vale dez minutos. Ninguém do Salus vai pedi-lo a você.",
];

fn words(language: Language, code: &str) -> String {
    format!("{code} {}", language.pick(WORDS))
}

async fn language_of(tx: &mut Tx, user: Uuid) -> Result<Language> {
    let sql = sql!("SELECT locale::text FROM auth.users WHERE id = $1");
    let found = tx.query_opt(sql, &[&user]).await?.ok_or(Error::NotFound)?;
    Ok(Language::of(found.get(0)))
}

/// Sends the code that answers the question of a sign-in to the address its owner has chosen.
///
/// # Errors
/// [`Error::Unauthenticated`] for a question that is too old, [`Error::NotFound`] when there is no such address,
/// [`Error::TooMany`] after a few codes.
pub async fn send_sign_in_code(db: &Db, courier: &dyn Courier, token: &str, channel: Medium) -> Result<()> {
    let tenant = Token::parse(token).ok_or(Error::Unauthenticated)?.tenant;
    let mut tx = db.begin(Ctx::system(db.env(), tenant), false).await?;
    let asked = challenge::find(&mut tx, "sign_in", token).await?;
    let sends = asked.detail["sends"].as_i64().unwrap_or(0);
    if sends >= SENDS {
        return Err(Error::TooMany(u32::try_from(challenge::LIFE.whole_seconds()).unwrap_or(u32::MAX)));
    }
    let sql = sql!("SELECT id, address FROM auth.code_addresses WHERE user_id = $1 AND channel = $2::text");
    let found = tx.query_opt(sql, &[&asked.user, &channel.name()]).await?.ok_or(Error::NotFound)?;
    let at = At { table: "auth.code_addresses", column: "address", row: found.get("id") };
    let address = tx.open_value(at, found.get("address"))?.as_str().unwrap_or_default().to_owned();
    let language = language_of(&mut tx, asked.user.ok_or(Error::Unauthenticated)?).await?;
    let code = new_code()?;
    challenge::change(&mut tx, asked.id, json!({"code": code, "sends": sends + 1, "replace": asked.detail["replace"]}))
        .await?;
    tx.finish_unrecorded().await?;
    courier.send_code(channel, &address, &words(language, &code)).await
}

/// Sends a code to an address that its owner wants codes sent to. Returns the token to confirm with.
///
/// # Errors
/// [`Error::Invalid`] on `address`, or on `channel` for a way nobody carries by.
pub async fn new_address(db: &Db, ctx: &Ctx, courier: &dyn Courier, channel: Medium, address: &str) -> Result<String> {
    if !courier.carries(channel) {
        return Err(Error::invalid("channel", "not_allowed", "Nothing here carries codes by this way"));
    }
    let address = kept_address(channel, address)?;
    let mut tx = factors::begin_own(db, ctx).await?;
    let code = new_code()?;
    let detail = json!({"channel": channel.name(), "address": address, "code": code});
    let token = challenge::pose(&mut tx, Some(ctx.actor.id), "code_address", detail).await?;
    let language = language_of(&mut tx, ctx.actor.id).await?;
    tx.commit("auth.code_address.ask", "auth.code_addresses").await?;
    courier.send_code(channel, &address, &words(language, &code)).await?;
    Ok(token)
}

/// Keeps an address after the code that was sent there was given. Returns recovery codes when there were none.
///
/// # Errors
/// [`Error::Invalid`] on `code`; [`Error::Unauthenticated`] for a question that is too old.
pub async fn confirm_address(db: &Db, ctx: &Ctx, token: &str, code: &str) -> Result<Vec<String>> {
    let mut tx = factors::begin_own(db, ctx).await?;
    let asked = challenge::find(&mut tx, "code_address", token).await?;
    if asked.user != Some(ctx.actor.id) {
        return Err(Error::Unauthenticated);
    }
    if !is_sent(&asked.detail, code) {
        challenge::miss(&mut tx, asked.id).await?;
        tx.finish_unrecorded().await?;
        return Err(Error::invalid("code", "wrong_code", "Is not the code that was sent"));
    }
    challenge::spend(&mut tx, asked.id).await?;
    let channel = Medium::of_codes(asked.detail["channel"].as_str().unwrap_or_default())?;
    let sql = sql!("DELETE FROM auth.code_addresses WHERE user_id = $1 AND channel = $2::text");
    tx.query(sql, &[&ctx.actor.id, &channel.name()]).await?;
    let id: Uuid = tx.ctx.env.id();
    let values = row(json!({
        "user_id": ctx.actor.id,
        "channel": channel.name(),
        "address": asked.detail["address"],
        "confirmed_at": clock::text(tx.ctx.env.now())?,
    }));
    tx.insert("auth.code_addresses", &[NewRow { id, values }]).await?;
    let codes = factors::after_new_factor(&mut tx).await?;
    tx.on_row(id);
    notify::tell_owner(&mut tx, ctx.actor.id, "account.factor").await?;
    tx.commit("auth.code_address.create", "auth.code_addresses").await?;
    Ok(codes)
}

/// Has no more codes sent by this way.
///
/// # Errors
/// [`Error::NotFound`] when there is no address.
pub async fn remove_address(db: &Db, ctx: &Ctx, channel: Medium) -> Result<()> {
    let mut tx = factors::begin_own(db, ctx).await?;
    let sql = sql!("DELETE FROM auth.code_addresses WHERE user_id = $1 AND channel = $2::text RETURNING id");
    let gone = tx.query_opt(sql, &[&ctx.actor.id, &channel.name()]).await?.ok_or(Error::NotFound)?;
    tx.on_row(gone.get(0));
    notify::tell_owner(&mut tx, ctx.actor.id, "account.factor").await?;
    tx.commit("auth.code_address.delete", "auth.code_addresses").await
}

/// The address as it is kept.
fn kept_address(channel: Medium, text: &str) -> Result<String> {
    match channel {
        Medium::Email => {
            let text = text.trim();
            let (name, host) = text.split_once('@').unwrap_or_default();
            let formed = !name.is_empty() && host.contains('.') && !text.contains(|c: char| c.is_whitespace());
            if formed {
                Ok(text.to_owned())
            } else {
                Err(Error::invalid("address", "wrong_type", "Is an e-mail address"))
            }
        }
        Medium::Push => Err(Error::invalid("channel", "not_allowed", "Is email or sms: a code is not sent by push")),
        Medium::Sms => {
            let plain: String = text.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
            let digits = plain.strip_prefix('+').filter(|d| (8..=15).contains(&d.len()) && !d.contains('+'));
            let why = "Is a telephone number with its country code, such as +1 202 555 0143";
            digits.map(|d| format!("+{d}")).ok_or_else(|| Error::invalid("address", "wrong_type", why))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_kept_in_one_form() {
        assert_eq!(kept_address(Medium::Sms, " +1 (202) 555-0143 ").unwrap(), "+12025550143");
        assert_eq!(kept_address(Medium::Email, " ada@north.example ").unwrap(), "ada@north.example");
        for (channel, bad) in [(Medium::Sms, "2025550143"), (Medium::Sms, "+12"), (Medium::Email, "ada")] {
            assert!(kept_address(channel, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_the_code_that_was_sent_is_right() {
        assert!(is_sent(&json!({"code": "012345"}), "012 345"));
        for (detail, code) in [(json!({"code": "012345"}), "012346"), (json!({}), ""), (json!({"code": ""}), "")] {
            assert!(!is_sent(&detail, code));
        }
        assert!(new_code().unwrap().len() == 6);
    }
}
