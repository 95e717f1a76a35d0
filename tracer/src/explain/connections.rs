//! What is said of a connection: its ends, its handshake, its end.

use super::{
    Aspect::{Next, Normal, Plain, Tell, Wrong},
    Says, says,
};
use crate::{
    event::Family,
    observation::{Direction, HandshakeMethod, Outcome, OwnerSource, Role, Side, TimeWaitEnd, UnknownLatency},
    services::PortClass,
    socket::{Protocol, TimerKind},
};

pub(super) const fn outcome(outcome: Outcome) -> Says {
    match outcome {
        Outcome::Closed => says("In order as far as this end goes: its FIN was acknowledged.")
            .more(&[
                (Plain, "The only outcome that is no failure. Who closed first is in closed_by."),
                (
                    Tell,
                    "Whether the peer's FIN came, too, is in time_wait: substate FIN_WAIT2 means that it did not.",
                ),
            ])
            .run(&["tracer explain close"]),
        Outcome::Refused => says("The SYN was answered with an RST: nobody listens there.")
            .more(&[
                (Wrong, "The service is down, restarting, or listens on another address or port."),
                (Next, "The error is ECONNREFUSED; on the other host, who listens."),
            ])
            .run(&["tracer explain ECONNREFUSED", "tracer explain reset"]),
        Outcome::Reset => says("An RST came, from the other end or from something on the path.")
            .more(&[
                (Plain, "The connection was established. A reset that answers a SYN is \u{201c}refused\u{201d}."),
                (Next, "Who sends them, and how to tell."),
            ])
            .run(&["tracer explain reset", "tracer summary --sort resets"]),
        Outcome::Timeout => says("No answer, to SYNs or to data that was sent again and again.")
            .more(&[
                (Wrong, "A firewall that drops, a host or a route that is gone."),
                (Tell, "The old state: SYN_SENT means it never was connected, ESTABLISHED that the path broke."),
            ])
            .run(&["tracer explain ETIMEDOUT"]),
        Outcome::Unreachable => says("No way to get there: ICMP said so, or the local network had no such neighbour.")
            .more(&[(Next, "The error: EHOSTUNREACH, ENETUNREACH, EHOSTDOWN or ENETDOWN.")])
            .run(&["ip route get ADDRESS", "tracer explain EHOSTUNREACH"]),
        Outcome::AddressInUse => says("connect() failed before any SYN: no local port was free for that destination.")
            .more(&[
                (Plain, "Either all ports of ip_local_port_range are taken for it, or the one that was bound is."),
                (Wrong, "Too many short connections to one destination, which rest in TIME_WAIT."),
            ])
            .run(&["tracer summary --role client", "tracer explain time-wait", "tracer explain EADDRNOTAVAIL"]),
        Outcome::Aborted => says("Broken off at this end.")
            .more(&[
                (
                    Plain,
                    "Closed while connecting, with data unread, with SO_LINGER 0, or by an administrator; or data came after the application had closed.",
                ),
                (Tell, "The reset that was sent has the reason, and the line the process."),
            ])
            .run(&["tracer summary --group-by process --sort failures", "tracer explain reset"]),
        Outcome::KeepaliveTimeout => says("The peer stopped answering keepalive probes.")
            .more(&[(Wrong, "It lost its power or its network, or a firewall has forgotten an idle connection.")])
            .run(&["sysctl -a --pattern tcp_keepalive", "tracer explain ETIMEDOUT"]),
    }
}

pub(super) const fn side(side: Side) -> Says {
    match side {
        Side::Local => says("This host.").more(&[(
            Plain,
            "closed_by: it sent the first FIN, or broke the connection off. initiator of a reset: the RST was made \
             here, also one that came over loopback.",
        )]),
        Side::Remote => says("Somewhere beyond this host: the peer, or a device on the path.").more(&[(
            Plain,
            "closed_by: its FIN or RST came first. initiator of a reset: nothing in a packet tells the peer's RST \
             from a firewall's.",
        )]),
        Side::Both => says("Both ends closed at once: the FINs crossed (CLOSING)."),
    }
}

pub(super) const fn direction(direction: Direction) -> Says {
    match direction {
        Direction::Sent => {
            says("This host sent the RST; since Linux 6.10 the kernel says why.").run(&["tracer explain reset"])
        }
        Direction::Received => {
            says("A socket of this host accepted an RST; who made it, and why, is for the other end to say.")
                .more(&[(
                    Plain,
                    "Those that ended a request (half-open) are counted in EmbryonicRsts, those that ended a timewait \
                     socket are in its end; the others changed nothing.",
                )])
                .run(&["tracer explain reset"])
        }
    }
}

pub(super) const fn role(role: Role) -> Says {
    match role {
        Role::Client => says("This host sent the SYN (\u{2192} in text).").run(&["tracer watch --role client"]),
        Role::Server => {
            says("This host accepted the connection (\u{2190} in text).").run(&["tracer watch --role server"])
        }
        Role::Listener => says("A listening socket (\u{b7} in text): no connection, but a door for them."),
    }
}

pub(super) const fn owner_source(source: OwnerSource) -> Says {
    match source {
        OwnerSource::Connect => says("The process called connect()."),
        OwnerSource::Listen => says("The process called listen()."),
        OwnerSource::Close => says("The process closed the socket or shut it down, so it held it."),
        OwnerSource::Proc => says("The process holds the socket's descriptor, says /proc.").more(&[(
            Plain,
            "For sockets that are older than the trace. One that several processes hold is nobody's, but a listener is \
             its opener's.",
        )]),
    }
}

pub(super) const fn method(method: HandshakeMethod) -> Says {
    match method {
        HandshakeMethod::SynToEstablished => says("A client's: from SYN_SENT to ESTABLISHED.")
            .more(&[(Plain, "What connect() waited, retransmitted SYNs included.")])
            .run(&["tracer explain handshake"]),
        HandshakeMethod::FirstRtt => says("The kernel's own first round-trip sample.")
            .more(&[(
                Plain,
                "A server's: from the SYN-ACK to the ACK. A client's with Fast Open: from the SYN to the SYN-ACK.",
            )])
            .run(&["tracer explain handshake"]),
        HandshakeMethod::SinceFirstSynAck => says("A server's, from the first of several SYN-ACKs to ESTABLISHED.")
            .more(&[(Plain, "A SYN-ACK was sent again, so the time includes the wait for that, a second or more.")])
            .run(&["tracer explain handshake"]),
    }
}

pub(super) const fn unknown_reason(reason: UnknownLatency) -> Says {
    match reason {
        UnknownLatency::StartNotSeen => says("The handshake began before the trace, or its beginning was lost."),
        UnknownLatency::NoSample => says("The kernel took no round-trip sample.").more(&[(
            Plain,
            "A SYN cookie was used, or a SYN-ACK was sent again and nothing tells which one was acknowledged.",
        )]),
        UnknownLatency::SynAckRetransmitted => {
            says("A SYN-ACK was sent again, and when the first one left was not seen.")
        }
        UnknownLatency::DeferredFastOpen => {
            says("The SYN did not leave at connect() but at the first write, and was sent again.")
                .more(&[(Plain, "TCP_FASTOPEN_CONNECT: the time in SYN_SENT includes the application's pause.")])
        }
        UnknownLatency::MaybeSynCookie => says(
            "The sample may come from a SYN cookie's timestamp, which is up to 63 ms off.",
        )
        .more(&[(Plain, "It is a whole number of milliseconds, which one honest sample in a thousand is, too.")]),
    }
}

pub(super) const fn end(end: TimeWaitEnd) -> Says {
    match end {
        TimeWaitEnd::Expired => says("Its time was over.")
            .more(&[(Normal, "After 60 to 65 s; after tcp_fin_timeout if it never left FIN_WAIT2.")]),
        TimeWaitEnd::Reused => says("A connect() of this host took its pair of ends (tcp_tw_reuse).")
            .run(&["sysctl net.ipv4.tcp_tw_reuse", "tracer explain time-wait"]),
        TimeWaitEnd::NewSyn => says("A SYN of the peer opened the same pair of ends anew (RFC 6191)."),
        TimeWaitEnd::Reset => says("An RST came for it, or one was sent for late data.")
            .more(&[(Plain, "An RST that ends TIME_WAIT is accepted while tcp_rfc1337 is 0, as it is by default.")]),
        TimeWaitEnd::Killed => says("An administrator ended it: ss -K."),
        TimeWaitEnd::Netns => says("Its network namespace was deleted."),
    }
}

pub(super) const fn timer(timer: TimerKind) -> Says {
    match timer {
        TimerKind::Retransmit => {
            says("Something is sent again if it is not acknowledged in time (\u{201c}on\u{201d} in ss).")
        }
        TimerKind::Keepalive => says(
            "The peer will be asked whether it is still there; of a FIN_WAIT2 without an owner, the end of the \
             wait.",
        ),
        TimerKind::TimeWait => says("The pair of ends is kept until then."),
        TimerKind::Probe => {
            says("The peer's closed window is probed (\u{201c}persist\u{201d} in ss): its application does not read.")
        }
    }
}

pub(super) const fn family(family: Family) -> Says {
    match family {
        Family::Ipv4 => says("IPv4, also where it is mapped into an IPv6 socket (mapped: true)."),
        Family::Ipv6 => says("IPv6."),
    }
}

pub(super) const fn protocol(protocol: Protocol) -> Says {
    match protocol {
        Protocol::Tcp => says("The transmission control protocol: RFC 9293."),
        Protocol::Udp => says("The user datagram protocol, RFC 768: it has no connections and no states.").more(&[(
            Plain,
            "ss says UNCONN of a UDP socket that is not connected and ESTAB of one that is; netstat prints no state \
             or ESTABLISHED.",
        )]),
    }
}

pub(super) const fn class(class: PortClass) -> Says {
    match class {
        PortClass::System => {
            says("0 to 1023: given by IANA after review by the IETF (RFC 6335, section 6).").more(&[(
                Plain,
                "To bind one takes CAP_NET_BIND_SERVICE, unless net.ipv4.ip_unprivileged_port_start is lower.",
            )])
        }
        PortClass::Registered => says("1024 to 49151: given by IANA on request, after review (RFC 6335, section 6).")
            .more(&[(
                Plain,
                "Linux gives out some of them to clients all the same: its ip_local_port_range is 32768 to 60999 by \
             default.",
            )]),
        PortClass::Dynamic => {
            says("49152 to 65535: never given to a service, for local and passing use (RFC 6335, section 6).")
        }
    }
}
