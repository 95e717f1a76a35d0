//! Which sockets are alive, and in which group each began.

use crate::{
    event::{MonotonicNs, SockAddress, SocketCookie, Transition},
    hashing::HashMap,
};

/// Sockets remembered at most, 32 bytes each; beyond it nobody knows how many are alive.
const CAPACITY: usize = 1_000_000;

/// A socket's identity: the cookie, or its address while the kernel has not given it one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Identity {
    Cookie(SocketCookie),
    Address(SockAddress),
}

/// Sockets that have begun and not ended.
#[derive(Default)]
pub(super) struct Alive {
    sockets: HashMap<Identity, (usize, MonotonicNs)>,
    overflowed: bool,
}

/// Those of one group.
#[derive(Clone, Copy, Default)]
pub(super) struct AliveInGroup {
    pub(super) count: u64,
    /// When the oldest began.
    pub(super) since: Option<MonotonicNs>,
}

impl Alive {
    pub(super) fn begin(&mut self, socket: &Transition, group: usize) {
        if self.sockets.len() < CAPACITY {
            self.sockets.insert(identity(socket), (group, socket.time));
        } else {
            self.overflowed = true;
        }
    }

    /// The group in which it began, if that was seen.
    pub(super) fn end(&mut self, socket: &Transition) -> Option<usize> {
        self.sockets.remove(&identity(socket)).map(|(group, _)| group)
    }

    /// How many there are in each of so many groups; `None` if not all were remembered.
    pub(super) fn by_group(&self, groups: usize) -> Option<Vec<AliveInGroup>> {
        if self.overflowed {
            return None;
        }
        let mut counts = vec![AliveInGroup::default(); groups];
        for (group, since) in self.sockets.values() {
            if let Some(alive) = counts.get_mut(*group) {
                alive.merge(AliveInGroup { count: 1, since: Some(*since) });
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

fn identity(socket: &Transition) -> Identity {
    socket.cookie.map_or(Identity::Address(socket.sock), Identity::Cookie)
}
