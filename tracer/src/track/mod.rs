//! Connections: one state machine each, from events to observations. Pure: no clock, no terminal, no file, no kernel.

mod listeners;
mod rfc;
mod table;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use tracer_common::filter::Verdict;

pub use self::rfc::expected_after;
use self::{
    listeners::Listeners,
    table::{Connection, Table},
};
use crate::{
    event::{Event, ExistingSocket, Process, SocketCookie, TcpState, Transition},
    filter::{CgroupAncestry, Filter},
    observation::{self, Anomaly, Known, Observation, ObservedTransition, Owner, OwnerSource, Past, Role, Side},
};

/// Transitions of one connection that wait for the filter at most; a connection has about ten in all.
const WAITING: usize = 32;

/// Figures the tracker keeps about its own work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Transitions that matched the filter, by `old << 4 | new`.
    pub transitions: [u64; 256],
    /// Anomalies among them.
    pub anomalies: u64,
    /// How often a socket's transition did not start in the state in which the one before had ended: transitions in
    /// between were not seen, at least one each time.
    pub discontinuities: u64,
}

/// Follows every connection.
pub struct Tracker {
    filter: Filter,
    table: Table,
    listeners: Listeners,
    /// Holders of sockets that are older than the trace and of which no transition was seen yet.
    existing: HashMap<SocketCookie, Process>,
    ancestry: CgroupAncestry,
    tally: Tally,
}

impl Tracker {
    /// Follows up to `capacity` sockets at a time and reports what `filter` lets through.
    #[must_use]
    pub fn new(filter: Filter, capacity: usize) -> Self {
        Self {
            filter,
            table: Table::new(capacity),
            listeners: Listeners::default(),
            existing: HashMap::new(),
            ancestry: CgroupAncestry::default(),
            tally: Tally { transitions: [0; 256], anomalies: 0, discontinuities: 0 },
        }
    }

    /// Takes in one event and reports what follows from it.
    pub fn apply(&mut self, event: Event, report: &mut impl FnMut(&Observation)) {
        match event {
            Event::Clock(pair) => report(&Observation::Clock(pair)),
            Event::Cgroup { id, path } => {
                self.ancestry.learn(id, &path);
                report(&Observation::Cgroup { id, path });
            }
            Event::Gap(gap) => report(&Observation::Gap(gap)),
            Event::Existing(socket) => self.meet(socket),
            Event::Transition(transition) => self.transition(transition, report),
        }
    }

    /// Remembers whose a socket is that is older than the trace. Only that: its state is the stream's to tell.
    fn meet(&mut self, socket: ExistingSocket) {
        let ExistingSocket { cookie, netns, local, listens, holder } = socket;
        if listens {
            self.listeners.insert(netns, &local, cookie, holder);
        }
        if self.existing.len() < self.table.capacity() {
            self.existing.insert(cookie, holder);
        }
    }

    /// Figures so far.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Sockets in the table, and how many had to be forgotten.
    #[must_use]
    pub fn occupancy(&self) -> (u64, u64) {
        (self.table.len() as u64, self.table.evicted())
    }

    /// Reports what still waits for a later transition: none will come.
    pub fn finish(&mut self, report: &mut impl FnMut(&Observation)) {
        let mut waiting: Vec<_> = self.table.take_waiting().flatten().collect();
        waiting.sort_by_key(|observed| observed.transition.time);
        self.conclude(waiting, report);
    }

    /// Reports what waited, as far as the filter does not exclude it.
    fn conclude(&mut self, waiting: Vec<ObservedTransition>, report: &mut impl FnMut(&Observation)) {
        for observed in waiting {
            if self.filter.decide_finally(&observed.transition, &observed.known, &self.ancestry) {
                self.emit(&observed, report);
            }
        }
    }

    fn transition(&mut self, transition: Transition, report: &mut impl FnMut(&Observation)) {
        let mut connection = self.connection(&transition);
        complete(&mut connection.waiting, &transition);
        let in_state_ns = (connection.state == transition.old)
            .then(|| connection.entered.map(|since| transition.time.since(since)))
            .flatten();
        self.learn(&transition, &mut connection.known);
        remember(&transition, in_state_ns, &mut connection.known.past);
        let observed = ObservedTransition { transition, in_state_ns, known: connection.known };
        self.decide(&observed, &mut connection, report);
        connection.state = transition.new;
        connection.entered = Some(transition.time);
        if transition.new != TcpState::Close {
            for forgotten in self.table.insert(&transition, connection) {
                self.conclude(forgotten.waiting, report);
            }
        }
    }

    /// What is known of the transition's socket, or a fresh entry.
    fn connection(&mut self, transition: &Transition) -> Connection {
        let known = self.table.take(transition);
        self.tally.discontinuities += u64::from(known.as_ref().is_some_and(|known| known.state != transition.old));
        let starts = transition.old == TcpState::Close
            || (transition.old == TcpState::Listen && transition.new == TcpState::SynRecv);
        known.filter(|_| !starts).unwrap_or_else(|| {
            let holder = transition.cookie.and_then(|cookie| self.existing.remove(&cookie));
            let owner = holder.filter(|_| !starts).map(|process| Owner { process, source: OwnerSource::Proc });
            Connection {
                state: transition.old,
                entered: None,
                known: Known { owner, ..Known::default() },
                verdict: Verdict::Undecided,
                waiting: Vec::new(),
            }
        })
    }

    /// Learns the role and the owner from a transition that proves them.
    fn learn(&mut self, transition: &Transition, known: &mut Known) {
        use TcpState::{Close, Listen, SynRecv, SynSent};
        match (transition.old, transition.new) {
            (Close, SynSent) | (SynSent, _) => known.role = Some(Role::Client),
            (Listen, SynRecv) => known.role = Some(Role::Server),
            (Close, Listen) | (Listen, _) => known.role = Some(Role::Listener),
            _ => {}
        }
        if let (Some(process), Some(source)) = (transition.actor, ownership(transition, known)) {
            known.owner = Some(Owner { process, source });
        }
        match (transition.old, transition.new) {
            (Close, Listen) => {
                if let (Some(process), Some(cookie)) = (transition.actor, transition.cookie) {
                    self.listeners.insert(transition.netns, &transition.local, cookie, process);
                }
            }
            (Listen, Close) => self.listeners.remove(transition),
            _ if known.role == Some(Role::Server) && known.listener.is_none() => {
                known.listener = self.listeners.of(transition);
            }
            _ => {}
        }
    }

    /// Reports the transition if the filter lets the connection through, with those that waited for the answer.
    fn decide(
        &mut self,
        observed: &ObservedTransition,
        connection: &mut Connection,
        report: &mut impl FnMut(&Observation),
    ) {
        if observed.transition.remote.is_none() {
            // The next transition of this socket tells which connection it is.
            connection.waiting.push(*observed);
            return;
        }
        if connection.verdict != Verdict::Match {
            connection.verdict = self.verdict(observed);
        }
        match connection.verdict {
            Verdict::NoMatch => connection.waiting.clear(),
            Verdict::Undecided => {
                if connection.waiting.len() < WAITING {
                    connection.waiting.push(*observed);
                }
            }
            Verdict::Match => {
                for earlier in std::mem::take(&mut connection.waiting) {
                    self.emit(&earlier, report);
                }
                self.emit(observed, report);
            }
        }
    }

    /// The filter's answer, final when the socket is: no later event can tell more.
    fn verdict(&self, ObservedTransition { transition, known, .. }: &ObservedTransition) -> Verdict {
        if transition.new != TcpState::Close {
            self.filter.decide(transition, known, &self.ancestry)
        } else if self.filter.decide_finally(transition, known, &self.ancestry) {
            Verdict::Match
        } else {
            Verdict::NoMatch
        }
    }

    fn emit(&mut self, observed: &ObservedTransition, report: &mut impl FnMut(&Observation)) {
        let (old, new) = (observed.transition.old, observed.transition.new);
        self.tally.transitions[usize::from(old as u8) << 4 | usize::from(new as u8)] += 1;
        report(&Observation::Transition(*observed));
        let expected = expected_after(old);
        if !expected.contains(&new) {
            self.tally.anomalies += 1;
            report(&Observation::Anomaly(Anomaly { observed: *observed, expected }));
        }
    }
}

/// Takes a transition into a connection's past.
fn remember(transition: &Transition, in_state_ns: Option<u64>, past: &mut Past) {
    use TcpState::{Close, CloseWait, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynRecv, SynSent};
    let Transition { time, srtt_us8, total_retrans, error, .. } = *transition;
    match (transition.old, transition.new) {
        (Close, SynSent) | (Listen, SynRecv) => *past = Past { opened: Some(time), ..Past::default() },
        (from, Established) => {
            let retransmits = total_retrans;
            past.established = Some(observation::Established { at: time, from, in_state_ns, srtt_us8, retransmits });
        }
        (Established | SynRecv, FinWait1) => past.closed_by = Some(Side::Local),
        (_, CloseWait) => past.closed_by = Some(Side::Remote),
        (FinWait1, Closing) => past.closed_by = Some(Side::Both),
        (FinWait1, FinWait2) => past.fin_acked = true,
        (LastAck | Closing, Close) => past.fin_acked = error.is_none(),
        _ => {}
    }
}

/// Fills in what the kernel could not say yet of the transitions before this one: until 6.15 a new socket is reported at
/// LISTEN→SYN_RECV while it still is a copy of its listener (`tcp_v4_syn_recv_sock`, net/ipv4/tcp_ipv4.c).
fn complete(waiting: &mut [ObservedTransition], now: &Transition) {
    for observed in waiting.iter_mut().filter(|observed| observed.transition.remote.is_none()) {
        let Transition { cookie, family, local, remote, .. } = *now;
        observed.transition = Transition { cookie, family, local, remote, ..observed.transition };
    }
}

/// How a transition proves that whoever held the socket's lock owns the socket; `None` if it does not.
fn ownership(transition: &Transition, known: &Known) -> Option<OwnerSource> {
    use TcpState::{Close, CloseWait, Established, FinWait1, LastAck, Listen, SynRecv, SynSent};
    match (transition.old, transition.new) {
        (Close, SynSent) => Some(OwnerSource::Connect),
        (Close, Listen) => Some(OwnerSource::Listen),
        (Established | SynRecv, FinWait1) | (CloseWait, LastAck) => Some(OwnerSource::Close),
        // An abortive close (SO_LINGER 0, unread data) is the owner's; an administrator's leaves ECONNABORTED.
        (_, Close) if known.owner.is_none() && transition.error.is_none() => Some(OwnerSource::Close),
        _ => None,
    }
}
