//! The key services against fakes that speak their interface and throttle, time out, get new versions and revoke.

use salus_core::Error;
use salus_store::{
    kms::{AwsKms, Kept, Kms, Patience, Vault, keep},
    seal::RootFile,
};
use salus_testkit::{FakeKms, Mood};
use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use zeroize::Zeroizing;

const PATIENCE: Patience = Patience { attempt: Duration::from_secs(2), tries: 3, rest: Duration::from_millis(5) };

fn service(aws: bool, uri: &str) -> Box<dyn Kms> {
    if aws {
        Box::new(AwsKms::new(Some(uri), "us-east-1", "alias/root", FakeKms::CREDENTIALS, PATIENCE).unwrap())
    } else {
        Box::new(Vault::new(uri, "transit", "root", Zeroizing::new(FakeKms::TOKEN.into()), PATIENCE).unwrap())
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
        let (fake, files) = (FakeKms::new(aws), Files::new());
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
        let (fake, files) = (FakeKms::new(aws), Files::new());
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
        let (fake, files) = (FakeKms::new(aws), Files::new());
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
        let (fake, files) = (FakeKms::new(aws), Files::new());
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
        let (fake, files) = (FakeKms::new(aws), Files::new());
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
