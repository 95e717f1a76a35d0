//! The verdict on a connection at its end. A normal close is never a failure, a listener's close is not a connection, and
//! what is not known stays unknown.

use super::handshake::latency;
use crate::{
    event::{TcpState, Transition},
    observation::{Closed, Connection, ObservedTransition, Outcome, Past, Role, Side},
};
use TcpState::{Close, CloseWait, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynRecv, SynSent};

/// errno values as they are on every architecture Linux has BPF for but MIPS, PA-RISC, SPARC and Alpha.
mod errno {
    pub(super) const EPIPE: u16 = 32;
    pub(super) const ENETDOWN: u16 = 100;
    pub(super) const ENETUNREACH: u16 = 101;
    pub(super) const ECONNABORTED: u16 = 103;
    pub(super) const ECONNRESET: u16 = 104;
    pub(super) const ETIMEDOUT: u16 = 110;
    pub(super) const ECONNREFUSED: u16 = 111;
    pub(super) const EHOSTDOWN: u16 = 112;
    pub(super) const EHOSTUNREACH: u16 = 113;
}

/// The connection that is over, if it was one.
#[must_use]
pub fn connection(Closed { observed, broken_off }: &Closed) -> Option<Connection> {
    let ObservedTransition { transition, known, .. } = observed;
    if transition.new != Close || transition.old == Listen || known.role == Some(Role::Listener) {
        return None;
    }
    let outcome = if *broken_off { Some(Outcome::Aborted) } else { outcome(transition) };
    Some(Connection {
        observed: *observed,
        outcome,
        closed_by: closed_by(transition, &known.past, outcome),
        handshake_ns: known
            .past
            .established
            .and_then(|established| latency(&established, known).ok())
            .map(|(ns, _)| ns),
        bytes_sent: sent(transition, known.role, &known.past),
        bytes_received: Some(transition.bytes_received.saturating_sub(u64::from(transition.fin_received))),
    })
}

fn outcome(transition: &Transition) -> Option<Outcome> {
    use errno::{
        ECONNABORTED, ECONNREFUSED, ECONNRESET, EHOSTDOWN, EHOSTUNREACH, ENETDOWN, ENETUNREACH, EPIPE, ETIMEDOUT,
    };
    match (transition.old, transition.error) {
        (FinWait2 | Closing | LastAck, None) => Some(Outcome::Closed),
        // `inet_hash_connect` found no free pair of ends, before any SYN.
        (SynSent, None) if !transition.sent => Some(Outcome::AddressInUse),
        (SynSent | SynRecv | Established | FinWait1 | CloseWait, None) | (_, Some(ECONNABORTED)) => {
            Some(Outcome::Aborted)
        }
        (_, Some(ECONNREFUSED)) => Some(Outcome::Refused),
        // `tcp_reset`, net/ipv4/tcp_input.c: EPIPE in CLOSE_WAIT.
        (_, Some(ECONNRESET)) | (CloseWait, Some(EPIPE)) => Some(Outcome::Reset),
        (_, Some(EHOSTUNREACH | ENETUNREACH | EHOSTDOWN | ENETDOWN)) => Some(Outcome::Unreachable),
        // `tcp_write_err` ends both; only keepalive probes are sent when nothing is waiting.
        (Established, Some(ETIMEDOUT)) if !transition.unacked => Some(Outcome::KeepaliveTimeout),
        (_, Some(ETIMEDOUT)) => Some(Outcome::Timeout),
        _ => None,
    }
}

fn closed_by(transition: &Transition, past: &Past, outcome: Option<Outcome>) -> Option<Side> {
    past.closed_by.or(match (outcome?, transition.old) {
        (Outcome::Refused | Outcome::Reset, _) => Some(Side::Remote),
        (Outcome::Aborted | Outcome::AddressInUse, _) => Some(Side::Local),
        _ => None,
    })
}

/// `bytes_acked` counts a client's SYN and the FIN (`tcp_snd_una_update`); a server's SYN-ACK was acknowledged before its
/// socket existed.
fn sent(transition: &Transition, role: Option<Role>, past: &Past) -> Option<u64> {
    let syn = u64::from(role? == Role::Client);
    Some(transition.bytes_acked.saturating_sub(syn + u64::from(past.fin_acked)))
}
