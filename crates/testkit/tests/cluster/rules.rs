//! What holds of every cluster: privacy, no TCP, an unprivileged owner, durability, small memory.

use crate::home::{Home, open, processes_of, psql};
use salus_store::cluster::{Cluster, Settings, version_refusal};
use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
};

#[test]
fn is_private_and_durable() {
    let home = Home::new();
    let cluster = home.open();
    let show = |name: &str| psql(cluster.socket_dir(), &format!("SHOW {name}")).unwrap();
    for (setting, value) in [
        ("listen_addresses", ""),
        ("data_checksums", "on"),
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
        ("server_encoding", "UTF8"),
        ("idle_in_transaction_session_timeout", "30s"),
        ("log_error_verbosity", "terse"),
    ] {
        assert_eq!(show(setting), value, "{setting}");
    }
    assert_eq!(show("server_version_num"), cluster.server_version().to_string());
    assert!(cluster.bin_dir().join("pg_dump").exists());
    let others = "SELECT count(*) FROM pg_hba_file_rules WHERE auth_method <> 'peer' OR type <> 'local'";
    assert_eq!(psql(cluster.socket_dir(), others).unwrap(), "0");
    for dir in ["cluster/run", "cluster/data", "log"] {
        let mode = fs::metadata(home.path().join(dir)).unwrap().mode();
        assert_eq!(mode & 0o077, 0, "{dir} is open to others: {mode:o}");
    }
}

#[test]
fn opens_no_port() {
    let home = Home::new();
    let _cluster = home.open();
    let mut looked_at = 0;
    for pid in processes_of(home.server()) {
        // A worker of the server's may end between being listed and being looked at.
        let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd")) else { continue };
        looked_at += 1;
        for fd in open.flatten() {
            let Ok(target) = fs::read_link(fd.path()) else { continue };
            let Some(inode) =
                target.to_string_lossy().strip_prefix("socket:[").map(|i| i.trim_end_matches(']').to_owned())
            else {
                continue;
            };
            for table in ["tcp", "tcp6"] {
                let listed = fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default();
                assert!(
                    !listed.lines().any(|l| l.split_whitespace().nth(9) == Some(&inode)),
                    "{pid} has a {table} socket"
                );
            }
        }
    }
    assert!(looked_at > 0, "no process was looked at");
}

#[test]
fn runs_unprivileged() {
    let home = Home::new();
    let _cluster = home.open();
    let server = home.server();
    let owner = fs::metadata(home.data()).unwrap().uid();
    assert_ne!(owner, 0);
    for pid in processes_of(server) {
        let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { continue };
        let ids = |name: &str| status.lines().find(|l| l.starts_with(name)).unwrap().to_owned();
        assert!(ids("Uid:").split_whitespace().skip(1).all(|id| id == owner.to_string()), "{}", ids("Uid:"));
        assert!(!ids("Groups:").split_whitespace().skip(1).any(|id| id == "0"), "{}", ids("Groups:"));
    }
}

#[test]
fn a_stranger_gets_no_role() {
    let home = Home::new();
    let cluster = home.open();
    // The role exists, but the map does not give it to this account.
    psql(cluster.socket_dir(), "CREATE ROLE stranger LOGIN").unwrap();
    let out = std::process::Command::new("psql")
        .args(["-XAtq", "-U", "stranger", "-d", "salus", "-c", "SELECT 1"])
        .env("PGHOST", cluster.socket_dir())
        .output()
        .unwrap();
    assert!(!out.status.success());
}

#[test]
fn a_long_path_gets_a_short_socket() {
    let home = Home::new();
    let long = home.path().join("a".repeat(60)).join("b".repeat(60));
    let cluster = open(&long);
    assert!(cluster.socket_dir().as_os_str().len() < 90, "{}", cluster.socket_dir().display());
    assert_eq!(psql(cluster.socket_dir(), "SELECT 1").unwrap(), "1");
    let private = cluster.socket_dir().parent().unwrap().to_owned();
    assert_eq!(fs::metadata(&private).unwrap().mode() & 0o777, 0o700);
    assert!(long.join("cluster/socket").exists(), "where it is, is noted in the data directory");
    // A link laid by somebody who could write there would lead our queries elsewhere.
    fs::set_permissions(&private, fs::Permissions::from_mode(0o777)).unwrap();
    let refused = Cluster::open(&long, Settings { guard: crate::home::GUARD.into(), ..Settings::default() });
    assert!(refused.unwrap_err().to_string().contains("private"));
    fs::remove_dir_all(private).unwrap();
}

#[test]
fn needs_little_memory_when_idle() {
    let home = Home::new();
    let cluster = home.open();
    psql(cluster.socket_dir(), "CREATE TABLE t AS SELECT generate_series(1, 10000) AS n").unwrap();
    let mut kib = 0;
    for pid in processes_of(home.server()).into_iter().chain([home.guard()]) {
        // Proportional: a page shared by five processes counts a fifth for each.
        // A worker may end between the listing and here.
        let Ok(rollup) = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) else { continue };
        let pss = rollup.lines().find_map(|l| l.strip_prefix("Pss:")).unwrap();
        kib += pss.trim().trim_end_matches(" kB").parse::<u32>().unwrap();
    }
    assert!(kib < 100 * 1024, "{kib} KiB");
}

#[test]
fn an_operator_may_tune_it() {
    let home = Home::new();
    drop(home.open());
    fs::write(home.data().join("operator.conf"), "work_mem = 9MB\n").unwrap();
    fs::set_permissions(home.data().join("operator.conf"), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(psql(home.open().socket_dir(), "SHOW work_mem").unwrap(), "9MB");
}

#[test]
fn says_why_it_does_not_start() {
    let home = Home::new();
    drop(home.open());
    fs::write(home.data().join("operator.conf"), "no_such_setting = 1\n").unwrap();
    fs::set_permissions(home.data().join("operator.conf"), fs::Permissions::from_mode(0o644)).unwrap();
    let failed = Cluster::open(&home.path(), Settings { guard: crate::home::GUARD.into(), ..Settings::default() });
    assert!(failed.unwrap_err().to_string().contains("no_such_setting"));
}

#[test]
fn the_running_version_is_not_refused() {
    let home = Home::new();
    assert_eq!(version_refusal(home.open().server_version()), None);
}
