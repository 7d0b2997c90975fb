//! The one place where it is decided whether a caller may do something: permission, purpose, tenant, relationship, and
//! the labels and consents of the record. What no rule permits is refused.
//!
//! Before a row is known, permission and purpose are decided here and the rest is handed to the database with the
//! transaction: its policies leave out what the caller does not reach. An explanation gives [`decide`] what those
//! policies say about one row ([`RowFacts`], read by the same functions that the policies call), and gets the same
//! rules in words.

use crate::{Act, Record};
use salus_core::{Ctx, Error, Grant, Masks, Permissions, Purpose, Reach};
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc};
use uuid::Uuid;

/// What is decided, and by which rules.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Whether it may be done.
    pub permit: bool,
    /// Whose rows are reached.
    pub reach: Reach,
    /// What else may be done on the way, such as opening sealed values: what every scope of the reach allows.
    pub permissions: Arc<Permissions>,
    /// Columns that are left out of what is answered.
    pub masks: Option<Arc<Masks>>,
    /// What the caller has to be told.
    pub notice: Option<Notice>,
    /// The rules in the order in which they are asked; the first that fails is the reason of a refusal.
    pub rules: Vec<(Rule, Verdict)>,
}

/// One rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The organization chose the module.
    Module,
    /// A role held gives the permission.
    Permission,
    /// A role that gives it serves the purpose.
    Purpose,
    /// The row is of the caller's tenant.
    Tenant,
    /// The person is one the roles reach.
    Relationship,
    /// No label closes the record, or a consent or an open glass opens it.
    Sensitivity,
}

/// How a rule answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It permits.
    Holds,
    /// It refuses.
    Fails,
    /// Answered by the database with the row.
    ByDatabase,
}

/// What a caller has to be told with what is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The glass is broken: every access is flagged and reviewed.
    BreakGlass,
    /// 42 CFR 2.32: what is shown may not be disclosed further without consent.
    Part2,
}

/// What the database says about one row for the caller.
#[derive(Debug, Clone, Default)]
pub struct RowFacts {
    /// Whether the tenant has it.
    pub exists: bool,
    /// The person it is about.
    pub subject: Option<Uuid>,
    /// Whether rows of the table are about persons.
    pub of_persons: bool,
    /// By which links that hold today the caller reaches the person: `self`, `guardian`, `caseload`…
    pub links: Vec<String>,
    /// Whether one of them counts for the scopes of the caller; of a row about no person, whether its policies show it.
    pub reached: bool,
    /// Labels that close the person or the row.
    pub closed_by: Vec<String>,
    /// Labels on it that do not.
    pub opened: Vec<String>,
}

impl Notice {
    /// The name by which a program knows it.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::BreakGlass => "break-glass",
            Self::Part2 => "part2",
        }
    }

    /// Its text; that of Part 2 has the words of 42 CFR 2.32(a)(2).
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::BreakGlass => {
                "Emergency access: it is recorded under the purpose BTG, the reviewers are told, and another person reviews it."
            }
            Self::Part2 => "42 CFR part 2 prohibits unauthorized use or disclosure of these records.",
        }
    }
}

impl Rule {
    /// The code by which a program knows a refusal.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Module => "module_not_chosen",
            Self::Permission => "permission_denied",
            Self::Purpose => "purpose_denied",
            Self::Tenant => "not_found",
            Self::Relationship => "scope_denied",
            Self::Sensitivity => "sensitivity_denied",
        }
    }

    /// The name of the rule.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::Permission => "permission",
            Self::Purpose => "purpose",
            Self::Tenant => "tenant",
            Self::Relationship => "relationship",
            Self::Sensitivity => "sensitivity",
        }
    }
}

/// Decides whether `ctx` may do `act`, and on which terms; with `facts`, on one row.
#[must_use]
pub fn decide(ctx: &Ctx, act: &Act, facts: Option<&RowFacts>) -> Decision {
    let granted = ctx.permissions.allow(act.permission);
    let elsewhere = || ctx.grants.iter().any(|g| g.permissions.allow(act.permission));
    let terms = Terms::of(ctx, act.permission);
    let verdict = |holds| if holds { Verdict::Holds } else { Verdict::Fails };
    // Where all modules are chosen there is nothing to tell.
    let module = (!ctx.closed.is_empty()).then(|| (Rule::Module, verdict(!ctx.is_closed(act.permission))));
    let mut rules: Vec<_> = module.into_iter().collect();
    rules.extend([
        (Rule::Permission, verdict(granted || elsewhere())),
        (Rule::Purpose, verdict(granted || !elsewhere())),
    ]);
    rules.extend(match facts {
        None => [Rule::Tenant, Rule::Relationship, Rule::Sensitivity].map(|rule| (rule, Verdict::ByDatabase)),
        Some(facts) => {
            let reached = terms.reach.is_whole_tenant() || facts.reached;
            [
                (Rule::Tenant, verdict(facts.exists)),
                (Rule::Relationship, verdict(reached)),
                (Rule::Sensitivity, verdict(facts.closed_by.is_empty())),
            ]
        }
    });
    let part2 = facts.is_some_and(|f| f.opened.iter().any(|label| label == "PART2"));
    Decision {
        permit: rules.iter().all(|(_, verdict)| *verdict != Verdict::Fails),
        reach: terms.reach,
        permissions: terms.permissions,
        masks: terms.masks,
        notice: if ctx.purpose == Purpose::BreakGlass {
            Some(Notice::BreakGlass)
        } else {
            part2.then_some(Notice::Part2)
        },
        rules,
    }
}

/// On which terms the roles that give a permission give it.
struct Terms {
    reach: Reach,
    permissions: Arc<Permissions>,
    masks: Option<Arc<Masks>>,
}

impl Terms {
    fn of(ctx: &Ctx, permission: &str) -> Self {
        let simple = ctx.reach.is_single() && ctx.grants.iter().all(|g| g.masks.is_empty());
        if ctx.grants.is_empty() || simple {
            return Self { reach: ctx.reach, permissions: ctx.permissions.clone(), masks: ctx.masks.clone() };
        }
        let serving: Vec<&Grant> = ctx.grants.iter().filter(|g| g.serves(ctx.purpose)).collect();
        let giving: Vec<&Grant> = serving.iter().copied().filter(|g| g.permissions.allow(permission)).collect();
        let all = giving.iter().fold(Reach::NOTHING, |all, g| all | g.scope.reach(ctx.purpose));
        let reach = if all.is_whole_tenant() { Reach::TENANT } else { all };
        Self { reach, permissions: Arc::new(permitted(&serving, reach, ctx)), masks: masked(&giving, ctx.purpose) }
    }
}

/// Empties what a caller who wrote a row could not read of it: a role that writes answers no more than the roles that read. Whoever
/// may not read at all learns the row's id, version and times.
pub(crate) fn unread(ctx: &Ctx, table: &str, read: &str, row: &mut Record) {
    let by_role = || ctx.grants.iter().any(|g| g.serves(ctx.purpose) && g.permissions.allow(read));
    let reads = ctx.permissions.allow(read) || by_role();
    let masks = Terms::of(ctx, read).masks;
    let masked = masks.as_ref().and_then(|masks| masks.get(table));
    let hidden = |name: &str| {
        let known = matches!(name, "id" | "row_version" | "created_at" | "updated_at");
        if reads { masked.is_some_and(|columns| columns.contains(name)) } else { !known }
    };
    for (name, value) in row.names.iter().zip(&mut row.values) {
        if hidden(name) {
            *value = Value::Null;
        }
    }
}

/// Whether anything of a table is left out for a caller who reads it with the permission `read`.
#[must_use]
pub fn leaves_out(ctx: &Ctx, table: &str, read: &str) -> bool {
    Terms::of(ctx, read).masks.is_some_and(|masks| masks.contains_key(table))
}

/// What may be done to every row of the reach: a right over one's own record opens nothing in another's.
fn permitted(serving: &[&Grant], reach: Reach, ctx: &Ctx) -> Permissions {
    if reach.has_glass() || reach == Reach::NOTHING {
        return (*ctx.permissions).clone();
    }
    let of = |scope| {
        let held = serving.iter().filter(|g| g.scope == scope || g.scope == salus_core::Scope::Tenant);
        Permissions::new(held.flat_map(|g| g.permissions.iter()))
    };
    reach.scopes().map(of).reduce(|all, next| all.intersect(&next)).unwrap_or_default()
}

/// Columns that every role which gives the permission leaves out.
fn masked(giving: &[&Grant], purpose: Purpose) -> Option<Arc<Masks>> {
    let (first, others) = giving.split_first()?;
    let mut out = Masks::new();
    for (table, columns) in
        first.masks.iter().filter(|(when, _)| when.is_none_or(|p| p == purpose)).flat_map(|(_, m)| m)
    {
        let all: BTreeSet<String> =
            columns.iter().filter(|c| others.iter().all(|g| g.masks(purpose, table, c))).cloned().collect();
        if !all.is_empty() {
            out.entry(table.clone()).or_default().extend(all);
        }
    }
    (!out.is_empty()).then(|| Arc::new(out))
}

impl Decision {
    /// The caller on the terms of this decision.
    #[must_use]
    pub fn applied_to(&self, ctx: Ctx) -> Ctx {
        Ctx { reach: self.reach, permissions: self.permissions.clone(), masks: self.masks.clone(), ..ctx }
    }

    /// The first rule that refuses.
    #[must_use]
    pub fn failed(&self) -> Option<Rule> {
        self.rules.iter().find(|(_, verdict)| *verdict == Verdict::Fails).map(|(rule, _)| *rule)
    }

    /// The refusal as the caller sees it: a row that is not reached is one that is not there.
    #[must_use]
    pub fn refusal(&self, act: &Act) -> Option<Error> {
        Some(match self.failed()? {
            Rule::Module => Error::Refused {
                code: Rule::Module.code(),
                detail: "Your organization does not work with this module: an administrator can choose it".into(),
            },
            Rule::Permission => Error::Forbidden(act.permission.to_owned()),
            Rule::Purpose => Error::Refused {
                code: Rule::Purpose.code(),
                detail: format!("Your roles give {} for other purposes of use only: name one of those", act.permission),
            },
            Rule::Tenant | Rule::Relationship | Rule::Sensitivity => Error::NotFound,
        })
    }

    /// The rules that were asked, in words.
    #[must_use]
    pub fn words(&self, ctx: &Ctx, act: &Act) -> Vec<String> {
        let asked = self.rules.iter().filter(|(_, verdict)| *verdict != Verdict::ByDatabase);
        asked.map(|(rule, verdict)| sentence(*rule, *verdict, ctx, act)).collect()
    }

    /// One rule in words; what the database says about the row is in `facts`.
    #[must_use]
    pub fn explain(&self, rule: Rule, ctx: &Ctx, act: &Act, facts: &RowFacts) -> String {
        let verdict = self.rules.iter().find(|(r, _)| *r == rule).map_or(Verdict::Fails, |(_, v)| *v);
        let holds = verdict == Verdict::Holds;
        match rule {
            Rule::Module | Rule::Permission | Rule::Purpose => sentence(rule, verdict, ctx, act),
            Rule::Tenant if holds => "The row is one of this tenant.".into(),
            Rule::Tenant => "This tenant has no such row.".into(),
            Rule::Relationship if !facts.of_persons && holds => {
                format!("Rows of {} are about no person: the permission decides.", act.target)
            }
            Rule::Relationship if !facts.of_persons => {
                format!("Of {}, these roles reach the caller's own rows only.", act.target)
            }
            Rule::Relationship if self.reach.is_whole_tenant() => {
                format!("The roles {} reach every person of the tenant.", roles(ctx, act.permission))
            }
            Rule::Relationship => {
                let links = if facts.links.is_empty() { "none".to_owned() } else { facts.links.join(", ") };
                let scopes = self.reach.names().join(", ");
                let ends = if holds { "one of them counts" } else { "none of them counts" };
                format!("The roles reach persons by {scopes}; links to this person that hold today: {links}; {ends}.")
            }
            Rule::Sensitivity if !holds => format!(
                "The record bears {}, and neither a consent nor an open glass opens it for this purpose.",
                facts.closed_by.join(", ")
            ),
            Rule::Sensitivity if facts.opened.is_empty() => "The record bears no label.".into(),
            Rule::Sensitivity => format!("The record bears {}, which is open to this caller.", facts.opened.join(", ")),
        }
    }
}

fn roles(ctx: &Ctx, permission: &str) -> String {
    let giving = ctx.grants.iter().filter(|g| g.permissions.allow(permission));
    let names: Vec<&str> = giving.map(|g| g.role.as_str()).collect();
    if names.is_empty() { "of this caller".to_owned() } else { names.join(", ") }
}

fn sentence(rule: Rule, verdict: Verdict, ctx: &Ctx, act: &Act) -> String {
    let (permission, purpose) = (act.permission, ctx.purpose.code());
    match (rule, verdict == Verdict::Holds) {
        (Rule::Module, true) => "The organization works with the module.".into(),
        (Rule::Module, false) => format!("The organization did not choose the module of {permission}."),
        (Rule::Permission, true) => format!("{permission} is given by: {}.", roles(ctx, permission)),
        (Rule::Permission, false) => format!("No role held gives {permission}."),
        (Rule::Purpose, true) if ctx.permissions.allow(permission) => format!("It is given for the purpose {purpose}."),
        (Rule::Purpose, true) => format!("The purpose {purpose} changes nothing about that."),
        (Rule::Purpose, false) => {
            format!("The roles that give {permission} do not serve the purpose {purpose}: {}.", roles(ctx, permission))
        }
        (rule, holds) => format!("{}: {}.", rule.name(), if holds { "holds" } else { "fails" }),
    }
}
