//! Figures by group: what happened to each service, peer, process or container since the last summary, and in all.
//!
//! Every figure is counted once, in the span that is under way; a summary adds the span to the whole run and begins a new
//! one. A group costs 400 bytes and what its percentiles take, a kilobyte or two for each kind of duration it has.

mod alive;
mod counts;
mod durations;
mod group;
#[cfg(test)]
mod tests;

use self::{
    alive::Alive,
    counts::{Counts, Now},
    group::Grouper,
};
use crate::{
    event::{
        MonotonicNs,
        TcpState::{Close, Listen, SynRecv, SynSent},
    },
    figures::{Group, GroupBy, Groups, SortBy},
    hashing::HashMap,
    memory::Budget,
    observation::{Observation, ObservedTransition, TimeWait},
};

/// Groups kept apart at most; what happens in those beyond is counted together, as [`Group::Other`].
pub const GROUPS: usize = 16_384;

/// Which groups are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listing {
    /// In which order.
    pub sort: SortBy,
    /// How many at most; the others are summed up.
    pub top: usize,
}

/// Counts all that is observed.
pub struct Aggregate {
    grouper: Grouper,
    measures_time_wait: bool,
    slots: Vec<Slot>,
    places: HashMap<Group, usize>,
    capacity: usize,
    open: Alive<()>,
    time_waits: Alive<MonotonicNs>,
    budget: Budget,
}

/// What a group takes, bytes: lists and maps have as much to spare.
const GROUP: usize = 2 * (size_of::<Slot>() + size_of::<(Group, usize)>());

struct Slot {
    group: Group,
    /// Since the last summary.
    recent: Counts,
    /// Before that.
    earlier: Counts,
}

impl Aggregate {
    /// Nothing counted yet. Where timewait sockets are not measured, their figures are unknown, not 0.
    #[must_use]
    pub fn new(by: GroupBy, measures_time_wait: bool, budget: &Budget) -> Self {
        Self {
            grouper: Grouper::new(by),
            measures_time_wait,
            slots: Vec::new(),
            places: HashMap::default(),
            capacity: GROUPS,
            open: Alive::new(budget),
            time_waits: Alive::new(budget),
            budget: budget.clone(),
        }
    }

    /// Counts an observation.
    pub fn observe(&mut self, observation: &Observation) {
        match observation {
            Observation::Cgroup { id, path } => self.grouper.learn_cgroup(*id, path),
            Observation::Transition(observed) => {
                if let (Close, SynSent) | (Listen, SynRecv) = (observed.transition.old, observed.transition.new) {
                    let place = self.place(observed);
                    self.slots[place].recent.opened();
                    self.open.begin(&observed.transition, place, ());
                }
            }
            Observation::Handshake(handshake) => self.counts(&handshake.observed).handshake(handshake),
            Observation::Connection(connection) => {
                // Where it began, whoever has it by now.
                let opened = self.open.end(&connection.observed.transition);
                let place = opened.unwrap_or_else(|| self.place(&connection.observed));
                self.slots[place].recent.ended(connection);
            }
            Observation::Reset(reset) => self.counts(&reset.observed).reset(reset),
            Observation::TimeWait(time_wait) => self.time_wait(time_wait),
            // What follows from the closed one is a connection of its own.
            Observation::Closed(_)
            | Observation::Clock(_)
            | Observation::Namespace(_)
            | Observation::Existing(_)
            | Observation::Anomaly(_)
            | Observation::Gap(_)
            | Observation::Summary(_)
            | Observation::Latency(_)
            | Observation::Sockets(_)
            | Observation::SocketGroups(_) => {}
        }
    }

    fn time_wait(&mut self, TimeWait { observed, seeded, ended }: &TimeWait) {
        match ended {
            None => {
                let place = self.place(observed);
                self.time_waits.begin(&observed.transition, place, observed.transition.time);
                if !seeded {
                    self.slots[place].recent.time_wait_began();
                }
            }
            Some(ended) => {
                // Where it began, so that births and ends of a group agree.
                let place = self.time_waits.end(&observed.transition).unwrap_or_else(|| self.place(observed));
                self.slots[place].recent.time_wait_ended(ended);
            }
        }
    }

    fn counts(&mut self, observed: &ObservedTransition) -> &mut Counts {
        let place = self.place(observed);
        &mut self.slots[place].recent
    }

    /// The slot of the observation's group.
    fn place(&mut self, observed: &ObservedTransition) -> usize {
        let group = self.grouper.group(observed);
        if let Some(place) = self.places.get(&group) {
            return *place;
        }
        let has_room = self.slots.len() < self.capacity && self.budget.take(GROUP);
        let group = if has_room { group } else { Group::Other };
        let Self { slots, budget, .. } = self;
        *self.places.entry(group.clone()).or_insert_with(|| {
            slots.push(Slot { group, recent: Counts::new(budget), earlier: Counts::new(budget) });
            slots.len() - 1
        })
    }

    /// The figures since the last summary, which this one is.
    pub fn recent(&mut self, listing: Listing, at: MonotonicNs) -> Groups {
        let groups = self.list(listing, at, |slot| &slot.recent);
        self.close_span();
        groups
    }

    /// The figures of the whole run.
    pub fn whole(&mut self, listing: Listing, at: MonotonicNs) -> Groups {
        self.close_span();
        self.list(listing, at, |slot| &slot.earlier)
    }

    fn close_span(&mut self) {
        for Slot { recent, earlier, .. } in &mut self.slots {
            if earlier.is_empty() {
                std::mem::swap(recent, earlier);
            } else if !recent.is_empty() {
                earlier.merge(&std::mem::replace(recent, Counts::new(&self.budget)));
            }
        }
    }

    fn list(&self, Listing { sort, top }: Listing, at: MonotonicNs, counts: impl Fn(&Slot) -> &Counts) -> Groups {
        let open = self.open.by_group(self.slots.len(), |()| None);
        let time_wait = self.time_waits.by_group(self.slots.len(), Some);
        let now = |place: usize| Now {
            open: open.as_ref().map(|open| open[place]),
            time_wait: time_wait.as_ref().map(|time_wait| time_wait[place]),
        };
        let is_idle = |place: usize| {
            let count = |alive: Option<alive::AliveInGroup>| alive.map_or(0, |alive| alive.count);
            count(now(place).open) == 0 && count(now(place).time_wait) == 0
        };
        let mut order: Vec<_> = (0..self.slots.len())
            .filter(|place| !counts(&self.slots[*place]).is_empty() || !is_idle(*place))
            .map(|place| (counts(&self.slots[place]).rank(sort), &self.slots[place].group, place))
            .collect();
        order.sort_unstable();
        let figures = |counts: &Counts, now| counts.figures(now, at, self.measures_time_wait);
        let together = |places: &[(_, _, usize)]| {
            let mut sum =
                (Counts::new(&self.budget), Now { open: Some(<_>::default()), time_wait: Some(<_>::default()) });
            for (_, _, place) in places {
                sum.0.merge(counts(&self.slots[*place]));
                sum.1.merge(now(*place));
            }
            figures(&sum.0, sum.1)
        };
        let (listed, rest) = order.split_at(order.len().min(top));
        let one = |(_, group, place): &(_, &Group, usize)| {
            ((*group).clone(), figures(counts(&self.slots[*place]), now(*place)))
        };
        Groups {
            by: self.grouper.by(),
            count: order.len() as u64,
            listed: listed.iter().map(one).collect(),
            rest: (!rest.is_empty()).then(|| together(rest)),
            all: together(&order),
        }
    }
}
