//! Verdicts on imagined connections.

use super::{connection, handshake};
use crate::{
    event::TcpState::{
        self, Close, CloseWait, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynRecv, SynSent,
    },
    event::{MaybeNs, MonotonicNs},
    observation::{
        self, Closed as Over, Connection, HandshakeMethod, Known, ObservedTransition,
        Outcome::{self, Aborted, AddressInUse, Closed, KeepaliveTimeout, Refused, Reset, Timeout, Unreachable},
        Past, Role, Side, UnknownLatency,
    },
    samples::change,
};

const EPIPE: u16 = 32;
const ECONNABORTED: u16 = 103;
const ECONNRESET: u16 = 104;
const ETIMEDOUT: u16 = 110;
const ECONNREFUSED: u16 = 111;
const EHOSTUNREACH: u16 = 113;

fn observed(old: TcpState, new: TcpState, role: Role) -> ObservedTransition {
    let known = Known { role: Some(role), ..Known::default() };
    ObservedTransition { known, ..change(0, ("10.0.0.1:40000", "10.0.0.2:443"), old, new) }
}

fn established(from: TcpState, srtt_us8: u32, retransmits: u32) -> observation::Established {
    observation::Established {
        at: MonotonicNs(90_000),
        from,
        in_state_ns: Some(17_000_u64).into(),
        srtt_us8,
        retransmits,
        syn_data: Some(false),
        syn_deferred: false,
    }
}

fn ended(observed: ObservedTransition) -> Option<Connection> {
    connection(&Over { observed, broken_off: false })
}

fn latency(role: Role, established: observation::Established) -> Result<(u64, HandshakeMethod), UnknownLatency> {
    let mut observed = observed(established.from, Established, role);
    observed.known.past.established = Some(established);
    handshake(&observed).expect("a handshake").latency
}

#[test]
fn a_client_waited_in_syn_sent() {
    let waited = Ok((17_000, HandshakeMethod::SynToEstablished));
    assert_eq!(latency(Role::Client, established(SynSent, 0, 3)), waited);
    let unseen = observation::Established { in_state_ns: MaybeNs::UNKNOWN, ..established(SynSent, 80, 0) };
    assert_eq!(latency(Role::Client, unseen), Err(UnknownLatency::StartNotSeen));
}

#[test]
fn a_simultaneous_open_is_what_the_client_waited_in_all() {
    let mut both = observed(SynRecv, Established, Role::Client);
    both.known.past.opened = MonotonicNs(10_000).into();
    both.known.past.established = Some(established(SynRecv, 400, 1));
    let handshake = handshake(&both).expect("a handshake");
    assert_eq!(handshake.latency, Ok((80_000, HandshakeMethod::SynToEstablished)));
    assert_eq!((handshake.syn_retransmits, handshake.syn_ack_retransmits), (Some(1), None));
}

#[test]
fn a_server_has_the_first_sample_or_says_why_not() {
    for (srtt_us8, retransmits, expected) in [
        (50_201 << 3, 0, Ok((50_201_000, HandshakeMethod::FirstRtt))),
        (0, 0, Err(UnknownLatency::NoSample)),
        (50_201 << 3, 1, Err(UnknownLatency::SynAckRetransmitted)),
        (63_000 << 3, 0, Err(UnknownLatency::MaybeSynCookie)),
    ] {
        assert_eq!(latency(Role::Server, established(SynRecv, srtt_us8, retransmits)), expected);
    }
}

#[test]
fn only_what_becomes_established_is_a_handshake() {
    let mut later = observed(Established, CloseWait, Role::Server);
    later.known.past.established = Some(established(SynRecv, 400, 0));
    assert_eq!(handshake(&later), None);
}

/// State left, error, whether something is not acknowledged, who closed first in order; the verdict and who is said to have closed.
type Case = (TcpState, Option<u16>, bool, Option<Side>, Option<Outcome>, Option<Side>);

#[test]
fn every_way_to_end_has_its_verdict() {
    let (local, remote) = (Some(Side::Local), Some(Side::Remote));
    let cases: [Case; 19] = [
        (FinWait2, None, false, local, Some(Closed), local),
        (LastAck, None, false, remote, Some(Closed), remote),
        (Closing, None, false, Some(Side::Both), Some(Closed), Some(Side::Both)),
        (SynSent, Some(ECONNREFUSED), false, None, Some(Refused), remote),
        (SynSent, Some(EHOSTUNREACH), false, None, Some(Unreachable), None),
        (SynSent, Some(ETIMEDOUT), false, None, Some(Timeout), None),
        (SynSent, None, false, None, Some(Aborted), local),
        (Established, Some(ECONNRESET), false, None, Some(Reset), remote),
        (CloseWait, Some(EPIPE), false, remote, Some(Reset), remote),
        (FinWait1, Some(ECONNRESET), false, local, Some(Reset), local),
        (Established, None, false, None, Some(Aborted), local),
        (CloseWait, None, false, remote, Some(Aborted), remote),
        (Established, Some(ECONNABORTED), false, None, Some(Aborted), local),
        (SynRecv, None, false, None, Some(Aborted), local),
        (FinWait1, Some(ETIMEDOUT), false, local, Some(Timeout), local),
        (LastAck, Some(ETIMEDOUT), false, remote, Some(Timeout), remote),
        (Established, Some(ETIMEDOUT), false, None, Some(KeepaliveTimeout), None),
        (Established, Some(ETIMEDOUT), true, None, Some(Timeout), None),
        (Established, Some(71), false, None, None, None),
    ];
    for (old, error, unacked, closed_by, outcome, said) in cases {
        let mut last = observed(old, Close, Role::Client);
        last.transition.error = error;
        last.transition.unacked = unacked;
        last.known.past = Past { closed_by, established: Some(established(SynSent, 80, 0)), ..Past::default() };
        let verdict = ended(last).expect("a connection");
        assert_eq!((verdict.outcome, verdict.closed_by), (outcome, said), "{old} {error:?} {unacked}");
    }
}

#[test]
fn a_connect_that_sent_nothing_found_its_pair_of_ends_taken() {
    let mut last = observed(SynSent, Close, Role::Client);
    last.transition.sent = false;
    assert_eq!(ended(last).expect("a connection").outcome, Some(AddressInUse));
}

#[test]
fn syn_and_fin_are_no_payload() {
    let mut last = observed(FinWait2, Close, Role::Client);
    last.transition.bytes_acked = 1 + 500 + 1;
    last.transition.bytes_received = 70 + 1;
    last.transition.fin_received = true;
    last.known.past.fin_acked = true;
    let verdict = ended(last).expect("a connection");
    assert_eq!((verdict.bytes_sent, verdict.bytes_received), (Some(500), Some(70)));
    last.known.role = None;
    assert_eq!(ended(last).expect("a connection").bytes_sent, None, "it may or may not have sent the SYN");
}

#[test]
fn a_listener_is_not_a_connection() {
    assert_eq!(ended(observed(Listen, Close, Role::Listener)), None);
}
