//! Connections: one state machine each, from events to observations. Pure: no clock, no terminal, no file, no kernel.

mod departed;
mod learn;
mod listeners;
mod resets;
mod rfc;
mod table;
#[cfg(test)]
mod tests;
mod time_wait;

use tracer_common::filter::Verdict;

pub use self::rfc::expected_after;
use self::{
    departed::{Departed, Departures},
    learn::{complete, remember},
    listeners::{Listener, Listeners},
    rfc::way,
    table::{Connection, SynAcks, Table},
    time_wait::{Ends, TimeWaits},
};
use crate::{
    event::{Event, ExistingSocket, Process, SocketCookie, TcpState, Transition},
    filter::{CgroupAncestry, Filter},
    hashing::HashMap,
    observation::{Anomaly, Closed, Known, Observation, ObservedTransition, Owner, OwnerSource},
};

/// Observations of one connection that wait for the filter at most; a connection has about ten transitions in all.
const WAITING: usize = 32;

/// Figures the tracker keeps about its own work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Transitions that matched the filter, by `old << 4 | new`; not the inferred ones.
    pub transitions: [u64; 256],
    /// Anomalies among them.
    pub anomalies: u64,
    /// How often a socket's transition did not start in the state in which the one before had ended: transitions in
    /// between were not seen, at least one each time.
    pub discontinuities: u64,
    /// Transitions that were not seen and are shown as inferred.
    pub inferred: u64,
    /// Transitions that came twice and are shown once.
    pub duplicates: u64,
    /// Resets that matched the filter: sent, received.
    pub resets: [u64; 2],
}

/// Follows every connection.
pub struct Tracker {
    filter: Filter,
    table: Table,
    departures: Departures,
    listeners: Listeners,
    syn_acks: SynAcks,
    time_waits: TimeWaits,
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
            departures: Departures::default(),
            listeners: Listeners::default(),
            syn_acks: SynAcks::new(capacity),
            time_waits: TimeWaits::new(capacity),
            existing: HashMap::default(),
            ancestry: CgroupAncestry::default(),
            tally: Tally {
                transitions: [0; 256],
                anomalies: 0,
                discontinuities: 0,
                inferred: 0,
                duplicates: 0,
                resets: [0; 2],
            },
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
            Event::Namespace(reading) => report(&Observation::Namespace(reading)),
            Event::Existing(socket) => {
                if self.lets_exist(&socket) {
                    report(&Observation::Existing(socket));
                }
                self.meet(socket);
            }
            Event::Transition(transition) => {
                self.settle(transition.time, report);
                self.transition(transition, report);
            }
            Event::Reset(reset) => {
                self.settle(reset.socket.time, report);
                self.reset(reset, report);
            }
            Event::SynAckRetransmitted(syn_ack) => {
                self.syn_acks.insert(syn_ack.cookie, syn_ack.first);
                self.reopened(&Ends::of_syn_ack(&syn_ack), syn_ack.first, report);
            }
            Event::Timer(timer) => {
                self.settle(timer.time, report);
                self.timer(&timer, report);
            }
            Event::Until(time) => self.settle(time, report),
        }
    }

    /// Remembers whose a socket is that is older than the trace. Only that: its state is the stream's to tell.
    fn meet(&mut self, socket: ExistingSocket) {
        let ExistingSocket { cookie, netns, local, state, holder, defer_accept, .. } = socket;
        let Some(holder) = holder else { return };
        if state == TcpState::Listen {
            // If it does not defer, it may do so later.
            let listener = Listener { process: holder, deferred_accept: defer_accept.then_some(true) };
            self.listeners.insert(netns, &local, cookie, listener);
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
        (self.table.len() as u64, self.table.evicted() + self.time_waits.evicted())
    }

    /// Reports what still waits for a later event, and forgets every connection: none will come.
    pub fn finish(&mut self, report: &mut impl FnMut(&Observation)) {
        self.settle_all(report);
        self.finish_time_waits(report);
        let mut rest: Vec<_> = self.table.take_all().collect();
        rest.retain(|connection| !connection.waiting.is_empty() || connection.doubtful.is_some());
        rest.sort_by_key(|connection| connection.entered);
        for connection in rest {
            self.forget(connection, report);
        }
    }

    /// Reports what waited in a connection of which nothing more will be heard.
    fn forget(&mut self, connection: Connection, report: &mut impl FnMut(&Observation)) {
        let Connection { verdict, waiting, doubtful, .. } = connection;
        let doubtful = doubtful.map(|reset| Observation::Reset(*reset));
        for observation in waiting.into_iter().chain(doubtful) {
            if verdict == Verdict::Match || self.lets_pass(&observation) {
                self.emit(observation, report);
            }
        }
    }

    /// The filter's last word.
    fn lets_pass(&self, observation: &Observation) -> bool {
        observation
            .observed()
            .is_none_or(|observed| self.filter.decide_finally(&observed.transition, &observed.known, &self.ancestry))
    }

    fn transition(&mut self, transition: Transition, report: &mut impl FnMut(&Observation)) {
        self.note_opening(&transition, report);
        let known = self.table.take(&transition);
        if self.came_before(&transition, known.as_ref()) {
            self.tally.duplicates += 1;
            if let Some(known) = known {
                self.file(&transition, known, report);
            }
            return;
        }
        let mut connection = self.connection(&transition, known, report);
        complete(&mut connection.waiting, &transition);
        self.infer(&transition, &mut connection, report);
        let in_state_ns = (connection.state == transition.old)
            .then(|| connection.entered.map(|since| transition.time.since(since)))
            .flatten();
        self.learn(&transition, &mut connection.known);
        remember(&transition, in_state_ns, &mut connection.known.past);
        let observed = ObservedTransition { transition, in_state_ns, known: connection.known, inferred: false };
        self.decide(Observation::Transition(observed), &mut connection, report);
        connection.previous = Some(transition.old);
        connection.state = transition.new;
        connection.entered = Some(transition.time);
        if transition.new == TcpState::Close {
            self.depart(observed, connection, report);
        } else {
            self.file(&transition, connection, report);
        }
    }

    /// Puts a connection back into the table.
    fn file(&mut self, transition: &Transition, connection: Connection, report: &mut impl FnMut(&Observation)) {
        for forgotten in self.table.insert(transition, connection) {
            self.forget(forgotten, report);
        }
    }

    /// Whether the second program took what the first one had: its copy of the transition comes right after the other.
    fn came_before(&self, transition: &Transition, known: Option<&Connection>) -> bool {
        transition.recovered
            && match known {
                Some(known) => known.previous == Some(transition.old) && known.state == transition.new,
                None => transition.new == TcpState::Close && self.departures.has(transition),
            }
    }

    /// What is known of the transition's socket, or a fresh entry.
    fn connection(
        &mut self,
        transition: &Transition,
        mut known: Option<Connection>,
        report: &mut impl FnMut(&Observation),
    ) -> Connection {
        self.tally.discontinuities += u64::from(known.as_ref().is_some_and(|known| known.state != transition.old));
        let starts = transition.old == TcpState::Close
            || (transition.old == TcpState::Listen && transition.new == TcpState::SynRecv);
        if let Some(life) = known.take_if(|_| starts) {
            // Its end was not seen. Nothing tells when and how it came, so nothing is said of it.
            self.forget(life, report);
        }
        known.unwrap_or_else(|| {
            let holder = transition.cookie.and_then(|cookie| self.existing.remove(&cookie));
            let owner = holder.filter(|_| !starts).map(|process| Owner { process, source: OwnerSource::Proc });
            Connection { known: Known { owner, ..Known::default() }, ..Connection::new(transition.old) }
        })
    }

    /// Reports the transitions that must have come before this one, if there is one shortest way they can have come.
    fn infer(&mut self, now: &Transition, connection: &mut Connection, report: &mut impl FnMut(&Observation)) {
        if connection.state == now.old {
            return;
        }
        for (old, new) in way(connection.state, now.old) {
            let transition = Transition { old, new, ..unseen(now) };
            self.learn(&transition, &mut connection.known);
            if new != TcpState::Established {
                remember(&transition, None, &mut connection.known.past);
                connection.known.past.inferred = true;
            }
            let observed =
                ObservedTransition { transition, in_state_ns: None, known: connection.known, inferred: true };
            self.decide(Observation::Transition(observed), connection, report);
        }
    }

    /// Reports the observation if the filter lets the connection through, with those that waited for the answer.
    fn decide(&mut self, observation: Observation, connection: &mut Connection, report: &mut impl FnMut(&Observation)) {
        let Some(observed) = observation.observed() else { return };
        if observed.transition.remote.is_none() {
            // The next transition of this socket tells which connection it is.
            connection.waiting.push(observation);
            return;
        }
        if connection.verdict != Verdict::Match {
            connection.verdict = self.verdict(observed);
        }
        match connection.verdict {
            Verdict::NoMatch => connection.waiting.clear(),
            Verdict::Undecided => {
                if connection.waiting.len() < WAITING {
                    connection.waiting.push(observation);
                }
            }
            Verdict::Match => {
                for earlier in std::mem::take(&mut connection.waiting) {
                    self.emit(earlier, report);
                }
                self.emit(observation, report);
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

    fn emit(&mut self, observation: Observation, report: &mut impl FnMut(&Observation)) {
        report(&observation);
        match observation {
            Observation::Transition(observed) if observed.inferred => self.tally.inferred += 1,
            Observation::Transition(observed) => {
                let (old, new) = (observed.transition.old, observed.transition.new);
                self.tally.transitions[usize::from(old as u8) << 4 | usize::from(new as u8)] += 1;
                let expected = expected_after(old);
                if !expected.contains(&new) {
                    self.tally.anomalies += 1;
                    report(&Observation::Anomaly(Anomaly { observed, expected }));
                }
            }
            Observation::Reset(reset) => self.tally.resets[usize::from(reset.is_received())] += 1,
            _ => {}
        }
    }

    /// A connection is over: says so, unless what is still to come may tell why.
    fn depart(
        &mut self,
        observed: ObservedTransition,
        mut connection: Connection,
        report: &mut impl FnMut(&Observation),
    ) {
        let departed = Departed { observed, verdict: connection.verdict, doubtful: connection.doubtful.take() };
        if departed.verdict == Verdict::Match && departed.doubtful.is_none() {
            self.emit(Observation::Closed(Closed { observed, data_after_close: false }), report);
        }
        self.left_behind(&observed, report);
        if departed.may_send_reset() {
            self.departures.push(departed);
        } else {
            self.settle_one(departed, report);
        }
    }
}

/// The socket as it is known to have been by this transition, which another one must have preceded.
fn unseen(next: &Transition) -> Transition {
    Transition { error: None, actor: None, ..*next }
}
