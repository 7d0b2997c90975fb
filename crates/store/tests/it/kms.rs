//! The key services against fakes that speak their interface and throttle, time out, get new versions and revoke.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use salus_core::Error;
use salus_store::{
    kms::{AwsKms, Kept, Kms, Patience, Vault, keep},
    seal::RootFile,
};
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};
use zeroize::Zeroizing;

/// What a service does with the next calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Well,
    /// So many calls are refused as too many.
    Throttles(u32),
    /// So many calls are answered after the caller has given up.
    Slow(u32),
    Revoked,
}

struct State {
    mood: Mood,
    version: u64,
    /// Older versions are not opened any more.
    oldest: u64,
    calls: u32,
}

/// A service that "wraps" by writing the value beside its version: what matters here is what it answers.
#[derive(Clone)]
struct Fake {
    aws: bool,
    state: Arc<Mutex<State>>,
}

impl Fake {
    fn new(aws: bool) -> Self {
        Self { aws, state: Arc::new(Mutex::new(State { mood: Mood::Well, version: 1, oldest: 1, calls: 0 })) }
    }

    fn set(&self, change: impl Fn(&mut State)) {
        let mut state = self.state.lock().unwrap();
        state.calls = 0;
        change(&mut state);
    }

    fn calls(&self) -> u32 {
        self.state.lock().unwrap().calls
    }

    async fn serve(&self) -> MockServer {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(self.clone()).mount(&server).await;
        server
    }

    fn vault(state: &State, request: &Request) -> ResponseTemplate {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        if request.headers.get("X-Vault-Token").is_none_or(|t| t != "a-token") || state.mood == Mood::Revoked {
            return ResponseTemplate::new(403).set_body_json(json!({"errors": ["permission denied"]}));
        }
        let context = body["associated_data"].as_str().unwrap_or_default();
        match request.url.path() {
            "/v1/transit/keys/root" => {
                ResponseTemplate::new(200).set_body_json(json!({"data": {"latest_version": state.version}}))
            }
            "/v1/transit/encrypt/root" => {
                let blob = format!("vault:v{}:{}.{context}", state.version, body["plaintext"].as_str().unwrap());
                ResponseTemplate::new(200).set_body_json(json!({"data": {"ciphertext": blob}}))
            }
            "/v1/transit/decrypt/root" => {
                let text = body["ciphertext"].as_str().unwrap();
                let (version, rest) = text.strip_prefix("vault:v").unwrap().split_once(':').unwrap();
                let (plain, bound) = rest.split_once('.').unwrap();
                if version.parse::<u64>().unwrap() < state.oldest || bound != context {
                    return ResponseTemplate::new(400).set_body_json(json!({"errors": ["refused"]}));
                }
                ResponseTemplate::new(200).set_body_json(json!({"data": {"plaintext": plain}}))
            }
            _ => ResponseTemplate::new(404),
        }
    }

    fn aws(state: &State, request: &Request) -> ResponseTemplate {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
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
                let blob = STANDARD.encode(format!("{}.{context}", body["Plaintext"].as_str().unwrap()));
                ResponseTemplate::new(200).set_body_json(json!({"CiphertextBlob": blob}))
            }
            "TrentService.Decrypt" => {
                let blob = STANDARD.decode(body["CiphertextBlob"].as_str().unwrap()).unwrap();
                let blob = String::from_utf8(blob).unwrap();
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

impl Respond for Fake {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.state.lock().unwrap();
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

const PATIENCE: Patience = Patience { attempt: Duration::from_secs(2), tries: 3, rest: Duration::from_millis(5) };

fn service(aws: bool, uri: &str) -> Box<dyn Kms> {
    if aws {
        let credentials = "aws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = wJalrXUtnFEMI\n";
        Box::new(AwsKms::new(Some(uri), "us-east-1", "alias/root", credentials, PATIENCE).unwrap())
    } else {
        Box::new(Vault::new(uri, "transit", "root", Zeroizing::new("a-token".into()), PATIENCE).unwrap())
    }
}

/// A root key of its own.
struct Files(RootFile, PathBuf);

impl Files {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let home = std::env::temp_dir().join(format!("salus-kms-{}-{number}", std::process::id()));
        let file = RootFile::at(&home, None);
        file.init(&[]).unwrap();
        Self(file, home)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.1).ok();
    }
}

fn why<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    let Err(Error::Unavailable(why)) = result else { panic!("{result:?}") };
    why
}

#[tokio::test]
async fn a_key_service_keeps_the_identity_and_opens_the_root_key() {
    for aws in [false, true] {
        let (fake, files) = (Fake::new(aws), Files::new());
        let server = fake.serve().await;
        let kms = service(aws, &server.uri());
        let before = files.0.unlock().unwrap().fingerprint();
        let identity = files.0.identity_text().unwrap();
        keep(&*kms, &files.0, &identity).await.unwrap();
        std::fs::remove_file(&files.0.operator).unwrap();
        let kept = Kept::read(&files.0).unwrap().unwrap();
        assert!(!std::fs::read_to_string(files.0.operator_kms()).unwrap().contains("AGE-SECRET"), "wrapped");
        let opened = files.0.clone().with_identity(kept.identity(&*kms).await);
        assert_eq!(opened.unlock().unwrap().fingerprint(), before);
        assert!(files.0.unlock().is_err(), "without the service nothing opens");
        let other = Kept { key: "another".into(), ..kept };
        assert!(why(other.identity(&*kms).await).contains("was wrapped by the key another"));
    }
}

#[tokio::test]
async fn a_new_version_is_noticed_and_the_old_one_can_be_disabled_after_a_handover() {
    for aws in [false, true] {
        let (fake, files) = (Fake::new(aws), Files::new());
        let server = fake.serve().await;
        let kms = service(aws, &server.uri());
        let identity = files.0.identity_text().unwrap();
        let first = keep(&*kms, &files.0, &identity).await.unwrap();
        fake.set(|s| s.version = 2);
        assert_ne!(kms.newest().await.unwrap(), first.version, "the name is the same, the version is not");
        let second = keep(&*kms, &files.0, &identity).await.unwrap();
        assert_eq!(second.version, kms.newest().await.unwrap());
        fake.set(|s| s.oldest = 2);
        assert_eq!(second.identity(&*kms).await.unwrap().as_str(), identity.as_str());
        if !aws {
            // AWS opens whatever any version wrapped; Vault does not.
            assert!(why(first.identity(&*kms).await).contains("min_decryption_version"));
        }
    }
}

#[tokio::test]
async fn throttling_is_waited_out_and_given_up_after_a_few_attempts() {
    for aws in [false, true] {
        let (fake, files) = (Fake::new(aws), Files::new());
        let server = fake.serve().await;
        let kms = service(aws, &server.uri());
        let kept = keep(&*kms, &files.0, "identity").await.unwrap();
        fake.set(|s| s.mood = Mood::Throttles(2));
        assert_eq!(kept.identity(&*kms).await.unwrap().as_str(), "identity");
        assert_eq!(fake.calls(), 3);
        fake.set(|s| s.mood = Mood::Throttles(99));
        let said = why(kept.identity(&*kms).await);
        assert!(
            said.contains("asked too often") && said.contains("tried 3 times") && said.contains("recovery"),
            "{said}"
        );
        assert_eq!(fake.calls(), 3);
    }
}

#[tokio::test]
async fn a_silent_service_costs_a_bounded_time_and_one_that_is_away_is_told() {
    for aws in [false, true] {
        let (fake, files) = (Fake::new(aws), Files::new());
        let server = fake.serve().await;
        let kms = service(aws, &server.uri());
        let kept = keep(&*kms, &files.0, "identity").await.unwrap();
        fake.set(|s| s.mood = Mood::Slow(1));
        assert_eq!(kept.identity(&*kms).await.unwrap().as_str(), "identity", "the second attempt");
        fake.set(|s| s.mood = Mood::Slow(99));
        assert!(why(kept.identity(&*kms).await).contains("did not answer in time"));
        let away = service(aws, "http://127.0.0.1:1");
        assert!(why(kept.identity(&*away).await).contains("cannot be reached"));
    }
}

#[test]
fn nothing_is_sent_in_clear_to_another_machine() {
    let token = || Zeroizing::new("a-token".to_owned());
    for address in ["http://vault.example:8200", "vault.example", "http://127.0.0.1.example"] {
        assert!(
            matches!(Vault::new(address, "transit", "root", token(), PATIENCE), Err(Error::Invalid(_))),
            "{address}"
        );
    }
    for address in ["https://vault.example:8200", "http://127.0.0.1:8200", "http://localhost:8200"] {
        assert!(Vault::new(address, "transit", "root", token(), PATIENCE).is_ok(), "{address}");
    }
}

#[tokio::test]
async fn a_revoked_key_is_told_at_once_and_leaves_the_file_as_it_was() {
    for (aws, said) in [(false, "refuses the token"), (true, "the key is disabled")] {
        let (fake, files) = (Fake::new(aws), Files::new());
        let server = fake.serve().await;
        let kms = service(aws, &server.uri());
        let kept = keep(&*kms, &files.0, "identity").await.unwrap();
        fake.set(|s| s.mood = Mood::Revoked);
        let told = why(kept.identity(&*kms).await);
        assert!(told.contains(said) && told.contains("recovery identity"), "{told}");
        assert_eq!(fake.calls(), 1, "not tried again");
        why(keep(&*kms, &files.0, "another").await);
        assert_eq!(Kept::read(&files.0).unwrap(), Some(kept));
    }
}
