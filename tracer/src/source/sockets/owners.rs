//! Whose sockets they are: descriptors, and the processes that have them.

use std::sync::Arc;

use crate::{
    event::Comm,
    hashing::HashMap,
    socket::{Owner, Owners, Socket},
    source::{
        descriptors::{Reference, References},
        processes,
    },
};

/// Gives each socket its owners.
pub(super) fn assign(sockets: &mut [Socket], references: &References) {
    let mut places: HashMap<u64, usize> = HashMap::default();
    for (place, socket) in sockets.iter_mut().enumerate() {
        match socket.inode {
            Some(inode) => places.extend([(inode.get(), place)]),
            // No descriptor leads there.
            None => socket.owners = Owners::Known(Vec::new()),
        }
        if references.complete {
            socket.owners = Owners::Known(Vec::new());
        }
    }
    let mut cgroups = HashMap::default();
    for held in references.all.chunk_by(|one, next| one.pid == next.pid) {
        hand_over(sockets, &places, held, &mut cgroups);
    }
}

/// The descriptors of one process. What it is called is only asked of those that hold something.
fn hand_over(
    sockets: &mut [Socket],
    places: &HashMap<u64, usize>,
    held: &[Reference],
    cgroups: &mut HashMap<String, Arc<str>>,
) {
    let mut held = held.iter().filter_map(|reference| Some((reference, *places.get(&reference.inode)?))).peekable();
    let Some((first, _)) = held.peek() else { return };
    let Some((comm, cgroup)) = process(first.pid, cgroups) else { return };
    for (reference, place) in held {
        sockets[place].owners.add(Owner { pid: reference.pid, comm, fd: reference.fd, cgroup: cgroup.clone() });
    }
}

/// Its name and its cgroup; `None` if it is gone.
fn process(pid: u32, cgroups: &mut HashMap<String, Arc<str>>) -> Option<(Comm, Option<Arc<str>>)> {
    let comm = processes::comm(pid)?;
    let shared = |path: String| Arc::clone(cgroups.entry(path).or_insert_with_key(|path| path.as_str().into()));
    Some((comm, processes::cgroup(pid).map(shared)))
}

impl Owners {
    fn add(&mut self, owner: Owner) {
        match self {
            Self::Known(owners) => {
                // Most sockets have one, and there may be a hundred thousand of them.
                owners.reserve_exact(usize::from(owners.is_empty()));
                owners.push(owner);
            }
            Self::Hidden => *self = Self::Known(vec![owner]),
        }
    }
}
