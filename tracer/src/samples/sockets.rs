//! Sockets of a moment: every kind of owner, of end and of timer.

use std::{collections::BTreeMap, num::NonZeroU64, sync::Arc};

use super::{at, end, process};
use crate::{
    event::{
        Family, SocketCookie,
        TcpState::{self, Close, CloseWait, Established, Listen, SynSent, TimeWait},
    },
    figures::Sockets,
    measure::Roles,
    socket::{
        Owner, Owners,
        Protocol::{self, Tcp, Udp},
        Socket, SocketTimer, TcpInfo, TimerKind,
    },
};

const NETNS: u32 = 4_026_531_840;

/// A socket between `local` and `remote` (empty: nowhere) that nobody holds and of which nothing more is known.
pub(crate) fn socket(protocol: Protocol, local: &str, remote: &str, state: TcpState) -> Socket {
    let local = end(local);
    let family = if local.addr.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
    let nowhere = if family == Family::Ipv4 { "0.0.0.0:-" } else { "[::]:-" };
    Socket {
        protocol,
        family,
        netns: NETNS,
        cookie: None,
        local,
        remote: end(if remote.is_empty() { nowhere } else { remote }),
        state,
        recv_q: 0,
        send_q: 0,
        ifindex: None,
        interface: None,
        uid: None,
        inode: None,
        cgroup_id: None,
        cgroup: None,
        timer: None,
        tcp: None,
        owners: Owners::Known(Vec::new()),
    }
}

/// The ports that its namespace gives out.
pub(crate) fn ephemeral() -> BTreeMap<u32, (u16, u16)> {
    [(NETNS, (32_768, 60_999))].into()
}

/// A descriptor of a process that runs in a cgroup.
pub(crate) fn holder(pid: u32, comm: &[u8], fd: u32, cgroup: Option<&str>) -> Owner {
    Owner { pid, comm: process(pid, comm).comm, fd, cgroup: cgroup.map(Arc::from) }
}

/// What only full sockets have.
fn full(socket: Socket, number: u64, uid: u32, owners: Vec<Owner>) -> Socket {
    Socket {
        cookie: NonZeroU64::new(number).map(SocketCookie),
        uid: Some(uid),
        inode: NonZeroU64::new(30_000 + number),
        cgroup_id: Some(77),
        cgroup: Some("/system.slice/web.service".into()),
        owners: Owners::Known(owners),
        ..socket
    }
}

fn timer(kind: TimerKind, remaining_ms: u64, expired: u8) -> Option<SocketTimer> {
    Some(SocketTimer { kind, remaining_ns: remaining_ms * 1_000_000, expired })
}

/// A web server and its clients, a resolver, a connection that nobody answers, and what is left of one.
pub(crate) fn sockets() -> Sockets {
    let container = format!("/system.slice/docker-{}.scope", "0f".repeat(32));
    let workers = || vec![holder(812, b"nginx", 6, None), holder(813, b"nginx", 6, None), holder(900, b"php", 3, None)];
    let tcp = |rtt_us: u64, retransmits| Some(TcpInfo { rtt_ns: Some(rtt_us * 1_000), retransmits });
    let listener = full(socket(Tcp, "[::]:443", "", Listen), 1, 0, workers());
    let accepted = socket(Tcp, "[::ffff:10.0.0.5]:443", "[::ffff:10.0.0.9]:40000", Established);
    let leaked = socket(Tcp, "10.0.0.5:51324", "93.184.216.34:443", CloseWait);
    let unanswered = socket(Tcp, "10.0.0.5:51326", "10.0.0.99:5432", SynSent);
    let remnant = socket(Tcp, "[2001:db8::1]:443", "[2001:db8:1:2:3:4:5:6]:40000", TimeWait);
    let resolver = Socket { ifindex: Some(1), interface: Some("lo".into()), ..socket(Udp, "127.0.0.53:53", "", Close) };
    let query = socket(Udp, "10.0.0.5:41000", "10.0.0.2:53", Established);
    let all = vec![
        Socket { recv_q: 3, send_q: 4_096, ..listener },
        Socket {
            send_q: 1_234_567,
            timer: timer(TimerKind::Retransmit, 230, 2),
            tcp: tcp(12_300, 17),
            ..full(accepted, 2, 33, vec![holder(813, b"nginx", 11, Some(&container))])
        },
        Socket {
            recv_q: 1,
            timer: timer(TimerKind::Keepalive, 7_080_000, 0),
            tcp: tcp(1_000, 0),
            ..full(leaked, 3, 1000, vec![holder(4_121, b"java", 77, None), holder(4_121, b"java", 78, None)])
        },
        Socket {
            send_q: 1,
            owners: Owners::Hidden,
            timer: timer(TimerKind::Retransmit, 990, 0),
            ..full(unanswered, 4, 1000, Vec::new())
        },
        Socket { timer: timer(TimerKind::TimeWait, 59_040, 0), ..remnant },
        full(resolver, 5, 101, vec![holder(700, b"systemd-resolve", 12, None)]),
        full(query, 6, 1000, vec![holder(1, b"\x1b[2J\xff\"", 5, None)]),
    ];
    let ephemeral = ephemeral();
    let roles = Roles::of(&all, &ephemeral);
    Sockets { at: at(0), listed: all.into_iter().map(|socket| roles.tell(socket)).collect() }
}
