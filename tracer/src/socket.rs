//! A socket as the kernel lists it now: what `tracer list` shows.

use std::{num::NonZeroU64, sync::Arc};

use crate::{
    container::container_id,
    event::{Comm, Endpoint, Family, Process, SocketCookie, TcpState},
};

/// The transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Tcp, Self::Udp];

    /// The word used in all outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// One socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// TCP or UDP.
    pub protocol: Protocol,
    /// The socket's family.
    pub family: Family,
    /// Inode number of its network namespace.
    pub netns: u32,
    /// The kernel's cookie.
    pub cookie: Option<SocketCookie>,
    /// This host's end.
    pub local: Endpoint,
    /// The other end; nowhere for a socket that is not connected.
    pub remote: Endpoint,
    /// The kernel's state. Of UDP it is `Close` (not connected) or `Established` (connected).
    pub state: TcpState,
    /// Bytes that the application has not read; of a listener, connections that it has not accepted.
    pub recv_q: u32,
    /// Bytes that the peer has not acknowledged; of a listener, how many may wait to be accepted.
    pub send_q: u32,
    /// Interface the socket is bound to, a number of its network namespace.
    pub ifindex: Option<u32>,
    /// What that interface is called, if it is still there.
    pub interface: Option<Arc<str>>,
    /// Who created it; `None` for what is no full socket (timewait and request sockets), and where it may not be known:
    /// before Linux 6.17 the kernel says 0 of a socket that no descriptor refers to.
    pub uid: Option<u32>,
    /// Its inode number, by which descriptors refer to it; `None` if no descriptor can.
    pub inode: Option<NonZeroU64>,
    /// Its cgroup (v2) when it was created, if the kernel says.
    pub cgroup_id: Option<u64>,
    /// The path of that cgroup from the root of the hierarchy, if it is still there.
    pub cgroup: Option<Arc<str>>,
    /// The timer that is set.
    pub timer: Option<SocketTimer>,
    /// What only TCP has; `None` for UDP, listeners and what is no full socket.
    pub tcp: Option<TcpInfo>,
    /// Who holds it.
    pub owners: Owners,
}

impl Socket {
    /// The descriptors that refer to it, as far as they could be seen.
    #[must_use]
    pub fn descriptors(&self) -> &[Owner] {
        match &self.owners {
            Owners::Known(owners) => owners,
            Owners::Hidden => &[],
        }
    }

    /// Who holds it: each process once for each of its descriptors.
    pub fn processes(&self) -> impl Iterator<Item = Process> {
        self.descriptors().iter().map(Owner::process)
    }

    /// The container that a process runs in which holds it; if none does, the one in which it was made.
    #[must_use]
    pub fn container(&self) -> Option<&str> {
        let holders = self.descriptors().iter().filter_map(|owner| owner.cgroup.as_deref());
        holders.chain(self.cgroup.as_deref()).find_map(container_id)
    }

    /// It waits for connections, or for whatever comes: nobody is at the other end.
    #[must_use]
    pub fn listens(&self) -> bool {
        match self.protocol {
            Protocol::Tcp => self.state == TcpState::Listen,
            Protocol::Udp => self.state == TcpState::Close,
        }
    }
}

/// Who holds a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owners {
    /// These, by pid and descriptor; none if no process holds it (any more, or yet).
    Known(Vec<Owner>),
    /// Some processes could not be looked at, and none of the others holds it.
    Hidden,
}

/// A descriptor that refers to the socket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// The process, as user space counts: the thread group.
    pub pid: u32,
    /// Its leader's name.
    pub comm: Comm,
    /// The descriptor's number.
    pub fd: u32,
    /// The process's cgroup, as a path from the root of the v2 hierarchy.
    pub cgroup: Option<Arc<str>>,
}

impl Owner {
    /// The process.
    #[must_use]
    pub fn process(&self) -> Process {
        Process { pid: self.pid, comm: self.comm }
    }
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimerKind {
    /// Something is sent again if it is not acknowledged in time.
    Retransmit,
    /// The peer is asked whether it is still there.
    Keepalive,
    /// The address pair is kept.
    TimeWait,
    /// The peer's closed window is probed.
    Probe,
}

impl TimerKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Retransmit, Self::Keepalive, Self::TimeWait, Self::Probe];

    /// The word used in all outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retransmit => "retransmit",
            Self::Keepalive => "keepalive",
            Self::TimeWait => "time_wait",
            Self::Probe => "probe",
        }
    }
}

/// A timer that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketTimer {
    /// What for.
    pub kind: TimerKind,
    /// Nanoseconds until it is due; the kernel tells whole milliseconds.
    pub remaining_ns: u64,
    /// How often it was due already without an answer.
    pub expired: u8,
}

/// What the kernel's `struct tcp_info` says of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpInfo {
    /// Smoothed round trip in nanoseconds, of whole microseconds; `None` before the first sample.
    pub rtt_ns: Option<u64>,
    /// Segments sent again since the connection began (`tcpi_total_retrans`).
    pub retransmits: u32,
}
