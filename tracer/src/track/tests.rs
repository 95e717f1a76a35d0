//! The tracker alone: events in, observations out.

use std::num::NonZeroU64;

use super::Tracker;
use crate::{
    event::{
        Comm, Endpoint, Event, ExistingSocket, Family, MonotonicNs, Process, SockAddress, SocketCookie, TcpState,
        Transition,
    },
    filter::{Criteria, Filter},
    memory::Budget,
    observation::{Observation, ObservedTransition, OwnerSource, Role},
    samples::transition,
};
use TcpState::{Close, CloseWait, Established, FinWait1, FinWait2, LastAck, Listen, SynRecv, SynSent};

const CLIENT: &str = "10.0.0.1:40000";
const SERVER: &str = "10.0.0.2:443";

fn end(text: &str) -> Endpoint {
    let addr: std::net::SocketAddr = text.parse().expect("an address");
    Endpoint { addr: addr.ip(), port: (addr.port() != 0).then_some(addr.port()) }
}

/// The remote end of a listener.
#[expect(clippy::unnecessary_wraps, reason = "the value of a field")]
fn nowhere() -> Option<Endpoint> {
    Some(end("0.0.0.0:0"))
}

fn process(pid: u32) -> Process {
    Process { pid, comm: Comm::default() }
}

/// A transition of socket `id` at `time` nanoseconds.
fn step(id: u64, time: u64, old: TcpState, new: TcpState) -> Transition {
    Transition {
        time: MonotonicNs(time),
        cookie: NonZeroU64::new(id).map(SocketCookie),
        sock: SockAddress(0xffff_0000 + id),
        local: end(CLIENT),
        remote: Some(end(SERVER)),
        ..transition(old, new)
    }
}

fn observe(tracker: &mut Tracker, transitions: impl IntoIterator<Item = Transition>) -> Vec<Observation> {
    let mut seen = Vec::new();
    for transition in transitions {
        tracker.apply(&Event::Transition(transition), &mut |o: &Observation| seen.push(o.clone()));
    }
    seen
}

fn transitions(seen: &[Observation]) -> Vec<&ObservedTransition> {
    seen.iter()
        .filter_map(|o| match o {
            Observation::Transition(observed) => Some(observed),
            _ => None,
        })
        .collect()
}

fn pass_all() -> Tracker {
    Tracker::new(Filter::new(Criteria::default()).expect("no lists"), 1000, &Budget::of_sockets(1))
}

#[test]
fn time_in_state_role_and_owner_are_carried() {
    let connect = Transition { actor: Some(process(7)), ..step(1, 100, Close, SynSent) };
    let seen =
        observe(&mut pass_all(), [connect, step(1, 350, SynSent, Established), step(1, 1350, Established, CloseWait)]);
    let seen = transitions(&seen);
    assert_eq!(seen.iter().map(|o| o.in_state_ns).collect::<Vec<_>>(), [None, Some(250), Some(1000)]);
    for observed in seen {
        assert_eq!(observed.known.role, Some(Role::Client));
        let owner = observed.known.owner.expect("connect proves it");
        assert_eq!((owner.process, owner.source), (process(7), OwnerSource::Connect));
    }
}

#[test]
fn a_bystander_never_becomes_the_owner() {
    let seen = observe(
        &mut pass_all(),
        [
            step(1, 1, Listen, SynRecv),
            Transition { actor: Some(process(9)), ..step(1, 2, SynRecv, Established) },
            Transition { actor: Some(process(9)), error: Some(103), ..step(1, 3, Established, Close) },
        ],
    );
    assert!(transitions(&seen).iter().all(|o| o.known.owner.is_none()));
}

#[test]
fn an_accepted_socket_knows_its_listener_and_is_proven_by_its_close() {
    let listen = Transition {
        local: end("0.0.0.0:443"),
        remote: nowhere(),
        actor: Some(process(5)),
        ..step(1, 1, Close, Listen)
    };
    let accepted =
        |time, old, new| Transition { local: end(SERVER), remote: Some(end(CLIENT)), ..step(2, time, old, new) };
    let seen = observe(
        &mut pass_all(),
        [
            listen,
            accepted(2, Listen, SynRecv),
            accepted(3, SynRecv, Established),
            Transition { actor: Some(process(6)), ..accepted(4, Established, FinWait1) },
        ],
    );
    let seen = transitions(&seen);
    assert!(seen[1..].iter().all(|o| o.known.listener == Some(process(5))));
    assert_eq!(seen[2].known.owner, None);
    assert_eq!(seen[3].known.owner.map(|o| (o.process, o.source)), Some((process(6), OwnerSource::Close)));
}

#[test]
fn several_processes_listening_on_one_port_are_not_guessed_between() {
    let listen = |id, pid| Transition {
        local: end("0.0.0.0:443"),
        remote: nowhere(),
        actor: Some(process(pid)),
        ..step(id, 1, Close, Listen)
    };
    let accepted = Transition { local: end(SERVER), ..step(3, 2, Listen, SynRecv) };
    let seen = observe(&mut pass_all(), [listen(1, 5), listen(2, 6), accepted]);
    assert_eq!(transitions(&seen)[2].known.listener, None);
}

/// LISTEN→SYN_RECV as kernels before 6.15 report it.
fn clone(id: u64, time: u64) -> Transition {
    Transition { cookie: None, local: end("0.0.0.0:443"), remote: None, ..step(id, time, Listen, SynRecv) }
}

#[test]
fn a_copy_of_a_listener_waits_until_its_ends_are_known() {
    let mut tracker = pass_all();
    assert_eq!(observe(&mut tracker, [clone(4, 10)]), []);
    let seen = observe(&mut tracker, [step(4, 30, SynRecv, Established)]);
    let seen = transitions(&seen);
    let [first, second] = seen[..] else { panic!("{seen:?}") };
    assert_eq!(first.transition, step(4, 10, Listen, SynRecv));
    assert_eq!((first.known.role, second.in_state_ns), (Some(Role::Server), Some(20)));
}

#[test]
fn a_copy_of_a_listener_that_is_never_heard_of_again_is_shown_as_it_is() {
    let mut tracker = Tracker::new(Filter::new(Criteria::default()).expect("no lists"), 1, &Budget::of_sockets(1));
    observe(&mut tracker, [clone(4, 10)]);
    // Its address is used again; then the table is full; then the trace ends.
    for (next, shown) in [(clone(4, 20), 10), (clone(5, 30), 20)] {
        let seen = observe(&mut tracker, [next]);
        assert_eq!(transitions(&seen).iter().map(|o| o.transition.time.0).collect::<Vec<_>>(), [shown]);
    }
    let mut last = Vec::new();
    tracker.finish(&mut |o: &Observation| last.push(o.clone()));
    assert_eq!(transitions(&last).iter().map(|o| o.transition).collect::<Vec<_>>(), [clone(5, 30)]);
}

#[test]
fn impossible_transitions_are_anomalies_and_shown() {
    let seen = observe(&mut pass_all(), [step(1, 1, Close, FinWait2)]);
    assert_eq!(transitions(&seen).len(), 1);
    let Some(Observation::Anomaly(anomaly)) = seen.last() else { panic!("no anomaly: {seen:?}") };
    assert_eq!(anomaly.expected, [SynSent, Listen]);
}

#[test]
fn every_state_the_kernel_reports_may_follow_as_it_does() {
    let lives: [&[TcpState]; 5] = [
        &[Close, SynSent, Established, FinWait1, FinWait2, Close],
        &[Listen, SynRecv, Established, CloseWait, LastAck, Close],
        &[Close, SynSent, SynRecv, Established, FinWait1, TcpState::Closing, Close],
        &[Listen, SynRecv, FinWait1, Close],
        &[Close, Listen, Close],
    ];
    for life in lives {
        let mut tracker = pass_all();
        observe(&mut tracker, life.windows(2).zip(1..).map(|(pair, time)| step(1, time, pair[0], pair[1])));
        assert_eq!(tracker.tally().anomalies, 0, "{life:?}");
    }
}

#[test]
fn the_table_forgets_the_least_recently_heard_of_and_counts_it() {
    let mut tracker = Tracker::new(Filter::new(Criteria::default()).expect("no lists"), 2, &Budget::of_sockets(1));
    observe(&mut tracker, (1..=3).map(|id| step(id, id, Close, SynSent)));
    assert_eq!(tracker.occupancy(), (2, 1));
    let seen = observe(&mut tracker, [step(1, 9, SynSent, Established), step(3, 9, SynSent, Established)]);
    let seen = transitions(&seen);
    assert_eq!((seen[0].in_state_ns, seen[1].in_state_ns), (None, Some(6)));
}

#[test]
fn a_closed_socket_leaves_the_table() {
    let mut tracker = pass_all();
    observe(&mut tracker, [step(1, 1, Close, SynSent), step(1, 2, SynSent, Close)]);
    assert_eq!(tracker.occupancy(), (0, 0));
}

#[test]
fn a_hole_in_a_socket_s_history_is_counted() {
    let mut tracker = pass_all();
    observe(
        &mut tracker,
        [step(1, 1, Close, SynSent), step(1, 2, SynSent, Established), step(1, 3, FinWait1, FinWait2)],
    );
    assert_eq!(tracker.tally().discontinuities, 1);
    // Its end went unseen, too, and it connects again.
    observe(&mut tracker, [step(1, 9, Close, SynSent)]);
    assert_eq!(tracker.tally().discontinuities, 2);
    // A socket older than the trace has no history to have holes in.
    observe(&mut tracker, [step(2, 10, CloseWait, LastAck)]);
    assert_eq!(tracker.tally().discontinuities, 2);
}

/// A socket that is older than the trace, held by process 7.
fn older(id: u64, local: &str, state: TcpState) -> Event {
    let cookie = SocketCookie(NonZeroU64::new(id).expect("a cookie"));
    Event::Existing(ExistingSocket {
        cookie,
        netns: 1,
        family: Family::Ipv4,
        local: end(local),
        remote: end("10.0.0.2:2"),
        state,
        holder: Some(process(7)),
        defer_accept: false,
    })
}

#[test]
fn a_socket_older_than_the_trace_has_its_holder_until_its_owner_acts() {
    let mut tracker = pass_all();
    tracker.apply(&older(1, CLIENT, Established), &mut |_: &Observation| ());
    let close = Transition { actor: Some(process(8)), ..step(1, 20, CloseWait, LastAck) };
    let seen = observe(&mut tracker, [step(1, 10, Established, CloseWait), close]);
    let owners: Vec<_> = transitions(&seen).iter().map(|o| o.known.owner.expect("an owner")).collect();
    assert_eq!((owners[0].process, owners[0].source), (process(7), OwnerSource::Proc));
    assert_eq!((owners[1].process, owners[1].source), (process(8), OwnerSource::Close));
    assert_eq!(tracker.tally().discontinuities, 0);
}

#[test]
fn a_socket_that_begins_anew_is_not_its_former_holder_s() {
    let mut tracker = pass_all();
    tracker.apply(&older(1, CLIENT, Established), &mut |_: &Observation| ());
    let seen = observe(&mut tracker, [step(1, 10, Close, SynSent), step(1, 20, SynSent, Established)]);
    assert!(transitions(&seen).iter().all(|o| o.known.owner.is_none()));
}

#[test]
fn a_listener_older_than_the_trace_is_known_until_it_closes() {
    let mut tracker = pass_all();
    tracker.apply(&older(1, "0.0.0.0:443", Listen), &mut |_: &Observation| ());
    let accepted = |id| Transition { local: end(SERVER), ..step(id, 10, Listen, SynRecv) };
    let seen = observe(&mut tracker, [accepted(2)]);
    assert_eq!(transitions(&seen)[0].known.listener, Some(process(7)));
    let closed = Transition { local: end("0.0.0.0:443"), remote: nowhere(), ..step(1, 20, Listen, Close) };
    let seen = observe(&mut tracker, [closed, accepted(3)]);
    assert_eq!(transitions(&seen)[1].known.listener, None);
}
