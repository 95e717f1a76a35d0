//! What the kernel counted, and what tracer did.

use crate::{
    event::MonotonicNs,
    namespace::{Counter, Unread},
};

/// What listeners of a namespace turned away, and what else ran over, since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    /// Inode number of the namespace.
    pub netns: u32,
    /// By how much each of [`Listening::COUNTERS`] grew; `None` if this kernel does not count it.
    pub grown: Result<[Option<u64>; Self::COUNTERS.len()], Unread>,
}

impl Listening {
    /// What is told.
    pub const COUNTERS: [Counter; 8] = [
        Counter::ListenOverflows,
        Counter::ListenDrops,
        Counter::RequestQueueDrops,
        Counter::RequestQueueCookies,
        Counter::SyncookiesSent,
        Counter::SyncookiesRecv,
        Counter::SyncookiesFailed,
        Counter::TimeWaitOverflow,
    ];

    /// Each counter and by how much it grew; `None` if that is not known.
    pub fn counted(&self) -> impl Iterator<Item = (Counter, Option<u64>)> {
        Self::COUNTERS.into_iter().zip(self.grown.unwrap_or_default())
    }
}

/// What the kernel counted in a namespace beside what tracer saw there, over the same time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Inode number of the namespace.
    pub netns: u32,
    /// From when to when; `None` if its counters were not read twice.
    pub span: Option<(MonotonicNs, MonotonicNs)>,
    /// Why the two cannot be compared, if so.
    pub incomparable: Option<Incomparable>,
    /// Each counter of [`Counted::ALL`], in that order.
    pub pairs: [Pair; Counted::ALL.len()],
}

impl Comparison {
    /// Each counter and its pair.
    pub fn counted(&self) -> impl Iterator<Item = (Counted, &Pair)> {
        Counted::ALL.into_iter().zip(&self.pairs)
    }
}

/// Why our count and the kernel's cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Incomparable {
    /// The filter takes only some of the namespace's connections.
    Filtered,
    /// The kernel's counters were read once only.
    ReadOnce,
    /// They were not read.
    Unread(Unread),
}

impl Incomparable {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Filtered, Self::ReadOnce].into_iter().chain(Unread::ALL.map(Self::Unread))
    }

    /// The word used in all outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Filtered => "filtered",
            Self::ReadOnce => "read_once",
            Self::Unread(unread) => unread.name(),
        }
    }
}

/// What both count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counted {
    /// CLOSE→SYN_SENT of which a SYN was made (`tcp_connect`, net/ipv4/tcp_output.c).
    ActiveOpens,
    /// LISTEN→SYN_RECV (`tcp_create_openreq_child`, net/ipv4/tcp_minisocks.c).
    PassiveOpens,
    /// SYN_SENT or SYN_RECV→CLOSE by `tcp_done` (net/ipv4/tcp.c): with an error. Closing a socket is none.
    AttemptFails,
    /// ESTABLISHED or CLOSE_WAIT→CLOSE (`tcp_set_state`, net/ipv4/tcp.c).
    EstabResets,
    /// RSTs sent.
    OutRsts,
    /// Timewait sockets begun: the kernel's TW and TWKilled (`__inet_twsk_schedule`, net/ipv4/inet_timewait_sock.c).
    TimeWaits,
}

impl Counted {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::ActiveOpens, Self::PassiveOpens, Self::AttemptFails, Self::EstabResets, Self::OutRsts, Self::TimeWaits];

    /// The kernel's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ActiveOpens => "ActiveOpens",
            Self::PassiveOpens => "PassiveOpens",
            Self::AttemptFails => "AttemptFails",
            Self::EstabResets => "EstabResets",
            Self::OutRsts => "OutRsts",
            Self::TimeWaits => "TW+TWKilled",
        }
    }
}

/// One counter, ours and the kernel's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pair {
    /// By how much the kernel's grew.
    pub kernel: Option<u64>,
    /// How many tracer saw that fall into that time for certain; `None` if it does not look.
    pub ours: Option<u64>,
    /// What explains how many of those that the kernel has more.
    pub causes: Vec<(Cause, u64)>,
    /// What is left of the kernel's less ours; `None` if they cannot be compared.
    pub unexplained: Option<i64>,
}

words! {
    /// Why the kernel may have counted more than tracer.
    Cause {
        /// Seen while the counters were read, at the start or at the end: counted or not, nobody can tell.
        InFlight = "in_flight",
        /// Requests that were reset half-open have no socket that could change its state (EmbryonicRsts).
        HalfOpenReset = "half_open_reset",
        /// This kernel does not report RSTs for which there is no socket (before Linux 6.10).
        NoSocket = "no_socket",
        /// Not seen, but another transition cannot have come without it.
        Inferred = "inferred",
        /// Records were lost, or never made: no more than so many, on the whole host.
        Lost = "lost",
    }
}
