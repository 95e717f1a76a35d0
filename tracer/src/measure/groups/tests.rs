//! What is counted where, on imagined connections.

use std::net::{IpAddr, Ipv4Addr};

use super::{Aggregate, Listing};
use crate::{
    event::{
        ResetKind, SocketCookie,
        TcpState::{self, Close, Established, FinWait2, Listen, SynRecv, SynSent, TimeWait as Waiting},
    },
    figures::{Figures, Group, GroupBy, Groups, SortBy},
    memory::Budget,
    observation::{
        Closed, Handshake, HandshakeMethod, Observation, ObservedReset, ObservedTransition, OwnerSource, Role,
        TimeWait, TimeWaitEnd, TimeWaitEnded, UnknownLatency,
    },
    samples::{at, change, owner, process},
};

const ALL: Listing = Listing { sort: SortBy::Connections, top: 100 };
const NETNS: u32 = 4_026_531_840;

fn server(port: u16) -> Group {
    Group::Server { port, netns: NETNS }
}

fn client(port: u16) -> Group {
    Group::Client { addr: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), port, netns: NETNS }
}

/// A change of connection `cookie` at `ns`, with service port `port`; what is left to know about it by its opening.
fn step(ns: u64, cookie: u64, role: Role, port: u16, old: TcpState, new: TcpState) -> ObservedTransition {
    let (local, remote) = match role {
        Role::Client => ("10.0.0.1:40000".to_owned(), format!("10.0.0.2:{port}")),
        _ => (format!("10.0.0.1:{port}"), "10.0.0.2:40000".to_owned()),
    };
    let mut observed = change(ns, (&local, &remote), old, new);
    observed.transition.cookie = cookie.try_into().ok().map(SocketCookie);
    observed.known.role = Some(role);
    observed.known.past.opened = at(0).into();
    observed
}

/// Takes what the tracker reports, and what follows from it.
fn take(aggregate: &mut Aggregate, observation: &Observation) {
    aggregate.observe(observation);
    crate::measure::conclude(observation, &mut |conclusion| aggregate.observe(conclusion));
}

fn open(aggregate: &mut Aggregate, cookie: u64, role: Role, port: u16) {
    let (old, new) = if role == Role::Client { (Close, SynSent) } else { (Listen, SynRecv) };
    take(aggregate, &Observation::Transition(step(0, cookie, role, port, old, new)));
}

fn close(aggregate: &mut Aggregate, observed: ObservedTransition) {
    take(aggregate, &Observation::Transition(observed));
    take(aggregate, &Observation::Closed(Closed { observed, broken_off: false }));
}

fn handshake(observed: ObservedTransition, latency: Result<(u64, HandshakeMethod), UnknownLatency>) -> Observation {
    Observation::Handshake(Handshake {
        observed,
        latency,
        syn_retransmits: None,
        syn_ack_retransmits: None,
        deferred_accept: None,
        fast_open: None,
    })
}

fn of<'a>(groups: &'a Groups, group: &Group) -> &'a Figures {
    let found = groups.listed.iter().find(|(name, _)| name == group);
    &found.unwrap_or_else(|| panic!("{group:?} is not among {groups:#?}")).1
}

fn services() -> Aggregate {
    Aggregate::new(GroupBy::Service, true, &Budget::of_sockets(1))
}

#[test]
fn connections_failures_handshakes_and_resets_of_each_service() {
    let mut services = services();
    for cookie in 1..=3 {
        open(&mut services, cookie, Role::Client, 443);
    }
    open(&mut services, 4, Role::Server, 443);
    let established = step(5, 1, Role::Client, 443, SynSent, Established);
    take(&mut services, &handshake(established, Ok((5_000, HandshakeMethod::SynToEstablished))));
    take(&mut services, &handshake(established, Err(UnknownLatency::StartNotSeen)));
    let mut refused = step(9, 2, Role::Client, 443, SynSent, Close);
    refused.transition.error = Some(111);
    refused.transition.total_retrans = 2;
    let reset = ObservedReset { observed: refused, state: Some(SynSent), kind: ResetKind::Received, reason: None };
    take(&mut services, &Observation::Reset(reset));
    close(&mut services, refused);
    close(&mut services, step(9, 1, Role::Client, 443, FinWait2, Close));

    let groups = services.whole(ALL, at(10));
    let it = of(&groups, &client(443));
    assert_eq!((it.connections, it.opened, it.ended, it.open), (3, 3, 2, Some(1)));
    assert_eq!(it.failures().map(|(outcome, count)| (outcome.name(), count)).collect::<Vec<_>>(), [("refused", 1)]);
    assert_eq!((it.failed(), it.retransmits, it.handshakes.count, it.handshakes_unknown), (1, 2, 1, 1));
    assert_eq!(it.handshakes.percentiles.expect("one").max_ns, 5_000);
    let reset = &it.resets[0];
    assert_eq!(
        (reset.received, reset.reason.as_deref(), reset.inferred, reset.count),
        (true, Some("REFUSED"), true, 1)
    );
    let it = of(&groups, &server(443));
    assert_eq!((it.connections, it.ended, it.open, it.failed()), (1, 0, Some(1), 0));
    assert_eq!((groups.count, groups.all.connections, groups.all.open), (2, 4, Some(2)));
}

#[test]
fn what_is_older_than_the_trace_counts_when_it_ends_and_has_no_side() {
    let mut services = services();
    let mut observed = step(9, 1, Role::Client, 443, FinWait2, Close);
    observed.known = crate::observation::Known::default();
    close(&mut services, observed);
    let groups = services.whole(ALL, at(10));
    let it = of(&groups, &Group::Unknown);
    assert_eq!((it.connections, it.opened, it.ended, it.open), (1, 0, 1, Some(0)));
}

#[test]
fn the_same_port_in_two_namespaces_is_two_services() {
    let mut services = services();
    open(&mut services, 1, Role::Server, 8080);
    let mut elsewhere = step(0, 2, Role::Server, 8080, Listen, SynRecv);
    elsewhere.transition.netns = 77;
    take(&mut services, &Observation::Transition(elsewhere));
    let groups = services.whole(ALL, at(10));
    assert_eq!(of(&groups, &server(8080)).connections, 1);
    assert_eq!(of(&groups, &Group::Server { port: 8080, netns: 77 }).connections, 1);
}

#[test]
fn a_span_has_what_happened_in_it_and_the_run_has_all() {
    let mut services = services();
    open(&mut services, 1, Role::Server, 80);
    assert_eq!(of(&services.recent(ALL, at(1)), &server(80)).opened, 1);
    close(&mut services, step(2, 1, Role::Server, 80, FinWait2, Close));
    open(&mut services, 2, Role::Server, 80);
    let second = services.recent(ALL, at(3));
    let it = of(&second, &server(80));
    assert_eq!((it.opened, it.ended, it.open), (1, 1, Some(1)));
    assert_eq!(of(&services.recent(ALL, at(4)), &server(80)).opened, 0, "listed for what is open there");
    close(&mut services, step(5, 2, Role::Server, 80, FinWait2, Close));
    services.recent(ALL, at(6));
    assert_eq!(services.recent(ALL, at(7)).count, 0, "nothing happened");
    let whole = services.whole(ALL, at(8));
    let it = of(&whole, &server(80));
    assert_eq!((it.opened, it.ended, it.open), (2, 2, Some(0)));
}

fn time_wait(ns: u64, cookie: u64, seeded: bool, ended: Option<TimeWaitEnded>) -> Observation {
    let observed = step(ns, cookie, Role::Client, 443, Waiting, Waiting);
    Observation::TimeWait(TimeWait { observed, seeded, ended })
}

#[test]
fn a_timewait_socket_that_lives_is_a_bound_and_in_no_percentile() {
    let mut services = services();
    for (cookie, seeded) in [(1, true), (2, false), (3, false)] {
        take(&mut services, &time_wait(cookie * 1_000, cookie, seeded, None));
    }
    let expired = TimeWaitEnded {
        minisocket_ns: Some(70_000),
        time_wait_ns: Some(60_000),
        end: Some(TimeWaitEnd::Expired),
        inferred: false,
    };
    take(&mut services, &time_wait(60_000, 2, false, Some(expired)));
    let groups = services.whole(ALL, at(100_000));
    let it = of(&groups, &client(443)).time_wait.as_ref().expect("measured");
    assert_eq!((it.births, it.ends, it.ends_unknown), (2, [1, 0, 0, 0, 0, 0], 0));
    assert_eq!((it.minisocket.count, it.time_wait.percentiles.expect("one").max_ns), (1, 60_000));
    assert_eq!((it.still_open, it.longest_so_far_ns), (Some(2), Some(99_000)));

    let mut unmeasured = Aggregate::new(GroupBy::Service, false, &Budget::of_sockets(1));
    open(&mut unmeasured, 1, Role::Server, 80);
    assert_eq!(of(&unmeasured.whole(ALL, at(1)), &server(80)).time_wait, None, "not measured is not zero");
}

#[test]
fn an_accepted_connection_is_its_listener_s_whoever_closes_it() {
    let mut processes = Aggregate::new(GroupBy::Process, true, &Budget::of_sockets(1));
    let mut opened = step(0, 1, Role::Server, 80, Listen, SynRecv);
    opened.known.listener = Some(process(812, b"nginx"));
    take(&mut processes, &Observation::Transition(opened));
    let mut ended = step(9, 1, Role::Server, 80, FinWait2, Close);
    ended.known.listener = opened.known.listener;
    ended.known.owner = owner(813, b"nginx", OwnerSource::Close);
    close(&mut processes, ended);
    let mut own = step(0, 2, Role::Client, 443, Close, SynSent);
    own.known.owner = owner(4711, b"curl", OwnerSource::Connect);
    take(&mut processes, &Observation::Transition(own));
    let groups = processes.whole(ALL, at(10));
    assert_eq!(groups.count, 2);
    let it = of(&groups, &Group::Listener(process(812, b"nginx")));
    assert_eq!((it.opened, it.ended), (1, 1));
    assert_eq!(of(&groups, &Group::Process(process(4711, b"curl"))).opened, 1);
}

#[test]
fn containers_are_known_by_their_cgroups() {
    let id = "0f".repeat(32);
    let mut containers = Aggregate::new(GroupBy::Container, true, &Budget::of_sockets(1));
    let path = format!("/system.slice/docker-{id}.scope").into();
    take(&mut containers, &Observation::Cgroup { id: 77, path });
    take(&mut containers, &Observation::Cgroup { id: 78, path: "/system.slice/nginx.service".into() });
    for cgroup in [77, 78, 79] {
        let mut opened = step(0, cgroup, Role::Server, 80, Listen, SynRecv);
        opened.transition.cgroup_id = Some(cgroup);
        take(&mut containers, &Observation::Transition(opened));
    }
    let groups = containers.whole(Listing { sort: SortBy::Name, ..ALL }, at(10));
    let names: Vec<_> = groups.listed.into_iter().map(|(group, _)| group).collect();
    let cgroup = Group::Cgroup("/system.slice/nginx.service".into());
    assert_eq!(names, [Group::Container(id.as_str().into()), cgroup, Group::CgroupId(79)]);
}

#[test]
fn the_first_are_listed_and_the_rest_is_summed_up() {
    let mut services = services();
    for port in 1..=10 {
        for cookie in 0..u64::from(port) {
            open(&mut services, u64::from(port) * 100 + cookie, Role::Server, port);
        }
    }
    let groups = services.whole(Listing { top: 3, ..ALL }, at(10));
    let names: Vec<_> = groups.listed.iter().map(|(group, _)| group.clone()).collect();
    assert_eq!(names, [server(10), server(9), server(8)]);
    let rest = groups.rest.expect("a rest");
    assert_eq!((groups.count, rest.connections, rest.open, groups.all.connections), (10, 28, Some(28), 55));
    let by_name = services.whole(Listing { sort: SortBy::Name, top: 1 }, at(10));
    assert_eq!(by_name.listed[0].0, server(1));
    assert_eq!(services.whole(ALL, at(10)).rest, None);
}

#[test]
fn groups_beyond_the_limit_are_counted_together() {
    let mut services = Aggregate { capacity: 2, ..services() };
    for port in [1, 2, 3, 4, 3, 1] {
        open(&mut services, u64::from(port), Role::Server, port);
    }
    let groups = services.whole(ALL, at(10));
    assert_eq!(of(&groups, &server(1)).opened, 2);
    assert_eq!((of(&groups, &Group::Other).opened, groups.count), (3, 3));
    assert!(services.places.len() <= 3, "what is beyond the limit is not remembered");
    assert_eq!(groups.all.opened, 6);
}
