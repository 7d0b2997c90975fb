//! A small HTTP/1.1 client: one keep-alive connection, one request at a time.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response,
    body::Incoming,
    client::conn::http1::SendRequest,
    header::{self, HeaderName},
};
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

fn broke(e: &hyper::Error) -> Error {
    Error::Unavailable(format!("the connection broke: {e}"))
}

/// A connection that says with each request who asks.
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
    address: String,
    headers: Vec<(HeaderName, String)>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when nobody listens.
    pub async fn connect(address: &str, key: &str) -> Result<Self> {
        Self::with(address, vec![(header::AUTHORIZATION, format!("Bearer {key}"))]).await
    }

    /// Connects, and sends these headers with each request.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub async fn with(address: &str, headers: Vec<(HeaderName, String)>) -> Result<Self> {
        Ok(Self { sender: open(address).await?, address: address.to_owned(), headers })
    }

    /// Another connection of the same caller.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub async fn again(&self) -> Result<Self> {
        Self::with(&self.address, self.headers.clone()).await
    }

    /// Sends another value of a header from now on.
    pub fn say(&mut self, name: HeaderName, value: String) {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value));
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
        let response = self.open(path, body).await?;
        let status = response.status().as_u16();
        Ok((status, response.into_body().collect().await.map_err(|e| broke(&e))?.to_bytes()))
    }

    /// The answer to a request, whose body may go on.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn open(&mut self, path: &str, body: Option<String>) -> Result<Response<Incoming>> {
        let method = if body.is_some() { "POST" } else { "GET" };
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.address)
            .header(header::CONTENT_TYPE, "application/json");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from(body.unwrap_or_default()))).map_err(crate::report::fault)?;
        if self.sender.ready().await.is_err() {
            // The server closes what was idle for long, as any client of keep-alive connections must expect.
            self.sender = open(&self.address).await?;
        }
        self.sender.send_request(request).await.map_err(|e| broke(&e))
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
