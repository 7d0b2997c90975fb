//! Who can sign in, how they prove it, and what they may do.
//!
//! Invariants: a password is known as an Argon2id string only, a token as its SHA-256 only; an unknown user costs as
//! much time as a wrong password; five failures lock an account for the network they came from; who can open doors for
//! others gives a second factor ([`assurance`]). Roles and permissions are rows; [`caller`] turns them into the
//! [`salus_core::Ctx`] of a request.

mod access_ops;
mod account_ops;
mod assurance;
mod bundle_change;
mod caller;
mod challenge;
mod codes;
mod common;
mod configuration;
mod device;
mod emergency;
mod evidence;
mod factors;
mod former;
mod glass;
mod glass_log;
mod grant;
mod held;
mod invited;
pub mod jwt;
mod leaked;
mod links;
mod modules;
mod notify;
mod oidc;
mod own;
mod passkeys;
mod password;
mod refresh;
mod role_change;
mod role_masks;
mod roles;
mod rules_ops;
mod sign_in;
mod source;
mod standing;
mod start;
mod strength;
mod tenant;
mod token;
pub mod totp;
mod units;
mod users;
pub mod webauthn;

pub use assurance::{Asked, POWERS, Renewed, WITHOUT_PROOF, asked_of, needs_second_factor, prove_again, proved, renew};
pub use caller::{Callers, Presented};
pub use codes::{CodeSimulator, Courier, Sent, confirm_address, new_address, remove_address, send_sign_in_code};
pub use configuration::{Profile, SecurityConfiguration, security};
pub use device::browser_and_system;
pub use emergency::{Sealed, WaysBack, open_emergency, seal_emergency, ways_back};
pub(crate) use evidence::{assurance_and_glass, integrations, leavers};
pub use evidence::{rights, sign_ins};
pub use factors::{
    Enrolment, Factors, confirm_authenticator, new_authenticator, new_recovery_codes, own_factors,
    pending_authenticator, remove_authenticator,
};
pub(crate) use glass::holders;
pub use glass::{actions as glass_actions, reminding as glass_reminding};
pub use glass_log::reads as glass_reads;
pub use grant::guarded;
pub use held::{Held, held};
pub use leaked::{LeakedList, import_list, list as leaked_list, remove_list};
pub use links::born_on;
pub use modules::{ALWAYS, MODULES, closed_modules};
pub(crate) use notify::family_letter;
pub use notify::{
    Carrier, Carriers, Choice, Demand, Device, Inbox, Item, Language, Letter, Medium, NewDevice, Notice, Parcel,
    SETTLED, Seat, Simulator, SmsWebhook, Smtp, Waiting, WebPush, add_device, choices, choose, demand, devices, inbox,
    jobs, living, mark_read, mark_seen, notify, notify_self, push_key, redeem, remove_device, ticket, title, unread,
};
pub use oidc::{
    Arrival, Departure, Offered, Return, arrive, depart, depart_invited, depart_to_link, own_providers, providers,
    unlink,
};
pub use own::{Own, OwnAccess, OwnSecurity, Who, own_access, own_security, revoke_own, timezone, who};
pub use passkeys::{Question, ask_new_passkey, ask_passkey, keep_passkey, remove_passkey, sign_in_with_passkey};
pub use refresh::{Credentials, TokenPair, new_tokens, prove_with_tokens, refresh, revoke_tokens};
pub use roles::{known_permissions, ops as role_ops};
pub use sign_in::{SignIn, Signed, Source, accept_and_sign_in, change_password, give_code, sign_in, sign_out};
pub use standing::standing;
pub use start::{Bundle, Library, StartMask, StartRole, add_roles, library, start_roles};
pub use tenant::{NewTenant, create_tenant};
pub use token::{ApiKey, NewApiKey, Token, create_api_key, rotate_api_key};
pub use units::belongs;
pub use users::{
    Invitation, Invited, NewUser, accept_invitation, actions, create_service, display_names, invitation, invite,
    user_of_address,
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
            "unlocked_at",
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
        locked: &["is_system", "retired_at"],
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
        filters: &["role_id", "table_name", "purpose"],
        ..table("auth.field_masks", "auth/field-masks", "auth.field_mask", "auth.role.read", Some("auth.role.write"))
    },
    Resource {
        filters: &["user_id", "patient_id", "kind"],
        ..table(
            "auth.caseload_assignments",
            "auth/caseload-assignments",
            "auth.caseload_assignment",
            "auth.assignment.read",
            Some("auth.assignment.write"),
        )
    },
    Resource {
        filters: &["user_id", "organization_id"],
        ..table(
            "auth.user_units",
            "auth/user-units",
            "auth.user_unit",
            "auth.assignment.read",
            Some("auth.assignment.write"),
        )
    },
    Resource {
        filters: &["patient_id", "organization_id"],
        ..table(
            "auth.person_units",
            "auth/person-units",
            "auth.person_unit",
            "auth.assignment.read",
            Some("auth.assignment.write"),
        )
    },
    Resource {
        filters: &["user_id", "patient_id", "review_due_on", "reviewed_at"],
        list: &[
            "user_id",
            "patient_id",
            "opened_at",
            "ends_at",
            "ended_at",
            "review_due_on",
            "reviewed_at",
            "review_outcome",
        ],
        ..table("auth.glass_breaks", "auth/glass-breaks", "auth.glass", "auth.glass.read", None)
    },
    Resource {
        filters: &["user_id", "used_at", "ended_at"],
        ..table(
            "auth.emergency_credentials",
            "auth/emergency-credentials",
            "auth.emergency_credential",
            "auth.session.read",
            None,
        )
    },
    Resource {
        filters: &["user_id", "kind"],
        ..table("auth.sessions", "auth/sessions", "auth.session", "auth.session.read", None)
    },
    Resource {
        filters: &["user_id", "revoked_at", "expires_at"],
        ..table("auth.api_keys", "auth/api-keys", "auth.api_key", "auth.session.read", None)
    },
    Resource {
        filters: &["user_id", "outcome", "reason", "created_at"],
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
        filters: &["user_id", "medium", "state"],
        ..table("auth.deliveries", "auth/deliveries", "auth.delivery", "auth.session.read", None)
    },
    Resource {
        filters: &["user_id", "patient_id"],
        locked: &["barred_by", "child_until"],
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
