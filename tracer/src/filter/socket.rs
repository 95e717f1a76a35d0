//! The questions about the socket itself, which the kernel side answers too.

use tracer_common::filter::{AF_INET, AF_INET6, Bits, Verdict, decide_ends, decide_family};

use super::{CgroupAncestry, Filter};
use crate::event::{Endpoint, Family, Transition};

impl Filter {
    pub(super) fn decide_socket(&self, event: &Transition, cgroups: &CgroupAncestry) -> Verdict {
        let local_addr = if is_cloned(event) { None } else { Some(&event.local) };
        let local_port = event.local.port.map_or_else(|| self.tables.ephemeral_bits(), |port| self.port_bits(port));
        let remote = event.remote.as_ref();
        let ports = (local_port, remote.map_or(Bits::UNKNOWN, |end| self.remote_port_bits(end)));
        let addrs = (self.addr_bits(local_addr), self.addr_bits(remote));
        self.decide_tables(ports, addrs).and(self.decide_family(event)).and(self.decide_ids(event, cgroups))
    }

    pub(super) fn decide_socket_finally(&self, event: &Transition, cgroups: &CgroupAncestry) -> bool {
        let no_port = self.port_bits(0);
        let no_addr = Bits::known(self.criteria.addrs.bits(|_| false));
        let local_port = event.local.port.map_or(no_port, |port| self.port_bits(port));
        let remote = event.remote.as_ref();
        let ports = (local_port, remote.map_or(no_port, |end| self.remote_port_bits(end)));
        let addrs = (self.addr_bits(Some(&event.local)), remote.map_or(no_addr, |end| self.addr_bits(Some(end))));
        let criteria = &self.criteria;
        self.decide_tables(ports, addrs) == Verdict::Match
            && self.decide_family(event) == Verdict::Match
            && criteria.netns.accepts(|netns| *netns == event.netns)
            && criteria.devices.accepts(|index| event.ifindex == Some(*index))
            && criteria
                .cgroups
                .accepts(|wanted| event.cgroup_id.and_then(|id| cgroups.is_within(id, wanted)) == Some(true))
    }

    fn decide_tables(&self, ports: (Bits, Bits), addrs: (Bits, Bits)) -> Verdict {
        let config = &self.tables.config;
        decide_ends(config.port_lists, ports.0, ports.1).and(decide_ends(config.addr_lists, addrs.0, addrs.1))
    }

    fn decide_family(&self, event: &Transition) -> Verdict {
        let wanted = self.tables.config.family;
        match event.family {
            Family::Ipv4 => decide_family(wanted, AF_INET, false),
            Family::Ipv6 if wanted != 0 && is_cloned(event) => Verdict::Undecided,
            Family::Ipv6 => decide_family(wanted, AF_INET6, event.local.is_mapped()),
        }
    }

    fn decide_ids(&self, event: &Transition, cgroups: &CgroupAncestry) -> Verdict {
        let criteria = &self.criteria;
        criteria
            .netns
            .decide(|netns| Some(*netns == event.netns))
            .and(criteria.devices.decide(|index| event.ifindex.map(|of| of == *index)))
            .and(criteria.cgroups.decide(|wanted| cgroups.is_within(event.cgroup_id?, wanted)))
    }

    fn port_bits(&self, port: u16) -> Bits {
        Bits::known(self.tables.port_bits[usize::from(port)])
    }

    fn remote_port_bits(&self, end: &Endpoint) -> Bits {
        self.port_bits(end.port.unwrap_or(0))
    }

    fn addr_bits(&self, end: Option<&Endpoint>) -> Bits {
        if self.tables.config.addr_lists == 0 {
            return Bits::known(0);
        }
        end.map_or(Bits::UNKNOWN, |end| self.tables.addr_bits(end.addr_v6()))
    }
}

/// Before Linux 6.15, LISTEN→SYN_RECV shows the new socket while it is still a clone of its listener
/// (`inet_csk_clone_lock`): a local wildcard address is not the connection's own.
fn is_cloned(event: &Transition) -> bool {
    event.remote.is_none() && event.local.addr.is_unspecified()
}
