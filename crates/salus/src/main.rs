//! The command line of Salus: configuration, wiring and words; logic is in the other crates.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that fails here has found its bug"))]

mod command;
mod config;
mod digest;
mod output;
mod place;

use clap::Parser as _;
use command::Cli;
use std::{io::IsTerminal as _, process::ExitCode};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if let Some(code) = salus_store::cluster::guard_requested() {
        return code;
    }
    // The allocator asks for pages of 2 MB wherever it can; a server that does nothing would hold 15 MB that nobody uses. Where the
    // system knows no such pages there is nothing to refuse.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => return output::misused(&e),
    };
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(cli.log_filter()))
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return output::fail(cli.json, &salus_core::Error::internal(e)),
    };
    let json = cli.json;
    match runtime.block_on(command::run(cli)) {
        Ok(done) => output::show(json, &done),
        Err(e) => output::fail(json, &e),
    }
}
