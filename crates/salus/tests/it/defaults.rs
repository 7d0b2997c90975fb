//! What stands after a first start: nobody can come in who was not given a link of their own.

use super::{
    backup::{Folder, client, done, hold, prepare},
    serving::Server,
};
use serde_json::json;
use std::collections::BTreeSet;

/// What source systems and well-known peers ship or print.
const KNOWN: &str = include_str!("../../../testkit/tests/it/gates/known_credentials.txt");

/// Accounts that somebody can enter with a secret that stands in the database.
const OPEN: &str = "SELECT 'password of ' || id FROM auth.users WHERE password_hash IS NOT NULL \
    UNION ALL SELECT 'key ' || id FROM auth.api_keys WHERE revoked_at IS NULL \
    UNION ALL SELECT 'session ' || id FROM auth.sessions WHERE revoked_at IS NULL \
    UNION ALL SELECT 'emergency credential ' || id FROM auth.emergency_credentials";

const MANY_TRIES: &str = r#"DELETE FROM kernel.settings WHERE name = 'security.configuration';
    INSERT INTO kernel.settings (tenant_id, id, name, value)
    SELECT id, gen_random_uuid(), 'security.configuration', '{"maxLoginAttempts": 100}' FROM kernel.tenants"#;

#[tokio::test(flavor = "multi_thread")]
async fn nobody_has_a_known_secret_after_setting_up() {
    let folder = Folder::new("defaults");
    let (home, _) = prepare(&folder);
    let cluster = hold(&home);
    done(&home, &["tenant", "create", "north", "--name", "North"]);
    let ada = ["--email", "ada@north.example", "--name", "Ada", "--role", "admin"];
    let ada = done(&home, &[&["user", "invite", "--tenant", "north"][..], &ada].concat());
    let mut loaded = done(&home, &["demo", "load", "--scale", "small"]);
    let invited = loaded["invitations"].as_array_mut().unwrap();
    invited.push(json!({"tenant": "north", "email": "ada@north.example", "setup_path": ada["setup_path"]}));
    let links: BTreeSet<&str> = invited.iter().map(|i| i["setup_path"].as_str().unwrap()).collect();
    assert!(invited.len() >= 8 && links.len() == invited.len(), "a link for each: {invited:?}");

    let source = client(&cluster).await;
    let open: Vec<String> = source.query(OPEN, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert!(open.is_empty(), "{open:?}");
    let people = "SELECT count(*) FROM auth.users WHERE kind <> 'service'";
    let people: i64 = source.query_one(people, &[]).await.unwrap().get(0);
    assert_eq!(usize::try_from(people).unwrap(), invited.len(), "all of them are tried below");

    // As a person would: what is refused is the password, not the number of tries.
    source.batch_execute(MANY_TRIES).await.unwrap();
    let known: Vec<&str> = KNOWN.lines().filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
    let server = Server::start(&home);
    for invited in invited {
        let (organization, email) = (&invited["tenant"], &invited["email"]);
        for password in &known {
            let body = json!({"organization": organization, "email": email, "password": password});
            let (status, told) = server.ask("POST", "/api/auth/token", "", Some(&body)).await;
            assert_eq!(status, 401, "{email} with {password}: {told}");
        }
    }
    for key in &known {
        assert_eq!(server.ask("GET", "/api/v1/medical/patients", key, None).await.0, 401, "{key}");
    }
    server.stop();
}
