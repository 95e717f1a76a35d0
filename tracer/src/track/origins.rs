//! What is known of a connection before its own events tell.

use super::{
    listeners::Listeners,
    table::{Connection, SynAcks},
};
use crate::{
    event::{Process, SocketCookie, TcpState, Transition},
    memory::{Budget, Map},
    observation::{Known, Owner, OwnerSource},
};

/// Where connections come from.
pub(super) struct Origins {
    pub(super) listeners: Listeners,
    pub(super) syn_acks: SynAcks,
    /// Holders of sockets that are older than the trace and of which no transition was seen yet.
    pub(super) existing: Map<SocketCookie, Process>,
}

impl Origins {
    pub(super) fn new(capacity: usize, budget: &Budget) -> Self {
        Self { listeners: Listeners::default(), syn_acks: SynAcks::new(capacity, budget), existing: Map::new(budget) }
    }

    /// A connection of which this is the first transition.
    pub(super) fn connection(&mut self, transition: &Transition) -> Connection {
        let holder = transition.cookie.and_then(|cookie| self.existing.remove(&cookie));
        let holder = holder.filter(|_| !is_start(transition));
        let owner = holder.map(|process| Owner { process, source: OwnerSource::Proc });
        Connection { known: Known { owner, ..Known::default() }, ..Connection::new(transition.old) }
    }
}

/// Whether a socket's life begins.
pub(super) fn is_start(transition: &Transition) -> bool {
    use TcpState::{Close, Listen, SynRecv};
    matches!((transition.old, transition.new), (Close, _) | (Listen, SynRecv))
}
