//! Which sockets are alive, and in which group each began.

use crate::{
    event::{Identity, MonotonicNs, Transition},
    memory::{Budget, Map},
};

/// Sockets that have begun and not ended, by group and with what else is to be known of their beginning. If there is no room
/// for one, nobody knows how many are alive.
pub(super) struct Alive<T> {
    sockets: Map<Identity, (u32, T)>,
    overflowed: bool,
}

/// Those of one group.
#[derive(Clone, Copy, Default)]
pub(super) struct AliveInGroup {
    pub(super) count: u64,
    /// When the oldest began, if that is to be known.
    pub(super) since: Option<MonotonicNs>,
}

impl<T: Copy> Alive<T> {
    pub(super) fn new(budget: &Budget) -> Self {
        Self { sockets: Map::new(budget), overflowed: false }
    }

    pub(super) fn begin(&mut self, socket: &Transition, group: usize, beginning: T) {
        self.overflowed |= self.sockets.insert(socket.identity(), (group as u32, beginning)).is_none();
    }

    /// The group in which it began, if that was seen.
    pub(super) fn end(&mut self, socket: &Transition) -> Option<usize> {
        self.sockets.remove(&socket.identity()).map(|(group, _)| group as usize)
    }

    /// How many there are in each of so many groups, and since when; `None` if not all were remembered.
    pub(super) fn by_group(
        &self,
        groups: usize,
        since: impl Fn(T) -> Option<MonotonicNs>,
    ) -> Option<Vec<AliveInGroup>> {
        if self.overflowed {
            return None;
        }
        let mut counts = vec![AliveInGroup::default(); groups];
        for (group, beginning) in self.sockets.values() {
            if let Some(alive) = counts.get_mut(*group as usize) {
                alive.merge(AliveInGroup { count: 1, since: since(*beginning) });
            }
        }
        Some(counts)
    }
}

impl AliveInGroup {
    pub(super) fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.since = match (self.since, other.since) {
            (Some(mine), Some(other)) => Some(mine.min(other)),
            (mine, other) => mine.or(other),
        };
    }
}
