//! Runs the test cluster's PostgreSQL, as the `salus` program does for the real one. With `hold HOME` it is a user
//! of the cluster that prints the socket directory and stays until it is killed or its input ends.

use salus_store::cluster::{Cluster, Settings, guard_requested};
use std::{
    io::{self, Read, Write},
    path::Path,
    process::ExitCode,
};

fn main() -> ExitCode {
    if let Some(code) = guard_requested() {
        return code;
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [word, home] = args.as_slice() else { return ExitCode::from(2) };
    if word != "hold" {
        return ExitCode::from(2);
    }
    match Cluster::open(Path::new(home), Settings::default()) {
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
        Ok(cluster) => {
            let said = writeln!(io::stdout(), "{}", cluster.socket_dir().display()).and_then(|()| io::stdout().flush());
            let stayed = said.and_then(|()| io::stdin().read_to_end(&mut Vec::new()));
            drop(cluster);
            stayed.map_or(ExitCode::FAILURE, |_| ExitCode::SUCCESS)
        }
    }
}
