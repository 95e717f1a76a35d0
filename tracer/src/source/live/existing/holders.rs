//! Which processes hold which sockets: `/proc/PID/fd`, as lsof reads it.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::Path,
};

use crate::event::{Comm, Process};

/// The process that starts the others; it holds sockets for services that it has not started yet.
const INIT: u32 = 1;

/// Processes by the inode of a socket.
pub(super) struct Holders(HashMap<u64, Vec<u32>>);

impl Holders {
    /// Looks for these sockets in every process that can be looked at.
    pub(super) fn of(inodes: impl Iterator<Item = u64>) -> Self {
        let wanted: HashSet<u64> = inodes.filter(|inode| *inode != 0).collect();
        let mut holders: HashMap<u64, Vec<u32>> = HashMap::new();
        for pid in pids() {
            let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
            let sockets = descriptors.filter_map(|descriptor| inode(&fs::read_link(descriptor.path()).ok()?));
            for inode in sockets.filter(|inode| wanted.contains(inode)) {
                let pids = holders.entry(inode).or_default();
                if pids.last() != Some(&pid) {
                    pids.push(pid);
                }
            }
        }
        Self(holders)
    }

    /// The one process that holds a socket. A listener may have been inherited: it is its parent's, who opened it.
    pub(super) fn process(&self, inode: u64, listens: bool) -> Option<Process> {
        let pids = self.0.get(&inode)?;
        let pid = match pids[..] {
            [pid] => pid,
            _ if listens => eldest(pids, parent)?,
            _ => return None,
        };
        Some(Process { pid, comm: comm(pid)? })
    }
}

/// The one of `pids` that all others descend from, init left out if there are others.
fn eldest(pids: &[u32], parent: impl Fn(u32) -> Option<u32>) -> Option<u32> {
    let candidates: Vec<u32> = pids.iter().copied().filter(|pid| *pid != INIT).collect();
    let descends = |pid: u32, from: u32| {
        let mut ancestors = std::iter::successors(Some(pid), |pid| parent(*pid)).take(64);
        ancestors.any(|ancestor| ancestor == from)
    };
    candidates.iter().copied().find(|eldest| candidates.iter().all(|pid| descends(*pid, *eldest)))
}

fn pids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// `socket:[12345]`
fn inode(target: &Path) -> Option<u64> {
    target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// `/proc/PID/stat`: the second field is the name in brackets, which may contain anything; the fourth is the parent.
fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let after_name = stat.iter().rposition(|byte| *byte == b')')? + 1;
    let fields = std::str::from_utf8(&stat[after_name..]).ok()?;
    fields.split_whitespace().nth(1)?.parse().ok().filter(|parent| *parent != 0)
}

fn comm(pid: u32) -> Option<Comm> {
    let name = fs::read(format!("/proc/{pid}/comm")).ok()?;
    let name = name.strip_suffix(b"\n").unwrap_or(&name);
    let mut comm = [0; 16];
    let length = name.len().min(comm.len() - 1);
    comm[..length].copy_from_slice(&name[..length]);
    Some(Comm(comm))
}

#[cfg(test)]
mod tests {
    use super::{eldest, inode, parent};

    #[test]
    fn only_sockets_have_inodes_here() {
        assert_eq!(inode("socket:[12345]".as_ref()), Some(12345));
        assert_eq!(inode("pipe:[12345]".as_ref()), None);
        assert_eq!(inode("/dev/null".as_ref()), None);
    }

    #[test]
    fn a_listener_is_its_opener_s() {
        // 812 started 900 and 901; systemd (1) started 812 and 700.
        let parent = |pid| match pid {
            900 | 901 => Some(812),
            812 | 700 => Some(1),
            _ => None,
        };
        assert_eq!(eldest(&[900, 812, 901], parent), Some(812));
        assert_eq!(eldest(&[1, 812], parent), Some(812), "socket activation");
        assert_eq!(eldest(&[900, 901], parent), None, "the opener is gone");
        assert_eq!(eldest(&[700, 812], parent), None, "passed on to a stranger");
    }

    #[test]
    fn the_parent_is_the_fourth_field() {
        assert_eq!(parent(std::process::id()), Some(std::os::unix::process::parent_id()));
    }
}
