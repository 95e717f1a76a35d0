//! Paths of cgroups by identifier, each told once.

use std::path::Path;

use crate::{cgroupfs::CgroupTree, event::MonotonicNs, hashing::HashMap};

/// The tree is walked again for an unknown identifier, but not more often than this.
const RESCAN_NS: u64 = 1_000_000_000;

/// What is known of the cgroup tree.
pub(super) struct Cgroups {
    tree: Option<CgroupTree>,
    paths: HashMap<u64, Box<str>>,
    announced: HashMap<u64, bool>,
    scanned: MonotonicNs,
}

impl Cgroups {
    /// Walks the tree once.
    pub(super) fn open(now: MonotonicNs) -> Self {
        let mut cgroups =
            Self { tree: CgroupTree::open(), paths: HashMap::default(), announced: HashMap::default(), scanned: now };
        cgroups.scan(now);
        cgroups
    }

    /// Where the tree is mounted.
    pub(super) fn mount(&self) -> Option<&Path> {
        self.tree.as_ref().map(CgroupTree::mount)
    }

    /// The path of `id`, the first time it is asked for and known.
    pub(super) fn announce(&mut self, id: u64, now: MonotonicNs) -> Option<Box<str>> {
        if *self.announced.get(&id).unwrap_or(&false) {
            return None;
        }
        if !self.paths.contains_key(&id) && now.since(self.scanned) > RESCAN_NS {
            self.scan(now);
        }
        let path = self.paths.get(&id).cloned();
        self.announced.insert(id, path.is_some());
        path
    }

    fn scan(&mut self, now: MonotonicNs) {
        self.scanned = now;
        let Some(tree) = &self.tree else { return };
        let known = |directory: std::path::PathBuf| Some((tree.id(&directory)?, tree.path(&directory).into()));
        self.paths = tree.directories().filter_map(known).collect();
    }
}
