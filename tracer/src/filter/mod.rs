//! What was asked for, and whether an event belongs to it. Pure: names were resolved before.
//!
//! The questions that the kernel side can answer too go through the same tables and the same functions
//! (`tracer_common::filter`); only user space, which remembers connections, answers `--pid`, `--comm` and `--role`.

mod ancestry;
mod compile;
mod criteria;
mod list;
mod owner;
mod prefix;
mod socket;
mod states;
mod subject;
#[cfg(test)]
mod tests;

use tracer_common::filter::Verdict;

pub use self::{
    ancestry::CgroupAncestry,
    compile::{KernelFilter, TooMany},
    criteria::{Criteria, PortRange, Roles, WantedCgroup, WantedRole},
    list::{EndLists, List},
    prefix::Prefix,
    states::StateFilter,
};
use crate::{
    event::Transition,
    observation::{Known, Role},
    socket::Socket,
};

/// Any local port may still be chosen: which range a namespace takes them from is not known here.
const ANY_PORT: (u16, u16) = (1, u16::MAX);

/// A filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    criteria: Criteria,
    tables: KernelFilter,
    asks_kernel: bool,
    asks_user: bool,
    /// What must let a connection pass, too.
    also: Option<Box<Self>>,
}

impl Filter {
    /// Compiles what was asked.
    ///
    /// # Errors
    /// [`TooMany`] if a list is longer than the kernel side can compare.
    pub fn new(criteria: Criteria) -> Result<Self, TooMany> {
        let tables = KernelFilter::new(&criteria, ANY_PORT)?;
        let asks_kernel = tables.asks();
        let asks_user = !(criteria.pids.is_empty() && criteria.comms.is_empty() && criteria.roles.is_empty());
        Ok(Self { criteria, tables, asks_kernel, asks_user, also: None })
    }

    /// Both filters: a connection must pass this one and `other`, as one that was recorded with a filter and is read with
    /// another. Only user space decides that.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.also = Some(Box::new(match self.also.take() {
            Some(also) => also.and(other),
            None => other,
        }));
        self
    }

    /// Nothing is asked; every connection passes.
    #[must_use]
    pub fn is_pass_all(&self) -> bool {
        !self.asks_kernel && !self.asks_user && self.also.as_ref().is_none_or(|also| also.is_pass_all())
    }

    /// Every connection of this namespace passes.
    #[must_use]
    pub fn takes_all_of(&self, netns: u32) -> bool {
        let Criteria { netns: asked, typed, .. } = &self.criteria;
        let only = Criteria { netns: asked.clone(), typed: typed.clone(), ..Criteria::default() };
        self.criteria == only && self.may_take(netns) && self.also.as_ref().is_none_or(|also| also.takes_all_of(netns))
    }

    /// Connections of this namespace may pass.
    #[must_use]
    pub fn may_take(&self, netns: u32) -> bool {
        self.criteria.netns.accepts(|asked| *asked == netns)
            && self.also.as_ref().is_none_or(|also| also.may_take(netns))
    }

    /// What was asked, as it was asked; without what was added by [`Filter::and`].
    #[must_use]
    pub fn criteria(&self) -> &Criteria {
        &self.criteria
    }

    /// Something is asked that the kernel side cannot answer (`--pid`, `--comm`, `--role`).
    #[must_use]
    pub fn needs_user_decision(&self) -> bool {
        self.asks_user
    }

    /// Which ends of connections are asked for.
    #[must_use]
    pub fn roles(&self) -> Roles {
        let wants = |role| self.criteria.roles.accepts(|asked| *asked == role);
        Roles { client: wants(WantedRole::Client), server: wants(WantedRole::Server) }
    }

    /// The flags as typed, one string a flag: `--port 443`.
    #[must_use]
    pub fn describe(&self) -> Vec<String> {
        self.criteria.typed.clone()
    }

    /// The flags that not every kernel can answer, each with the feature (as in `start.features`) that it needs.
    pub fn optional_needs(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let Criteria { netns, cgroups, devices, .. } = &self.criteria;
        let needs = [
            (netns.is_empty(), "--netns", "netns"),
            (cgroups.is_empty(), "--cgroup", "cgroup"),
            (devices.is_empty(), "--dev", "device"),
        ];
        needs.into_iter().filter(|(unused, ..)| !unused).map(|(_, flag, feature)| (flag, feature))
    }

    /// The part the kernel side answers, for the range that local ports are taken from.
    #[must_use]
    pub fn compile(&self, ephemeral: (u16, u16)) -> KernelFilter {
        self.tables.clone().with_ephemeral(ephemeral)
    }

    /// Whether the connection of this event belongs to what was asked. [`Verdict::Undecided`]: a later event may tell.
    #[must_use]
    pub fn decide(&self, event: &Transition, known: &Known, cgroups: &CgroupAncestry) -> Verdict {
        let mut verdict = Verdict::Match;
        if self.asks_kernel {
            verdict = self.decide_socket(event.into(), cgroups);
        }
        if self.asks_user && verdict != Verdict::NoMatch {
            verdict = verdict.and(self.decide_owner(known));
        }
        match &self.also {
            Some(also) if verdict != Verdict::NoMatch => verdict.and(also.decide(event, known, cgroups)),
            _ => verdict,
        }
    }

    /// The same at the end of a connection, when nothing more will become known: what is unknown then is in no list.
    /// So an exclusion lets a connection pass that was never shown to be excluded, and an inclusion does not.
    #[must_use]
    pub fn decide_finally(&self, event: &Transition, known: &Known, cgroups: &CgroupAncestry) -> bool {
        (!self.asks_kernel || self.decide_socket_finally(event.into(), cgroups))
            && (!self.asks_user || self.decide_owner_finally(known))
            && self.also.as_ref().is_none_or(|also| also.decide_finally(event, known, cgroups))
    }

    /// The same of a socket that a list shows: what is unknown of it is in no list.
    #[must_use]
    pub fn takes(&self, socket: &Socket, role: Option<Role>, cgroups: &CgroupAncestry) -> bool {
        (!self.asks_kernel || self.decide_socket_finally(socket.into(), cgroups))
            && (!self.asks_user || self.decide_holders(role, || socket.processes()))
            && self.also.as_ref().is_none_or(|also| also.takes(socket, role, cgroups))
    }

    /// Whether it would take a socket of which it is not known who holds it, if the right process did.
    #[must_use]
    pub fn may_take_hidden(&self, socket: &Socket, role: Option<Role>, cgroups: &CgroupAncestry) -> bool {
        (!self.asks_kernel || self.decide_socket_finally(socket.into(), cgroups))
            && self.decide_role(role)
            && self.also.as_ref().is_none_or(|also| also.may_take_hidden(socket, role, cgroups))
    }

    /// Whether it asks whose a socket is.
    #[must_use]
    pub fn asks_for_processes(&self) -> bool {
        !self.criteria.pids.is_empty() || !self.criteria.comms.is_empty()
    }
}
