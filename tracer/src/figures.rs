//! What a summary holds: figures over a span of time.

mod distribution;
mod groups;
pub mod host;
mod latency;
mod sockets;

use self::host::HostFigures;
pub use self::{
    distribution::{BUCKET_ERROR, Distribution, Quantiles},
    groups::{
        Durations, Figures, Group, GroupBy, Groups, PERCENTILE_ERROR, Percentiles, ResetCount, SortBy, TimeWaits,
    },
    latency::{Latency, LatencyBy, LatencyGroup, UNKNOWN, network_bits},
    sockets::{Listed, SocketCounts, SocketGroup, SocketGroups, SocketOrder, Sockets, SocketsBy},
};
use crate::{account::Account, event::MonotonicNs};

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
    /// Transitions that were not seen and are shown as inferred.
    pub inferred: u64,
    /// Transitions that came twice and are shown once.
    pub duplicates: u64,
    /// Resets that matched the filter: sent, received.
    pub resets: [u64; 2],
    /// What the host runs out of, what is stuck, and what the kernel counted.
    pub host: HostFigures,
    /// What happened to each service, or whatever else connections are grouped by.
    pub groups: Groups,
    /// Every term of the account of the whole run; `None` in the middle of it, where records are still on their way.
    pub account: Option<Account>,
}

impl Summary {
    /// Holes that the losses in the account cannot explain: each lost record makes one at most.
    #[must_use]
    pub fn unexplained_holes(&self) -> u64 {
        self.discontinuities.saturating_sub(self.account.as_ref().map_or(0, Account::lost))
    }
}
