//! Which end of a connection this host is, where its beginning was not seen.

use crate::{
    event::{Endpoint, ExistingSocket, TcpState},
    hashing::HashMap,
    namespace::Settings,
    observation::{ObservedTransition, Role},
};

/// Ports on which somebody listens that are remembered at most.
const CAPACITY: usize = 65_536;

/// Who listens where.
#[derive(Debug, Default)]
pub(super) struct Roles {
    /// How many listeners, by namespace and port.
    listening: HashMap<(u32, u16), u32>,
}

impl Roles {
    pub(super) fn meet(&mut self, socket: &ExistingSocket) {
        if socket.state == TcpState::Listen {
            self.add(socket.netns, &socket.local);
        }
    }

    pub(super) fn learn(&mut self, observed: &ObservedTransition) {
        let transition = &observed.transition;
        match (transition.old, transition.new) {
            (_, TcpState::Listen) => self.add(transition.netns, &transition.local),
            (TcpState::Listen, TcpState::Close) => self.remove(transition.netns, &transition.local),
            _ => {}
        }
    }

    /// What a socket with this end must be: who has a port that somebody listens on was accepted; who has one that the
    /// namespace gave out, and nobody listens on, has connected. Otherwise `None`.
    pub(super) fn infer(&self, netns: u32, local: &Endpoint, settings: Option<&Settings>) -> Option<Role> {
        let port = local.port?;
        if self.listening.contains_key(&(netns, port)) {
            return Some(Role::Server);
        }
        settings?.gives_out(port)?.then_some(Role::Client)
    }

    /// The namespace is gone.
    pub(super) fn forget(&mut self, netns: u32) {
        self.listening.retain(|(of, _), _| *of != netns);
    }

    fn add(&mut self, netns: u32, local: &Endpoint) {
        let Some(port) = local.port else { return };
        if self.listening.len() < CAPACITY || self.listening.contains_key(&(netns, port)) {
            *self.listening.entry((netns, port)).or_default() += 1;
        }
    }

    fn remove(&mut self, netns: u32, local: &Endpoint) {
        let Some(port) = local.port else { return };
        if let Some(count) = self.listening.get_mut(&(netns, port)) {
            *count -= 1;
            if *count == 0 {
                self.listening.remove(&(netns, port));
            }
        }
    }
}
