//! Each kind of manual drift is named, nothing else is, and the plan undoes it without touching a row.

use std::collections::BTreeSet;

use salus_store::schema::{self, Change, Difference, Kind, repair};
use tokio_postgres::Client;

use crate::{
    database::{Database, populate, rows},
    drift_cases::{ACCESS, BEHAVIOUR, Case, RULES, STRUCTURE},
};

fn named(differences: &[Difference]) -> BTreeSet<(Kind, String, char)> {
    let sign = |change: &Change| match change {
        Change::Missing(_) => '-',
        Change::Unexpected(_) => '+',
        Change::Altered { .. } => '~',
    };
    differences.iter().map(|d| (d.kind, d.name.clone(), sign(&d.change))).collect()
}

/// Plays a case in a transaction that is rolled back: roles belong to the whole cluster, and others use it too.
async fn play(client: &Client, case: &Case, before: &[(String, String)]) -> Result<(), String> {
    client.batch_execute("BEGIN; SET LOCAL search_path = ''; SET LOCAL client_min_messages = warning").await.unwrap();
    client.batch_execute(case.by_hand).await.map_err(|e| format!("cannot be played: {e:?}"))?;
    let after_drift = rows(client).await;
    let found = schema::verify(client).await.map_err(|e| e.to_string())?;
    let expected: BTreeSet<_> =
        case.named.iter().map(|(kind, name, sign)| (*kind, (*name).to_owned(), *sign)).collect();
    if named(&found) != expected {
        return Err(format!("names {:#?}", found.iter().map(ToString::to_string).collect::<Vec<_>>()));
    }
    for difference in &found {
        let told = difference.to_string();
        if !told.contains(&difference.name) || told.contains('\n') {
            return Err(format!("is told as {told:?}"));
        }
    }
    let repairs = repair::plan(&found, &schema::expected().unwrap());
    for repair in &repairs {
        assert!(!repair.note.is_empty());
        if let Some(statement) = &repair.statement {
            client.batch_execute(statement).await.map_err(|e| format!("{e:?}\nis not repaired by\n{statement}"))?;
        }
    }
    let left = schema::verify(client).await.map_err(|e| e.to_string())?;
    let by_person = repairs.iter().filter(|r| r.statement.is_none()).count();
    if left.len() != case.by_person || by_person != case.by_person {
        return Err(format!("leaves {:#?}", left.iter().map(ToString::to_string).collect::<Vec<_>>()));
    }
    // Where the drift itself left the rows alone, so does the whole; where it did not, the repair adds no harm.
    let after = rows(client).await;
    let columns_restored = found.iter().any(|d| d.kind == Kind::Column && matches!(d.change, Change::Missing(_)));
    if after != after_drift && !columns_restored {
        return Err("the repair touched rows".into());
    }
    if case.by_person == 0 && !columns_restored && after != before {
        return Err("rows are not what they were".into());
    }
    Ok(())
}

async fn play_all(test: &str, cases: &[Case]) {
    let (database, client) = Database::migrated(test).await;
    client.batch_execute("BEGIN").await.unwrap();
    populate(&client).await;
    client.batch_execute("COMMIT").await.unwrap();
    let before = rows(&client).await;
    let mut wrong = Vec::new();
    for case in cases {
        if let Err(why) = play(&client, case, &before).await {
            wrong.push(format!("{}\n  {why}", case.by_hand));
        }
        client.batch_execute("ROLLBACK").await.unwrap();
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n\n{}", wrong.len(), cases.len(), wrong.join("\n\n"));
    assert_eq!(schema::verify(&client).await.unwrap(), []);
    database.drop().await;
}

#[tokio::test]
async fn drift_of_tables_columns_and_domains_is_named_and_undone() {
    play_all("drift_structure", STRUCTURE).await;
}

#[tokio::test]
async fn drift_of_indexes_and_constraints_is_named_and_undone() {
    play_all("drift_rules", RULES).await;
}

#[tokio::test]
async fn drift_of_policies_triggers_and_functions_is_named_and_undone() {
    play_all("drift_behaviour", BEHAVIOUR).await;
}

#[tokio::test]
async fn drift_of_owners_grants_and_registrations_is_named_and_undone() {
    play_all("drift_access", ACCESS).await;
}

#[test]
fn there_are_many_kinds_of_drift() {
    let cases: Vec<_> = [STRUCTURE, RULES, BEHAVIOUR, ACCESS].into_iter().flatten().collect();
    let kinds: BTreeSet<_> = cases.iter().flat_map(|c| c.named).map(|(kind, _, sign)| (*kind, *sign)).collect();
    assert!(cases.len() >= 90 && kinds.len() >= 50, "{} cases of {} kinds", cases.len(), kinds.len());
}
