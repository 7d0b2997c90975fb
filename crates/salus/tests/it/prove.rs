//! Promises that are broken on purpose: the line of each fails, says what to do, and the command ends with 1. And what the
//! commands of the audit log end with, and `salus-verify` of a bundle that was changed.

use super::{
    backup::{Folder, client, command, done, hold, prepare, text},
    serving::Server,
    tenant::patient,
    told as told_of,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use salus_core::Env;
use salus_store::{
    audit::{Log, report},
    cluster::{Cluster, DATABASE},
    seal::RootFile,
};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use time::{Duration, format_description::well_known::Rfc3339};

/// The exit code of a proof, and its line.
fn prove(home: &Path, what: &str, settings: &[(&str, &str)]) -> (Option<i32>, Value) {
    let output = command(home, &["prove", what]).envs(settings.iter().copied()).output().unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", told_of(&output)));
    (output.status.code(), said["proofs"][0].clone())
}

/// It fails, for this reason and with this to do.
fn fails(home: &Path, what: &str, reason: &str, fix: &str) -> Value {
    let (code, line) = prove(home, what, &[]);
    assert_eq!((code, &line["verdict"]), (Some(1), &json!("FAILS")), "{line}");
    assert!(line["reason"].as_str().unwrap().contains(reason), "{reason}: {line}");
    assert!(line["fix"].as_str().unwrap().contains(fix), "{fix}: {line}");
    line
}

fn holds(home: &Path, what: &str) {
    let (code, line) = prove(home, what, &[]);
    assert_eq!((code, &line["verdict"], &line["fix"]), (Some(0), &json!("HOLDS"), &json!("")), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promise_that_is_broken_fails_with_what_to_do() {
    let folder = Folder::new("prove");
    let (home, _) = prepare(&folder);
    let cluster = hold(&home);
    let admin = client(&cluster).await;
    done(&home, &["tenant", "create", "north", "--name", "North"]);
    for what in ["configuration", "tenancy", "schema", "keys"] {
        holds(&home, what);
    }
    admin.batch_execute("ALTER ROLE salus_app SET synchronous_commit = off").await.unwrap();
    fails(&home, "configuration", "synchronous_commit is turned off for salus_app", "change the setting it names");
    the_ones_of_every_day_are_kept(&home, &admin).await;
    admin.batch_execute("ALTER ROLE salus_app RESET synchronous_commit").await.unwrap();
    holds(&home, "configuration");

    admin.batch_execute("DROP POLICY tenant_wall ON kernel.settings").await.unwrap();
    fails(&home, "tenancy", "kernel.settings", "salus doctor tenancy");
    fails(&home, "schema", "kernel.settings", "salus db repair");
    let alerts =
        "SELECT count(*) FROM audit.tamper_alerts WHERE kind = 'schema_changed' AND what LIKE '%kernel.settings%'";
    assert_eq!(admin.query_one(alerts, &[]).await.unwrap().get::<_, i64>(0), 1, "whoever changes it leaves a trace");
    done(&home, &["db", "repair", "--apply"]);
    holds(&home, "tenancy");

    let canary = "UPDATE kernel.keys SET canary = set_byte(canary, 30, get_byte(canary, 30) # 1) \
                  WHERE kind = 'class' AND key_class = 'identity' AND tenant_id <> '00000000-0000-0000-0000-000000000000'";
    let flip = format!("SET session_replication_role = replica; {canary}; SET session_replication_role = origin");
    admin.batch_execute(&flip).await.unwrap();
    let line = fails(&home, "keys", "a key or its canary does not open", "salus keys doctor");
    assert!(!line["reason"].as_str().unwrap().contains("north"), "every tenant reads the reason: {line}");
    let kept = "SELECT report::text FROM compliance.proofs WHERE name = 'keys' ORDER BY proved_at DESC LIMIT 1";
    let kept: String = admin.query_one(kept, &[]).await.unwrap().get(0);
    assert!(kept.contains("\"problems\": 1") && !kept.contains("north"), "{kept}");
    admin.batch_execute(&flip).await.unwrap();
    holds(&home, "keys");

    what_must_be_sealed_is(&home, &admin).await;
    nothing_sealed_lies_in_clear(&folder, &home);
    a_drill_that_is_long_ago_is_named(&folder, &home, &cluster).await;
}

/// A26 and A33: a sealed column that nobody registered, an index on few values by name and by what rows hold.
async fn what_must_be_sealed_is(home: &Path, admin: &tokio_postgres::Client) {
    let told = done(home, &["doctor", "crypto"]);
    assert!(told["sealed"] == told["registered"] && told["sealed"].as_i64() > Some(100), "{told}");
    assert_eq!((&told["findings"], &told["weak_indexes"]), (&json!([]), &json!([])));
    let column = "ALTER TABLE medical.patients ADD COLUMN blood_type kernel.sealed_text, ADD COLUMN blood_type_bidx kernel.blind_index";
    admin.batch_execute(column).await.unwrap();
    let output = command(home, &["doctor", "crypto"]).output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((code(&output), &told["not_registered"]), (Some(1), &json!(["medical.patients.blood_type"])));
    let named = |rule: &str, column: &str| {
        told["findings"].as_array().unwrap().iter().any(|f| f["rule"] == rule && f["object"] == column)
    };
    assert!(named("N03", "medical.patients.blood_type") && named("N08", "medical.patients.blood_type_bidx"), "{told}");
    let register = "INSERT INTO kernel.fields (column_id, table_name, column_name, class, key_class) \
        VALUES (kernel.column_id('medical.patients', 'blood_type'), 'medical.patients', 'blood_type', 'C3', 'clinical')";
    admin.batch_execute(register).await.unwrap();
    let search = "CALL kernel.classify('medical.patients', 'blood_type', search => 'exact')";
    let refused = admin.batch_execute(search).await.unwrap_err();
    assert!(refused.as_db_error().unwrap().message().contains("few values"), "{refused:?}");
    // Registered past the guard, it is found all the same.
    admin.batch_execute("UPDATE kernel.fields SET search = 'exact' WHERE column_name = 'blood_type'").await.unwrap();
    let output = command(home, &["doctor", "crypto"]).output().unwrap();
    assert!(code(&output) == Some(1) && told_of(&output).contains("has few values"), "{}", told_of(&output));
    let back = "DELETE FROM kernel.fields WHERE column_name = 'blood_type'; \
                ALTER TABLE medical.patients DROP COLUMN blood_type, DROP COLUMN blood_type_bidx";
    admin.batch_execute(back).await.unwrap();
    let many = "SET session_replication_role = replica; \
        INSERT INTO medical.patients (tenant_id, id, birth_date_bidx) SELECT t.id, gen_random_uuid(), decode(lpad(to_hex(n % 90), 32, '0'), 'hex') \
          FROM kernel.tenants t, generate_series(1, 1000) n WHERE t.slug = 'north'; SET session_replication_role = origin";
    admin.batch_execute(many).await.unwrap();
    let weak = done(home, &["doctor", "crypto"]);
    let index = json!([{"tenant": "north", "index": "medical.patients.birth_date_bidx", "rows": 1000, "values": 90}]);
    assert_eq!(weak["weak_indexes"], index);
    admin.batch_execute("SET session_replication_role = replica; DELETE FROM medical.patients; SET session_replication_role = origin").await.unwrap();
}

/// A25 at the command: a value that is stored sealed is in no file, nor in a backup, and one that is in clear is found.
fn nothing_sealed_lies_in_clear(folder: &Folder, home: &Path) {
    let canary = "Zebrafinch Canary";
    let invite = ["user", "invite", "--tenant", "north", "--email", "z@users.example", "--role", "clinician", "--name"];
    done(home, &[&invite[..], &[canary]].concat());
    let backup = done(home, &["backup", "--out", text(&folder.path("taken"))]);
    let scan = ["doctor", "plaintext-scan", "--canary", canary, "--path"];
    let scanned = done(home, &[&scan[..], &[backup["path"].as_str().unwrap()]].concat());
    assert!(scanned["scan"]["hits"] == json!([]) && scanned["scan"]["files"].as_i64() > Some(100), "{scanned}");
    let clear = folder.path("clear.txt");
    fs::write(&clear, format!("a line\n{canary}\n")).unwrap();
    let output = command(home, &[&scan[..], &[text(&clear)]].concat()).output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((code(&output), &told["scan"]["hits"][0]["file"]), (Some(1), &json!(clear)));
}

/// What the server proves by itself: each is kept with its report, and one that fails is what the alert is made of.
async fn the_ones_of_every_day_are_kept(home: &Path, admin: &tokio_postgres::Client) {
    let output = command(home, &["prove", "--daily"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", told_of(&output));
    let sql = "SELECT string_agg(name::text, ' ' ORDER BY name::text), \
                 count(*) FILTER (WHERE name = 'configuration' AND verdict = 'FAILS' AND report ->> 'fsync' = 'true') \
               FROM compliance.proofs WHERE run_id = (SELECT run_id FROM compliance.proofs ORDER BY proved_at DESC LIMIT 1)";
    let row = admin.query_one(sql, &[]).await.unwrap();
    let (names, failed): (&str, i64) = (row.get(0), row.get(1));
    assert_eq!((names, failed), ("audit backups configuration keys schema tenancy transport version", 1));
    let verified = "SELECT count(*) FROM audit.integrity_verification_runs";
    assert_eq!(admin.query_one(verified, &[]).await.unwrap().get::<_, i64>(0), 1, "the whole log was verified with it");
}

async fn a_drill_that_is_long_ago_is_named(folder: &Folder, home: &Path, cluster: &Cluster) {
    done(home, &["audit", "seal"]);
    let env = Env::default();
    let root = RootFile::at(home, None).unlock().unwrap();
    let log = Log::new(cluster.config("salus_sealer", DATABASE).into(), root, env.clone());
    fs::create_dir_all(home.join("drills")).unwrap();
    let drilled = async |days: i64| {
        let at = (env.now() - Duration::days(days)).format(&Rfc3339).unwrap();
        let note = report::sign(&log, &json!({"at": at, "ok": true})).await.unwrap().unwrap();
        fs::write(home.join("drills").join(format!("{days}.note")), note).unwrap();
    };
    let out = folder.path("out");
    let settings = [("SALUS_BACKUP_DIR", text(&out))];
    let problems = || {
        let (code, line) = prove(home, "backups", &settings);
        assert_eq!((code, &line["verdict"]), (Some(1), &json!("FAILS")), "no backup was taken yet: {line}");
        assert!(line["fix"].as_str().unwrap().contains("salus doctor backups"), "{line}");
        line["report"]["problems"].to_string()
    };
    assert!(problems().contains("no signed drill was done"));
    drilled(9).await;
    assert!(problems().contains("the last drill is 9 d 0 h ago"));
    drilled(1).await;
    assert!(!problems().contains("drill"));
}

fn code(output: &std::process::Output) -> Option<i32> {
    output.status.code()
}

#[tokio::test(flavor = "multi_thread")]
async fn signs_of_tampering_end_with_3_and_a_bundle_is_checked_without_a_database() {
    let folder = Folder::new("verdicts");
    let (home, _) = prepare(&folder);
    let cluster = hold(&home);
    done(&home, &["tenant", "create", "north", "--name", "North"]);
    done(&home, &["audit", "seal"]);
    done(&home, &["audit", "anchor"]);
    let verify = |arguments: &[&str]| command(&home, &[&["audit", "verify"], arguments].concat()).output().unwrap();
    let key = done(&home, &["audit", "verify", "--rows"])["report"]["key"].as_str().unwrap().to_owned();
    offline(&folder, &home, &key);

    // An anchor that cannot be read shows nothing, and is no sign of tampering.
    let (anchor, aside) = (home.join("audit/anchor"), folder.path("anchor"));
    fs::rename(&anchor, &aside).unwrap();
    fs::create_dir(&anchor).unwrap();
    let output = verify(&[]);
    assert!(code(&output) == Some(1) && told_of(&output).contains("\"tampering\":false"), "{}", told_of(&output));
    let (ended, line) = prove(&home, "audit", &[]);
    assert_eq!(
        (ended, &line["verdict"], line["reason"].as_str().unwrap().contains("cannot be read")),
        (Some(1), &json!("FAILS"), true)
    );
    fs::remove_dir(&anchor).unwrap();
    // One that holds nothing any more is one.
    let output = verify(&[]);
    assert!(code(&output) == Some(3) && told_of(&output).contains("anchor_empty"), "{}", told_of(&output));
    fails(&home, "audit", "anchor_empty", "salus audit verify");
    assert_eq!(code(&verify(&["--alone"])), Some(0));
    fs::rename(&aside, &anchor).unwrap();
    assert_eq!(code(&verify(&[])), Some(0));

    let admin = client(&cluster).await;
    let behind = async |sql: &str| {
        let quiet = format!("SET session_replication_role = replica; {sql}; SET session_replication_role = origin");
        admin.batch_execute(&quiet).await.unwrap();
    };
    behind("UPDATE auth.roles SET created_at = created_at - interval '1 second'").await;
    let rows = verify(&["--rows"]);
    assert_eq!((code(&rows), code(&verify(&[]))), (Some(3), Some(0)), "{}", told_of(&rows));
    behind("UPDATE audit.tiles SET hashes = set_byte(hashes, 7, get_byte(hashes, 7) # 4) WHERE level = 0 AND idx = 0")
        .await;
    let output = verify(&["--alone"]);
    assert!(code(&output) == Some(3) && told_of(&output).contains("\"first\":0"), "{}", told_of(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_saw_a_record_is_taken_away_with_its_proofs() {
    let folder = Folder::new("accesses");
    let (home, _) = prepare(&folder);
    let _cluster = hold(&home);
    done(&home, &["tenant", "create", "north", "--name", "North"]);
    let key = |role: &str| {
        let made = done(&home, &["user", "service", "--tenant", "north", "--name", role, "--role", role]);
        made["key"].as_str().unwrap().to_owned()
    };
    let (clinician, auditor) = (key("clinician"), key("auditor"));
    let server = Server::start(&home);
    let ana = patient(&server, &clinician, "Ana").await;
    let body = json!({"family_name": "Other", "given_names": "Bo", "mrn": "MRN-2"});
    let (_, other) = server.ask("POST", "/api/v1/medical/patients", &clinician, Some(&body)).await;
    let other = other["id"].as_str().unwrap().to_owned();
    let seen = async |id: &str| server.ask("GET", &format!("/api/v1/medical/patients/{id}"), &clinician, None).await.0;
    assert_eq!((seen(&ana).await, seen(&ana).await, seen(&other).await), (200, 200, 200));
    let path = |id: &str| format!("/api/v1/audit/patients/{id}/accesses");
    let proofs = async |key: &str| server.ask("GET", &format!("{}/proofs", path(&ana)), key, None).await;
    assert_eq!(proofs(&clinician).await.0, 403, "who may see who saw a record may not take the log away");
    // Registered and read twice; what asks for it is sealed later.
    let (mut status, mut told) = proofs(&auditor).await;
    for _ in 0..600 {
        if status == 200 && told["events"].as_u64() >= Some(3) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        (status, told) = proofs(&auditor).await;
    }
    assert_eq!(status, 200, "{told}");
    let bytes = STANDARD.decode(told["file"]["base64"].as_str().unwrap()).unwrap();
    let lines = String::from_utf8(bytes.clone()).unwrap();
    assert_eq!(lines.lines().count() as u64, told["events"].as_u64().unwrap() + 2);
    assert_eq!(lines.matches("medical.patient.get").count(), 2, "of Ana alone: {lines}");
    // The head under the list of accesses is that of the log which the file is proved in.
    let (_, list) = server.ask("GET", &path(&ana), &auditor, None).await;
    assert!(list["log"]["size"].as_u64() >= Some(3), "{}", list["log"]);
    assert!(lines.contains(list["log"]["origin"].as_str().unwrap()), "{lines}");
    server.stop();
    let file = folder.path("accesses");
    fs::write(&file, &bytes).unwrap();
    let key = done(&home, &["audit", "verify"])["report"]["key"].as_str().unwrap().to_owned();
    let check = |file: &Path| {
        let check = Command::new(env!("CARGO_BIN_EXE_salus-verify")).args([text(file), "--key", &key]).output();
        code(&check.unwrap())
    };
    assert_eq!(check(&file), Some(0));
    fs::write(&file, lines.replacen("medical.patient.get", "medical.patient.git", 1)).unwrap();
    assert_eq!(check(&file), Some(3));
}

/// A19: the program without a database, over a bundle that the other program wrote.
fn offline(folder: &Folder, home: &Path, key: &str) {
    let bundle = folder.path("bundle");
    done(home, &["audit", "export", "--tenant", "north", "--output", text(&bundle)]);
    let check = |file: &Path, key: &str| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_salus-verify")).args([text(file), "--key", key]).output().unwrap();
        (code(&output), told_of(&output))
    };
    let (ended, said) = check(&bundle, key);
    assert!(ended == Some(0) && said.contains("The bundle holds"), "{said}");
    let bytes = fs::read(&bundle).unwrap();
    let changed: PathBuf = folder.path("changed");
    let at = bytes.windows(8).position(|w| w == b"operator").unwrap();
    let mut other = bytes.clone();
    other[at] ^= 1;
    fs::write(&changed, other).unwrap();
    let (ended, said) = check(&changed, key);
    assert_eq!(ended, Some(3), "{said}");
    let foreign = Folder::new("foreign");
    let (elsewhere, _) = prepare(&foreign);
    done(&elsewhere, &["audit", "seal"]);
    let theirs = done(&elsewhere, &["audit", "verify"])["report"]["key"].as_str().map(str::to_owned);
    if let Some(theirs) = theirs {
        let (ended, said) = check(&bundle, &theirs);
        assert_eq!(ended, Some(3), "{said}");
    }
    let (ended, said) = check(&folder.path("nothing"), key);
    assert!(ended == Some(1) && said.contains("nothing"), "{said}");
}
