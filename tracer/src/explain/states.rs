//! The TCP states, and netstat's word for none of them.

use super::{
    Aspect::{Next, Normal, Plain, Rfc, Who, Wrong},
    Says, says,
};
use crate::event::TcpState;

/// What netstat and ss print where they cannot tell.
pub(super) const UNKNOWN: &str = "UNKNOWN";

pub(super) const fn state(state: TcpState) -> Says {
    match state {
        TcpState::Established => says("Both ends may send and receive.")
            .more(&[
                (Rfc, "Section 3.3.2: an open connection, the normal state for the transfer of data."),
                (
                    Plain,
                    "The handshake is over and nobody has closed. An idle connection looks the same as one whose \
                     peer has lost its power: TCP says nothing while there is nothing to say.",
                ),
                (Who, "Nobody. It ends when an application closes."),
                (Normal, "As long as the applications want: milliseconds to months."),
                (
                    Wrong,
                    "Peers that vanished without a FIN, kept for ever because nobody uses keepalive \
                     (tcp_keepalive_time, 7200 s, counts only for sockets with SO_KEEPALIVE). A Recv-Q that \
                     grows: this host's application does not read. A Send-Q that grows: the peer does not read, \
                     or the network loses what is sent.",
                ),
                (Next, "Recv-Q, Send-Q, the retransmit timer and the owner; in tracer's summary RETRANS and P99."),
            ])
            .run(&["ss -tanpoi state established", "tracer summary --duration 30s", "tracer list --state established"]),
        TcpState::SynSent => says("A SYN went out, and nothing has come back yet.")
            .more(&[
                (Rfc, "Section 3.3.2: waits for a matching connection request after having sent one."),
                (Plain, "connect() is waiting: the first of the three packets of the handshake is on its way."),
                (Who, "The other end, with a SYN-ACK or a reset."),
                (
                    Normal,
                    "One round trip: below a millisecond to a few in a datacentre, tens to hundreds across the \
                     world. From one second on a SYN or SYN-ACK was most likely lost or dropped.",
                ),
                (
                    Wrong,
                    "A firewall that drops instead of rejecting, a host that is down, a route that leads nowhere, \
                     a listener whose queues are full (Linux then drops the SYN). The SYN is sent again after 1 \
                     s; by default connect() gives up with ETIMEDOUT after 127 s, since Linux 6.5 after 131 s \
                     (tcp_syn_retries, tcp_syn_linear_timeouts).",
                ),
                (
                    Next,
                    "Is it one destination or all? A refusal at once is another thing: nobody listens there. On \
                     the other end: ListenOverflows, ListenDrops.",
                ),
            ])
            .run(&[
                "ss -tanpo state syn-sent",
                "tracer watch --state syn-sent --role client",
                "tracer list --state syn-sent",
                "tracer explain handshake",
            ]),
        TcpState::SynRecv => says("A SYN came in and was answered; its ACK is missing.")
            .more(&[
                (
                    Rfc,
                    "Section 3.3.2, SYN-RECEIVED: waits for the acknowledgement of the connection request after \
                     having both received and sent one.",
                ),
                (
                    Plain,
                    "The server's half of the handshake. Linux makes the socket only when the last ACK has come, \
                     so tracer shows LISTEN\u{2192}SYN_RECV\u{2192}ESTABLISHED microseconds apart, whatever the \
                     network does. The wait itself is spent in a request socket, NEW_SYN_RECV, which ss \
                     prints as SYN-RECV and netstat as SYN_RECV.",
                ),
                (Who, "The client, with its ACK; or this host's application, with accept()."),
                (Normal, "For a socket: microseconds. For what ss shows: one round trip."),
                (
                    Wrong,
                    "Many in ss: a SYN flood, or SYN-ACKs that do not arrive (return path, firewall); or the ACK came \
                     and was dropped, because the accept queue is full (ListenOverflows: the application must \
                     accept), or waits for data (TCP_DEFER_ACCEPT). One that stays a full socket: TCP Fast Open or a \
                     simultaneous open.",
                ),
                (Next, "The handshake's own time, which tracer takes from the kernel's first round-trip sample."),
            ])
            .run(&[
                "ss -tano state syn-recv",
                "tracer latency --role server",
                "nstat -az TcpExtListenOverflows TcpExtListenDrops TcpExtSyncookiesSent",
                "tracer explain NEW_SYN_RECV",
            ]),
        TcpState::FinWait1 => says("This end closed first; its FIN is not acknowledged yet.")
            .more(&[
                (
                    Rfc,
                    "Section 3.3.2, FIN-WAIT-1: waits for the other end's request to close, or for the \
                     acknowledgement of its own.",
                ),
                (
                    Plain,
                    "close() or shutdown() was called here. What was written before goes out first, the FIN \
                     behind it.",
                ),
                (Who, "The other end's kernel, with an ACK."),
                (Normal, "One round trip, and what it takes to send what is still in Send-Q."),
                (
                    Wrong,
                    "The peer is gone or unreachable, or it does not read and its window is closed, so that the \
                     FIN waits behind the data. Without an owner it is given up after tcp_orphan_retries (0 means \
                     8); many of them count against tcp_max_orphans.",
                ),
                (
                    Next,
                    "Send-Q and the timer: \u{201c}on\u{201d} is a retransmission, \u{201c}persist\u{201d} a \
                     closed window.",
                ),
            ])
            .run(&["ss -tanpo state fin-wait-1", "tracer list --state fin-wait-1", "tracer explain close"]),
        TcpState::FinWait2 => says("This end closed first, and the other end has acknowledged that but not closed.")
            .more(&[
                (Rfc, "Section 3.3.2, FIN-WAIT-2: waits for the other end's request to close."),
                (Plain, "This end has said all it had to say. The other end may go on sending until it closes."),
                (Who, "The application at the other end: there the socket is in CLOSE_WAIT."),
                (
                    Normal,
                    "Milliseconds. If this end called close(), the kernel waits tcp_fin_timeout (60 s by \
                     default) and then forgets it. If it only called shutdown(SHUT_WR), it may last as long as \
                     the answer.",
                ),
                (
                    Wrong,
                    "The peer has a leak of sockets, or waits for something before it closes. On this host it \
                     costs a socket and a port.",
                ),
                (
                    Next,
                    "CLOSE_WAIT on the peer. tracer shows FIN_WAIT2\u{2192}CLOSE when the kernel moves it into a \
                     small timewait socket; how long that lived is in the line that comes later.",
                ),
            ])
            .run(&["ss -tanpo state fin-wait-2", "sysctl net.ipv4.tcp_fin_timeout", "tracer list --state fin-wait-2"]),
        TcpState::TimeWait => says("The connection is over; its pair of addresses and ports is kept for a minute.")
            .more(&[
                (
                    Rfc,
                    "Sections 3.3.2 and 3.6.1, TIME-WAIT: waits for so long (2 MSL) that the other end has surely \
                     got the last ACK, and that no late segment of this connection can be taken for one of the \
                     next.",
                ),
                (
                    Plain,
                    "Whoever closes first gets it. It is no process's any more, costs a few hundred bytes, and \
                     keeps this one pair of ends from being used again, and its port from a bind() unless \
                     SO_REUSEADDR was set then and is set now; nothing else.",
                ),
                (Who, "Nobody. It ends by itself; a new SYN of the peer or tcp_tw_reuse may end it sooner."),
                (
                    Normal,
                    "60 to 65 s: TCP_TIMEWAIT_LEN is 60 s, and the kernel's timer wheel rounds up. Thousands of \
                     them are normal on a busy host that closes first.",
                ),
                (
                    Wrong,
                    "Only a client that opens many short connections to one destination is hurt: it runs out of \
                     local ports (EADDRNOTAVAIL). A server's port is not used up. Do not make less of TIME_WAIT, \
                     make fewer connections: keep them alive, pool them, or let the other end close first.",
                ),
                (
                    Next,
                    "To which destination: tracer's summary says who holds how many of the ports to it, and how \
                     soon none is left.",
                ),
            ])
            .run(&[
                "ss -Htan state time-wait | wc -l",
                "tracer summary --role client --sort time-wait",
                "tracer list --state time-wait",
                "nstat -az TcpExtTCPTimeWaitOverflow TcpExtTWRecycled",
            ]),
        TcpState::Close => says("No connection.")
            .more(&[
                (Rfc, "Section 3.3.2, CLOSED: a fiction, for it stands for there being no connection state at all."),
                (
                    Plain,
                    "A socket before connect() or listen(), and after the end. tracer shows it as the first state of \
                     connections that this host opens and as the last of all, with the error if there was one.",
                ),
                (Who, "Nobody."),
                (
                    Normal,
                    "Not seen in lists: a TCP socket that is neither bound nor connected is in no table of the kernel. \
                     A UDP socket that is not connected is in this state (UNCONN in ss).",
                ),
                (
                    Wrong,
                    "Nothing by itself. How the connection got here is the outcome: closed, refused, reset, \
                     timeout.",
                ),
                (Next, "The line below the last change: outcome, who closed first, how long it lived."),
            ])
            .run(&[
                "ss -uanp state closed",
                "tracer watch --state close --no-loopback",
                "tracer summary --sort failures",
            ]),
        TcpState::CloseWait => says("The other end closed; this host's application has not.")
            .more(&[
                (Rfc, "Section 3.3.2, CLOSE-WAIT: waits for a request to close from the local user."),
                (
                    Plain,
                    "The application has been told (read() returns 0) and must call close(). The kernel has no \
                     timeout for this state; only a socket with SO_KEEPALIVE, or one that still sends, finds out that its peer \
                     is gone.",
                ),
                (Who, "The application on this host that holds the socket."),
                (Normal, "Milliseconds, or as long as an answer that is still being sent."),
                (
                    Wrong,
                    "A defect of the application, nearly always: a descriptor that is lost, a thread that hangs, \
                     a pool that does not notice that the server has closed. Their number only grows, until the \
                     process runs out of descriptors. Restarting it helps until the next time.",
                ),
                (
                    Next,
                    "The owner, and since when: tracer's summary names who holds those older than a minute. Recv-Q \
                     of 1 or more: not even the end of file was read.",
                ),
            ])
            .run(&[
                "ss -tanp state close-wait",
                "tracer list --state close-wait",
                "tracer summary --duration 90s --group-by process",
                "ls -l /proc/PID/fd | grep -c socket",
            ]),
        TcpState::LastAck => says("The other end closed first, then this one; its FIN is not acknowledged yet.")
            .more(&[
                (Rfc, "Section 3.3.2, LAST-ACK: waits for the acknowledgement of its own request to close."),
                (Plain, "The last packet of an orderly end is missing."),
                (Who, "The other end's kernel, with an ACK."),
                (Normal, "One round trip."),
                (
                    Wrong,
                    "The peer is gone, or a firewall has forgotten the connection after the first FIN and drops \
                     the rest. The FIN is sent again, and given up in the end (tcp_orphan_retries).",
                ),
                (Next, "Firewalls and NAT between the two ends; the timer and its retransmissions."),
            ])
            .run(&["ss -tano state last-ack", "tracer list --state last-ack", "tracer explain close"]),
        TcpState::Listen => says("Waits for connections.")
            .more(&[
                (Rfc, "Section 3.3.2: waits for a connection request from any remote end."),
                (Plain, "A server's door. Connections get sockets of their own, so a listener stays in this state."),
                (Who, "Clients, and the application, which must call accept()."),
                (
                    Normal,
                    "As long as the service runs. Recv-Q is how many wait to be accepted, Send-Q how many may \
                     (listen()'s backlog, net.core.somaxconn at most).",
                ),
                (
                    Wrong,
                    "Recv-Q stays near Send-Q: the application accepts too slowly, and the kernel drops what comes \
                     (ListenOverflows). A dropped SYN is seconds of SYN_SENT to its client. A dropped ACK leaves the \
                     client ESTABLISHED and its request in SYN-RECV here, and the answer never comes. A service that \
                     listens on 127.0.0.1 only is refused from elsewhere.",
                ),
                (
                    Next,
                    "Recv-Q against Send-Q; ListenOverflows and ListenDrops, which tracer's summary shows by \
                     namespace.",
                ),
            ])
            .run(&["ss -ltnp", "tracer list -ltnp", "nstat -az TcpExtListenOverflows TcpExtListenDrops"]),
        TcpState::Closing => says("Both ends closed at once; this one's FIN is not acknowledged yet.")
            .more(&[
                (Rfc, "Section 3.3.2: waits for the acknowledgement of its own request to close."),
                (Plain, "The two FINs crossed on the way. TIME_WAIT follows, here and there."),
                (Who, "The other end's kernel, with an ACK."),
                (Normal, "Rare, and over within a round trip."),
                (Wrong, "Many that stay: the ACKs are lost on the way, or data waits in front of the FIN."),
                (Next, "Send-Q and the timer."),
            ])
            .run(&["ss -tano state closing", "tracer list --state closing", "tracer explain close"]),
        TcpState::NewSynRecv => says("A request: a SYN came in and was answered, and there is no socket yet.")
            .more(&[
                (Rfc, "Section 3.3.2 calls it SYN-RECEIVED, like SYN_RECV; this name is Linux's own."),
                (
                    Plain,
                    "A small entry beside the listener while the client's ACK is on its way. ss prints it as \
                     SYN-RECV, netstat as SYN_RECV; the kernel reports no change from or to it.",
                ),
                (Who, "The client, with its ACK; or this host's application, with accept()."),
                (
                    Normal,
                    "One round trip. Without an answer the SYN-ACK is sent again after 1, 3, 7, 15 and 31 s, and \
                     the request is dropped after 63 s (tcp_synack_retries 5).",
                ),
                (
                    Wrong,
                    "Many of them: a SYN flood (the kernel then sends cookies), or SYN-ACKs that do not reach the \
                     clients: asymmetric routes, a firewall that saw only half; or the ACK came and was dropped, \
                     because the accept queue is full (ListenOverflows: the application must accept), or waits for \
                     data (TCP_DEFER_ACCEPT).",
                ),
                (
                    Next,
                    "ListenOverflows, SyncookiesSent, TCPReqQFullDoCookies; SYN-ACK retransmissions in tracer's \
                     handshake lines.",
                ),
            ])
            .run(&[
                "ss -tano state syn-recv",
                "tracer list --state new-syn-recv",
                "nstat -az TcpExtListenOverflows TcpExtSyncookiesSent TcpExtTCPReqQFullDoCookies TcpExtTCPReqQFullDrop",
            ]),
        TcpState::BoundInactive => says("Bound to a port, neither connected nor listening.")
            .more(&[
                (
                    Rfc,
                    "Not in RFC 9293, to which this is CLOSED. Linux 6.8 and later show such sockets when asked \
                     for.",
                ),
                (Plain, "bind() was called and nothing after it. The port is taken all the same."),
                (Who, "The application that holds it."),
                (Normal, "Microseconds between bind() and connect() or listen()."),
                (Wrong, "A forgotten one: EADDRINUSE although nothing listens."),
                (Next, "The owner. ss shows them with -a, or them alone with -B (iproute2 6.8 or later)."),
            ])
            .run(&["ss -Btnp", "tracer list --state bound-inactive"]),
    }
}

/// Of [`UNKNOWN`].
pub(super) const NO_STATE: Says = says("The tool could not tell the state; TCP has no such one.")
    .more(&[
        (Rfc, "Not a state of section 3.3.2."),
        (
            Plain,
            "The word of netstat and ss for a number that is no state they know. tracer prints no such word: a number that no kernel up to 6.18 has is counted in the \
             account as undecodable, and makes the exit status 4.",
        ),
        (Who, "Whoever keeps the tool up to date."),
        (Normal, "Never."),
        (Next, "The version of the tool beside that of the kernel."),
    ])
    .run(&["ss -V; uname -r", "sudo tracer doctor"]);
