//! Who listens where: the only thing that is known about an accepted socket's process until it proves itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{
    event::{Endpoint, Process, SocketCookie, Transition},
    hashing::HashMap,
};

/// Listening ends remembered at most. Beyond it, accepted sockets just lack their listener.
const CAPACITY: usize = 65_536;

/// Network namespace, address, port.
type Key = (u32, IpAddr, u16);

/// A listening socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listener {
    pub(super) process: Process,
    /// Whether it lets connections wait for their first data; `None` if that may have changed since.
    pub(super) deferred_accept: Option<bool>,
}

/// Listening sockets by where they listen. Several may share an end (`SO_REUSEPORT`).
#[derive(Debug, Default)]
pub(super) struct Listeners {
    by_end: HashMap<Key, Vec<(SocketCookie, Listener)>>,
    count: usize,
}

impl Listeners {
    /// Remembers a socket that listens.
    pub(super) fn insert(&mut self, netns: u32, local: &Endpoint, cookie: SocketCookie, listener: Listener) {
        let Some(key) = key(netns, local) else { return };
        if self.count < CAPACITY {
            let sharing = self.by_end.entry(key).or_default();
            // Both seen to begin and found to exist.
            self.count -= sharing.extract_if(.., |(known, _)| *known == cookie).count();
            sharing.push((cookie, listener));
            self.count += 1;
        }
    }

    /// Forgets a socket that stopped listening.
    pub(super) fn remove(&mut self, transition: &Transition) {
        let Some(key) = key(transition.netns, &transition.local) else { return };
        if let Some(sharing) = self.by_end.get_mut(&key) {
            self.count -= sharing.extract_if(.., |(cookie, _)| Some(*cookie) == transition.cookie).count();
            if sharing.is_empty() {
                self.by_end.remove(&key);
            }
        }
    }

    /// What listens where this connection came in; `None` if unknown or if it could be several processes.
    pub(super) fn of(&self, transition: &Transition) -> Option<Listener> {
        let (netns, addr, port) = key(transition.netns, &transition.local)?;
        let any_v4 = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let any_v6 = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        // The kernel prefers the most specific listener (inet_lookup_listener, net/ipv4/inet_hashtables.c).
        [addr, any_v4, any_v6]
            .into_iter()
            .filter(|candidate| *candidate != any_v4 || addr.is_ipv4())
            .find_map(|candidate| self.by_end.get(&(netns, candidate, port)))
            .and_then(|sharing| {
                let (_, first) = sharing.first()?;
                let agree =
                    |differs: fn(&Listener, &Listener) -> bool| !sharing.iter().any(|(_, it)| differs(it, first));
                let deferred_accept =
                    first.deferred_accept.filter(|_| agree(|one, other| one.deferred_accept != other.deferred_accept));
                agree(|one, other| one.process != other.process).then_some(Listener { deferred_accept, ..*first })
            })
    }
}

fn key(netns: u32, local: &Endpoint) -> Option<Key> {
    Some((netns, local.canonical(), local.port?))
}
