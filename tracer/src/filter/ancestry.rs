//! Which cgroup lies in which, learnt from the facts in the stream.

use std::collections::HashMap;

use super::criteria::WantedCgroup;

/// Paths remembered at most. Beyond it, the cgroup of a socket counts as unknown.
const CAPACITY: usize = 262_144;
/// Bytes in them at most: a recording may claim paths of any length.
const BYTES: usize = 16 << 20;

/// Paths of cgroups by identifier.
#[derive(Clone, Debug, Default)]
pub struct CgroupAncestry {
    paths: HashMap<u64, Box<str>>,
    bytes: usize,
}

impl CgroupAncestry {
    /// Takes note of a path. A later one for the same identifier replaces it. False if there is no room for it.
    pub fn learn(&mut self, id: u64, path: &str) -> bool {
        let known = self.paths.get(&id).map(|path| path.len());
        let bytes = self.bytes - known.unwrap_or(0) + path.len();
        let has_room = bytes <= BYTES && (known.is_some() || self.paths.len() < CAPACITY);
        if has_room {
            self.paths.insert(id, path.into());
            self.bytes = bytes;
        }
        has_room
    }

    /// Whether the cgroup `id` is `wanted` or lies below it; `None` if that cannot be told.
    pub(super) fn is_within(&self, id: u64, wanted: &WantedCgroup) -> Option<bool> {
        if id == wanted.id {
            return Some(true);
        }
        let top = wanted.path.as_deref().or_else(|| self.paths.get(&wanted.id).map(AsRef::as_ref))?;
        Some(lies_below(self.paths.get(&id)?, top))
    }
}

fn lies_below(path: &str, top: &str) -> bool {
    let top = top.trim_end_matches('/');
    path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
