//! The listener: accepts, limits, times out, and drains.

use super::{
    Closing, Peer,
    framing::{Checked, Patience},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use salus_store::runtime;
use std::{future::Future, io, pin::pin, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
};

/// How much and how long (`spec` section 5).
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// For a whole request head to arrive.
    pub head: Duration,
    /// For a body to go on, and for a client to read.
    pub patience: Patience,
    /// For open requests to end on shutdown.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let (head, drain) = (Duration::from_secs(10), Duration::from_secs(20));
        Self { connections: 2048, head, patience: Patience::default(), drain }
    }
}

/// Largest head: request line up to 8 KiB and headers up to 32 KiB.
const HEAD_BYTES: usize = 40 * 1024;
const HEADERS: usize = 100;

/// Serves until `stop` is ready, then lets open requests end.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    app: axum::Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let slots = Arc::new(Semaphore::new(limits.connections));
    // Each connection holds a receiver until it ends.
    let (closing, told) = watch::channel(());
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(HEAD_BYTES).max_headers(HEADERS);
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            // Out of file descriptors, or a client that left at once: neither ends the server.
            Err(e) => {
                tracing::warn!(error = %e, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Ok(slot) = slots.clone().try_acquire_owned() else {
            drop(stream);
            continue;
        };
        let _ = stream.set_nodelay(true);
        let known = app.clone().layer(axum::Extension(Peer(peer.ip()))).layer(axum::Extension(Closing(told.clone())));
        let service = TowerToHyperService::new(known);
        let stream = TokioIo::new(Checked::new(stream, limits.patience));
        let connection = builder.serve_connection(stream, service).with_upgrades();
        let mut told = told.clone();
        runtime::spawn(async move {
            let _slot = slot;
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                _ = told.changed() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(e) = ended {
                tracing::debug!(error = %e, "a connection ended early");
            }
        });
    }
    drop(listener);
    drop(told);
    closing.send(()).ok();
    if tokio::time::timeout(limits.drain, closing.closed()).await.is_err() {
        tracing::warn!("some requests were still open when the time to drain was over");
    }
    Ok(())
}
