//! Sockets at rest in a state in which none should be for long.

use std::net::IpAddr;

use crate::event::{Process, TcpState};

/// From when on a socket in this state is stuck, nanoseconds; `None`: it may rest there.
#[must_use]
pub const fn stuck_after_ns(state: TcpState) -> Option<u64> {
    const SECOND_NS: u64 = 1_000_000_000;
    match state {
        // The SYN was sent again twice, after 1 s and 2 s, to no avail (`TCP_TIMEOUT_INIT`).
        TcpState::SynSent => Some(3 * SECOND_NS),
        // The peer is gone, and this host's application has not closed: it does so at once when it reads the end of file,
        // or it has lost the descriptor.
        TcpState::CloseWait => Some(60 * SECOND_NS),
        // `tcp_fin_timeout`: what the kernel itself would wait for, had the application closed and not just shut down.
        TcpState::FinWait2 => Some(60 * SECOND_NS),
        // Its FIN was sent again some five times (from 200 ms on, doubled each time).
        TcpState::LastAck => Some(10 * SECOND_NS),
        _ => None,
    }
}

/// Sockets in these states, by state, holder and service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stuck {
    /// The largest groups, the stuck before the others, at most [`Stuck::LISTED`].
    pub groups: Vec<StuckGroup>,
    /// Groups that are not listed.
    pub others: u64,
    /// Sockets that were too many to be followed.
    pub uncounted: u64,
}

impl Stuck {
    /// Groups that are listed at most.
    pub const LISTED: usize = 20;
}

/// Whose a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    /// This process owns it.
    Owner(Process),
    /// It was accepted, and nothing has proven yet by whom; this process listens.
    Listener(Process),
    /// Not known.
    Unknown,
}

/// What a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// It was accepted on this port.
    Server(u16),
    /// It was opened to there.
    Client(IpAddr, u16),
    /// Which of the two is not known; this is its other end.
    Unknown(IpAddr, u16),
}

/// Sockets of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StuckGroup {
    /// Inode number of the namespace.
    pub netns: u32,
    /// Their state.
    pub state: TcpState,
    /// Whose they are.
    pub holder: Holder,
    /// What they are for.
    pub service: Service,
    /// How many are in this state.
    pub count: u64,
    /// How many of them for longer than [`stuck_after_ns`].
    pub stuck: u64,
    /// Age of the oldest in this state, nanoseconds.
    pub oldest_ns: u64,
    /// It is at least that old: its entry into the state was not seen.
    pub oldest_is_lower_bound: bool,
}
