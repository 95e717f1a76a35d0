//! Connections: one state machine each, from events to observations. Pure: no clock, no terminal, no file, no kernel.

mod departed;
mod gate;
mod learn;
mod listeners;
mod origins;
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
    gate::Gate,
    learn::{complete, remember},
    listeners::Listener,
    origins::{Origins, is_start},
    rfc::way,
    table::{Connection, Table},
    time_wait::{Ends, TimeWaits},
};
use crate::{
    event::{Event, ExistingSocket, TcpState, Transition},
    filter::Filter,
    memory::Budget,
    observation::{Closed, Observation, ObservedTransition},
};

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
    gate: Gate,
    table: Table,
    departures: Departures,
    origins: Origins,
    time_waits: TimeWaits,
    budget: Budget,
}

impl Tracker {
    /// Follows up to `capacity` sockets at a time, as far as there is memory for them, and reports what `filter` lets
    /// through.
    #[must_use]
    pub fn new(filter: Filter, capacity: usize, budget: &Budget) -> Self {
        Self {
            gate: Gate::new(filter, budget),
            table: Table::new(capacity, budget),
            departures: Departures::default(),
            origins: Origins::new(capacity, budget),
            time_waits: TimeWaits::new(capacity, budget),
            budget: budget.clone(),
        }
    }

    /// Takes in one event and reports what follows from it.
    pub fn apply(&mut self, event: &Event, report: &mut impl FnMut(&Observation)) {
        match event {
            Event::Clock(pair) => report(&Observation::Clock(*pair)),
            Event::Cgroup { id, path } => {
                // Who shows or groups by it remembers it, too, so this bounds what all of them take.
                if self.gate.ancestry.learn(*id, path, &self.budget) {
                    report(&Observation::Cgroup { id: *id, path: path.clone() });
                }
            }
            Event::Gap(gap) => report(&Observation::Gap(*gap)),
            Event::Namespace(reading) => report(&Observation::Namespace(reading.clone())),
            Event::Existing(socket) => {
                if self.gate.lets_exist(socket) {
                    report(&Observation::Existing(*socket));
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
                self.origins.syn_acks.insert(syn_ack.cookie, syn_ack.first);
                self.reopened(&Ends::of_syn_ack(syn_ack), syn_ack.first, report);
            }
            Event::Timer(timer) => {
                self.settle(timer.time, report);
                self.timer(timer, report);
            }
            Event::Until(time) => self.settle(*time, report),
        }
    }

    /// Remembers whose a socket is that is older than the trace. Only that: its state is the stream's to tell.
    fn meet(&mut self, socket: &ExistingSocket) {
        let ExistingSocket { cookie, netns, local, state, holder, defer_accept, .. } = *socket;
        let Some(holder) = holder else { return };
        if state == TcpState::Listen {
            // If it does not defer, it may do so later.
            let listener = Listener { process: holder, deferred_accept: defer_accept.then_some(true) };
            self.origins.listeners.insert(netns, &local, cookie, listener);
        }
        if self.origins.existing.len() < self.table.capacity() {
            self.origins.existing.insert(cookie, holder);
        }
    }

    /// Figures so far.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.gate.tally
    }

    /// Sockets in the table, and how much had to be forgotten here and by all who share the memory.
    #[must_use]
    pub fn occupancy(&self) -> (u64, u64) {
        (self.table.len() as u64, self.table.evicted() + self.time_waits.evicted() + self.budget.refused())
    }

    /// Reports what still waits for a later event, and forgets every connection: none will come.
    pub fn finish(&mut self, report: &mut impl FnMut(&Observation)) {
        self.settle_all(report);
        self.finish_time_waits(report);
        let pending = |it: Connection| Some((it.entered.time(), it.verdict, it.pending?));
        let mut rest: Vec<_> = self.table.take_all().filter_map(pending).collect();
        rest.sort_by_key(|(entered, ..)| *entered);
        for (_, verdict, pending) in rest {
            self.gate.give_up(verdict, *pending, report);
        }
    }

    fn transition(&mut self, transition: &Transition, report: &mut impl FnMut(&Observation)) {
        self.note_opening(transition, report);
        let Self { gate, table, departures, origins, .. } = self;
        let known = table.get(transition);
        if came_before(transition, known.as_deref(), departures) {
            gate.tally.duplicates += 1;
            return;
        }
        let mut new = None;
        let connection = match known {
            Some(known) => {
                gate.tally.discontinuities += u64::from(known.state != transition.old);
                if is_start(transition) {
                    // Its end was not seen. Nothing tells when and how it came, so nothing is said of it.
                    gate.forget(std::mem::replace(known, origins.connection(transition)), report);
                }
                known
            }
            None => new.insert(origins.connection(transition)),
        };
        if let Some(pending) = &mut connection.pending {
            complete(&mut pending.waiting, transition);
        }
        infer(transition, connection, gate, origins, report);
        let in_state_ns = (connection.state == transition.old)
            .then(|| connection.entered.time().map(|since| transition.time.since(since)))
            .flatten();
        origins.learn(transition, &mut connection.known);
        remember(transition, in_state_ns, &mut connection.known.past);
        let observed =
            ObservedTransition { transition: *transition, in_state_ns, known: connection.known, inferred: false };
        gate.decide(&Observation::Transition(observed), connection, report);
        connection.previous = Some(transition.old);
        connection.state = transition.new;
        connection.entered = transition.time.into();
        if transition.new == TcpState::Close {
            let doubtful = connection.pending.as_mut().and_then(|pending| pending.doubtful.take());
            let verdict = connection.verdict;
            if new.is_none() {
                table.remove(transition);
            }
            let ends_at_once = transition.old == TcpState::FinWait2 && !self.time_waits.has_begun_for(transition);
            let is_open = doubtful.is_some() || ends_at_once && transition.error.is_none();
            self.depart(Departed { observed, verdict, doubtful, is_open }, report);
        } else if let Some(connection) = new {
            self.file(transition, connection, report);
        }
    }

    /// Puts a connection into the table.
    fn file(&mut self, transition: &Transition, connection: Connection, report: &mut impl FnMut(&Observation)) {
        for forgotten in self.table.insert(transition, connection) {
            self.gate.forget(forgotten, report);
        }
    }

    /// A connection is over: says so, unless what is still to come may tell why.
    fn depart(&mut self, departed: Departed, report: &mut impl FnMut(&Observation)) {
        let observed = departed.observed;
        if departed.verdict == Verdict::Match && !departed.is_open {
            self.gate.emit(&Observation::Closed(Closed { observed, broken_off: false }), report);
        }
        self.left_behind(&observed, report);
        if departed.may_send_reset() {
            self.departures.push(departed);
        } else {
            self.settle_one(departed, report);
        }
    }
}

/// Whether the second program took what the first one had: its copy of the transition comes right after the other.
fn came_before(transition: &Transition, known: Option<&Connection>, departures: &Departures) -> bool {
    transition.recovered
        && match known {
            Some(known) => known.previous == Some(transition.old) && known.state == transition.new,
            None => transition.new == TcpState::Close && departures.has(transition),
        }
}

/// Reports the transitions that must have come before this one, if there is one shortest way they can have come.
fn infer(
    now: &Transition,
    connection: &mut Connection,
    gate: &mut Gate,
    origins: &mut Origins,
    report: &mut impl FnMut(&Observation),
) {
    if connection.state == now.old {
        return;
    }
    for (old, new) in way(connection.state, now.old) {
        let transition = Transition { old, new, ..unseen(now) };
        origins.learn(&transition, &mut connection.known);
        if new != TcpState::Established {
            remember(&transition, None, &mut connection.known.past);
            connection.known.past.inferred = true;
        }
        let observed = ObservedTransition { transition, in_state_ns: None, known: connection.known, inferred: true };
        gate.decide(&Observation::Transition(observed), connection, report);
    }
}

/// The socket as it is known to have been by this transition, which another one must have preceded.
fn unseen(next: &Transition) -> Transition {
    Transition { error: None, actor: None, ..*next }
}
