//! What the objects of the JSON output, the rows of the CSV and the lines of the text are about.

use super::{
    Aspect::{Next, Plain},
    Says, says,
};
use crate::output::EventType;

pub(super) const fn event(event: EventType) -> Says {
    match event {
        EventType::Start => says(
            "The first object of a run: host, kernel, filters, what is measured and what is \
             not.",
        )
        .more(&[(
            Plain,
            "features: a name, whether it is measured, and if not why. Each name can be \
             explained.",
        )]),
        EventType::Transition => says("A socket went from one TCP state to another.")
            .more(&[(
                Plain,
                "in_state_ns is how long it was in the old one. inferred: it was not seen, but what followed cannot \
                 have come without it.",
            )])
            .run(&["tracer watch", "tracer explain SYN_SENT"]),
        EventType::Anomaly => says("A change of state that neither RFC 9293 nor the kernel knows.")
            .more(&[(Next, "Lost records around it; if there are none, please report it.")]),
        EventType::Handshake => says("A connection became ESTABLISHED: how long that took, and how it was measured.")
            .run(&["tracer explain handshake"]),
        EventType::Reset => {
            says("An RST that this host sent, or that a socket of it accepted.").run(&["tracer explain reset"])
        }
        EventType::Connection => says("A connection ended: its whole life in one object.")
            .more(&[(
                Plain,
                "TIME_WAIT may follow, which is an object of its own. complete: false if it is older than the trace.",
            )])
            .run(&["tracer watch --format json | jq 'select(.type == \"connection\" and .outcome != \"closed\")'"]),
        EventType::TimeWait => says("A timewait socket ended: how long it lived and what ended it.")
            .more(&[(
                Plain,
                "minisocket_ns is its whole life, time_wait_ns that in TIME_WAIT proper; substate FIN_WAIT2 says that \
                 the peer's FIN never came. seeded: it is older than the trace.",
            )])
            .run(&["tracer explain time-wait"]),
        EventType::Socket => says("A socket as tracer list shows it: how it is now.").run(&["tracer list"]),
        EventType::SocketGroup => {
            says("Sockets of a list that have something in common, counted.").run(&["tracer list --group-by process"])
        }
        EventType::Gap => {
            says("Records were lost in this span of time; stage says where.").run(&["tracer explain ring"])
        }
        EventType::Summary => {
            says("Figures of a span of time, or of the whole run (final).").run(&["tracer summary --interval 10s"])
        }
        EventType::Latency => {
            says("Handshake times of one group, added up inside the kernel.").run(&["tracer latency"])
        }
        EventType::Doctor => says("Whether this machine can run tracer, check by check.").run(&["sudo tracer doctor"]),
        EventType::Explanation => says("What a word means: this."),
    }
}
