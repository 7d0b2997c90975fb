//! Memory under what needs much of it (`spec` A66): a body of gigabytes, an import of gigabytes, an export of millions of
//! rows, readers that do not read, and many sign-ins at once. No process of Salus holds more than 512 MB at any moment, import
//! and export 256 MB, and all processes of a server that does nothing, PostgreSQL's among them, 300 MB together.
//! `script/chaos memory` has the full size; `cargo test -- --ignored` a fiftieth.

use super::{
    caller::{Caller, PATIENTS},
    everything,
    installation::Installation,
};
use serde_json::json;
use std::{
    fs::File,
    io::{BufWriter, Write as _},
    net::SocketAddr,
    path::Path,
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};

/// Most memory the server may have held, in MB.
const MOST: u64 = 512;
/// Most that an import or an export may have held, in MB.
const MOST_IN_PASSING: u64 = 256;
/// Most that the server holds with its PostgreSQL when nobody asks for anything, in MB.
const MOST_AT_REST: u64 = 300;

/// How much of each.
struct Size {
    upload_mb: u64,
    import_mb: u64,
    rows: i64,
    readers: usize,
    /// Sign-ins a second, and for how many seconds.
    sign_ins: (u64, u64),
}

fn size() -> Size {
    if everything() {
        Size { upload_mb: 2048, import_mb: 2048, rows: 5_000_000, readers: 200, sign_ins: (50, 20) }
    } else {
        Size { upload_mb: 40, import_mb: 8, rows: 20_000, readers: 40, sign_ins: (20, 1) }
    }
}

/// A figure of `/proc/PID/status` in MB.
fn held(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
}

/// What a process and all that it started hold together, in MB: of memory that several share, each its part.
fn together(pid: u32) -> u64 {
    let mut all = vec![pid];
    let mut at = 0;
    while let Some(pid) = all.get(at) {
        // Each thread has its own.
        for thread in std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let children = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            all.extend(children.split_whitespace().filter_map(|c| c.parse::<u32>().ok()));
        }
        at += 1;
    }
    let share = |pid: &u32| {
        let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let line = rollup.lines().find_map(|l| l.strip_prefix("Pss:"))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    assert!(all.len() > 5, "PostgreSQL is among what the server started: {all:?}");
    all.iter().filter_map(share).sum::<u64>() / 1024
}

/// Sends a body that is far too long, and stops when the server has answered or hung up.
async fn upload(address: SocketAddr, key: &str, megabytes: u64) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {PATIENTS} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        megabytes << 20
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let block = vec![b' '; 1 << 20];
    for _ in 0..megabytes {
        if stream.write_all(&block).await.is_err() {
            break;
        }
    }
    let mut answer = [0; 64];
    let got = timeout(Duration::from_mins(1), stream.read(&mut answer)).await;
    got.map_or_else(|_| String::new(), |n| String::from_utf8_lossy(&answer[..n.unwrap_or(0)]).into_owned())
}

/// Patients in FHIR, one a line, until the file is so long.
fn write_patients(file: &Path, megabytes: u64) -> u64 {
    let mut out = BufWriter::new(File::create(file).unwrap());
    let (mut written, mut n) = (0, 0_u64);
    while written < megabytes << 20 {
        let line = json!({"resourceType": "Patient", "id": format!("m{n}"), "gender": "unknown",
            "name": [{"family": format!("Memory {n}"), "given": ["Ana"]}],
            "text": {"status": "generated", "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{}</div>", "x".repeat(4000))}});
        let line = format!("{line}\n");
        written += line.len() as u64;
        out.write_all(line.as_bytes()).unwrap();
        n += 1;
    }
    out.flush().unwrap();
    n
}

/// Runs a command of the program; the most memory it held, in MB, looked at while it runs.
fn peak(place: &Installation, arguments: &[&str]) -> u64 {
    let mut command = place.command(arguments);
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut most = 0;
    loop {
        if let Ok(text) = std::fs::read_to_string(format!("/proc/{}/status", process.id()))
            && text.contains("VmHWM:")
        {
            most = most.max(held(process.id()));
        }
        if let Some(ended) = process.try_wait().unwrap() {
            assert!(ended.success(), "{arguments:?}");
            return most;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Patients made in the database itself, which is far quicker; what is sealed in them is absent.
async fn many_rows(place: &Installation, rows: i64) {
    let admin = place.admin().await;
    let sql = "SET session_replication_role = replica";
    admin.batch_execute(sql).await.unwrap();
    let sql = "INSERT INTO medical.patients (tenant_id, id, pseudonym, sex, name_absence) \
               SELECT t.id, gen_random_uuid(), 'P-' || upper(lpad(to_hex(n), 8, '0')), 'UNK', 'UNKNOWN' FROM kernel.tenants t, generate_series(1, $1::bigint) n \
               WHERE t.slug = 'storm'";
    admin.execute(sql, &[&rows]).await.unwrap();
}

/// Readers that ask for much and do not read.
async fn readers(place: &Installation, readers: usize) -> Vec<TcpStream> {
    let mut slow = Vec::new();
    for _ in 0..readers {
        let mut stream = TcpStream::connect(place.address).await.unwrap();
        let ask = format!(
            "GET {PATIENTS}?limit=200 HTTP/1.1\r\nHost: {0}\r\nAuthorization: Bearer {1}\r\n\r\n",
            place.address, place.key
        );
        stream.write_all(ask.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    slow
}

/// Sign-ins, evenly over the time; the account does not exist, which costs the same. How many were answered.
async fn sign_ins(address: SocketAddr, (each, seconds): (u64, u64)) -> u64 {
    let began = Instant::now();
    let mut asked = JoinSet::new();
    for n in 0..each * seconds {
        sleep_until(began + Duration::from_millis(n * 1000 / each)).await;
        let caller = Caller::new(address, "");
        let email = format!("nobody{n}@users.example");
        let body = json!({"organization": "storm", "email": email, "password": "no such password here"});
        asked.spawn(async move { caller.post("/api/auth/token", &format!("m-{n}"), body.to_string()).await });
    }
    let mut answered = 0;
    while let Some(told) = asked.join_next().await {
        let status = told.unwrap().map(|(status, _)| status);
        assert!(matches!(status, Ok(401 | 429 | 503)), "{status:?}");
        answered += 1;
    }
    assert_eq!(answered, each * seconds);
    answered
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute; `script/chaos memory` runs it at full size"]
async fn what_needs_much_memory_is_streamed_refused_or_waits() {
    let _turn = super::turn().await;
    salus_store::runtime::allow_open_files();
    let size = size();
    let place = tokio::task::block_in_place(Installation::new);
    let server = place.server_id();
    let caller = Caller::new(place.address, &place.key);

    sleep(Duration::from_secs(2)).await;
    let rest = together(server);
    eprintln!("server and PostgreSQL at rest: {rest} MB");
    assert!(rest <= MOST_AT_REST, "server and PostgreSQL hold {rest} MB at rest");

    let answer = upload(place.address, &place.key, size.upload_mb).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413"), "{answer}");
    eprintln!("a body of {} MB: {} MB", size.upload_mb, held(server));

    let file = place.home.join("patients.ndjson");
    let written = write_patients(&file, size.import_mb);
    let imported =
        tokio::task::block_in_place(|| peak(&place, &["import", "fhir", "--tenant", "storm", file.to_str().unwrap()]));
    eprintln!("an import of {written} patients, {} MB: {imported} MB", size.import_mb);
    assert!(imported <= MOST_IN_PASSING, "the import held {imported} MB");

    many_rows(&place, size.rows).await;
    let out = place.home.join("out");
    let exported = tokio::task::block_in_place(|| {
        peak(&place, &["export", "fhir", "--tenant", "storm", "--out", out.to_str().unwrap()])
    });
    eprintln!("an export of {} rows: {exported} MB", size.rows);
    assert!(exported <= MOST_IN_PASSING, "the export held {exported} MB");

    let slow = readers(&place, size.readers).await;
    let answered = sign_ins(place.address, size.sign_ins).await;
    let (status, told) = caller.get(PATIENTS).await.unwrap();
    assert_eq!(status, 200, "{told}");
    sleep(Duration::from_millis(200)).await;
    drop(slow);
    let most = held(server);
    eprintln!("{} slow readers and {answered} sign-ins: the server held {most} MB at most", size.readers);
    assert!(most <= MOST, "the server held {most} MB");
    place.stop();
}
