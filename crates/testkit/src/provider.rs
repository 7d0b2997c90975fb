//! An identity provider (`OpenID` Connect) on a port of its own: it says what a test lets it say.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

type Answers = Mutex<BTreeMap<String, Value>>;

/// A provider: fixed answers by path, and one answer for the next exchange.
pub struct Provider {
    /// Its address, by which it names itself.
    pub issuer: String,
    key: EcdsaKeyPair,
    answers: Arc<Answers>,
    exchanges: Arc<Mutex<Vec<String>>>,
}

impl Provider {
    /// Starts one.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let at = |p: &str| format!("{issuer}{p}");
        let point = key.public_key().as_ref();
        let text = |b: &[u8]| URL_SAFE_NO_PAD.encode(b);
        let jwk = json!({"kty": "EC", "crv": "P-256", "kid": "k", "x": text(&point[1..33]), "y": text(&point[33..])});
        let told = json!({
            "issuer": issuer, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
            "jwks_uri": at("/keys"),
        });
        let fixed = [("/.well-known/openid-configuration", told), ("/keys", json!({"keys": [jwk]}))];
        let answers = Arc::new(Mutex::new(fixed.map(|(path, v)| (path.to_owned(), v)).into()));
        let provider = Self { issuer, key, answers, exchanges: Arc::default() };
        let (answers, exchanges) = (provider.answers.clone(), provider.exchanges.clone());
        salus_store::runtime::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serve(stream, &answers, &exchanges).await;
            }
        });
        provider
    }

    /// The next exchange gives a token with these claims.
    ///
    /// # Panics
    /// When they cannot be signed.
    pub fn says(&self, claims: &Value) {
        let part = |v: &Value| URL_SAFE_NO_PAD.encode(v.to_string());
        let signed = format!("{}.{}", part(&json!({"alg": "ES256", "kid": "k"})), part(claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).expect("a signature");
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        let answer = json!({"id_token": token, "access_token": "x"});
        lock(&self.answers).insert("/token".into(), answer);
    }

    /// The requests by which codes were exchanged, as they came.
    #[must_use]
    pub fn exchanges(&self) -> Vec<String> {
        lock(&self.exchanges).clone()
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads one request and answers it.
async fn serve(mut stream: TcpStream, answers: &Answers, exchanges: &Mutex<Vec<String>>) {
    let (mut request, mut buffer) = (String::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut buffer).await.unwrap_or(0);
        request.push_str(&String::from_utf8_lossy(&buffer[..read]));
        let length = |head: &str| {
            let line = head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length:").map(str::to_owned));
            line.and_then(|n| n.trim().parse().ok()).unwrap_or(0)
        };
        match request.split_once("\r\n\r\n") {
            Some((head, body)) if body.len() >= length(head) => break,
            _ if read == 0 => return,
            _ => {}
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    if path == "/token" {
        lock(exchanges).push(request);
    }
    let answer = lock(answers).get(&path).map(Value::to_string);
    let (status, body) = answer.map_or(("404 Not Found", String::new()), |body| ("200 OK", body));
    let length = body.len();
    let reply = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    stream.write_all(reply.as_bytes()).await.ok();
}
