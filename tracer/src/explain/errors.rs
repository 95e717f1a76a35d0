//! Errors of sockets. All of errno(3) can be named; of those that TCP sets more is said.

use super::{
    Aspect::{Next, Plain, Tell, Wrong},
    Says, says,
};

/// What is said of an error that TCP does not set by itself.
pub(super) const NOT_OF_TCP: &str = "TCP sets no such error by itself. Where tracer shows it, an ICMP message, a \
    security module or a BPF program made it the socket's pending error (sk_err).";

/// Of those that TCP sets, or connect() returns.
pub(super) fn of_tcp(name: &str) -> Option<Says> {
    Some(match name {
        "ECONNREFUSED" => says("The other end answered the SYN with an RST: nobody listens there.")
            .more(&[
                (
                    Plain,
                    "The host is up and the network works, there and back. An ICMP \u{201c}port \
                     unreachable\u{201d} sets it, too.",
                ),
                (
                    Wrong,
                    "The service is down or restarting, listens on another port, or on 127.0.0.1 only. A firewall \
                     that rejects with tcp-reset looks the same.",
                ),
                (Next, "On the other host: who listens there?"),
            ])
            .run(&["ss -ltnp", "tracer watch --state syn-sent", "tracer explain refused"]),
        "ECONNRESET" => says("An RST came: the connection is gone, and with it what was under way.")
            .more(&[
                (
                    Plain,
                    "The other end broke it off, or something on the path did in its name. tracer also shows it \
                     when this end broke off because data came after close().",
                ),
                (
                    Tell,
                    "A reset that comes sooner than one round trip is of the path, and one that always comes after \
                     the same idle time often is. Who sends them and how to tell: tracer explain reset.",
                ),
                (Next, "The other end's log at that moment, and its own tracer: it has the reason."),
            ])
            .run(&["tracer watch --format json | jq 'select(.type == \"reset\")'", "tracer explain reset"]),
        "EPIPE" => says("This end wrote after the connection was gone (\u{201c}broken pipe\u{201d}).")
            .more(&[
                (
                    Plain,
                    "As a pending error the kernel sets it when an RST comes in CLOSE_WAIT: the other end had \
                     closed, and this end was still sending. write() returns it after that, with SIGPIPE.",
                ),
                (Wrong, "The peer closes without reading to the end: a client that gave up waiting, for example."),
                (Next, "What the peer's timeout is, and how long the answer took."),
            ])
            .run(&["tracer explain ECONNRESET", "tracer explain CLOSE_WAIT"]),
        "ETIMEDOUT" => says("The other end did not answer, however often it was asked.")
            .more(&[
                (
                    Plain,
                    "In SYN_SENT: no answer to any SYN, by default for 127 s, since Linux 6.5 for 131 s. In \
                     ESTABLISHED: data was sent again tcp_retries2 times (15: about 15 minutes), or keepalive \
                     probes had no answer.",
                ),
                (Wrong, "A firewall that drops, a host or a route that is gone, a peer that lost its power."),
                (
                    Tell,
                    "The outcome: \u{201c}timeout\u{201d} while something was unacknowledged, \
                     \u{201c}keepalive_timeout\u{201d} if only probes were. The old state says whether it was ever \
                     connected.",
                ),
            ])
            .run(&["tracer watch --state syn-sent", "tracer explain timeout", "tracer explain keepalive_timeout"]),
        "EHOSTUNREACH" => says("No way to that host: a router said so by ICMP, or no neighbour answered (ARP, NDP).")
            .more(&[
                (
                    Wrong,
                    "The host is down, its address is wrong, a router has no route, or a firewall rejects \
                         with ICMP.",
                ),
                (Next, "The route from here, and whether a neighbour answers."),
            ])
            .run(&["ip route get ADDRESS", "ip neighbour show", "tracer explain unreachable"]),
        "ENETUNREACH" => says("No way to that network: no route here, or a router said so by ICMP.")
            .more(&[
                (
                    Plain,
                    "Without a route connect() fails at once, no SYN is sent, and the kernel reports no state \
                     change.",
                ),
                (Wrong, "No default route; IPv6 addresses from DNS on a host that has no IPv6."),
            ])
            .run(&["ip route get ADDRESS", "ip -6 route", "tracer explain unreachable"]),
        "EHOSTDOWN" => says("A router said by ICMP that it knows no such host.").run(&["ip route get ADDRESS"]),
        "ENETDOWN" => says("The network, or the interface to it, is down.").run(&["ip link"]),
        "ECONNABORTED" => says("The connection was broken off on this host, by an administrator or the kernel.")
            .more(&[
                (Plain, "ss -K and its like set it (tcp_abort)."),
                (Next, "tracer's line has the process that did it, and the reason TCP_STATE."),
            ])
            .run(&["tracer explain aborted"]),
        "EADDRNOTAVAIL" => says(
            "No local port is left for that destination, or the local address is not this \
             host's.",
        )
        .more(&[
            (
                Plain,
                "connect() found every port of ip_local_port_range taken for this pair of address and \
                 destination, usually most of them in TIME_WAIT. tracer shows SYN_SENT\u{2192}CLOSE within \
                 microseconds without an error and the outcome \u{201c}address_in_use\u{201d}; connect() \
                 returned this.",
            ),
            (Wrong, "Too many short connections to one destination."),
        ])
        .run(&["tracer summary --role client --sort failures", "tracer explain time-wait"]),
        "EADDRINUSE" => says("The port is taken: another socket listens or is bound there.")
            .more(&[
                (
                    Plain,
                    "bind() or listen() returns it, of connections in TIME_WAIT too, unless both the old socket and \
                     the new one have SO_REUSEADDR. \
                     It is never a connection's pending error.",
                ),
                (Next, "Who has it, sockets that are only bound included."),
            ])
            .run(&["ss -tanp '( sport = :443 )'", "tracer explain 443", "tracer explain BOUND_INACTIVE"]),
        "ENOPROTOOPT" => says(
            "The other end does not speak the protocol: ICMP \u{201c}protocol \
             unreachable\u{201d}.",
        ),
        "EACCES" => says("A rule forbids it: on the path, which said so by ICMPv6, or on this host.")
            .more(&[
                (
                    Plain,
                    "As a connection's error: ICMPv6 \u{201c}administratively prohibited\u{201d}, which firewalls \
                     send. From connect() alone: a route of type prohibit, or a security module.",
                ),
                (Next, "Firewalls from here to the other host; the route, and the audit log."),
            ])
            .run(&["ip route get ADDRESS"]),
        "EPERM" => says("A rule of this host forbids it: a BPF program or a security module.")
            .more(&[(Next, "BPF programs of the process's cgroup, the audit log.")])
            .run(&["bpftool cgroup tree"]),
        "EMSGSIZE" => says("A packet is too large for the path, and the path said so by ICMP."),
        "ENOBUFS" | "ENOMEM" => says("The kernel had no memory for it.").run(&["cat /proc/net/sockstat"]),
        "ENOTCONN" => says("There is no connection (any more): shutdown() and the like return it after a reset."),
        "EINPROGRESS" => says("connect() of a non-blocking socket has begun; it is no failure."),
        "EALREADY" => says("connect() was called again while the first one is still under way."),
        "EISCONN" => says("connect() was called on a socket that is connected."),
        _ => return None,
    })
}

/// Those above that a connection's `error` usually is: listed first.
pub(super) const USUAL: [&str; 9] = [
    "ECONNREFUSED",
    "ECONNRESET",
    "ETIMEDOUT",
    "EPIPE",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "ECONNABORTED",
    "EADDRNOTAVAIL",
    "EADDRINUSE",
];
