//! What a transition tells of its connection: the role, the owner, how far it came.

use super::{Gate, Listener, Origins};
use crate::{
    event::{ExistingSocket, TcpState, Transition},
    memory::Kept,
    observation::{self, Known, Observation, Owner, OwnerSource, Past, Role, Side},
};

impl Origins {
    /// Learns the role and the owner from a transition that proves them.
    pub(super) fn learn(&mut self, transition: &Transition, known: &mut Known) {
        use TcpState::{Close, Listen, SynRecv, SynSent};
        match (transition.old, transition.new) {
            (Close, SynSent) | (SynSent, _) => known.role = Some(Role::Client),
            (Listen, SynRecv) => known.role = Some(Role::Server),
            (Close, Listen) | (Listen, _) => known.role = Some(Role::Listener),
            _ => {}
        }
        if let (Some(process), Some(source)) = (transition.actor, ownership(transition, known)) {
            known.owner = Some(Owner { process, source });
        }
        if let Some(cookie) = transition.cookie.filter(|_| transition.old == SynRecv) {
            known.past.first_syn_ack = self.syn_acks.take(cookie).into();
        }
        match (transition.old, transition.new) {
            (Close, Listen) => {
                if let (Some(process), Some(cookie)) = (transition.actor, transition.cookie) {
                    // If it does not defer, it may do so later.
                    let deferred_accept = transition.defer_accept.then_some(true);
                    let listener = Listener { process, deferred_accept };
                    self.listeners.insert(transition.netns, &transition.local, cookie, listener);
                }
            }
            (Listen, Close) => self.listeners.remove(transition),
            _ if known.role == Some(Role::Server) && known.listener.is_none() => {
                if let Some(Listener { process, deferred_accept }) = self.listeners.of(transition) {
                    known.listener = Some(process);
                    known.deferred_accept = deferred_accept;
                }
            }
            _ => {}
        }
    }
}

impl Gate {
    /// Whether the filter lets a socket through that is older than the trace, by what is known of it: as if it ended now.
    pub(super) fn lets_exist(&self, socket: &ExistingSocket) -> bool {
        if self.filter.is_pass_all() {
            return true;
        }
        let owner = socket.holder.map(|process| Owner { process, source: OwnerSource::Proc });
        let role = (socket.state == TcpState::Listen).then_some(Role::Listener);
        let known = Known { role, owner, ..Known::default() };
        self.filter.decide_finally(&at_rest(socket), &known, &self.ancestry)
    }
}

/// A socket as a transition that leaves it where it is, without what a list does not tell.
fn at_rest(socket: &ExistingSocket) -> Transition {
    let ExistingSocket { cookie, netns, family, local, remote, state, defer_accept, .. } = *socket;
    Transition { cookie: Some(cookie), netns, defer_accept, ..Transition::at_rest(family, local, remote, state) }
}

/// Takes a transition into a connection's past.
pub(super) fn remember(transition: &Transition, in_state_ns: Option<u64>, past: &mut Past) {
    use TcpState::{Close, CloseWait, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynRecv, SynSent};
    let Transition { time, srtt_us8, total_retrans, error, syn_data, syn_deferred, .. } = *transition;
    match (transition.old, transition.new) {
        (Close, SynSent) | (Listen, SynRecv) => *past = Past { opened: time.into(), ..Past::default() },
        (from, Established) => {
            let retransmits = total_retrans;
            past.established = Some(observation::Established {
                at: time,
                from,
                in_state_ns: in_state_ns.into(),
                srtt_us8,
                retransmits,
                syn_data,
                syn_deferred,
            });
        }
        (Established | SynRecv, FinWait1) => past.closed_by = Some(Side::Local),
        (_, CloseWait) => past.closed_by = Some(Side::Remote),
        (FinWait1, Closing) => past.closed_by = Some(Side::Both),
        (FinWait1, FinWait2) => past.fin_acked = true,
        (LastAck | Closing, Close) => past.fin_acked = error.is_none(),
        _ => {}
    }
}

/// Fills in what the kernel could not say yet of the transitions before this one: until 6.15 a new socket is reported at
/// LISTEN→SYN_RECV while it still is a copy of its listener (`tcp_v4_syn_recv_sock`, net/ipv4/tcp_ipv4.c).
pub(super) fn complete(waiting: &mut [Kept<Observation>], now: &Transition) {
    for kept in waiting {
        let Observation::Transition(observed) = &mut *kept.value else { continue };
        if observed.transition.remote.is_some() {
            continue;
        }
        let Transition { cookie, family, local, remote, .. } = *now;
        observed.transition = Transition { cookie, family, local, remote, ..observed.transition };
    }
}

/// How a transition proves that whoever held the socket's lock owns the socket; `None` if it does not.
fn ownership(transition: &Transition, known: &Known) -> Option<OwnerSource> {
    use TcpState::{Close, CloseWait, Established, FinWait1, LastAck, Listen, SynRecv, SynSent};
    match (transition.old, transition.new) {
        (Close, SynSent) => Some(OwnerSource::Connect),
        (Close, Listen) => Some(OwnerSource::Listen),
        (Established | SynRecv, FinWait1) | (CloseWait, LastAck) => Some(OwnerSource::Close),
        // An abortive close (SO_LINGER 0, unread data) is the owner's; an administrator's leaves ECONNABORTED.
        (_, Close) if known.owner.is_none() && transition.error.is_none() => Some(OwnerSource::Close),
        _ => None,
    }
}
