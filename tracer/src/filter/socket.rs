//! The questions about the socket itself, which the kernel side answers too.

use tracer_common::filter::{AF_INET, AF_INET6, Bits, Verdict, decide_ends, decide_family};

use super::{CgroupAncestry, Filter, subject::Subject};
use crate::event::{Endpoint, Family};

impl Filter {
    pub(super) fn decide_socket(&self, socket: Subject<'_>, cgroups: &CgroupAncestry) -> Verdict {
        let local_addr = if is_cloned(socket) { None } else { Some(socket.local) };
        let local_port = socket.local.port.map_or_else(|| self.tables.ephemeral_bits(), |port| self.port_bits(port));
        let remote = socket.remote;
        let ports = (local_port, remote.map_or(Bits::UNKNOWN, |end| self.remote_port_bits(end)));
        let addrs = (self.addr_bits(local_addr), self.addr_bits(remote));
        self.decide_tables(ports, addrs).and(self.decide_family(socket)).and(self.decide_ids(socket, cgroups))
    }

    pub(super) fn decide_socket_finally(&self, socket: Subject<'_>, cgroups: &CgroupAncestry) -> bool {
        let no_port = self.port_bits(0);
        let no_addr = Bits::known(self.criteria.addrs.bits(|_| false));
        let local_port = socket.local.port.map_or(no_port, |port| self.port_bits(port));
        let remote = socket.remote;
        let ports = (local_port, remote.map_or(no_port, |end| self.remote_port_bits(end)));
        let addrs = (self.addr_bits(Some(socket.local)), remote.map_or(no_addr, |end| self.addr_bits(Some(end))));
        let criteria = &self.criteria;
        self.decide_tables(ports, addrs) == Verdict::Match
            && self.decide_family(socket) == Verdict::Match
            && criteria.netns.accepts(|netns| *netns == socket.netns)
            && criteria.devices.accepts(|index| socket.ifindex == Some(*index))
            && criteria
                .cgroups
                .accepts(|wanted| socket.cgroup_id.and_then(|id| cgroups.is_within(id, wanted)) == Some(true))
    }

    fn decide_tables(&self, ports: (Bits, Bits), addrs: (Bits, Bits)) -> Verdict {
        let config = &self.tables.config;
        decide_ends(config.port_lists, ports.0, ports.1).and(decide_ends(config.addr_lists, addrs.0, addrs.1))
    }

    fn decide_family(&self, socket: Subject<'_>) -> Verdict {
        let wanted = self.tables.config.family;
        match socket.family {
            Family::Ipv4 => decide_family(wanted, AF_INET, false),
            Family::Ipv6 if wanted != 0 && is_cloned(socket) => Verdict::Undecided,
            Family::Ipv6 => decide_family(wanted, AF_INET6, socket.local.is_mapped()),
        }
    }

    fn decide_ids(&self, socket: Subject<'_>, cgroups: &CgroupAncestry) -> Verdict {
        let criteria = &self.criteria;
        criteria
            .netns
            .decide(|netns| Some(*netns == socket.netns))
            .and(criteria.devices.decide(|index| socket.ifindex.map(|of| of == *index)))
            .and(criteria.cgroups.decide(|wanted| cgroups.is_within(socket.cgroup_id?, wanted)))
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
fn is_cloned(socket: Subject<'_>) -> bool {
    socket.remote.is_none() && socket.local.addr.is_unspecified()
}
