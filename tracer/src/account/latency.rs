//! The account of a run of `tracer latency`.

/// What became of each handshake that the kernel side was run for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LatencyAccount {
    /// Handshakes that the program handled.
    pub seen: u64,
    /// Of them: excluded by the filter.
    pub filtered: u64,
    /// Of them: in no histogram, because the kernel had no memory for one.
    pub lost: u64,
    /// Of them: in a histogram.
    pub measured: u64,
    /// Of them: of unknown latency.
    pub unknown: u64,
    /// State changes that the kernel's recursion guard kept from the program: so many handshakes are missing at most.
    pub missed: u64,
}

impl LatencyAccount {
    /// Whether each handshake that was seen ended somewhere.
    #[must_use]
    pub fn closes(&self) -> bool {
        self.seen == self.filtered + self.lost + self.measured + self.unknown
    }
}
