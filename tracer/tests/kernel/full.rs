//! A recording on a disk that fills up: it has an end that says what is missing, and what is shown beside it goes on.

use std::{
    fs,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    isolated::isolated,
    recording::{happen, text, tracer},
    store::disk,
    support::{Namespace, Trace},
};

/// What the disk holds, bytes: much less than is recorded in a second.
const SIZE: u64 = 64 << 10;

/// What a replay prints of the recording on the disk, which must be whole as far as it goes.
fn replay(path: &str) -> Vec<Value> {
    let replay = tracer(&["watch", "-r", path, "--format", "json"]);
    let said = String::from_utf8_lossy(&replay.stderr);
    assert_eq!((replay.status.code(), said.lines().count()), (Some(4), 1), "{said}");
    assert!(said.contains("missing") && !said.contains("damaged") && !said.contains("without an end"), "{said}");
    String::from_utf8(replay.stdout)
        .expect("text")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// That the last summary has the account of the whole run, and a gap the records that there was no room for.
fn says_what_is_missing(objects: &[Value]) {
    let summary = objects.last().expect("a summary");
    assert_eq!(summary["account"]["closes"], true, "{summary:#}");
    let gaps: Vec<_> = objects.iter().filter(|object| object["type"] == "gap").collect();
    let [gap] = &gaps[..] else { panic!("{gaps:?}") };
    assert!(gap["lost"].as_u64() > Some(1000), "{gap}");
}

#[test]
fn a_recording_for_which_there_is_no_room_ends_and_says_what_is_missing() {
    isolated!();
    let namespace = Namespace::enter();
    let disk = disk(SIZE);
    let path = disk.path().join("run.trec");
    let mut trace = Trace::record(&namespace, &["-w", text(&path)]);
    while trace.child.try_wait().expect("own child").is_none() {
        happen(20);
    }
    assert_eq!(trace.finish().code(), Some(1));
    let said: Vec<_> = trace.said.iter().filter(|line| line.contains("No space left on device")).collect();
    assert!(said.len() == 1 && said[0].contains("make room"), "{:#?}", trace.said);
    says_what_is_missing(&replay(text(&path)));
}

#[test]
fn what_is_shown_goes_on_without_its_recording() {
    isolated!();
    let namespace = Namespace::enter();
    let (disk, directory) = (disk(SIZE), tempfile::tempdir().expect("a directory"));
    let (path, printed) = (disk.path().join("run.trec"), directory.path().join("run.json"));
    let mut trace = namespace.trace(&["-w", text(&path), "-o", text(&printed)]);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        happen(20);
    }
    assert_eq!(trace.stop().code(), Some(1));
    let said: Vec<_> = trace.said.iter().filter(|line| line.contains("No space left on device")).collect();
    assert!(said.len() == 1 && said[0].contains("the recording has ended, tracer goes on"), "{said:?}");
    let printed = fs::read_to_string(&printed).expect("what was printed");
    let shown: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let seconds = |objects: &[Value]| {
        let stamps = objects.iter().filter(|it| it["type"] == "transition").filter_map(|it| it["ts"].as_str());
        stamps.map(|ts| ts[..19].to_owned()).max()
    };
    assert!(shown.last().is_some_and(|it| it["type"] == "summary" && it["final"] == true));
    let replayed = replay(text(&path));
    assert!(seconds(&shown) > seconds(&replayed), "it was shown for longer than it was recorded");
    says_what_is_missing(&replayed);
}
