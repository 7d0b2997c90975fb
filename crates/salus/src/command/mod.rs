//! The commands and their arguments.

mod audit;
mod backup;
mod check;
mod compliance;
mod conformance;
mod credentials;
mod crypto;
mod database;
mod demo;
mod dispatching;
mod engines;
mod exchange;
mod explain;
mod immunization;
mod jobs;
mod keys;
mod ops;
mod passwords;
mod prove;
mod rotating;
mod rows;
mod sealing;
mod serve;
mod task;
mod tenant;
mod tenant_move;
mod user;
mod witness;

use crate::{config::Config, output::Outcome, place::Place};
use clap::{Args, Parser, Subcommand};
use salus_core::Result;
use std::path::PathBuf;

/// Health data you can prove is safe.
#[derive(Debug, Parser)]
#[command(name = "salus", version, about = "Health data you can prove is safe", max_term_width = 100)]
pub struct Cli {
    /// The data directory; `SALUS_HOME` says the same.
    #[arg(long, global = true, value_name = "DIR")]
    home: Option<PathBuf>,
    /// One JSON document on standard output instead of words.
    #[arg(long, global = true)]
    pub json: bool,
    /// Say more on standard error.
    #[arg(long, short, global = true)]
    verbose: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the platform.
    Serve(ServeArgs),
    /// The database: create, migrate, verify, repair.
    #[command(subcommand)]
    Db(database::DbCommand),
    /// Records in.
    #[command(subcommand)]
    Import(exchange::ImportCommand),
    /// Records out.
    #[command(subcommand)]
    Export(exchange::ExportCommand),
    /// Check a running installation: connection, schemas, keys between tables, reads and writes, times.
    Verify,
    /// Prove the promises on this database, all or one; what came of it is kept and shown on the compliance page.
    Prove {
        /// Only this one.
        what: Option<prove::What>,
        /// Only those that the server proves every day by itself: without isolation and encryption.
        #[arg(long, conflicts_with = "what")]
        daily: bool,
    },
    /// For whoever audits: a signed pack of evidence.
    #[command(subcommand)]
    Compliance(compliance::ComplianceCommand),
    /// Look for what is not as it should be.
    #[command(subcommand)]
    Doctor(check::DoctorCommand),
    /// Run a reference suite you have; no database is needed.
    #[command(subcommand)]
    Conformance(conformance::ConformanceCommand),
    /// The keys that seal health data.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Take an encrypted backup of the private cluster, and read it back; list and prune them.
    Backup(backup::BackupArgs),
    /// Make a new data directory out of a backup, and check it.
    Restore(backup::RestoreArgs),
    /// Practise what you hope never to need.
    #[command(subcommand)]
    Drill(backup::drill::DrillCommand),
    /// In need: a full disk.
    #[command(subcommand)]
    Ops(ops::OpsCommand),
    /// The audit log.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Run a witness of audit logs, for somebody else: it signs what grows and refuses a fork. No database is needed.
    Witness(witness::WitnessArgs),
    /// Users of a tenant.
    #[command(subcommand)]
    User(user::UserCommand),
    /// The list of leaked passwords that nobody may choose.
    #[command(subcommand)]
    Passwords(passwords::PasswordsCommand),
    /// Why something is as it is.
    #[command(subcommand)]
    Explain(explain::ExplainCommand),
    /// Tenants: the organizations kept apart from each other.
    #[command(subcommand)]
    Tenant(tenant::TenantCommand),
    /// Background work of a tenant: what waits, what was given up; try it again or discard it.
    #[command(subcommand)]
    Jobs(jobs::JobsCommand),
    /// The vaccination schedule by which doses are judged, what the state asks for, and judging all students.
    #[command(subcommand)]
    Immunization(immunization::ImmunizationCommand),
    /// Demonstration tenants.
    #[command(subcommand)]
    Demo(demo::DemoCommand),
}

#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long)]
    port: Option<u16>,
    /// Address and port to listen on; other than loopback only behind a proxy that speaks TLS.
    #[arg(long, conflicts_with = "port")]
    listen: Option<String>,
    /// Load the demonstration tenants that are not there yet.
    #[arg(long)]
    demo: bool,
}

impl Cli {
    /// What is logged.
    pub fn log_filter(&self) -> &'static str {
        if self.verbose { "debug,hyper=info,tokio_postgres=info" } else { "info,tokio_postgres=warn" }
    }
}

/// Runs a command.
///
/// # Errors
/// Those of the command.
pub async fn run(cli: Cli) -> Result<Outcome> {
    let place = async || -> Result<Place> {
        let mut place = Place::open(Config::load(cli.home.as_deref())?)?;
        place.ask_key_service().await;
        Ok(place)
    };
    match cli.command {
        Command::Serve(args) => Box::pin(serve::run(place().await?, args, cli.json)).await,
        Command::Db(command) => database::run(&place().await?, command).await,
        Command::Import(command) => exchange::import(&place().await?, command, cli.json).await,
        Command::Export(command) => exchange::export(&place().await?, command, cli.json).await,
        Command::Verify => check::verify(&place().await?).await,
        Command::Prove { what, daily } => prove::run(&place().await?, what, daily).await,
        Command::Compliance(command) => Box::pin(compliance::run(&place().await?, command)).await,
        Command::Doctor(command) => check::doctor(&place().await?, command).await,
        Command::Conformance(command) => conformance::run(&command),
        Command::Backup(args) => Box::pin(backup::backup(&place().await?, args)).await,
        Command::Restore(args) => backup::restore(Config::load(cli.home.as_deref())?, args).await,
        Command::Drill(command) => Box::pin(backup::drill::run(Config::load(cli.home.as_deref())?, command)).await,
        Command::Audit(command) => audit::run(&place().await?, command).await,
        Command::Keys(command) => Box::pin(keys::run(place().await?, command)).await,
        Command::Ops(command) => ops::run(&Config::load(cli.home.as_deref())?, &command),
        Command::Witness(args) => witness::run(Config::load(cli.home.as_deref())?, args, cli.json).await,
        Command::User(command) => user::run(&place().await?, command).await,
        Command::Explain(command) => explain::run(&place().await?, command).await,
        Command::Tenant(command) => tenant::run(&place().await?, command).await,
        Command::Jobs(command) => jobs::run(&place().await?, command).await,
        Command::Passwords(command) => passwords::run(&place().await?, command).await,
        Command::Immunization(command) => immunization::run(&place().await?, command).await,
        Command::Demo(command) => demo::run(&place().await?, command).await,
    }
}
