//! The questions about the process and the role, which only user space can answer.
//!
//! A connection belongs to its proven owner. One that was accepted also belongs to the process that listens: that is
//! who is asked for before the owner has proven itself, and an exclusion takes it for the owner until then.

use tracer_common::filter::Verdict;

use super::{Filter, WantedRole, list::List};
use crate::{
    event::Process,
    observation::{Known, Role},
};

impl Filter {
    pub(super) fn decide_owner(&self, known: &Known) -> Verdict {
        let roles = self.criteria.roles.decide(|wanted| Some(role_hits(*wanted, known.role?)));
        roles.and(decide_process(&self.criteria.pids, known, |pid, process| process.pid == *pid)).and(decide_process(
            &self.criteria.comms,
            known,
            |comm, process| process.comm == *comm,
        ))
    }

    pub(super) fn decide_owner_finally(&self, known: &Known) -> bool {
        self.decide_holders(known.role, || known.owner.map(|owner| owner.process).into_iter().chain(known.listener))
    }

    /// The same where all that can be known is known: the role, and every process whose socket it is.
    pub(super) fn decide_holders<I>(&self, role: Option<Role>, processes: impl Fn() -> I) -> bool
    where
        I: Iterator<Item = Process>,
    {
        self.decide_role(role)
            && self.criteria.pids.accepts(|pid| processes().any(|process| process.pid == *pid))
            && self.criteria.comms.accepts(|comm| processes().any(|process| process.comm == *comm))
    }

    pub(super) fn decide_role(&self, role: Option<Role>) -> bool {
        self.criteria.roles.accepts(|wanted| role.is_some_and(|role| role_hits(*wanted, role)))
    }
}

fn role_hits(wanted: WantedRole, role: Role) -> bool {
    match wanted {
        WantedRole::Client => role == Role::Client,
        WantedRole::Server => matches!(role, Role::Server | Role::Listener),
    }
}

fn decide_process<T>(list: &List<T>, known: &Known, hits: impl Fn(&T, &Process) -> bool) -> Verdict {
    let owner = known.owner.as_ref().map(|owner| &owner.process);
    let listener = known.listener.as_ref();
    let hit = |item: &T| owner.into_iter().chain(listener).any(|process| hits(item, process));
    let wanted = list.wanted(|item| if hit(item) { Some(true) } else { owner.map(|_| false) });
    wanted.and(list.not_excluded(|item| if hit(item) { Some(true) } else { owner.or(listener).map(|_| false) }))
}
