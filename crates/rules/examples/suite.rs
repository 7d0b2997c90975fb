//! Scores a CDSi table while one works on the engine: `cargo run -p salus-rules --example suite -- DIR CSV underlying|healthy [ID]`.
//! With an id it shows what the engine made of that case.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool of the engine's own developers")]

use salus_rules::{conformance::cdsi, immunization::read};

fn main() {
    let mut args = std::env::args().skip(1);
    let (folder, cases) = (args.next().unwrap(), args.next().unwrap());
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "xml") {
            files.push((path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()));
        }
    }
    let schedule = read::schedule(files.iter().map(|(n, b)| (n.as_str(), b.as_slice()))).unwrap();
    let underlying = args.next().is_some_and(|a| a == "underlying");
    let cases = std::fs::read(cases).unwrap();
    if let Some(id) = args.next() {
        return println!("{}", cdsi::explain(&schedule, &cases, &id).unwrap());
    }
    let score = cdsi::score(&schedule, &cases, underlying).unwrap();
    for f in &score.failed {
        println!("{} {}: expected {} got {}", f.id, f.column, f.expected, f.got);
    }
    println!("{} of {}", score.passed, score.total);
}
