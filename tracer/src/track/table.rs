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

    /// A socket's entry, which stays.
    pub(super) fn get(&mut self, transition: &Transition) -> Option<&mut Connection> {
        let is_new = transition.old == TcpState::SynRecv;
        let key = match transition.cookie {
            Some(cookie) if is_new => self.refile(transition.sock, cookie),
            Some(cookie) => Key::Cookie(cookie),
            None if is_new => Key::Sock(transition.sock),
            None => return None,
        };
        self.connections.get_mut(&key)
    }

    /// Only a socket whose first record came without cookie is filed under its address, until the next tells the cookie.
    fn refile(&mut self, sock: SockAddress, cookie: SocketCookie) -> Key {
        let key = Key::Cookie(cookie);
        if !self.connections.contains_key(&key)
            && let Some(connection) = self.connections.remove(&Key::Sock(sock))
        {
            self.connections.insert(key, connection);
        }
        key
    }

    /// Forgets a socket that is gone.
    pub(super) fn remove(&mut self, transition: &Transition) {
        self.connections.remove(&key(transition));
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
        let replaced = self.connections.insert(key(transition), connection);
        oldest.map(|(_, connection)| connection).into_iter().chain(replaced)
    }

    /// The entry of the socket with this cookie, which stays.
    pub(super) fn of(&mut self, cookie: SocketCookie) -> Option<&mut Connection> {
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

/// The best identity that a socket's transition has.
fn key(transition: &Transition) -> Key {
    transition.cookie.map_or(Key::Sock(transition.sock), Key::Cookie)
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
