//! What the core concludes from events: the lines and objects that outputs print.

mod time_wait;

use std::{borrow::Cow, sync::Arc};

use crate::{
    event::{ClockPair, Comm, ExistingSocket, Gap, MaybeNs, MonotonicNs, Process, ResetKind, TcpState, Transition},
    figures::{Latency, SocketGroups, Sockets, Summary},
    namespace::NamespaceReading,
};

pub use self::time_wait::{TimeWait, TimeWaitEnd, TimeWaitEnded};

words! {
    /// Which end of the connection this host is.
    Role {
        /// It sent the SYN.
        Client = "client",
        /// It accepted.
        Server = "server",
        /// A listening socket.
        Listener = "listener",
    }
}

words! {
    /// How the owner of a socket became known.
    OwnerSource {
        /// It called `connect()`.
        Connect = "connect",
        /// It called `listen()`.
        Listen = "listen",
        /// It closed or shut down the socket.
        Close = "close",
        /// It holds the socket's descriptor, says /proc.
        Proc = "proc",
    }
}

/// Whose socket it is, and how that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The process.
    pub process: Process,
    /// Where the knowledge comes from.
    pub source: OwnerSource,
}

/// What the table remembers about a socket and the transition alone does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Which end this host is; `None` if the start was not seen.
    pub role: Option<Role>,
    /// Whose socket it is; `None` until proven.
    pub owner: Option<Owner>,
    /// Who listens on the local port, for an accepted socket.
    pub listener: Option<Process>,
    /// Whether the listener lets connections wait for their first data; `None` if that is not known.
    pub deferred_accept: Option<bool>,
    /// What it went through before.
    pub past: Past,
}

/// What a connection went through, as far as it was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// When it began, if that was seen.
    pub opened: MaybeNs,
    /// When its first SYN-ACK was sent, if another had to follow.
    pub first_syn_ack: MaybeNs,
    /// How it became ESTABLISHED, if that was seen.
    pub established: Option<Established>,
    /// Who closed first, in order: sent the first FIN.
    pub closed_by: Option<Side>,
    /// This host's FIN was acknowledged.
    pub fin_acked: bool,
    /// Some of this follows from transitions that were not seen.
    pub inferred: bool,
}

/// The moment a connection became ESTABLISHED.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Established {
    /// When.
    pub at: MonotonicNs,
    /// The state it came from.
    pub from: TcpState,
    /// How long it was in that state, if its entry was seen.
    pub in_state_ns: MaybeNs,
    /// Smoothed round trip then, microseconds times 8, which is the first sample; 0: there was none.
    pub srtt_us8: u32,
    /// Segments retransmitted until then: SYNs by a client, SYN-ACKs by a server.
    pub retransmits: u32,
    /// Whether the SYN carried data that was accepted; `None` if the kernel does not say.
    pub syn_data: Option<bool>,
    /// The SYN may have left at the first write, not at `connect()`.
    pub syn_deferred: bool,
}

words! {
    /// An end of a connection, or both.
    Side {
        /// This host.
        Local = "local",
        /// The peer.
        Remote = "remote",
        /// Both at once.
        Both = "both",
    }
}

words! {
    /// How a handshake's latency was measured.
    HandshakeMethod {
        /// From SYN_SENT to ESTABLISHED: what `connect()` waited, retransmissions included.
        SynToEstablished = "syn_to_established",
        /// The kernel's own sample: from the SYN-ACK to the ACK that completed the handshake; of a client with Fast Open, from
        /// the SYN to the SYN-ACK.
        FirstRtt = "first_rtt",
        /// From the first of several SYN-ACKs to ESTABLISHED.
        SinceFirstSynAck = "since_first_syn_ack",
    }
}

words! {
    /// Why a handshake's latency is not known.
    UnknownLatency {
        /// Its beginning was not seen.
        StartNotSeen = "start_not_seen",
        /// The kernel took no sample: a SYN cookie, or nothing to tell which SYN-ACK was acknowledged.
        NoSample = "no_sample",
        /// A SYN-ACK was retransmitted, and when the first one was sent was not seen.
        SynAckRetransmitted = "syn_ack_retransmitted",
        /// The SYN was retransmitted, and it did not leave at `connect()` but at the first write (`TCP_FASTOPEN_CONNECT`).
        DeferredFastOpen = "deferred_fast_open",
        /// The sample is a whole number of milliseconds: it may come from the timestamp in a SYN cookie, which is up to 63 ms
        /// too early. One honest sample in a thousand looks the same.
        MaybeSynCookie = "maybe_syn_cookie",
    }
}

/// A connection became ESTABLISHED.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// The transition to ESTABLISHED.
    pub observed: ObservedTransition,
    /// How long it took, nanoseconds, and how that was measured; else why it is not known.
    pub latency: Result<(u64, HandshakeMethod), UnknownLatency>,
    /// SYNs retransmitted; `None` for a server, which cannot tell.
    pub syn_retransmits: Option<u32>,
    /// SYN-ACKs retransmitted; `None` for a client.
    pub syn_ack_retransmits: Option<u32>,
    /// Whether the listener had it wait for its first data, which the latency then includes; `None` for a client, or if
    /// that is not known.
    pub deferred_accept: Option<bool>,
    /// Whether data travelled with the SYN (TCP Fast Open), or may have; `None` if the kernel does not say.
    pub fast_open: Option<bool>,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// In order as far as this end goes: its FIN was acknowledged.
    Closed,
    /// Nobody listens there.
    Refused,
    /// A reset from the other end, or from something on the way.
    Reset,
    /// No answer.
    Timeout,
    /// No way to get there.
    Unreachable,
    /// Its pair of ends was in use already.
    AddressInUse,
    /// Broken off at this end: closed while connecting, or with data unread or unsent, or by an administrator.
    Aborted,
    /// The peer stopped answering keepalive probes.
    KeepaliveTimeout,
}

impl Outcome {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Closed,
        Self::Refused,
        Self::Reset,
        Self::Timeout,
        Self::Unreachable,
        Self::AddressInUse,
        Self::Aborted,
        Self::KeepaliveTimeout,
    ];

    /// The word used in all outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::AddressInUse => "address_in_use",
            Self::Aborted => "aborted",
            Self::KeepaliveTimeout => "keepalive_timeout",
        }
    }
}

/// A connection ended: what it was, in one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The transition to CLOSE.
    pub observed: ObservedTransition,
    /// How it ended; `None` if that cannot be told.
    pub outcome: Option<Outcome>,
    /// Who closed or broke it off first; `None` if that cannot be told.
    pub closed_by: Option<Side>,
    /// How long its handshake took, nanoseconds.
    pub handshake_ns: Option<u64>,
    /// Payload that the peer acknowledged, bytes.
    pub bytes_sent: Option<u64>,
    /// Payload received in order, bytes.
    pub bytes_received: Option<u64>,
}

words! {
    /// Which way an RST went.
    Direction {
        /// This host sent it.
        Sent = "sent",
        /// A socket of this host accepted it.
        Received = "received",
    }
}

/// An RST with all that is known about its socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedReset {
    /// The socket at that moment, as far as there is one.
    pub observed: ObservedTransition,
    /// The state the connection was in, not CLOSE if that is only because of this; `None` if there was no connection.
    pub state: Option<TcpState>,
    /// What made it.
    pub kind: ResetKind,
    /// Why it was sent, by the kernel's name; `None` if it does not say.
    pub reason: Option<Arc<str>>,
}

/// A connection reached CLOSE, and whether in good order is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The transition to CLOSE.
    pub observed: ObservedTransition,
    /// This end sent a reset, although the transition alone does not say so: data came that nobody would read, or
    /// `TCP_LINGER2` is below 0 (`tcp_rcv_state_process`, `__tcp_close`).
    pub broken_off: bool,
}

/// One state change with all that is known about its socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObservedTransition {
    /// The event. Its cookie is filled in from the table where the kernel could not give it.
    pub transition: Transition,
    /// How long the socket was in the old state, nanoseconds; `None` if its entry was not seen.
    pub in_state_ns: Option<u64>,
    /// What the table remembers.
    pub known: Known,
    /// It was not seen, but the next one cannot have come without it; then it has that one's time, which is the latest.
    pub inferred: bool,
}

/// A transition that neither RFC 9293 nor the kernel's state machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// The transition, as observed.
    pub observed: ObservedTransition,
    /// States that may follow the old one.
    pub expected: &'static [TcpState],
}

/// What an output is asked to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// Both clocks; valid for what follows.
    Clock(ClockPair),
    /// A cgroup's path.
    Cgroup {
        /// Its identifier.
        id: u64,
        /// Its path.
        path: Box<str>,
    },
    /// What a network namespace says of itself.
    Namespace(Box<NamespaceReading>),
    /// A socket that is older than the trace.
    Existing(ExistingSocket),
    /// A state change.
    Transition(ObservedTransition),
    /// An impossible state change; the same change is also reported as a transition.
    Anomaly(Anomaly),
    /// A connection became ESTABLISHED.
    Handshake(Handshake),
    /// An RST was sent or accepted.
    Reset(ObservedReset),
    /// A connection is over; outputs show the [`Connection`] that follows from it.
    Closed(Closed),
    /// A connection ended.
    Connection(Connection),
    /// A timewait socket began or ended.
    TimeWait(TimeWait),
    /// Lost records.
    Gap(Gap),
    /// Figures.
    Summary(Box<Summary>),
    /// Figures of handshakes that the kernel added up.
    Latency(Box<Latency>),
    /// The sockets of a moment.
    Sockets(Sockets),
    /// The sockets of a moment, by group.
    SocketGroups(Box<SocketGroups>),
}

impl Observation {
    /// The socket it is about, if it is about one.
    #[must_use]
    pub fn observed(&self) -> Option<&ObservedTransition> {
        match self {
            Self::Transition(observed)
            | Self::Anomaly(Anomaly { observed, .. })
            | Self::Handshake(Handshake { observed, .. })
            | Self::Reset(ObservedReset { observed, .. })
            | Self::Closed(Closed { observed, .. })
            | Self::Connection(Connection { observed, .. })
            | Self::TimeWait(TimeWait { observed, .. }) => Some(observed),
            Self::Clock(_)
            | Self::Cgroup { .. }
            | Self::Namespace(_)
            | Self::Existing(_)
            | Self::Gap(_)
            | Self::Summary(_)
            | Self::Latency(_)
            | Self::Sockets(_)
            | Self::SocketGroups(_) => None,
        }
    }
}

/// Facts about the run that head an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// When it started.
    pub clock: ClockPair,
    /// Host name.
    pub host: String,
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    /// `uname -r`.
    pub kernel: String,
    /// The filter as typed, one string a flag: `--port 443`.
    pub filters: Vec<String>,
    /// What is measured, what is not, and why.
    pub features: Vec<Feature>,
}

/// One thing that is measured, or the reason why it is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Stable name: `transitions`, `cgroup`, `retransmits`.
    pub name: Cow<'static, str>,
    /// `None`: measured. Otherwise why not.
    pub missing: Option<String>,
}

impl Direction {
    /// Of a reset that was received, or sent.
    #[must_use]
    pub fn of(received: bool) -> Self {
        if received { Self::Received } else { Self::Sent }
    }
}

impl ObservedReset {
    /// Whether a socket accepted it; otherwise this host sent it.
    #[must_use]
    pub fn is_received(&self) -> bool {
        self.kind == ResetKind::Received
    }

    /// Which way it went.
    #[must_use]
    pub fn direction(&self) -> Direction {
        Direction::of(self.is_received())
    }
}

impl Connection {
    /// The smoothed round trip at the end, nanoseconds; `None` if there never was a sample.
    #[must_use]
    pub fn rtt_ns(&self) -> Option<u64> {
        let us8 = self.observed.transition.srtt_us8;
        // Microseconds times 8.
        (us8 != 0).then_some(u64::from(us8) * 125)
    }
}

impl Comm {
    /// The name with control characters, quotes and bytes that are not UTF-8 escaped, for showing to people.
    #[must_use]
    pub fn escaped(&self) -> Cow<'_, str> {
        match str::from_utf8(self.as_bytes()) {
            // As nearly all are.
            Ok(name) if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" -_.:/".contains(&byte)) => {
                name.into()
            }
            _ => String::from_utf8_lossy(self.as_bytes()).escape_debug().to_string().into(),
        }
    }
}
