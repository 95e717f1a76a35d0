//! What is left of a connection once its socket is closed.

use super::ObservedTransition;

/// What ended a timewait socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeWaitEnd {
    /// Its time was over.
    Expired,
    /// A `connect()` of this host took its pair of ends (`tcp_tw_reuse`).
    Reused,
    /// A SYN from the peer opened the pair of ends anew (RFC 6191).
    NewSyn,
    /// A reset came, or one was sent for late data.
    Reset,
    /// An administrator ended it: `ss -K`.
    Killed,
    /// Its network namespace was deleted.
    Netns,
}

impl TimeWaitEnd {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Expired, Self::Reused, Self::NewSyn, Self::Reset, Self::Killed, Self::Netns];

    /// The word used in all outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Reused => "reused",
            Self::NewSyn => "new_syn",
            Self::Reset => "reset",
            Self::Killed => "killed",
            Self::Netns => "netns",
        }
    }
}

/// A timewait socket began, or ended: what is left of a connection once its socket is closed (RFC 9293 §3.6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeWait {
    /// The connection it is left of, with its owner where that was seen; old and new are the substate.
    pub observed: ObservedTransition,
    /// It existed when the trace started.
    pub seeded: bool,
    /// It has ended; `None`: it has just begun, or was found at the start. Outputs show those that ended.
    pub ended: Option<TimeWaitEnded>,
}

/// The end of a timewait socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeWaitEnded {
    /// Whole life of the kernel's small socket, FIN_WAIT2 included, nanoseconds; `None` if its beginning was not seen.
    pub minisocket_ns: Option<u64>,
    /// From the entry into TIME_WAIT proper, nanoseconds; `None` if it never entered it, or if that is not known.
    pub time_wait_ns: Option<u64>,
    /// What ended it; `None` if that cannot be told.
    pub end: Option<TimeWaitEnd>,
    /// The end follows from what else happened, not from the kernel's word.
    pub inferred: bool,
}
