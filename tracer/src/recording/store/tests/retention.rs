use std::{
    fs::{self, File},
    os::unix::fs::symlink,
    path::Path,
    time::{Duration, SystemTime},
};

use super::{BEGINNING_NS, Limits, Store, at, names, open, rotate, temporary};
use crate::recording::{MAGIC, StoreError};

/// A segment of an earlier run.
fn earlier(directory: &Path, day: u32, bytes: usize) -> String {
    let name = format!("tracer-202601{day:02}T000000Z-0000abcd-000000.trec");
    let mut content = MAGIC.to_vec();
    content.resize(bytes, 0);
    fs::write(directory.join(&name), content).expect("a file");
    name
}

fn keep_bytes(bytes: u64) -> Limits {
    Limits { keep_bytes: Some(bytes), ..Limits::default() }
}

#[test]
fn the_oldest_go_of_earlier_runs_too() {
    let directory = temporary();
    let segments: Vec<_> = (1..=10).map(|day| earlier(directory.path(), day, 100)).collect();
    let limits = Limits { segment_bytes: Some(200), ..keep_bytes(1000) };
    let mut store = open(directory.path(), limits);
    let left = names(directory.path());
    assert_eq!(left[..8], segments[2..], "room for the current one");
    store.append(&[0; 192]).expect("room");
    rotate(&mut store, at(1));
    let left = names(directory.path());
    assert_eq!(left[..6], segments[4..], "and for the next");
    assert_eq!(left.len(), 8);
}

#[test]
fn a_segment_that_grows_too_large_takes_the_place_of_others() {
    let directory = temporary();
    let segments: Vec<_> = (1..=5).map(|day| earlier(directory.path(), day, 100)).collect();
    let mut store = open(directory.path(), Limits { segment_bytes: Some(100), ..keep_bytes(600) });
    store.append(&[0; 292]).expect("room");
    assert_eq!(names(directory.path())[..3], segments[2..]);
    store.append(&[0; 1]).expect("room");
    assert_eq!(names(directory.path())[..2], segments[3..]);
    store.append(&[0; 1000]).expect("the current one is never removed");
    assert_eq!(names(directory.path()).len(), 1);
}

#[test]
fn the_old_go() {
    let directory = temporary();
    let now = SystemTime::UNIX_EPOCH + Duration::from_nanos(BEGINNING_NS.unsigned_abs());
    let ages = [3, 30, 10, 11, 9];
    let segments: Vec<_> = (1..=5).map(|day| earlier(directory.path(), day, 100)).collect();
    for (name, age) in segments.iter().zip(ages) {
        let file = File::options().append(true).open(directory.path().join(name)).expect("the file");
        file.set_modified(now - Duration::from_secs(age)).expect("its time");
    }
    let mut store = open(directory.path(), Limits { keep_time: Some(Duration::from_secs(10)), ..Limits::default() });
    let left = names(directory.path());
    assert_eq!(left[..3], [&segments[0], &segments[2], &segments[4]].map(Clone::clone), "{left:?}");
    rotate(&mut store, at(5));
    let left = names(directory.path());
    assert_eq!(left[0], segments[0]);
    assert_eq!(left.len(), 3, "{left:?}");
}

#[test]
fn somebody_else_s_files_are_never_touched() {
    let directory = temporary();
    let path = |name: &str| directory.path().join(name);
    let ours = earlier(directory.path(), 1, 100);
    let content = [&MAGIC[..], &[0; 100]].concat();
    for name in ["notes", "tracer.trec", "tracer-20260102T000000Z-0000abcd-000000.trec.bak"] {
        fs::write(path(name), &content).expect("a file");
    }
    fs::write(path("tracer-20260103T000000Z-0000abcd-000000.trec"), b"not a recording").expect("a file");
    fs::write(path("tracer-20260104T000000Z-0000abcd-000000.trec"), &MAGIC[..7]).expect("a file");
    symlink(path("notes"), path("tracer-20260105T000000Z-0000abcd-000000.trec")).expect("a link");
    symlink(path(&ours), path("tracer-20260106T000000Z-0000abcd-000000.trec")).expect("a link");
    fs::create_dir(path("tracer-20260107T000000Z-0000abcd-000000.trec")).expect("a directory");
    let pipe = path("tracer-20260108T000000Z-0000abcd-000000.trec");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a pipe");
    let before = names(directory.path());
    let mut store = open(directory.path(), Limits { keep_time: Some(Duration::ZERO), ..keep_bytes(16) });
    rotate(&mut store, at(1));
    rotate(&mut store, at(2));
    let after = names(directory.path());
    assert!(!after.contains(&ours));
    assert!(before.iter().filter(|name| **name != ours).all(|name| after.contains(name)), "{after:?}");
}

#[test]
fn two_runs_leave_each_other_s_current_segment_alone() {
    let directory = temporary();
    let limits = Limits { segment_bytes: Some(50), ..keep_bytes(300) };
    let (mut one, mut other) = (open(directory.path(), limits), open(directory.path(), limits));
    other.append(b"still being written").expect("room");
    for second in 1..50 {
        one.append(&[0; 42]).expect("room");
        rotate(&mut one, at(second));
    }
    other.append(b", and now").expect("it is still there");
    let others = |name: &String| {
        let content = fs::read(directory.path().join(name)).expect("a segment");
        content.ends_with(b"still being written, and now")
    };
    assert!(names(directory.path()).iter().any(others));
    rotate(&mut other, at(50));
    for second in 51..60 {
        one.append(&[0; 42]).expect("room");
        rotate(&mut one, at(second));
    }
    assert!(!names(directory.path()).iter().any(others), "what has ended goes in its turn");
}

#[test]
fn where_nothing_can_be_removed_the_segment_goes_on() {
    let directory = temporary();
    let mut other = open(directory.path(), Limits::default());
    let mut store = open(directory.path(), keep_bytes(100));
    other.append(&[0; 192]).expect("room");
    let sentence = "cannot keep the segments in DIR within 100 bytes: 200 are in segments that cannot be removed, because \
                    another run writes them or the system refuses; remove some by hand, or choose another directory with \
                    -w.";
    let error = store.rotate(at(1)).expect_err("no room").to_string();
    assert_eq!(error.replace(&*directory.path().to_string_lossy(), "DIR"), sentence);
    store.append(b"frame").expect("it goes on");
    assert_eq!((store.segment(), store.written()), (0, 13));
    let refused = Store::open(directory.path(), keep_bytes(100), None, at(2)).err();
    assert!(matches!(refused, Some(StoreError::NoRoom { bytes: 213, limit: 100, .. })), "{refused:?}");
    assert_eq!(names(directory.path()).len(), 2);
}

#[test]
fn what_others_remove_is_not_missed() {
    let directory = temporary();
    let mut store = open(directory.path(), keep_bytes(40));
    for second in 1..20 {
        rotate(&mut store, at(second));
        for name in names(directory.path()) {
            fs::remove_file(directory.path().join(name)).expect("it is there");
        }
    }
    store.append(b"frame").expect("room");
    assert_eq!(names(directory.path()), [""; 0]);
}
