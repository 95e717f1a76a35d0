//! Who holds which ports.

use super::{SECOND, WEB, at, existing, facts, host, last, opening, reading};
use crate::{
    event::TcpState::{Close, Established, FinWait1, FinWait2, Listen, SynSent, TimeWait as TimeWaitState},
    figures::host::{Destination, Rate},
    measure::host::Host,
    namespace::Settings,
    observation::{Closed, Observation, TimeWait, TimeWaitEnd, TimeWaitEnded},
};

/// The one place that is connected to.
fn only(host: &Host, to_ns: u64) -> Destination {
    let [destination] = &last(host, to_ns).ports.destinations[..] else { panic!("one place") };
    destination.clone()
}

fn established(ns: u64, number: u64, port: u16) -> Observation {
    Observation::Transition(at(ns, number, &format!("10.0.0.5:{port}"), SynSent, Established))
}

fn time_wait(ns: u64, number: u64, port: u16, ended: bool) -> Observation {
    let ended = ended.then_some(TimeWaitEnded {
        minisocket_ns: None,
        time_wait_ns: None,
        end: Some(TimeWaitEnd::Expired),
        inferred: false,
    });
    let observed = at(ns, number, &format!("10.0.0.5:{port}"), TimeWaitState, TimeWaitState);
    Observation::TimeWait(TimeWait { observed, seeded: false, ended })
}

#[test]
fn a_port_is_held_until_its_time_wait_is_over() {
    let closed = Observation::Transition(at(SECOND, 1, "10.0.0.5:40001", FinWait2, Close));
    let mut host = host(&[reading(0, Ok(facts(0))), opening(1, 1), established(2, 1, 40_001)]);
    assert_eq!((only(&host, 1).sockets, only(&host, 1).time_wait), (1, Some(0)));
    host.observe(&time_wait(SECOND - 5_000, 1, 40_001, false));
    host.observe(&closed);
    assert_eq!((only(&host, 1).sockets, only(&host, 1).time_wait), (0, Some(1)));
    host.observe(&time_wait(61 * SECOND, 1, 40_001, true));
    assert!(last(&host, 1).ports.destinations.is_empty());
}

#[test]
fn only_ports_that_are_given_out_count() {
    let bound =
        |port: &str, number| Observation::Transition(at(1, number, &format!("10.0.0.5:{port}"), Close, SynSent));
    let mut host = host(&[reading(0, Ok(facts(0))), bound("30000", 1), bound("40000", 2), opening(1, 3)]);
    let there = only(&host, 1);
    assert_eq!((there.sockets, there.opened, there.total()), (2, 1, Some(100)));
    // Somebody makes the range wider.
    let mut wide = facts(0);
    wide.settings.port_range = Some((20_000, 60_000));
    host.observe(&reading(SECOND, Ok(wide)));
    assert_eq!((only(&host, 1).sockets, only(&host, 1).total()), (3, Some(40_001)));
}

#[test]
fn of_older_sockets_those_with_a_port_that_nobody_listens_on_have_connected() {
    let host = host(&[
        reading(0, Ok(facts(0))),
        existing(1, "0.0.0.0:40080", "0.0.0.0:0", Listen),
        existing(2, "10.0.0.5:40080", "10.0.0.9:50000", Established),
        existing(3, "10.0.0.5:40001", WEB, Established),
        existing(4, "10.0.0.5:40002", WEB, FinWait1),
        existing(5, "10.0.0.5:8080", "10.0.0.9:50000", Established),
    ]);
    assert_eq!(only(&host, 1).sockets, 2);
}

#[test]
fn what_grows_has_a_rate_and_an_end() {
    let mut host = host(&[reading(0, Ok(facts(0)))]);
    for number in 1..=20 {
        host.observe(&opening(number * SECOND / 2, number));
        if number % 2 == 0 {
            host.observe(&reading(number * SECOND / 2 + 1, Ok(facts(0))));
        }
    }
    // 20 in 10 s; the sample that counts is that of 5 s, when there were 10.
    let there = only(&host, 10 * SECOND + 1);
    assert_eq!((there.sockets, there.change.map(|rate| rate.by)), (20, Some(10)));
    assert_eq!(there.exhausted_in_ns().map(|ns| ns / SECOND), Some(39), "80 are left, 2 a second go");
    let early = super::host(&[reading(0, Ok(facts(0))), opening(1, 1)]);
    assert_eq!(only(&early, SECOND / 2).change, None);
    assert_eq!(only(&early, 2 * SECOND).change, Some(Rate { by: 1, in_ns: 2 * SECOND - 50_000 }));
}

#[test]
fn what_was_there_before_is_no_growth() {
    let older = existing(1, "10.0.0.5:40001", WEB, Established);
    let Observation::TimeWait(begun) = time_wait(0, 2, 40_002, false) else { panic!("one") };
    let seeded = Observation::TimeWait(TimeWait { seeded: true, ..begun });
    let mut host = host(&[reading(0, Ok(facts(0))), older, seeded]);
    assert_eq!(only(&host, 2 * SECOND).change, None);
    host.observe(&reading(2 * SECOND, Ok(facts(0))));
    host.observe(&opening(3 * SECOND, 3));
    let there = only(&host, 8 * SECOND);
    assert_eq!((there.sockets, there.time_wait, there.change.map(|rate| rate.by)), (2, Some(1), Some(1)));
}

#[test]
fn the_first_that_found_no_port_is_kept() {
    let mut host = host(&[reading(0, Ok(facts(0)))]);
    for (ns, number) in [(5, 1), (9, 2)] {
        let mut failed = at(ns, number, "10.0.0.5:0", SynSent, Close);
        failed.transition.sent = false;
        host.observe(&opening(ns - 1, number));
        host.observe(&Observation::Transition(failed));
        host.observe(&Observation::Closed(Closed { observed: failed, broken_off: false }));
    }
    let refused = at(20, 3, "10.0.0.5:40000", SynSent, Close);
    host.observe(&Observation::Closed(Closed { observed: refused, broken_off: false }));
    let there = only(&host, 1);
    assert_eq!((there.sockets, there.opened, there.failed), (0, 2, 2));
    assert_eq!(there.first_failed.map(|first| (first.at.0, first.port)), Some((5, None)));
}

#[test]
fn without_settings_nothing_is_said_of_how_many_there_are() {
    let host = host(&[opening(1, 1), established(2, 1, 40_001)]);
    let there = only(&host, 1);
    assert_eq!((there.sockets, there.total(), &there.settings), (1, None, &Settings::default()));
}
