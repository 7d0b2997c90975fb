//! A small HTTP/1.1 client: one keep-alive connection, one request at a time.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, client::conn::http1::SendRequest, header};
use hyper_util::rt::TokioIo;
use salus_core::{Error, Result};
use salus_store::runtime;
use tokio::net::TcpStream;

async fn open(address: &str) -> Result<SendRequest<Full<Bytes>>> {
    let refused = |e: String| Error::Unavailable(format!("{address} does not answer: {e}"));
    let stream = TcpStream::connect(address).await.map_err(|e| refused(e.to_string()))?;
    stream.set_nodelay(true).map_err(|e| refused(e.to_string()))?;
    let (sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| refused(e.to_string()))?;
    runtime::spawn(connection);
    Ok(sender)
}

/// A connection that sends an API key with each request.
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
    address: String,
    key: String,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when nobody listens.
    pub async fn connect(address: &str, key: &str) -> Result<Self> {
        Ok(Self { sender: open(address).await?, address: address.to_owned(), key: format!("Bearer {key}") })
    }

    /// As many connections as there are clients.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub async fn several(address: &str, key: &str, clients: usize) -> Result<Vec<Self>> {
        let mut all = Vec::with_capacity(clients);
        for _ in 0..clients {
            all.push(Self::connect(address, key).await?);
        }
        Ok(all)
    }

    /// The status and body of a request; a body makes it a POST.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the connection breaks.
    pub async fn send(&mut self, path: &str, body: Option<String>) -> Result<(u16, Bytes)> {
        let broke = |e: hyper::Error| Error::Unavailable(format!("the connection broke: {e}"));
        let method = if body.is_some() { "POST" } else { "GET" };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "bench")
            .header(header::AUTHORIZATION, &self.key)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.unwrap_or_default())))
            .map_err(crate::report::fault)?;
        if self.sender.ready().await.is_err() {
            // The server closes what was idle for long, as any client of keep-alive connections must expect.
            self.sender = open(&self.address).await?;
        }
        let response = self.sender.send_request(request).await.map_err(broke)?;
        let status = response.status().as_u16();
        Ok((status, response.into_body().collect().await.map_err(broke)?.to_bytes()))
    }

    /// The body of a request that must end with this status.
    ///
    /// # Errors
    /// [`Error::Internal`] when it ends with another.
    pub async fn expect(&mut self, path: &str, body: Option<String>, status: u16) -> Result<Bytes> {
        let (got, bytes) = self.send(path, body).await?;
        if got == status {
            return Ok(bytes);
        }
        Err(Error::internal(format!("{path} answered {got}: {}", String::from_utf8_lossy(&bytes))))
    }
}
