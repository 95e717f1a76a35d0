//! Which part of a recording was asked for.

use std::collections::{HashMap, hash_map::Entry};

use jiff::{Timestamp, civil, tz::TimeZone};

use super::{Moment, ReadError, Reading, frames::Next, segments::Segment};
use crate::{
    event::{ClockPair, Event, MonotonicNs, Reset},
    recording::{FrameHead, FrameKind},
};

/// From when to when, nanoseconds since 1970-01-01 UTC, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    from: i64,
    to: i64,
}

impl Window {
    pub(super) const ALL: Self = Self { from: i64::MIN, to: i64::MAX };

    /// Resolves what was asked for. What is relative to the end needs the end to be looked for, by the heads of the last
    /// segment's frames.
    pub(super) fn new(what: &Reading, segments: &[Segment]) -> Result<Self, ReadError> {
        let mut known = None;
        let mut end = || match known {
            Some(end) => Ok(end),
            None => last_moment(segments).inspect(|end| known = Some(*end)),
        };
        let mut resolve = |moment: Option<Moment>| match moment {
            None => Ok(None),
            Some(Moment::At(ns)) => Ok(Some(ns)),
            Some(Moment::BeforeEnd(ns)) => end().map(|end| Some(end.saturating_sub_unsigned(ns))),
            Some(Moment::TimeOfDay(seconds)) => {
                let zone = what.zone.clone().unwrap_or(TimeZone::UTC);
                end().map(|end| last_time_of_day(seconds, end, &zone))
            }
        };
        let (from, to) = (resolve(what.since)?.unwrap_or(i64::MIN), resolve(what.until)?.unwrap_or(i64::MAX));
        if from > to { Err(ReadError::BackwardSpan) } else { Ok(Self { from, to }) }
    }

    /// Whether this moment is too early for it.
    pub(super) fn begins_after(&self, clock: ClockPair, time: MonotonicNs) -> bool {
        clock.realtime_ns_of(time) < self.from
    }

    /// Whether this moment is too late for it.
    pub(super) fn ends_before(&self, clock: ClockPair, time: MonotonicNs) -> bool {
        clock.realtime_ns_of(time) > self.to
    }

    /// Whether any of a frame's events may be in it by this clock.
    pub(super) fn overlaps(&self, head: &FrameHead, clock: ClockPair) -> bool {
        clock.realtime_ns_of(head.to) >= self.from && clock.realtime_ns_of(head.from) <= self.to
    }

    /// Whether all of a frame's events are in it, if the clock is not set among them.
    pub(super) fn holds_all_of(&self, head: &FrameHead) -> bool {
        head.clock.realtime_ns_of(head.from) >= self.from && head.clock.realtime_ns_of(head.to) <= self.to
    }

    /// Leaves what is in it, and what has no time; what is too early is shown to `early`. The clock may be set on the way.
    pub(super) fn clip(&self, mut clock: ClockPair, events: &mut Vec<Event>, mut early: impl FnMut(&Event)) {
        events.retain(|event| {
            if let Event::Clock(set) = event {
                clock = *set;
            }
            let Some(time) = time_of(event) else { return true };
            let is_early = self.begins_after(clock, time);
            if is_early {
                early(event);
            }
            !is_early && !self.ends_before(clock, time)
        });
    }

    /// For each run, the number of the frame from which on it must be read to know what is alive where the window begins:
    /// where all that was alive was told last before it.
    pub(super) fn checkpoints(&self, segments: &[Segment]) -> Result<HashMap<u64, u64>, ReadError> {
        let mut checkpoints = HashMap::new();
        for segment in segments.iter().rev().filter(|segment| segment.begins.is_some_and(|begins| begins < self.from)) {
            let Some((run, _)) = segment.first else { continue };
            if let Entry::Vacant(entry) = checkpoints.entry(run) {
                match self.checkpoint_in(segment, run) {
                    // Whoever keeps segments within limits removed it just now.
                    Err(error) if error.is_gone() => {}
                    checkpoint => drop(entry.insert(checkpoint?)),
                }
            }
        }
        Ok(checkpoints)
    }

    fn checkpoint_in(&self, segment: &Segment, run: u64) -> Result<u64, ReadError> {
        let failed = |source| segment.failed(source);
        let mut frames = segment.open()?;
        let (mut checkpoint, mut last) = (0, FrameKind::Events);
        loop {
            match frames.next().map_err(failed)? {
                Next::Frame(head) if head.run == run => {
                    let tells_all = last == FrameKind::Events && head.kind != FrameKind::Events;
                    if head.kind == FrameKind::Events && !self.begins_after(head.clock, head.to) {
                        return Ok(checkpoint);
                    }
                    if tells_all && head.kind != FrameKind::End {
                        checkpoint = head.sequence;
                    }
                    last = head.kind;
                    frames.skip(&head).map_err(failed)?;
                }
                Next::Damage(_) => {}
                Next::Frame(_) | Next::Partial(_) | Next::Newer(_) | Next::Silence | Next::End => {
                    return Ok(checkpoint);
                }
            }
        }
    }

    /// Where it begins by this clock, if that is later than `start`.
    pub(super) fn start(&self, clock: ClockPair, start: MonotonicNs) -> ClockPair {
        let by = self.from.saturating_sub(clock.realtime_ns);
        let monotonic = MonotonicNs(clock.monotonic.0.saturating_add_signed(by)).max(start);
        ClockPair { monotonic, realtime_ns: clock.realtime_ns_of(monotonic) }
    }
}

/// When it happened, if it says so itself.
pub(super) fn time_of(event: &Event) -> Option<MonotonicNs> {
    match event {
        Event::Transition(it) => Some(it.time),
        Event::Reset(Reset { socket, .. }) => Some(socket.time),
        Event::Timer(it) => Some(it.time),
        Event::Until(time) => Some(*time),
        Event::Namespace(reading) => Some(reading.from),
        Event::Gap(gap) => Some(gap.to),
        Event::SynAckRetransmitted(_) | Event::Clock(_) | Event::Cgroup { .. } | Event::Existing(_) => None,
    }
}

/// The last time that it was so many seconds past midnight there, not after `end`.
fn last_time_of_day(seconds: u32, end: i64, zone: &TimeZone) -> Option<i64> {
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let time = civil::time(hour as i8, minute as i8, second as i8, 0);
    let date = Timestamp::from_nanosecond(end.into()).ok()?.to_zoned(zone.clone()).date();
    let on = |date: civil::Date| {
        let moment = date.to_datetime(time).to_zoned(zone.clone()).ok()?;
        i64::try_from(moment.timestamp().as_nanosecond()).ok()
    };
    on(date).filter(|moment| *moment <= end).or_else(|| on(date.yesterday().ok()?))
}

/// The last moment that any segment tells of: the last of them may just have been begun.
fn last_moment(segments: &[Segment]) -> Result<i64, ReadError> {
    for segment in segments.iter().rev() {
        if segment.is_stream() {
            break;
        }
        if let Some(moment) = last_moment_of(segment)? {
            return Ok(moment);
        }
    }
    Err(ReadError::NoEnd)
}

fn last_moment_of(segment: &Segment) -> Result<Option<i64>, ReadError> {
    let failed = |source| segment.failed(source);
    let mut frames = segment.open()?;
    let mut moment = None;
    loop {
        match frames.next().map_err(failed)? {
            Next::Frame(head) => {
                if matches!(head.kind, FrameKind::Events | FrameKind::End) {
                    moment = Some(head.clock.realtime_ns_of(head.to));
                }
                frames.skip(&head).map_err(failed)?;
            }
            Next::Damage(_) => {}
            Next::Partial(_) => drop(frames.give_up()),
            Next::Newer(_) | Next::Silence | Next::End => return Ok(moment),
        }
    }
}
