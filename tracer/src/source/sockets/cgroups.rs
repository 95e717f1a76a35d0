//! Cgroups by name.

use std::sync::Arc;

use crate::{cgroupfs::CgroupTree, hashing::HashMap, socket::Socket};

/// Gives each socket the path of its cgroup.
pub(super) fn name(sockets: &mut [Socket]) {
    let mut paths: HashMap<u64, Option<Arc<str>>> =
        sockets.iter().filter_map(|socket| Some((socket.cgroup_id?, None))).collect();
    let mut missing = paths.len();
    let Some(tree) = CgroupTree::open() else { return };
    let mut directories = tree.directories();
    while missing > 0
        && let Some(directory) = directories.next()
    {
        let path = tree.id(&directory).and_then(|id| paths.get_mut(&id));
        if let Some(path) = path {
            *path = Some(tree.path(&directory).into());
            missing -= 1;
        }
    }
    for socket in sockets {
        socket.cgroup = socket.cgroup_id.and_then(|id| paths.get(&id)?.clone());
    }
}
