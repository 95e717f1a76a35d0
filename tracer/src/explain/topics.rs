//! Subjects that are no word of an output.

use super::{
    Aspect::{Measured, Next, Normal, Plain, Rfc, Settings, Tell, Why, Wrong},
    Says, says,
};

pub(super) const TOPICS: &[(&str, Says)] = &[("handshake", HANDSHAKE), ("close", CLOSE), ("reset", RESET)];

/// Other words for the same.
pub(super) const ALIASES: &[(&str, &str)] = &[
    ("three-way handshake", "handshake"),
    ("3-way handshake", "handshake"),
    ("syn", "handshake"),
    ("syn-ack", "handshake"),
    ("latency", "handshake"),
    ("connect", "handshake"),
    ("closing handshake", "close"),
    ("four-way close", "close"),
    ("4-way close", "close"),
    ("fin", "close"),
    ("shutdown", "close"),
    ("rst", "reset"),
    ("resets", "reset"),
    ("connection reset", "reset"),
];

const HANDSHAKE: Says = says("How a connection opens: SYN, SYN-ACK, ACK.")
    .more(&[
        (
            Rfc,
            "Section 3.5: each end tells the other the number its data will begin with, and hears it \
             acknowledged.",
        ),
        (
            Why,
            "Three packets, because there are two numbers to be acknowledged and one packet can carry both an \
             acknowledgement and the own number. Two would not do: the server could not tell a fresh SYN from one \
             that was under way for long, and would open a connection that nobody wants.",
        ),
        (
            Normal,
            "About one round trip: well below a millisecond to a few milliseconds in a datacentre, 10 to 40 ms \
             in a country, 100 to 300 ms across the world; on overloaded links a second or two. The server's application has no part in it: the \
             kernel answers.",
        ),
        (
            Wrong,
            "A second or more: a SYN or a SYN-ACK was lost or dropped, on a lossy link or by a server whose \
             queues are full. The first wait is 1 s (RFC 6298, section 2.1) and doubles: 1, 3, 7 s in all. Since \
             Linux 6.5 a client's first SYNs follow each other by 1 s: 1, 2, 3, 4, 5, 7 s \
             (tcp_syn_linear_timeouts, 4).",
        ),
        (
            Measured,
            "Of a client, from SYN_SENT to ESTABLISHED: what connect() waited (tracer latency: from the SYN). Of a \
             server, the kernel's first \
             round-trip sample, from the SYN-ACK to the ACK: its socket is made when the handshake is over, so \
             the time in SYN_RECV is microseconds and says nothing. With TCP_DEFER_ACCEPT it includes the wait \
             for the first data.",
        ),
        (
            Tell,
            "Slow for all clients: the server, its queues (ListenOverflows), its link. Slow for one network: the \
             path. Times near whole seconds: losses, not distance.",
        ),
        (
            Settings,
            "tcp_syn_retries 6: connect() gives up after 127 s, since Linux 6.5 after 131 s. \
             tcp_synack_retries 5: a server forgets a request after 63 s.",
        ),
    ])
    .run(&[
        "tracer latency --interval 10s",
        "tracer latency --by prefix --role server",
        "tracer summary --duration 30s --sort p99",
        "tracer explain SYN_SENT",
    ]);

const CLOSE: Says = says("How a connection closes in order: FIN and ACK, once in each direction.")
    .more(&[
        (
            Rfc,
            "Section 3.6: close means \u{201c}I have no more data to send\u{201d}; who closed may go on receiving \
             until the other end closes, too.",
        ),
        (
            Why,
            "Four packets, because the two directions close by themselves: an end may have much to send after it \
             has heard that the other is done. If it has nothing, its ACK and FIN travel together and there are \
             three.",
        ),
        (
            Plain,
            "Who closes first goes through FIN_WAIT1, FIN_WAIT2 and TIME_WAIT, and keeps the pair of ends for a \
             minute. The other goes through CLOSE_WAIT, in which its application must close, and LAST_ACK. Both \
             at once: CLOSING.",
        ),
        (Normal, "One round trip for each direction, plus what the applications take."),
        (
            Wrong,
            "Many CLOSE_WAIT: this host's application does not close. Many FIN_WAIT2: the peer's does not. Many \
             TIME_WAIT: this end closes first, very often. An RST instead of a FIN: tracer explain reset.",
        ),
        (
            Measured,
            "closed_by says who closed first, the outcome how it ended; TIME_WAIT has a line of its own when \
             it is over.",
        ),
        (
            Next,
            "Let clients close first where the server has many of them and ports matter to nobody; let servers \
             close first where a client runs out of ports.",
        ),
    ])
    .run(&["tracer watch --state close --no-loopback", "tracer explain CLOSE_WAIT", "tracer explain TIME_WAIT"]);

const RESET: Says = says("An RST ends a connection at once: what was under way is lost, and there is no TIME_WAIT.")
    .more(&[
        (
            Rfc,
            "Section 3.5.2: sent when a segment comes that is not meant for the current connection, and by who \
             aborts.",
        ),
        (
            Plain,
            "Three kinds send them. Applications: SO_LINGER 0, a close with data unread, a process that was \
             killed with data in its sockets. Kernels: nobody listens, the connection is unknown or gone, data \
             came after close(), memory or keepalive ran out. Devices on the path: firewalls that reject, load \
             balancers and NAT whose entry for an idle connection expired, intrusion prevention, in the name of \
             either end.",
        ),
        (
            Measured,
            "Sent: by which process, in which state, and since Linux 6.10 why. Received: in which state. RSTs \
             of netfilter (REJECT --reject-with tcp-reset) are not made by TCP, so as sent ones they are in no \
             trace; nor are those of XDP programs and raw sockets.",
        ),
        (
            Tell,
            "Trace both ends at the same time. Sent there and received here: the peer did it, and its reason says \
             why. Received here and sent nowhere: something on the path. Signs of the path in a packet capture: \
             another TTL than the peer's other packets, an IP identification that does not fit, an RST that comes \
             sooner than one round trip. Always after the same idle time (300 s, 350 s, 900 s): a device that \
             forgets.",
        ),
        (
            Wrong,
            "RSTs at connect: the service is down. After a fixed idle time: keepalive is off or slower than the \
             firewall. Under load: full queues with tcp_abort_on_overflow, or clients whose timeout is too short. \
             After a deployment: connections of the old process.",
        ),
        (Next, "The reason of those sent, the state of those received, and the process."),
    ])
    .run(&[
        "tracer summary --sort resets --duration 30s",
        "tracer watch --format json | jq 'select(.type == \"reset\")'",
        "nstat -az TcpOutRsts TcpEstabResets TcpExtTCPAbortOnData TcpExtTCPAbortOnClose",
        "tcpdump -nvi any 'tcp[tcpflags] & tcp-rst != 0 or (ip6 proto 6 and ip6[53] & 4 != 0)'",
    ]);
