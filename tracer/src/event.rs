//! What happened, in the domain's own words: the events that every source yields and the core consumes.
//!
//! Nothing here knows where an event came from. Times are data: `CLOCK_MONOTONIC` as the kernel stamped it, with
//! [`ClockPair`]s in the stream to translate them.

mod spelling;
mod timer;

pub(crate) use self::spelling::squeezed;
pub use self::timer::{Call, Caller, Timer, TimerStep};

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU64,
    sync::Arc,
};

use crate::namespace::NamespaceReading;

/// `CLOCK_MONOTONIC`, nanoseconds since boot (suspend not counted).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonotonicNs(pub u64);

impl MonotonicNs {
    /// Nanoseconds from `earlier` to here; 0 if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// A time or a duration in nanoseconds that may be unknown, in eight bytes where an `Option` takes sixteen: each of a
/// million sockets has several. The largest number stands for unknown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MaybeNs(u64);

impl MaybeNs {
    /// Unknown.
    pub const UNKNOWN: Self = Self(u64::MAX);

    /// The number, if it is known.
    #[must_use]
    pub fn ns(self) -> Option<u64> {
        (self != Self::UNKNOWN).then_some(self.0)
    }

    /// The moment, if it is known.
    #[must_use]
    pub fn time(self) -> Option<MonotonicNs> {
        self.ns().map(MonotonicNs)
    }
}

impl Default for MaybeNs {
    fn default() -> Self {
        Self::UNKNOWN
    }
}

impl From<MonotonicNs> for MaybeNs {
    fn from(time: MonotonicNs) -> Self {
        Self(time.0)
    }
}

impl From<Option<MonotonicNs>> for MaybeNs {
    fn from(time: Option<MonotonicNs>) -> Self {
        time.map_or(Self::UNKNOWN, Self::from)
    }
}

impl From<Option<u64>> for MaybeNs {
    fn from(ns: Option<u64>) -> Self {
        ns.map_or(Self::UNKNOWN, Self)
    }
}

impl fmt::Debug for MaybeNs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ns().fmt(f)
    }
}

/// The monotonic and the wall clock, read together. Clocks step, so a stream carries more than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockPair {
    /// `CLOCK_MONOTONIC`.
    pub monotonic: MonotonicNs,
    /// `CLOCK_REALTIME`, nanoseconds since 1970-01-01 UTC.
    pub realtime_ns: i64,
}

impl ClockPair {
    /// Wall-clock time of `time`, nanoseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn realtime_ns_of(&self, time: MonotonicNs) -> i64 {
        let offset = self.realtime_ns.wrapping_sub(self.monotonic.0.cast_signed());
        time.0.cast_signed().wrapping_add(offset)
    }
}

/// The kernel's socket cookie: unique since boot, the identity of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketCookie(pub NonZeroU64);

/// Address of a `struct sock`: identifies a socket while it lives, then is reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SockAddress(pub u64);

/// Identity of a socket in eight bytes: its cookie, or its address while the kernel has not given it one. Cookies are
/// counted from 1, and the kernel's addresses have the first bit set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity(NonZeroU64);

impl From<SocketCookie> for Identity {
    fn from(cookie: SocketCookie) -> Self {
        Self(cookie.0)
    }
}

impl From<SockAddress> for Identity {
    fn from(sock: SockAddress) -> Self {
        Self(NonZeroU64::new(sock.0 | 1 << 63).unwrap_or(NonZeroU64::MAX))
    }
}

/// A number that no known TCP state has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a TCP state of any kernel up to 6.18")]
pub struct UnknownState(pub u8);

macro_rules! states {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal;)*) => {
        /// A TCP state as the kernel numbers it (`include/net/tcp_states.h`).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum TcpState { $($(#[$doc])* $variant = $number,)* }

        impl TcpState {
            /// All of them, in the kernel's order.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The kernel's name without `TCP_`: `SYN_SENT`, `FIN_WAIT1`, `CLOSE`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }

        impl TryFrom<u8> for TcpState {
            type Error = UnknownState;

            fn try_from(number: u8) -> Result<Self, UnknownState> {
                match number { $($number => Ok(Self::$variant),)* other => Err(UnknownState(other)) }
            }
        }
    };
}

states! {
    /// Both sides may send.
    Established = 1, "ESTABLISHED";
    /// A SYN went out; no answer yet.
    SynSent = 2, "SYN_SENT";
    /// A SYN came in and was answered.
    SynRecv = 3, "SYN_RECV";
    /// This side closed first; its FIN is not acknowledged.
    FinWait1 = 4, "FIN_WAIT1";
    /// This side closed first; the peer has acknowledged and may still send.
    FinWait2 = 5, "FIN_WAIT2";
    /// The address pair is kept until stray segments have died (RFC 9293 §3.6.1).
    TimeWait = 6, "TIME_WAIT";
    /// No connection.
    Close = 7, "CLOSE";
    /// The peer closed; this side's application has not.
    CloseWait = 8, "CLOSE_WAIT";
    /// The peer closed first, then this side; its FIN is not acknowledged.
    LastAck = 9, "LAST_ACK";
    /// Waiting for connections.
    Listen = 10, "LISTEN";
    /// Both sides closed at once.
    Closing = 11, "CLOSING";
    /// A request socket: a SYN came in, the handshake is not complete.
    NewSynRecv = 12, "NEW_SYN_RECV";
    /// Bound, not connected (Linux 6.8 and later; only seen by socket listings).
    BoundInactive = 13, "BOUND_INACTIVE";
}

impl fmt::Display for TcpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

words! {
    /// The socket's address family.
    Family {
        /// `AF_INET`.
        Ipv4 = "ipv4",
        /// `AF_INET6`; its addresses may be IPv4 mapped into IPv6.
        Ipv6 = "ipv6",
    }
}

/// One end of a connection as the socket has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// IPv4 mapped into IPv6 stays an IPv6 address here; see [`Endpoint::canonical`].
    pub addr: IpAddr,
    /// `None`: not chosen yet, or none (the remote end of a listener).
    pub port: Option<u16>,
}

impl Endpoint {
    /// The address people know: `10.0.0.1` for `::ffff:10.0.0.1`.
    #[must_use]
    pub fn canonical(&self) -> IpAddr {
        self.addr.to_canonical()
    }

    /// Whether the address is IPv4 mapped into IPv6.
    #[must_use]
    pub fn is_mapped(&self) -> bool {
        matches!(self.addr, IpAddr::V6(addr) if addr.to_ipv4_mapped().is_some())
    }

    /// No end at all: what a listener has instead of a remote end.
    #[must_use]
    pub fn is_nowhere(&self) -> bool {
        self.port.is_none() && self.addr.is_unspecified()
    }

    /// The 128-bit form the wire and the prefix tables use.
    #[must_use]
    pub fn addr_v6(&self) -> Ipv6Addr {
        match self.addr {
            IpAddr::V4(addr) => addr.to_ipv6_mapped(),
            IpAddr::V6(addr) => addr,
        }
    }
}

/// A process name as the kernel keeps it: at most 15 bytes, any bytes. Escape it where it is shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Comm(pub [u8; 16]);

impl Comm {
    /// The bytes before the first NUL.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        &self.0[..end]
    }
}

impl fmt::Debug for Comm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.as_bytes().escape_ascii())
    }
}

/// A process: its thread-group id and its leader's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process {
    /// What user space calls the pid.
    pub pid: u32,
    /// Name of the thread-group leader.
    pub comm: Comm,
}

/// One TCP state transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// When.
    pub time: MonotonicNs,
    /// The connection's identity; `None` where the kernel had not given the new socket one yet.
    pub cookie: Option<SocketCookie>,
    /// The socket's address, the second key.
    pub sock: SockAddress,
    /// Inode number of the network namespace.
    pub netns: u32,
    /// Cgroup identifier (v2 hierarchy), if the kernel says.
    pub cgroup_id: Option<u64>,
    /// Who created the socket; `None` if there is none.
    pub uid: Option<u32>,
    /// The socket's family.
    pub family: Family,
    /// This host's end. Port `None`: the kernel has not chosen one yet.
    pub local: Endpoint,
    /// The other end; `None` where the kernel had not filled it in yet (LISTEN→SYN_RECV before Linux 6.15).
    pub remote: Option<Endpoint>,
    /// State left.
    pub old: TcpState,
    /// State entered.
    pub new: TcpState,
    /// The socket's pending error (`sk_err`), an errno; `None` if there is none.
    pub error: Option<u16>,
    /// `sk_shutdown`: bit 0 receive, bit 1 send.
    pub shutdown: u8,
    /// At least one segment went out.
    pub sent: bool,
    /// Something was written that is not acknowledged.
    pub unacked: bool,
    /// Whether the SYN carried data that was accepted (TCP Fast Open, RFC 7413); `None` if the kernel does not say.
    pub syn_data: Option<bool>,
    /// The SYN may have left at the first write, not at `connect()` (`TCP_FASTOPEN_CONNECT`).
    pub syn_deferred: bool,
    /// The listener lets connections wait for their first data (`TCP_DEFER_ACCEPT`).
    pub defer_accept: bool,
    /// The peer's FIN has arrived.
    pub fin_received: bool,
    /// Who held the socket lock: the process that operated on this socket, not whoever was interrupted.
    pub actor: Option<Process>,
    /// Smoothed round trip, microseconds times 8, 0 before the first sample.
    pub srtt_us8: u32,
    /// Segments retransmitted so far, SYNs included.
    pub total_retrans: u32,
    /// `bytes_acked`: SYN and FIN count one byte each.
    pub bytes_acked: u64,
    /// `bytes_received`: the FIN counts one byte.
    pub bytes_received: u64,
    /// Interface the socket is bound to, or routed by, or last received on.
    pub ifindex: Option<u32>,
    /// The second of the two programs on the tracepoint took it, for the first one was skipped.
    pub recovered: bool,
    /// The source could not decide the filter for this event.
    pub undecided: bool,
}

impl Transition {
    /// A socket of which no more is known than that it is there, in this state.
    #[must_use]
    pub fn at_rest(family: Family, local: Endpoint, remote: Endpoint, state: TcpState) -> Self {
        Self {
            time: MonotonicNs(0),
            cookie: None,
            sock: SockAddress(0),
            netns: 0,
            cgroup_id: None,
            uid: None,
            family,
            local,
            remote: Some(remote),
            old: state,
            new: state,
            error: None,
            shutdown: 0,
            sent: true,
            unacked: false,
            syn_data: None,
            syn_deferred: false,
            defer_accept: false,
            fin_received: false,
            actor: None,
            srtt_us8: 0,
            total_retrans: 0,
            bytes_acked: 0,
            bytes_received: 0,
            ifindex: None,
            recovered: false,
            undecided: false,
        }
    }

    /// The best identity that it has.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.cookie.map_or_else(|| self.sock.into(), Into::into)
    }

    /// Neither end is known: of a packet that could not be read.
    #[must_use]
    pub fn is_unaddressed(&self) -> bool {
        self.remote.is_none() && self.cookie.is_none() && self.local.port.is_none()
    }
}

/// What made an RST.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResetKind {
    /// Sent: the application, a timer or an administrator broke the connection off.
    Abort,
    /// Sent in answer to a packet.
    Answer,
    /// Accepted by a socket.
    Received,
}

/// An RST that this host sent or that a socket of it accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reset {
    /// The socket at that moment, as far as there is one: `old` and `new` are the state it was in.
    pub socket: Transition,
    /// Its state, TIME_WAIT included; `None` if there is no socket.
    pub state: Option<TcpState>,
    /// What made it.
    pub kind: ResetKind,
    /// Why it was sent, by the kernel's name in `enum sk_rst_reason` without the prefix; `None` if it does not say.
    pub reason: Option<Arc<str>>,
}

/// The SYN-ACK of a connection that is not complete yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SynAck {
    /// The identity that the connection will have.
    pub cookie: SocketCookie,
    /// When the first one was sent.
    pub first: MonotonicNs,
    /// Inode number of the network namespace.
    pub netns: u32,
    /// This host's end.
    pub local: Endpoint,
    /// The other end.
    pub remote: Endpoint,
}

/// A socket that existed when the trace started, as it was when the kernel was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExistingSocket {
    /// The socket's identity.
    pub cookie: SocketCookie,
    /// Inode number of the network namespace.
    pub netns: u32,
    /// The socket's family.
    pub family: Family,
    /// This host's end.
    pub local: Endpoint,
    /// The other end; nowhere for a listener.
    pub remote: Endpoint,
    /// Its state, which may be older than the first transition that was seen.
    pub state: TcpState,
    /// The one process that holds it, by /proc; `None` if there is none, or not one.
    pub holder: Option<Process>,
    /// It lets connections wait for their first data (`TCP_DEFER_ACCEPT`).
    pub defer_accept: bool,
}

/// Where records were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LossStage {
    /// The kernel's recursion guard skipped a program, and the second one did not see the event either.
    Recursion,
    /// A ring buffer was full.
    Ring,
    /// A queue in user space was full.
    Queue,
    /// A recording is damaged.
    Damage,
}

impl LossStage {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Recursion, Self::Ring, Self::Queue, Self::Damage];

    /// The word used in all outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Recursion => "recursion",
            Self::Ring => "ring",
            Self::Queue => "queue",
            Self::Damage => "damage",
        }
    }
}

/// Records were lost in this span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// How many.
    pub lost: u64,
    /// Not before this.
    pub from: MonotonicNs,
    /// Not after this.
    pub to: MonotonicNs,
    /// Where.
    pub stage: LossStage,
}

/// What a source yields, in order of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Both clocks; valid for the events that follow.
    Clock(ClockPair),
    /// A cgroup's path, as a fact: later events refer to it by identifier.
    Cgroup {
        /// Its identifier.
        id: u64,
        /// Its path from the root of the v2 hierarchy.
        path: Box<str>,
    },
    /// What a network namespace says of itself.
    Namespace(Box<NamespaceReading>),
    /// A socket that is older than the trace.
    Existing(ExistingSocket),
    /// A state transition.
    Transition(Transition),
    /// A reset.
    Reset(Reset),
    /// A SYN-ACK was sent once more.
    SynAckRetransmitted(SynAck),
    /// Something happened to a timewait socket.
    Timer(Timer),
    /// All that was stamped before this moment has been yielded, but for what waits for its filter to be decided.
    Until(MonotonicNs),
    /// Records were lost.
    Gap(Gap),
}

impl Event {
    /// Whether it happened to a socket, and was not only read or found out.
    #[must_use]
    pub fn is_of_socket(&self) -> bool {
        matches!(self, Self::Transition(_) | Self::Reset(_) | Self::SynAckRetransmitted(_) | Self::Timer(_))
    }
}
