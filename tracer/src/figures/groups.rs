//! Figures by group: what happened to each service, peer, process or container.

use std::{net::IpAddr, sync::Arc};

use crate::{
    event::Process,
    observation::{Outcome, TimeWaitEnd},
};

/// How far a percentile may be from the value that has its rank, relative to that value. Maxima are exact.
pub const PERCENTILE_ERROR: f64 = 0.01;

words! {
    /// What connections are grouped by.
    GroupBy {
        /// As a server by local port, as a client by remote address and port.
        Service = "service",
        /// By remote address.
        Peer = "peer",
        /// By who connected, or who listens.
        Process = "process",
        /// By container; outside of containers by cgroup.
        Container = "container",
    }
}

words! {
    /// What groups are sorted by: names ascending, figures descending.
    SortBy {
        /// How many connections.
        Connections = "connections",
        /// How many of them failed.
        Failures = "failures",
        /// How many handshakes were measured.
        Handshakes = "handshakes",
        /// Median of handshakes.
        P50 = "p50",
        /// 90 % of handshakes took no longer.
        P90 = "p90",
        /// 99 % of handshakes took no longer.
        P99 = "p99",
        /// The longest handshake.
        Max = "max",
        /// Resets, both directions.
        Resets = "resets",
        /// Segments retransmitted.
        Retransmits = "retransmits",
        /// Births of timewait sockets.
        TimeWait = "time-wait",
        /// The group's own name.
        Name = "name",
    }
}

/// A group. The network namespace is part of a service's identity: two pods may both listen on port 8080 or talk to
/// 127.0.0.1:6379, and are nothing to each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Connections accepted on a port of this host.
    Server {
        /// The local port.
        port: u16,
        /// Inode number of the network namespace.
        netns: u32,
    },
    /// Connections to a port of another host.
    Client {
        /// The remote address; IPv4 where it is mapped into IPv6.
        addr: IpAddr,
        /// The remote port.
        port: u16,
        /// Inode number of the network namespace.
        netns: u32,
    },
    /// Connections with a remote address.
    Peer(IpAddr),
    /// Connections that a process made, or that it holds.
    Process(Process),
    /// Connections accepted where a process listens, whoever serves them.
    Listener(Process),
    /// Connections of this host with a network, to the port of a service or accepted on one.
    Network {
        /// The remote network's address; IPv4 where it is mapped into IPv6.
        addr: IpAddr,
        /// The service's port.
        port: u16,
        /// Inode number of the network namespace.
        netns: u32,
    },
    /// What runs in a container, by its identifier.
    Container(Arc<str>),
    /// What runs in a cgroup that is no container's, by its path.
    Cgroup(Arc<str>),
    /// The same where the path is not known, by identifier.
    CgroupId(u64),
    /// What would tell the group is not known.
    Unknown,
    /// All groups beyond those that are kept apart.
    Other,
}

/// How many, of one direction and reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResetCount {
    /// Accepted by a socket; otherwise sent by this host.
    pub received: bool,
    /// Why; `None` if nothing tells.
    pub reason: Option<Arc<str>>,
    /// The reason is deduced.
    pub inferred: bool,
    /// How many.
    pub count: u64,
}

/// Durations, nanoseconds. Percentiles by nearest rank, with [`PERCENTILE_ERROR`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percentiles {
    /// Half of them were no longer.
    pub p50_ns: u64,
    /// 90 % of them were no longer.
    pub p90_ns: u64,
    /// 99 % of them were no longer.
    pub p99_ns: u64,
    /// The longest, exact.
    pub max_ns: u64,
}

/// How long something took, of all times that it was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Durations {
    /// How many were measured.
    pub count: u64,
    /// `None` if none was.
    pub percentiles: Option<Percentiles>,
}

/// Timewait sockets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeWaits {
    /// Births; not those that existed at the start.
    pub births: u64,
    /// Whole lives of the kernel's small sockets, of those that ended.
    pub minisocket: Durations,
    /// Lives in TIME_WAIT proper, of those that ended.
    pub time_wait: Durations,
    /// Ends, by [`TimeWaitEnd::ALL`].
    pub ends: [u64; TimeWaitEnd::ALL.len()],
    /// Ends of which nothing tells what they were.
    pub ends_unknown: u64,
    /// Those that have not ended, whether born in this span or before; `None` if there were too many to remember.
    pub still_open: Option<u64>,
    /// What the oldest of them has lived so far, nanoseconds: a lower bound of its life, in no percentile. Of one that
    /// existed at the start, what it has lived since.
    pub longest_so_far_ns: Option<u64>,
}

/// The figures of one group, or of several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Connections that opened, or that ended and are older than the trace.
    pub connections: u64,
    /// Of them those whose opening was seen.
    pub opened: u64,
    /// Connections that ended.
    pub ended: u64,
    /// Connections whose opening was seen and that have not ended; `None` if there were too many to remember.
    pub open: Option<u64>,
    /// How they ended, by [`Outcome::ALL`].
    pub outcomes: [u64; Outcome::ALL.len()],
    /// Ended, not known how.
    pub outcome_unknown: u64,
    /// Handshakes that were measured.
    pub handshakes: Durations,
    /// Handshakes whose latency is not known.
    pub handshakes_unknown: u64,
    /// Resets by direction and reason, the most frequent first.
    pub resets: Vec<ResetCount>,
    /// Segments retransmitted, over the whole lives of the connections that ended.
    pub retransmits: u64,
    /// `None`: not measured.
    pub time_wait: Option<TimeWaits>,
}

impl Figures {
    /// How connections failed, and how many so: every outcome but an orderly close.
    pub fn failures(&self) -> impl Iterator<Item = (Outcome, u64)> {
        let by_outcome = Outcome::ALL.into_iter().zip(self.outcomes);
        by_outcome.filter(|(outcome, count)| *outcome != Outcome::Closed && *count > 0)
    }

    /// How many connections failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failures().map(|(_, count)| count).sum()
    }

    /// Resets of both directions.
    #[must_use]
    pub fn reset_count(&self) -> u64 {
        self.resets.iter().map(|reset| reset.count).sum()
    }
}

/// Figures by group over a span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Groups {
    /// What is a group.
    pub by: GroupBy,
    /// How many groups had anything happen.
    pub count: u64,
    /// The first of them, in the order asked for.
    pub listed: Vec<(Group, Figures)>,
    /// All that are not listed, together; `None` if there are none.
    pub rest: Option<Figures>,
    /// All groups together.
    pub all: Figures,
}
