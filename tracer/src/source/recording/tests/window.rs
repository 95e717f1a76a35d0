//! Only what was asked for is read.

use std::{num::NonZeroU64, path::Path};

use super::{CLOCK, Damage, Moment, Read, ReadError, Reading, SECOND, clock, end, read, run};
use crate::{
    event::{ClockPair, Event, ExistingSocket, SockAddress, SocketCookie, TcpState, Timer, TimerStep, Transition},
    namespace::Counters,
    recording::{HEAD, Limits, MAGIC, Store, Writer},
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

/// What is told to exist at `since`.
fn alive(path: &Path, since: Option<Moment>) -> Vec<Event> {
    read(&Reading { paths: vec![path.to_owned()], since, ..Reading::default() }).expect("a recording").existing
}

#[test]
fn counters_are_not_told_without_what_they_counted() {
    let directory = tempfile::tempdir().expect("a directory");
    let moments: Vec<_> = (0..40).map(|second| Event::Until(at(second * SECOND))).collect();
    let met = super::existing();
    super::write(directory.path(), 1, &met, &moments, &[3]);
    let counters = |existing: Vec<Event>| {
        let of = |event| match event {
            Event::Namespace(reading) => reading.facts.ok().map(|facts| facts.counters),
            _ => None,
        };
        existing.into_iter().filter_map(of).collect::<Vec<_>>()
    };
    let whole = counters(alive(directory.path(), None));
    let settings_only = vec![Counters::default(); whole.len()];
    assert!(!whole.is_empty() && whole != settings_only);
    assert_eq!(counters(alive(directory.path(), Some(wall(25 * SECOND)))), settings_only);
    std::fs::remove_file(&super::segments(directory.path())[0]).expect("removed");
    assert_eq!(counters(alive(directory.path(), None)), settings_only);
}

fn cookie(number: u64) -> SocketCookie {
    SocketCookie(NonZeroU64::new(number).expect("a cookie"))
}

fn socket(number: u64, state: TcpState) -> ExistingSocket {
    let some = super::existing().into_iter().find_map(|event| match event {
        Event::Existing(socket) => Some(socket),
        _ => None,
    });
    ExistingSocket { state, cookie: cookie(number), ..some.expect("a socket") }
}

fn change(second: u64, number: u64, old: TcpState, new: TcpState) -> Event {
    Event::Transition(Transition { time: at(second * SECOND), cookie: Some(cookie(number)), ..transition(old, new) })
}

fn timer(second: u64, number: u64, step: TimerStep) -> Event {
    let any = super::some_events().into_iter().find_map(|event| match event {
        Event::Timer(timer) => Some(timer),
        _ => None,
    });
    let (time, cookie) = (at(second * SECOND), Some(cookie(number)));
    let sock = SockAddress(number);
    Event::Timer(Timer {
        time,
        cookie,
        sock,
        step,
        jiffies: 250 * second,
        expires: 250 * (second + 60),
        ..any.expect("a timer")
    })
}

/// A listener, two sockets that change later, a timewait socket; then eight seconds in which others come and go.
fn life() -> (Vec<Event>, Vec<Event>) {
    use TcpState::{Close, CloseWait, Established, FinWait1, FinWait2, LastAck, Listen, SynSent};
    let met = vec![
        Event::Existing(socket(9, Listen)),
        Event::Existing(socket(2, Established)),
        Event::Existing(socket(3, CloseWait)),
        timer(0, 21, TimerStep::Found),
    ];
    let stream = vec![
        change(1, 3, CloseWait, LastAck),
        change(2, 4, Close, SynSent),
        change(3, 3, LastAck, Close),
        change(3, 4, SynSent, Established),
        timer(4, 21, TimerStep::Expired),
        change(5, 2, Established, FinWait1),
        timer(5, 2, TimerStep::Started),
        change(5, 2, FinWait1, Close),
        change(6, 5, Close, SynSent),
        change(7, 5, SynSent, Close),
        change(8, 4, Established, FinWait2),
    ];
    (met, stream)
}

/// Cookies and states of those that exist, and addresses of the timewait sockets.
fn states(existing: &[Event]) -> (Vec<(u64, TcpState)>, Vec<u64>) {
    let sockets = existing.iter().filter_map(|event| match event {
        Event::Existing(socket) => Some((socket.cookie.0.get(), socket.state)),
        _ => None,
    });
    let time_waits = existing.iter().filter_map(|event| match event {
        Event::Timer(Timer { sock, step: TimerStep::Found, .. }) => Some(sock.0),
        _ => None,
    });
    (sockets.collect(), time_waits.collect())
}

#[test]
fn what_is_alive_at_a_moment_is_told_there() {
    use TcpState::{CloseWait, Established, LastAck, Listen, SynSent};
    let expected = [
        (0, vec![(9, Listen), (2, Established), (3, CloseWait)], vec![21]),
        (1, vec![(9, Listen), (2, Established), (3, LastAck)], vec![21]),
        (2, vec![(9, Listen), (2, Established), (3, LastAck), (4, SynSent)], vec![21]),
        (3, vec![(9, Listen), (2, Established), (4, Established)], vec![21]),
        (4, vec![(9, Listen), (2, Established), (4, Established)], vec![]),
        (5, vec![(9, Listen), (4, Established)], vec![2]),
        (6, vec![(9, Listen), (4, Established), (5, SynSent)], vec![2]),
        (7, vec![(9, Listen), (4, Established)], vec![2]),
    ];
    let (met, stream) = life();
    // Frames of one event each, of all; one segment, several, and one without the first.
    for (size, segments_at, gone) in [(1, vec![], 0), (20, vec![], 0), (2, vec![1, 3], 0), (2, vec![1, 3], 1)] {
        let directory = tempfile::tempdir().expect("a directory");
        let store = Store::open(directory.path(), Limits::default(), None, CLOCK).expect("a store");
        let mut writer = Writer::begin(store, run(1)).expect("a head");
        met.iter().for_each(|event| writer.meet(event));
        for (frame, events) in (1..).zip(stream.chunks(size)) {
            events.iter().for_each(|event| writer.take(event));
            writer.tick(clock(frame as u64 * SECOND)).expect("written");
            if segments_at.contains(&frame) {
                writer.rotate(clock(frame as u64 * SECOND)).expect("rotated");
            }
        }
        writer.finish(&end(), clock(99 * SECOND)).expect("ended");
        super::segments(directory.path())[..gone].iter().for_each(|path| std::fs::remove_file(path).expect("removed"));
        for (second, sockets, time_waits) in &expected[2 * gone..] {
            let since = wall(second * SECOND + SECOND / 2);
            let what = Reading { paths: vec![directory.path().to_owned()], since: Some(since), ..Reading::default() };
            let read = read(&what).expect("a recording");
            assert_eq!(
                states(&read.existing),
                (sockets.clone(), time_waits.clone()),
                "{second} {size} {segments_at:?}"
            );
            let later =
                stream.iter().filter(|event| super::time_of(event).is_some_and(|time| time > at(second * SECOND)));
            assert_eq!(read.recorded(), later.cloned().collect::<Vec<_>>(), "{second}");
            assert_eq!((read.ends, read.damage), (vec![None], Damage::default()));
        }
    }
}

#[test]
fn what_comes_before_a_checkpoint_is_not_read() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("run.trec");
    let store = Store::open(&path, Limits::default(), None, CLOCK).expect("a store");
    let mut writer = Writer::begin(store, run(1)).expect("a head");
    writer.meet(&Event::Existing(socket(9, TcpState::Listen)));
    let many = super::random(super::samples::transition(), 20_000);
    let mut second = 0;
    // Random events do not compress well, so that a checkpoint is due before long.
    let checkpoint = loop {
        second += 1;
        let time = at(second * SECOND);
        many.iter().for_each(|change| writer.take(&Event::Transition(Transition { time, cookie: None, ..*change })));
        writer.take(&change(second, 1_000 + second, TcpState::Close, TcpState::Listen));
        let before = writer.written();
        writer.tick(clock(second * SECOND)).expect("written");
        if before > 16 << 20 {
            break before;
        }
    };
    writer.take(&change(second + 1, 7, TcpState::Close, TcpState::Listen));
    writer.tick(clock((second + 1) * SECOND)).expect("written");
    writer.take(&change(second + 2, 8, TcpState::Close, TcpState::Listen));
    writer.finish(&end(), clock((second + 2) * SECOND)).expect("ended");
    let since = Some(wall((second + 1) * SECOND + 1));
    let whole = alive(&path, since);
    assert_eq!(whole.len() as u64, second + 2, "the first, one each second, and the last but one");
    // What lies between is not looked at, so nobody sees that it is damaged.
    let mut bytes = std::fs::read(&path).expect("the recording");
    let middle = checkpoint as usize / 2;
    bytes[middle..middle + 64].fill(0);
    std::fs::write(&path, &bytes).expect("written");
    let what = Reading { paths: vec![path.clone()], since, ..Reading::default() };
    let damaged = read(&what).expect("a recording");
    assert_eq!((damaged.existing, damaged.damage), (whole, Damage::default()));
    // A reader of all has no use for checkpoints.
    assert_eq!(alive(&path, None).len(), 1);
}

#[test]
fn of_what_was_alive_before_a_loss_only_listeners_are_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("run.trec");
    let (met, stream) = life();
    super::write_each(&path, &met, &stream);
    let mut bytes = std::fs::read(&path).expect("the recording");
    let frames: Vec<_> = memchr::memmem::find_iter(&bytes, &MAGIC).collect();
    // A head, what exists, and then an event a frame: the third.
    bytes[frames[4] + HEAD] ^= 1;
    std::fs::write(&path, bytes).expect("written");
    let what = Reading { paths: vec![path], since: Some(wall(4_500_000_000)), ..Reading::default() };
    let read = read(&what).expect("a recording");
    assert_eq!(states(&read.existing), (vec![(9, TcpState::Listen), (4, TcpState::Established)], vec![]));
    assert_eq!(read.damage.places, 1);
}

#[test]
fn all_that_exists_is_told_however_many_frames_it_takes() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("run.trec");
    let met: Vec<_> = (1..=70_000).map(|number| Event::Existing(socket_like(number))).collect();
    let (_, stream) = life();
    super::write_each(&path, &met, &stream);
    assert_eq!(alive(&path, None), met);
    let what = Reading { paths: vec![path], since: Some(wall(500_000_000)), ..Reading::default() };
    let read = read(&what).expect("a recording");
    assert!(read.existing.len() > 50_000, "as many as there is memory for");
    let feature = read.runs[0].start.features.iter().find(|it| it.name == "existing_sockets").expect("a feature");
    assert_eq!(feature.missing.as_deref(), Some("more sockets were alive than a recording tells of"));
}

fn socket_like(number: u64) -> ExistingSocket {
    use std::sync::LazyLock;
    static SOME: LazyLock<ExistingSocket> = LazyLock::new(|| socket(1, TcpState::Established));
    ExistingSocket { cookie: cookie(number), ..*SOME }
}
