//! The cgroup v2 hierarchy as the file system shows it. A cgroup's identifier is the inode number of its directory
//! (kernfs), which is what the kernel side reads from a socket.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// Directories visited in one walk at most: a bound for hosts with absurd trees.
const WALK_LIMIT: usize = 100_000;

/// The hierarchy, where it is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CgroupTree {
    mount: PathBuf,
}

impl CgroupTree {
    /// Finds it; `None` if it is not mounted.
    pub(crate) fn open() -> Option<Self> {
        Self::in_mountinfo(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default())
    }

    /// Finds it in the text of `/proc/self/mountinfo`.
    pub(crate) fn in_mountinfo(mountinfo: &str) -> Option<Self> {
        mountinfo.lines().find_map(|line| {
            // proc_pid_mountinfo(5): fields, then " - ", then the filesystem type.
            let (fields, tail) = line.split_once(" - ")?;
            let is_cgroup2 = tail.split(' ').next()? == "cgroup2";
            is_cgroup2.then(|| fields.split(' ').nth(4))?.map(|mount| Self { mount: PathBuf::from(mount) })
        })
    }

    /// Where it is mounted.
    pub(crate) fn mount(&self) -> &Path {
        &self.mount
    }

    /// The root's directory and all below it.
    pub(crate) fn directories(&self) -> impl Iterator<Item = PathBuf> + use<> {
        let mut pending = vec![self.mount.clone()];
        let next = move || {
            let directory = pending.pop()?;
            let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
            let below = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            pending.extend(below.map(|entry| entry.path()));
            Some(directory)
        };
        std::iter::from_fn(next).take(WALK_LIMIT)
    }

    /// A cgroup's identifier; `None` if it is gone.
    pub(crate) fn id(&self, directory: &Path) -> Option<u64> {
        fs::metadata(directory).ok().map(|metadata| metadata.ino())
    }

    /// A cgroup's path from the root of the hierarchy, `/` for the root itself.
    pub(crate) fn path(&self, directory: &Path) -> String {
        format!("/{}", directory.strip_prefix(&self.mount).unwrap_or(directory).to_string_lossy())
    }
}

#[cfg(test)]
mod tests {
    use super::CgroupTree;

    #[test]
    fn the_v2_hierarchy_is_found_where_it_is_mounted() {
        let hybrid = "\
31 30 0:27 / /sys/fs/cgroup rw,nosuid - tmpfs cgroup rw
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw";
        let tree = CgroupTree::in_mountinfo(hybrid).expect("the second line");
        assert_eq!(tree.mount().to_str(), Some("/sys/fs/cgroup/unified"));
        assert_eq!(tree.path("/sys/fs/cgroup/unified/a/b".as_ref()), "/a/b");
        assert_eq!(CgroupTree::in_mountinfo("31 30 0:27 / /sys rw - sysfs sysfs rw"), None);
    }
}
