//! What the kernel says of a socket: `struct inet_diag_msg` and the attributes behind it (include/uapi/linux/inet_diag.h).

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::{NonZeroU16, NonZeroU32, NonZeroU64},
};

use zerocopy::{
    FromBytes, Immutable, IntoBytes, KnownLayout,
    byteorder::{BigEndian, U16},
};

use crate::{
    event::{Endpoint, Family, SocketCookie, TcpState},
    socket::{Owners, Protocol, Socket, SocketTimer, TcpInfo, TimerKind},
};

/// Attributes that are read: `INET_DIAG_INFO`, `INET_DIAG_SHUTDOWN`, `INET_DIAG_CGROUP_ID` (Linux 5.8).
pub(super) const INFO: u16 = 2;
const SHUTDOWN: u16 = 8;
const CGROUP_ID: u16 = 21;
/// The two highest bits of an attribute's type are flags.
const TYPE: u16 = 0x3FFF;

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// Lengths are rounded up to this.
pub(super) const ALIGNMENT: usize = 4;

/// `struct inet_diag_sockid`: both ends, the interface, the cookie.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct Ends {
    local_port: U16<BigEndian>,
    remote_port: U16<BigEndian>,
    local: [u8; 16],
    remote: [u8; 16],
    interface: u32,
    cookie: [u32; 2],
}

/// `struct inet_diag_msg`.
#[derive(Clone, Copy, Debug, FromBytes, Immutable, KnownLayout)]
#[cfg_attr(test, derive(IntoBytes))]
#[repr(C)]
struct Message {
    family: u8,
    state: u8,
    timer: u8,
    expired: u8,
    ends: Ends,
    expires_ms: u32,
    recv_q: u32,
    send_q: u32,
    uid: u32,
    inode: u32,
}

const _: () = assert!(size_of::<Ends>() == 48 && size_of::<Message>() == 72);

/// The beginning of `struct tcp_info` (include/uapi/linux/tcp.h), which only ever grew at its end.
#[derive(FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Info {
    _before_rtt: [u32; 17],
    rtt_us: u32,
    _before_total_retrans: [u32; 7],
    total_retrans: u32,
}

const _: () = assert!(std::mem::offset_of!(Info, rtt_us) == 68 && std::mem::offset_of!(Info, total_retrans) == 100);

/// What of the attributes is wanted.
#[derive(Default)]
struct Attributes {
    /// Request and timewait sockets have no such attribute.
    full: bool,
    cgroup_id: Option<u64>,
    info: Option<TcpInfo>,
}

/// Reads one; `None` if it is not as expected.
pub(super) fn socket(bytes: &[u8], protocol: Protocol, netns: u32) -> Option<Socket> {
    let (message, rest) = Message::read_from_prefix(bytes).ok()?;
    let attributes = Attributes::read(rest)?;
    let family = family(message.family)?;
    let state = state(&message, protocol)?;
    let inode = NonZeroU64::new(message.inode.into());
    Some(Socket {
        protocol,
        family,
        netns,
        cookie: cookie(message.ends.cookie),
        local: endpoint(family, message.ends.local, message.ends.local_port),
        remote: endpoint(family, message.ends.remote, message.ends.remote_port),
        state,
        recv_q: message.recv_q,
        send_q: message.send_q,
        ifindex: NonZeroU32::new(message.ends.interface).map(NonZeroU32::get),
        interface: None,
        uid: (attributes.full && (inode.is_some() || message.uid != 0)).then_some(message.uid),
        inode,
        cgroup_id: attributes.cgroup_id,
        cgroup: None,
        timer: timer(&message),
        tcp: attributes.info.filter(|_| state != TcpState::Listen),
        owners: Owners::Hidden,
    })
}

fn family(number: u8) -> Option<Family> {
    match number {
        AF_INET => Some(Family::Ipv4),
        AF_INET6 => Some(Family::Ipv6),
        _ => None,
    }
}

/// The number of a family.
pub(super) fn family_number(family: Family) -> u8 {
    match family {
        Family::Ipv4 => AF_INET,
        Family::Ipv6 => AF_INET6,
    }
}

/// The kernel lists sockets that are bound and no more by a state of its own, but says CLOSE of them (`inet_diag_dump_icsk`).
fn state(message: &Message, protocol: Protocol) -> Option<TcpState> {
    let state = TcpState::try_from(message.state).ok()?;
    let bound_only = protocol == Protocol::Tcp && state == TcpState::Close && message.ends.remote_port.get() == 0;
    Some(if bound_only { TcpState::BoundInactive } else { state })
}

/// All ones: the kernel gave it none.
fn cookie([low, high]: [u32; 2]) -> Option<SocketCookie> {
    let cookie = u64::from(high) << 32 | u64::from(low);
    NonZeroU64::new(cookie).filter(|cookie| *cookie != NonZeroU64::MAX).map(SocketCookie)
}

fn endpoint(family: Family, addr: [u8; 16], port: U16<BigEndian>) -> Endpoint {
    let addr = match family {
        Family::Ipv4 => IpAddr::V4(Ipv4Addr::new(addr[0], addr[1], addr[2], addr[3])),
        Family::Ipv6 => IpAddr::V6(Ipv6Addr::from(addr)),
    };
    Endpoint { addr, port: NonZeroU16::new(port.get()).map(NonZeroU16::get) }
}

/// `idiag_timer`, by `inet_sk_diag_fill`, `inet_twsk_diag_fill` and `inet_req_diag_fill`.
fn timer(message: &Message) -> Option<SocketTimer> {
    let kind = match message.timer {
        1 => TimerKind::Retransmit,
        2 => TimerKind::Keepalive,
        3 => TimerKind::TimeWait,
        4 => TimerKind::Probe,
        _ => return None,
    };
    Some(SocketTimer { kind, remaining_ns: u64::from(message.expires_ms) * 1_000_000, expired: message.expired })
}

impl Attributes {
    /// `struct nlattr`: the length with these four bytes, the type, the value.
    fn read(mut rest: &[u8]) -> Option<Self> {
        let mut attributes = Self::default();
        while let [l0, l1, t0, t1, ..] = *rest {
            let length = usize::from(u16::from_ne_bytes([l0, l1]));
            attributes.add(u16::from_ne_bytes([t0, t1]) & TYPE, rest.get(4..length)?);
            rest = rest.get(length.next_multiple_of(ALIGNMENT)..).unwrap_or_default();
        }
        Some(attributes)
    }

    fn add(&mut self, kind: u16, value: &[u8]) {
        match kind {
            SHUTDOWN => self.full = true,
            CGROUP_ID => self.cgroup_id = value.try_into().map(u64::from_ne_bytes).ok(),
            INFO => self.info = Info::read_from_prefix(value).ok().map(|(info, _)| info.into()),
            _ => {}
        }
    }
}

impl From<Info> for TcpInfo {
    fn from(info: Info) -> Self {
        let rtt_ns = (info.rtt_us != 0).then_some(u64::from(info.rtt_us) * 1_000);
        Self { rtt_ns, retransmits: info.total_retrans }
    }
}

#[cfg(test)]
mod tests;
