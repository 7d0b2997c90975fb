//! Who is calling, for whom, and why. A [`Ctx`] is made at the edge and carried to the database, where row-level
//! security and the audit log read it.

use crate::{Env, Grant, Masks, PLATFORM, Permissions, Purpose, Reach};
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

/// Which labels have to be asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Labels {
    /// None: operator and kernel, to whom nothing is closed.
    Ignored,
    /// Those in the rows themselves: no person of the tenant, and no row apart, bears one.
    InRows,
    /// All.
    All,
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
    /// What the caller may do for this purpose.
    pub permissions: Arc<Permissions>,
    /// Which rows the caller may reach for this purpose.
    pub reach: Reach,
    /// Why.
    pub purpose: Purpose,
    /// The roles held, each with what it gives and for which purposes; none for operator and system, who hold no role.
    pub grants: Arc<[Grant]>,
    /// Columns that are left out of what is answered.
    pub masks: Option<Arc<Masks>>,
    /// Which labels may close a record to this caller.
    pub labels: Labels,
    /// Whether a record of the tenant was ever labelled PART2: only then what is answered is asked about the notice of 42 CFR
    /// 2.32.
    pub part2: bool,
    /// One number for all that this call does; shown to the caller and kept in the audit log.
    pub request: Uuid,
    /// By which way.
    pub channel: Channel,
    /// Version of the tenant's policy by which decisions about the caller are made; none for who holds no roles.
    pub policy: Option<i64>,
    /// First words of permissions that belong to modules the organization did not choose: nobody has any of those.
    pub closed: Arc<[&'static str]>,
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
            reach: Reach::TENANT,
            purpose: Purpose::Operations,
            grants: Arc::from([]),
            masks: None,
            labels: Labels::Ignored,
            part2: false,
            request: env.id(),
            channel,
            policy: None,
            closed: Arc::from([]),
            restricted: false,
            env: env.clone(),
        }
    }

    /// Whether the caller holds the permission of this name, in a module that the organization chose.
    #[must_use]
    pub fn may(&self, permission: &str) -> bool {
        self.permissions.allow(permission) && !self.is_closed(permission)
    }

    /// Whether a permission belongs to a module that the organization did not choose.
    #[must_use]
    pub fn is_closed(&self, permission: &str) -> bool {
        permission.split_once('.').is_some_and(|(domain, _)| self.closed.contains(&domain))
    }

    /// The same caller for a purpose: with what the roles that serve it give.
    #[must_use]
    pub fn for_purpose(mut self, purpose: Purpose) -> Self {
        let held = self.grants.iter().filter(|g| g.serves(purpose));
        let patterns = held.clone().flat_map(|g| g.permissions.iter());
        self.permissions = Arc::new(Permissions::new(patterns));
        self.reach = held.fold(Reach::NOTHING, |all, g| all | g.scope.reach(purpose));
        self.purpose = purpose;
        self
    }

    /// The purposes the roles serve, without breaking the glass; the first is taken when none is asked for.
    pub fn purposes(&self) -> impl Iterator<Item = Purpose> {
        Purpose::ALL.into_iter().filter(|p| *p != Purpose::BreakGlass && self.grants.iter().any(|g| g.names(*p)))
    }
}
