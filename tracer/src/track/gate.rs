//! What the filter lets through, and how much that was.

use tracer_common::filter::Verdict;

use super::{
    Tally, expected_after,
    table::{Connection, Pending},
};
use crate::{
    event::TcpState,
    filter::{CgroupAncestry, Filter},
    memory::{Budget, Kept},
    observation::{Anomaly, Observation, ObservedReset, ObservedTransition},
};

/// Observations of one connection that wait for the filter at most; a connection has about ten transitions in all.
const WAITING: usize = 32;

/// Between what was concluded and whom it is reported to.
pub(super) struct Gate {
    pub(super) filter: Filter,
    pub(super) ancestry: CgroupAncestry,
    pub(super) tally: Tally,
    budget: Budget,
}

impl Gate {
    pub(super) fn new(filter: Filter, budget: &Budget) -> Self {
        let tally = Tally {
            transitions: [0; 256],
            anomalies: 0,
            discontinuities: 0,
            inferred: 0,
            duplicates: 0,
            resets: [0; 2],
        };
        Self { filter, ancestry: CgroupAncestry::default(), tally, budget: budget.clone() }
    }

    /// Has an observation wait until the filter can be decided; one that finds no room is not shown, and is counted.
    pub(super) fn wait(&self, observation: Observation, connection: &mut Connection) {
        let waiting = &mut connection.pending().waiting;
        if waiting.len() < WAITING {
            waiting.extend(self.budget.keep(observation));
        }
    }

    /// Keeps a reset that may be another one's shadow, if there is room for it.
    pub(super) fn doubt(&self, reset: &ObservedReset) -> Option<Kept<ObservedReset>> {
        self.budget.keep(reset.clone())
    }

    pub(super) fn emit(&mut self, observation: &Observation, report: &mut impl FnMut(&Observation)) {
        report(observation);
        match observation {
            Observation::Transition(observed) if observed.inferred => self.tally.inferred += 1,
            Observation::Transition(observed) => {
                let (old, new) = (observed.transition.old, observed.transition.new);
                self.tally.transitions[usize::from(old as u8) << 4 | usize::from(new as u8)] += 1;
                let expected = expected_after(old);
                if !expected.contains(&new) {
                    self.tally.anomalies += 1;
                    report(&Observation::Anomaly(Anomaly { observed: *observed, expected }));
                }
            }
            Observation::Reset(reset) => self.tally.resets[usize::from(reset.is_received())] += 1,
            _ => {}
        }
    }

    /// Reports the observation if the filter lets the connection through, with those that waited for the answer.
    pub(super) fn decide(
        &mut self,
        observation: &Observation,
        connection: &mut Connection,
        report: &mut impl FnMut(&Observation),
    ) {
        let Some(observed) = observation.observed() else { return };
        if observed.transition.remote.is_none() {
            // The next transition of this socket tells which connection it is.
            self.wait(observation.clone(), connection);
            return;
        }
        if connection.verdict != Verdict::Match {
            connection.verdict = self.verdict(observed);
        }
        match connection.verdict {
            Verdict::NoMatch => connection.pending.iter_mut().for_each(|pending| pending.waiting.clear()),
            Verdict::Undecided => self.wait(observation.clone(), connection),
            Verdict::Match => {
                if let Some(pending) = &mut connection.pending {
                    for earlier in std::mem::take(&mut pending.waiting) {
                        self.emit(&earlier.value, report);
                    }
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

    /// Reports an observation that nothing later can tell more of, if the filter lets it through.
    pub(super) fn decide_finally(&mut self, observation: &Observation, report: &mut impl FnMut(&Observation)) {
        let lets_pass = observation
            .observed()
            .is_none_or(|observed| self.filter.decide_finally(&observed.transition, &observed.known, &self.ancestry));
        if lets_pass {
            self.emit(observation, report);
        }
    }

    /// Reports what waited in a connection of which nothing more will be heard.
    pub(super) fn forget(&mut self, connection: Connection, report: &mut impl FnMut(&Observation)) {
        if let Some(pending) = connection.pending {
            self.give_up(connection.verdict, *pending, report);
        }
    }

    /// The same of what is left of it.
    pub(super) fn give_up(&mut self, verdict: Verdict, pending: Pending, report: &mut impl FnMut(&Observation)) {
        let doubtful = pending.doubtful.map(|reset| Box::new(Observation::Reset(*reset.value)));
        for observation in pending.waiting.into_iter().map(|kept| kept.value).chain(doubtful) {
            if verdict == Verdict::Match {
                self.emit(&observation, report);
            } else {
                self.decide_finally(&observation, report);
            }
        }
    }
}
