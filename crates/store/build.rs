//! The files below `db/` are part of this crate: a new one must make it be built again.

fn main() {
    println!("cargo::rerun-if-changed=../../db");
}
