//! The sockets that are alive, with whom they belong to: told again at the head of each segment, for those before it may be
//! gone when somebody reads it.

use std::collections::BTreeMap;

use crate::event::{Event, ExistingSocket, SocketCookie, TcpState, Transition};

/// Sockets that are told again at most: about a megabyte of a segment.
const CAPACITY: usize = 65_536;

#[derive(Debug, Default)]
pub(super) struct Alive(BTreeMap<SocketCookie, ExistingSocket>);

impl Alive {
    /// Takes note of an event.
    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::Existing(socket) => self.keep(*socket),
            Event::Transition(transition) => self.change(transition),
            _ => {}
        }
    }

    pub(super) fn sockets(&self) -> impl Iterator<Item = Event> {
        self.0.values().map(|socket| Event::Existing(*socket))
    }

    fn keep(&mut self, socket: ExistingSocket) {
        if self.0.len() < CAPACITY || self.0.contains_key(&socket.cookie) {
            self.0.insert(socket.cookie, socket);
        }
    }

    fn change(&mut self, it: &Transition) {
        let (Some(cookie), Some(remote)) = (it.cookie, it.remote) else { return };
        if it.new == TcpState::Close {
            self.0.remove(&cookie);
            return;
        }
        let begins = it.old == TcpState::Close;
        let before = self.0.get(&cookie).filter(|_| !begins);
        self.keep(ExistingSocket {
            cookie,
            netns: it.netns,
            family: it.family,
            local: it.local,
            remote,
            state: it.new,
            // Who connects or listens is whose it is.
            holder: before.map_or(it.actor.filter(|_| begins), |socket| socket.holder),
            defer_accept: it.defer_accept,
        });
    }
}
