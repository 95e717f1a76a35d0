//! A story to format: what the tests of all formats print.

mod host;
mod latency;
mod sockets;

use std::{
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU64,
    sync::Arc,
};

pub(crate) use self::{
    host::troubled,
    latency::latency,
    sockets::{ephemeral, holder, socket, sockets},
};
use crate::{
    account::{Account, ProgramAccount, TracepointAccount},
    event::{
        ClockPair, Comm, Endpoint, Family, Gap, LossStage, MonotonicNs, Process, ResetKind, SockAddress, SocketCookie,
        TcpState::{self, Close, CloseWait, Established, FinWait2, LastAck, Listen, SynRecv, SynSent, TimeWait},
        Transition,
    },
    figures::{
        Durations, Figures, Group, GroupBy, Groups, Percentiles, ResetCount, Summary, TimeWaits, host::HostFigures,
    },
    observation::{
        Anomaly, Connection, Feature, Handshake, HandshakeMethod, Known, Observation, ObservedReset,
        ObservedTransition, Outcome, Owner, OwnerSource, Past, Role, Side, Start, TimeWaitEnd, TimeWaitEnded,
        UnknownLatency,
    },
};

/// 2026-02-03 14:03:07.123456789 UTC is 1 s after the start of the monotonic clock.
pub(crate) const CLOCK: ClockPair =
    ClockPair { monotonic: MonotonicNs(1_000_000_000), realtime_ns: 1_770_127_387_123_456_789 };

/// A moment so many nanoseconds after [`CLOCK`].
pub(crate) fn at(ns: u64) -> MonotonicNs {
    MonotonicNs(CLOCK.monotonic.0 + ns)
}

pub(crate) fn start() -> Start {
    Start {
        clock: CLOCK,
        host: "web1".to_owned(),
        boot_id: "5f0c1a52-2c0b-4a5e-9d4e-1f1f6f6b8a3c".to_owned(),
        kernel: "6.18.44".to_owned(),
        filters: vec!["--port 443".to_owned()],
        features: vec![
            Feature { name: "transitions".into(), missing: None },
            Feature { name: "cgroup".into(), missing: Some("this kernel does not say".to_owned()) },
        ],
    }
}

pub(crate) fn process(pid: u32, name: &[u8]) -> Process {
    let mut comm = [0; 16];
    comm[..name.len()].copy_from_slice(name);
    Process { pid, comm: Comm(comm) }
}

pub(crate) fn owner(pid: u32, name: &[u8], source: OwnerSource) -> Option<Owner> {
    Some(Owner { process: process(pid, name), source })
}

fn end(text: &str) -> Endpoint {
    let (addr, port) = text.rsplit_once(':').expect("address:port");
    let addr = addr.trim_matches(['[', ']']).parse().expect("an address");
    Endpoint { addr, port: port.parse().ok() }
}

/// A transition of which nothing more is known; what a test is about it sets itself.
pub(crate) fn transition(old: TcpState, new: TcpState) -> Transition {
    let nowhere = Endpoint { addr: IpAddr::V4(Ipv4Addr::UNSPECIFIED), port: None };
    Transition {
        sock: SockAddress(0xffff_8880_0000_1000),
        netns: 1,
        uid: Some(0),
        old,
        syn_data: Some(false),
        ..Transition::at_rest(Family::Ipv4, nowhere, nowhere, new)
    }
}

/// A change of the socket between `local` and `remote`, `ns` after [`CLOCK`].
pub(crate) fn change(ns: u64, ends: (&str, &str), old: TcpState, new: TcpState) -> ObservedTransition {
    let local = end(ends.0);
    let transition = Transition {
        time: at(ns),
        cookie: NonZeroU64::new(4_711).map(SocketCookie),
        netns: 4_026_531_840,
        cgroup_id: Some(77),
        uid: Some(1000),
        family: if local.addr.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 },
        local,
        remote: (!ends.1.is_empty()).then(|| end(ends.1)),
        ifindex: Some(2),
        ..transition(old, new)
    };
    ObservedTransition { transition, in_state_ns: None, known: Known::default(), inferred: false }
}

/// One connection as a client, one refused, one accepted; IPv6, mapped IPv4, a listener, a name from hell.
pub(crate) fn story() -> Vec<Observation> {
    let curl = Known {
        role: Some(Role::Client),
        owner: owner(4711, b"curl", OwnerSource::Connect),
        listener: None,
        ..Known::default()
    };
    let nginx =
        Known { role: Some(Role::Server), owner: None, listener: Some(process(812, b"nginx")), ..Known::default() };
    let evil = Known { owner: owner(1, b"\x1b[2J\xff\"", OwnerSource::Close), ..Known::default() };
    let listener =
        Known { role: Some(Role::Listener), owner: owner(812, b"nginx", OwnerSource::Listen), ..Known::default() };
    let web = ("10.0.0.5:51324", "93.184.216.34:443");
    let (v4, v6) =
        (("192.168.100.10:443", "192.168.100.200:40000"), ("[2001:db8::1]:443", "[2001:db8:1:2:3:4:5:6]:40000"));
    let mapped = ("[::ffff:10.0.0.5]:443", "[::ffff:10.0.0.9]:40000");
    let mut refused = change(20_050_300, ("127.0.0.1:51326", "127.0.0.1:81"), SynSent, Close);
    refused.transition.error = Some(111);
    let lines = [
        (change(0, ("10.0.0.5:none", "93.184.216.34:443"), Close, SynSent), None, curl),
        (change(12_345_678, web, SynSent, Established), Some(12_345_678), curl),
        (refused, Some(50_300), curl),
        (change(30_000_000, ("0.0.0.0:443", "0.0.0.0:none"), Close, Listen), None, listener),
        (change(40_000_000, ("0.0.0.0:443", ""), Listen, SynRecv), None, nginx),
        (change(40_017_000, v4, SynRecv, Established), Some(17_000), nginx),
        (change(50_000_000, v6, Established, CloseWait), Some(7_505_000_000_000), nginx),
        (change(60_000_000, mapped, CloseWait, LastAck), Some(1_234_567_890), evil),
    ];
    let shown = lines.map(|(change, in_state_ns, known)| {
        Observation::Transition(ObservedTransition { in_state_ns, known, ..change })
    });
    let observed = change(70_000_000, web, Established, SynSent);
    let anomaly = Anomaly { observed: ObservedTransition { known: curl, ..observed }, expected: &[CloseWait, Close] };
    let gap = Gap { lost: 1234, from: at(0), to: at(1_000_000_000), stage: LossStage::Ring };
    let facts = [Observation::Clock(CLOCK), Observation::Cgroup { id: 77, path: "/system.slice/a \"b\"".into() }];
    let rest = [Observation::Anomaly(anomaly), Observation::Gap(gap), Observation::Summary(Box::new(summary()))];
    facts.into_iter().chain(shown).chain(rest).collect()
}

/// Handshakes and ends of connections as `measure` concludes them.
pub(crate) fn conclusions() -> Vec<Observation> {
    let opened = at(5_000_000).into();
    let observed = |old, new, role| {
        let ends = ("10.0.0.5:51324", "93.184.216.34:443");
        let mut observed = change(55_201_000, ends, old, new);
        observed.known = Known { role: Some(role), past: Past { opened, ..Past::default() }, ..Known::default() };
        observed
    };
    let handshake = |role, from, latency, syn_retransmits, syn_ack_retransmits| {
        let observed = observed(from, Established, role);
        Observation::Handshake(Handshake {
            observed,
            latency,
            syn_retransmits,
            syn_ack_retransmits,
            deferred_accept: None,
            fast_open: Some(false),
        })
    };
    let waited = Ok((1_050_201_000, HandshakeMethod::SynToEstablished));
    let sampled = Ok((50_201_000, HandshakeMethod::FirstRtt));
    let mut closed = observed(LastAck, Close, Role::Client);
    closed.transition.total_retrans = 2;
    closed.transition.srtt_us8 = 402_001;
    let verdict = Connection {
        observed: closed,
        outcome: Some(Outcome::Closed),
        closed_by: Some(Side::Remote),
        handshake_ns: Some(1_050_201_000),
        bytes_sent: Some(777),
        bytes_received: Some(123_456_789),
    };
    let mut unseen = observed(Established, Close, Role::Server);
    unseen.known = Known::default();
    let nothing = Connection {
        observed: unseen,
        outcome: None,
        closed_by: None,
        handshake_ns: None,
        bytes_sent: None,
        bytes_received: Some(0),
    };
    let refused =
        Connection { observed: observed(SynSent, Close, Role::Client), outcome: Some(Outcome::Refused), ..nothing };
    let reset = |state: Option<TcpState>, kind, role, reason: Option<&str>| {
        let nominal = state.unwrap_or(Close);
        let observed = observed(nominal, nominal, role);
        Observation::Reset(ObservedReset { observed, state, kind, reason: reason.map(Arc::from) })
    };
    let time_wait = |end: Option<TimeWaitEnd>, inferred, substate| {
        let known = end.is_some();
        let ended = TimeWaitEnded {
            minisocket_ns: known.then_some(62_490_000_000),
            time_wait_ns: (known && substate == TimeWait).then_some(60_490_000_000),
            end,
            inferred,
        };
        let observed = observed(substate, substate, Role::Client);
        Observation::TimeWait(crate::observation::TimeWait { observed, seeded: !known, ended: Some(ended) })
    };
    vec![
        Observation::Clock(CLOCK),
        handshake(Role::Client, SynSent, waited, Some(0), None),
        handshake(Role::Client, SynSent, waited, Some(1), None),
        handshake(Role::Server, SynRecv, sampled, None, Some(0)),
        handshake(Role::Server, SynRecv, Err(UnknownLatency::SynAckRetransmitted), None, Some(2)),
        Observation::Connection(verdict),
        Observation::Connection(refused),
        Observation::Connection(nothing),
        reset(Some(SynSent), ResetKind::Received, Role::Client, None),
        reset(Some(Established), ResetKind::Abort, Role::Client, Some("TCP_ABORT_ON_CLOSE")),
        reset(None, ResetKind::Answer, Role::Server, Some("NO_SOCKET")),
        time_wait(Some(TimeWaitEnd::Expired), false, TimeWait),
        time_wait(Some(TimeWaitEnd::Reset), true, FinWait2),
        time_wait(None, false, TimeWait),
    ]
}

/// Two million events, a few of them missed by the first program.
pub(crate) fn summary() -> Summary {
    let mut transitions = [0; 256];
    let count = |old: TcpState, new: TcpState| usize::from(old as u8) << 4 | usize::from(new as u8);
    transitions[count(Close, SynSent)] = 1_200;
    transitions[count(SynSent, Established)] = 1_190;
    transitions[count(SynSent, Close)] = 10;
    transitions[count(Established, CloseWait)] = 1_190;
    let mut matrix = transitions;
    matrix[count(Listen, SynRecv)] = 1_996_410;
    let first = ProgramAccount {
        handled: 1_999_995,
        same_state: 1,
        filtered: 1_996_408,
        submitted: 3_580,
        reserve_failed: 6,
        missed: 6,
        ..ProgramAccount::default()
    };
    let resets = ProgramAccount { handled: 12, submitted: 12, ..ProgramAccount::default() };
    let sent_resets = TracepointAccount { first: resets, second: ProgramAccount::default() };
    let second = ProgramAccount { handled: 5, submitted: 5, ..ProgramAccount::default() };
    Summary {
        is_final: true,
        from: at(0),
        to: at(12_300_000_000),
        transitions,
        anomalies: 1,
        tracked: 120,
        evicted: 0,
        discontinuities: 0,
        inferred: 0,
        duplicates: 0,
        resets: [12, 3],
        host: HostFigures::default(),
        groups: groups(),
        account: Some(Account {
            states: TracepointAccount { first, second },
            sent_resets,
            matrix,
            decoded: 3_597,
            ..Account::default()
        }),
    }
}

/// A healthy server, a failing service elsewhere, and eleven more.
fn groups() -> Groups {
    let percentiles = Percentiles { p50_ns: 84_200, p90_ns: 120_400, p99_ns: 1_200_000, max_ns: 1_050_201_000 };
    let durations = |count, percentiles| Durations { count, percentiles: Some(percentiles) };
    let reset = |received, reason: &str, inferred, count| {
        let reason = (!reason.is_empty()).then(|| Arc::from(reason));
        ResetCount { received, reason, inferred, count }
    };
    let lasted =
        Percentiles { p50_ns: 60_500_000_000, p90_ns: 61_000_000_000, p99_ns: 61_900_000_000, max_ns: 62_040_000_000 };
    let healthy = Figures {
        connections: 1_190,
        opened: 1_180,
        ended: 1_070,
        open: Some(120),
        outcomes: [1_070, 0, 0, 0, 0, 0, 0, 0],
        handshakes: durations(1_178, percentiles),
        handshakes_unknown: 2,
        time_wait: Some(TimeWaits {
            births: 1_069,
            minisocket: durations(1_021, lasted),
            time_wait: durations(1_020, lasted),
            ends: [1_011, 8, 0, 0, 2, 0],
            ends_unknown: 0,
            still_open: Some(48),
            longest_so_far_ns: Some(35_200_000_000),
        }),
        ..Figures::default()
    };
    let failing = Figures {
        connections: 10,
        opened: 10,
        ended: 10,
        open: Some(0),
        outcomes: [0, 7, 2, 0, 0, 0, 1, 0],
        handshakes: durations(
            3,
            Percentiles { p50_ns: 1_010_000_000, p90_ns: 1_040_000_000, p99_ns: 1_050_201_000, ..percentiles },
        ),
        resets: vec![
            reset(true, "REFUSED", true, 7),
            reset(true, "", false, 2),
            reset(false, "TCP_ABORT_ON_CLOSE", false, 1),
        ],
        retransmits: 12,
        time_wait: Some(TimeWaits { still_open: Some(0), ..TimeWaits::default() }),
        ..Figures::default()
    };
    let rest = Figures { connections: 25, opened: 25, open: Some(25), ..Figures::default() };
    let addr = IpAddr::V4(Ipv4Addr::new(93, 184, 216, 34));
    let listed = vec![
        (Group::Server { port: 443, netns: 4_026_531_840 }, healthy.clone()),
        (Group::Client { addr, port: 443, netns: 4_026_531_840 }, failing),
        (Group::Server { port: 8080, netns: 4_026_532_281 }, rest.clone()),
        (Group::Server { port: 8080, netns: 4_026_532_377 }, rest.clone()),
        (Group::Unknown, Figures { resets: vec![reset(false, "NO_SOCKET", false, 7)], ..Figures::default() }),
    ];
    let all = Figures { connections: 1_275, outcomes: [1_070, 7, 2, 0, 0, 0, 1, 0], ..healthy };
    Groups { by: GroupBy::Service, count: 16, listed, rest: Some(rest), all }
}
