//! `salus immunization`: the schedule that the user has, what the state asks for, and where the students stand.

use super::engines::supporting_files;
use crate::{
    output::{Outcome, table},
    place::Place,
};
use clap::Subcommand;
use salus_core::{Ctx, Error, Result};
use salus_domains::{operations, school::immunization};
use salus_store::{Act, Body, Call, Db, dispatch, perform};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use uuid::Uuid;

#[derive(Debug, Subcommand)]
pub enum ImmunizationCommand {
    /// Import a release of supporting data (CDSi), all of it or nothing, and judge doses by it from then on.
    ImportSchedule {
        /// The folder: XML files of antigens and of the schedule, or that which holds them in XML/.
        folder: PathBuf,
        #[arg(long)]
        tenant: String,
        /// Who published it: `ACIP_CDC`, `AAP`, `STATE` or `WHO_PNI`.
        #[arg(long, default_value = "ACIP_CDC")]
        authority: String,
        /// Which release it is, such as 4.64; left out, the number at the end of the folder's name.
        #[arg(long)]
        version: Option<String>,
    },
    /// List the releases that were imported, and which is in use.
    Schedules {
        #[arg(long)]
        tenant: String,
    },
    /// Judge doses by another release that was imported.
    UseSchedule {
        #[arg(long)]
        tenant: String,
        #[arg(long, default_value = "ACIP_CDC")]
        authority: String,
        #[arg(long)]
        version: String,
    },
    /// Enter what a state asks for from a JSON file; each requirement counts once somebody has approved it.
    ImportRequirements {
        /// A list of objects whose members are named as the columns of `school.school_immunization_requirements`.
        file: PathBuf,
        #[arg(long)]
        tenant: String,
    },
    /// Take in CDC's text file of vaccine codes (CVX): codes that are not used any more stay for doses of the past and are refused
    /// for doses given here. It takes the place of the list before.
    ImportCvx {
        /// The file: seven fields a line, separated by `|`.
        file: PathBuf,
        #[arg(long)]
        tenant: String,
    },
    /// Judge all students of all schools now.
    Evaluate {
        #[arg(long)]
        tenant: String,
    },
}

pub async fn run(place: &Place, command: ImmunizationCommand) -> Result<Outcome> {
    match command {
        ImmunizationCommand::ImportSchedule { folder, tenant, authority, version } => {
            let files = supporting_files(&folder)?;
            let version = version.map_or_else(|| version_of(&folder), Ok)?;
            let db = place.db().await?;
            import(&db, place.tenant(&db, &tenant).await?, files, (authority, version)).await
        }
        ImmunizationCommand::Schedules { tenant } => {
            let db = place.db().await?;
            schedules(&db, place.tenant(&db, &tenant).await?).await
        }
        ImmunizationCommand::UseSchedule { tenant, authority, version } => {
            let db = place.db().await?;
            let ctx = Ctx::operator(db.env(), place.tenant(&db, &tenant).await?);
            let text = format!("Doses of {tenant} are judged by {authority} {version}.");
            let act = act("school.schedule.activate", "school.schedule_releases");
            let told = perform(&db, act, ctx, move |tx| {
                Box::pin(async move { immunization::activate(tx, &authority, &version).await })
            })
            .await?;
            Ok(Outcome::done(told, text))
        }
        ImmunizationCommand::ImportRequirements { file, tenant } => {
            let unreadable = |e: &dyn std::fmt::Display| {
                Error::invalid("requirements", "unreadable", format!("{}: {e}", file.display()))
            };
            let bytes = std::fs::read(&file).map_err(|e| unreadable(&e))?;
            let list: Value = serde_json::from_slice(&bytes).map_err(|e| unreadable(&e))?;
            let db = place.db().await?;
            let ctx = Ctx::operator(db.env(), place.tenant(&db, &tenant).await?);
            let act = act("school.requirement.import", "school.school_immunization_requirements");
            let count = perform(&db, act, ctx, move |tx| Box::pin(immunization::import_requirements(tx, list))).await?;
            let text = format!("{count} requirements entered; they count once a person of {tenant} has approved them.");
            Ok(Outcome::done(json!({"entered": count}), text))
        }
        ImmunizationCommand::ImportCvx { file, tenant } => {
            let unreadable = |e| Error::invalid("codes", "unreadable", format!("{}: {e}", file.display()));
            let bytes = std::fs::read(&file).map_err(unreadable)?;
            let db = place.db().await?;
            let ctx = Ctx::operator(db.env(), place.tenant(&db, &tenant).await?);
            let act = act("school.vaccine_code.import", "school.vaccine_codes");
            let told =
                perform(&db, act, ctx, move |tx| Box::pin(async move { immunization::import_codes(tx, &bytes).await }))
                    .await?;
            let active = told["statuses"]["ACTIVE"].as_u64().unwrap_or(0);
            let text = format!(
                "{} vaccine codes are in the list, {active} of them active; {} left it.",
                told["codes"], told["left"]
            );
            Ok(Outcome::done(told, text))
        }
        ImmunizationCommand::Evaluate { tenant } => {
            let db = place.db().await?;
            evaluate(&db, place.tenant(&db, &tenant).await?).await
        }
    }
}

fn act(name: &str, target: &'static str) -> Act {
    Act { name: name.to_owned(), target, permission: "school.immunization.write", read_only: false, row: None }
}

/// The number at the end of a folder's name, such as 4.64 of `supporting-data-4.64`.
fn version_of(folder: &Path) -> Result<String> {
    let named = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    let name = named.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let tail = name.rsplit(['-', '_', ' ']).next().unwrap_or_default();
    let is_number = tail.contains('.') && tail.chars().all(|c| c.is_ascii_digit() || c == '.');
    let missing = "Say which release this is, such as --version 4.64: the folder's name does not end in it";
    if is_number { Ok(tail.to_owned()) } else { Err(Error::invalid("version", "required", missing)) }
}

async fn import(
    db: &Db,
    tenant: Uuid,
    files: Vec<(String, Vec<u8>)>,
    (authority, version): (String, String),
) -> Result<Outcome> {
    let act = act("school.schedule.import", "school.schedule_releases");
    let text = format!("{authority} {version}");
    let told = perform(db, act, Ctx::operator(db.env(), tenant), move |tx| {
        Box::pin(async move { immunization::import_schedule(tx, &files, &authority, &version).await })
    })
    .await?;
    let text = if told["new"] == json!(true) {
        let (files, antigens) = (&told["files"], &told["antigens"]);
        format!("{text} was imported from {files} files with {antigens} antigens, and is in use.")
    } else {
        format!("{text} was there already with the same files, and is in use.")
    };
    Ok(Outcome::done(told, text))
}

async fn call(db: &Db, tenant: Uuid, name: &str, call: Call) -> Result<Body> {
    let ops = operations(db.catalog())?;
    let op = ops.iter().find(|o| o.name == name).ok_or_else(|| Error::internal("no such operation"))?;
    Ok(dispatch(db, op, Ctx::operator(db.env(), tenant), call).await?.body)
}

async fn schedules(db: &Db, tenant: Uuid) -> Result<Outcome> {
    let Body::Page(page) = call(db, tenant, "school.schedule.list", Call::default()).await? else {
        return Err(Error::internal("the list of schedules is no list"));
    };
    let rows: Vec<Vec<String>> = page
        .rows
        .iter()
        .map(|r| {
            let number = |name: &str| r.get(name).map(ToString::to_string).unwrap_or_default();
            let used = if r.get("is_active") == Some(&json!(true)) { "in use" } else { "" };
            vec![
                r.text("authority").to_owned(),
                r.text("version").to_owned(),
                used.to_owned(),
                number("antigen_count"),
                number("dose_count"),
                r.text("created_at").to_owned(),
            ]
        })
        .collect();
    let text = if rows.is_empty() {
        "No schedule was imported: salus immunization import-schedule DIR --tenant NAME".to_owned()
    } else {
        table(&["authority", "version", "", "antigens", "doses", "imported"], &rows)
    };
    Ok(Outcome::done(json!({"schedules": page.rows}), text))
}

async fn evaluate(db: &Db, tenant: Uuid) -> Result<Outcome> {
    let (mut rows, mut all, mut from) = (Vec::new(), Vec::new(), None::<String>);
    loop {
        let mut query = vec![("is_active".to_owned(), "true".to_owned())];
        query.extend(from.take().map(|cursor| ("cursor".to_owned(), cursor)));
        let listed = call(db, tenant, "school.school.list", Call { query, ..Call::default() }).await?;
        let Body::Page(page) = listed else { return Err(Error::internal("the list of schools is no list")) };
        for school in &page.rows {
            let body = json!({"school_id": school.text("id")});
            let done = call(db, tenant, "school.immunization.evaluate", Call { body, ..Call::default() }).await?;
            let Body::Json(done) = done else { return Err(Error::internal("another answer than expected")) };
            if done["problem"] == json!("NO_SCHEDULE") {
                let message = "No schedule is in use: salus immunization import-schedule DIR --tenant NAME";
                return Err(Error::Conflict { code: "no_schedule", detail: message.into() });
            }
            let told = |name: &str| done[name].to_string();
            rows.push(vec![school.text("name").to_owned(), told("evaluated"), told("without_birth_date")]);
            all.push(done);
        }
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    Ok(Outcome::done(json!({"schools": all}), table(&["school", "evaluated", "without birth date"], &rows)))
}

#[cfg(test)]
mod tests {
    use super::version_of;
    use std::path::Path;

    #[test]
    fn the_folder_may_say_which_release_it_is() {
        assert_eq!(version_of(Path::new("/nowhere/supporting-data-4.64")).unwrap(), "4.64");
        assert!(version_of(Path::new("/nowhere/XML")).unwrap_err().to_string().contains("--version"));
    }
}
