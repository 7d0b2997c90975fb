//! A plausible call for every operation: the tenant has a row in every table, bodies are made from the catalogue.

use crate::world::World;
use salus_core::Ctx;
use salus_domains::prove::specimen::{Factory, Scratch};
use salus_store::{Call, Method, Op, audit::Sealer};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

pub struct Plausible {
    pub factory: Factory,
    pub planted: Scratch,
}

impl Plausible {
    /// Plants a row of this tenant in every table.
    pub async fn plant(world: &World, tenant: Uuid, marker: &str) -> Self {
        let mut factory = Factory::new(world.db.env());
        let mut planted = Scratch { id: tenant, marker: marker.into(), rows: BTreeMap::new(), more: BTreeSet::new() };
        factory.plant(&world.db, &mut planted).await.unwrap();
        shared(world, &mut planted).await;
        // An event with a detail, which can be redacted.
        let mut tx = world.db.begin(Ctx::operator(world.db.env(), tenant), true).await.unwrap();
        tx.note(json!({"query": "a word"}));
        tx.commit("test.note", "audit.activity_logs").await.unwrap();
        // Proofs are of what is sealed; transactions of other tests hold that up.
        let mut sealer = Sealer::new(world.db.log().unwrap());
        while sealer.seal().await.unwrap().size == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        Self { factory, planted }
    }

    pub fn row(&self, table: &str) -> Uuid {
        *self.planted.rows.get(table).unwrap_or_else(|| panic!("nothing was planted in {table}"))
    }

    /// A call that should succeed: the tenant's own row, a body that fits, the current version.
    pub async fn call(&self, world: &World, op: &Op, marker: &str) -> Call {
        let table = world.db.catalog().table(op.target).unwrap();
        // An operation that names no row may be about a table that all tenants share, where nothing is planted.
        let id = match op.path.contains("{id}") {
            true if op.name == "audit.event.redact" => self.detailed(world).await,
            true => self.row(op.target),
            false => Uuid::nil(),
        };
        let body = match &op.input {
            None => Value::Null,
            Some(schema) => Value::Object(self.factory.body(table, &self.planted, marker, schema)),
        };
        let mut path = in_path(op, &id.to_string());
        let mut changed = op.target;
        for (name, table) in DEEPER {
            if let Some(place) = path.iter_mut().find(|(n, _)| n == name) {
                place.1 = self.row(table).to_string();
                changed = table;
            }
        }
        let if_match = if op.method == Method::Patch { Some(self.version(world, changed).await) } else { None };
        let needed = |name: &str| match name {
            "code" if op.path.contains('{') => Some("8867-4".to_owned()),
            "patient" if op.name == "audit.log.fhir" => Some(self.row("medical.patients").to_string()),
            _ => None,
        };
        let query = op.params.iter().filter_map(|p| Some((p.name.clone(), needed(&p.name)?))).collect();
        Call { path, query, body, if_match, idempotency_key: None }
    }

    /// An event that has a detail.
    async fn detailed(&self, world: &World) -> Uuid {
        let admin = world.database.connect("salus_admin").await;
        let sql =
            "SELECT id FROM audit.activity_logs WHERE tenant_id = $1 AND payload IS NOT NULL ORDER BY id DESC LIMIT 1";
        admin.query_one(sql, &[&self.planted.id]).await.unwrap().get(0)
    }

    async fn version(&self, world: &World, table: &str) -> i32 {
        let admin = world.database.connect("salus_admin").await;
        let sql = format!("SELECT row_version FROM {table} WHERE id = $1");
        admin.query_one(&sql, &[&self.row(table)]).await.unwrap().get(0)
    }
}

/// Rows of tables that all tenants share and that are answered, as the knowledge of drugs fills them.
async fn shared(world: &World, planted: &mut Scratch) {
    let id = Uuid::from_u128(0x723);
    let sql = format!(
        "INSERT INTO ref.drug_catalog (id, rxcui, name, tty, source_release_id) VALUES ('{id}', '723', 'Amoxicillin', 'IN', 'test') \
           ON CONFLICT DO NOTHING; \
         INSERT INTO ref.drug_interactions (id, drug_a_rxcui, drug_b_rxcui, severity, evidence, clinical_effect, references_cited, knowledge_release) \
           VALUES ('{id}', '11289', '723', 'MINOR', 'PROBABLE', 'Invented', '[\"Invented\"]', 'test') ON CONFLICT DO NOTHING; \
         INSERT INTO ref.allergy_cross_reactivity (id, group_a, group_b, kind, risk, advice) \
           VALUES ('{id}', 'A', 'B', 'SAME_CORE', 'LOW', 'Invented') ON CONFLICT DO NOTHING"
    );
    world.admin(&sql).await;
    for table in ["ref.drug_catalog", "ref.drug_interactions", "ref.allergy_cross_reactivity"] {
        planted.rows.insert(table.into(), id);
    }
}

/// Parameters of paths besides the id, and the tables whose rows they name.
const DEEPER: [(&str, &str); 1] = [("dose", "records.immunizations")];

/// A call that must fail whatever the operation is.
pub fn hopeless(op: &Op) -> Call {
    let query = [
        ("limit", "9999"),
        ("before", "not a time"),
        ("from", "not a time"),
        ("code", ""),
        ("fields", "no_such_field"),
        ("name", "no such name"),
        ("school_id", "not an id"),
        ("school", "not an id"),
        ("ids", "not an id"),
    ];
    let query = query.into_iter().filter(|(n, _)| op.params.iter().any(|p| p.name == *n));
    Call {
        path: in_path(op, "01900000-0000-7000-8000-000000000000"),
        query: query.map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
        body: json!({"no_such_field": true}),
        if_match: Some(1),
        idempotency_key: None,
    }
}

pub fn in_path(op: &Op, id: &str) -> Vec<(String, String)> {
    let names = op.path.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    names.map(|(name, _)| (name.to_owned(), id.to_owned())).collect()
}
