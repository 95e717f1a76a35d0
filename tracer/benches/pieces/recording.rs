//! Events into a recording, and out of it.

use std::io::Cursor;

use divan::{Bencher, black_box, counter::ItemsCount};
use tracer::{
    recording::{Limits, Run, Store, SyncPolicy, Writer},
    source::recording::Recording,
};

use crate::incident::INCIDENT;

/// Rows, compression, and a file in the page cache.
#[divan::bench]
fn record_events(bencher: Bencher<'_, '_>) {
    let Run { id, version, start, criteria } = &*INCIDENT.run;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("recording");
    let begin = || {
        // There is none the first time.
        let _ = std::fs::remove_file(&path);
        let limits = Limits { sync: SyncPolicy::Never, ..Limits::default() };
        let store = Store::open(&path, limits, None, start.clock).expect("a file");
        let run = Run { id: *id, version: version.clone(), start: start.clone(), criteria: criteria.clone() };
        Writer::begin(store, run).expect("a recording")
    };
    bencher.counter(ItemsCount::new(INCIDENT.events.len())).with_inputs(begin).bench_local_refs(|writer| {
        INCIDENT.events.iter().for_each(|event| writer.take(event));
        writer.tick(start.clock).expect("room on the disk");
    });
}

/// The same out of memory.
#[divan::bench]
fn replay_events(bencher: Bencher<'_, '_>) {
    let bytes = INCIDENT.bytes;
    bencher.counter(ItemsCount::new(INCIDENT.events.len())).bench_local(|| {
        let mut recording = Recording::stream(Cursor::new(bytes)).expect("a recording");
        let mut events = Vec::new();
        while recording.next(&mut events).expect("readable").is_some() {
            black_box(&events);
            events.clear();
        }
    });
}
