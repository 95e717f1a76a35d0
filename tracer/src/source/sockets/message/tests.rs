//! What the kernel says, byte by byte.

use std::num::NonZeroU64;

use zerocopy::IntoBytes as _;

use super::{AF_INET, AF_INET6, CGROUP_ID, Ends, INFO, Message, SHUTDOWN, socket};
use crate::{
    event::{Family, SocketCookie, TcpState},
    socket::{Protocol, Socket, SocketTimer, TcpInfo, TimerKind},
};

const ESTABLISHED: Message = Message {
    family: AF_INET,
    state: TcpState::Established as u8,
    timer: 0,
    expired: 0,
    ends: Ends {
        local_port: super::U16::new(8080),
        remote_port: super::U16::new(40_000),
        local: v4([127, 0, 0, 1]),
        remote: v4([127, 0, 0, 2]),
        interface: 3,
        cookie: [1, 2],
    },
    expires_ms: 0,
    recv_q: 5,
    send_q: 6,
    uid: 1000,
    inode: 4_000_000_000,
};

const fn v4([a, b, c, d]: [u8; 4]) -> [u8; 16] {
    [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
}

/// `struct nlattr`, padded.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).expect("short");
    let mut bytes = [&length.to_ne_bytes(), &kind.to_ne_bytes(), value].concat();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Of a full socket.
fn full() -> Vec<u8> {
    attribute(SHUTDOWN, &[0])
}

fn info(rtt_us: u32, retransmits: u32) -> Vec<u8> {
    let mut info = [0_u32; 60];
    (info[17], info[25]) = (rtt_us, retransmits);
    attribute(INFO, info.as_bytes())
}

fn read(message: Message, attributes: &[Vec<u8>]) -> Option<Socket> {
    socket(&[message.as_bytes(), &attributes.concat()].concat(), Protocol::Tcp, 7)
}

#[test]
fn a_connection_with_all_that_is_said_of_it() {
    let attributes = [full(), attribute(CGROUP_ID, &4242_u64.to_ne_bytes()), info(250, 2), attribute(99, b"new")];
    let socket = read(ESTABLISHED, &attributes).expect("a socket");
    assert_eq!((socket.protocol, socket.family, socket.netns), (Protocol::Tcp, Family::Ipv4, 7));
    assert_eq!(socket.cookie, NonZeroU64::new(2 << 32 | 1).map(SocketCookie));
    assert_eq!((socket.local.addr.to_string(), socket.local.port), ("127.0.0.1".to_owned(), Some(8080)));
    assert_eq!((socket.remote.addr.to_string(), socket.remote.port), ("127.0.0.2".to_owned(), Some(40_000)));
    assert_eq!((socket.recv_q, socket.send_q, socket.ifindex, socket.uid), (5, 6, Some(3), Some(1000)));
    assert_eq!((socket.inode, socket.cgroup_id), (NonZeroU64::new(4_000_000_000), Some(4242)));
    assert_eq!(socket.tcp, Some(TcpInfo { rtt_ns: Some(250_000), retransmits: 2 }));
    assert_eq!(socket.timer, None);
}

#[test]
fn a_listener_has_no_round_trip_and_nobody_at_the_other_end() {
    let ends = Ends { remote: [0; 16], remote_port: 0.into(), interface: 0, ..ESTABLISHED.ends };
    let listener = Message { state: TcpState::Listen as u8, family: AF_INET6, ends, ..ESTABLISHED };
    let socket = read(listener, &[full(), info(0, 0)]).expect("a socket");
    assert!(socket.remote.is_nowhere());
    assert_eq!((socket.family, socket.ifindex, socket.tcp), (Family::Ipv6, None, None));
}

#[test]
fn who_made_what_is_no_full_socket_is_not_known() {
    let rest =
        Message { state: TcpState::TimeWait as u8, timer: 3, expires_ms: 59_000, uid: 0, inode: 0, ..ESTABLISHED };
    let socket = read(rest, &[]).expect("a socket");
    let timer = SocketTimer { kind: TimerKind::TimeWait, remaining_ns: 59_000_000_000, expired: 0 };
    assert_eq!((socket.uid, socket.inode, socket.timer, socket.tcp), (None, None, Some(timer), None));
}

#[test]
fn root_or_not_known_of_an_orphan() {
    let uid = |uid, inode| read(Message { uid, inode, ..ESTABLISHED }, &[full()]).expect("a socket").uid;
    assert_eq!(uid(0, 0), None);
    assert_eq!(uid(1000, 0), Some(1000));
    assert_eq!(uid(0, 12), Some(0));
}

#[test]
fn what_is_closed_and_has_no_peer_is_bound_only() {
    let state = |remote_port: u16, protocol| {
        let ends = Ends { remote_port: remote_port.into(), ..ESTABLISHED.ends };
        let message = Message { state: TcpState::Close as u8, ends, ..ESTABLISHED };
        socket(message.as_bytes(), protocol, 7).expect("a socket").state
    };
    assert_eq!(state(0, Protocol::Tcp), TcpState::BoundInactive);
    assert_eq!(state(80, Protocol::Tcp), TcpState::Close);
    assert_eq!(state(0, Protocol::Udp), TcpState::Close);
}

#[test]
fn timers() {
    let kind = |timer| read(Message { timer, ..ESTABLISHED }, &[]).expect("a socket").timer.map(|timer| timer.kind);
    let kinds = [TimerKind::Retransmit, TimerKind::Keepalive, TimerKind::TimeWait, TimerKind::Probe];
    assert_eq!([1, 2, 3, 4].map(kind), kinds.map(Some));
    assert_eq!(kind(0), None);
}

#[test]
fn a_socket_without_a_cookie() {
    let cookie = |cookie| {
        let ends = Ends { cookie, ..ESTABLISHED.ends };
        read(Message { ends, ..ESTABLISHED }, &[]).expect("a socket").cookie
    };
    assert_eq!([cookie([0, 0]), cookie([u32::MAX, u32::MAX])], [None, None]);
}

#[test]
fn what_is_cut_off_is_refused() {
    let whole = [ESTABLISHED.as_bytes(), &full(), &attribute(CGROUP_ID, &[0; 8])].concat();
    for length in 0..whole.len() {
        let socket = socket(&whole[..length], Protocol::Tcp, 7);
        // It may end between two attributes: what is shorter than the head of one fills up.
        assert_eq!(socket.is_some(), matches!(length, 72..=75 | 77..=83), "{length}");
    }
    let unknown = |message| read(message, &[]).is_none();
    assert!(unknown(Message { family: 1, ..ESTABLISHED }) && unknown(Message { state: 0, ..ESTABLISHED }));
    let too_short = [&2_u16.to_ne_bytes()[..], &SHUTDOWN.to_ne_bytes()].concat();
    assert!(read(ESTABLISHED, &[too_short]).is_none());
}
