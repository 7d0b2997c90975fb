//! AWS KMS: three calls of its JSON interface, signed by ourselves. A symmetric key is rotated inside the service: it opens
//! what any version wrapped, and tells of a version only the day on which it was made.

use super::{
    Kms, PURPOSE,
    calls::{Answer, Calls, Failed, Patience, host, send},
    sign::{Credentials, Request, sign},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::future::BoxFuture;
use salus_core::{Env, Error, Result};
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// A symmetric key.
pub struct AwsKms {
    calls: Calls,
    /// `https://kms.REGION.amazonaws.com`, or an endpoint in one's own network.
    endpoint: String,
    host: String,
    region: String,
    key: String,
    credentials: Credentials,
    env: Env,
}

impl AwsKms {
    /// `key` is the id, the ARN or an alias; `credentials` the text of a file of lines `name = value`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an endpoint or credentials that are none.
    pub fn new(endpoint: Option<&str>, region: &str, key: &str, credentials: &str, patience: Patience) -> Result<Self> {
        let calls = Calls::new(patience, format!("AWS KMS, key {key}"))?;
        let usual = format!("https://kms.{region}.amazonaws.com");
        let endpoint = endpoint.unwrap_or(&usual).trim_end_matches('/').to_owned();
        let host = host("kms.address", &endpoint)?;
        let credentials = Credentials::parse("kms.credentials", credentials)?;
        Ok(Self { calls, endpoint, host, region: region.into(), key: key.into(), credentials, env: Env::default() })
    }

    async fn ask(&self, action: &str, body: &Value) -> Result<Value> {
        let body = Zeroizing::new(serde_json::to_vec(body).map_err(Error::internal)?);
        let target = format!("TrentService.{action}");
        self.calls
            .with_patience(|| async {
                let request = Request {
                    method: "POST",
                    host: &self.host,
                    path: "/",
                    query: "",
                    headers: &[("content-type", "application/x-amz-json-1.1"), ("x-amz-target", &target)],
                    body: &body,
                    region: &self.region,
                    service: "kms",
                };
                // Signed anew for each attempt: a signature holds for minutes only.
                let signed =
                    sign(&self.credentials, &request, self.env.now()).map_err(|e| Failed::For(e.to_string()))?;
                let mut call = self.calls.client.post(format!("{}/", self.endpoint)).body(body.to_vec());
                for (name, value) in signed {
                    call = call.header(name, value);
                }
                judge(send(call).await?)
            })
            .await
    }

    fn text(&self, body: &Value, name: &str) -> Result<String> {
        let text = body[name].as_str().map(str::to_owned);
        text.ok_or_else(|| self.calls.unavailable(&format!("its answer has no {name}")))
    }
}

fn judge(answer: Answer) -> Result<Value, Failed> {
    let Answer { status, body } = answer;
    if status == 200 {
        return Ok(body);
    }
    // The kind of failure is the service's own word, such as com.amazonaws.kms#ThrottlingException.
    let kind: String =
        body["__type"].as_str().unwrap_or_default().rsplit('#').next().unwrap_or_default().chars().take(60).collect();
    Err(match kind.as_str() {
        "ThrottlingException" | "LimitExceededException" => Failed::Passing("it is asked too often".into()),
        "DependencyTimeoutException" | "KMSInternalException" | "KeyUnavailableException" => {
            Failed::Passing(format!("it fails at the moment ({kind})"))
        }
        "DisabledException" | "KMSInvalidStateException" => {
            Failed::For(format!("the key is disabled or waits for deletion ({kind})"))
        }
        "AccessDeniedException"
        | "UnrecognizedClientException"
        | "ExpiredTokenException"
        | "InvalidSignatureException" => {
            Failed::For(format!("it refuses the credentials, or they may not use this key ({kind})"))
        }
        "NotFoundException" => Failed::For("there is no such key in this region".into()),
        "InvalidCiphertextException" | "IncorrectKeyException" => {
            Failed::For(format!("operator.kms was changed or is of another key ({kind})"))
        }
        _ if status == 429 || status >= 500 => Failed::Passing(format!("it answered {status}")),
        _ => Failed::For(format!("it answered {status} {kind}")),
    })
}

impl Kms for AwsKms {
    fn kind(&self) -> &'static str {
        "aws"
    }

    fn key(&self) -> &str {
        &self.key
    }

    fn wrap<'a>(&'a self, clear: &'a [u8]) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move {
            let body = json!({"KeyId": self.key, "Plaintext": STANDARD.encode(clear), "EncryptionContext": {"purpose": PURPOSE}});
            self.text(&self.ask("Encrypt", &body).await?, "CiphertextBlob")
        })
    }

    fn unwrap<'a>(&'a self, blob: &'a str) -> BoxFuture<'a, Result<Zeroizing<Vec<u8>>>> {
        Box::pin(async move {
            let body = json!({"KeyId": self.key, "CiphertextBlob": blob, "EncryptionContext": {"purpose": PURPOSE}});
            let told = Zeroizing::new(self.text(&self.ask("Decrypt", &body).await?, "Plaintext")?);
            let clear =
                STANDARD.decode(told.as_bytes()).map_err(|_| self.calls.unavailable("its answer is no base64"))?;
            Ok(Zeroizing::new(clear))
        })
    }

    fn newest(&self) -> BoxFuture<'_, Result<String>> {
        Box::pin(async move {
            let (mut newest, mut marker) = (None, Value::Null);
            loop {
                let mut body = json!({"KeyId": self.key});
                if marker.is_string() {
                    body["Marker"] = marker;
                }
                let answer = self.ask("ListKeyRotations", &body).await?;
                let days =
                    answer["Rotations"].as_array().into_iter().flatten().filter_map(|r| r["RotationDate"].as_f64());
                newest = days.chain(newest).reduce(f64::max);
                marker = answer["NextMarker"].clone();
                if answer["Truncated"].as_bool() != Some(true) || !marker.is_string() {
                    break;
                }
            }
            Ok(newest.map_or_else(|| "first".to_owned(), |at| format!("{at:.0}")))
        })
    }
}
