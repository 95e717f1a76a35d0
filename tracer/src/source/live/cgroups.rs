//! Paths of cgroups by identifier: the identifier is the inode number of the directory (kernfs).

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use crate::event::MonotonicNs;

/// Directories visited in one walk at most: a bound for hosts with absurd trees.
const WALK_LIMIT: usize = 100_000;
/// The tree is walked again for an unknown identifier, but not more often than this.
const RESCAN_NS: u64 = 1_000_000_000;

/// What is known of the cgroup tree.
pub(super) struct Cgroups {
    root: Option<PathBuf>,
    paths: HashMap<u64, Box<str>>,
    announced: HashMap<u64, bool>,
    scanned: MonotonicNs,
}

impl Cgroups {
    /// Walks the tree once.
    pub(super) fn open(now: MonotonicNs) -> Self {
        let root = cgroup2_mount();
        let mut cgroups = Self { root, paths: HashMap::new(), announced: HashMap::new(), scanned: now };
        cgroups.scan(now);
        cgroups
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
        self.paths.clear();
        let Some(root) = self.root.clone() else { return };
        let mut pending = vec![root.clone()];
        while let Some(dir) = pending.pop() {
            if self.paths.len() >= WALK_LIMIT {
                return;
            }
            self.note(&root, &dir);
            let Ok(entries) = fs::read_dir(&dir) else { continue };
            pending.extend(
                entries
                    .flatten()
                    .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                    .map(|entry| entry.path()),
            );
        }
    }

    fn note(&mut self, root: &Path, dir: &Path) {
        if let (Ok(meta), Ok(below)) = (fs::metadata(dir), dir.strip_prefix(root)) {
            let path = format!("/{}", below.to_string_lossy());
            self.paths.insert(meta.ino(), path.into());
        }
    }
}

/// Where the v2 hierarchy is mounted.
pub(crate) fn cgroup2_mount() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    mounts.lines().find_map(|line| {
        // proc_pid_mountinfo(5): fields, then " - ", then the filesystem type.
        let (fields, tail) = line.split_once(" - ")?;
        (tail.split(' ').next()? == "cgroup2").then(|| fields.split(' ').nth(4))?.map(PathBuf::from)
    })
}
