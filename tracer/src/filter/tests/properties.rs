//! The kernel side, the user side and the reference agree; what is unknown is decided only where it does not matter.

use std::net::{IpAddr, Ipv6Addr};

use proptest::{collection::vec, prelude::*};
use tracer_common::filter::{Bits, Verdict, decide_ends, decide_family};

use super::{
    decide, filter,
    generate::{addr, connection, criteria, list, port, range},
    reference::belongs,
};
use crate::{
    event::{Endpoint, Family, Transition},
    filter::{CgroupAncestry, Criteria, EndLists, KernelFilter, PortRange},
    observation::Known,
};

/// The kernel side's decision, with a trie as plain as can be.
fn kernel(filter: &KernelFilter, event: &Transition) -> Verdict {
    let config = &filter.config;
    let port = |port: u16| Bits::known(filter.port_bits[usize::from(port)]);
    let addr = |end: &Endpoint| {
        let addr = end.addr_v6().to_bits();
        let leads = |len: u8, net: Ipv6Addr| u32::from(len) <= (addr ^ net.to_bits()).leading_zeros();
        let longest = filter.prefixes.iter().filter(|(net, len, _)| leads(*len, *net)).max_by_key(|(_, len, _)| *len);
        Bits::known(longest.expect("::/0 is always there").2)
    };
    let ephemeral = Bits { all: config.ephemeral_all, any: config.ephemeral_any };
    let remote = event.remote.as_ref();
    let remote_port = remote.map_or(Bits::UNKNOWN, |end| port(end.port.unwrap_or(0)));
    let remote_addr = remote.map_or(Bits::UNKNOWN, addr);
    let family = if event.family == Family::Ipv4 { 2 } else { 10 };
    decide_ends(config.port_lists, event.local.port.map_or(ephemeral, port), remote_port)
        .and(decide_family(config.family, family, event.local.is_mapped()))
        .and(decide_ends(config.addr_lists, addr(&event.local), remote_addr))
        .and(config.netns.decide(&[event.netns.into()]))
        .and(config.cgroups.decide(&[event.cgroup_id.unwrap_or(0)]))
        .and(event.ifindex.map_or(Verdict::Undecided, |index| config.devices.decide(&[index.into()])))
}

fn known(belongs: bool) -> Verdict {
    if belongs { Verdict::Match } else { Verdict::NoMatch }
}

/// `verdict` may leave open what is open, but must not say what some completion contradicts.
fn sound(verdict: Verdict, completions: impl IntoIterator<Item = bool>) -> bool {
    verdict == Verdict::Undecided || completions.into_iter().all(|belongs| known(belongs) == verdict)
}

/// One port of each stretch of a range in which all ports are alike, and no other.
fn telling_ports(criteria: &Criteria, within: PortRange) -> Vec<u16> {
    let near = |port: u16| [port.saturating_sub(1), port, port.saturating_add(1)];
    let edges = criteria.ports.iter().flat_map(|range| [*range.start(), *range.end()]).flat_map(near);
    edges.chain([*within.start(), *within.end()]).filter(|port| within.contains(port)).collect()
}

fn with_local_port(event: &Transition, port: u16) -> Transition {
    Transition { local: Endpoint { port: Some(port), ..event.local }, ..*event }
}

proptest! {
    #[test]
    fn with_all_known_both_sides_say_what_the_flags_say(criteria in criteria(), event in connection()) {
        let expected = known(belongs(&criteria, &event));
        prop_assert_eq!(kernel(&filter(criteria.clone()).compile((1, 9)), &event), expected);
        prop_assert_eq!(decide(criteria, &event), expected);
    }

    #[test]
    fn an_unknown_local_port_is_decided_only_where_every_port_agrees(
        criteria in criteria(), event in connection(), range in range(),
    ) {
        let unknown = Transition { local: Endpoint { port: None, ..event.local }, ..event };
        let compiled = filter(criteria.clone()).compile((*range.start(), *range.end()));
        let completions = |within| {
            telling_ports(&criteria, within).into_iter().map(|port| belongs(&criteria, &with_local_port(&event, port)))
        };
        prop_assert!(sound(kernel(&compiled, &unknown), completions(range)));
        prop_assert!(sound(decide(criteria.clone(), &unknown), completions(1..=u16::MAX)));
    }

    #[test]
    fn undecided_means_that_one_list_really_leaves_it_open(list in list(range().boxed()), event in connection()) {
        let ports = EndLists { local: list, ..EndLists::default() };
        let criteria = Criteria { ports, ..Criteria::default() };
        let unknown = Transition { local: Endpoint { port: None, ..event.local }, ..event };
        let mut belonging = telling_ports(&criteria, 1..=u16::MAX).into_iter().map(|port| belongs(&criteria, &with_local_port(&event, port)));
        let first = belonging.next();
        let open = !belonging.all(|belongs| Some(belongs) == first);
        prop_assert_eq!(decide(criteria.clone(), &unknown) == Verdict::Undecided, open);
    }

    #[test]
    fn an_unknown_remote_end_is_decided_only_where_every_end_agrees(
        criteria in criteria(), event in connection(), ends in vec((addr(), port()), 1..20),
    ) {
        let unknown = Transition { remote: None, ..event };
        // A wildcard address is then the listener's, not the connection's own.
        let cloned = event.local.addr.is_unspecified();
        let completions = |(addr, port): (IpAddr, u16)| {
            let end = Endpoint { addr, port: Some(port) };
            let local = if cloned { Endpoint { addr, ..event.local } } else { event.local };
            let family = if local.addr.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
            belongs(&criteria, &Transition { remote: Some(end), local, family, ..event })
        };
        let is_possible = |(addr, _): &(IpAddr, u16)| !cloned || event.local.addr.is_ipv6() || addr.is_ipv4();
        let verdict = decide(criteria.clone(), &unknown);
        prop_assert!(sound(verdict, ends.into_iter().filter(is_possible).map(completions)));
    }

    #[test]
    fn what_may_not_be_held_is_decided_at_the_start(criteria in criteria(), event in connection(), range in range()) {
        let compiled = filter(criteria).compile((*range.start(), *range.end()));
        let unknown = Transition { local: Endpoint { port: None, ..event.local }, ..event };
        prop_assert!(compiled.config.may_hold == 1 || kernel(&compiled, &unknown) != Verdict::Undecided);
    }

    #[test]
    fn a_final_decision_agrees_where_all_is_known(criteria in criteria(), event in connection()) {
        let filter = filter(criteria.clone());
        let finally = filter.decide_finally(&event, &Known::default(), &CgroupAncestry::default());
        prop_assert_eq!(finally, belongs(&criteria, &event));
    }
}
