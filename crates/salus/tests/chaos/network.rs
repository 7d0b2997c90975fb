//! A way between the server and PostgreSQL that breaks: a relay of a socket which cuts connections, stalls, and goes on.

use salus_store::runtime;
use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, UnixListener, UnixStream},
    sync::watch,
    time::sleep,
};

/// Relays connections to a socket of PostgreSQL until it is dropped.
pub struct Relay {
    /// The directory of its own socket, to be used as a host.
    pub folder: PathBuf,
    state: Arc<State>,
    task: tokio::task::JoinHandle<()>,
}

struct State {
    /// Counts cuts: a connection ends when it changes.
    cut: watch::Sender<u64>,
    stalls: AtomicBool,
    /// Bytes that one direction may still pass before its connection is cut; none when that is not asked for.
    left: AtomicU64,
}

/// The file name PostgreSQL gives its socket.
const SOCKET: &str = ".s.PGSQL.5432";

impl Relay {
    /// Begins; `target` is the directory of PostgreSQL's socket.
    pub fn begin(target: &Path, folder: PathBuf) -> Self {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        let listener = UnixListener::bind(folder.join(SOCKET)).unwrap();
        let state = State::begin();
        let (target, relayed) = (target.join(SOCKET), Arc::clone(&state));
        let task = runtime::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = UnixStream::connect(&target).await else { continue };
                let ((from, to), (answers, back)) = (client.into_split(), server.into_split());
                for (mut reads, mut writes) in [(from, back), (answers, to)] {
                    let state = Arc::clone(&relayed);
                    runtime::spawn(async move { state.pass(&mut reads, &mut writes).await });
                }
            }
        });
        Self { folder, state, task }
    }

    /// The same from a port of this machine, so that what passes is packets; and the port.
    pub async fn from_port(target: &Path) -> (Self, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State::begin();
        let (target, relayed) = (target.join(SOCKET), Arc::clone(&state));
        let task = runtime::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = UnixStream::connect(&target).await else { continue };
                client.set_nodelay(true).ok();
                let ((mut from, mut to), (mut answers, mut back)) = (client.into_split(), server.into_split());
                let (there, here) = (Arc::clone(&relayed), Arc::clone(&relayed));
                runtime::spawn(async move { there.pass(&mut from, &mut back).await });
                runtime::spawn(async move { here.pass(&mut answers, &mut to).await });
            }
        });
        (Self { folder: PathBuf::new(), state, task }, port)
    }

    /// Cuts every connection that is open now.
    pub fn cut(&self) {
        self.state.cut.send_modify(|n| *n += 1);
    }

    /// Cuts every connection that is open once so many bytes more have passed: in the middle of a message.
    pub fn cut_after(&self, bytes: u64) {
        self.state.left.store(bytes, Ordering::SeqCst);
    }

    /// Passes nothing on for a while.
    pub async fn stall(&self, time: Duration) {
        self.state.stalls.store(true, Ordering::SeqCst);
        sleep(time).await;
        self.state.stalls.store(false, Ordering::SeqCst);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
        self.cut();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

impl State {
    fn begin() -> Arc<Self> {
        let (cut, left) = (watch::Sender::new(0), AtomicU64::new(u64::MAX));
        Arc::new(Self { cut, stalls: AtomicBool::new(false), left })
    }

    async fn pass(&self, reads: &mut (impl AsyncRead + Unpin), writes: &mut (impl AsyncWrite + Unpin)) {
        let mut cut = self.cut.subscribe();
        let mut bytes = vec![0; 8192];
        loop {
            let got = tokio::select! {
                got = reads.read(&mut bytes) => got.unwrap_or(0),
                _ = cut.changed() => return,
            };
            while self.stalls.load(Ordering::SeqCst) {
                sleep(Duration::from_millis(5)).await;
            }
            let left = self.left.load(Ordering::SeqCst);
            let may = if left == u64::MAX { got } else { got.min(usize::try_from(left).unwrap_or(got)) };
            if got == 0 || writes.write_all(&bytes[..may]).await.is_err() {
                return;
            }
            if left != u64::MAX {
                self.left.store(left.saturating_sub(may as u64), Ordering::SeqCst);
                if may < got {
                    self.left.store(u64::MAX, Ordering::SeqCst);
                    self.cut.send_modify(|n| *n += 1);
                    return;
                }
            }
        }
    }
}

/// Writes between two faults: as many as are under way when a connection breaks are one in twenty of them (`spec` A60).
const BETWEEN: u64 = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_break_and_stall_do_nothing_twice() {
    use super::{WRITERS, check, installation::Installation, random::Random, seed, setting, writer::Writers};
    let _turn = super::turn().await;
    let (seed, rounds) = (seed(), setting("SALUS_CHAOS_ROUNDS").unwrap_or(12));
    eprintln!("{rounds} rounds of a breaking network with SALUS_CHAOS_SEED={seed}");
    let mut random = Random::new(seed);
    let mut place = tokio::task::block_in_place(Installation::new);
    tokio::task::block_in_place(|| place.pause());
    let cluster = place.cluster();
    let relay = Relay::begin(cluster.socket_dir(), place.home.join("relay"));
    place.settings = Installation::own_database(cluster.socket_dir(), &relay.folder);
    tokio::task::block_in_place(|| place.start());
    let writers = Arc::new(Writers::new(place.address, &place.key, seed).patient());
    let mut running = tokio::task::JoinSet::new();
    for n in 0..WRITERS {
        running.spawn(Arc::clone(&writers).write_until_told(n));
    }
    for round in 0..rounds {
        let at = writers.acknowledged();
        match random.below(3) {
            0 => relay.cut(),
            1 => relay.cut_after(random.below(20_000)),
            _ => relay.stall(Duration::from_secs(2)).await,
        }
        writers.more_than(at + BETWEEN * WRITERS, &format!("seed {seed}, round {round}")).await;
    }
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
