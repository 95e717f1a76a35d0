//! Which end of a connection a socket is. The kernel's list does not say; ports tell it in the usual case.

use std::collections::{BTreeMap, HashSet};

use crate::{
    event::TcpState::{Listen, NewSynRecv, SynRecv, SynSent},
    figures::Listed,
    observation::Role,
    socket::{Protocol, Socket},
};

/// What roles are deduced from: who listens, and which ports each network namespace gives out to who asks for none.
#[derive(Clone, Debug)]
pub struct Roles<'a> {
    listening: HashSet<(u32, u16)>,
    ephemeral: &'a BTreeMap<u32, (u16, u16)>,
}

impl<'a> Roles<'a> {
    /// From all listeners among these sockets.
    #[must_use]
    pub fn of(sockets: &[Socket], ephemeral: &'a BTreeMap<u32, (u16, u16)>) -> Self {
        let listeners = sockets.iter().filter(|socket| socket.protocol == Protocol::Tcp && socket.state == Listen);
        let listening = listeners.filter_map(|socket| Some((socket.netns, socket.local.port?))).collect();
        Self { listening, ephemeral }
    }

    /// The socket with its role. Some states have only one; a connection on a port where somebody listens was accepted
    /// there, and one from a port that the kernel gave out was opened here. UDP knows no ends.
    #[must_use]
    pub fn tell(&self, socket: Socket) -> Listed {
        let (role, inferred) = match (socket.protocol, socket.state) {
            (Protocol::Udp, _) => (None, false),
            (Protocol::Tcp, Listen) => (Some(Role::Listener), false),
            (Protocol::Tcp, SynSent) => (Some(Role::Client), false),
            (Protocol::Tcp, SynRecv | NewSynRecv) => (Some(Role::Server), false),
            _ => self.deduced(&socket).map_or((None, false), |role| (Some(role), true)),
        };
        Listed { socket, role, inferred }
    }

    fn deduced(&self, socket: &Socket) -> Option<Role> {
        let port = socket.local.port.filter(|_| !socket.remote.is_nowhere())?;
        let is_given_out =
            || self.ephemeral.get(&socket.netns).is_some_and(|(first, last)| (*first..=*last).contains(&port));
        match self.listening.contains(&(socket.netns, port)) {
            true => Some(Role::Server),
            false => is_given_out().then_some(Role::Client),
        }
    }
}
