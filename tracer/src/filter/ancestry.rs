//! Which cgroup lies in which, learnt from the facts in the stream.

use super::criteria::WantedCgroup;
use crate::{
    hashing::HashMap,
    memory::{Budget, Paid},
};

/// Who remembers a path: this, the figures by container and the output, for which it may be escaped.
const COPIES: usize = 4;
/// What a path takes beside its text, bytes.
const BESIDE: usize = 96;

/// Paths of cgroups by identifier.
#[derive(Debug, Default)]
pub struct CgroupAncestry {
    paths: HashMap<u64, (Box<str>, Paid)>,
}

impl CgroupAncestry {
    /// Takes note of a path. A later one for the same identifier replaces it. False if there is no room for it, also where
    /// else it is remembered; then the cgroup counts as unknown.
    pub fn learn(&mut self, id: u64, path: &str, budget: &Budget) -> bool {
        if self.path(id) == Some(path) {
            return true;
        }
        let mut paid = Paid::nothing(budget);
        let has_room = paid.pay(COPIES * (path.len() + BESIDE));
        if has_room {
            self.paths.insert(id, (path.into(), paid));
        }
        has_room
    }

    fn path(&self, id: u64) -> Option<&str> {
        self.paths.get(&id).map(|(path, _)| &**path)
    }

    /// Whether the cgroup `id` is `wanted` or lies below it; `None` if that cannot be told.
    pub(super) fn is_within(&self, id: u64, wanted: &WantedCgroup) -> Option<bool> {
        if id == wanted.id {
            return Some(true);
        }
        let top = wanted.path.as_deref().or_else(|| self.path(wanted.id))?;
        Some(lies_below(self.path(id)?, top))
    }
}

fn lies_below(path: &str, top: &str) -> bool {
    let top = top.trim_end_matches('/');
    path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
