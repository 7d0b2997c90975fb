//! `salus witness`: a witness of audit logs, to be run by somebody else than who runs the database. It has a key and a
//! memory of its own, needs no database, and speaks C2SP tlog-witness on its own listener.

use crate::{
    config::Config,
    output::{Outcome, say},
};
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use clap::Args;
use salus_core::{Env, Error, Result};
use salus_store::audit::{
    merkle::VerifyingKey,
    witness::{Verdict, Witness},
};
use salus_web::http::{Limits, serve};
use serde_json::json;
use std::sync::Arc;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

/// A note with its proof is some kilobytes.
const REQUEST_MAX: usize = 64 * 1024;

#[derive(Debug, Args)]
pub struct WitnessArgs {
    /// Address and port to listen on.
    #[arg(long, default_value = "127.0.0.1:8081")]
    listen: String,
    /// The key of a log whose heads it signs, as `salus audit verify` prints it; any number of times.
    #[arg(long = "log", required = true, value_name = "KEY")]
    logs: Vec<String>,
}

pub async fn run(config: Config, args: WitnessArgs, as_json: bool) -> Result<Outcome> {
    let logs = args.logs.iter().map(|key| VerifyingKey::parse(key)).collect::<Result<Vec<_>>>()?;
    let witness = Arc::new(Witness::open(&config.home.join("witness"), logs, Env::default())?);
    let listener = TcpListener::bind(&args.listen)
        .await
        .map_err(|e| Error::Unavailable(format!("cannot listen on {}: {e}", args.listen)))?;
    let address = listener.local_addr().map_err(Error::internal)?;
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt()).map_err(Error::internal)?,
        signal(SignalKind::terminate()).map_err(Error::internal)?,
    );
    let key = witness.key().to_string();
    say(&if as_json {
        json!({"address": address.to_string(), "key": key}).to_string()
    } else {
        format!("The witness listens on {address}\nIts key, for audit_witness_key: {key}")
    });
    let router = Router::new()
        .route("/add-checkpoint", post(add))
        .route("/newest/{log}", get(newest))
        .layer(DefaultBodyLimit::max(REQUEST_MAX))
        .with_state(witness);
    let stop = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    serve(listener, router, Limits::default(), stop).await.map_err(Error::internal)?;
    Ok(Outcome::done(json!({"status": "stopped"}), "stopped"))
}

async fn add(State(witness): State<Arc<Witness>>, body: Bytes) -> Response {
    let judged = tokio::task::spawn_blocking(move || match std::str::from_utf8(&body) {
        Ok(text) => witness.add(text),
        Err(_) => Ok(Verdict::Unreadable),
    });
    match judged.await.map_err(Error::internal).and_then(|verdict| verdict) {
        Ok(Verdict::Cosigned(line)) => line.into_response(),
        Ok(Verdict::Conflict(size)) => {
            (StatusCode::CONFLICT, [("content-type", "text/x.tlog.size")], format!("{size}\n")).into_response()
        }
        Ok(Verdict::Unproved) => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
        Ok(Verdict::Unknown) => StatusCode::NOT_FOUND.into_response(),
        Ok(Verdict::Unreadable) => StatusCode::BAD_REQUEST.into_response(),
        Err(e) => unwell(&e),
    }
}

async fn newest(State(witness): State<Arc<Witness>>, Path(log): Path<String>) -> Response {
    // The name of a log holds a slash, so that it comes in hex.
    let Some(log) = witness.log_named(&log) else { return StatusCode::NOT_FOUND.into_response() };
    match witness.newest(&log) {
        Ok(Some(note)) => note.into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(e) => unwell(&e),
    }
}

fn unwell(e: &Error) -> Response {
    tracing::error!(error = %e, "the witness cannot answer");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}
