//! Anchors behind HTTP against fakes that speak their interface, and lie.

use salus_store::{
    audit::{
        Anchor, Bucket, S3Anchor, TimestampAnchor,
        merkle::{Checkpoint, SigningKey, empty_root},
    },
    seal::{Secret, digest},
};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
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
            let after = of("key-marker").zip(of("version-id-marker"));
            let listed: Vec<_> = held
                .1
                .iter()
                .filter(|(k, v, _)| k.starts_with(&prefix) && after.as_ref().is_none_or(|a| (k, v) > (&a.0, &a.1)))
                .collect();
            let cut = most.min(2).min(listed.len());
            let mut text = String::new();
            for (k, v, _) in &listed[..cut] {
                let _ = write!(text, "<Version><Key>{k}</Key><VersionId>{v}</VersionId></Version>");
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

/// What an authority does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stamp {
    Well,
    /// The answer to another request.
    Replayed,
    OtherImprint,
    Rejected,
    Broken,
}

struct Authority(Arc<Mutex<Stamp>>);

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let n = content.len();
    let length = if n < 128 {
        vec![u8::try_from(n).unwrap()]
    } else {
        vec![0x82, u8::try_from(n >> 8).unwrap(), u8::try_from(n & 255).unwrap()]
    };
    [&[tag][..], &length, content].concat()
}

impl Respond for Authority {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mood = *self.0.lock().unwrap();
        assert_eq!(request.headers.get("content-type").unwrap(), "application/timestamp-query");
        // SEQUENCE, version, then the imprint of 51 bytes, then the nonce of 10.
        let (mut imprint, mut nonce) = (request.body[5..56].to_vec(), request.body[56..66].to_vec());
        match mood {
            Stamp::Replayed => nonce[9] ^= 1,
            Stamp::OtherImprint => imprint[50] ^= 1,
            Stamp::Rejected => return ResponseTemplate::new(200).set_body_bytes(der(0x30, &der(0x30, &[2, 1, 2]))),
            Stamp::Broken => return ResponseTemplate::new(200).set_body_bytes(b"<html>".to_vec()),
            Stamp::Well => {}
        }
        let info = [
            &[2, 1, 1][..],
            &der(6, &[42, 3, 4]),
            &imprint,
            &[2, 1, 7],
            &der(0x18, b"20261129120000Z"),
            &der(0x30, &[2, 1, 1]),
            &nonce,
        ]
        .concat();
        let info = der(0x30, &[info, der(0xa0, &[5; 200])].concat());
        let kind = der(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 4]);
        let inner = der(0x30, &[kind, der(0xa0, &der(4, &info))].concat());
        let signed = der(0x30, &[der(2, &[3]), der(0x31, &[]), inner].concat());
        let token = der(0x30, &[der(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2]), der(0xa0, &signed)].concat());
        ResponseTemplate::new(200).set_body_bytes(der(0x30, &[der(0x30, &[2, 1, 0]), token].concat()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_stamp_is_kept_when_it_is_about_this_head_and_this_request() {
    let mood = Arc::new(Mutex::new(Stamp::Well));
    let server = answering(Authority(mood.clone())).await;
    let folder = std::env::temp_dir().join(format!("salus-stamps-{}", std::process::id()));
    let file = folder.join("heads.timestamps");
    let anchor = TimestampAnchor::new(&server.uri(), file.clone()).unwrap();
    anchor.keep(&note(3), 0, &[]).unwrap();
    anchor.keep(&note(40), 0, &[]).unwrap();
    assert_eq!(anchor.kept().unwrap(), [note(3), note(40)]);
    let lies = [
        (Stamp::Replayed, "repeats an answer"),
        (Stamp::OtherImprint, "stamped something else"),
        (Stamp::Rejected, "does not grant"),
        (Stamp::Broken, "another form"),
    ];
    for (lie, why) in lies {
        *mood.lock().unwrap() = lie;
        let refused = anchor.keep(&note(9), 0, &[]).unwrap_err().to_string();
        assert!(refused.contains(why), "{lie:?}: {refused}");
    }
    assert_eq!(anchor.kept().unwrap().len(), 2, "what was refused is not kept");
    // A head put beside another's token is found.
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(
        &file,
        text.replacen(&serde_json::to_string(&note(3)).unwrap(), &serde_json::to_string(&note(4)).unwrap(), 1),
    )
    .unwrap();
    assert!(anchor.kept().unwrap_err().to_string().contains("not about its head"));
    let away = TimestampAnchor::new("http://127.0.0.1:9", file).unwrap();
    assert!(away.keep(&note(5), 0, &[]).unwrap_err().to_string().contains("cannot be reached"));
    std::fs::remove_dir_all(folder).unwrap();
}
