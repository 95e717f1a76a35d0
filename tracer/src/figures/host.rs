//! What a host runs out of, what is stuck on it, and what its kernel counted meanwhile.

mod counts;
mod ports;
mod stuck;

pub use self::{
    counts::{Cause, Comparison, Counted, Incomparable, Listening, Pair},
    ports::{Destination, FailedConnect, Ports, REUSE_DELAY_MS, Rate, TIME_WAIT_NS},
    stuck::{Holder, Service, Stuck, StuckGroup, stuck_after_ns},
};

/// Figures about the host, and how far to trust them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostFigures {
    /// Ports that are given out, by destination.
    pub ports: Ports,
    /// Sockets at rest where none should be for long.
    pub stuck: Stuck,
    /// What listeners of each namespace turned away.
    pub listen: Vec<Listening>,
    /// Our count beside the kernel's, for each namespace.
    pub kernel_counters: Vec<Comparison>,
    /// Records were lost, so that a socket may be gone of which it is not known.
    pub lossy: bool,
}
