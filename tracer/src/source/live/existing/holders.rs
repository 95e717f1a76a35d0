//! Which process a socket belongs to, of those that hold it.

use std::collections::{HashMap, HashSet};

use crate::{
    event::Process,
    source::{
        descriptors::references,
        processes::{comm, parent},
    },
};

/// The process that starts the others; it holds sockets for services that it has not started yet.
const INIT: u32 = 1;

/// Processes by the inode of a socket.
pub(super) struct Holders(HashMap<u64, Vec<u32>>);

impl Holders {
    /// Looks for these sockets in every process that can be looked at.
    pub(super) fn of(inodes: impl Iterator<Item = u64>) -> Self {
        let wanted: HashSet<u64> = inodes.filter(|inode| *inode != 0).collect();
        let mut holders: HashMap<u64, Vec<u32>> = HashMap::new();
        for reference in references().all.into_iter().filter(|reference| wanted.contains(&reference.inode)) {
            let pids = holders.entry(reference.inode).or_default();
            if pids.last() != Some(&reference.pid) {
                pids.push(reference.pid);
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

#[cfg(test)]
mod tests {
    use super::eldest;

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
}
