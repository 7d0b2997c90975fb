//! Who is calling, for whom, and why. A [`Ctx`] is made at the edge and carried to the database, where row-level
//! security and the audit log read it.

use crate::{Env, PLATFORM, Permissions};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;

/// What kind of caller it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A person who signed in.
    User,
    /// A program with an API key.
    Service,
    /// A person at the machine's command line, who holds its keys.
    Operator,
    /// The kernel itself: sign-in before anyone is known, key loading, jobs.
    System,
    /// Nobody yet.
    Anonymous,
}

/// The caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The user or service account; nil for operator, system and anonymous.
    pub id: Uuid,
    /// What kind of caller.
    pub kind: ActorKind,
    /// Names of the roles held, for the audit log.
    pub roles: Arc<[String]>,
    /// The session or API key used, for the audit log.
    pub session: Option<Uuid>,
}

/// Which rows of the tenant the caller may reach at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Every row that the permissions allow.
    Tenant,
    /// Only rows about the persons linked to the caller.
    Own,
}

/// Why a record is used (HL7 `PurposeOfUse`, narrowed to what the specifications name).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "the names are the field's own")]
pub enum Purpose {
    Treatment,
    Payment,
    Operations,
    Education,
    PublicHealth,
    PatientRequest,
    Research,
    Legal,
    Security,
}

/// By which way the call came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Channel {
    Api,
    Page,
    Cli,
    Job,
}

/// One call: everything below the edge that needs to know the caller takes this.
#[derive(Debug, Clone)]
pub struct Ctx {
    /// The tenant acted for.
    pub tenant: Uuid,
    /// The caller.
    pub actor: Actor,
    /// What the caller may do.
    pub permissions: Arc<Permissions>,
    /// Which rows the caller may reach.
    pub scope: Scope,
    /// Why.
    pub purpose: Purpose,
    /// One number for all that this call does; shown to the caller and kept in the audit log.
    pub request: Uuid,
    /// By which way.
    pub channel: Channel,
    /// Whether a second factor must be given before anything else: until then nothing is permitted.
    pub restricted: bool,
    /// Time and ids.
    pub env: Env,
}

impl Actor {
    /// A caller of this kind without a user row.
    #[must_use]
    pub fn unnamed(kind: ActorKind) -> Self {
        Self { id: Uuid::nil(), kind, roles: Arc::from([]), session: None }
    }
}

impl Ctx {
    /// The kernel's own work inside one tenant, such as looking up a session.
    #[must_use]
    pub fn system(env: &Env, tenant: Uuid) -> Self {
        Self::unnamed(env, tenant, ActorKind::System, Channel::Job, Permissions::all())
    }

    /// The person at the command line, acting for one tenant.
    #[must_use]
    pub fn operator(env: &Env, tenant: Uuid) -> Self {
        Self::unnamed(env, tenant, ActorKind::Operator, Channel::Cli, Permissions::all())
    }

    /// Nobody: may do nothing, but can be recorded as refused.
    #[must_use]
    pub fn anonymous(env: &Env, channel: Channel) -> Self {
        Self::unnamed(env, PLATFORM, ActorKind::Anonymous, channel, Permissions::default())
    }

    fn unnamed(env: &Env, tenant: Uuid, kind: ActorKind, channel: Channel, permissions: Permissions) -> Self {
        Self {
            tenant,
            actor: Actor::unnamed(kind),
            permissions: Arc::new(permissions),
            scope: Scope::Tenant,
            purpose: Purpose::Operations,
            request: env.id(),
            channel,
            restricted: false,
            env: env.clone(),
        }
    }

    /// Whether the caller holds the permission of this name.
    #[must_use]
    pub fn may(&self, permission: &str) -> bool {
        self.permissions.allow(permission)
    }
}
