//! What two persons decide together: one asks, and another does it, refuses it, or lets it lapse. A program may ask; a person
//! decides, who signed in or is at the command line. The row is locked while it is decided, so that nothing is done twice.
//!
//! Whether the two are two persons is known from their accounts only; every step is in the audit log with who took it.

use crate::{Tx, engine::NewRow, sql};
use salus_core::{ActorKind, Error, Result};
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// How long a request waits for another person.
const WAITS: Duration = Duration::hours(72);

/// What is asked for; the domain `kernel.approval_act`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// To destroy the key of a person, with the reason (`kernel.erasure_reason`).
    ErasePerson(Uuid, &'static str),
    /// To destroy a key under which nothing lies.
    DestroyKey(Uuid),
    /// To take a key for known, and exchange it.
    DistrustKey(Uuid),
    /// To exchange the tenant key.
    RotateKey(Uuid),
    /// To destroy every key of the tenant.
    EraseTenant,
}

impl Wanted {
    fn act(self) -> &'static str {
        match self {
            Self::ErasePerson(..) => "erase_person",
            Self::DestroyKey(_) => "destroy_key",
            Self::DistrustKey(_) => "distrust_key",
            Self::RotateKey(_) => "rotate_key",
            Self::EraseTenant => "erase_tenant",
        }
    }

    fn person(self) -> Option<Uuid> {
        if let Self::ErasePerson(person, _) = self { Some(person) } else { None }
    }

    fn key(self) -> Option<Uuid> {
        match self {
            Self::DestroyKey(key) | Self::DistrustKey(key) | Self::RotateKey(key) => Some(key),
            _ => None,
        }
    }
}

/// A request that waits, and may be decided by the caller.
#[derive(Debug, Clone)]
pub struct Approval {
    /// Its id.
    pub id: Uuid,
    /// Whom it would erase.
    pub person: Option<Uuid>,
    /// Why, of an erasure.
    pub reason: Option<String>,
    /// Who asked; nil for the operator.
    pub asked_by: Uuid,
}

/// Where a request that a caller makes, or repeats as another person, has come to.
#[derive(Debug, Clone)]
pub enum Step {
    /// It waits for another person.
    Waits(Uuid),
    /// Another person had asked: it is to be done now.
    Agreed(Uuid),
}

impl Tx {
    /// Writes a request down.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the same waits already; [`Error::NotFound`] for a person or key that the tenant has not.
    pub async fn ask_another(&mut self, wanted: Wanted, note: Option<&str>) -> Result<Uuid> {
        self.lapse().await?;
        if let Some(person) = wanted.person() {
            self.about(person);
        }
        let id = self.ctx.env.id();
        let ends = (self.ctx.env.now() + WAITS).format(&Rfc3339).map_err(Error::internal)?;
        let mut values = Map::from_iter([
            ("act".to_owned(), json!(wanted.act())),
            ("asked_by".into(), json!(self.ctx.actor.id)),
            ("asked_kind".into(), json!(self.who()?)),
            ("expires_at".into(), json!(ends)),
        ]);
        let optional: [(&str, Option<Value>); 4] = [
            ("person_id", wanted.person().map(|id| json!(id))),
            ("key_id", wanted.key().map(|id| json!(id))),
            ("reason", if let Wanted::ErasePerson(_, reason) = wanted { Some(json!(reason)) } else { None }),
            ("note", note.map(|text| json!(text))),
        ];
        values.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        self.insert("kernel.approvals", &[NewRow { id, values }]).await?;
        self.on_row(id);
        Ok(id)
    }

    /// Asks for something, or, when another person asked for the same before, agrees to it.
    ///
    /// # Errors
    /// [`Error::Refused`] with `two_person_required` when the caller asked already, or is a program.
    pub async fn ask_or_agree(&mut self, wanted: Wanted, note: Option<&str>) -> Result<Step> {
        self.lapse().await?;
        let sql = sql!(
            "SELECT id FROM kernel.approvals WHERE act = $1::text AND person_id IS NOT DISTINCT FROM $2 \
             AND key_id IS NOT DISTINCT FROM $3 AND state = 'waiting'"
        );
        let found = self.query_opt(sql, &[&wanted.act(), &wanted.person(), &wanted.key()]).await?;
        match found.map(|row| row.get::<_, Uuid>(0)) {
            None => self.ask_another(wanted, note).await.map(Step::Waits),
            Some(id) => {
                self.waiting(id).await?;
                Ok(Step::Agreed(id))
            }
        }
    }

    /// A request that the caller may decide, locked until the end of the transaction.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when it does not wait any more; [`Error::Refused`] with
    /// `two_person_required` for who asked, and for a program.
    pub async fn waiting(&mut self, id: Uuid) -> Result<Approval> {
        let approval = self.locked(id).await?;
        let refusal = if self.who()? == "service" {
            Some("A program may ask for this; a person decides it: sign in")
        } else if approval.asked_by == self.ctx.actor.id {
            Some("You asked for this: another person decides it")
        } else {
            None
        };
        refusal.map_or(Ok(approval), |why| Err(Error::Refused { code: "two_person_required", detail: why.to_owned() }))
    }

    async fn locked(&mut self, id: Uuid) -> Result<Approval> {
        self.lapse().await?;
        let sql = sql!(
            "SELECT person_id, reason::text, state::text, asked_by FROM kernel.approvals WHERE id = $1 FOR UPDATE"
        );
        let row = self.query_opt(sql, &[&id]).await?.ok_or(Error::NotFound)?;
        self.on_row(id);
        let approval =
            Approval { id, person: row.get("person_id"), reason: row.get("reason"), asked_by: row.get("asked_by") };
        if let Some(person) = approval.person {
            self.about(person);
        }
        match row.get::<_, &str>("state") {
            "waiting" => Ok(approval),
            state => {
                let detail = format!("This request does not wait any more: it is {state}. Ask anew");
                Err(Error::Conflict { code: "decided", detail })
            }
        }
    }

    /// Notes that what was asked for was done.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn agreed(&mut self, id: Uuid) -> Result<()> {
        self.decide(id, "done").await
    }

    /// Ends a request without doing it: refused by another person, withdrawn by who asked. Says which.
    ///
    /// # Errors
    /// As [`Tx::waiting`], but who asked is not refused.
    pub async fn decline(&mut self, id: Uuid) -> Result<&'static str> {
        let own = self.locked(id).await?.asked_by == self.ctx.actor.id;
        if !own {
            self.waiting(id).await?;
        }
        let state = if own { "withdrawn" } else { "refused" };
        self.decide(id, state).await?;
        Ok(state)
    }

    async fn decide(&mut self, id: Uuid, state: &'static str) -> Result<()> {
        let (by, kind, now) = (self.ctx.actor.id, self.who()?, self.ctx.env.now());
        let sql = sql!(
            "UPDATE kernel.approvals SET state = $2::text, decided_by = $3, decided_kind = $4::text, decided_at = $5 WHERE id = $1"
        );
        self.query(sql, &[&id, &state, &by, &kind, &now]).await?;
        self.on_row(id);
        Ok(())
    }

    /// Requests for which the time is over wait no more.
    async fn lapse(&mut self) -> Result<()> {
        let now: OffsetDateTime = self.ctx.env.now();
        let sql = sql!(
            "UPDATE kernel.approvals SET state = 'expired', decided_at = expires_at WHERE state = 'waiting' AND expires_at <= $1"
        );
        self.query(sql, &[&now]).await.map(|_| ())
    }

    fn who(&self) -> Result<&'static str> {
        match self.ctx.actor.kind {
            ActorKind::User => Ok("user"),
            ActorKind::Service => Ok("service"),
            ActorKind::Operator => Ok("operator"),
            ActorKind::System | ActorKind::Anonymous => Err(Error::internal("nobody asks for this")),
        }
    }
}
