//! Wire records to domain events: length check, copy, checked conversion.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU64,
    sync::Arc,
};

use tracer_common::{
    filter::{AF_INET, AF_INET6},
    wire::{
        EVENT_LEN, EventRecord, FLAG_CGROUP, FLAG_DEFER_ACCEPT, FLAG_ENTRY_STAMP, FLAG_FAST_OPEN_KNOWN,
        FLAG_FIN_RECEIVED, FLAG_IN_TASK, FLAG_NETNS_DEAD, FLAG_OWNED, FLAG_RECOVERED, FLAG_REMOTE_UNKNOWN, FLAG_SENT,
        FLAG_SOCKET, FLAG_SYN_DATA, FLAG_SYN_DEFERRED, FLAG_UNACKED, FLAG_UNDECIDED, KIND_RESET_ABORT,
        KIND_RESET_ANSWER, KIND_RESET_RECEIVED, KIND_SYN_ACK_RETRANSMIT, KIND_TIMER_CANCEL, KIND_TIMER_EXPIRE,
        KIND_TIMER_START, KIND_TRANSITION, SocketRecord, TimeWaitRecord,
    },
};
use zerocopy::{FromBytes as _, IntoBytes as _};

use crate::event::{
    Call, Caller, Comm, Endpoint, Event, ExistingSocket, Family, MonotonicNs, Process, Reset, ResetKind, SockAddress,
    SocketCookie, SynAck, TcpState, Timer, TimerStep, Transition, UnknownState,
};

/// Why a record is not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Its length is not that of its kind.
    #[error("a record of {0} bytes, expected {EVENT_LEN}")]
    Length(usize),
    /// Its kind is unknown.
    #[error("a record of unknown kind {0}")]
    Kind(u8),
    /// Its address family is neither `AF_INET` nor `AF_INET6`.
    #[error("a socket of address family {0}")]
    Family(u8),
    /// One of its states is unknown.
    #[error(transparent)]
    State(#[from] UnknownState),
    /// It needs an identity and has none.
    #[error("a record without socket cookie")]
    Cookie,
}

/// Copies a record out of a ring buffer's bytes.
///
/// # Errors
/// [`DecodeError::Length`] if the length is not exactly that of a record.
pub fn record(bytes: &[u8]) -> Result<EventRecord, DecodeError> {
    EventRecord::read_from_bytes(bytes).map_err(|_| DecodeError::Length(bytes.len()))
}

/// Converts a record; `reasons` names those of resets by their number.
///
/// # Errors
/// [`DecodeError`] if a kind, family or state is not one this version knows.
pub fn event(record: &EventRecord, reasons: &[Arc<str>]) -> Result<Event, DecodeError> {
    let kind = match record.kind {
        KIND_TRANSITION => {
            return Ok(Event::Transition(socket(record, record.old_state.try_into()?, record.new_state.try_into()?)?));
        }
        KIND_SYN_ACK_RETRANSMIT => {
            let cookie = NonZeroU64::new(record.cookie).map(SocketCookie).ok_or(DecodeError::Cookie)?;
            let family = family(record.family)?;
            return Ok(Event::SynAckRetransmitted(SynAck {
                cookie,
                first: MonotonicNs(record.time_ns),
                netns: record.netns,
                local: endpoint(family, record.local_addr, record.local_port),
                remote: endpoint(family, record.remote_addr, record.remote_port),
            }));
        }
        KIND_TIMER_START | KIND_TIMER_CANCEL | KIND_TIMER_EXPIRE => {
            return timer(&zerocopy::transmute!(*record)).map(Event::Timer);
        }
        KIND_RESET_ABORT => ResetKind::Abort,
        KIND_RESET_ANSWER => ResetKind::Answer,
        KIND_RESET_RECEIVED => ResetKind::Received,
        other => return Err(DecodeError::Kind(other)),
    };
    let state = (record.old_state != 0).then(|| record.old_state.try_into()).transpose()?;
    let nominal = state.unwrap_or(TcpState::Close);
    // 0 is NOT_SPECIFIED.
    let reason = reasons.get(usize::from(record.reason)).filter(|name| record.reason != 0 && !name.is_empty());
    Ok(Event::Reset(Reset { socket: socket(record, nominal, nominal)?, state, kind, reason: reason.cloned() }))
}

/// Converts what a record says of its socket.
fn socket(record: &EventRecord, old: TcpState, new: TcpState) -> Result<Transition, DecodeError> {
    let family = family(record.family)?;
    let has = |flag: u32| record.flags & flag != 0;
    Ok(Transition {
        time: MonotonicNs(record.time_ns),
        cookie: NonZeroU64::new(record.cookie).map(SocketCookie),
        sock: SockAddress(record.sock),
        netns: record.netns,
        cgroup_id: has(FLAG_CGROUP).then_some(record.cgroup_id),
        uid: has(FLAG_SOCKET).then_some(record.uid),
        family,
        local: endpoint(family, record.local_addr, record.local_port),
        remote: (!has(FLAG_REMOTE_UNKNOWN)).then(|| endpoint(family, record.remote_addr, record.remote_port)),
        old,
        new,
        error: (record.error != 0).then_some(record.error),
        shutdown: record.shutdown,
        sent: has(FLAG_SENT),
        unacked: has(FLAG_UNACKED),
        syn_data: has(FLAG_FAST_OPEN_KNOWN).then_some(has(FLAG_SYN_DATA)),
        syn_deferred: has(FLAG_SYN_DEFERRED),
        defer_accept: has(FLAG_DEFER_ACCEPT),
        fin_received: has(FLAG_FIN_RECEIVED),
        actor: has(FLAG_OWNED).then(|| Process { pid: record.pid, comm: comm(record.comm) }),
        srtt_us8: record.srtt_us8,
        total_retrans: record.total_retrans,
        bytes_acked: record.bytes_acked,
        bytes_received: record.bytes_received,
        ifindex: (record.ifindex != 0).then_some(record.ifindex),
        recovered: has(FLAG_RECOVERED),
        undecided: has(FLAG_UNDECIDED),
    })
}

fn call(number: u32) -> Call {
    match libc::c_long::from(number) {
        libc::SYS_connect => Call::Connects,
        libc::SYS_sendto | libc::SYS_sendmsg | libc::SYS_sendmmsg => Call::Sends,
        libc::SYS_write | libc::SYS_writev => Call::Writes,
        _ => Call::Other,
    }
}

/// Converts what a record says of a timewait socket.
fn timer(record: &TimeWaitRecord) -> Result<Timer, DecodeError> {
    let family = family(record.family)?;
    let has = |flag: u32| record.flags & flag != 0;
    let caller = || Caller { pid: record.pid, call: call(record.syscall) };
    Ok(Timer {
        time: MonotonicNs(record.time_ns),
        cookie: NonZeroU64::new(record.cookie).map(SocketCookie),
        sock: SockAddress(record.sock),
        netns: record.netns,
        family,
        local: endpoint(family, record.local_addr, record.local_port),
        remote: endpoint(family, record.remote_addr, record.remote_port),
        ifindex: (record.ifindex != 0).then_some(record.ifindex),
        substate: record.substate.try_into()?,
        jiffies: record.jiffies,
        expires: record.expires,
        entered_ms: has(FLAG_ENTRY_STAMP).then_some(record.entry_stamp_ms),
        step: match record.kind {
            KIND_TIMER_START => TimerStep::Started,
            KIND_TIMER_EXPIRE => TimerStep::Expired,
            _ => TimerStep::Cancelled { by: has(FLAG_IN_TASK).then(caller), netns_deleted: has(FLAG_NETNS_DEAD) },
        },
        undecided: has(FLAG_UNDECIDED),
    })
}

/// Converts what the kernel lists, if it is a timewait socket.
#[must_use]
pub fn found(record: &SocketRecord) -> Option<Timer> {
    let family = family(record.family).ok()?;
    (record.sock != 0).then_some(())?;
    Some(Timer {
        time: MonotonicNs(record.time_ns),
        cookie: NonZeroU64::new(record.cookie).map(SocketCookie),
        sock: SockAddress(record.sock),
        netns: record.netns,
        family,
        local: endpoint(family, record.local_addr, record.local_port),
        remote: endpoint(family, record.remote_addr, record.remote_port),
        ifindex: (record.ifindex != 0).then_some(record.ifindex),
        substate: record.substate.try_into().ok()?,
        jiffies: record.jiffies,
        expires: record.expires,
        entered_ms: (record.flags & FLAG_ENTRY_STAMP != 0).then_some(record.entry_stamp_ms),
        step: TimerStep::Found,
        undecided: false,
    })
}

/// Converts what the kernel lists; `holder` says whose a socket is, given whether it listens.
///
/// # Errors
/// [`DecodeError`] if this version does not know its family or state.
pub fn existing(
    record: &SocketRecord,
    holder: impl FnOnce(bool) -> Option<Process>,
) -> Result<ExistingSocket, DecodeError> {
    let family = family(record.family)?;
    let state = TcpState::try_from(record.state)?;
    Ok(ExistingSocket {
        cookie: NonZeroU64::new(record.cookie).map(SocketCookie).ok_or(DecodeError::Cookie)?,
        netns: record.netns,
        family,
        local: endpoint(family, record.local_addr, record.local_port),
        remote: endpoint(family, record.remote_addr, record.remote_port),
        state,
        holder: holder(state == TcpState::Listen),
        defer_accept: record.flags & FLAG_DEFER_ACCEPT != 0,
    })
}

fn family(number: u8) -> Result<Family, DecodeError> {
    match number {
        AF_INET => Ok(Family::Ipv4),
        AF_INET6 => Ok(Family::Ipv6),
        other => Err(DecodeError::Family(other)),
    }
}

/// The address that people know: IPv4 where it is mapped into IPv6.
pub(crate) fn address(words: [u64; 2]) -> IpAddr {
    IpAddr::V6(address_v6(words)).to_canonical()
}

fn address_v6(words: [u64; 2]) -> Ipv6Addr {
    let mut octets = [0; 16];
    octets.copy_from_slice(words.as_bytes());
    Ipv6Addr::from(octets)
}

fn endpoint(family: Family, addr: [u64; 2], port: u16) -> Endpoint {
    let v6 = address_v6(addr);
    let addr = match family {
        Family::Ipv4 => v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4),
        Family::Ipv6 => IpAddr::V6(v6),
    };
    Endpoint { addr, port: (port != 0).then_some(port) }
}

fn comm(words: [u64; 2]) -> Comm {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(words.as_bytes());
    Comm(bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{DecodeError, event, record};
    use crate::event::{Event, ResetKind, Transition, UnknownState};
    use proptest::prelude::{any, proptest};
    use tracer_common::{
        filter::AF_INET,
        wire::{EVENT_LEN, EventRecord, KIND_RESET_ANSWER, KIND_TRANSITION},
    };
    use zerocopy::IntoBytes as _;

    fn valid() -> EventRecord {
        EventRecord {
            kind: KIND_TRANSITION,
            family: AF_INET,
            old_state: 7,
            new_state: 2,
            local_addr: [0, 0x0100_007f_ffff_0000],
            local_port: 80,
            ..Default::default()
        }
    }

    fn transition(record: &EventRecord) -> Result<Transition, DecodeError> {
        event(record, &[]).map(|event| match event {
            Event::Transition(transition) => transition,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn a_reset_has_its_reason_by_name_and_its_state_if_there_is_a_socket() {
        let reasons = ["NOT_SPECIFIED", "NO_SOCKET"].map(Arc::from);
        let reset = |record: EventRecord| match event(&record, &reasons) {
            Ok(Event::Reset(reset)) => reset,
            other => panic!("{other:?}"),
        };
        let answer = EventRecord { kind: KIND_RESET_ANSWER, old_state: 0, new_state: 0, reason: 1, ..valid() };
        let unwanted = reset(answer);
        assert_eq!((unwanted.kind, unwanted.state), (ResetKind::Answer, None));
        assert_eq!(unwanted.reason.as_deref(), Some("NO_SOCKET"));
        assert_eq!(reset(EventRecord { old_state: 6, ..answer }).state.map(|state| state.name()), Some("TIME_WAIT"));
        for reason in [0, 99] {
            assert_eq!(reset(EventRecord { reason, ..answer }).reason, None);
        }
    }

    #[test]
    fn a_record_survives_the_way_through_bytes() {
        assert_eq!(record(valid().as_bytes()), Ok(valid()));
        let decoded = transition(&valid()).expect("valid");
        assert_eq!(decoded.local.addr.to_string(), "127.0.0.1");
        assert_eq!((decoded.local.port, decoded.remote.and_then(|r| r.port)), (Some(80), None));
        assert_eq!((decoded.cookie, decoded.cgroup_id, decoded.actor, decoded.error), (None, None, None, None));
    }

    #[test]
    fn what_is_not_known_is_an_error() {
        assert_eq!(record(&[0; 7]), Err(DecodeError::Length(7)));
        let decode = |change: fn(&mut EventRecord)| {
            let mut changed = valid();
            change(&mut changed);
            transition(&changed)
        };
        assert_eq!(decode(|r| r.kind = 99), Err(DecodeError::Kind(99)));
        assert_eq!(decode(|r| r.family = 1), Err(DecodeError::Family(1)));
        assert_eq!(decode(|r| r.new_state = 0), Err(DecodeError::State(UnknownState(0))));
        assert_eq!(decode(|r| r.old_state = 14), Err(DecodeError::State(UnknownState(14))));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), EVENT_LEN)) {
            let _ = record(&bytes).map(|record| event(&record, &[]));
        }
    }
}
