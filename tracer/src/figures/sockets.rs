//! Sockets of one moment: each by itself, or by group.

use std::{collections::BTreeMap, net::IpAddr};

use super::Group;
use crate::{
    event::{MonotonicNs, Process, TcpState},
    observation::Role,
    socket::{Protocol, Socket},
};

words! {
    /// What sockets are grouped by.
    SocketsBy {
        /// By protocol and state.
        State = "state",
        /// By who holds them.
        Process = "process",
        /// By remote address.
        Peer = "peer",
        /// As a server by local port, as a client by remote address and port.
        Service = "service",
        /// By container; outside of containers by cgroup.
        Container = "container",
    }
}

words! {
    /// What sockets are sorted by: figures descending, names ascending, what is unknown last.
    SocketOrder {
        /// As the kernel lists them.
        None = "none",
        /// Bytes that were not read, or connections that were not accepted.
        RecvQ = "recv-q",
        /// Bytes that were not acknowledged.
        SendQ = "send-q",
        /// In the order of the kernel's numbers.
        State = "state",
        /// This host's end.
        Local = "local",
        /// The other end.
        Remote = "remote",
        /// Round trip.
        Rtt = "rtt",
        /// Segments sent again.
        Retransmits = "retransmits",
        /// Name of who holds it.
        Process = "process",
        /// What is due first.
        Timer = "timer",
    }
}

impl SocketOrder {
    /// Whether it needs what only TCP has.
    #[must_use]
    pub const fn needs_tcp_info(self) -> bool {
        matches!(self, Self::Rtt | Self::Retransmits)
    }
}

/// A socket, and which end it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The socket.
    pub socket: Socket,
    /// Which end of a connection; `None` if nothing tells.
    pub role: Option<Role>,
    /// The role is deduced from the ports.
    pub inferred: bool,
}

/// The sockets of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sockets {
    /// When the kernel was asked.
    pub at: MonotonicNs,
    /// In the order asked for.
    pub listed: Vec<Listed>,
}

/// A group of sockets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SocketGroup {
    /// In this state.
    State(Protocol, TcpState),
    /// Of a service: [`Group::Server`], [`Group::Client`] or [`Group::Unknown`].
    Service(Protocol, Group),
    /// With this remote address.
    Peer(IpAddr),
    /// Connected with nobody.
    NoPeer,
    /// Held by this process, the one with the lowest number if there are several.
    Process(Process),
    /// Held by no process (any more, or yet).
    NoProcess,
    /// Held by a process that may not be looked at.
    Hidden,
    /// Of a container or a cgroup: [`Group::Container`], [`Group::Cgroup`], [`Group::CgroupId`] or [`Group::Unknown`].
    Container(Group),
}

/// Of one group, or of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SocketCounts {
    /// How many sockets.
    pub sockets: u64,
    /// By state.
    pub states: BTreeMap<(Protocol, TcpState), u64>,
    /// By who holds them; only if the groups are states.
    pub holders: BTreeMap<SocketGroup, u64>,
    /// Bytes that were not read.
    pub recv_q: u64,
    /// Bytes that were not acknowledged.
    pub send_q: u64,
    /// Connections that were not accepted.
    pub accept_q: u64,
}

/// Sockets of one moment by group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketGroups {
    /// When the kernel was asked.
    pub at: MonotonicNs,
    /// What is a group.
    pub by: SocketsBy,
    /// In the order asked for.
    pub groups: Vec<(SocketGroup, SocketCounts)>,
    /// All groups together.
    pub all: SocketCounts,
}
