//! What was written is read, and what was damaged is missed by name.

mod damage;
mod order;
mod window;

use std::{
    fmt::Debug,
    fs,
    path::{Path, PathBuf},
};

use proptest::{
    collection::vec,
    strategy::{Strategy, ValueTree as _},
    test_runner::TestRunner,
};

use super::{Damage, Moment, ReadError, Reading, Recording, Step, files::Files, window::time_of};
use crate::{
    account::Account,
    event::{ClockPair, Event, MonotonicNs},
    filter::Criteria,
    recording::{End, Limits, Run, Store, Writer, samples},
    samples::{CLOCK, start},
};

const SECOND: u64 = 1_000_000_000;

fn run(id: u64) -> Run {
    Run { id, version: "0.1.0".to_owned(), start: start(), criteria: Criteria::default() }
}

fn end() -> End {
    let mut account = Account { decoded: 7, ..Account::default() };
    account.states.first.handled = 9;
    account.timer_expiries.second.missed = 3;
    account.matrix[0x72] = 9;
    End { at: MonotonicNs(9 * SECOND), account }
}

fn clock(ns: u64) -> ClockPair {
    let monotonic = MonotonicNs(CLOCK.monotonic.0 + ns);
    ClockPair { monotonic, realtime_ns: CLOCK.realtime_ns_of(monotonic) }
}

/// The same random events each time, 120 of them.
fn some_events() -> Vec<Event> {
    let mut all = random(samples::event(), 400);
    all.retain(|event| !is_added(event));
    all.truncate(120);
    all
}

/// The same random sockets and namespaces each time.
fn existing() -> Vec<Event> {
    random(samples::met(), 20)
}

fn random<T: Debug>(strategy: impl Strategy<Value = T>, count: usize) -> Vec<T> {
    let mut runner = TestRunner::deterministic();
    vec(strategy, count).new_tree(&mut runner).expect("events").current()
}

/// Events of sockets, as the frames count them.
fn count(events: &[Event]) -> u64 {
    events.iter().filter(|event| event.is_of_socket()).count() as u64
}

/// Writes frames of ten events, one a second, and after each of these numbers of frames begins a segment.
fn write(path: &Path, id: u64, met: &[Event], events: &[Event], segments_at: &[usize]) {
    let store = Store::open(path, Limits::default(), None, CLOCK).expect("a store");
    let mut writer = Writer::begin(store, run(id)).expect("a head");
    met.iter().for_each(|event| writer.meet(event));
    for (frame, events) in (1..).zip(events.chunks(10)) {
        events.iter().for_each(|event| writer.take(event));
        writer.tick(clock(frame as u64 * SECOND)).expect("written");
        if segments_at.contains(&frame) {
            writer.rotate(clock(frame as u64 * SECOND)).expect("rotated");
        }
    }
    writer.finish(&end(), clock(99 * SECOND)).expect("ended");
}

/// Writes each event into a frame of its own.
fn write_each(path: &Path, met: &[Event], events: &[Event]) {
    let store = Store::open(path, Limits::default(), None, CLOCK).expect("a store");
    let mut run = run(1);
    run.start.features[0].name = "existing_sockets".into();
    let mut writer = Writer::begin(store, run).expect("a head");
    met.iter().for_each(|event| writer.meet(event));
    for (second, event) in (1..).zip(events) {
        writer.take(event);
        writer.tick(clock(second * SECOND)).expect("written");
    }
    writer.finish(&end(), clock(99 * SECOND)).expect("ended");
}

/// All that is read.
#[derive(Debug, Default, PartialEq)]
struct Read {
    runs: Vec<Run>,
    existing: Vec<Event>,
    events: Vec<Event>,
    ends: Vec<Option<End>>,
    damage: Damage,
    /// Why files, or the rest of them, could not be read.
    refused: Vec<String>,
}

impl Read {
    /// Events without what reading adds: gaps, clocks after them, and the paths of cgroups that each frame tells again.
    fn recorded(&self) -> Vec<Event> {
        self.events.iter().filter(|event| !is_added(event)).cloned().collect()
    }
}

fn is_added(event: &Event) -> bool {
    matches!(event, Event::Gap(_) | Event::Clock(_) | Event::Cgroup { .. })
}

fn read(what: &Reading) -> Result<Read, ReadError> {
    let mut recording = Recording::open(what)?;
    let mut read = Read::default();
    let mut events = Vec::new();
    loop {
        match recording.next(&mut events) {
            Ok(Some(Step::Run(run))) => read.runs.push(*run),
            Ok(Some(Step::Existing)) => read.existing.append(&mut events),
            Ok(Some(Step::Events)) => read.events.append(&mut events),
            Ok(Some(Step::End(end))) => read.ends.push(end.map(|end| *end)),
            Ok(Some(Step::Wait)) => panic!("nobody writes"),
            Ok(None) => break,
            Err(refusal) => read.refused.push(refusal.to_string()),
        }
    }
    read.damage = recording.damage();
    Ok(read)
}

fn read_path(path: &Path) -> Result<Read, ReadError> {
    read(&Reading { paths: vec![path.to_owned()], ..Reading::default() })
}

/// The segments in a directory, in order.
fn segments(directory: &Path) -> Vec<PathBuf> {
    let mut all: Vec<_> =
        fs::read_dir(directory).expect("a directory").map(|it| it.expect("an entry").path()).collect();
    all.sort();
    all
}

#[test]
fn a_run_is_read_as_it_was() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("run.trec");
    write(&path, 1, &existing(), &some_events(), &[]);
    let read = read_path(&path).expect("a recording");
    assert_eq!(read.runs, [run(1)]);
    assert_eq!(read.existing, existing());
    assert_eq!(read.recorded(), some_events());
    assert_eq!(read.ends, [Some(end())]);
    assert_eq!(read.damage, Damage::default());
}
