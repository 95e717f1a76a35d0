//! Segments, runs, and what is still being written.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
};

use super::{
    CLOCK, Damage, Files, Reading, Recording, SECOND, Step, clock, count, end, existing, read, read_path, run,
};
use super::{segments, some_events, write};
use crate::{
    event::Event,
    recording::{Limits, Store, Writer},
    samples::at,
};

/// A run of 120 events in four segments of thirty.
fn rotated() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    write(directory.path(), 1, &[], &some_events(), &[3, 6, 9]);
    assert_eq!(segments(directory.path()).len(), 4);
    directory
}

#[test]
fn segments_are_one_run_whatever_they_are_called() {
    let directory = rotated();
    let mut paths = segments(directory.path());
    for (number, path) in paths.iter_mut().rev().enumerate() {
        let renamed = directory.path().join(format!("{number}.trec"));
        fs::rename(&*path, &renamed).expect("renamed");
        *path = renamed;
    }
    for paths in [vec![directory.path().to_owned()], paths] {
        let read = read(&Reading { paths, ..Reading::default() }).expect("a recording");
        assert_eq!(read.recorded(), some_events());
        assert_eq!((read.runs.len(), read.ends, read.damage), (1, vec![Some(end())], Damage::default()));
    }
}

#[test]
fn a_file_is_read_once_by_whatever_names() {
    let directory = rotated();
    let first = segments(directory.path())[0].clone();
    let (link, other) = (directory.path().join("link.trec"), directory.path().join("other"));
    std::os::unix::fs::symlink(&first, &link).expect("a link");
    fs::hard_link(&first, &other).expect("another name");
    let paths = vec![other, first, directory.path().to_owned(), link, directory.path().join(".")];
    let read = read(&Reading { paths, ..Reading::default() }).expect("a recording");
    assert_eq!((read.recorded(), read.ends, read.damage), (some_events(), vec![Some(end())], Damage::default()));
}

#[test]
fn a_segment_that_is_missing_is_counted() {
    let directory = rotated();
    fs::remove_file(&segments(directory.path())[1]).expect("removed");
    let read = read_path(directory.path()).expect("a recording");
    let all = some_events();
    assert_eq!(read.recorded(), [&all[..30], &all[60..]].concat());
    assert_eq!(read.damage, Damage { records: count(&all[30..60]), ..Damage::default() });
}

#[test]
fn the_oldest_segments_may_be_gone() {
    let directory = rotated();
    fs::remove_file(&segments(directory.path())[0]).expect("removed");
    let read = read_path(directory.path()).expect("a recording");
    assert_eq!(read.recorded(), some_events()[30..]);
    assert_eq!(read.damage, Damage::default());
    assert_eq!(read.ends, [None], "the account is that of the whole run");
}

#[test]
fn a_run_that_lost_its_beginning_and_its_end_has_no_end() {
    let directory = rotated();
    let segments = segments(directory.path());
    fs::remove_file(&segments[0]).expect("removed");
    fs::remove_file(&segments[3]).expect("removed");
    let read = read_path(directory.path()).expect("a recording");
    assert_eq!(read.recorded(), some_events()[30..90]);
    assert_eq!(read.damage, Damage { unended: 1, ..Damage::default() });
}

#[test]
fn a_run_whose_oldest_segments_are_gone_starts_with_the_first_that_is_there() {
    let directory = tempfile::tempdir().expect("a directory");
    let moments: Vec<_> = (0..120).map(|second| Event::Until(at(second * SECOND))).collect();
    write(directory.path(), 1, &existing(), &moments, &[3, 6]);
    fs::remove_file(&segments(directory.path())[0]).expect("removed");
    let read = read_path(directory.path()).expect("a recording");
    assert_eq!(read.runs[0].start.clock.monotonic, at(29 * SECOND), "what was told last before the segment began");
}

#[test]
fn a_segment_that_vanishes_while_others_are_read_costs_itself() {
    let directory = rotated();
    let what = Reading { paths: vec![directory.path().to_owned()], ..Reading::default() };
    let mut recording = Recording::open(&what).expect("a recording");
    fs::remove_file(&segments(directory.path())[1]).expect("removed");
    while next(&mut recording).is_some() {}
    let damage = Damage { places: 1, records: count(&some_events()[30..60]), ..Damage::default() };
    assert_eq!(recording.damage(), damage);
}

#[test]
fn segments_in_the_wrong_order_in_one_stream_yield_no_wrong_records() {
    let directory = rotated();
    let [first, second, third, fourth] = &segments(directory.path())[..] else { panic!("four segments") };
    let bytes = [first, third, second, fourth].map(|path| fs::read(path).expect("a segment")).concat();
    let path = directory.path().join("all");
    fs::write(&path, bytes).expect("written");
    let read = read_path(&path).expect("a recording");
    let events = some_events();
    assert_eq!(read.recorded(), [&events[..30], &events[60..]].concat());
    assert_eq!(read.damage.records, count(&events[30..60]));
    assert!(read.damage.places > 0);
}

#[test]
fn runs_in_one_directory_are_read_one_after_the_other() {
    let directory = rotated();
    write(directory.path(), 7, &[], &some_events()[..20], &[]);
    let read = read_path(directory.path()).expect("recordings");
    assert_eq!(read.runs.iter().map(|run| run.id).collect::<Vec<_>>(), [1, 7]);
    assert_eq!((read.ends, read.damage), (vec![Some(end()), Some(end())], Damage::default()));
}

#[test]
fn whose_sockets_are_is_told_again_at_the_head_of_each_segment() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = Store::open(directory.path(), Limits::default(), None, CLOCK).expect("a store");
    let mut writer = Writer::begin(store, run(1)).expect("a head");
    existing().iter().for_each(|event| writer.meet(event));
    writer.rotate(clock(SECOND)).expect("rotated");
    writer.finish(&end(), clock(2 * SECOND)).expect("ended");
    assert_eq!(read_path(directory.path()).expect("a recording").existing, existing());
    fs::remove_file(&segments(directory.path())[0]).expect("removed");
    let sockets = |mut events: Vec<Event>| {
        events.retain(|event| matches!(event, Event::Existing(_)));
        events
    };
    let later = sockets(read_path(directory.path()).expect("a recording").existing);
    assert!(!later.is_empty() && later.iter().all(|event| existing().contains(event)));
}

#[test]
fn where_no_segment_can_be_begun_it_goes_on_in_the_one_that_there_is() {
    let directory = tempfile::tempdir().expect("a directory");
    let limits = Limits { segment_bytes: Some(1), ..Limits::default() };
    let store = Store::open(directory.path(), limits, None, CLOCK).expect("a store");
    let mut writer = Writer::begin(store, run(1)).expect("a head");
    let first = segments(directory.path()).pop().expect("a segment");
    // Somebody has the name that the next one would have in this second.
    let next = first.to_str().expect("text").replace("-000000.", "-000001.");
    fs::write(&next, "").expect("written");
    let events = some_events();
    writer.take(&events[0]);
    writer.tick(clock(0)).expect_err("the name is taken");
    assert!(!writer.has_stopped());
    writer.rotate(clock(0)).expect_err("it still is");
    writer.take(&events[1]);
    writer.tick(clock(SECOND)).expect("said once");
    assert_eq!(writer.store().segment(), 0, "it is not tried all the time");
    writer.tick(clock(61 * SECOND)).expect("another second, another name");
    assert_eq!(writer.store().segment(), 1);
    writer.take(&events[2]);
    writer.finish(&end(), clock(62 * SECOND)).expect("ended");
    fs::remove_file(next).expect("removed");
    let read = read_path(directory.path()).expect("a recording");
    assert_eq!((read.recorded(), read.damage), (events[..3].to_vec(), Damage::default()));
}

/// What one call brings.
fn next(recording: &mut Recording) -> Option<Step> {
    recording.next(&mut Vec::new()).expect("readable")
}

#[test]
fn a_recording_is_followed_across_frames_and_segments() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = Store::open(directory.path(), Limits::default(), None, CLOCK).expect("a store");
    let mut writer = Writer::begin(store, run(1)).expect("a head");
    let what = Reading { paths: vec![directory.path().to_owned()], follow: true, ..Reading::default() };
    let mut recording = Recording::open(&what).expect("a recording");
    assert_eq!(next(&mut recording), Some(Step::Wait));
    let events = some_events();
    writer.take(&events[0]);
    assert_eq!(next(&mut recording), Some(Step::Wait));
    writer.tick(clock(SECOND)).expect("written");
    assert!(matches!(next(&mut recording), Some(Step::Run(_))));
    assert_eq!(next(&mut recording), Some(Step::Events));
    assert_eq!(next(&mut recording), Some(Step::Wait));
    writer.rotate(clock(2 * SECOND)).expect("rotated");
    writer.take(&events[1]);
    writer.tick(clock(3 * SECOND)).expect("written");
    assert_eq!(next(&mut recording), Some(Step::Events));
    assert_eq!(next(&mut recording), Some(Step::Wait));
    writer.finish(&end(), clock(4 * SECOND)).expect("ended");
    assert!(matches!(next(&mut recording), Some(Step::End(Some(_)))));
    assert_eq!(next(&mut recording), None);
    assert_eq!(recording.damage(), Damage::default());
}

#[test]
fn who_follows_looks_only_at_what_is_new() {
    let directory = rotated();
    let segments = segments(directory.path());
    let what = Reading { paths: vec![directory.path().to_owned()], follow: true, ..Reading::default() };
    let (mut files, found) = Files::find(&what).expect("a directory");
    assert_eq!(found.len(), 4);
    // Whoever looked at it again would refuse it.
    fs::write(&segments[0], "something else").expect("written");
    fs::remove_file(&segments[1]).expect("removed");
    let begun = directory.path().join("begun.trec");
    fs::write(&begun, "").expect("written");
    assert!(files.more().is_empty());
    fs::copy(&segments[2], &begun).expect("written");
    fs::write(directory.path().join("foreign.trec"), "something else").expect("written");
    let more: Vec<_> = files.more().into_iter().map(|segment| segment.path).collect();
    assert_eq!(more, [begun]);
    let refusal = files.refusal().expect("a foreign file").to_string();
    assert!(refusal.contains("foreign.trec is not a recording") && files.refusal().is_none());
    assert!(files.more().is_empty() && files.refusal().is_none());
}

#[test]
fn what_is_written_while_the_next_segment_is_found_is_read_before_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let spare = tempfile::tempdir().expect("a directory");
    write(spare.path(), 1, &[], &some_events(), &[6]);
    let [first, second] = &segments(spare.path())[..] else { panic!("two segments") };
    let bytes = fs::read(first).expect("a segment");
    let path = directory.path().join("first.trec");
    fs::write(&path, &bytes[..bytes.len() / 2]).expect("written");
    let what = Reading { paths: vec![directory.path().to_owned()], follow: true, ..Reading::default() };
    let mut recording = Recording::open(&what).expect("a recording");
    while next(&mut recording) != Some(Step::Wait) {}
    // At the end of the first, as it was, the second is found.
    fs::copy(second, directory.path().join("second.trec")).expect("written");
    assert!(recording.look_for_more().is_continue());
    fs::write(&path, &bytes).expect("written");
    while next(&mut recording).is_some() {}
    assert_eq!(recording.damage(), Damage::default());
}

#[test]
fn a_segment_that_is_removed_while_it_is_followed_gives_way_to_the_next() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = Store::open(directory.path(), Limits::default(), None, CLOCK).expect("a store");
    let mut writer = Writer::begin(store, run(1)).expect("a head");
    writer.take(&Event::Until(at(0)));
    writer.tick(clock(SECOND)).expect("written");
    let what = Reading { paths: vec![directory.path().to_owned()], follow: true, ..Reading::default() };
    let mut recording = Recording::open(&what).expect("a recording");
    assert!(matches!(next(&mut recording), Some(Step::Run(_))));
    assert_eq!(next(&mut recording), Some(Step::Events));
    writer.rotate(clock(2 * SECOND)).expect("rotated");
    fs::remove_file(&segments(directory.path())[0]).expect("removed");
    writer.take(&Event::Until(at(SECOND)));
    writer.tick(clock(3 * SECOND)).expect("written");
    assert_eq!(next(&mut recording), Some(Step::Events));
    writer.finish(&end(), clock(4 * SECOND)).expect("ended");
    assert!(matches!(next(&mut recording), Some(Step::End(Some(_)))));
}

#[test]
fn a_frame_that_is_half_written_is_waited_for() {
    let directory = tempfile::tempdir().expect("a directory");
    let whole = directory.path().join("whole.trec");
    write(&whole, 1, &[], &some_events(), &[]);
    let bytes = fs::read(&whole).expect("a recording");
    let path = directory.path().join("growing.trec");
    fs::write(&path, &bytes[..1]).expect("written");
    let mut file = OpenOptions::new().append(true).open(&path).expect("the file");
    let what = Reading { paths: vec![path], follow: true, ..Reading::default() };
    let mut recording = Recording::open(&what).expect("a prefix");
    let mut events = Vec::new();
    for more in bytes[1..].chunks(7) {
        file.write_all(more).expect("written");
        loop {
            let mut some = Vec::new();
            match recording.next(&mut some).expect("readable") {
                Some(Step::Wait) | None => break,
                Some(Step::Events) => events.append(&mut some),
                Some(_) => {}
            }
        }
    }
    assert_eq!(events, some_events());
    assert_eq!(recording.damage(), Damage::default());
}
