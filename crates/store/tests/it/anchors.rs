//! Anchors behind HTTP against fakes that speak their interface, and lie.

use salus_store::{
    audit::{
        Anchor, Bucket, Look, S3Anchor, TimestampAnchor,
        merkle::{Checkpoint, SigningKey, empty_root},
    },
    seal::{Secret, digest},
};
use std::sync::{Arc, Mutex};
use std::{fmt::Write as _, path::PathBuf};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

fn note(size: u64) -> String {
    let key = SigningKey::new("salus-1/audit", &Secret::new([5; 32])).unwrap();
    key.sign(&Checkpoint { origin: "salus-1/audit/e1".into(), size, root: empty_root() })
}

/// What a bucket does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Well,
    /// It was made without object lock.
    Unlocked,
    /// It says that it keeps what it does not.
    Other,
    Forbidden,
}

/// Objects by key and version, the newest first of each key.
type Objects = Vec<(String, String, Vec<u8>)>;

#[derive(Clone)]
struct Fake(Arc<Mutex<(Mood, Objects)>>);

/// A version of the fake bucket: vN was put there N minutes after the beginning.
fn element(version: &str) -> String {
    let at = time::OffsetDateTime::UNIX_EPOCH + time::Duration::minutes(version[1..].parse().unwrap());
    let at = at.format(&time::format_description::well_known::Rfc3339).unwrap();
    format!("<VersionId>{version}</VersionId><LastModified>{at}</LastModified>")
}

impl Respond for Fake {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut held = self.0.lock().unwrap();
        let mood = held.0;
        let sum = request.headers.get("x-amz-content-sha256").map(|v| v.to_str().unwrap().to_owned());
        let signed = request.headers.get("authorization").map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default();
        let names = "SignedHeaders=host;";
        if mood == Mood::Forbidden || sum != Some(hex::encode(digest(&request.body))) || !signed.contains(names) {
            return ResponseTemplate::new(403);
        }
        let path = request.url.path().to_owned();
        let Some(key) = path.strip_prefix("/heads/").map(str::to_owned) else {
            let query: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
            let of = |name: &str| query.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
            let most: usize = of("max-keys").unwrap().parse().unwrap();
            let prefix = of("prefix").unwrap();
            held.1.sort();
            // A key alone: what comes after all of its versions.
            let after = of("key-marker").map(|key| (key, of("version-id-marker").unwrap_or("~".into())));
            let page = if prefix.starts_with("many/") { 1000 } else { 2 };
            let listed: Vec<_> = held
                .1
                .iter()
                .filter(|(k, v, _)| k.starts_with(&prefix) && after.as_ref().is_none_or(|a| (k, v) > (&a.0, &a.1)))
                .collect();
            let cut = most.min(page).min(listed.len());
            let mut text = String::new();
            for (k, v, _) in &listed[..cut] {
                let _ = write!(text, "<Version><Key>{k}</Key>{}</Version>", element(v));
            }
            if cut < listed.len() {
                let (k, v, _) = listed[cut - 1];
                let _ = write!(
                    text,
                    "<IsTruncated>true</IsTruncated><NextKeyMarker>{k}</NextKeyMarker><NextVersionIdMarker>{v}</NextVersionIdMarker>"
                );
            }
            return ResponseTemplate::new(200)
                .set_body_string(format!("<ListVersionsResult>{text}</ListVersionsResult>"));
        };
        if request.method.as_str() == "PUT" {
            assert_eq!(request.headers.get("x-amz-object-lock-mode").unwrap(), "COMPLIANCE");
            assert!(request.headers.contains_key("x-amz-object-lock-retain-until-date"));
            assert!(request.headers.contains_key("x-amz-checksum-sha256"));
            let version = format!("v{}", held.1.len());
            let body = if mood == Mood::Other { b"else".to_vec() } else { request.body.clone() };
            held.1.push((key, version.clone(), body));
            let reply = ResponseTemplate::new(200);
            return if mood == Mood::Unlocked {
                reply
            } else {
                reply.insert_header("x-amz-version-id", version.as_str())
            };
        }
        let version = request.url.query_pairs().find(|(n, _)| n == "versionId").unwrap().1.into_owned();
        match held.1.iter().find(|(k, v, _)| *k == key && *v == version) {
            None => ResponseTemplate::new(404),
            Some((_, _, body)) => ResponseTemplate::new(200)
                .insert_header("x-amz-object-lock-mode", "COMPLIANCE")
                .set_body_bytes(body.clone()),
        }
    }
}

async fn answering(what: impl Respond + 'static) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(what).mount(&server).await;
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_bucket_keeps_heads_and_one_that_does_not_lock_is_refused() {
    let fake = Fake(Arc::new(Mutex::new((Mood::Well, Vec::new()))));
    let server = answering(fake.clone()).await;
    let bucket = |prefix: &str| Bucket {
        endpoint: Some(server.uri()),
        region: "eu-central-1".into(),
        name: "heads".into(),
        prefix: prefix.into(),
        days: 7,
    };
    let credentials = "aws_access_key_id = A\naws_secret_access_key = S\n";
    let anchor = S3Anchor::new(bucket("north"), credentials).unwrap();
    assert_eq!(anchor.newest().unwrap(), None);
    for size in [3, 40, 500, 6000, 70_000] {
        anchor.keep(&note(size), 0, &[]).unwrap();
    }
    assert_eq!(anchor.newest().unwrap(), Some(note(70_000)));
    assert_eq!(anchor.kept().unwrap(), [3, 40, 500, 6000, 70_000].map(note));
    let other = S3Anchor::new(bucket("south"), credentials).unwrap();
    assert_eq!(other.newest().unwrap(), None, "logs of one bucket are apart");
    for (mood, why) in [
        (Mood::Unlocked, "object lock"),
        (Mood::Other, "does not read back"),
        (Mood::Forbidden, "refuses the credentials"),
    ] {
        fake.0.lock().unwrap().0 = mood;
        let refused = anchor.keep(&note(9), 0, &[]).unwrap_err().to_string();
        assert!(refused.contains(why), "{mood:?}: {refused}");
    }
    assert!(S3Anchor::new(Bucket { name: "a/b".into(), ..bucket("x") }, credentials).is_err());
    assert!(S3Anchor::new(Bucket { endpoint: Some("http://far.example".into()), ..bucket("x") }, credentials).is_err());
    // Nobody listens on the port of a system service that has none here.
    let away =
        S3Anchor::new(Bucket { endpoint: Some("http://127.0.0.1:9".into()), ..bucket("x") }, credentials).unwrap();
    assert!(away.newest().unwrap_err().to_string().contains("cannot be reached"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verification_reads_the_newest_heads_of_a_bucket_and_a_sample_of_the_others() {
    let key = |size: u64| format!("many/e{:010}/{:020}", i32::MAX - 1, u64::MAX - size);
    let objects = (1..=900).map(|size| (key(size), format!("v{size}"), note(size).into_bytes())).collect();
    let fake = Fake(Arc::new(Mutex::new((Mood::Well, objects))));
    let server = answering(fake.clone()).await;
    let bucket = Bucket {
        endpoint: Some(server.uri()),
        region: "eu-central-1".into(),
        name: "heads".into(),
        prefix: "many".into(),
        days: 7,
    };
    let anchor = S3Anchor::new(bucket, "aws_access_key_id = A\naws_secret_access_key = S\n").unwrap();
    let (heads, part) = anchor.looked_at(Look::Newest).unwrap();
    let calls = server.received_requests().await.unwrap().len();
    assert!(calls <= 1 + 300 + 2 * 50, "{calls} calls, however many heads there are");
    let read = |head: &String| (1..=900).find(|size| note(*size) == *head).unwrap();
    let sizes: Vec<u64> = heads.iter().map(read).collect();
    let older = sizes.len() - 300;
    assert!(sizes.ends_with(&(601..=900).collect::<Vec<u64>>()) && (5..=50).contains(&older), "{sizes:?}");
    assert!(sizes.is_sorted() && sizes[0] <= 600, "of the older ones, oldest first");
    assert!(part.unwrap().contains(&format!("the newest 300 heads were read, and {older} of the older ones")));
    // What was kept since the log was last found whole is read, however much that is.
    let since = Look::Since(time::OffsetDateTime::UNIX_EPOCH + time::Duration::minutes(560 + 60));
    let (heads, part) = anchor.looked_at(since).unwrap();
    let sizes: Vec<u64> = heads.iter().map(read).collect();
    assert!(sizes.ends_with(&(560..=900).collect::<Vec<u64>>()) && sizes.len() > 341, "{sizes:?}");
    assert!(part.unwrap().contains("the newest 341 heads were read"));
    // Few are read all.
    fake.0.lock().unwrap().1.truncate(12);
    for look in [Look::Newest, Look::Every] {
        let (heads, part) = anchor.looked_at(look).unwrap();
        assert_eq!((heads.len(), part), (12, None), "{look:?}");
    }
}

/// What an authority does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stamp {
    Well,
    /// The answer to another request.
    Replayed,
    OtherImprint,
    Rejected,
    Broken,
    /// Another authority signs, which calls itself the same.
    Impostor,
    /// A certificate of the trusted issuer that is for something else.
    OtherPurpose,
    /// One byte of the signature is another.
    Forged,
}

/// An authority, made by openssl: `issuer.pem` issued `tsa.pem` (for time stamps) and `web.pem` (for something else);
/// `other.pem` calls itself what `tsa.pem` does and was issued by nobody.
#[derive(Clone)]
struct Stamps {
    mood: Arc<Mutex<Stamp>>,
    folder: PathBuf,
}

const SETTINGS: &str = "[tsa]\ndefault_tsa = here\n[here]\nserial = serial\ndefault_policy = 1.2.3.4\ndigests = sha256\n\
    signer_digest = sha256\ness_cert_id_alg = sha256\n\
    [stamps]\nextendedKeyUsage = critical, timeStamping\n[web]\nextendedKeyUsage = critical, serverAuth\n\
    [wide]\nextendedKeyUsage = critical, timeStamping\n[issues]\nbasicConstraints = critical, CA:TRUE\n\
    [req]\ndistinguished_name = dn\n[dn]\n";

impl Stamps {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("salus-authority-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("conf"), SETTINGS).unwrap();
        std::fs::write(folder.join("serial"), "01\n").unwrap();
        let stamps = Self { mood: Arc::new(Mutex::new(Stamp::Well)), folder };
        stamps.own("issuer", "/CN=Issuer", "issues");
        stamps.own("other", "/CN=Stamps", "wide");
        stamps.issue("tsa", "/CN=Stamps", "stamps");
        stamps.issue("web", "/CN=Web", "web");
        stamps
    }

    /// A certificate that signs itself.
    fn own(&self, name: &str, subject: &str, extensions: &str) {
        let (key, pem) = (format!("{name}.key"), format!("{name}.pem"));
        let kind = ["req", "-x509", "-nodes", "-days", "30", "-config", "conf", "-newkey", "rsa:2048"];
        let given = ["-subj", subject, "-extensions", extensions, "-keyout", &key, "-out", &pem];
        self.openssl(&[&kind[..], &given].concat());
    }

    /// A certificate of the issuer.
    fn issue(&self, name: &str, subject: &str, extensions: &str) {
        let (key, csr, pem) = (format!("{name}.key"), format!("{name}.csr"), format!("{name}.pem"));
        let kind = ["req", "-new", "-nodes", "-config", "conf", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
        self.openssl(&[&kind[..], &["-subj", subject, "-keyout", &key, "-out", &csr]].concat());
        let by = ["x509", "-req", "-CA", "issuer.pem", "-CAkey", "issuer.key", "-CAcreateserial", "-days", "20"];
        let given = ["-extfile", "conf", "-extensions", extensions, "-in", &csr, "-out", &pem];
        self.openssl(&[&by[..], &given].concat());
    }

    fn openssl(&self, arguments: &[&str]) {
        let output = std::process::Command::new("openssl").args(arguments).current_dir(&self.folder).output().unwrap();
        assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn trusted(&self, name: &str) -> salus_store::audit::Authority {
        salus_store::audit::Authority::read(&std::fs::read(self.folder.join(name)).unwrap()).unwrap()
    }

    /// The answer to a request, signed by this certificate.
    fn answer(&self, request: &[u8], signer: &str) -> Vec<u8> {
        std::fs::write(self.folder.join("query"), request).unwrap();
        let (pem, key) = (format!("{signer}.pem"), format!("{signer}.key"));
        self.openssl(&[
            "ts",
            "-reply",
            "-config",
            "conf",
            "-queryfile",
            "query",
            "-signer",
            &pem,
            "-inkey",
            &key,
            "-out",
            "answer",
        ]);
        std::fs::read(self.folder.join("answer")).unwrap()
    }
}

impl Respond for Stamps {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mood = *self.mood.lock().unwrap();
        assert_eq!(request.headers.get("content-type").unwrap(), "application/timestamp-query");
        // SEQUENCE, version, then the imprint of 51 bytes, then the nonce of 10.
        let mut asked = request.body.clone();
        let answer = match mood {
            Stamp::Replayed => {
                asked[65] ^= 1;
                self.answer(&asked, "tsa")
            }
            Stamp::OtherImprint => {
                asked[55] ^= 1;
                self.answer(&asked, "tsa")
            }
            Stamp::Rejected => vec![0x30, 5, 0x30, 3, 2, 1, 2],
            Stamp::Broken => b"<html>".to_vec(),
            Stamp::Well => self.answer(&asked, "tsa"),
            Stamp::Impostor => self.answer(&asked, "other"),
            Stamp::OtherPurpose => self.answer_by_hand(&asked),
            Stamp::Forged => {
                let mut answer = self.answer(&asked, "tsa");
                *answer.last_mut().unwrap() ^= 1;
                answer
            }
        };
        ResponseTemplate::new(200).set_body_bytes(answer)
    }
}

impl Stamps {
    /// openssl does not stamp with a certificate that is for something else: the token is signed as any other message.
    fn answer_by_hand(&self, request: &[u8]) -> Vec<u8> {
        self.answer(request, "tsa");
        self.openssl(&["ts", "-reply", "-in", "answer", "-token_out", "-out", "token"]);
        self.openssl(&["cms", "-verify", "-noverify", "-inform", "DER", "-in", "token", "-out", "info"]);
        self.openssl(&[
            "cms",
            "-sign",
            "-binary",
            "-nodetach",
            "-cades",
            "-md",
            "sha256",
            "-econtent_type",
            "1.2.840.113549.1.9.16.1.4",
            "-in",
            "info",
            "-signer",
            "web.pem",
            "-inkey",
            "web.key",
            "-outform",
            "DER",
            "-out",
            "signed",
        ]);
        let token = std::fs::read(self.folder.join("signed")).unwrap();
        let n = u16::try_from(token.len() + 5).unwrap().to_be_bytes();
        [&[0x30, 0x82, n[0], n[1], 0x30, 3, 2, 1, 0][..], &token].concat()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_stamp_is_kept_when_it_is_about_this_head_and_a_trusted_authority_signed_it() {
    let stamps = Stamps::new();
    let server = answering(stamps.clone()).await;
    let file = stamps.folder.join("heads.timestamps");
    let anchor = |pem: &str| TimestampAnchor::new(&server.uri(), stamps.trusted(pem), file.clone()).unwrap();
    // Believed by its own certificate, and by that of who issued it.
    anchor("tsa.pem").keep(&note(3), 0, &[]).unwrap_or_else(|e| panic!("{e}"));
    let anchor = anchor("issuer.pem");
    anchor.keep(&note(40), 0, &[]).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(anchor.kept().unwrap(), [note(3), note(40)]);
    let lies = [
        (Stamp::Replayed, "repeats an answer"),
        (Stamp::OtherImprint, "stamped something else"),
        (Stamp::Rejected, "does not grant"),
        (Stamp::Broken, "another form"),
        (Stamp::Impostor, "is not who is trusted to stamp"),
        (Stamp::OtherPurpose, "not for time stamps"),
        (Stamp::Forged, "did not sign"),
    ];
    for (lie, why) in lies {
        *stamps.mood.lock().unwrap() = lie;
        let refused = anchor.keep(&note(9), 0, &[]).unwrap_err().to_string();
        assert!(refused.contains(why), "{lie:?}: {refused}");
    }
    assert_eq!(anchor.kept().unwrap().len(), 2, "what was refused is not kept");
    // Tokens of who is not believed any more are told of.
    let other = TimestampAnchor::new(&server.uri(), stamps.trusted("other.pem"), file.clone()).unwrap();
    assert!(other.kept().unwrap_err().to_string().contains("trusted"));
    // A head put beside another's token is found.
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(
        &file,
        text.replacen(&serde_json::to_string(&note(3)).unwrap(), &serde_json::to_string(&note(4)).unwrap(), 1),
    )
    .unwrap();
    assert!(anchor.kept().unwrap_err().to_string().contains("not about its head"));
    let away = TimestampAnchor::new("http://127.0.0.1:9", stamps.trusted("tsa.pem"), file).unwrap();
    assert!(away.keep(&note(5), 0, &[]).unwrap_err().to_string().contains("cannot be reached"));
    assert!(salus_store::audit::Authority::read(b"no certificate").is_err());
    std::fs::remove_dir_all(&stamps.folder).unwrap();
}
