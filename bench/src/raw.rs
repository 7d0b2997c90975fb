//! The limit: what PostgreSQL does with unsealed twins of the tables, under the same row-level security, with the
//! tenant's context, the work and the audit row in one round trip. The twins lie in a database of their own on the same
//! cluster, because a server refuses a database that holds more than its schema.

use crate::{people::Person, place::Place};
use salus_core::{Error, Result};
use time::OffsetDateTime;
use tokio_postgres::{Client, Statement};
use uuid::Uuid;

/// The twins. They have the same b-tree indexes as the sealed table, because they answer the same look-ups; names for
/// trigram search are apart and without row-level security, which would keep the index from being used.
const TABLES: &str = "
CREATE SCHEMA extensions;
CREATE EXTENSION pg_trgm SCHEMA extensions;
CREATE SCHEMA kernel;
CREATE FUNCTION kernel.tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
  RETURN nullif(current_setting('salus.tenant', true), '')::uuid;
CREATE FUNCTION kernel.is_whole_tenant() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
  RETURN coalesce(current_setting('salus.scope', true) = 'tenant', false);
CREATE SCHEMA bench_raw;
CREATE TABLE bench_raw.patients (
  tenant_id uuid NOT NULL, id uuid NOT NULL, row_version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(),
  created_by uuid, updated_by uuid, mrn text, pseudonym text NOT NULL, family_name text, given_names text,
  preferred_name text, suffix text, birth_date date, birth_month date, sex text NOT NULL, gender_identity text,
  pronouns text, race_codes text[], preferred_language text, interpreter_needed boolean NOT NULL DEFAULT false,
  record_regime text NOT NULL DEFAULT 'HIPAA', status text NOT NULL DEFAULT 'ACTIVE', merged_into uuid, risk_level text,
  unlisted_contact boolean NOT NULL DEFAULT false,
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, mrn), UNIQUE (tenant_id, pseudonym));
CREATE INDEX ON bench_raw.patients (tenant_id, merged_into);
CREATE INDEX ON bench_raw.patients (tenant_id, birth_date);
CREATE INDEX ON bench_raw.patients (tenant_id, birth_month, sex);
CREATE INDEX ON bench_raw.patients (tenant_id, status, id);
CREATE TABLE bench_raw.events (
  tenant_id uuid NOT NULL, id uuid NOT NULL, recorded_at timestamptz NOT NULL, actor_id uuid NOT NULL,
  action text NOT NULL, target text NOT NULL, outcome text NOT NULL, header bytea NOT NULL,
  PRIMARY KEY (tenant_id, recorded_at, id));
CREATE TABLE bench_raw.notes (tenant_id uuid NOT NULL, id uuid NOT NULL, row_version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), created_by uuid, updated_by uuid,
  name text NOT NULL, value jsonb NOT NULL, PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, name));
CREATE TABLE bench_raw.names (id uuid PRIMARY KEY, name text NOT NULL);
CREATE INDEX ON bench_raw.names USING gin (name extensions.gin_trgm_ops);
GRANT USAGE ON SCHEMA bench_raw, kernel, extensions TO salus_app;
GRANT SELECT, INSERT ON bench_raw.patients, bench_raw.events, bench_raw.names, bench_raw.notes TO salus_app;
";
const PROTECT: &str = "
ALTER TABLE $ ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON $ AS RESTRICTIVE FOR ALL USING (tenant_id = (SELECT kernel.tenant()))
  WITH CHECK (tenant_id = (SELECT kernel.tenant()));
CREATE POLICY whole_tenant ON $ FOR ALL USING ((SELECT kernel.is_whole_tenant()))
  WITH CHECK ((SELECT kernel.is_whole_tenant()));
";

/// Where the twins are.
pub const DATABASE: &str = "bench_raw";

/// Makes the twins.
///
/// # Errors
/// Those of the database.
pub async fn make_tables(place: &Place) -> Result<()> {
    let protect: String =
        ["patients", "events", "notes"].map(|t| PROTECT.replace('$', &format!("bench_raw.{t}"))).concat();
    let admin = place.connect("salus_admin").await?;
    admin.batch_execute(&format!("CREATE DATABASE {DATABASE}")).await.map_err(crate::report::fault)?;
    let twin = place.connect_to(DATABASE, "salus_admin").await?;
    twin.batch_execute(&format!("{TABLES}{protect}")).await.map_err(crate::report::fault)
}

/// One connection with its prepared statements.
pub struct Raw {
    client: Client,
    tenant: Uuid,
    caller: Statement,
    point: Statement,
    page: Statement,
    insert: Statement,
    event: Statement,
    search: Statement,
    note: Statement,
    header: Vec<u8>,
}

impl Raw {
    /// As many connections as there are clients.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn several(place: &Place, clients: usize) -> Result<Vec<Self>> {
        let mut all = Vec::with_capacity(clients);
        for _ in 0..clients {
            all.push(Self::connect(place).await?);
        }
        Ok(all)
    }

    async fn connect(place: &Place) -> Result<Self> {
        let client = place.connect_to(DATABASE, "salus_app").await?;
        let mut made = Vec::new();
        for sql in [
            "SELECT set_config('salus.tenant', $1, true), set_config('salus.actor', $1, true), \
             set_config('salus.scope', 'tenant', true)",
            "SELECT * FROM bench_raw.patients WHERE id = $1",
            "SELECT id, pseudonym, family_name, given_names, birth_date, sex, mrn, status, risk_level, row_version \
             FROM bench_raw.patients WHERE id < $1 ORDER BY id DESC LIMIT 51",
            "INSERT INTO bench_raw.patients (tenant_id, id, family_name, given_names, preferred_name, suffix, mrn, birth_date, \
             birth_month, sex, gender_identity, pronouns, pseudonym, preferred_language, race_codes) \
             VALUES ($1, $2, $3, $4, $4, 'Jr.', $5, $6::text::date, date_trunc('month', $6::text::date), $7, 'not disclosed', \
             'they/them', $5, 'en', '{2106-3}') RETURNING *",
            "INSERT INTO bench_raw.events (tenant_id, id, recorded_at, actor_id, action, target, outcome, header) \
             VALUES ($1, $2, $3, $1, 'medical.patient.get', 'medical.patients', 'success', $4)",
            "SELECT id, name FROM bench_raw.names WHERE name ILIKE $1 AND name ILIKE $2 ORDER BY id LIMIT 50",
            "INSERT INTO bench_raw.notes (tenant_id, id, name, value) VALUES ($1, $2, $2::uuid::text, '{\"n\": 1}')",
        ] {
            made.push(client.prepare(sql).await.map_err(crate::report::fault)?);
        }
        let [caller, point, page, insert, event, search, note] =
            <[Statement; 7]>::try_from(made).map_err(|_| Error::internal("seven statements"))?;
        let header = vec![b'h'; 420];
        Ok(Self { client, tenant: place.tenant, caller, point, page, insert, event, search, note, header })
    }

    /// A point read and a durable audit row.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn get(&self, id: Uuid, event: Uuid, now: OffsetDateTime) -> Result<usize> {
        let tenant = self.tenant.to_string();
        let who: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&tenant];
        let what: [&(dyn tokio_postgres::types::ToSql + Sync); 4] = [&self.tenant, &event, &now, &self.header];
        let key: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&id];
        let (begun, told, rows, noted, committed) = futures_util::join!(
            self.client.batch_execute("BEGIN"),
            self.client.query(&self.caller, &who),
            self.client.query(&self.point, &key),
            self.client.execute(&self.event, &what),
            self.client.batch_execute("COMMIT")
        );
        begun.and(told.map(|_| ())).and(noted.map(|_| ())).and(committed).map_err(crate::report::fault)?;
        rows.map(|r| r.len()).map_err(crate::report::fault)
    }

    /// A page of 50 from a place on.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn page(&self, before: Uuid) -> Result<usize> {
        let tenant = self.tenant.to_string();
        let who: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&tenant];
        let key: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&before];
        let (begun, told, rows, committed) = futures_util::join!(
            self.client.batch_execute("BEGIN"),
            self.client.query(&self.caller, &who),
            self.client.query(&self.page, &key),
            self.client.batch_execute("COMMIT")
        );
        begun.and(told.map(|_| ())).and(committed).map_err(crate::report::fault)?;
        rows.map(|r| r.len()).map_err(crate::report::fault)
    }

    /// An insert and a durable audit row.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn create(&self, (id, event): (Uuid, Uuid), person: &Person, now: OffsetDateTime) -> Result<()> {
        let tenant = self.tenant.to_string();
        let who: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&tenant];
        let what: [&(dyn tokio_postgres::types::ToSql + Sync); 4] = [&self.tenant, &event, &now, &self.header];
        let row: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
            [&self.tenant, &id, &person.family, &person.given, &person.mrn, &person.born, &person.sex];
        let (begun, told, rows, noted, committed) = futures_util::join!(
            self.client.batch_execute("BEGIN"),
            self.client.query(&self.caller, &who),
            self.client.query(&self.insert, &row),
            self.client.execute(&self.event, &what),
            self.client.batch_execute("COMMIT")
        );
        begun.and(told.map(|_| ())).and(noted.map(|_| ())).and(committed).map_err(crate::report::fault)?;
        rows.map(|_| ()).map_err(crate::report::fault)
    }

    /// An insert of a small row, and nothing else.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note(&self, id: Uuid) -> Result<u64> {
        let tenant = self.tenant.to_string();
        let who: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&tenant];
        let row: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&self.tenant, &id];
        let (begun, told, made, committed) = futures_util::join!(
            self.client.batch_execute("BEGIN"),
            self.client.query(&self.caller, &who),
            self.client.execute(&self.note, &row),
            self.client.batch_execute("COMMIT")
        );
        begun.and(told.map(|_| ())).and(committed).map_err(crate::report::fault)?;
        made.map_err(crate::report::fault)
    }

    /// Names that hold every word, by trigram index.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn search(&self, words: &[String]) -> Result<usize> {
        let pattern = |i: usize| words.get(i).map_or_else(|| "%".to_owned(), |w| format!("%{w}%"));
        let found = self.client.query(&self.search, &[&pattern(0), &pattern(1)]).await;
        found.map(|rows| rows.len()).map_err(crate::report::fault)
    }
}
