//! Connections that have reached CLOSE and of which a reset may still follow: an application that breaks a connection off
//! closes the socket first and sends the RST then (`tcp_disconnect`, net/ipv4/tcp.c).

use std::collections::VecDeque;

use tracer_common::filter::Verdict;

use crate::{
    event::{MonotonicNs, SocketCookie, TcpState, Transition},
    memory::Kept,
    observation::{ObservedReset, ObservedTransition},
};

/// How long it may take from →CLOSE to the RST. Both happen in one go, microseconds apart, but for a task that is preempted
/// in between.
const LINGER_NS: u64 = 100_000_000;
/// Connections remembered at most; beyond it the first is as settled as it will be.
const CAPACITY: usize = 32_000;

/// A connection that has reached CLOSE.
#[derive(Debug)]
pub(super) struct Departed {
    pub(super) observed: ObservedTransition,
    pub(super) verdict: Verdict,
    /// A reset that it accepted, unless it turns out to be one that it sends.
    pub(super) doubtful: Option<Kept<ObservedReset>>,
    /// Whether it was broken off is only told by the RST that follows, or does not.
    pub(super) is_open: bool,
}

impl Departed {
    /// Whether the kernel may still send an RST for it. Not after an orderly end, and not for one that never began.
    pub(super) fn may_send_reset(&self) -> bool {
        let transition = &self.observed.transition;
        match transition.old {
            TcpState::Listen | TcpState::SynSent => false,
            TcpState::LastAck | TcpState::Closing => transition.error.is_some(),
            _ => true,
        }
    }
}

/// Departed connections in the order of their end.
#[derive(Debug, Default)]
pub(super) struct Departures(VecDeque<Departed>);

impl Departures {
    pub(super) fn push(&mut self, departed: Departed) {
        self.0.push_back(departed);
    }

    /// Whether this end is there already.
    pub(super) fn has(&self, end: &Transition) -> bool {
        let is_it = |it: &Transition| it.cookie == end.cookie && it.old == end.old;
        self.0.iter().rev().any(|departed| is_it(&departed.observed.transition))
    }

    /// Takes out the socket's last end, if a reset may still follow. It comes microseconds later, so the end is among the
    /// last.
    pub(super) fn take(&mut self, cookie: SocketCookie) -> Option<Departed> {
        let place = self.0.iter().rposition(|departed| departed.observed.transition.cookie == Some(cookie))?;
        self.0.remove(place)
    }

    /// Takes out the first one to which nothing can happen any more at `now`, or for which there is no room.
    pub(super) fn settled(&mut self, now: MonotonicNs) -> Option<Departed> {
        let is_full = self.0.len() > CAPACITY;
        self.0.pop_front_if(|departed| is_full || now.since(departed.observed.transition.time) > LINGER_NS)
    }

    /// Takes out the first one.
    pub(super) fn pop(&mut self) -> Option<Departed> {
        self.0.pop_front()
    }
}
