//! Why RSTs are sent: `enum sk_rst_reason` (include/net/rstreason.h, Linux 6.18) without its prefix, and what tracer
//! infers. The kernel's numbers move from version to version, its names do not; a name that is not here is newer.

use super::{
    Aspect::{Next, Plain, Tell, Wrong},
    Says, says,
};
use crate::measure::REFUSED;

pub(super) const REASONS: &[(&str, Says)] = &[
    (
        REFUSED,
        says("A connect() was answered by an RST: nobody listens on that port.")
            .more(&[
                (
                    Plain,
                    "The only name here that is tracer's own: it is inferred (~) from an RST that was accepted in \
                     SYN_SENT. The connection's outcome is \u{201c}refused\u{201d}, its error ECONNREFUSED.",
                ),
                (
                    Wrong,
                    "The service is down, or restarting, or listens on another address (127.0.0.1) or port. A \
                     firewall that rejects with tcp-reset looks the same.",
                ),
                (Next, "On the other host: who listens there?"),
            ])
            .run(&["ss -ltnp", "tracer explain ECONNREFUSED"]),
    ),
    (
        "NOT_SPECIFIED",
        says("The kernel gives no reason.").more(&[(
            Plain,
            "A place in the kernel that has not been taught to say why. Resets by this host's TCP itself have reasons \
             since Linux 6.10, those that an application causes since 6.12.",
        )]),
    ),
    (
        "NO_SOCKET",
        says("A packet came for which there is no socket, so it was answered with an RST.")
            .more(&[
                (
                    Plain,
                    "Nobody listens on that port, or the connection is gone already: closed, reset, forgotten by \
                     tcp_max_tw_buckets, or of the time before a reboot.",
                ),
                (
                    Wrong,
                    "A service that is down (its clients see \u{201c}refused\u{201d}); a port scan; a load \
                     balancer that uses connections which this host has long closed.",
                ),
                (
                    Tell,
                    "If the other end reports ECONNREFUSED it was a SYN. If it reports ECONNRESET, it was a packet \
                     of a connection that this host no longer knows.",
                ),
            ])
            .run(&["ss -ltnp", "tracer watch --format json | jq 'select(.reason == \"NO_SOCKET\")'"]),
    ),
    (
        "TCP_INVALID_ACK_SEQUENCE",
        says("In SYN_SENT an ACK came that acknowledges what was never sent.").more(&[
            (
                Plain,
                "The other end answered this host's SYN as if it belonged to an older connection of the same pair \
                 of ends; the RST makes it forget that (RFC 9293, section 3.10.7.3).",
            ),
            (
                Wrong,
                "The peer still has an old connection, which this host has lost (a crash, a restart, a port that \
                 was used again too soon), or a device on the way rewrites sequence numbers on one side only.",
            ),
        ]),
    ),
    (
        "TCP_RFC7323_PAWS",
        says("In SYN_SENT an answer came whose echoed timestamp this host never sent (RFC 7323).").more(&[(
            Wrong,
            "An answer to an older SYN of the same pair of ends, or a device on the way that answers in the server's \
             place or damages TCP options.",
        )]),
    ),
    (
        "TCP_TOO_OLD_ACK",
        says("In SYN_RECV an ACK came that is older than anything in flight.").more(&[(
            Plain,
            "More than a window behind (RFC 5961): a stray packet of an older connection, or a forged one. Only \
             sockets of TCP Fast Open or of a simultaneous open are answered so.",
        )]),
    ),
    (
        "TCP_ACK_UNSENT_DATA",
        says("In SYN_RECV an ACK came for data that was not sent yet.").more(&[(
            Plain,
            "A packet of another connection of the same pair of ends, or a forged one. Only sockets of TCP Fast Open \
             or of a simultaneous open are answered so.",
        )]),
    ),
    (
        "TCP_FLAGS",
        says("A packet came to a listener that is no SYN and belongs to no handshake.")
            .more(&[
                (
                    Plain,
                    "It has the ACK flag, and the handshake it wants to complete, or the connection it is of, is \
                     unknown here.",
                ),
                (
                    Wrong,
                    "The request timed out before its ACK came, a SYN cookie does not check out, or the \
                     connection's packets are spread over hosts (a load balancer that moved it). Scans do it, \
                     too.",
                ),
            ])
            .run(&["nstat -az TcpExtSyncookiesFailed TcpExtListenDrops"]),
    ),
    (
        "TCP_OLD_ACK",
        says("In SYN_RECV an ACK came that acknowledges nothing new.").more(&[(
            Plain,
            "A stray packet of an older connection. Only sockets of TCP Fast Open or of a simultaneous open are \
             answered so.",
        )]),
    ),
    (
        "TCP_ABORT_ON_DATA",
        says("Data came after the application had closed.")
            .more(&[
                (
                    Plain,
                    "Nobody will ever read it, so the other end is told by an RST. The connection's outcome is \
                     \u{201c}aborted\u{201d}, though the application called nothing but close(). Or it had set \
                     TCP_LINGER2 below 0, and no data came. Data that comes once the FIN is acknowledged is usually \
                     answered as TCP_TIMEWAIT_SOCKET. TcpExtTCPAbortOnData counts SO_LINGER 0 closes, too.",
                ),
                (
                    Wrong,
                    "An application that closes before it has read the whole request or answer: a timeout, an \
                     early error page, a health check that hangs up.",
                ),
                (
                    Next,
                    "The application on this host: it should shutdown(SHUT_WR) and read to the end before it \
                     closes.",
                ),
            ])
            .run(&["nstat -az TcpExtTCPAbortOnData", "tracer explain reset"]),
    ),
    (
        "TCP_TIMEWAIT_SOCKET",
        says("A packet came to a timewait socket that must not be answered otherwise.").more(&[
            (
                Plain,
                "Usually data for a connection in FIN_WAIT2 whose application is gone. It also ends the timewait \
                 socket.",
            ),
            (Wrong, "This host closed while the peer was still sending."),
        ]),
    ),
    (
        "INVALID_SYN",
        says("A handshake was refused at its last step.")
            .more(&[
                (
                    Plain,
                    "Two ways: a request is waiting for its ACK, and a SYN with another number, inside the window, \
                     comes instead; or the ACK comes, the queue of connections to be accepted is full, and \
                     tcp_abort_on_overflow is 1 (by default it is 0, and the ACK is dropped).",
                ),
                (
                    Wrong,
                    "A port that was used again too soon, or a forged packet; or an application that accepts too \
                     slowly.",
                ),
                (Tell, "ListenOverflows grows if it was the queue."),
            ])
            .run(&["nstat -az TcpExtListenOverflows", "sysctl net.ipv4.tcp_abort_on_overflow"]),
    ),
    (
        "TCP_ABORT_ON_CLOSE",
        says("The application closed with data unread.")
            .more(&[
                (
                    Plain,
                    "What had come and was not read is lost; RFC 2525, section 2.17, asks for an RST, so that the \
                     peer learns of it. The peer sees ECONNRESET, perhaps before it has read the answer.",
                ),
                (
                    Wrong,
                    "A server that answers and closes without reading all of the request, a client that hangs up \
                     in the middle of an answer, or a process that was killed with data in its sockets.",
                ),
                (Next, "The process in tracer's line: it closed. Kill and crash look the same; see its log."),
            ])
            .run(&["nstat -az TcpExtTCPAbortOnClose", "tracer summary --group-by process --sort resets"]),
    ),
    (
        "TCP_ABORT_ON_LINGER",
        says("The application closed a socket for which it had forbidden to wait in FIN_WAIT2.")
            .more(&[(
                Plain,
                "TCP_LINGER2 was below 0 and the socket already in FIN_WAIT2 when it was closed; otherwise the reason \
                 is TCP_ABORT_ON_DATA. An SO_LINGER of 0, which is far more usual, has the reason TCP_STATE.",
            )])
            .run(&["nstat -az TcpExtTCPAbortOnLinger"]),
    ),
    (
        "TCP_ABORT_ON_MEMORY",
        says("The kernel broke it off: too little memory for TCP, or too many sockets without an owner.")
            .more(&[
                (
                    Wrong,
                    "tcp_mem is exhausted, or there are more orphans than tcp_max_orphans: many connections \
                     closed here whose peers do not take their last data.",
                ),
                (
                    Next,
                    "The kernel log (\u{201c}TCP: out of memory\u{201d}, \u{201c}too many orphaned \
                     sockets\u{201d}), and mem and orphan in /proc/net/sockstat.",
                ),
            ])
            .run(&["cat /proc/net/sockstat", "sysctl net.ipv4.tcp_mem net.ipv4.tcp_max_orphans"]),
    ),
    (
        "TCP_STATE",
        says("The application or an administrator broke the connection off in a state that asks for an RST.")
            .more(&[
                (
                    Plain,
                    "Four ways: the application closed with SO_LINGER 0 (discard, do not wait) or called \
                     connect() with AF_UNSPEC; it closed its listener, or was ended, while the connection waited \
                     to be accepted; an administrator ended it (ss -K), which sets the error ECONNABORTED; or the \
                     kernel gave up a socket whose application is gone.",
                ),
                (
                    Tell,
                    "tracer's line has the process that did it. Where the error is ECONNABORTED it was ss -K; \
                     before Linux 6.12 tracer infers the name from that (~).",
                ),
                (
                    Next,
                    "SO_LINGER in the application or its proxy (\u{201c}nolinger\u{201d}, \u{201c}reset on \
                     timeout\u{201d}): often set to be rid of TIME_WAIT, at the price of lost data.",
                ),
            ])
            .run(&["tracer summary --group-by process --sort resets", "tracer explain reset"]),
    ),
    (
        "TCP_KEEPALIVE_TIMEOUT",
        says("The peer did not answer keepalive probes: none of them, or none for as long as TCP_USER_TIMEOUT.")
            .more(&[
                (
                    Plain,
                    "The RST is for a peer that may be alive behind a broken path. The outcome is \
                     \u{201c}keepalive_timeout\u{201d}, the error ETIMEDOUT.",
                ),
                (
                    Wrong,
                    "The peer has lost its power or its network, or a firewall has forgotten an idle connection: \
                     then probe more often than it forgets.",
                ),
            ])
            .run(&["sysctl net.ipv4.tcp_keepalive_time net.ipv4.tcp_keepalive_intvl net.ipv4.tcp_keepalive_probes"]),
    ),
    (
        "TCP_DISCONNECT_WITH_DATA",
        says(
            "The application broke the connection off while its last data and FIN were still waiting to be \
             sent.",
        )
        .more(&[(
            Plain,
            "In CLOSING or LAST_ACK: connect() with AF_UNSPEC, or SO_LINGER 0, after the other end had closed.",
        )]),
    ),
    ("MPTCP_RST_EUNSPEC", says("Multipath TCP: a subflow was reset without a reason (RFC 8684, section 3.6).")),
    ("MPTCP_RST_EMPTCP", says("Multipath TCP: what came on a subflow was no valid Multipath TCP (RFC 8684).")),
    ("MPTCP_RST_ERESOURCE", says("Multipath TCP: there were not enough resources for another subflow (RFC 8684).")),
    ("MPTCP_RST_EPROHIBIT", says("Multipath TCP: policy forbids the subflow (RFC 8684).")),
    (
        "MPTCP_RST_EWQ2BIG",
        says("Multipath TCP: too much was to be sent again on a subflow that had got through on others (RFC 8684)."),
    ),
    ("MPTCP_RST_EBADPERF", says("Multipath TCP: the subflow was too slow beside the others (RFC 8684).")),
    (
        "MPTCP_RST_EMIDDLEBOX",
        says(
            "Multipath TCP: a device on the way meddled with the subflow, a checksum is wrong for example (RFC \
             8684).",
        ),
    ),
    ("ERROR", says("Something in the kernel that should not have happened; the reason is unknown to itself.")),
    ("MAX", says("The end of the kernel's list of reasons: no packet is sent for it.")),
];
