//! `salus serve` as a process of its own, stopped as an operator does.

use super::backup::command;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
};

/// A running server.
pub struct Server {
    process: Option<Child>,
    /// `http://127.0.0.1:PORT`.
    pub address: String,
}

impl Server {
    /// Starts it on a free port and waits until it serves.
    pub fn start(home: &Path) -> Self {
        let log = home.with_extension("serve.log");
        let file = fs::File::options().create(true).append(true).open(&log).unwrap();
        let mut process = command(home, &["serve", "--port", "0"])
            .stdout(Stdio::piped())
            .stderr(file)
            // Signals to the tests are not for it.
            .process_group(0)
            .spawn()
            .unwrap();
        for line in BufReader::new(process.stdout.take().unwrap()).lines() {
            let fact: Value = serde_json::from_str(&line.unwrap()).unwrap();
            if let Some(address) = fact["address"].as_str() {
                return Self { address: address.to_owned(), process: Some(process) };
            }
        }
        process.wait().unwrap();
        panic!("the server does not start: {}", fs::read_to_string(&log).unwrap_or_default());
    }

    /// One request with an API key, or without one: status and body.
    pub async fn ask(&self, method: &str, path: &str, key: &str, body: Option<&Value>) -> (u16, Value) {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.address));
        if !key.is_empty() {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let bytes = body.map(|b| serde_json::to_vec(b).unwrap()).unwrap_or_default();
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let reply = client.request(request.body(Full::new(bytes.into())).unwrap()).await.unwrap();
        let status = reply.status().as_u16();
        let bytes = reply.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// Whether server and database answer.
    pub async fn is_well(&self) -> bool {
        self.ask("GET", "/api/health/db", "", None).await.0 == 200
    }

    /// Stops it as an operator does.
    pub fn stop(mut self) {
        let mut process = self.process.take().unwrap();
        Command::new("kill").arg("-TERM").arg(process.id().to_string()).status().unwrap();
        assert!(process.wait().unwrap().success(), "it stops cleanly");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().ok();
            process.wait().ok();
        }
    }
}
