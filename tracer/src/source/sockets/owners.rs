//! Whose sockets they are: descriptors, and the processes that have them.

use std::{iter, num::NonZeroU64, sync::Arc};

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
    let mut places = Places::default();
    for (place, socket) in sockets.iter_mut().enumerate() {
        places.add(place, socket.inode.map(NonZeroU64::get));
        // No descriptor leads to what has no inode.
        if references.hindrance.is_none() || socket.inode.is_none() {
            socket.owners = Owners::Known(Vec::new());
        }
    }
    let mut cgroups = HashMap::default();
    for held in references.all.chunk_by(|one, next| one.pid == next.pid) {
        hand_over(sockets, &places, held, &mut cgroups);
    }
}

/// Where the sockets of each inode are in a list. Subflows of MPTCP all have that of the one socket that has a
/// descriptor (`mptcp_subflow_create_socket`).
#[derive(Default)]
struct Places {
    last: HashMap<u64, usize>,
    /// Of each socket of the list, the one before it that has the same inode.
    before: Vec<Option<usize>>,
}

impl Places {
    fn add(&mut self, place: usize, inode: Option<u64>) {
        self.before.push(inode.and_then(|inode| self.last.insert(inode, place)));
    }

    fn of(&self, inode: u64) -> impl Iterator<Item = usize> {
        iter::successors(self.last.get(&inode).copied(), |place| self.before[*place])
    }
}

/// The descriptors of one process. What it is called is only asked of those that hold something.
fn hand_over(sockets: &mut [Socket], places: &Places, held: &[Reference], cgroups: &mut HashMap<String, Arc<str>>) {
    let mut held = held.iter().filter(|reference| places.last.contains_key(&reference.inode)).peekable();
    let Some(first) = held.peek() else { return };
    let Some((comm, cgroup)) = process(first.pid, cgroups) else { return };
    for reference in held {
        for place in places.of(reference.inode) {
            sockets[place].owners.add(Owner { pid: reference.pid, comm, fd: reference.fd, cgroup: cgroup.clone() });
        }
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

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use super::{Reference, References, assign};
    use crate::{event::TcpState::Established, samples::socket, socket::Protocol::Tcp};

    #[test]
    fn subflows_of_one_inode_have_one_owner() {
        let inode = NonZeroU64::new(77);
        let subflow = |local| crate::socket::Socket { inode, ..socket(Tcp, local, "10.0.0.9:443", Established) };
        let mut sockets = [subflow("10.0.0.5:40000"), subflow("10.0.1.5:40001"), subflow("10.0.2.5:40002")];
        let pid = std::process::id();
        assign(&mut sockets, &References { all: vec![Reference { pid, fd: 7, inode: 77 }], hindrance: None });
        for socket in sockets {
            let held: Vec<_> = socket.descriptors().iter().map(|owner| (owner.pid, owner.fd)).collect();
            assert_eq!(held, [(pid, 7)], "{:?}", socket.local);
        }
    }
}
