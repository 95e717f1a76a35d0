//! What is true of the files, one sentence a test. What takes root is in `tests/kernel/store.rs` and `sandbox.rs`.

mod append;
mod open;
mod property;
mod retention;
mod rotation;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use tempfile::TempDir;

use super::{Limits, Store};
use crate::{
    event::{ClockPair, MonotonicNs},
    recording::MAGIC,
};

const SECOND_NS: u64 = 1_000_000_000;
/// 2026-11-21 14:03:00 UTC.
const BEGINNING_NS: i64 = 1_795_269_780_000_000_000;
/// Set in a process of its own, to a directory.
const INSIDE: &str = "TRACER_TEST_DIRECTORY";

/// Both clocks, so many seconds after the beginning.
fn at(seconds: u64) -> ClockPair {
    let passed_ns = seconds * SECOND_NS;
    ClockPair { monotonic: MonotonicNs(passed_ns), realtime_ns: BEGINNING_NS.saturating_add_unsigned(passed_ns) }
}

fn temporary() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

/// Begins a run whose first segment can be told to be ours.
fn open(path: &Path, limits: Limits) -> Store {
    let mut store = Store::open(path, limits, None, at(0)).expect("a store");
    store.append(&MAGIC).expect("room");
    store
}

/// The next segment, begun as it is in earnest.
fn rotate(store: &mut Store, at: ClockPair) {
    assert!(store.rotate(at).expect("it rotates"));
    store.append(&MAGIC).expect("room");
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("the directory");
    let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("text");
    let mut names: Vec<_> = entries.map(|entry| name(entry.expect("an entry"))).collect();
    names.sort();
    names
}

/// The directory to test in, in a process of its own that began with these words of the shell; `None` outside, afterwards.
fn inside(words: &str) -> Option<PathBuf> {
    if let Some(directory) = std::env::var_os(INSIDE) {
        return Some(directory.into());
    }
    let current = thread::current();
    let test = current.name().expect("a test's thread has its name");
    let directory = temporary();
    let mut again = Command::new("sh");
    again.args(["-c", &format!("{words}; exec \"$0\" \"$@\"")]).arg(std::env::current_exe().expect("this program"));
    let output = again.args(["--exact", test, "--nocapture"]).env(INSIDE, directory.path()).output().expect("sh");
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    assert!(output.status.success() && said[0].contains("1 passed"), "{words}: {}", said.concat());
    None
}
