//! The guard: a process of our own program that starts PostgreSQL, restarts it after a crash, and stops it when
//! nobody uses it any more. It is not in the terminal's process group, so Ctrl-C does not reach it.
//!
//! Every user holds a shared lock on `cluster.lock`. The guard waits for the exclusive one, which the kernel grants
//! when the last user has gone, by whatever death. It holds that lock until PostgreSQL has ended, so whoever comes
//! meanwhile waits, and then finds `guard.lock` free and starts the next guard. `ready` exists while the server
//! answers; `failure` says why a guard gave up.

use super::{
    account::Account,
    config_for,
    create::{configure, create},
    install::Installation,
    layout::{Layout, Ready},
    postmaster::Postmaster,
};
use salus_core::{Env, Error, Result};
use std::{
    ffi::OsString,
    fs::File,
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::sleep,
};

/// The first argument that makes a program of ours a guard.
pub(super) const GUARD_ARGUMENT: &str = "__cluster-guard";
/// After so many crashes in [`CRASH_SPAN`] the guard gives up.
const CRASHES_MAX: usize = 5;
const CRASH_SPAN: Duration = Duration::from_mins(1);
/// Others look at the guard's lock for a moment, so one refusal proves nothing.
const LOCK_TRIES: u32 = 100;

/// Runs the guard if this process was started as one. Call it first thing in `main`, before arguments are parsed.
#[must_use]
pub fn guard_requested() -> Option<ExitCode> {
    let mut args = std::env::args_os().skip(1);
    (args.next()? == GUARD_ARGUMENT).then(|| guard_main(args))
}

fn guard_main(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    // Fails only for the leader of a process group, which nobody makes us.
    rustix::process::setsid().ok();
    let number = |args: &mut dyn Iterator<Item = OsString>| args.next().and_then(|a| a.to_str()?.parse().ok());
    let (Some(home), Some(grace_ms), Some(connections)) = (args.next(), number(&mut args), number(&mut args)) else {
        say("usage: HOME GRACE_MS CONNECTIONS");
        return ExitCode::from(2);
    };
    let outcome = Guard::lock(Path::new(&home), grace_ms).and_then(|guard| match guard {
        Some(guard) => guard.keep(u16::try_from(connections).unwrap_or(u16::MAX)),
        None => Ok(()),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            say(&e.to_string());
            ExitCode::FAILURE
        }
    }
}

/// A line in `log/guard.log`.
fn say(text: &str) {
    eprintln!("{} [{}] {text}", Env::default().clock.now(), std::process::id());
}

struct Guard {
    layout: Layout,
    grace_ms: u64,
    /// Held while this guard lives. Declared before `users`, so that it is let go first.
    _own: File,
    users: Arc<File>,
}

impl Guard {
    /// Becomes the guard of this cluster, unless another one is.
    fn lock(home: &Path, grace_ms: u64) -> Result<Option<Self>> {
        let layout = Layout::prepare(home)?;
        let own = layout.guard_lock()?;
        for _ in 0..LOCK_TRIES {
            if own.try_lock().is_ok() {
                let users = Arc::new(layout.users_lock()?);
                return Ok(Some(Self { layout, grace_ms, _own: own, users }));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(None)
    }

    /// Keeps the server running until nobody uses it.
    fn keep(self, connections: u16) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::internal)?;
        let outcome = runtime.block_on(self.watch(connections));
        self.layout.set_ready(None)?;
        if let Err(e) = &outcome {
            self.layout.set_failure(Some(&e.to_string()))?;
        }
        // A thread may still wait for the users' lock.
        runtime.shutdown_background();
        outcome
    }

    async fn watch(&self, connections: u16) -> Result<()> {
        let install = Installation::find(&self.layout)?;
        let account = Account::for_cluster(&self.layout)?;
        create(&self.layout, &install, &account)?;
        configure(&self.layout, &account, connections)?;
        let unmoved = ignore_signals()?;
        let unused = self.unused();
        tokio::pin!(unused, unmoved);
        let mut crashes: Vec<Instant> = Vec::new();
        loop {
            let mut server = Postmaster::run(&self.layout, &install, &account).await?;
            ensure_database(&self.layout).await?;
            self.layout.set_ready(Some(&Ready {
                pid: server.pid.as_raw_nonzero().get(),
                version: install.version,
                grace_ms: self.grace_ms,
                bin_dir: install.bin_dir.clone(),
            }))?;
            tokio::select! {
                () = server.ended() => {
                    self.layout.set_ready(None)?;
                    say("PostgreSQL ended by itself; it is started again");
                    crashes.retain(|at| at.elapsed() < CRASH_SPAN);
                    crashes.push(Instant::now());
                    if crashes.len() >= CRASHES_MAX {
                        return Err(Error::Unavailable("PostgreSQL ends again and again: see log/postgres.log".into()));
                    }
                }
                done = &mut unused => {
                    done?;
                    self.layout.set_ready(None)?;
                    return server.stop().await;
                }
                () = &mut unmoved => {}
            }
        }
    }

    /// Waits for the exclusive lock, and keeps it. With a grace time, only when nobody came for that long.
    async fn unused(&self) -> Result<()> {
        let grace = Duration::from_millis(self.grace_ms);
        loop {
            let users = Arc::clone(&self.users);
            tokio::task::spawn_blocking(move || users.lock())
                .await
                .map_err(Error::internal)?
                .map_err(Error::internal)?;
            let used = self.users.metadata().and_then(|m| m.modified()).map_err(Error::internal)?;
            let idle = used.elapsed().unwrap_or_default();
            if idle >= grace {
                return Ok(());
            }
            self.users.unlock().map_err(Error::internal)?;
            sleep(grace.saturating_sub(idle)).await;
        }
    }
}

/// A signal to every process of a service must not take the guard away before the server: it leaves when the last
/// user has. Never completes.
fn ignore_signals() -> Result<impl Future<Output = ()>> {
    let mut ignored = Vec::new();
    for kind in [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()] {
        ignored.push(signal(kind).map_err(Error::internal)?);
    }
    Ok(async move {
        std::future::pending::<()>().await;
        drop(ignored);
    })
}

/// Makes the product's database on a new cluster.
async fn ensure_database(layout: &Layout) -> Result<()> {
    let socket_dir = layout.socket_dir(None)?;
    let (client, connection) = config_for(&socket_dir, "salus_admin", "postgres")
        .connect(tokio_postgres::NoTls)
        .await
        .map_err(Error::internal)?;
    let work = async {
        if client.query_opt("SELECT FROM pg_database WHERE datname = 'salus'", &[]).await?.is_none() {
            client.batch_execute("CREATE DATABASE salus").await?;
        }
        Ok::<_, tokio_postgres::Error>(())
    };
    tokio::select! {
        done = work => done.map_err(Error::internal),
        ended = connection => Err(Error::Unavailable(format!("PostgreSQL hung up: {:?}", ended.err()))),
    }
}
