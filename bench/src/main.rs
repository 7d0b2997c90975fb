//! Measures Salus as a ratio to what PostgreSQL itself does on the same cluster in the same run.
//!
//! Each row alternates short slices of our work and of the limit and takes medians, because machines are shared and
//! noisy. The server is the released program in a process of its own; the limit is plain `tokio-postgres` with
//! prepared, pipelined statements under the same row-level security, on unsealed twins of the tables. A wrong answer
//! fails the run; a missed goal fails it only with `--goals`. A38 and A40 are times of the door, without
//! a limit beside them.

mod alarm;
mod audit;
mod backup;
mod engines;
mod exchange;
mod growth;
mod http;
mod load;
mod lockout;
mod measure;
mod people;
mod place;
mod raw;
mod report;
mod requests;
mod resources;
mod revoke;
mod rotation;
mod school;
mod search;
mod walls;

use clap::Parser;
use place::Place;
use report::{Report, Row};
use salus_core::{Error, Result};
use std::{path::PathBuf, process::ExitCode};

/// What to measure.
#[derive(Debug, Parser)]
#[allow(clippy::struct_excessive_bools, reason = "switches of a command line")]
pub struct Args {
    /// P1 to P12, visits, recompute, chart, A09 (rls), A38 (lockout), A40 (revoke), or all.
    #[arg(default_value = "all")]
    rows: Vec<String>,
    /// The program to measure.
    #[arg(long)]
    salus: PathBuf,
    /// Where the throw-away cluster lies: a disk, not memory.
    #[arg(long)]
    place: PathBuf,
    /// The folder with CDSi's supporting data, for P10.
    #[arg(long, default_value = "../shared/data/cdsi/supporting-data-4.64/XML")]
    schedule: PathBuf,
    /// One JSON document instead of a table.
    #[arg(long)]
    json: bool,
    /// Small sizes and short slices.
    #[arg(long)]
    quick: bool,
    /// 500,000 patients.
    #[arg(long, conflicts_with = "quick")]
    full: bool,
    /// So many patients in the tenant, and not those of the size: a million for A35.
    #[arg(long)]
    patients: Option<usize>,
    /// Fail when a goal is missed.
    #[arg(long)]
    goals: bool,
    /// Keep the cluster and print where it is.
    #[arg(long)]
    keep: bool,
}

/// Sizes that follow from the arguments.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Patients before growth is measured.
    pub small: usize,
    /// Patients in the tenant.
    pub patients: usize,
    /// Patients of the import, each with 42 resources.
    pub imported: usize,
    /// Events that are verified.
    pub events: usize,
    /// Attempts to sign in of each kind; half as many times each thing is taken away.
    pub attempts: usize,
    /// Slices of each side.
    pub slices: usize,
    /// Length of a slice.
    pub seconds: f64,
}

impl Args {
    fn sizes(&self) -> Sizes {
        let base = Sizes {
            small: 5_000,
            patients: 50_000,
            imported: 1_250,
            events: 200_000,
            attempts: 200,
            slices: 5,
            seconds: 2.0,
        };
        let sizes = match (self.quick, self.full) {
            (true, _) => Sizes {
                small: 500,
                patients: 2_000,
                imported: 100,
                events: 2_000,
                attempts: 20,
                slices: 2,
                seconds: 0.5,
            },
            (_, true) => Sizes { small: 10_000, patients: 500_000, events: 1_000_000, ..base },
            _ => base,
        };
        Sizes { patients: self.patients.unwrap_or(sizes.patients).max(sizes.small), ..sizes }
    }

    fn wants(&self, row: &str) -> bool {
        self.rows.iter().any(|r| match r.to_lowercase().as_str() {
            "all" => true,
            "lockout" => row == "A38",
            "revoke" => row == "A40",
            "rls" => row == "A09",
            other => other == row.to_lowercase(),
        })
    }
}

fn main() -> ExitCode {
    if let Some(code) = salus_store::cluster::guard_requested() {
        return code;
    }
    let args = Args::parse();
    let known = [
        "all",
        "p1",
        "p2",
        "p3",
        "p4",
        "p5",
        "p6",
        "p7",
        "p8",
        "p9",
        "p10",
        "p11",
        "p12",
        "visits",
        "recompute",
        "chart",
        "a09",
        "a38",
        "a40",
        "lockout",
        "revoke",
        "rls",
    ];
    if let Some(unknown) = args.rows.iter().find(|r| !known.contains(&r.to_lowercase().as_str())) {
        report::say(&format!("{unknown} is none of {}", known.join(", ")));
        return ExitCode::from(2);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return report::fail(&Error::internal(e)),
    };
    match runtime.block_on(run(&args)) {
        Ok(report) => report.show(args.json, args.goals),
        Err(e) => report::fail(&e),
    }
}

async fn run(args: &Args) -> Result<Report> {
    let sizes = args.sizes();
    let mut report = Report::new(sizes);
    let mut place = Place::make(&args.place, &args.salus, args.keep).await?;
    let done = rows(args, sizes, &mut place, &mut report).await;
    place.remove().await;
    done.map(|()| report)
}

async fn rows(args: &Args, sizes: Sizes, place: &mut Place, report: &mut Report) -> Result<()> {
    if ["P1", "P2", "P3", "P4", "P6", "P7", "P8", "P9"].iter().any(|r| args.wants(r)) {
        on_patients(args, sizes, place, report).await?;
    }
    if args.wants("A38") {
        lockout::measure(place, sizes, report).await?;
    }
    if args.wants("A40") {
        revoke::measure(place, sizes, report).await?;
    }
    if args.wants("P5") {
        exchange::measure(place, sizes, report).await?;
    }
    if args.wants("P6") {
        growth::starts(args, sizes, report).await?;
    }
    if args.wants("P10") {
        engines::persons(&args.schedule, sizes, report)?;
    }
    if args.wants("P11") {
        engines::counts(sizes, report);
    }
    if args.wants("P12") {
        alarm::measure(place, sizes, report).await?;
    }
    let wanted = (args.wants("visits"), args.wants("recompute"), args.wants("A09"));
    if wanted.0 || wanted.1 || wanted.2 {
        school::measure(place, sizes, wanted, report).await?;
    }
    if args.wants("chart") {
        school::chart(place, sizes, report).await?;
    }
    Ok(())
}

/// The rows that need patients and a server. With P6 they are measured small first.
async fn on_patients(args: &Args, sizes: Sizes, place: &mut Place, report: &mut Report) -> Result<()> {
    raw::make_tables(place).await?;
    let mut crowd = load::Crowd::default();
    let grows = args.wants("P6");
    let before = if grows {
        load::fill(place, &mut crowd, sizes.small).await?;
        place.serve().await?;
        Some(growth::rates(place, &crowd, sizes).await?)
    } else {
        None
    };
    load::fill(place, &mut crowd, sizes.patients).await?;
    place.serve().await?;
    let measured = [
        ("P1", requests::get(place, &crowd, sizes, args.wants("P1")).await?),
        ("P2", requests::list(place, &crowd, sizes, args.wants("P2")).await?),
        ("P3", requests::create(place, sizes, args.wants("P3")).await?),
    ];
    report.rows.extend(measured.into_iter().filter_map(|(_, row): (&str, Option<Row>)| row));
    if args.wants("P4") {
        search::measure(place, &crowd, sizes, report).await?;
    }
    if let Some(before) = before {
        growth::compare(place, &crowd, sizes, &before, report).await?;
    }
    if args.wants("P8") {
        rotation::measure(place, &crowd, sizes, report).await?;
    }
    place.stop_serving().await;
    if args.wants("P7") {
        audit::measure(place, sizes, report).await?;
    }
    if args.wants("P9") {
        backup::measure(place, report).await?;
    }
    Ok(())
}
