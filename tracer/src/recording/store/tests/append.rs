use std::fs;

use super::{Limits, at, inside, open, rotate, temporary};
use crate::recording::SyncPolicy;

/// The limit of a file's size is given in blocks of 512 or 1,024 bytes, depending on the shell.
const SMALL_FILES: &str = "trap '' XFSZ; ulimit -f 8";

#[test]
fn what_fails_halfway_is_cut_off() {
    let Some(directory) = inside(SMALL_FILES) else { return };
    let path = directory.join("small.trec");
    let mut store = open(&path, Limits::default());
    let frames = [7; 1000];
    let error = loop {
        if let Err(error) = store.append(&frames) {
            break error;
        }
    };
    let sentence = "writing 1000 bytes to DIR/small.trec failed: File too large (os error 27); all that was written \
                    before can be read; raise the limit of a file's size (ulimit -f), or give -w a directory and smaller \
                    segments.";
    assert_eq!(error.to_string().replace(&*directory.to_string_lossy(), "DIR"), sentence);
    let whole = fs::metadata(&path).expect("the file").len();
    assert_eq!(whole, store.written());
    assert_eq!(whole % 1000, 8, "the first bytes and whole appends: {whole}");
    store.append(&[7; 10]).expect("there is room for less");
    assert_eq!(fs::metadata(&path).expect("the file").len(), whole + 10);
}

#[test]
fn a_new_segment_goes_on_where_the_last_was_too_large() {
    let Some(directory) = inside(SMALL_FILES) else { return };
    let mut store = open(&directory, Limits::default());
    while store.append(&[7; 1000]).is_ok() {}
    rotate(&mut store, at(1));
    store.append(&[7; 1000]).expect("room");
}

#[test]
fn data_is_forced_to_the_disk_as_asked() {
    for sync in [SyncPolicy::Never, SyncPolicy::Segment, SyncPolicy::Frame] {
        let directory = temporary();
        let mut store = open(directory.path(), Limits { sync, ..Limits::default() });
        rotate(&mut store, at(1));
        store.finish().expect("an end");
    }
}
