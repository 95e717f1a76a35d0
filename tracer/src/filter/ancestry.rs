//! Which cgroup lies in which, learnt from the facts in the stream.

use std::collections::HashMap;

use super::criteria::WantedCgroup;

/// Paths remembered at most. Beyond it, the cgroup of a socket counts as unknown.
const CAPACITY: usize = 262_144;

/// Paths of cgroups by identifier.
#[derive(Clone, Debug, Default)]
pub struct CgroupAncestry(HashMap<u64, Box<str>>);

impl CgroupAncestry {
    /// Takes note of a path. A later one for the same identifier replaces it.
    pub fn learn(&mut self, id: u64, path: &str) {
        if self.0.len() < CAPACITY || self.0.contains_key(&id) {
            self.0.insert(id, path.into());
        }
    }

    /// Whether the cgroup `id` is `wanted` or lies below it; `None` if that cannot be told.
    pub(super) fn is_within(&self, id: u64, wanted: &WantedCgroup) -> Option<bool> {
        if id == wanted.id {
            return Some(true);
        }
        let top = wanted.path.as_deref().or_else(|| self.0.get(&wanted.id).map(AsRef::as_ref))?;
        Some(lies_below(self.0.get(&id)?, top))
    }
}

fn lies_below(path: &str, top: &str) -> bool {
    let top = top.trim_end_matches('/');
    path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
