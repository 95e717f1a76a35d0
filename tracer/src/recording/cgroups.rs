//! Paths of cgroups: told in each frame that needs them, for the one in which they were told first may be missing.

use std::collections::HashSet;

use crate::{
    event::{Event, Reset},
    hashing::{HashMap, Seeded},
};

/// Cgroups whose paths are remembered at most.
const CAPACITY: usize = 262_144;

#[derive(Debug, Default)]
pub(super) struct Cgroups {
    paths: HashMap<u64, Box<str>>,
    /// In this frame.
    told: HashSet<u64, Seeded>,
}

impl Cgroups {
    /// The path that this event's frame lacks.
    pub(super) fn needed(&mut self, event: &Event) -> Option<Event> {
        match event {
            Event::Cgroup { id, path } => {
                if self.paths.len() < CAPACITY {
                    self.paths.insert(*id, path.clone());
                }
                self.told.insert(*id);
                None
            }
            Event::Transition(socket) | Event::Reset(Reset { socket, .. }) => {
                let id = socket.cgroup_id?;
                if self.told.contains(&id) {
                    return None;
                }
                self.told.insert(id);
                let path = self.paths.get(&id)?.clone();
                Some(Event::Cgroup { id, path })
            }
            _ => None,
        }
    }

    /// The next frame begins.
    pub(super) fn forget_told(&mut self) {
        self.told.clear();
    }
}
