//! A span of time and what the tracker had counted when it began.

use crate::{
    event::MonotonicNs,
    figures::{Groups, Summary, host::HostFigures},
    track::{Tally, Tracker},
};

/// A span that is under way.
#[derive(Clone)]
pub(super) struct Span {
    from: MonotonicNs,
    before: Tally,
    evicted_before: u64,
}

impl Span {
    pub(super) fn begin(from: MonotonicNs, tracker: &Tracker) -> Self {
        Self { from, before: *tracker.tally(), evicted_before: tracker.occupancy().1 }
    }

    pub(super) fn from(&self) -> MonotonicNs {
        self.from
    }

    /// What happened from its beginning until now; an account there is only at the end of a run.
    pub(super) fn summary(self, to: MonotonicNs, tracker: &Tracker, groups: Groups, host: HostFigures) -> Summary {
        let Self { from, before, evicted_before } = self;
        let now = tracker.tally();
        let (tracked, evicted) = tracker.occupancy();
        Summary {
            is_final: false,
            from,
            to,
            transitions: std::array::from_fn(|kind| now.transitions[kind] - before.transitions[kind]),
            anomalies: now.anomalies - before.anomalies,
            tracked,
            evicted: evicted - evicted_before,
            discontinuities: now.discontinuities - before.discontinuities,
            inferred: now.inferred - before.inferred,
            duplicates: now.duplicates - before.duplicates,
            resets: std::array::from_fn(|direction| now.resets[direction] - before.resets[direction]),
            groups,
            host,
            account: None,
        }
    }
}
