//! Events of every kind, at random: what the tests of writing and reading are made of.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::NonZeroU64,
};

use proptest::{collection::vec, option, prelude::*, sample::select};

use crate::{
    event::{
        Call, Caller, ClockPair, Comm, Endpoint, Event, ExistingSocket, Family, Gap, LossStage, MonotonicNs, Process,
        Reset, ResetKind, SockAddress, SocketCookie, SynAck, TcpState, Timer, TimerStep, Transition,
    },
    namespace::{Counter, Counters, NamespaceFacts, NamespaceReading, Settings, Unread},
};

/// Few enough sockets that their rows refer to each other.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![1..20_u64, any::<u64>()]
}

fn cookie() -> impl Strategy<Value = SocketCookie> {
    number().prop_map(|number| SocketCookie(NonZeroU64::new(number).unwrap_or(NonZeroU64::MIN)))
}

fn state() -> impl Strategy<Value = TcpState> {
    select(TcpState::ALL)
}

fn ends() -> impl Strategy<Value = (Family, Endpoint, Endpoint)> {
    let port = || option::of(1..=u16::MAX);
    let v4 = || any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits)));
    let v6 = || any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits)));
    let end = |(addr, port)| Endpoint { addr, port };
    prop_oneof![
        (v4(), port(), v4(), port()).prop_map(move |(a, b, c, d)| (Family::Ipv4, end((a, b)), end((c, d)))),
        (v6(), port(), v6(), port()).prop_map(move |(a, b, c, d)| (Family::Ipv6, end((a, b)), end((c, d)))),
    ]
}

fn process() -> impl Strategy<Value = Option<Process>> {
    option::of((any::<u32>(), any::<[u8; 16]>()).prop_map(|(pid, comm)| Process { pid, comm: Comm(comm) }))
}

fn time() -> impl Strategy<Value = MonotonicNs> {
    prop_oneof![1_000_000_000..2_000_000_000_u64, any::<u64>()].prop_map(MonotonicNs)
}

pub(crate) fn transition() -> impl Strategy<Value = Transition> {
    let names =
        (time(), option::of(cookie()), number(), any::<u32>(), option::of(any::<u32>()), option::of(any::<u32>()));
    let states =
        (state(), state(), option::of(1..=u16::MAX), any::<u8>(), any::<[bool; 8]>(), option::of(any::<bool>()));
    let figures = (any::<u32>(), any::<u32>(), any::<u64>(), any::<u64>(), option::of(1..=u32::MAX), any::<bool>());
    (names, states, figures, ends(), process()).prop_map(|(names, states, figures, (family, local, remote), actor)| {
        let (time, cookie, sock, netns, cgroup_id, uid) = names;
        let (old, new, error, shutdown, [a, b, c, d, e, f, g, has_remote], syn_data) = states;
        let (srtt_us8, total_retrans, bytes_acked, bytes_received, ifindex, undecided) = figures;
        Transition {
            time,
            cookie,
            sock: SockAddress(sock),
            netns,
            cgroup_id: cgroup_id.map(u64::from),
            uid,
            family,
            local,
            remote: has_remote.then_some(remote),
            old,
            new,
            error,
            shutdown,
            sent: a,
            unacked: b,
            syn_data,
            syn_deferred: c,
            defer_accept: d,
            fin_received: e,
            actor,
            srtt_us8,
            total_retrans,
            bytes_acked,
            bytes_received,
            ifindex,
            recovered: f && g,
            undecided,
        }
    })
}

fn reset() -> impl Strategy<Value = Reset> {
    let kind = select(vec![ResetKind::Abort, ResetKind::Answer, ResetKind::Received]);
    let reason = option::of(select(vec!["NO_SOCKET", "TCP_ABORT_ON_DATA", "a name\nfrom hell"]));
    (transition(), option::of(state()), kind, reason).prop_map(|(socket, state, kind, reason)| {
        let nominal = state.unwrap_or(TcpState::Close);
        let socket = Transition { old: nominal, new: nominal, ..socket };
        Reset { socket, state, kind, reason: reason.map(Into::into) }
    })
}

fn timer() -> impl Strategy<Value = Timer> {
    let call = select(vec![Call::Connects, Call::Sends, Call::Writes, Call::Other]);
    let caller = option::of((any::<u32>(), call).prop_map(|(pid, call)| Caller { pid, call }));
    let step = prop_oneof![
        Just(TimerStep::Found),
        Just(TimerStep::Started),
        Just(TimerStep::Expired),
        (caller, any::<bool>()).prop_map(|(by, netns_deleted)| TimerStep::Cancelled { by, netns_deleted }),
    ];
    let ticks = (any::<u64>(), any::<u64>(), option::of(any::<u32>()));
    (time(), option::of(cookie()), number(), ends(), state(), ticks, step, option::of(1..=u32::MAX)).prop_map(
        |(time, cookie, sock, (family, local, remote), substate, (jiffies, expires, entered_ms), step, ifindex)| {
            Timer {
                time,
                cookie,
                sock: SockAddress(sock),
                netns: 4_026_531_840,
                family,
                local,
                remote,
                ifindex,
                substate,
                jiffies,
                expires,
                entered_ms,
                step,
                undecided: false,
            }
        },
    )
}

fn existing() -> impl Strategy<Value = ExistingSocket> {
    (cookie(), any::<u32>(), ends(), state(), process(), any::<bool>()).prop_map(
        |(cookie, netns, (family, local, remote), state, holder, defer_accept)| ExistingSocket {
            cookie,
            netns,
            family,
            local,
            remote,
            state,
            holder,
            defer_accept,
        },
    )
}

fn reading() -> impl Strategy<Value = NamespaceReading> {
    let counters = vec(option::of(any::<u64>()), Counter::ALL.len()).prop_map(|values| {
        let mut counters = Counters::default();
        for (counter, value) in Counter::ALL.iter().zip(values) {
            value.into_iter().for_each(|value| counters.set(*counter, value));
        }
        counters
    });
    let settings = Settings {
        port_range: Some((32_768, 60_999)),
        reserved: Some([(8_080, 8_081)].into()),
        tw_reuse: Some(2),
        tw_reuse_delay_ms: None,
        max_tw_buckets: Some(262_144),
        fin_timeout_s: Some(60),
    };
    let settings = select(vec![settings, Settings::default()]);
    let facts = (counters, settings).prop_map(|(counters, settings)| NamespaceFacts { settings, counters });
    let facts = prop_oneof![facts.prop_map(Ok), select(Unread::ALL.to_vec()).prop_map(Err)];
    (any::<u32>(), time(), facts).prop_map(|(netns, from, facts)| NamespaceReading { netns, from, to: from, facts })
}

/// What may come before the stream.
pub(crate) fn met() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => existing().prop_map(Event::Existing),
        1 => reading().prop_map(|reading| Event::Namespace(Box::new(reading))),
    ]
}

/// What may come in the stream.
pub(crate) fn event() -> impl Strategy<Value = Event> {
    let gap = (any::<u64>(), time(), time(), select(LossStage::ALL.to_vec()));
    let syn_ack = (cookie(), time(), any::<u32>(), ends()).prop_map(|(cookie, first, netns, (_, local, remote))| {
        Event::SynAckRetransmitted(SynAck { cookie, first, netns, local, remote })
    });
    prop_oneof![
        8 => transition().prop_map(Event::Transition),
        2 => reset().prop_map(Event::Reset),
        3 => timer().prop_map(Event::Timer),
        1 => syn_ack,
        2 => time().prop_map(Event::Until),
        1 => (time(), any::<i64>()).prop_map(|(monotonic, realtime_ns)| Event::Clock(ClockPair { monotonic, realtime_ns })),
        1 => (1..5_u64, "/[a-z.\\\\\"]{0,9}").prop_map(|(id, path)| Event::Cgroup { id, path: path.into() }),
        1 => reading().prop_map(|reading| Event::Namespace(Box::new(reading))),
        1 => gap.prop_map(|(lost, from, to, stage)| Event::Gap(Gap { lost, from, to, stage })),
    ]
}

/// Some of them.
pub(crate) fn events() -> impl Strategy<Value = Vec<Event>> {
    vec(event(), 0..80)
}
