//! How many sockets of a kind there are, in which states, and what waits in their queues.

use std::{cmp::Reverse, collections::HashMap};

use crate::{
    event::MonotonicNs,
    figures::{Group, Listed, SocketCounts, SocketGroup, SocketGroups, SocketOrder, SocketsBy},
    observation::Role,
    socket::{Owners, Protocol, Socket},
};

/// Groups them. They come in the order of how many sockets they have, unless that is to be of what waits in a queue.
#[must_use]
pub fn grouped(at: MonotonicNs, listed: &[Listed], by: SocketsBy, order: SocketOrder) -> SocketGroups {
    let mut counts: HashMap<SocketGroup, SocketCounts> = HashMap::new();
    let mut all = SocketCounts::default();
    for it in listed {
        let group = group(it, by);
        let holder = (by == SocketsBy::State).then(|| holder(&it.socket));
        all.add(&it.socket, None);
        counts.entry(group).or_default().add(&it.socket, holder);
    }
    let mut groups: Vec<_> = counts.into_iter().collect();
    groups.sort_by(|(a, _), (b, _)| a.cmp(b));
    groups.sort_by_key(|(_, counts)| {
        Reverse(match order {
            SocketOrder::RecvQ => counts.recv_q,
            SocketOrder::SendQ => counts.send_q,
            _ => counts.sockets,
        })
    });
    SocketGroups { at, by, groups, all }
}

impl SocketCounts {
    /// A listener's queues hold connections, not bytes.
    fn add(&mut self, socket: &Socket, holder: Option<SocketGroup>) {
        self.sockets += 1;
        *self.states.entry((socket.protocol, socket.state)).or_default() += 1;
        if let Some(holder) = holder {
            *self.holders.entry(holder).or_default() += 1;
        }
        if socket.protocol == Protocol::Tcp && socket.listens() {
            self.accept_q += u64::from(socket.recv_q);
        } else {
            self.recv_q += u64::from(socket.recv_q);
            self.send_q += u64::from(socket.send_q);
        }
    }
}

fn group(listed: &Listed, by: SocketsBy) -> SocketGroup {
    let socket = &listed.socket;
    match by {
        SocketsBy::State => SocketGroup::State(socket.protocol, socket.state),
        SocketsBy::Process => holder(socket),
        SocketsBy::Peer if socket.remote.is_nowhere() => SocketGroup::NoPeer,
        SocketsBy::Peer => SocketGroup::Peer(socket.remote.canonical()),
        SocketsBy::Service => SocketGroup::Service(socket.protocol, service(listed)),
        SocketsBy::Container => SocketGroup::Container(container(socket)),
    }
}

fn holder(socket: &Socket) -> SocketGroup {
    match &socket.owners {
        Owners::Known(owners) => {
            owners.first().map_or(SocketGroup::NoProcess, |owner| SocketGroup::Process(owner.process()))
        }
        Owners::Hidden => SocketGroup::Hidden,
    }
}

fn service(Listed { socket, role, .. }: &Listed) -> Group {
    let netns = socket.netns;
    let role = match socket.protocol {
        _ if socket.listens() => Some(Role::Listener),
        // Servers of UDP do without a connection.
        Protocol::Udp => Some(Role::Client),
        Protocol::Tcp => *role,
    };
    let group = match role {
        Some(Role::Server | Role::Listener) => socket.local.port.map(|port| Group::Server { port, netns }),
        Some(Role::Client) => {
            let addr = socket.remote.canonical();
            socket.remote.port.map(|port| Group::Client { addr, port, netns })
        }
        None => None,
    };
    group.unwrap_or(Group::Unknown)
}

/// Its container; outside of containers the cgroup of the process that holds it or, if that is not known, its own.
fn container(socket: &Socket) -> Group {
    if let Some(id) = socket.container() {
        return Group::Container(id.into());
    }
    let holder = socket.descriptors().iter().find_map(|owner| owner.cgroup.as_ref());
    match (holder.or(socket.cgroup.as_ref()), socket.cgroup_id) {
        (Some(path), _) => Group::Cgroup(path.clone()),
        (None, Some(id)) => Group::CgroupId(id),
        (None, None) => Group::Unknown,
    }
}
