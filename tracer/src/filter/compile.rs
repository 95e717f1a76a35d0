//! From what was asked to the tables that both the kernel and [`Filter`](super::Filter) look things up in.

use std::{cmp::Reverse, net::Ipv6Addr};

use tracer_common::filter::{AF_INET, AF_INET6, Bits, FilterConfig, ID_SET_LEN, IdSet, LOCAL, LOOPBACK, REMOTE};

use super::{
    criteria::{Criteria, PortRange},
    list::List,
    prefix::Prefix,
};
use crate::event::Family;

/// A filter as the kernel side takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelFilter {
    /// What is asked at all, and the short lists.
    pub config: FilterConfig,
    /// List bits of each port. Port 0 stands for "none", the remote end of a listener.
    pub port_bits: Box<[u8; 65_536]>,
    /// Address prefix, its length, and the list bits of the addresses it is the longest match for. Longest first.
    pub prefixes: Vec<(Ipv6Addr, u8, u8)>,
}

/// More namespaces, cgroups or devices than the kernel side can compare.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{flag}: {given} values are given, but at most {ID_SET_LEN} are possible: leave some out or ask for a wider one."
)]
pub struct TooMany {
    /// The flag.
    pub flag: &'static str,
    /// How many.
    pub given: usize,
}

impl KernelFilter {
    /// Compiles, with `ephemeral` as the range local ports are taken from.
    pub(super) fn new(criteria: &Criteria, ephemeral: (u16, u16)) -> Result<Self, TooMany> {
        let config = FilterConfig {
            port_lists: criteria.ports.asked(),
            addr_lists: criteria.addrs.asked() | if criteria.no_loopback { LOOPBACK } else { 0 },
            family: criteria.family.map_or(0, family_number),
            netns: id_set("--netns", &criteria.netns, |netns| u64::from(*netns))?,
            cgroups: id_set("--cgroup", &criteria.cgroups, |cgroup| cgroup.id)?,
            devices: id_set("--dev", &criteria.devices, |index| u64::from(*index))?,
            ..FilterConfig::PASS_ALL
        };
        let port_bits = port_bits(criteria, config.port_lists);
        let prefixes = prefixes(criteria, config.addr_lists);
        Ok(Self { config, port_bits, prefixes }.with_ephemeral(ephemeral))
    }

    /// Whether the kernel side is asked anything.
    #[must_use]
    pub fn asks(&self) -> bool {
        let config = &self.config;
        config.port_lists | config.addr_lists | config.family != 0
            || [&config.netns, &config.cgroups, &config.devices].iter().any(|ids| !ids.is_empty())
    }

    /// The same filter for another range of ephemeral ports.
    pub(super) fn with_ephemeral(mut self, ephemeral: (u16, u16)) -> Self {
        let bits = range_bits(&self.port_bits, ephemeral);
        (self.config.ephemeral_first, self.config.ephemeral_last) = ephemeral;
        (self.config.ephemeral_all, self.config.ephemeral_any) = (bits.all, bits.any);
        self.config.may_hold = u8::from(may_hold(&self.config));
        self
    }

    /// List bits of an address: those of its longest match.
    pub(super) fn addr_bits(&self, addr: Ipv6Addr) -> Bits {
        let leads = |(network, len, _): &&(Ipv6Addr, u8, u8)| {
            (network.to_bits() ^ addr.to_bits()).leading_zeros() >= u32::from(*len)
        };
        Bits::known(self.prefixes.iter().find(leads).map_or(0, |(_, _, bits)| *bits))
    }

    /// List bits of a local port that is not chosen yet.
    pub(super) fn ephemeral_bits(&self) -> Bits {
        Bits { all: self.config.ephemeral_all, any: self.config.ephemeral_any }
    }
}

fn family_number(family: Family) -> u8 {
    match family {
        Family::Ipv4 => AF_INET,
        Family::Ipv6 => AF_INET6,
    }
}

fn id_set<T>(flag: &'static str, list: &List<T>, id: impl Fn(&T) -> u64) -> Result<IdSet, TooMany> {
    let given = list.iter().count();
    let mut set = IdSet::EMPTY;
    if given > ID_SET_LEN {
        return Err(TooMany { flag, given });
    }
    set.included = list.include.len() as u32;
    set.excluded = list.exclude.len() as u32;
    for (place, item) in set.ids.iter_mut().zip(list.iter()) {
        *place = id(item);
    }
    Ok(set)
}

fn port_bits(criteria: &Criteria, asked: u8) -> Box<[u8; 65_536]> {
    let mut bits = Box::new([0; 65_536]);
    if asked == 0 {
        return bits;
    }
    // Between two places where some range starts or has just ended, all ports are alike.
    let places = |range: &PortRange| [u32::from(*range.start()), u32::from(*range.end()) + 1];
    let mut cuts: Vec<_> = criteria.ports.iter().flat_map(places).chain([0, 65_536]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    for pair in cuts.windows(2) {
        // Below 65,536: the last cut only ends a stretch.
        let first = pair[0] as u16;
        let alike = criteria.ports.bits(|range| range.contains(&first));
        bits[pair[0] as usize..pair[1] as usize].fill(alike);
    }
    bits
}

/// What all ports of a range have, and what some have. An impossible range says nothing.
fn range_bits(port_bits: &[u8; 65_536], (first, last): (u16, u16)) -> Bits {
    if first == 0 || first > last {
        return Bits::UNKNOWN;
    }
    let range = &port_bits[usize::from(first)..=usize::from(last)];
    Bits { all: range.iter().fold(u8::MAX, |all, bits| all & bits), any: range.iter().fold(0, |any, bits| any | bits) }
}

/// Whether the first transition of a connection may have to wait for a later one: its local port is not chosen, its
/// remote end not filled in (LISTEN→SYN_RECV before Linux 6.15), or its route not looked up.
fn may_hold(config: &FilterConfig) -> bool {
    let open = config.ephemeral_any & !config.ephemeral_all & config.port_lists & !REMOTE;
    open != 0 || config.port_lists & !LOCAL != 0 || config.addr_lists != 0 || !config.devices.is_empty()
}

/// The prefixes that make a difference, with complete bits each: what holds for a network holds for what lies in it.
fn prefixes(criteria: &Criteria, asked: u8) -> Vec<(Ipv6Addr, u8, u8)> {
    let mut nets = vec![Prefix::ALL];
    if asked != 0 {
        // An IPv6 network such as ::/0 leads IPv4 addresses too, but does not hold them.
        nets.push(Prefix::ALL_IPV4);
        nets.extend(criteria.addrs.iter());
        nets.extend(Prefix::LOOPBACK);
    }
    nets.sort_by_key(|net| (Reverse(net.len_v6()), net.network()));
    nets.dedup();
    let bits = |net: &Prefix| {
        let loopback = Prefix::LOOPBACK.iter().any(|lo| lo.covers(net));
        criteria.addrs.bits(|listed| listed.covers(net)) | if loopback { LOOPBACK } else { 0 }
    };
    nets.iter().map(|net| (net.network(), net.len_v6(), bits(net))).collect()
}
