//! Our count of what the kernel counts, over exactly the time between two readings of its counters.
//!
//! A reading takes a moment, and a transition is not counted at the very time that it is stamped with. So what happened
//! near a reading is kept apart: it may be in the kernel's figure or not. The readings at the ends of a run are what
//! matters; those between them only move the end.

mod compare;

use std::collections::BTreeMap;

use super::Circumstances;
use crate::{
    event::{MonotonicNs, TcpState},
    figures::host::{Comparison, Counted, Listening},
    hashing::HashMap,
    memory::{Budget, Paid},
    namespace::{Counters, NamespaceReading, Unread},
    observation::{ObservedReset, ObservedTransition, TimeWait},
};

/// Namespaces that are counted at most.
const NAMESPACES: usize = 4_096;
/// Time is looked at in slots of this length, nanoseconds: a task can be preempted for as long between the transition and
/// the counter.
const SLOT_NS: u64 = 5_000_000;
/// Namespaces that are read and compared at most: twice as many as the live source reads.
const COMPARED: usize = 256;
/// Slots kept at most, 10 s; readings are four seconds apart at most.
const SLOTS: usize = 2_048;
/// What a namespace takes, and a slot, bytes: trees and maps have as much to spare.
const NAMESPACE: usize = 2 * size_of::<Namespace>();
const SLOT: usize = 2 * size_of::<(u64, Seen)>();
/// Slots kept at most of a namespace that was not read yet, 320 ms: some of it may be near the first reading.
const SLOTS_UNREAD: usize = 64;

/// How often each was seen, and inferred. A connection that failed before its SYN takes its opening back, so it may be
/// negative for a while.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    seen: [i64; Counted::ALL.len()],
    inferred: [i64; Counted::ALL.len()],
}

impl Seen {
    fn add(&mut self, other: &Self) {
        for (sum, term) in self.seen.iter_mut().zip(other.seen) {
            *sum += term;
        }
        for (sum, term) in self.inferred.iter_mut().zip(other.inferred) {
            *sum += term;
        }
    }
}

/// The kernel's counters, and when they were read.
#[derive(Clone, Copy, Debug)]
struct Reading {
    from: MonotonicNs,
    to: MonotonicNs,
    counters: Counters,
}

/// Our count up to a reading.
#[derive(Clone, Copy, Debug)]
struct UpTo {
    reading: Reading,
    certain: Seen,
    /// Near either reading.
    uncertain: Seen,
}

/// A namespace.
#[derive(Debug)]
struct Namespace {
    first: Option<Reading>,
    last: Option<Reading>,
    unread: Option<Unread>,
    /// Near the first reading.
    at_start: Seen,
    /// Long before the last reading, or before now if there was none.
    settled: Seen,
    /// Since then; the latest of it if there was none.
    slots: BTreeMap<u64, Seen>,
    /// How many slots there is room for.
    room: usize,
    paid: Paid,
    /// Up to the last reading but one, which everything that happened before it has reached by now.
    before: Option<UpTo>,
}

/// Our count of every namespace.
#[derive(Debug)]
pub(super) struct Counts {
    namespaces: HashMap<u32, Namespace>,
    budget: Budget,
}

impl Counts {
    pub(super) fn new(budget: &Budget) -> Self {
        Self { namespaces: HashMap::default(), budget: budget.clone() }
    }

    pub(super) fn read(&mut self, reading: &NamespaceReading) {
        let compared = self.namespaces.values().filter(|namespace| namespace.first.is_some()).count();
        let Some(namespace) = self.namespace(reading.netns) else { return };
        if namespace.first.is_none() && compared >= COMPARED {
            namespace.unread = Some(Unread::TooMany);
            return;
        }
        match &reading.facts {
            // It tells of the settings only.
            Ok(facts) if facts.counters == Counters::default() => {}
            Ok(facts) => {
                namespace.read(Reading { from: reading.from, to: reading.to, counters: facts.counters });
            }
            Err(unread) => namespace.unread = Some(*unread),
        }
    }

    pub(super) fn change(&mut self, observed: &ObservedTransition) {
        use TcpState::{Close, CloseWait, Established, Listen, SynRecv, SynSent};
        let transition = &observed.transition;
        let (counted, by) = match (transition.old, transition.new) {
            (Close, SynSent) => (Counted::ActiveOpens, 1),
            // It had no port, or never wrote: no SYN was made.
            (SynSent, Close) if !transition.sent && transition.error.is_none() => (Counted::ActiveOpens, -1),
            (Listen, SynRecv) => (Counted::PassiveOpens, 1),
            (SynSent | SynRecv, Close) if transition.error.is_some() => (Counted::AttemptFails, 1),
            (Established | CloseWait, Close) => (Counted::EstabResets, 1),
            _ => return,
        };
        self.count(transition.netns, transition.time, counted, by, observed.inferred);
    }

    pub(super) fn reset(&mut self, reset: &ObservedReset) {
        if !reset.is_received() {
            let transition = &reset.observed.transition;
            self.count(transition.netns, transition.time, Counted::OutRsts, 1, false);
        }
    }

    pub(super) fn time_wait(&mut self, it: &TimeWait) {
        if it.ended.is_none() && !it.seeded {
            let transition = &it.observed.transition;
            self.count(transition.netns, transition.time, Counted::TimeWaits, 1, false);
        }
    }

    pub(super) fn comparisons(&self, circumstances: &Circumstances<'_>) -> Vec<Comparison> {
        let asked = self.namespaces.iter().filter(|(netns, _)| circumstances.filter.may_take(**netns));
        let mut all: Vec<_> = asked.filter_map(|(netns, it)| it.comparison(*netns, circumstances)).collect();
        all.sort_by_key(|comparison| comparison.netns);
        all
    }

    pub(super) fn listening(&self, circumstances: &Circumstances<'_>) -> Vec<Listening> {
        let asked = self.namespaces.iter().filter(|(netns, _)| circumstances.filter.may_take(**netns));
        let mut all: Vec<_> = asked.map(|(netns, it)| it.listening(*netns)).collect();
        all.sort_by_key(|listening| listening.netns);
        all
    }

    fn count(&mut self, netns: u32, time: MonotonicNs, counted: Counted, by: i64, inferred: bool) {
        if let Some(seen) = self.namespace(netns).and_then(|namespace| namespace.at(time)) {
            let counts = if inferred { &mut seen.inferred } else { &mut seen.seen };
            counts[counted as usize] += by;
        }
    }

    /// `None`: there are too many.
    fn namespace(&mut self, netns: u32) -> Option<&mut Namespace> {
        let Self { namespaces, budget } = self;
        let has_room = namespaces.contains_key(&netns) || (namespaces.len() < NAMESPACES && budget.take(NAMESPACE));
        has_room.then(|| namespaces.entry(netns).or_insert_with(|| Namespace::new(budget)))
    }
}

impl Namespace {
    fn new(budget: &Budget) -> Self {
        Self {
            first: None,
            last: None,
            unread: None,
            at_start: Seen::default(),
            settled: Seen::default(),
            slots: BTreeMap::new(),
            room: 0,
            paid: Paid::nothing(budget),
            before: None,
        }
    }

    fn read(&mut self, reading: Reading) {
        self.unread = None;
        if self.first.is_none() {
            // What came long before it does not matter.
            self.settled = Seen::default();
            let later = self.slots.split_off(&(slot(reading.to) + 2));
            let earlier = std::mem::replace(&mut self.slots, later);
            earlier.range(slot(reading.from) - 1..).for_each(|(_, seen)| self.at_start.add(seen));
            self.first = Some(reading);
        }
        self.before = self.up_to_last();
        self.last = Some(reading);
        let later = self.slots.split_off(&(slot(reading.from) - 1));
        for seen in std::mem::replace(&mut self.slots, later).values() {
            self.settled.add(seen);
        }
    }

    /// Where what happened then is counted; `None`: it does not matter.
    fn at(&mut self, time: MonotonicNs) -> Option<&mut Seen> {
        let now = slot(time);
        let mut kept = SLOTS_UNREAD;
        if let (Some(first), Some(last)) = (&self.first, &self.last) {
            if now + 1 < slot(first.from) {
                return None;
            }
            if now <= slot(first.to) + 1 {
                return Some(&mut self.at_start);
            }
            if now + 1 < slot(last.from) {
                return Some(&mut self.settled);
            }
            kept = SLOTS;
        }
        if !self.slots.contains_key(&now) {
            self.room += usize::from(self.slots.len() == self.room && self.paid.pay(SLOT));
            if self.slots.len() >= kept.min(self.room)
                && let Some(oldest) = self.slots.first_entry()
            {
                if now < *oldest.key() {
                    return Some(&mut self.settled);
                }
                self.settled.add(&oldest.remove());
            }
        }
        Some(self.slots.entry(now).or_default())
    }

    /// Our count up to the last reading, as far as it has come.
    fn up_to_last(&self) -> Option<UpTo> {
        let reading = self.last?;
        // A recording may claim that it was over before it began.
        let (from, to) = (slot(reading.from), slot(reading.to.max(reading.from)));
        let (mut certain, mut uncertain) = (self.settled, self.at_start);
        self.slots.range(..from - 1).for_each(|(_, seen)| certain.add(seen));
        self.slots.range(from - 1..=to + 1).for_each(|(_, seen)| uncertain.add(seen));
        Some(UpTo { reading, certain, uncertain })
    }
}

/// Slots count from 1, so that each has one before it.
fn slot(time: MonotonicNs) -> u64 {
    time.0 / SLOT_NS + 1
}
