//! What the core concludes from events: the lines and objects that outputs print.

use crate::{
    account::Account,
    event::{ClockPair, Comm, Gap, MonotonicNs, Process, TcpState, Transition},
};

/// Which end of the connection this host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// It sent the SYN.
    Client,
    /// It accepted.
    Server,
    /// A listening socket.
    Listener,
}

impl Role {
    /// The word used in all outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Listener => "listener",
        }
    }
}

/// How the owner of a socket became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnerSource {
    /// It called `connect()`.
    Connect,
    /// It called `listen()`.
    Listen,
    /// It closed or shut down the socket.
    Close,
    /// It holds the socket's descriptor, says /proc.
    Proc,
}

impl OwnerSource {
    /// The word used in all outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Listen => "listen",
            Self::Close => "close",
            Self::Proc => "proc",
        }
    }
}

/// Whose socket it is, and how that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The process.
    pub process: Process,
    /// Where the knowledge comes from.
    pub source: OwnerSource,
}

/// What the table remembers about a socket and the transition alone does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Which end this host is; `None` if the start was not seen.
    pub role: Option<Role>,
    /// Whose socket it is; `None` until proven.
    pub owner: Option<Owner>,
    /// Who listens on the local port, for an accepted socket.
    pub listener: Option<Process>,
}

/// One state change with all that is known about its socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObservedTransition {
    /// The event. Its cookie is filled in from the table where the kernel could not give it.
    pub transition: Transition,
    /// How long the socket was in the old state, nanoseconds; `None` if its entry was not seen.
    pub in_state_ns: Option<u64>,
    /// What the table remembers.
    pub known: Known,
}

/// A transition that neither RFC 9293 nor the kernel's state machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// The transition, as observed.
    pub observed: ObservedTransition,
    /// States that may follow the old one.
    pub expected: &'static [TcpState],
}

/// Figures over a span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The last one of the run.
    pub is_final: bool,
    /// Start of the span.
    pub from: MonotonicNs,
    /// End of the span.
    pub to: MonotonicNs,
    /// Transitions that matched the filter, by `old << 4 | new`.
    pub transitions: [u64; 256],
    /// Anomalies among them.
    pub anomalies: u64,
    /// Connections in the table at the end.
    pub tracked: u64,
    /// Connections the table had to forget to stay within its bound.
    pub evicted: u64,
    /// Sockets' histories that have holes, each of at least one transition, whatever the account says: some kernels
    /// run no BPF program while certain tasks are current.
    pub discontinuities: u64,
    /// Every term of the account.
    pub account: Account,
}

impl Summary {
    /// Holes that the losses in the account cannot explain: each lost record makes one at most.
    #[must_use]
    pub fn unexplained_holes(&self) -> u64 {
        self.discontinuities.saturating_sub(self.account.lost())
    }
}

/// What an output is asked to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// Both clocks; valid for what follows.
    Clock(ClockPair),
    /// A cgroup's path.
    Cgroup {
        /// Its identifier.
        id: u64,
        /// Its path.
        path: Box<str>,
    },
    /// A state change.
    Transition(ObservedTransition),
    /// An impossible state change; the same change is also reported as a transition.
    Anomaly(Anomaly),
    /// Lost records.
    Gap(Gap),
    /// Figures.
    Summary(Box<Summary>),
}

/// Facts about the run that head an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// When it started.
    pub clock: ClockPair,
    /// Host name.
    pub host: String,
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    /// `uname -r`.
    pub kernel: String,
    /// The filter as typed, one string a flag: `--port 443`.
    pub filters: Vec<String>,
    /// What is measured, what is not, and why.
    pub features: Vec<Feature>,
}

/// One thing that is measured, or the reason why it is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Stable name: `transitions`, `cgroup`, `retransmits`.
    pub name: &'static str,
    /// `None`: measured. Otherwise why not.
    pub missing: Option<String>,
}

impl Comm {
    /// The name with control characters, quotes and bytes that are not UTF-8 escaped, for showing to people.
    #[must_use]
    pub fn escaped(&self) -> String {
        String::from_utf8_lossy(self.as_bytes()).escape_debug().to_string()
    }
}
