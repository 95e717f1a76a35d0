use std::{fs, time::Duration};

use super::{BEGINNING_NS, Limits, SECOND_NS, Store, at, names, open, rotate, temporary};
use crate::event::{ClockPair, MonotonicNs};

#[test]
fn a_segment_ends_when_it_is_large() {
    let directory = temporary();
    let mut store = open(directory.path(), Limits { segment_bytes: Some(20), ..Limits::default() });
    store.append(&[0; 11]).expect("room");
    assert!(!store.is_due(at(1_000_000)));
    store.append(&[0]).expect("room");
    assert!(store.is_due(at(0)));
    rotate(&mut store, at(61));
    assert!(!store.is_due(at(61)));
    assert_eq!((store.segment(), store.written()), (1, 28));
    store.finish().expect("an end");
    let names = names(directory.path());
    assert!(names[0].starts_with("tracer-20261121T140300Z-") && names[0].ends_with("-000000.trec"), "{names:?}");
    assert!(names[1].starts_with("tracer-20261121T140401Z-") && names[1].ends_with("-000001.trec"), "{names:?}");
    let bytes: Vec<_> = names.iter().map(|name| fs::read(directory.path().join(name)).expect("it").len()).collect();
    assert_eq!(bytes, [20, 8]);
}

#[test]
fn a_segment_ends_when_it_is_old_whatever_the_wall_clock_does() {
    let directory = temporary();
    let mut store = open(directory.path(), Limits { segment_time: Some(Duration::from_secs(60)), ..Limits::default() });
    let stepped = |seconds: u64, realtime_ns| ClockPair { monotonic: MonotonicNs(seconds * SECOND_NS), realtime_ns };
    for realtime_ns in [0, i64::MIN, i64::MAX, BEGINNING_NS + 3_600_000_000_000] {
        assert!(!store.is_due(stepped(59, realtime_ns)));
        assert!(store.is_due(stepped(60, realtime_ns)));
    }
    rotate(&mut store, stepped(60, 0));
    assert!(!store.is_due(stepped(60, BEGINNING_NS)) && !store.is_due(stepped(119, i64::MAX)));
    rotate(&mut store, stepped(120, i64::MAX));
    let names = names(directory.path());
    assert!(names[0].starts_with("tracer-19700101T000000Z-") && names[2].starts_with("tracer-22620411T"), "{names:?}");
}

#[test]
fn an_empty_segment_is_never_due() {
    let directory = temporary();
    let limits = Limits { segment_bytes: Some(0), segment_time: Some(Duration::ZERO), ..Limits::default() };
    let store = Store::open(directory.path(), limits, None, at(0)).expect("a store");
    assert!(!store.is_due(at(1)));
}

#[test]
fn what_is_kept_limits_a_segment_too() {
    let directory = temporary();
    let limits = Limits { keep_bytes: Some(40), keep_time: Some(Duration::from_secs(10)), ..Limits::default() };
    let mut store = open(directory.path(), limits);
    assert!(!store.is_due(at(4)) && store.is_due(at(5)));
    store.append(&[0; 12]).expect("room");
    assert!(store.is_due(at(0)));
}

#[test]
fn one_file_does_not_rotate() {
    let directory = temporary();
    let mut store = open(&directory.path().join("incident.trec"), Limits::default());
    assert!(!store.is_due(at(1_000_000_000)));
    assert!(!store.rotate(at(1)).expect("nothing happens"));
    store.append(b"frame").expect("it goes on");
    assert_eq!((store.segment(), store.written()), (0, 13));
    assert_eq!(names(directory.path()), ["incident.trec"]);
}

#[test]
fn without_limits_a_directory_rotates_when_told_to_and_keeps_all() {
    let directory = temporary();
    let mut store = open(directory.path(), Limits::default());
    (1..100).for_each(|second| rotate(&mut store, at(second)));
    assert!(!store.is_due(at(1_000_000)));
    assert_eq!(names(directory.path()).len(), 100);
}

#[test]
fn a_directory_that_is_moved_is_still_the_same() {
    let parent = temporary();
    let (before, after) = (parent.path().join("before/"), parent.path().join("after"));
    let mut store = open(&before, Limits::default());
    fs::rename(&before, &after).expect("it moves");
    fs::create_dir(&before).expect("another in its place");
    rotate(&mut store, at(1));
    assert_eq!((names(&before).len(), names(&after).len()), (0, 2));
}

#[test]
fn the_current_segment_does_not_outgrow_the_limit_of_all() {
    let directory = temporary();
    let mut store = open(directory.path(), Limits { keep_bytes: Some(1000), ..Limits::default() });
    let next = directory.path().join(names(directory.path())[0].replace("-000000.", "-000001."));
    fs::write(&next, "").expect("somebody has the name");
    store.rotate(at(0)).expect_err("the name is taken");
    store.append(&[0; 900]).expect("room");
    let error = store.append(&[0; 100]).expect_err("no room").to_string();
    let sentence = "cannot keep the segments in DIR within 1000 bytes: the current one is as large, because the next could \
                    not be begun; all that was written before can be read; make the directory writable, or choose another \
                    one with -w.";
    assert_eq!(error.replace(&*directory.path().to_string_lossy(), "DIR"), sentence);
    fs::remove_file(next).expect("removed");
    rotate(&mut store, at(1));
    store.append(&[0; 100]).expect("room again");
}
