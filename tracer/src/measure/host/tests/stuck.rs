//! Who is stuck.

use super::{SECOND, at, existing, facts, host, last, reading};
use crate::{
    event::TcpState::{Close, CloseWait, Established, FinWait2, LastAck, Listen, SynSent, TimeWait},
    figures::host::{Holder, Service, stuck_after_ns},
    observation::{Observation, OwnerSource, Role},
    samples::{owner, process},
};

#[test]
fn sockets_at_rest_are_grouped_by_who_should_close_them() {
    let leak = |ns, number| {
        let mut observed = at(ns, number, "10.0.0.5:8080", Established, CloseWait);
        observed.known.role = Some(Role::Server);
        observed.known.owner = owner(4121, b"java", OwnerSource::Close);
        Observation::Transition(observed)
    };
    let host = host(&[leak(SECOND, 1), leak(2 * SECOND, 2), leak(100 * SECOND, 3)]);
    let [group] = &last(&host, 101 * SECOND).stuck.groups[..] else { panic!("one group") };
    assert_eq!((group.count, group.stuck, group.oldest_ns), (3, 2, 100 * SECOND));
    assert_eq!((group.holder, group.service), (Holder::Owner(process(4121, b"java")), Service::Server(8080)));
    assert!(!group.oldest_is_lower_bound);
}

#[test]
fn who_moves_on_is_not_stuck() {
    let mut host = host(&[Observation::Transition(at(1, 1, "10.0.0.5:40001", Established, CloseWait))]);
    host.observe(&Observation::Transition(at(2, 1, "10.0.0.5:40001", CloseWait, LastAck)));
    let groups = last(&host, 100 * SECOND).stuck.groups;
    assert_eq!(groups.iter().map(|group| group.state).collect::<Vec<_>>(), [LastAck]);
    host.observe(&Observation::Transition(at(3, 1, "10.0.0.5:40001", LastAck, Close)));
    assert!(last(&host, 100 * SECOND).stuck.groups.is_empty());
}

#[test]
fn what_is_older_than_the_trace_is_at_least_as_old_as_the_trace() {
    let host = host(&[
        reading(0, Ok(facts(0))),
        existing(1, "0.0.0.0:40080", "0.0.0.0:0", Listen),
        existing(2, "10.0.0.5:40080", "10.0.0.9:50000", CloseWait),
        existing(3, "10.0.0.5:40001", "10.0.0.9:443", FinWait2),
        existing(4, "10.0.0.5:22", "10.0.0.9:50001", Established),
        existing(5, "10.0.0.5:23", "10.0.0.9:50002", LastAck),
    ]);
    // All are as many and as old: their states decide, the same each time.
    let groups = last(&host, 61 * SECOND).stuck.groups;
    let said: Vec<_> = groups.iter().map(|group| (group.service, group.stuck)).collect();
    let there = "10.0.0.9".parse().expect("an address");
    assert_eq!(
        said,
        [(Service::Client(there, 443), 1), (Service::Server(40_080), 1), (Service::Unknown(there, 50_002), 1)]
    );
    assert!(groups.iter().all(|group| group.oldest_is_lower_bound && group.oldest_ns == 61 * SECOND));
}

#[test]
fn an_entry_that_was_not_seen_was_no_later() {
    let mut observed = at(SECOND, 1, "10.0.0.5:40001", Established, CloseWait);
    observed.inferred = true;
    let host = host(&[Observation::Transition(observed)]);
    let group = last(&host, 2 * SECOND).stuck.groups[0];
    assert_eq!((group.oldest_ns, group.oldest_is_lower_bound, group.stuck), (SECOND, true, 0));
}

#[test]
fn established_connections_and_listeners_may_rest() {
    for state in [Established, Listen, TimeWait, Close] {
        assert_eq!(stuck_after_ns(state), None, "{state}");
    }
    assert!(stuck_after_ns(SynSent) < stuck_after_ns(CloseWait));
}
