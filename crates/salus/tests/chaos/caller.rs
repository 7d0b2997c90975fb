//! A program that calls the server with an API key.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use std::net::SocketAddr;

/// Where patients are made.
pub const PATIENTS: &str = "/api/v1/medical/patients";

pub struct Caller {
    address: SocketAddr,
    credential: String,
    http: Client<HttpConnector, Full<Bytes>>,
}

impl Caller {
    pub fn new(address: SocketAddr, key: &str) -> Self {
        let http = Client::builder(TokioExecutor::new()).build_http();
        Self { address, credential: format!("Bearer {key}"), http }
    }

    /// POST with an idempotency key: status and body; an error when the connection is refused or breaks.
    pub async fn post(&self, path: &str, key: &str, body: String) -> Result<(u16, Value), ()> {
        self.send(Method::POST, path, Some(("idempotency-key", key)), body).await
    }

    /// PATCH of the version that was read.
    pub async fn patch(&self, path: &str, version: i32, body: String) -> Result<(u16, Value), ()> {
        let version = format!("\"{version}\"");
        self.send(Method::PATCH, path, Some(("if-match", &version)), body).await
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Result<(u16, Value), ()> {
        self.send(Method::GET, path, None, String::new()).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        header: Option<(&str, &str)>,
        body: String,
    ) -> Result<(u16, Value), ()> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .header("authorization", &self.credential)
            .header("content-type", "application/json");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let request = request.body(Full::from(body)).unwrap();
        let response = self.http.request(request).await.map_err(|_| ())?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.map_err(|_| ())?.to_bytes();
        Ok((status, serde_json::from_slice(&body).map_err(|_| ())?))
    }
}
