//! Random filters and random connections that have a chance to meet.

use std::{
    fmt::Debug,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use proptest::{collection::vec, option, prelude::*};

use super::sample;
use crate::{
    event::{Endpoint, Family, Transition},
    filter::{Criteria, EndLists, List, PortRange, Prefix, WantedCgroup},
};

/// A few ports, so that lists and connections meet.
pub(super) fn port() -> impl Strategy<Value = u16> {
    prop_oneof![4 => 1..12_u16, 1 => Just(u16::MAX), 1 => 1..u16::MAX]
}

pub(super) fn range() -> impl Strategy<Value = PortRange> {
    (port(), port()).prop_map(|(a, b)| a.min(b)..=a.max(b))
}

/// Addresses near each other, near loopback and near the border between IPv4 and IPv6.
pub(super) fn addr() -> impl Strategy<Value = IpAddr> {
    let near = (0..3_u8, 0..4_u8);
    let v4 = near.clone().prop_map(|(a, b)| Ipv4Addr::new(10, a, 0, b));
    let lo = (0..3_u8).prop_map(|a| Ipv4Addr::new(127, a, 0, 1));
    let v6 = near.prop_map(|(a, b)| Ipv6Addr::from([0x2001, 0xdb8, a.into(), 0, 0, 0, 0, b.into()]));
    prop_oneof![
        4 => v4.prop_map(IpAddr::V4),
        1 => lo.prop_map(IpAddr::V4),
        3 => v6.prop_map(IpAddr::V6),
        1 => Just(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        1 => Just(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        1 => Just(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
    ]
}

pub(super) fn prefix() -> impl Strategy<Value = Prefix> {
    (addr(), 0..=128_u8, any::<bool>()).prop_map(|(addr, len, is_host)| {
        let len = if addr.is_ipv4() { len / 4 } else { len };
        if is_host { Prefix::host(addr) } else { Prefix::new(addr, len).expect("short enough") }
    })
}

pub(super) fn list<T: Clone + Debug>(item: impl Strategy<Value = T> + Clone) -> impl Strategy<Value = List<T>> {
    let few = |most| vec(item.clone(), 0..most);
    (few(4), few(3)).prop_map(|(include, exclude)| List { include, exclude })
}

pub(super) fn end_lists<T: Clone + Debug + 'static>(
    item: impl Strategy<Value = T> + Clone + 'static,
) -> impl Strategy<Value = EndLists<T>> {
    // Half of the time a list asks nothing, as it is in practice.
    let list = || prop_oneof![Just(List::default()), list(item.clone())];
    (list(), list(), list()).prop_map(|(either, local, remote)| EndLists { either, local, remote })
}

pub(super) fn family() -> impl Strategy<Value = Family> {
    prop_oneof![Just(Family::Ipv4), Just(Family::Ipv6)]
}

pub(super) fn criteria() -> impl Strategy<Value = Criteria> {
    let ids = || prop_oneof![3 => Just(List::default()), 1 => list(1..4_u32)];
    let ends = (end_lists(range().boxed()), end_lists(prefix().boxed()), any::<bool>());
    (ends, option::weighted(0.2, family()), ids(), ids(), ids()).prop_map(
        |((ports, addrs, no_loopback), family, netns, devices, cgroups)| {
            let wanted = |ids: Vec<u32>| ids.into_iter().map(|id| WantedCgroup { id: id.into(), path: None }).collect();
            let cgroups = List { include: wanted(cgroups.include), exclude: wanted(cgroups.exclude) };
            Criteria { ports, addrs, no_loopback, family, netns, devices, cgroups, ..Criteria::default() }
        },
    )
}

/// A connection with both ends known, sometimes IPv4 mapped into IPv6, sometimes a listener.
pub(super) fn connection() -> impl Strategy<Value = Transition> {
    let ends = (addr(), port(), addr(), option::weighted(0.8, port()));
    (ends, any::<bool>(), 1..4_u32, 1..4_u32, 1..4_u64).prop_map(
        |((local, local_port, remote, remote_port), maps, netns, ifindex, cgroup)| {
            let map = |addr| match addr {
                IpAddr::V4(addr) if maps => IpAddr::V6(addr.to_ipv6_mapped()),
                other => other,
            };
            let (local, remote) = (map(local), map(remote));
            Transition {
                family: if local.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 },
                local: Endpoint { addr: local, port: Some(local_port) },
                remote: Some(Endpoint { addr: remote, port: remote_port }),
                netns,
                ifindex: Some(ifindex),
                cgroup_id: Some(cgroup),
                ..sample()
            }
        },
    )
}
