//! What is counted of one group.

use std::{cmp::Reverse, sync::Arc};

use super::{alive::AliveInGroup, durations::Sketch};
use crate::{
    event::MonotonicNs,
    figures::{Figures, ResetCount, SortBy, TimeWaits},
    measure::reset,
    memory::{Budget, Paid},
    observation::{Connection, Handshake, ObservedReset, Outcome, TimeWaitEnd, TimeWaitEnded},
};

/// Kinds of resets kept apart in a group; the kernel knows about thirty reasons. Those beyond have no reason.
const RESET_KINDS: usize = 64;

/// What such a kind takes, bytes: a list has as much to spare, and a text from a recording may be its own.
const RESET_KIND: usize = 2 * size_of::<ResetCount>() + 80;

/// What happened in a span of time. Empty costs 200 bytes.
pub(super) struct Counts {
    opened: u64,
    ended: u64,
    /// Ended, and their opening was not seen.
    older: u64,
    outcomes: [u64; Outcome::ALL.len()],
    outcome_unknown: u64,
    handshakes: Sketch,
    handshakes_unknown: u64,
    resets: Vec<ResetCount>,
    retransmits: u64,
    time_wait: Option<Box<TimeWaitCounts>>,
    /// For what grows of it.
    paid: Paid,
}

#[derive(Default)]
struct TimeWaitCounts {
    births: u64,
    minisocket: Sketch,
    time_wait: Sketch,
    ends: [u64; TimeWaitEnd::ALL.len()],
    ends_unknown: u64,
}

/// What is alive at the end of a span.
#[derive(Clone, Copy, Default)]
pub(super) struct Now {
    /// `None`: not known.
    pub(super) open: Option<AliveInGroup>,
    /// `None`: not known.
    pub(super) time_wait: Option<AliveInGroup>,
}

impl Now {
    pub(super) fn merge(&mut self, other: Self) {
        let both = |mine: Option<AliveInGroup>, other: Option<AliveInGroup>| {
            let mut sum = mine?;
            sum.merge(other?);
            Some(sum)
        };
        self.open = both(self.open, other.open);
        self.time_wait = both(self.time_wait, other.time_wait);
    }
}

impl Counts {
    /// Nothing yet.
    pub(super) fn new(budget: &Budget) -> Self {
        Self {
            opened: 0,
            ended: 0,
            older: 0,
            outcomes: [0; Outcome::ALL.len()],
            outcome_unknown: 0,
            handshakes: Sketch::default(),
            handshakes_unknown: 0,
            resets: Vec::new(),
            retransmits: 0,
            time_wait: None,
            paid: Paid::nothing(budget),
        }
    }

    pub(super) fn opened(&mut self) {
        self.opened += 1;
    }

    pub(super) fn handshake(&mut self, handshake: &Handshake) {
        match handshake.latency {
            Ok((ns, _)) if self.handshakes.add(ns, &mut self.paid) => {}
            _ => self.handshakes_unknown += 1,
        }
    }

    pub(super) fn ended(&mut self, connection: &Connection) {
        self.ended += 1;
        self.older += u64::from(connection.observed.known.past.opened.time().is_none());
        match connection.outcome {
            Some(outcome) => self.outcomes[outcome as usize] += 1,
            None => self.outcome_unknown += 1,
        }
        self.retransmits += u64::from(connection.observed.transition.total_retrans);
    }

    pub(super) fn reset(&mut self, observed: &ObservedReset) {
        let reason = reset::reason(observed);
        let inferred = reason.as_ref().is_some_and(|reason| reason.inferred);
        self.resets_of(observed.is_received(), reason.map(|reason| reason.name), inferred, 1);
    }

    fn resets_of(&mut self, received: bool, reason: Option<Arc<str>>, inferred: bool, count: u64) {
        let same = |it: &ResetCount| (it.received, &it.reason, it.inferred) == (received, &reason, inferred);
        if let Some(place) = self.resets.iter().position(same) {
            self.resets[place].count += count;
        } else if reason.is_none() || (self.resets.len() < RESET_KINDS && self.paid.pay(RESET_KIND)) {
            self.resets.push(ResetCount { received, reason, inferred, count });
        } else {
            self.resets_of(received, None, false, count);
        }
    }

    pub(super) fn time_wait_began(&mut self) {
        self.time_wait.get_or_insert_default().births += 1;
    }

    pub(super) fn time_wait_ended(&mut self, ended: &TimeWaitEnded) {
        let counts = self.time_wait.get_or_insert_default();
        if let Some(ns) = ended.minisocket_ns {
            counts.minisocket.add(ns, &mut self.paid);
        }
        if let Some(ns) = ended.time_wait_ns {
            counts.time_wait.add(ns, &mut self.paid);
        }
        match ended.end {
            Some(end) => counts.ends[end as usize] += 1,
            None => counts.ends_unknown += 1,
        }
    }

    /// Whether nothing happened.
    pub(super) fn is_empty(&self) -> bool {
        self.opened == 0
            && self.ended == 0
            && self.handshakes.count() == 0
            && self.handshakes_unknown == 0
            && self.resets.is_empty()
            && self.time_wait.is_none()
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.opened += other.opened;
        self.ended += other.ended;
        self.older += other.older;
        add(&mut self.outcomes, &other.outcomes);
        self.outcome_unknown += other.outcome_unknown;
        self.handshakes.merge(&other.handshakes, &mut self.paid);
        self.handshakes_unknown += other.handshakes_unknown;
        for ResetCount { received, reason, inferred, count } in &other.resets {
            self.resets_of(*received, reason.clone(), *inferred, *count);
        }
        self.retransmits += other.retransmits;
        if let Some(other) = &other.time_wait {
            let mine = self.time_wait.get_or_insert_default();
            mine.births += other.births;
            mine.minisocket.merge(&other.minisocket, &mut self.paid);
            mine.time_wait.merge(&other.time_wait, &mut self.paid);
            add(&mut mine.ends, &other.ends);
            mine.ends_unknown += other.ends_unknown;
        }
    }

    /// By what it is sorted: the more, the earlier. 0 sorts by nothing, where the name decides.
    pub(super) fn rank(&self, by: SortBy) -> Reverse<u64> {
        let percentiles = || self.handshakes.durations().percentiles;
        Reverse(match by {
            SortBy::Connections => self.connections(),
            SortBy::Failures => self.ended - self.outcomes[Outcome::Closed as usize] - self.outcome_unknown,
            SortBy::Handshakes => self.handshakes.count(),
            SortBy::P50 => percentiles().map_or(0, |it| it.p50_ns),
            SortBy::P90 => percentiles().map_or(0, |it| it.p90_ns),
            SortBy::P99 => percentiles().map_or(0, |it| it.p99_ns),
            SortBy::Max => percentiles().map_or(0, |it| it.max_ns),
            SortBy::Resets => self.resets.iter().map(|it| it.count).sum(),
            SortBy::Retransmits => self.retransmits,
            SortBy::TimeWait => self.time_wait.as_ref().map_or(0, |it| it.births),
            SortBy::Name => 0,
        })
    }

    fn connections(&self) -> u64 {
        self.opened + self.older
    }

    /// The figures at the moment `at`; of timewait sockets only if they are measured.
    pub(super) fn figures(&self, now: Now, at: MonotonicNs, measures_time_wait: bool) -> Figures {
        let mut resets = self.resets.clone();
        resets.sort_by_key(|it| Reverse(it.count));
        Figures {
            connections: self.connections(),
            opened: self.opened,
            ended: self.ended,
            open: now.open.map(|alive| alive.count),
            outcomes: self.outcomes,
            outcome_unknown: self.outcome_unknown,
            handshakes: self.handshakes.durations(),
            handshakes_unknown: self.handshakes_unknown,
            resets,
            retransmits: self.retransmits,
            time_wait: measures_time_wait.then(|| self.time_waits(now.time_wait, at)),
        }
    }

    fn time_waits(&self, alive: Option<AliveInGroup>, at: MonotonicNs) -> TimeWaits {
        let open = TimeWaits {
            still_open: alive.map(|alive| alive.count),
            longest_so_far_ns: alive.and_then(|alive| alive.since).map(|since| at.since(since)),
            ..TimeWaits::default()
        };
        let Some(counts) = &self.time_wait else { return open };
        TimeWaits {
            births: counts.births,
            minisocket: counts.minisocket.durations(),
            time_wait: counts.time_wait.durations(),
            ends: counts.ends,
            ends_unknown: counts.ends_unknown,
            ..open
        }
    }
}

fn add<const N: usize>(sums: &mut [u64; N], terms: &[u64; N]) {
    sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
}
