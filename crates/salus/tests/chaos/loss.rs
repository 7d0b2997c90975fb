//! One packet in twenty is lost, between callers and the server and between the server and PostgreSQL: nothing is done
//! twice, nothing acknowledged is lost, and few calls fail (`spec` A60). The kernel itself drops the packets, in a network
//! of the test's own: the test runs itself again inside of one.

use super::{WRITERS, check, installation::Installation, network::Relay, seed, setting, writer::Writers};
use std::{
    io::Write as _,
    process::{Command, Stdio},
    sync::Arc,
};

/// Set in the run inside of the network of its own.
const INSIDE: &str = "SALUS_CHAOS_LOSSY";
const NAME: &str = "loss::packets_that_are_lost_do_nothing_twice";
/// A network with nothing but a loopback that loses 5 % of what arrives on it.
const LOSSY: &str = "ip link set lo up && nft add table inet lossy && \
    nft 'add chain inet lossy arrives { type filter hook input priority 0; }' && \
    nft 'add rule inet lossy arrives numgen random mod 100 < 5 counter drop'";

/// Why packets cannot be lost here.
#[allow(clippy::explicit_write, reason = "eprintln is captured in a test that passes")]
fn impossible() -> bool {
    let tried = Command::new("unshare").args(["--net", "sh", "-c", LOSSY]).stderr(Stdio::null()).status();
    let possible = tried.is_ok_and(|ended| ended.success());
    if !possible {
        // Not captured as the words of a test that passes are: script/test counts it.
        let why = "SKIPPED lost packets: needs root, unshare, ip and nft, and a kernel with numgen";
        writeln!(std::io::stderr(), "{why}").unwrap();
    }
    !possible
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packets_that_are_lost_do_nothing_twice() {
    let _turn = super::turn().await;
    if setting(INSIDE).is_some() {
        inside().await;
        return;
    }
    if impossible() {
        return;
    }
    let own = std::env::current_exe().unwrap();
    let script = format!(
        "{LOSSY} && \"$0\" --exact {NAME} --nocapture; told=$?; nft list chain inet lossy arrives | grep counter >&2; exit $told"
    );
    let mut again = Command::new("unshare");
    again.args(["--net", "sh", "-c", &script]).arg(own).env(INSIDE, "1");
    let output = tokio::task::spawn_blocking(move || again.output().unwrap()).await.unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    eprintln!("{said}");
    assert!(output.status.success(), "{said}");
    // Rules that drop nothing prove nothing.
    let dropped = said.split("counter packets ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok());
    assert!(dropped.is_some_and(|n| n > 50), "no packets were lost: {said}");
}

async fn inside() {
    let (seed, count) = (seed(), setting("SALUS_CHAOS_ROUNDS").unwrap_or(12) * 25);
    eprintln!("{count} writes over a network that loses packets, with SALUS_CHAOS_SEED={seed}");
    let mut place = tokio::task::block_in_place(Installation::new);
    tokio::task::block_in_place(|| place.pause());
    let cluster = place.cluster();
    let (_relay, port) = Relay::from_port(cluster.socket_dir()).await;
    place.settings = Installation::own_database_at(cluster.socket_dir(), port);
    tokio::task::block_in_place(|| place.start());
    let writers = Arc::new(Writers::new(place.address, &place.key, seed).patient());
    let mut running = tokio::task::JoinSet::new();
    for n in 0..WRITERS {
        running.spawn(Arc::clone(&writers).write_until_told(n));
    }
    writers.more_than(count, &format!("seed {seed}")).await;
    writers.tell_to_end();
    while let Some(ended) = running.join_next().await {
        ended.unwrap();
    }
    let (done, repeats) = (writers.acknowledged(), writers.repeats());
    eprintln!("{done} writes acknowledged, {repeats} sent again");
    assert!(repeats * 20 <= done, "seed {seed}: {repeats} of {done} calls failed; at most one in twenty may");
    tokio::task::block_in_place(|| place.pause());
    place.settings.clear();
    check::all(&place, &writers.ids(), &format!("seed {seed}")).await;
}
