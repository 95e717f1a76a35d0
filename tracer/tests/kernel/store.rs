//! What a full disk costs: a small one of the test's own.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    process::Command,
};

use rustix::thread::UnshareFlags;
use tempfile::TempDir;
use tracer::{
    event::{ClockPair, MonotonicNs},
    recording::{Limits, MAGIC, Store},
};

use crate::isolated::isolated;

/// What the disks hold, bytes, and in how many files and directories.
const SIZE: u64 = 256 << 10;
const FILES: usize = 8;
const FRAMES: [u8; 10_000] = [7; 10_000];

/// A small disk, which only this thread sees and which goes with it.
pub(crate) fn disk(size: u64) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    // SAFETY: only this thread's mounts change.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) }.expect("a mount namespace");
    let mount = |args: &[&str]| Command::new("mount").args(args).status().is_ok_and(|status| status.success());
    assert!(mount(&["--make-rprivate", "/"]), "private mounts");
    let options = format!("size={size},nr_inodes={FILES}");
    let path = directory.path().to_str().expect("text");
    assert!(mount(&["-t", "tmpfs", "-o", &options, "tmpfs", path]), "a small disk");
    directory
}

fn at(seconds: i64) -> ClockPair {
    ClockPair { monotonic: MonotonicNs(0), realtime_ns: seconds * 1_000_000_000 }
}

fn open(path: &Path, limits: Limits) -> Store {
    let mut store = Store::open(path, limits, None, at(0)).expect("a store");
    store.append(&MAGIC).expect("room");
    store
}

fn sizes(directory: &Path) -> Vec<u64> {
    let files = fs::read_dir(directory).expect("the directory");
    files.map(|file| file.expect("a file").metadata().expect("a file").len()).collect()
}

#[test]
fn on_a_full_disk_all_before_can_be_read() {
    isolated!();
    let disk = disk(SIZE);
    let path = disk.path().join("incident.trec");
    let mut store = open(&path, Limits::default());
    let error = loop {
        if let Err(error) = store.append(&FRAMES) {
            break error;
        }
    };
    let sentence = "writing 10000 bytes to DISK/incident.trec failed: No space left on device (os error 28); all that was \
                    written before can be read; make room, or record to another disk with -w.";
    assert_eq!(error.to_string().replace(disk.path().to_str().expect("text"), "DISK"), sentence);
    let content = fs::read(&path).expect("the file");
    assert_eq!(content.len() as u64, store.written());
    assert_eq!(content.len() % FRAMES.len(), MAGIC.len());
    assert!(content.starts_with(&MAGIC) && content[MAGIC.len()..].iter().all(|byte| *byte == FRAMES[0]));
    store.append(&[7; 10]).expect("there is room for less");
}

#[test]
fn on_a_full_disk_the_oldest_segments_make_room() {
    isolated!();
    let disk = disk(SIZE);
    let mut others = File::create(disk.path().join("others")).expect("a file");
    others.write_all(&[0; 50_000]).expect("room");
    let limits = Limits { segment_bytes: Some(60_000), keep_bytes: Some(100 * SIZE), ..Limits::default() };
    let mut store = open(disk.path(), limits);
    for second in 0..200 {
        store.append(&FRAMES).expect("room is made");
        if store.is_due(at(second)) {
            assert!(store.rotate(at(second)).expect("room is made"));
            store.append(&MAGIC).expect("room is made");
        }
    }
    let mut sizes = sizes(disk.path());
    sizes.retain(|size| *size != 50_000);
    assert!(sizes.len() >= 2 && sizes.iter().all(|size| size % 10_000 == 8), "{sizes:?}");
    assert_eq!(others.metadata().expect("it").len(), 50_000, "somebody else's");
}

#[test]
fn where_no_more_files_can_be_made_the_oldest_segments_make_room() {
    isolated!();
    let disk = disk(SIZE);
    let mut store = open(disk.path(), Limits { keep_bytes: Some(SIZE), ..Limits::default() });
    for second in 1..50 {
        assert!(store.rotate(at(second)).expect("room is made"));
        store.append(&MAGIC).expect("room");
    }
    assert_eq!(sizes(disk.path()), [8; FILES - 1], "the disk's own directory counts, too");
}
