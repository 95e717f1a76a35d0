//! Figures about the host: what it runs out of, what is stuck on it, and what its kernel counted meanwhile. Has a memory,
//! which is bounded; the time is that of the observations.

mod counts;
mod ports;
mod roles;
mod stuck;
#[cfg(test)]
mod tests;

use self::{counts::Counts, ports::PortAccount, roles::Roles, stuck::AtRest};
use crate::{
    event::MonotonicNs,
    figures::host::HostFigures,
    filter::Filter,
    hashing::HashMap,
    memory::Budget,
    namespace::{NamespaceReading, Settings, Unread},
    observation::Observation,
};

/// Namespaces of which the settings are remembered at most.
const NAMESPACES: usize = 4_096;

/// Takes in observations and has figures ready at any time.
#[derive(Debug)]
pub struct Host {
    settings: HashMap<u32, Settings>,
    roles: Roles,
    ports: PortAccount,
    at_rest: AtRest,
    counts: Counts,
}

/// What figures depend on and observations do not tell.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// When the run began, and the span for which there are figures ends.
    pub span: (MonotonicNs, MonotonicNs),
    /// No observation follows: all that happened before the last reading of the namespaces is in.
    pub is_final: bool,
    /// What was asked for.
    pub filter: &'a Filter,
    /// Records lost so far, and transitions that were withheld.
    pub lost: u64,
    /// Timewait sockets are observed.
    pub sees_time_wait: bool,
    /// RSTs are observed.
    pub sees_resets: bool,
    /// Also those for which there is no socket.
    pub sees_all_resets: bool,
}

impl Host {
    /// Nothing observed yet.
    #[must_use]
    pub fn new(budget: &Budget) -> Self {
        Self {
            settings: HashMap::default(),
            roles: Roles::default(),
            ports: PortAccount::new(budget),
            at_rest: AtRest::new(budget),
            counts: Counts::new(budget),
        }
    }

    /// Takes in what was observed.
    pub fn observe(&mut self, observation: &Observation) {
        match observation {
            Observation::Namespace(reading) => self.read(reading),
            Observation::Existing(socket) => {
                self.roles.meet(socket);
                self.ports.meet(socket, &self.roles, &self.settings);
                self.at_rest.meet(socket, &self.roles, &self.settings);
            }
            Observation::Transition(observed) => {
                self.roles.learn(observed);
                self.ports.change(observed);
                self.at_rest.change(observed, &self.roles, &self.settings);
                self.counts.change(observed);
            }
            Observation::Closed(closed) => self.ports.close(closed),
            Observation::TimeWait(time_wait) => {
                self.ports.time_wait(time_wait, &self.roles, &self.settings);
                self.counts.time_wait(time_wait);
            }
            Observation::Reset(reset) => self.counts.reset(reset),
            _ => {}
        }
    }

    /// The figures.
    #[must_use]
    pub fn figures(&self, circumstances: &Circumstances<'_>) -> HostFigures {
        let (from, to) = circumstances.span;
        HostFigures {
            ports: self.ports.figures(to, circumstances.sees_time_wait, &self.settings),
            stuck: self.at_rest.figures(from, to),
            listen: self.counts.listening(circumstances),
            kernel_counters: self.counts.comparisons(circumstances),
            lossy: circumstances.lost > 0,
        }
    }

    fn read(&mut self, reading: &NamespaceReading) {
        self.counts.read(reading);
        if let Err(Unread::Vanished) = reading.facts {
            // Its number may be another namespace's soon.
            self.settings.remove(&reading.netns);
            self.roles.forget(reading.netns);
        }
        if let Ok(facts) = &reading.facts
            && self.settings.get(&reading.netns) != Some(&facts.settings)
            && (self.settings.len() < NAMESPACES || self.settings.contains_key(&reading.netns))
        {
            self.settings.insert(reading.netns, facts.settings.clone());
        }
        self.ports.sample(reading.to, &self.settings);
    }
}
