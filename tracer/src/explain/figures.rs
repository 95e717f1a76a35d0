//! What connections are grouped by, and the figures of a group.

use super::{
    Aspect::{Next, Plain},
    Says, says,
};
use crate::figures::{GroupBy, LatencyBy, SocketOrder, SocketsBy, SortBy};

pub(super) const fn group_by(by: GroupBy) -> Says {
    match by {
        GroupBy::Service => {
            says("A server's local port, or a client's remote address and port; in each network namespace apart.")
        }
        GroupBy::Peer => says("The remote address."),
        GroupBy::Process => says("Who connected, or who listens."),
        GroupBy::Container => says("The container; outside of containers the cgroup."),
    }
}

/// Of those that are not above.
pub(super) const fn latency_by(by: LatencyBy) -> Option<Says> {
    match by {
        LatencyBy::Peer => None,
        LatencyBy::Port => Some(says(
            "tracer latency: a server's local port, or a client's remote address and \
             port.",
        )),
        LatencyBy::Prefix => {
            Some(says("tracer latency: the remote address's network (/24, or /64 of IPv6) and the service's port."))
        }
        LatencyBy::Cgroup => Some(says("tracer latency: the cgroup (v2) in which the socket was made.")),
    }
}

/// Of those that are not above.
pub(super) const fn sockets_by(by: SocketsBy) -> Option<Says> {
    match by {
        SocketsBy::State => {
            Some(says("tracer list: the protocol and the TCP state.").run(&["tracer list --group-by state"]))
        }
        SocketsBy::Process | SocketsBy::Peer | SocketsBy::Service | SocketsBy::Container => None,
    }
}

/// What sockets of a list are sorted by, where it is no figure of connections.
pub(super) const fn order(order: SocketOrder) -> Option<Says> {
    Some(match order {
        SocketOrder::RecvQ => {
            says("Bytes that the application has not read; of a listener, connections it has not accepted.")
                .more(&[(Next, "One that grows: the application on this host is too slow, or stuck.")])
                .run(&["tracer list --sort recv-q"])
        }
        SocketOrder::SendQ => {
            says("Bytes that the peer has not acknowledged; of a listener, how many may wait to be accepted.")
                .more(&[(Next, "One that grows: the peer does not read, or the network loses what is sent.")])
                .run(&["tracer list --sort send-q"])
        }
        SocketOrder::Local => says("This host's end: address and port."),
        SocketOrder::Remote => says("The other end: address and port."),
        SocketOrder::Rtt => says("The smoothed round trip, as the kernel has measured it (RFC 6298)."),
        SocketOrder::Timer => says("What is due first; the timer's kind can be explained."),
        SocketOrder::None => says("As the kernel lists them."),
        SocketOrder::State | SocketOrder::Process | SocketOrder::Retransmits => return None,
    })
}

/// Headings of tables and members of objects that are no other word.
pub(super) const MEMBERS: &[(&str, Says)] = &[
    ("AFTER", says("How long the connection was in the state that it left.")),
    ("CONNS", figure(SortBy::Connections)),
    ("OPEN", says("Connections whose opening was seen and that have not ended.")),
    ("FAILED", figure(SortBy::Failures)),
    ("RETRANS", says("Segments sent again: of connections that ended, all their lives; in a list, of a socket so far.")),
    ("COUNT", says("Handshakes whose segments were sent once; where some were sent again, a line below says so.")),
    ("P99.9", says("99.9 % of the handshakes took no longer.")),
    ("TIME", says("The time of day at which the kernel reported it.")),
    ("PROTO", says("The protocol: tcp or udp.")),
    ("UID", says("The user who made the socket.")),
    ("INODE", says("The socket's number, as /proc/PID/fd has it.")),
    ("PORTS", says("The classes of both ports, this host's first; each class can be explained.")),
    ("SOCKETS", says("Sockets of the group.")),
    ("STATES", says("How many sockets of the group are in which state.")),
    ("HELD BY", says("How many sockets of the group who holds.")),
    (
        "initiator",
        says("Where an RST was made: here, or beyond this host; local and remote can be explained."),
    ),
    ("substate", says("Which of the two a timewait socket was at its end: FIN_WAIT2 or TIME_WAIT.")),
    (
        "stuck",
        says("Sockets that have rested for too long: SYN_SENT 3 s, LAST_ACK 10 s, CLOSE_WAIT or FIN_WAIT2 a minute.")
            .run(&["tracer explain CLOSE_WAIT"]),
    ),
    ("unexplained", says("What the kernel counted more than tracer, less all causes; null: they cannot be compared.")),
    (
        "discontinuities",
        says("Holes in the histories of sockets: so many state changes, or more, reached no program of tracer.").more(&[(
            Plain,
            "If there are more than records were lost, the kernel withheld events, as some do while their init runs.",
        )]),
    ),
    (
        "evicted",
        says("Sockets that were forgotten before their end, to stay within the table's size.")
            .more(&[(Next, "A larger --table-size.")]),
    ),
    ("duplicates", says("State changes that came twice and are shown once.")),
    ("anomalies", says("State changes that TCP does not know.")),
    ("tracked", says("Sockets that were followed at the end of the span.")),
];

/// Groups that no connection names.
pub(super) const GROUPS: &[(&str, Says)] = &[
    (
        "unknown",
        says("Connections of which it is not known what would tell their group.").more(&[(
            Plain,
            "Of services: which end serves is only known where the start was seen, and a reset for which there is no \
             connection has no service.",
        )]),
    ),
    (
        "other",
        says(
            "All groups beyond those that are kept apart (16,384 of a summary; --max-groups of tracer \
             latency).",
        ),
    ),
    ("rest", says("The groups that are not listed, together.").more(&[(Next, "--top lists more.")])),
];

pub(super) const fn figure(figure: SortBy) -> Says {
    match figure {
        SortBy::Connections => says("Connections that opened, or that ended and are older than the trace (CONNS)."),
        SortBy::Failures => {
            says("Connections that ended in any other way than in order (FAILED); each outcome can be explained.")
        }
        SortBy::Handshakes => says("Handshakes that were measured."),
        SortBy::P50 => says("Half of the handshakes took no longer."),
        SortBy::P90 => says("90 % of the handshakes took no longer."),
        SortBy::P99 => says("99 % of the handshakes took no longer.")
            .more(&[(Plain, "By nearest rank, within 1 % of the exact value (1.6 % in tracer latency).")])
            .run(&["tracer summary --sort p99", "tracer explain handshake"]),
        SortBy::Max => says("The longest handshake, exactly."),
        SortBy::Resets => says("RSTs sent and received (RST).").run(&["tracer explain reset"]),
        SortBy::Retransmits => {
            says("Segments sent again, over the whole lives of the connections that ended (RETRANS).")
        }
        SortBy::TimeWait => says("Timewait sockets that began (TIME_WAIT).").run(&["tracer explain time-wait"]),
        SortBy::Name => says("The group's own name."),
    }
}
