//! "Why?": why somebody can or cannot see a row, rule by rule, in words.
//!
//! It asks what the door asks: [`salus_store::decide`] with the roles the user holds, and the database's own functions
//! and policies in a transaction that acts as the user. What the policies answer decides; where the rules would say
//! something else, the explanation says so instead of guessing.

use crate::{auth, resources};
use salus_core::{Actor, ActorKind, Channel, Ctx, Error, Purpose, Result};
use salus_store::{
    Act, Call, Method, Op, Param, Reply, Tx,
    decide::{Decision, Notice, RowFacts, Rule, Verdict, decide},
    run, sql,
};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// What is asked about a user.
#[derive(Debug, Clone)]
pub struct Question {
    /// Whose access.
    pub user: Uuid,
    /// `schema.table` of the row.
    pub table: String,
    /// The row.
    pub row: Uuid,
    /// For which purpose; none is the one their calls have when they name none.
    pub purpose: Option<Purpose>,
}

/// Why somebody can or cannot see a row.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// Whether they see it.
    pub permit: bool,
    /// For this purpose.
    pub purpose: Purpose,
    /// Version of the organization's policy by which this is so, as it stands in the events of the audit log.
    pub policy: Option<i64>,
    /// The permission that is asked.
    pub permission: String,
    /// Every rule, in the order in which they are asked.
    pub rules: Vec<Line>,
    /// Fields of it that they are not answered, with why.
    pub hidden: Vec<Hidden>,
    /// What they are told with it; empty for nothing.
    pub notice: &'static str,
}

/// One rule.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// Its name.
    pub rule: &'static str,
    /// Whether it permits.
    pub holds: bool,
    /// How it comes to that.
    pub words: String,
}

/// One field that is not answered.
#[derive(Debug, Clone, Serialize)]
pub struct Hidden {
    /// Its name.
    pub field: String,
    /// `masked`, or the permission that is lacking.
    pub why: String,
}

/// The reads of this module.
#[must_use]
pub fn reads() -> Vec<Op> {
    let param = |name: &str, doc: &str| Param { name: name.into(), doc: doc.into(), schema: json!({"type": "string"}) };
    vec![Op {
        method: Method::Get,
        path: "/api/v1/auth/users/{id}/access".to_owned(),
        name: "auth.user.access".to_owned(),
        permission: "auth.access.explain",
        summary: "What a user holds; with a row, why they can or cannot see it".to_owned(),
        target: "auth.users",
        params: vec![
            param("table", "schema.table of a row, such as medical.patients"),
            param("row", "Its id"),
            param("purpose", "Purpose of use; the user's first when absent"),
        ],
        input: None,
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(answer(tx, call))),
    }]
}

async fn answer(tx: &mut Tx, call: Call) -> Result<Reply> {
    let user = call.id()?;
    let purpose = call.query_value("purpose").map(|p| Purpose::parse("purpose", p)).transpose()?;
    tx.on_row(user);
    let (table, row) = match (call.query_value("table"), call.query_value("row")) {
        (Some(table), Some(row)) => (table.to_owned(), row),
        (None, None) => return Ok(Reply::json(holds(tx, user).await?)),
        (Some(_), None) => return Err(Error::invalid("row", "required", "Give the id of the row")),
        (None, Some(_)) => return Err(Error::invalid("table", "required", "Give the table of the row")),
    };
    let row = row.parse().map_err(|_| Error::invalid("row", "wrong_type", "Is a UUID"))?;
    let why = explain(tx, &Question { user, table, row, purpose }).await?;
    Ok(Reply::json(serde_json::to_value(&why).map_err(Error::internal)?))
}

/// What a user holds, role by role.
async fn holds(tx: &mut Tx, user: Uuid) -> Result<Value> {
    let (ctx, active) = as_user(tx, user).await?;
    let roles: Vec<Value> = ctx
        .grants
        .iter()
        .map(|g| {
            json!({"role": g.role, "scope": g.scope, "purposes": g.purposes,
                "permissions": g.permissions.iter().collect::<Vec<_>>()})
        })
        .collect();
    Ok(json!({"user": user, "active": active, "purpose": ctx.purpose, "policy": ctx.policy, "roles": roles}))
}

/// The user as a caller, and whether the account is active.
async fn as_user(tx: &Tx, user: Uuid) -> Result<(Ctx, bool)> {
    let env = &tx.ctx.env;
    let mut apart = tx.db().begin(Ctx::system(env, tx.ctx.tenant), true).await?;
    let status = sql!("SELECT status = 'active', kind::text FROM auth.users WHERE id = $1");
    let found = apart.query_opt(status, &[&user]).await?.ok_or(Error::NotFound)?;
    let held = auth::held(&mut apart, user, env.now()).await?;
    apart.finish_unrecorded().await?;
    let kind = if found.get::<_, &str>(1) == "service" { ActorKind::Service } else { ActorKind::User };
    let actor = Actor { id: user, kind, roles: held.roles.clone().into(), session: None };
    let ctx = held.caller(Ctx { actor, channel: Channel::Api, ..Ctx::system(env, tx.ctx.tenant) });
    Ok((ctx, found.get(0)))
}

/// Why a user can or cannot see a row.
///
/// # Errors
/// [`Error::NotFound`] for an unknown user, [`Error::Invalid`] for a table that nobody is shown.
pub async fn explain(tx: &mut Tx, question: &Question) -> Result<Explanation> {
    let db = tx.db().clone();
    let Some(resource) = resources().into_iter().find(|r| r.table == question.table) else {
        return Err(Error::invalid(
            "table",
            "not_allowed",
            "Is not a table whose rows are shown: see the data browser",
        ));
    };
    let (ctx, active) = as_user(tx, question.user).await?;
    let ctx = match question.purpose {
        Some(purpose) => ctx.for_purpose(purpose),
        None => ctx,
    };
    let act = Act {
        name: format!("{}.get", resource.noun),
        target: resource.table,
        permission: resource.read,
        read_only: true,
        row: Some(question.row),
    };
    let terms = decide(&ctx, &act, None);
    let (facts, visible) = facts(tx, &terms.applied_to(ctx.clone()), question).await?;
    let decision = decide(&ctx, &act, Some(&facts));
    if let Some(subject) = facts.subject {
        tx.about(subject);
    }
    let account =
        if active { "The account is active." } else { "The account is not active: no call of it is answered." };
    let mut rules = vec![Line { rule: "account", holds: active, words: account.into() }];
    rules.extend(decision.rules.iter().map(|(rule, verdict)| Line {
        rule: rule.name(),
        holds: *verdict == Verdict::Holds,
        words: decision.explain(*rule, &ctx, &act, &facts),
    }));
    let granted = !matches!(decision.failed(), Some(Rule::Module | Rule::Permission | Rule::Purpose));
    if granted && decision.permit != visible {
        let words = if visible {
            "A policy of the database shows this row all the same."
        } else {
            "A policy of the database hides this row."
        };
        rules.push(Line { rule: "database", holds: visible, words: words.into() });
    }
    let table = db.catalog().table(resource.table)?;
    let hidden = hidden(table, &decision);
    Ok(Explanation {
        permit: active && granted && visible,
        purpose: ctx.purpose,
        policy: ctx.policy,
        permission: act.permission.to_owned(),
        rules,
        hidden,
        notice: decision.notice.map_or("", Notice::text),
    })
}

/// What the database says about the row, and whether the user's own transaction sees it.
async fn facts(tx: &Tx, ctx: &Ctx, question: &Question) -> Result<(RowFacts, bool)> {
    let db = tx.db().clone();
    let table = db.catalog().table(&question.table)?;
    let subject_column = table.subject.as_deref().unwrap_or("id");
    let mut apart = db.begin(Ctx::system(&tx.ctx.env, tx.ctx.tenant), true).await?;
    let own_label = table.schema() == "records" && table.column("sensitivity").is_some();
    let fields = [subject_column, if own_label { "sensitivity" } else { "id" }];
    let found = apart.get(&question.table, question.row, &fields).await;
    apart.finish_unrecorded().await?;
    let mut facts = RowFacts { of_persons: table.subject.is_some(), ..RowFacts::default() };
    let label = match found {
        Err(Error::NotFound) => return Ok((facts, false)),
        Err(e) => return Err(e),
        Ok(record) => {
            facts.exists = true;
            facts.subject = record.text(subject_column).parse().ok().filter(|_| facts.of_persons);
            Some(record.text("sensitivity").to_owned()).filter(|text| !text.is_empty())
        }
    };
    let mut theirs = db.begin(ctx.clone(), true).await?;
    let visible = match theirs.get(&question.table, question.row, &["id"]).await {
        Ok(_) => true,
        Err(Error::NotFound) => false,
        Err(e) => return Err(e),
    };
    facts.reached = !facts.of_persons && visible;
    if let Some(subject) = facts.subject {
        let sql = sql!("SELECT link, kernel.reaches(scope) AS counts FROM kernel.links($1) ORDER BY link");
        for link in theirs.query(sql, &[&subject]).await? {
            facts.reached |= link.get::<_, bool>("counts");
            facts.links.push(link.get("link"));
        }
        let sql = sql!("SELECT label, open FROM kernel.labels($1, $2, $3::text) ORDER BY label");
        for label in theirs.query(sql, &[&subject, &question.row, &label]).await? {
            let side = if label.get("open") { &mut facts.opened } else { &mut facts.closed_by };
            side.push(label.get("label"));
        }
    }
    theirs.finish_unrecorded().await?;
    Ok((facts, visible))
}

fn hidden(table: &salus_store::catalog::Table, decision: &Decision) -> Vec<Hidden> {
    let masks = decision.masks.as_ref().and_then(|m| m.get(&table.name));
    let mut out = Vec::new();
    for column in table.readable() {
        if masks.is_some_and(|m| m.contains(&column.name)) {
            out.push(Hidden { field: column.name.clone(), why: "masked".into() });
        } else if column.is_sealed()
            && let Some(lacking) = table.to_open(column).iter().find(|p| !decision.permissions.allow(p))
        {
            out.push(Hidden { field: column.name.clone(), why: (*lacking).to_owned() });
        }
    }
    out
}
