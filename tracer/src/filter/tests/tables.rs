//! What the tables hold.

use std::net::{IpAddr, Ipv6Addr};

use tracer_common::filter::{FilterConfig, LOCAL, LOOPBACK, Verdict};

use super::{decide, filter, sample};
use crate::{
    event::{Endpoint, Family, TcpState, Transition},
    filter::{CgroupAncestry, Criteria, EndLists, Filter, List, PortRange, Prefix, StateFilter, WantedCgroup},
    memory::Budget,
    observation::Known,
};

fn include<T>(items: impl IntoIterator<Item = T>) -> List<T> {
    List { include: items.into_iter().collect(), exclude: Vec::new() }
}

fn prefix(text: &str) -> Prefix {
    let (addr, len) = text.split_once('/').expect("a network");
    Prefix::new(addr.parse().expect("an address"), len.parse().expect("a length")).expect("a prefix")
}

fn local_ports(ranges: &[PortRange]) -> Criteria {
    let ports = EndLists { local: include(ranges.iter().cloned()), ..EndLists::default() };
    Criteria { ports, ..Criteria::default() }
}

#[test]
fn no_questions_pass_all() {
    let filter = filter(Criteria::default());
    assert!(filter.is_pass_all() && !filter.needs_user_decision());
    let kernel = filter.compile((32_768, 60_999));
    assert_eq!(kernel.prefixes, [(Ipv6Addr::UNSPECIFIED, 0, kernel.prefixes[0].2)]);
    let FilterConfig { port_lists, addr_lists, family, may_hold, .. } = kernel.config;
    assert_eq!((port_lists, addr_lists, family, may_hold), (0, 0, 0, 0));
}

#[test]
fn of_two_filters_both_must_let_pass() {
    let ports = |range: PortRange| filter(local_ports(&[range]));
    let of = |filter: &Filter| {
        let (event, known, cgroups) = (sample(), Known::default(), CgroupAncestry::default());
        (filter.decide(&event, &known, &cgroups), filter.decide_finally(&event, &known, &cgroups))
    };
    let port = sample().local.port.expect("a port");
    let (this, that) = (ports(port..=port), ports(port + 1..=port + 1));
    assert_eq!(of(&this.clone().and(this.clone())), (Verdict::Match, true));
    assert_eq!(of(&this.clone().and(that.clone())), (Verdict::NoMatch, false));
    assert_eq!(of(&that.clone().and(this.clone())), (Verdict::NoMatch, false));
    assert_eq!(of(&this.clone().and(this.clone()).and(that)), (Verdict::NoMatch, false));
    let all = filter(Criteria::default());
    assert!(all.clone().and(all.clone()).is_pass_all() && !all.clone().and(this.clone()).is_pass_all());
    let netns = filter(Criteria { netns: include([7]), ..Criteria::default() });
    assert!(all.clone().and(netns.clone()).takes_all_of(7) && !all.clone().and(netns.clone()).may_take(8));
    assert!(!netns.clone().and(this).takes_all_of(7) && netns.and(all).takes_all_of(7));
}

#[test]
fn the_value_of_a_prefix_is_complete() {
    let local = List { include: vec![prefix("10.0.0.0/8")], exclude: vec![prefix("10.1.0.0/16")] };
    let addrs = EndLists { local, remote: include([prefix("10.1.2.0/24")]), ..EndLists::default() };
    let kernel = filter(Criteria { addrs, no_loopback: true, ..Criteria::default() }).compile((1, 2));
    let shown: Vec<_> = kernel
        .prefixes
        .iter()
        .map(|(net, len, bits)| format!("{net}/{len} {}", if bits & LOCAL != 0 { "local" } else { "-" }))
        .collect();
    let expected = ["::1/128 -", "::ffff:10.1.2.0/120 -", "::ffff:10.1.0.0/112 -"];
    assert_eq!(shown[..3], expected);
    assert_eq!(shown[3..], ["::ffff:10.0.0.0/104 local", "::ffff:127.0.0.0/104 -", "::ffff:0.0.0.0/96 -", "::/0 -"]);
    assert_eq!(kernel.prefixes.iter().filter(|(_, _, bits)| bits & LOOPBACK != 0).count(), 2);
}

#[test]
fn an_ipv6_network_holds_no_ipv4() {
    let addrs = EndLists { either: include([Prefix::ALL]), ..EndLists::default() };
    let criteria = Criteria { addrs, ..Criteria::default() };
    assert_eq!(decide(criteria.clone(), &sample()), Verdict::NoMatch);
    let v6 = Endpoint { addr: IpAddr::V6(Ipv6Addr::LOCALHOST), port: Some(1) };
    let event = Transition { local: v6, remote: Some(v6), family: Family::Ipv6, ..sample() };
    assert_eq!(decide(criteria, &event), Verdict::Match);
}

#[test]
fn only_ports_among_the_ephemeral_ones_make_events_wait() {
    let holds = |ranges: &[PortRange]| filter(local_ports(ranges)).compile((32_768, 60_999)).config.may_hold;
    assert_eq!(holds(&[22..=22]), 0);
    assert_eq!(holds(&[40_000..=40_000]), 1);
    assert_eq!(holds(&[1..=u16::MAX]), 0);
}

#[test]
fn a_wildcard_listener_s_clone_is_not_decided_by_its_address() {
    let clone = |addr: &str, family| Transition {
        local: Endpoint { addr: addr.parse().expect("an address"), port: Some(443) },
        remote: None,
        family,
        old: TcpState::Listen,
        new: TcpState::SynRecv,
        ..sample()
    };
    let addrs = EndLists { local: include([prefix("10.0.0.0/8")]), ..EndLists::default() };
    let local = Criteria { addrs, ..Criteria::default() };
    assert_eq!(decide(local.clone(), &clone("0.0.0.0", Family::Ipv4)), Verdict::Undecided);
    assert_eq!(decide(local.clone(), &clone("::", Family::Ipv6)), Verdict::Undecided);
    assert_eq!(decide(local, &clone("192.168.0.1", Family::Ipv4)), Verdict::NoMatch);
    let v4 = Criteria { family: Some(Family::Ipv4), ..Criteria::default() };
    assert_eq!(decide(v4.clone(), &clone("::", Family::Ipv6)), Verdict::Undecided);
    assert_eq!(decide(v4, &clone("2001:db8::1", Family::Ipv6)), Verdict::NoMatch);
}

#[test]
fn a_descendant_belongs_to_the_cgroup() {
    let wanted = WantedCgroup { id: 10, path: Some("/system.slice".into()) };
    let filter = filter(Criteria { cgroups: include([wanted]), ..Criteria::default() });
    let (mut cgroups, budget) = (CgroupAncestry::default(), Budget::of_sockets(1));
    cgroups.learn(11, "/system.slice/nginx.service", &budget);
    cgroups.learn(12, "/system.slice2", &budget);
    let of = |id| filter.decide(&Transition { cgroup_id: id, ..sample() }, &Known::default(), &cgroups);
    let verdicts = [Some(10), Some(11), Some(12), Some(13), None].map(of);
    use Verdict::{Match, NoMatch, Undecided};
    assert_eq!(verdicts, [Match, Match, NoMatch, Undecided, Undecided]);
}

#[test]
fn a_list_that_the_kernel_cannot_compare_is_refused() {
    let netns = include(1..=17);
    let error = Filter::new(Criteria { netns, ..Criteria::default() }).expect_err("17 are too many");
    assert_eq!((error.flag, error.given), ("--netns", 17));
}

#[test]
fn states_choose_what_is_printed() {
    use TcpState::{Close, Established, SynSent};
    let event = |old, new| Transition { old, new, ..sample() };
    let shown = StateFilter::new(&include([SynSent]));
    assert!(shown.shows(&event(Close, SynSent)) && shown.shows(&event(SynSent, Established)));
    assert!(!shown.shows(&event(Established, Close)));
    let hidden = StateFilter::new(&List { include: Vec::new(), exclude: vec![SynSent] });
    assert!(hidden.shows(&event(Established, Close)) && !hidden.shows(&event(Close, SynSent)));
    assert!(StateFilter::default().shows(&event(Close, SynSent)));
}

#[test]
fn paths_of_cgroups_take_a_bounded_amount_of_memory() {
    let (mut cgroups, budget) = (CgroupAncestry::default(), Budget::of_sockets(1));
    let mut learn = |id, path| cgroups.learn(id, path, &budget);
    let long = "x".repeat(1 << 20);
    assert_eq!([1, 2, 3, 4].map(|id| learn(id, &long)), [true, true, true, false], "four times as much in 16 MiB");
    assert!(learn(3, "/short") && learn(4, &long), "what is replaced gives its room back");
}
