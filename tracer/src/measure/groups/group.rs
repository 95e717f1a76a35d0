//! Which group an observation belongs to.

use std::sync::Arc;

use crate::{
    container::container_id,
    event::Transition,
    figures::{Group, GroupBy},
    hashing::HashMap,
    observation::{Known, ObservedTransition, Role},
};

/// Tells groups apart.
pub(super) struct Grouper {
    by: GroupBy,
    cgroups: HashMap<u64, Group>,
}

impl Grouper {
    pub(super) fn new(by: GroupBy) -> Self {
        Self { by, cgroups: HashMap::default() }
    }

    pub(super) fn by(&self) -> GroupBy {
        self.by
    }

    /// Remembers a cgroup's path, if that can ever be asked for.
    pub(super) fn learn_cgroup(&mut self, id: u64, path: &str) {
        if self.by == GroupBy::Container {
            let group = container_id(path).map_or_else(|| Group::Cgroup(path.into()), |it| Group::Container(it.into()));
            self.cgroups.insert(id, group);
        }
    }

    pub(super) fn group(&self, observed: &ObservedTransition) -> Group {
        let ObservedTransition { transition, known, .. } = observed;
        let group = match self.by {
            GroupBy::Service => service(transition, known),
            GroupBy::Peer => transition.remote.filter(|end| !end.is_nowhere()).map(|end| Group::Peer(end.canonical())),
            GroupBy::Process => process(known),
            GroupBy::Container => transition.cgroup_id.map(|id| match self.cgroups.get(&id) {
                Some(Group::Container(it)) => Group::Container(Arc::clone(it)),
                Some(Group::Cgroup(it)) => Group::Cgroup(Arc::clone(it)),
                _ => Group::CgroupId(id),
            }),
        };
        group.unwrap_or(Group::Unknown)
    }
}

/// Which end serves is known only of connections whose start was seen; ports do not prove it.
fn service(transition: &Transition, known: &Known) -> Option<Group> {
    let netns = transition.netns;
    match known.role? {
        Role::Server | Role::Listener => Some(Group::Server { port: transition.local.port?, netns }),
        Role::Client => {
            let end = transition.remote?;
            Some(Group::Client { addr: end.canonical(), port: end.port?, netns })
        }
    }
}

/// An accepted connection belongs to who listens, from its first moment to its last: who serves it becomes known late, if
/// ever.
fn process(known: &Known) -> Option<Group> {
    let listener = known.listener.map(Group::Listener);
    listener.or_else(|| known.owner.map(|owner| Group::Process(owner.process)))
}
