//! The table of connections: keyed by cookie, by the socket's address where the kernel had no cookie yet.

use tracer_common::filter::Verdict;

use crate::{
    event::{Identity, MaybeNs, MonotonicNs, SockAddress, SocketCookie, TcpState, Transition},
    memory::{Budget, Kept, Recent},
    observation::{Known, Observation, ObservedReset},
};

/// What is remembered of one socket.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) state: TcpState,
    /// When it entered `state`, if that was seen.
    pub(super) entered: MaybeNs,
    /// The state it left for `state`; `None` if that was not seen.
    pub(super) previous: Option<TcpState>,
    pub(super) known: Known,
    pub(super) verdict: Verdict,
    /// What few connections have.
    pub(super) pending: Option<Box<Pending>>,
}

/// What was observed of a connection and cannot be reported yet.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Transitions and resets that wait for the filter to be decided.
    pub(super) waiting: Vec<Kept<Observation>>,
    /// A reset that was accepted after the application had closed, unless it turns out to be one that was sent.
    pub(super) doubtful: Option<Kept<ObservedReset>>,
}

/// There may be a million of them.
const _: () = assert!(size_of::<Connection>() <= 136);

impl Connection {
    /// One of which nothing is known but its state.
    pub(super) fn new(state: TcpState) -> Self {
        Self {
            state,
            entered: MaybeNs::UNKNOWN,
            previous: None,
            known: Known::default(),
            verdict: Verdict::Undecided,
            pending: None,
        }
    }

    pub(super) fn pending(&mut self) -> &mut Pending {
        self.pending.get_or_insert_default()
    }
}

/// Connections in the order in which they were last heard of, at most `capacity` and what there is memory for.
pub(super) struct Table {
    connections: Recent<Identity, Connection>,
    evicted: u64,
}

impl Table {
    pub(super) fn new(capacity: usize, budget: &Budget) -> Self {
        Self { connections: Recent::new(capacity, budget), evicted: 0 }
    }

    /// A socket's entry, which stays.
    pub(super) fn get(&mut self, transition: &Transition) -> Option<&mut Connection> {
        let is_new = transition.old == TcpState::SynRecv;
        let key = match transition.cookie {
            Some(cookie) if is_new => self.refile(transition.sock, cookie),
            Some(cookie) => cookie.into(),
            None if is_new => transition.sock.into(),
            None => return None,
        };
        self.connections.get_mut(&key)
    }

    /// Only a socket whose first record came without cookie is filed under its address, until the next tells the cookie.
    fn refile(&mut self, sock: SockAddress, cookie: SocketCookie) -> Identity {
        let key = cookie.into();
        if !self.connections.contains(&key)
            && let Some(connection) = self.connections.remove(&sock.into())
        {
            self.connections.insert(key, connection);
        }
        key
    }

    /// Forgets a socket that is gone.
    pub(super) fn remove(&mut self, transition: &Transition) {
        self.connections.remove(&transition.identity());
    }

    /// Files a socket under the best identity its last transition has. Returns those forgotten for it: the one least
    /// recently heard of if there was no room, and one whose end was not seen and whose address is used again.
    pub(super) fn insert(
        &mut self,
        transition: &Transition,
        connection: Connection,
    ) -> impl Iterator<Item = Connection> + use<> {
        let is_full = self.connections.is_full();
        let oldest = is_full.then(|| self.connections.remove_oldest()).flatten();
        self.evicted += u64::from(is_full);
        let (mut replaced, mut unfiled) = (None, Some(connection));
        // If other tables have taken all memory, there may be no oldest.
        if !self.connections.is_full() {
            replaced = unfiled.take().and_then(|connection| self.connections.insert(transition.identity(), connection));
        }
        oldest.into_iter().chain(replaced).chain(unfiled)
    }

    /// The entry of the socket with this cookie, which stays.
    pub(super) fn of(&mut self, cookie: SocketCookie) -> Option<&mut Connection> {
        self.connections.get_mut(&cookie.into())
    }

    /// Takes out everything.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Connection> {
        std::iter::from_fn(|| self.connections.remove_oldest())
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
pub(super) struct SynAcks(Recent<SocketCookie, MonotonicNs>);

impl SynAcks {
    pub(super) fn new(capacity: usize, budget: &Budget) -> Self {
        Self(Recent::new(capacity, budget))
    }

    pub(super) fn insert(&mut self, cookie: SocketCookie, first: MonotonicNs) {
        if self.0.is_full() {
            self.0.remove_oldest();
        }
        self.0.insert(cookie, first);
    }

    pub(super) fn take(&mut self, cookie: SocketCookie) -> Option<MonotonicNs> {
        self.0.remove(&cookie)
    }
}
