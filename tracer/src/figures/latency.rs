//! Handshake latency by group, as the kernel side added it up.

use std::net::IpAddr;

use tracer_common::latency::{BY_CGROUP, BY_NETWORK, BY_PEER, BY_PORT, NETWORK_BITS_IPV4, NETWORK_BITS_IPV6, REASONS};

use super::{Distribution, Group};
use crate::{
    account::LatencyAccount,
    event::MonotonicNs,
    observation::{Role, UnknownLatency},
};

words! {
    /// What handshakes are grouped by, besides the role.
    LatencyBy {
        /// As a server by local port, as a client by remote address and port.
        Port = "port",
        /// By remote address.
        Peer = "peer",
        /// By the remote address's network and the service's port.
        Prefix = "prefix",
        /// By cgroup.
        Cgroup = "cgroup",
    }
}

impl LatencyBy {
    /// As the kernel side takes it.
    #[must_use]
    pub const fn wire(self) -> u32 {
        match self {
            Self::Port => BY_PORT,
            Self::Peer => BY_PEER,
            Self::Prefix => BY_NETWORK,
            Self::Cgroup => BY_CGROUP,
        }
    }
}

/// Why a latency is not known, in the order in which the kernel side counts it.
pub const UNKNOWN: [UnknownLatency; REASONS] = [
    UnknownLatency::NoSample,
    UnknownLatency::MaybeSynCookie,
    UnknownLatency::SynAckRetransmitted,
    UnknownLatency::StartNotSeen,
];

/// How long the network of an address is where addresses are grouped by network.
#[must_use]
pub const fn network_bits(addr: IpAddr) -> u8 {
    match addr {
        IpAddr::V4(_) => NETWORK_BITS_IPV4,
        IpAddr::V6(_) => NETWORK_BITS_IPV6,
    }
}

/// Handshakes over a span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latency {
    /// Of the whole run; otherwise since the last ones.
    pub is_final: bool,
    /// Start of the span.
    pub from: MonotonicNs,
    /// End of the span.
    pub to: MonotonicNs,
    /// What is a group.
    pub by: LatencyBy,
    /// Groups that had a handshake, the most frequent first.
    pub groups: Vec<LatencyGroup>,
    /// How many of them a person wants to read of.
    pub top: usize,
    /// Of the whole run; `None` in the middle of it, where handshakes are being counted.
    pub account: Option<LatencyAccount>,
}

/// Handshakes of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LatencyGroup {
    /// Which end this host is.
    pub role: Role,
    /// Its name.
    pub group: Group,
    /// Those whose segments were sent once.
    pub took: Distribution,
    /// Those whose SYN (client) or SYN-ACK (server) was sent more than once.
    pub retransmitted: Distribution,
    /// Those whose latency is not known, by [`UNKNOWN`].
    pub unknown: [u64; REASONS],
    /// A listener lets connections wait for their first data (`TCP_DEFER_ACCEPT`), which the latency then includes. False:
    /// none was seen to do so.
    pub deferred: bool,
}

impl LatencyGroup {
    /// Handshakes in all.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.took.count() + self.retransmitted.count() + self.unknown_count()
    }

    /// How many of them are of unknown latency.
    #[must_use]
    pub fn unknown_count(&self) -> u64 {
        self.unknown.iter().sum()
    }
}
