//! What is counted, by tracer and by the kernel.

use super::{
    Aspect::{Next, Plain, Wrong},
    Says, says,
};
use crate::{
    event::LossStage,
    figures::host::{Cause, Counted, Incomparable},
    namespace::{Counter, Unread},
};

pub(super) const fn stage(stage: LossStage) -> Says {
    match stage {
        LossStage::Recursion => {
            says("The kernel skipped both programs on a tracepoint, because one was running on that CPU.")
                .more(&[(Plain, "The kernel's guard against recursion; it counts each time (recursion_misses).")])
        }
        LossStage::Ring => says("A ring buffer was full: events came faster than tracer read them.")
            .more(&[(Next, "A larger --ring-size, a filter that asks for less, or tracer latency.")])
            .run(&["sudo tracer watch --ring-size 64M"]),
        LossStage::Queue => says("A queue in user space was full: tracer was too slow.")
            .more(&[(Next, "Where the output goes: a slow disk or terminal; a filter that asks for less.")]),
        LossStage::Damage => says("A recording is damaged: so many records could not be read.")
            .more(&[(Plain, "The rest was read. A place that is damaged costs the frame it is in.")]),
    }
}

/// Terms of the account: members of `account` in a summary, and of its tracepoints and programs.
pub(super) const TERMS: &[(&str, Says)] = &[
    ("made", says("Events the kernel reported, or says it skipped: made = seen + missed.")),
    ("seen", says("Events that a program of tracer handled: seen = filtered + submitted + reserve_failed + held.")),
    ("missed", says("Events that neither program saw; the kernel counts them (recursion_misses).")),
    ("filtered", says("Events that the filter excluded, were no TCP, or no change.")),
    ("submitted", says("Records put into the ring buffers: submitted = decoded + undecodable.")),
    (
        "reserve_failed",
        says("Records lost because a ring buffer was full.").more(&[(Next, "A larger --ring-size, or a filter.")]),
    ),
    (
        "held",
        says(
            "Records that wait in the kernel for their filter to be decided, with the connection's next \
             change.",
        ),
    ),
    ("released", says("Records that have waited so and were sent on.")),
    ("decoded", says("Records that tracer read from the rings.")),
    (
        "undecodable",
        says("Records that tracer could not read: a state or a family that it does not know.")
            .more(&[(Next, "A newer tracer; they make the exit status 4.")]),
    ),
    ("lost", says("missed + reserve_failed + undecodable: what should have been shown and was not. Exit status 4.")),
    (
        "closes",
        says("Whether every sum of the account agrees.")
            .more(&[(Wrong, "False is a defect of tracer's, or a PREEMPT_RT kernel: please report it.")]),
    ),
    ("handled", says("How often this program ran.")),
    ("not_tcp", says("Events of other protocols on the same tracepoint: Multipath TCP, SCTP, DCCP.")),
    ("same_state", says("Reports of a change from a state to itself, which is none.")),
    ("programs", says("The two programs on a tracepoint: the second takes what the first was skipped for.")),
    ("tracepoints", says("The account of each tracepoint by itself.")),
    ("made_by_transition", says("How often the kernel reported each kind of change (OLD>NEW), before any filter.")),
    ("inet_sock_set_state", says("The tracepoint of state changes.")),
    ("tcp_send_reset", says("The tracepoint of RSTs that this host sends.")),
    ("tcp_receive_reset", says("The tracepoint of RSTs that a socket accepts.")),
    ("tcp_retransmit_synack", says("The tracepoint of SYN-ACKs that are sent again.")),
    ("timer_start", says("The tracepoint of timers that are set: so timewait sockets begin.")),
    ("timer_cancel", says("The tracepoint of timers that are taken off: so timewait sockets end early.")),
    ("timer_expire_entry", says("The tracepoint of timers that are due: so timewait sockets end in their time.")),
    ("measured", says("Handshakes in a histogram of tracer latency: seen = filtered + measured + unknown + lost.")),
    ("unknown", says("Handshakes whose time is not known; unknown_reason says why.")),
];

pub(super) const fn counter(counter: Counter) -> Says {
    match counter {
        Counter::ActiveOpens => says("Connections begun here: SYNs made by connect()."),
        Counter::PassiveOpens => says("Connections accepted: sockets made by the last ACK of a handshake."),
        Counter::AttemptFails => says("Connections that failed with an error before they were established.").more(&[(
            Plain,
            "Closing a socket in SYN_SENT is not counted. Requests that an RST or a second SYN ended half-open are \
             counted, too, where the listener is.",
        )]),
        Counter::EstabResets => says("Connections that went from ESTABLISHED or CLOSE_WAIT straight to CLOSE.")
            .more(&[(Plain, "By a reset from either end, by an abort, by a timeout: not by RSTs that came alone.")]),
        Counter::OutRsts => says("RSTs sent, with or without a socket.").run(&["tracer summary --sort resets"]),
        Counter::RetransSegs => {
            says("Segments sent again.").more(&[(Next, "RETRANS in tracer's summary, by service or peer.")])
        }
        Counter::TimeWaits => says("Timewait sockets that began, to live for more than 4 s.").more(&[(
            Plain,
            "The name misleads: it counts beginnings, not ends. Beginnings in all are TW + TWKilled.",
        )]),
        Counter::ShortTimeWaits => says("Timewait sockets that began, to live for 4 s at most.")
            .more(&[(Plain, "The name misleads: it counts beginnings, and nothing was killed.")]),
        Counter::TimeWaitsReused => says("Timewait sockets whose pair of ends a connect() took (tcp_tw_reuse).")
            .more(&[(Plain, "Not tcp_tw_recycle, which is gone since Linux 4.12.")]),
        Counter::TimeWaitOverflow => {
            says("Timewait sockets that were not made because there are tcp_max_tw_buckets already.")
                .more(&[(Wrong, "Late segments of those connections find no socket and are answered with an RST.")])
                .run(&["sysctl net.ipv4.tcp_max_tw_buckets"])
        }
        Counter::EmbryonicRsts => says("Requests (half-open connections) that an RST ended.")
            .more(&[(Wrong, "Scans, health checks that hang up at the SYN-ACK, or clients whose SYN was forged.")]),
        Counter::ListenOverflows => says("Connections dropped because the queue of those to be accepted was full.")
            .more(&[
                (
                    Wrong,
                    "The application accepts too slowly, or its backlog is too small for bursts. A client whose SYN is \
                     dropped sees seconds of SYN_SENT; one whose ACK is dropped is ESTABLISHED and gets no answer.",
                ),
                (Next, "Recv-Q against Send-Q of listeners; listen()'s backlog; net.core.somaxconn."),
            ])
            .run(&["ss -ltn"]),
        Counter::ListenDrops => says("All that listeners dropped: full queues, no memory, refused by a filter."),
        Counter::RequestQueueDrops => says(
            "SYNs dropped because the queue of requests was full, and cookies are \
             off.",
        )
        .more(&[(Wrong, "A SYN flood, or many clients at once and a small backlog.")])
        .run(&["sysctl net.ipv4.tcp_syncookies net.ipv4.tcp_max_syn_backlog"]),
        Counter::RequestQueueCookies => says("SYNs answered with a cookie because the queue of requests was full.")
            .more(&[(
                Wrong,
                "A SYN flood, or a backlog that is too small. Connections still work, some TCP options do not.",
            )]),
        Counter::SyncookiesSent => {
            says("SYN cookies sent: the request is kept in the SYN-ACK's number, not in memory.")
        }
        Counter::SyncookiesRecv => says("Handshakes completed by a SYN cookie that came back."),
        Counter::SyncookiesFailed => {
            says("ACKs whose SYN cookie was wrong: forged, or older than the cookies are good for.")
        }
    }
}

pub(super) const fn counted(counted: Counted) -> Says {
    match counted {
        Counted::ActiveOpens => counter(Counter::ActiveOpens),
        Counted::PassiveOpens => counter(Counter::PassiveOpens),
        Counted::AttemptFails => counter(Counter::AttemptFails),
        Counted::EstabResets => counter(Counter::EstabResets),
        Counted::OutRsts => counter(Counter::OutRsts),
        Counted::TimeWaits => says("Timewait sockets that began: the kernel's two counters together."),
    }
}

pub(super) const fn cause(cause: Cause) -> Says {
    match cause {
        Cause::InFlight => {
            says("Seen while the counters were read: whether the kernel's figure has it, nobody can tell.")
        }
        Cause::HalfOpenReset => {
            says("Requests reset half-open: they have no socket whose state could change (EmbryonicRsts).")
        }
        Cause::NoSocket => says("Before Linux 6.10 the kernel does not report RSTs for which there is no socket."),
        Cause::Inferred => says("Not seen, but another change cannot have come without it."),
        Cause::Lost => says("Records were lost; at most so many of them were this."),
    }
}

pub(super) const fn incomparable(reason: Incomparable) -> Says {
    match reason {
        Incomparable::Filtered => {
            says("The filter takes only some of the namespace's connections; the kernel counts all.")
        }
        Incomparable::ReadOnce => says("The counters were read only once, so there is no difference to compare."),
        Incomparable::Unread(Unread::NotFound) => {
            says("At the start no process that could be looked at was in the namespace.")
        }
        Incomparable::Unread(Unread::Vanished) => {
            says("The processes that were in the namespace at the start have left it.")
        }
        Incomparable::Unread(Unread::Denied) => says("Not allowed to read that namespace's counters.")
            .more(&[(Next, "Run it as root, or give it CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH, too.")]),
        Incomparable::Unread(Unread::Unreadable) => says("The namespace's files do not read as expected."),
        Incomparable::Unread(Unread::TooMany) => says("There are more namespaces than the 128 that are read."),
    }
}
