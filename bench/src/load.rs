//! Fills the tenant with people, sealed and audited like everyone's, and the twin tables with the same in clear.

use crate::{measure::Dice, people::Person, place::Place, raw::DATABASE, report::progress};
use futures_util::{StreamExt as _, stream};
use salus_core::{Ctx, Result};
use salus_domains::medical;
use salus_store::{Db, engine::NewRow};
use uuid::Uuid;

/// Who is in the tenant.
#[derive(Default)]
pub struct Crowd {
    /// In the order of their ids.
    pub people: Vec<(Uuid, Person)>,
}

const BATCH: usize = 500;

/// Adds people until there are `target`.
///
/// # Errors
/// Those of the database.
pub async fn fill(place: &Place, crowd: &mut Crowd, target: usize) -> Result<()> {
    let first = crowd.people.len();
    if first >= target {
        return Ok(());
    }
    progress(&format!("filling: {target} patients"));
    let mut dice = Dice::new(first as u64 + 1);
    for number in first..target {
        crowd.people.push((place.db.env().id(), Person::next(&mut dice, number)));
    }
    let batches = crowd.people[first..].chunks(BATCH).map(|batch| sealed(&place.db, place.tenant, batch));
    let done: Vec<Result<()>> = stream::iter(batches).buffer_unordered(3).collect().await;
    done.into_iter().collect::<Result<()>>()?;
    let (admin, twin) = (place.connect("salus_admin").await?, place.connect_to(DATABASE, "salus_admin").await?);
    for batch in crowd.people[first..].chunks(BATCH * 10) {
        clear(&twin, place.tenant, batch).await?;
    }
    // The same care for both sides: statistics, and visible pages.
    admin
        .batch_execute("VACUUM (ANALYZE) medical.patients, kernel.search_tokens, kernel.subject_keys")
        .await
        .map_err(crate::report::fault)?;
    twin.batch_execute("VACUUM (ANALYZE) bench_raw.patients, bench_raw.names").await.map_err(crate::report::fault)?;
    admin.batch_execute("CHECKPOINT").await.map_err(crate::report::fault)
}

async fn sealed(db: &Db, tenant: Uuid, batch: &[(Uuid, Person)]) -> Result<()> {
    let today = db.env().now().date();
    let mut rows = Vec::with_capacity(batch.len());
    for (id, person) in batch {
        let mut values = person.body();
        medical::derive_patient(&mut values, today)?;
        rows.push(NewRow { id: *id, values });
    }
    let mut tx = db.begin(Ctx::operator(db.env(), tenant), false).await?;
    tx.insert("medical.patients", &rows).await?;
    tx.commit("medical.patient.create", "medical.patients").await
}

async fn clear(admin: &tokio_postgres::Client, tenant: Uuid, batch: &[(Uuid, Person)]) -> Result<()> {
    let column = |f: fn(&Person) -> String| batch.iter().map(|(_, p)| f(p)).collect::<Vec<_>>();
    let ids: Vec<Uuid> = batch.iter().map(|(id, _)| *id).collect();
    let (family, given) = (column(|p| p.family.clone()), column(|p| p.given.clone()));
    let (mrn, born, sex) = (column(|p| p.mrn.clone()), column(|p| p.born.clone()), column(|p| p.sex.to_owned()));
    let sql = "WITH people AS (SELECT * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[]) \
                 AS u(id, family, given, mrn, born, sex)), \
               names AS (INSERT INTO bench_raw.names (id, name) SELECT id, family || ' ' || given FROM people) \
               INSERT INTO bench_raw.patients (tenant_id, id, family_name, given_names, preferred_name, suffix, mrn, birth_date, \
                 birth_month, sex, gender_identity, pronouns, pseudonym, preferred_language, race_codes) \
               SELECT $1, id, family, given, split_part(given, ' ', 1), 'Jr.', mrn, born::date, date_trunc('month', born::date), sex, \
                 'not disclosed', 'they/them', mrn, 'en', '{2106-3}' FROM people";
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 7] = [&tenant, &ids, &family, &given, &mrn, &born, &sex];
    admin.execute(sql, &params).await.map(|_| ()).map_err(crate::report::fault)
}
