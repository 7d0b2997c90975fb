//! A key service for tests: it speaks the interface of Vault's transit engine or of AWS KMS, and throttles, is slow, makes new
//! versions, refuses old ones and revokes as it is told.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

/// What the service does with the next calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// It answers.
    Well,
    /// So many calls are refused as too many.
    Throttles(u32),
    /// So many calls are answered after the caller has given up.
    Slow(u32),
    /// The key may not be used any more.
    Revoked,
}

/// What it remembers.
#[derive(Debug)]
pub struct State {
    /// What it does.
    pub mood: Mood,
    /// The newest version of its key.
    pub version: u64,
    /// Older versions are not opened any more.
    pub oldest: u64,
    /// Calls since it was last told something.
    pub calls: u32,
}

/// A service that "wraps" by writing the value beside its version: what matters is what it answers.
#[derive(Clone, Debug)]
pub struct FakeKms {
    aws: bool,
    state: Arc<Mutex<State>>,
}

impl FakeKms {
    /// Vault's token, and AWS credentials as in the file that AWS tools use, which the service accepts.
    pub const TOKEN: &'static str = "a-token";
    /// See [`Self::TOKEN`].
    pub const CREDENTIALS: &'static str = "aws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = wJalrXUtnFEMI\n";

    /// One with the first version of its key, called `root` in Vault and `alias/root` in AWS.
    #[must_use]
    pub fn new(aws: bool) -> Self {
        Self { aws, state: Arc::new(Mutex::new(State { mood: Mood::Well, version: 1, oldest: 1, calls: 0 })) }
    }

    /// Tells it something, and counts calls anew.
    pub fn set(&self, change: impl Fn(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.calls = 0;
        change(&mut state);
    }

    /// Calls since it was last told something.
    #[must_use]
    pub fn calls(&self) -> u32 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).calls
    }

    /// Listens on this machine until what is returned is dropped.
    pub async fn serve(&self) -> MockServer {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(self.clone()).mount(&server).await;
        server
    }

    fn vault(state: &State, request: &Request) -> ResponseTemplate {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        if request.headers.get("X-Vault-Token").is_none_or(|t| t != Self::TOKEN) || state.mood == Mood::Revoked {
            return ResponseTemplate::new(403).set_body_json(json!({"errors": ["permission denied"]}));
        }
        let context = body["associated_data"].as_str().unwrap_or_default();
        match request.url.path() {
            "/v1/transit/keys/root" => {
                ResponseTemplate::new(200).set_body_json(json!({"data": {"latest_version": state.version}}))
            }
            "/v1/transit/encrypt/root" => {
                let blob = format!("vault:v{}:{}.{context}", state.version, text(&body, "plaintext"));
                ResponseTemplate::new(200).set_body_json(json!({"data": {"ciphertext": blob}}))
            }
            "/v1/transit/decrypt/root" => {
                let parts = text(&body, "ciphertext").strip_prefix("vault:v").and_then(|rest| rest.split_once(':'));
                let opened = parts.and_then(|(version, rest)| {
                    let (plain, bound) = rest.split_once('.')?;
                    (version.parse::<u64>().ok()? >= state.oldest && bound == context).then_some(plain)
                });
                match opened {
                    Some(plain) => ResponseTemplate::new(200).set_body_json(json!({"data": {"plaintext": plain}})),
                    None => ResponseTemplate::new(400).set_body_json(json!({"errors": ["refused"]})),
                }
            }
            _ => ResponseTemplate::new(404),
        }
    }

    fn aws(state: &State, request: &Request) -> ResponseTemplate {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        let header =
            |name: &str| request.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        let refuse = |kind: &str| {
            ResponseTemplate::new(400)
                .set_body_json(json!({"__type": format!("com.amazonaws.kms#{kind}"), "message": "no"}))
        };
        let signed = "SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=";
        let by = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/";
        if !header("authorization").starts_with(by) || !header("authorization").contains(signed) {
            return refuse("InvalidSignatureException");
        }
        if state.mood == Mood::Revoked {
            return refuse("DisabledException");
        }
        let context = body["EncryptionContext"].to_string();
        match header("x-amz-target").as_str() {
            "TrentService.ListKeyRotations" => {
                let dates: Vec<Value> = (1..state.version).map(|v| json!({"RotationDate": 1000 * v})).collect();
                ResponseTemplate::new(200).set_body_json(json!({"Rotations": dates, "Truncated": false}))
            }
            "TrentService.Encrypt" => {
                let blob = STANDARD.encode(format!("{}.{context}", text(&body, "Plaintext")));
                ResponseTemplate::new(200).set_body_json(json!({"CiphertextBlob": blob}))
            }
            "TrentService.Decrypt" => {
                let blob = STANDARD.decode(text(&body, "CiphertextBlob")).unwrap_or_default();
                let blob = String::from_utf8(blob).unwrap_or_default();
                match blob.split_once('.') {
                    Some((plain, bound)) if bound == context => {
                        ResponseTemplate::new(200).set_body_json(json!({"Plaintext": plain}))
                    }
                    _ => refuse("InvalidCiphertextException"),
                }
            }
            _ => refuse("NotFoundException"),
        }
    }
}

fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_default()
}

impl Respond for FakeKms {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.state.lock().expect("no holder panicked");
        state.calls += 1;
        match state.mood {
            Mood::Throttles(n) if n > 0 => {
                state.mood = Mood::Throttles(n - 1);
                return if self.aws {
                    ResponseTemplate::new(400).set_body_json(json!({"__type": "ThrottlingException"}))
                } else {
                    ResponseTemplate::new(429)
                };
            }
            Mood::Slow(n) if n > 0 => {
                state.mood = Mood::Slow(n - 1);
                return ResponseTemplate::new(200).set_delay(Duration::from_mins(1));
            }
            _ => {}
        }
        if self.aws { Self::aws(&state, request) } else { Self::vault(&state, request) }
    }
}
