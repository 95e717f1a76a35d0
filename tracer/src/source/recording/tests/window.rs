//! Only what was asked for is read.

use std::{num::NonZeroU64, path::Path};

use super::{CLOCK, Damage, Moment, Read, ReadError, Reading, SECOND, clock, end, read, run};
use crate::{
    event::{ClockPair, Event, ExistingSocket, SocketCookie, TcpState, Transition},
    recording::{Limits, Store, Writer},
    samples::{at, transition},
};

/// A change each tenth of a second for ten seconds, in frames of a second, in segments of three.
fn recorded(directory: &Path) -> Vec<Event> {
    let store = Store::open(directory, Limits::default(), None, CLOCK).expect("a store");
    let mut writer = Writer::begin(store, run(1)).expect("a head");
    let change = |tenth: u64| {
        let change = transition(TcpState::Close, TcpState::SynSent);
        Event::Transition(Transition { time: at(tenth * SECOND / 10), ..change })
    };
    let events: Vec<_> = (0..100).map(change).collect();
    for (second, events) in (1..).zip(events.chunks(10)) {
        events.iter().for_each(|event| writer.take(event));
        writer.tick(clock(second * SECOND)).expect("written");
        if second % 3 == 0 {
            writer.rotate(clock(second * SECOND)).expect("rotated");
        }
    }
    writer.finish(&end(), clock(10 * SECOND)).expect("ended");
    events
}

fn wall(ns: u64) -> Moment {
    Moment::At(CLOCK.realtime_ns_of(at(ns)))
}

/// What was recorded, and what is read of it.
fn window(since: Option<Moment>, until: Option<Moment>) -> (Vec<Event>, Read) {
    let directory = tempfile::tempdir().expect("a directory");
    let events = recorded(directory.path());
    let what = Reading { paths: vec![directory.path().to_owned()], since, until, ..Reading::default() };
    (events, read(&what).expect("a recording"))
}

#[test]
fn both_ends_belong_to_it() {
    let (events, read) = window(Some(wall(4_250_000_000)), Some(wall(6_500_000_000)));
    assert_eq!(read.recorded(), events[43..=65]);
    assert_eq!((read.ends, read.damage), (vec![None], Damage::default()));
    let from = at(4_250_000_000);
    assert_eq!(read.runs[0].start.clock, ClockPair { monotonic: from, realtime_ns: CLOCK.realtime_ns_of(from) });
}

#[test]
fn a_span_before_the_end_is_found_by_the_end() {
    let (events, read) = window(Some(Moment::BeforeEnd(SECOND)), None);
    assert_eq!(read.recorded(), events[90..]);
    let (events, read) = window(None, Some(Moment::BeforeEnd(9 * SECOND)));
    assert_eq!(read.recorded(), events[..=10]);
}

/// A second in ten events, in the middle of which the wall clock was set by so much; then another second.
fn set_by(hours: i64) -> (tempfile::TempDir, Vec<Event>) {
    let directory = tempfile::tempdir().expect("a directory");
    let set = ClockPair { realtime_ns: CLOCK.realtime_ns + hours * 3600 * SECOND.cast_signed(), ..CLOCK };
    let mut events: Vec<_> = (0..20).map(|tenth| Event::Until(at(tenth * SECOND / 10))).collect();
    events.insert(5, Event::Clock(set));
    let store = Store::open(directory.path(), Limits::default(), None, CLOCK).expect("a store");
    let mut writer = Writer::begin(store, run(1)).expect("a head");
    for (number, event) in (0..).zip(&events) {
        writer.take(event);
        if number % 10 == 9 {
            writer.tick(clock(number / 10 * SECOND + SECOND)).expect("written");
        }
    }
    writer.finish(&end(), clock(3 * SECOND)).expect("ended");
    (directory, events)
}

#[test]
fn what_comes_after_the_clock_was_set_is_judged_by_it() {
    let hour = 3600 * SECOND.cast_signed();
    let later = |ns: u64| Moment::At(CLOCK.realtime_ns_of(at(ns)) + hour);
    for (hours, since, until, wanted) in [
        // The first frame begins an hour before what is wanted, and ends in it.
        (1, Some(later(500_000_000)), None, 5..20),
        (1, None, Some(wall(60 * SECOND)), 0..5),
        // It lies in what is wanted, as its head has it.
        (-1, Some(wall(0)), None, 0..5),
        (0, Some(wall(0)), None, 0..20),
    ] {
        let (directory, events) = set_by(hours);
        let paths = vec![directory.path().to_owned()];
        let read = read(&Reading { paths, since, until, ..Reading::default() }).expect("a recording");
        let moments: Vec<_> = events.into_iter().filter(|event| matches!(event, Event::Until(_))).collect();
        assert_eq!(read.recorded(), moments[wanted.clone()], "{hours} {wanted:?}");
        assert_eq!(read.ends, [(wanted == (0..20)).then(end)]);
    }
}

#[test]
fn nothing_may_be_in_it() {
    let (_, read) = window(Some(wall(60 * SECOND)), None);
    assert_eq!((read.recorded(), read.runs.len(), read.ends), (Vec::new(), 1, vec![None]));
}

#[test]
fn the_whole_is_the_whole() {
    let (events, read) = window(Some(wall(0)), Some(wall(60 * SECOND)));
    assert_eq!((read.recorded(), read.ends), (events, vec![Some(end())]));
    assert_eq!(read.runs[0].start.clock, CLOCK);
}

#[test]
fn a_time_of_day_is_the_last_one_before_the_end() {
    // 14:03:07.12 UTC at the start, 14:03:17.12 at the end.
    let of_day = |hour: u32, minute: u32, second: u32| Some(Moment::TimeOfDay((hour * 60 + minute) * 60 + second));
    let (events, read) = window(of_day(14, 3, 10), of_day(14, 3, 12));
    assert_eq!(read.recorded(), events[29..=48]);
    let (events, read) = window(of_day(14, 4, 0), None);
    assert_eq!(read.recorded(), events, "yesterday's");
}

#[test]
fn the_end_is_found_though_a_segment_was_just_begun() {
    let directory = tempfile::tempdir().expect("a directory");
    let events = recorded(directory.path());
    let store = Store::open(directory.path(), Limits::default(), None, clock(60 * SECOND)).expect("a store");
    let _writer = Writer::begin(store, run(2)).expect("a head");
    let since = Some(Moment::BeforeEnd(SECOND));
    let what = Reading { paths: vec![directory.path().to_owned()], since, ..Reading::default() };
    assert_eq!(read(&what).expect("a recording").recorded(), events[90..]);
}

#[test]
fn moments_that_turn_out_to_be_in_the_wrong_order_are_told_so() {
    let directory = tempfile::tempdir().expect("a directory");
    recorded(directory.path());
    let paths = vec![directory.path().to_owned()];
    let (since, until) = (Some(wall(2 * SECOND)), Some(Moment::BeforeEnd(9 * SECOND)));
    let backward = Reading { paths, since, until, ..Reading::default() };
    assert!(matches!(read(&backward), Err(ReadError::BackwardSpan)));
}

#[test]
fn an_end_that_was_not_asked_for_is_not_missed() {
    let directory = tempfile::tempdir().expect("a directory");
    recorded(directory.path());
    let last = super::segments(directory.path()).pop().expect("four segments");
    std::fs::remove_file(last).expect("removed");
    let paths = vec![directory.path().to_owned()];
    let part = |until| read(&Reading { paths: paths.clone(), until, ..Reading::default() }).expect("a recording");
    assert_eq!(part(Some(wall(4 * SECOND))).damage, Damage::default());
    assert_eq!(part(None).damage, Damage { unended: 1, ..Damage::default() });
}

#[test]
fn counters_are_not_told_without_what_they_counted() {
    let directory = tempfile::tempdir().expect("a directory");
    let moments: Vec<_> = (0..40).map(|second| Event::Until(at(second * SECOND))).collect();
    let met = super::existing();
    super::write(directory.path(), 1, &met, &moments, &[]);
    let paths = vec![directory.path().to_owned()];
    let part = Reading { paths, since: Some(wall(25 * SECOND)), ..Reading::default() };
    let existing = read(&part).expect("a recording").existing;
    assert!(!existing.is_empty() && existing.iter().all(|event| matches!(event, Event::Existing(_))));
    assert!(met.iter().any(|event| matches!(event, Event::Namespace(_))));
}

#[test]
fn sockets_of_which_changes_were_left_out_are_not_told_of_but_listeners_are() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("run.trec");
    let store = Store::open(&path, Limits::default(), None, CLOCK).expect("a store");
    let mut writer = Writer::begin(store, run(1)).expect("a head");
    let socket = |state, cookie| {
        let Some(Event::Existing(socket)) = super::existing().into_iter().find(|it| matches!(it, Event::Existing(_)))
        else {
            panic!("a socket")
        };
        Event::Existing(ExistingSocket { state, cookie: SocketCookie(cookie), ..socket })
    };
    let (listener, other) = (socket(TcpState::Listen, NonZeroU64::MIN), socket(TcpState::CloseWait, NonZeroU64::MAX));
    writer.meet(&listener);
    writer.meet(&other);
    for second in 1..=3 {
        let change = transition(TcpState::Close, TcpState::SynSent);
        writer.take(&Event::Transition(Transition { time: at(second * SECOND - 1), ..change }));
        writer.tick(clock(second * SECOND)).expect("written");
    }
    writer.finish(&end(), clock(4 * SECOND)).expect("ended");
    let read_since = |since| read(&Reading { paths: vec![path.clone()], since, ..Reading::default() }).expect("read");
    assert_eq!(read_since(None).existing, [listener.clone(), other]);
    assert_eq!(read_since(Some(wall(2_500_000_000))).existing, [listener]);
}
