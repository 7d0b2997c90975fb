//! Reviewed texts: a test compares what it computed with a file that a person accepted. Accepting is a command of its
//! own (`cargo run -p salus-testkit --bin accept-snapshots`), so that no run of the tests changes what they demand.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

/// Compares a text with an accepted file.
///
/// # Panics
/// With the difference and the command that accepts it, when they are not the same.
pub fn assert_accepted(file: &Path, text: &str) {
    assert_accepted_in(&pending_dir(), file, text);
}

fn assert_accepted_in(dir: &Path, file: &Path, text: &str) {
    let accepted = fs::read_to_string(file).unwrap_or_default();
    let pending = dir.join(name_of(file));
    if accepted == text {
        fs::remove_file(&pending).ok();
        return;
    }
    let kept = pending.parent().is_some_and(|dir| fs::create_dir_all(dir).is_ok())
        && fs::write(&pending, format!("{}\n{text}", file.display())).is_ok();
    let how = if kept {
        "read it; to accept: cargo run -p salus-testkit --bin accept-snapshots"
    } else {
        "and it could not be kept for acceptance"
    };
    panic!("{} is not what was accepted; {how}\n{}", file.display(), difference(&accepted, text));
}

/// Lines that went and came.
fn difference(before: &str, after: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let gone = old.iter().filter(|l| !new.contains(l)).map(|l| format!("- {l}\n"));
    let come = new.iter().filter(|l| !old.contains(l)).map(|l| format!("+ {l}\n"));
    let told: String = gone.chain(come).collect();
    if told.is_empty() { "the same lines in another order or number".into() } else { told }
}

/// Takes every pending text over into its file. Returns the files and what changed in each. A folder of build products
/// may have been copied from another checkout with what waits in it: only files of this one are written.
///
/// # Errors
/// Those of reading and writing files; a text that waits for a file of another checkout.
pub fn accept_pending() -> std::io::Result<Vec<(PathBuf, String)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."));
    accept_pending_in(&pending_dir(), root)
}

fn accept_pending_in(dir: &Path, root: &Path) -> std::io::Result<Vec<(PathBuf, String)>> {
    let mut taken = Vec::new();
    if !dir.exists() {
        return Ok(taken);
    }
    for entry in fs::read_dir(dir)? {
        let pending = entry?.path();
        let held = fs::read_to_string(&pending)?;
        let Some((file, text)) = held.split_once('\n') else { continue };
        if !Path::new(file).starts_with(root) {
            let why = format!("{} waits for {file}, which is not of this checkout: delete it", pending.display());
            return Err(std::io::Error::other(why));
        }
        let before = fs::read_to_string(file).unwrap_or_default();
        fs::write(file, text)?;
        fs::remove_file(&pending)?;
        taken.push((PathBuf::from(file), difference(&before, text)));
    }
    Ok(taken)
}

fn name_of(file: &Path) -> String {
    let mut hash = DefaultHasher::new();
    file.hash(&mut hash);
    format!("{:016x}", hash.finish())
}

/// Beside the build's own products: tests lie in `<target>/<profile>/deps`, programs in `<target>/<profile>`.
fn pending_dir() -> PathBuf {
    let me = std::env::current_exe().unwrap_or_default();
    let profile = me.parent().map(|dir| if dir.ends_with("deps") { dir.parent().unwrap_or(dir) } else { dir });
    profile.and_then(Path::parent).unwrap_or(Path::new(".")).join("pending-snapshots")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails here has found its bug")]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_refused_until_it_is_accepted() {
        // A folder of its own: taking over what waits in the real one is nobody's but a person's.
        let dir = std::env::temp_dir().join(format!("salus-pending-{}", std::process::id()));
        let file = std::env::temp_dir().join(format!("salus-snapshot-{}", std::process::id()));
        fs::write(&file, "one\ntwo\n").unwrap();
        assert_accepted_in(&dir, &file, "one\ntwo\n");
        let refused = std::panic::catch_unwind(|| assert_accepted_in(&dir, &file, "one\nthree\n")).unwrap_err();
        let told = refused.downcast_ref::<String>().unwrap();
        assert!(told.contains("- two\n+ three\n") && told.contains("accept-snapshots"), "{told}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "one\ntwo\n", "a test changes no file");
        let refused = accept_pending_in(&dir, Path::new("/another/checkout")).unwrap_err();
        assert!(refused.to_string().contains("not of this checkout"), "{refused}");
        let taken = accept_pending_in(&dir, &std::env::temp_dir()).unwrap();
        assert!(taken.iter().any(|(path, told)| *path == file && told.contains("+ three")));
        assert_accepted_in(&dir, &file, "one\nthree\n");
        fs::remove_file(&file).unwrap();
        fs::remove_dir_all(&dir).unwrap();
    }
}
