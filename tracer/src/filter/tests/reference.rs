//! What the flags say, evaluated sentence by sentence, with no table and nothing unknown.

use std::net::IpAddr;

use crate::{
    event::{Endpoint, Family, Transition},
    filter::{Criteria, EndLists, List, Prefix},
};

/// Whether a connection with both ends known belongs.
pub(super) fn belongs(criteria: &Criteria, event: &Transition) -> bool {
    let remote = event.remote.expect("the reference needs both ends");
    ends(&criteria.ports, |range, port: &u16| range.contains(port), &port(&event.local), &port(&remote))
        && ends(&criteria.addrs, is_in, &event.local.addr, &remote.addr)
        && !(criteria.no_loopback && (is_loopback(event.local.addr) || is_loopback(remote.addr)))
        && family(criteria.family, event)
        && list(&criteria.netns, |netns| *netns == event.netns)
        && list(&criteria.devices, |index| Some(*index) == event.ifindex)
        && list(&criteria.cgroups, |wanted| Some(wanted.id) == event.cgroup_id)
}

/// "Values of one flag: any of them. A leading ! excludes."
fn list<T>(list: &List<T>, hits: impl Fn(&T) -> bool) -> bool {
    let wanted = list.include.is_empty() || list.include.iter().any(&hits);
    let excluded = list.exclude.iter().any(hits);
    wanted && !excluded
}

fn ends<T, E>(lists: &EndLists<T>, is_in: impl Fn(&T, &E) -> bool, local: &E, remote: &E) -> bool {
    let is_in = &is_in;
    list(&lists.either, |item| is_in(item, local) || is_in(item, remote))
        && list(&lists.local, |item| is_in(item, local))
        && list(&lists.remote, |item| is_in(item, remote))
}

/// An end without port is in no range.
fn port(end: &Endpoint) -> u16 {
    end.port.unwrap_or(0)
}

fn is_in(prefix: &Prefix, addr: &IpAddr) -> bool {
    let network = prefix.network();
    match (addr.to_canonical(), network.to_ipv4_mapped().filter(|_| prefix.len_v6() >= 96)) {
        (IpAddr::V4(addr), Some(network)) => {
            let len = u32::from(prefix.len_v6()) - 96;
            (0..len).all(|bit| (addr.to_bits() ^ network.to_bits()) >> (31 - bit) & 1 == 0)
        }
        (IpAddr::V6(addr), None) => {
            let len = u32::from(prefix.len_v6());
            (0..len).all(|bit| (addr.to_bits() ^ network.to_bits()) >> (127 - bit) & 1 == 0)
        }
        _ => false,
    }
}

fn is_loopback(addr: IpAddr) -> bool {
    addr.to_canonical().is_loopback()
}

fn family(wanted: Option<Family>, event: &Transition) -> bool {
    let of_v4 = event.local.canonical().is_ipv4();
    wanted.is_none_or(|wanted| (wanted == Family::Ipv4) == of_v4)
}
