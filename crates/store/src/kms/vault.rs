//! Vault and `OpenBao`: the secrets engine transit. A key has versions; a ciphertext says under which it is
//! (`vault:v3:…`), and an operator can forbid old ones with `min_decryption_version`.

use super::{
    Kms, PURPOSE,
    calls::{Answer, Calls, Failed, Patience, host, send},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::future::BoxFuture;
use salus_core::Result;
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// A transit key.
pub struct Vault {
    calls: Calls,
    /// `https://host:port`.
    address: String,
    mount: String,
    key: String,
    token: Zeroizing<String>,
}

impl Vault {
    /// `address` is that of the server, `mount` that of the engine, mostly `transit`.
    ///
    /// # Errors
    /// [`salus_core::Error::Invalid`] for an address that is none, or without TLS.
    pub fn new(address: &str, mount: &str, key: &str, token: Zeroizing<String>, patience: Patience) -> Result<Self> {
        let calls = Calls::new(patience, format!("Vault, transit key {key}"))?;
        let (address, mount, key) = (address.trim_end_matches('/').to_owned(), mount.to_owned(), key.to_owned());
        host("kms.address", &address)?;
        Ok(Self { calls, address, mount, key, token })
    }

    async fn ask(&self, verb: &str, body: Option<Value>) -> Result<Value> {
        let url = format!("{}/v1/{}/{verb}/{}", self.address, self.mount, self.key);
        self.calls
            .with_patience(|| async {
                let client = &self.calls.client;
                let request = match &body {
                    None => client.get(&url),
                    Some(body) => client.post(&url).json(body),
                };
                judge(send(request.header("X-Vault-Token", self.token.as_str())).await?)
            })
            .await
    }

    fn text(&self, data: &Value, name: &str) -> Result<String> {
        let text = data[name].as_str().map(str::to_owned);
        text.ok_or_else(|| self.calls.unavailable(&format!("its answer has no {name}")))
    }
}

fn judge(answer: Answer) -> Result<Value, Failed> {
    let Answer { status, mut body } = answer;
    match status {
        200 => Ok(body["data"].take()),
        429 => Err(Failed::Passing("it is asked too often (429)".into())),
        412 | 500 | 502 | 504 => Err(Failed::Passing(format!("it fails at the moment ({status})"))),
        503 => Err(Failed::Passing("it is sealed or in maintenance (503)".into())),
        403 => Err(Failed::For("it refuses the token, or the policy does not allow this key (403)".into())),
        404 => Err(Failed::For("there is no such mount or key (404)".into())),
        400 => Err(Failed::For(
            "it does not open or take the value (400): the key's version may be below min_decryption_version, the key deleted, or operator.kms changed".into(),
        )),
        other => Err(Failed::For(format!("it answered {other}"))),
    }
}

impl Kms for Vault {
    fn kind(&self) -> &'static str {
        "vault"
    }

    fn key(&self) -> &str {
        &self.key
    }

    fn wrap<'a>(&'a self, clear: &'a [u8]) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move {
            let body = json!({"plaintext": STANDARD.encode(clear), "associated_data": STANDARD.encode(PURPOSE)});
            self.text(&self.ask("encrypt", Some(body)).await?, "ciphertext")
        })
    }

    fn unwrap<'a>(&'a self, blob: &'a str) -> BoxFuture<'a, Result<Zeroizing<Vec<u8>>>> {
        Box::pin(async move {
            let body = json!({"ciphertext": blob, "associated_data": STANDARD.encode(PURPOSE)});
            let told = Zeroizing::new(self.text(&self.ask("decrypt", Some(body)).await?, "plaintext")?);
            let clear =
                STANDARD.decode(told.as_bytes()).map_err(|_| self.calls.unavailable("its answer is no base64"))?;
            Ok(Zeroizing::new(clear))
        })
    }

    fn newest(&self) -> BoxFuture<'_, Result<String>> {
        Box::pin(async move {
            let version = self.ask("keys", None).await?["latest_version"].as_u64();
            version.map(|v| v.to_string()).ok_or_else(|| self.calls.unavailable("its answer has no latest_version"))
        })
    }
}
