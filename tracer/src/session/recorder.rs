//! What a live run adds for its recording: the writer beside the pipeline, and what is said of it.

use std::{
    hash::{BuildHasher as _, RandomState},
    path::PathBuf,
};

use super::progress::Progress;
use crate::{
    config::Destination,
    event::{ClockPair, Event, MonotonicNs},
    filter::Criteria,
    observation::Start,
    output::numbers::{bytes, counted, duration, grouped},
    recording::{End, Run, Store, StoreError, Writer},
    sandbox::Rotation,
};

/// How often a person is told how it goes, nanoseconds.
const REPORT_NS: u64 = 1_000_000_000;

/// A recording that is being written.
pub(super) struct Recorder {
    writer: Writer,
    path: PathBuf,
    began: MonotonicNs,
    /// What happened so far, without what is only read or found out.
    events: u64,
    progress: Option<Progress>,
    reported: (MonotonicNs, u64),
}

impl Recorder {
    /// Makes the first segment. With `progress` it is said every second how it goes.
    pub(super) fn begin(
        destination: Destination,
        start: &Start,
        criteria: &Criteria,
        progress: Option<Progress>,
    ) -> Result<Self, StoreError> {
        let Destination { path, limits, owner } = destination;
        let start = Start { filters: criteria.typed.clone(), ..start.clone() };
        let began = start.clock.monotonic;
        let store = Store::open(&path, limits, owner, start.clock)?;
        let id = RandomState::new().hash_one(start.clock.realtime_ns);
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let writer = Writer::begin(store, Run { id, version, start, criteria: criteria.clone() })?;
        Ok(Self { writer, path, began, events: 0, progress, reported: (began, 0) })
    }

    /// Takes in what was there when the run started.
    pub(super) fn meet(&mut self, event: &Event) {
        self.writer.meet(event);
    }

    /// Takes in an event of the stream.
    pub(super) fn take(&mut self, event: &Event) {
        self.events += u64::from(event.is_of_socket());
        self.writer.take(event);
    }

    /// Writes what is due. Fails once.
    pub(super) fn tick(&mut self, now: ClockPair) -> Result<(), StoreError> {
        let ticked = self.writer.tick(now);
        self.go_on(ticked, ())
    }

    /// Whether it came to an end before its time.
    pub(super) fn has_stopped(&self) -> bool {
        self.writer.has_stopped()
    }

    /// What the sandbox must leave it, if it goes on making and removing segments.
    pub(super) fn rotation(&self) -> Option<Rotation<'_>> {
        self.writer.store().rotation()
    }

    /// Begins the next segment; false if there can be only one.
    pub(super) fn rotate(&mut self, now: ClockPair) -> Result<bool, StoreError> {
        let rotated = self.writer.rotate(now);
        self.go_on(rotated, true)
    }

    /// A segment that cannot be begun is no reason to end the one that there is.
    fn go_on<T>(&mut self, done: Result<T, StoreError>, otherwise: T) -> Result<T, StoreError> {
        match done {
            Err(error) if !self.writer.has_stopped() => {
                self.make_room();
                super::say(&format!("the recording goes on in the segment that there is: {error}"));
                Ok(otherwise)
            }
            done => done,
        }
    }

    /// Whether it is time to say how it goes.
    pub(super) fn is_report_due(&self, now: MonotonicNs) -> bool {
        self.progress.is_some() && now.since(self.reported.0) >= REPORT_NS
    }

    /// Says how it goes; so many records were lost.
    pub(super) fn report(&mut self, now: MonotonicNs, lost: u64) {
        let (then, before) = std::mem::replace(&mut self.reported, (now, self.events));
        let rate = (self.events - before) as f64 * 1e9 / now.since(then).max(1) as f64;
        let line = format!(
            "{}  {}  {}/s  {}  {} lost  segment {}",
            duration(now.since(self.began)),
            counted(self.events, "event"),
            grouped(rate as u64),
            bytes(self.writer.written()),
            grouped(lost),
            self.segments()
        );
        self.progress.iter_mut().for_each(|progress| progress.show(&line));
    }

    /// Makes room for words on standard error.
    pub(super) fn make_room(&mut self) {
        self.progress.iter_mut().for_each(Progress::clear);
    }

    /// Writes the rest and the end. Returns what there is to say of it, unless it was said why it came to an end before.
    pub(super) fn finish(mut self, end: &End, now: ClockPair) -> Result<Option<String>, StoreError> {
        self.make_room();
        if self.has_stopped() {
            // It is complete but for what is known to be missing, or it ends with the last frame that there was room for.
            let _ = self.writer.finish(end, now);
            return Ok(None);
        }
        let (events, segments) = (counted(self.events, "event"), counted(self.segments(), "segment"));
        let written = bytes(self.writer.finish(end, now)?);
        let path = self.path.display();
        Ok(Some(format!("{events} in {segments}, {written}, {path}; replay: tracer watch -r {path}")))
    }

    fn segments(&self) -> u64 {
        u64::from(self.writer.store().segment()) + 1
    }
}
