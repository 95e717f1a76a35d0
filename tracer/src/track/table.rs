//! The table of connections: keyed by cookie, by the socket's address where the kernel had no cookie yet.

use hashlink::LruCache;
use tracer_common::filter::Verdict;

use crate::{
    event::{MonotonicNs, SockAddress, SocketCookie, TcpState, Transition},
    observation::{Known, Observation, ObservedReset},
};

/// What is remembered of one socket.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) state: TcpState,
    /// When it entered `state`; `None` if that was not seen.
    pub(super) entered: Option<MonotonicNs>,
    /// The state it left for `state`; `None` if that was not seen.
    pub(super) previous: Option<TcpState>,
    pub(super) known: Known,
    pub(super) verdict: Verdict,
    /// Transitions and resets that wait for the filter to be decided.
    pub(super) waiting: Vec<Observation>,
    /// A reset that was accepted after the application had closed, unless it turns out to be one that was sent.
    pub(super) doubtful: Option<Box<ObservedReset>>,
}

impl Connection {
    /// One of which nothing is known but its state.
    pub(super) fn new(state: TcpState) -> Self {
        Self {
            state,
            entered: None,
            previous: None,
            known: Known::default(),
            verdict: Verdict::Undecided,
            waiting: Vec::new(),
            doubtful: None,
        }
    }
}

/// Identity of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    Cookie(SocketCookie),
    Sock(SockAddress),
}

/// Connections in the order in which they were last heard of, at most `capacity`.
pub(super) struct Table {
    connections: LruCache<Key, Connection>,
    evicted: u64,
}

impl Table {
    pub(super) fn new(capacity: usize) -> Self {
        Self { connections: LruCache::new(capacity.max(1)), evicted: 0 }
    }

    /// Takes a socket's entry out; it is put back by [`Table::insert`] unless the socket is gone.
    pub(super) fn take(&mut self, transition: &Transition) -> Option<Connection> {
        if let Some(cookie) = transition.cookie
            && let Some(found) = self.connections.remove(&Key::Cookie(cookie))
        {
            return Some(found);
        }
        // Only a socket whose first record came without cookie is filed under its address.
        matches!(transition.old, TcpState::SynRecv)
            .then(|| self.connections.remove(&Key::Sock(transition.sock)))
            .flatten()
    }

    /// Files a socket under the best identity its last transition has. Returns those forgotten for it: the one least
    /// recently heard of if the table was full, and one whose end was not seen and whose address is used again.
    pub(super) fn insert(
        &mut self,
        transition: &Transition,
        connection: Connection,
    ) -> impl Iterator<Item = Connection> + use<> {
        let is_full = self.connections.len() == self.connections.capacity();
        let oldest = is_full.then(|| self.connections.remove_lru()).flatten();
        self.evicted += u64::from(oldest.is_some());
        let key = transition.cookie.map_or(Key::Sock(transition.sock), Key::Cookie);
        let replaced = self.connections.insert(key, connection);
        oldest.map(|(_, connection)| connection).into_iter().chain(replaced)
    }

    /// A socket's entry, which stays.
    pub(super) fn get(&mut self, cookie: SocketCookie) -> Option<&mut Connection> {
        self.connections.get_mut(&Key::Cookie(cookie))
    }

    /// Takes out everything.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Connection> {
        self.connections.drain().map(|(_, connection)| connection)
    }

    pub(super) fn capacity(&self) -> usize {
        self.connections.capacity()
    }

    pub(super) fn len(&self) -> usize {
        self.connections.len()
    }

    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }
}

/// When the first SYN-ACK of connections was sent of which another had to follow, until they are there. Those that never
/// come make room for others.
pub(super) struct SynAcks(LruCache<SocketCookie, MonotonicNs>);

impl SynAcks {
    pub(super) fn new(capacity: usize) -> Self {
        Self(LruCache::new(capacity.max(1)))
    }

    pub(super) fn insert(&mut self, cookie: SocketCookie, first: MonotonicNs) {
        self.0.insert(cookie, first);
    }

    pub(super) fn take(&mut self, cookie: SocketCookie) -> Option<MonotonicNs> {
        self.0.remove(&cookie)
    }
}
