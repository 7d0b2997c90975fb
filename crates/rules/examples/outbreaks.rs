//! Scores the reference alarms while one works on an algorithm: `cargo run -p salus-rules --example outbreaks -- DIR`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool of the engine's own developers")]

use salus_rules::conformance::outbreak;

fn main() {
    let folder = std::env::args().nth(1).unwrap();
    let read = |name: &str| std::fs::read(format!("{folder}/{name}")).unwrap();
    let scores = [
        outbreak::ears(&read("ears_reference.csv")),
        outbreak::cusum_rki(&read("cusum_rki_reference.csv"), Some(&read("labelled_series.csv"))),
        outbreak::farrington(&read("farrington_reference.csv"), &[]),
    ];
    for score in scores {
        let score = score.unwrap();
        for f in score.failed.iter().take(20) {
            println!("{} {}: expected {} got {}", f.id, f.column, f.expected, f.got);
        }
        println!("{:?}", score.notes);
        println!("{}: {} of {}", score.suite, score.passed, score.total);
    }
}
