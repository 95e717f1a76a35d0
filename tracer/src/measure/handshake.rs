//! How long a handshake took, as either end can know it.

use crate::{
    event::TcpState,
    observation::{Established, Handshake, HandshakeMethod, Known, ObservedTransition, Role, UnknownLatency},
};

/// Samples taken from TCP timestamps (RFC 7323) have this resolution, nanoseconds.
const TIMESTAMP_NS: u64 = 1_000_000;

/// The handshake that a transition completes, if it does.
#[must_use]
pub fn handshake(observed: &ObservedTransition) -> Option<Handshake> {
    let completes = observed.transition.new == TcpState::Established;
    let established = observed.known.past.established.filter(|_| completes)?;
    let is_client = observed.known.role == Some(Role::Client);
    Some(Handshake {
        observed: *observed,
        latency: latency(&established, &observed.known),
        syn_retransmits: is_client.then_some(established.retransmits),
        syn_ack_retransmits: (!is_client).then_some(established.retransmits),
        deferred_accept: observed.known.deferred_accept.filter(|_| !is_client),
        fast_open: established.syn_data.map(|data| data || established.syn_deferred),
    })
}

/// How long it took, nanoseconds.
///
/// A client waited from SYN_SENT on. A server has seen nothing of the wait: its socket is made when the last ACK arrives,
/// 5 to 25 µs before ESTABLISHED; but the kernel has just taken its first round-trip sample, from the SYN-ACK to that ACK
/// (`tcp_synack_rtt_meas`, net/ipv4/tcp_input.c). A simultaneous open (RFC 9293 section 3.5), which
/// goes through SYN_RECV, is a client's.
pub(super) fn latency(established: &Established, known: &Known) -> Result<(u64, HandshakeMethod), UnknownLatency> {
    if known.role == Some(Role::Client) {
        if established.syn_deferred {
            // SYN_SENT began at `connect()`, which sent nothing.
            return sample(established)
                .filter(|_| established.retransmits == 0)
                .ok_or(UnknownLatency::DeferredFastOpen);
        }
        let waited = match (established.from, known.past.opened) {
            (TcpState::SynSent, _) => established.in_state_ns.ns(),
            (_, opened) => opened.time().map(|opened| established.at.since(opened)),
        };
        return waited.map(|ns| (ns, HandshakeMethod::SynToEstablished)).ok_or(UnknownLatency::StartNotSeen);
    }
    if established.retransmits > 0 {
        let first = known.past.first_syn_ack.time().ok_or(UnknownLatency::SynAckRetransmitted)?;
        return Ok((established.at.since(first), HandshakeMethod::SinceFirstSynAck));
    }
    match sample(established) {
        None => Err(UnknownLatency::NoSample),
        // A Fast Open socket was made by the SYN itself, without a cookie in the SYN-ACK.
        Some((ns, _)) if ns.is_multiple_of(TIMESTAMP_NS) && established.syn_data != Some(true) => {
            Err(UnknownLatency::MaybeSynCookie)
        }
        Some(sample) => Ok(sample),
    }
}

/// The kernel's first round-trip sample; `None` if it took none.
fn sample(established: &Established) -> Option<(u64, HandshakeMethod)> {
    // `srtt_us` is the first sample times 8 (`tcp_rtt_estimator`).
    let us = established.srtt_us8 >> 3;
    (us != 0).then_some((u64::from(us) * 1000, HandshakeMethod::FirstRtt))
}
