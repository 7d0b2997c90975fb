//! Who can sign in, how they prove it, and what they may do.
//!
//! Invariants: a password is known as an Argon2id string only, a token as its SHA-256 only; an unknown user costs as
//! much time as a wrong password; five failures lock an account for the network they came from; who can open doors for
//! others gives a second factor ([`assurance`]). Roles and permissions are rows; [`caller`] turns them into the
//! [`salus_core::Ctx`] of a request.

mod access_ops;
mod assurance;
mod caller;
mod challenge;
mod codes;
mod common;
mod configuration;
mod device;
mod factors;
mod former;
mod grant;
pub mod jwt;
mod oidc;
mod own;
mod passkeys;
mod password;
mod refresh;
mod rules_ops;
mod sign_in;
mod source;
mod strength;
mod tenant;
mod token;
pub mod totp;
mod users;
pub mod webauthn;

pub use assurance::{needs_second_factor, prove_again};
pub use caller::{Callers, Presented};
pub use codes::{
    CodeChannel, Courier, Sent, Simulator, confirm_address, new_address, remove_address, send_sign_in_code,
};
pub use configuration::{Profile, SecurityConfiguration};
pub use factors::{
    Enrolment, Factors, confirm_authenticator, new_authenticator, new_recovery_codes, own_factors,
    pending_authenticator, remove_authenticator,
};
pub use grant::guarded;
pub use oidc::{Arrival, Departure, Offered, Return, arrive, depart, depart_to_link, own_providers, providers, unlink};
pub use own::{Own, OwnAccess, OwnSecurity, Who, own_access, own_security, revoke_own, who};
pub use passkeys::{Question, ask_new_passkey, ask_passkey, keep_passkey, remove_passkey, sign_in_with_passkey};
pub use refresh::{Credentials, TokenPair, new_tokens, refresh, revoke_tokens};
pub use sign_in::{SignIn, Signed, Source, accept_and_sign_in, change_password, give_code, sign_in, sign_out};
pub use tenant::{NewTenant, create_tenant, start_roles};
pub use token::{ApiKey, NewApiKey, Token, create_api_key, rotate_api_key};
pub use users::{
    Invitation, Invited, NewUser, accept_invitation, actions, create_service, display_names, invitation, invite,
};

use salus_store::Resource;

/// Exposed tables.
pub const RESOURCES: &[Resource] = &[
    Resource {
        table: "auth.users",
        path: "auth/users",
        noun: "auth.user",
        read: "auth.user.read",
        write: None,
        filters: &["email", "status", "kind"],
        locked: &[
            "status",
            "failed_attempts",
            "locked_until",
            "setup_expires_at",
            "last_login_at",
            "password_changed_at",
        ],
        list: &["kind", "email", "display_name", "status", "locale", "last_login_at"],
    },
    Resource {
        filters: &["kind", "status"],
        locked: &["status"],
        ..table(
            "auth.organizations",
            "auth/organizations",
            "auth.organization",
            "auth.organization.read",
            Some("auth.organization.write"),
        )
    },
    Resource {
        filters: &["name"],
        locked: &["is_system"],
        ..table("auth.roles", "auth/roles", "auth.role", "auth.role.read", Some("auth.role.write"))
    },
    Resource {
        filters: &["name"],
        ..table("auth.permissions", "auth/permissions", "auth.permission", "auth.role.read", Some("auth.role.write"))
    },
    Resource {
        filters: &["user_id", "role_id"],
        ..table("auth.user_roles", "auth/user-roles", "auth.user_role", "auth.role.read", Some("auth.user.manage"))
    },
    Resource {
        filters: &["role_id", "permission_id"],
        ..table(
            "auth.role_permissions",
            "auth/role-permissions",
            "auth.role_permission",
            "auth.role.read",
            Some("auth.role.write"),
        )
    },
    Resource {
        filters: &["user_id", "kind"],
        ..table("auth.sessions", "auth/sessions", "auth.session", "auth.session.read", None)
    },
    Resource {
        filters: &["user_id"],
        ..table("auth.api_keys", "auth/api-keys", "auth.api_key", "auth.session.read", None)
    },
    Resource {
        filters: &["user_id", "outcome"],
        ..table("auth.login_history", "auth/login-history", "auth.login", "auth.session.read", None)
    },
    Resource {
        filters: &["user_id"],
        ..table("auth.passkeys", "auth/passkeys", "auth.passkey", "auth.session.read", None)
    },
    Resource {
        filters: &["user_id"],
        ..table("auth.trusted_devices", "auth/trusted-devices", "auth.trusted_device", "auth.session.read", None)
    },
    Resource {
        filters: &["issuer"],
        ..table(
            "auth.identity_providers",
            "auth/identity-providers",
            "auth.identity_provider",
            "auth.identity_provider.read",
            Some("auth.identity_provider.write"),
        )
    },
    Resource {
        filters: &["user_id"],
        ..table("auth.notifications", "auth/notifications", "auth.notification", "auth.session.read", None)
    },
    Resource {
        filters: &["user_id", "patient_id"],
        ..table(
            "auth.user_person_links",
            "auth/user-person-links",
            "auth.user_person_link",
            "auth.user.read",
            Some("auth.user.manage"),
        )
    },
];

const fn table(
    table: &'static str,
    path: &'static str,
    noun: &'static str,
    read: &'static str,
    write: Option<&'static str>,
) -> Resource {
    Resource { table, path, noun, read, write, filters: &[], locked: &[], list: &[] }
}
