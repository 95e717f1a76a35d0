//! Names of the members that events have: the same in every format, in the order of the CSV's columns.

words! {
    /// What an object or a row is about.
    EventType {
        /// The run: the first object.
        Start = "start",
        /// A state change.
        Transition = "transition",
        /// A state change that there cannot be.
        Anomaly = "anomaly",
        /// A connection became ESTABLISHED.
        Handshake = "handshake",
        /// An RST.
        Reset = "reset",
        /// A connection ended.
        Connection = "connection",
        /// A timewait socket ended.
        TimeWait = "time_wait",
        /// A socket of a list.
        Socket = "socket",
        /// Sockets of a list, by group.
        SocketGroup = "socket_group",
        /// Records were lost.
        Gap = "gap",
        /// Figures.
        Summary = "summary",
        /// Handshake times of a group.
        Latency = "latency",
        /// What `tracer doctor` found.
        Doctor = "doctor",
        /// What `tracer explain` says of a word.
        Explanation = "explanation",
    }
}

/// Every member of every event: first what all have, then what some have, event by event. A new one is appended, so that
/// columns keep their places.
#[rustfmt::skip]
pub(super) const NAMES: [&str; 69] = [
    "type", "ts", "netns", "socket", "protocol", "family", "mapped", "local_addr", "local_port", "remote_addr",
    "remote_port", "role", "pid", "comm", "uid", "cgroup", "cgroup_id", "container", "owner_source", "listener_pid",
    "listener_comm",
    // transition
    "old_state", "new_state", "in_state_ns", "error",
    // handshake
    "latency_ns", "method", "unknown_reason", "syn_retransmits", "syn_ack_retransmits", "deferred_accept", "fast_open",
    // reset
    "direction", "reason", "initiator", "state",
    // time_wait
    "minisocket_ns", "time_wait_ns", "substate", "end", "seeded",
    // connection
    "opened_ts", "duration_ns", "outcome", "closed_by", "handshake_ns", "bytes_sent", "bytes_received", "retransmits",
    "rtt_ns", "complete",
    // anomaly
    "expected",
    // gap
    "lost", "from", "to", "stage",
    // all
    "inferred",
    // socket
    "recv_q", "send_q", "owners", "inode", "timer", "timer_remaining_ns", "timer_expired", "local_port_class",
    "remote_port_class", "local_service", "remote_service", "ifindex",
];

/// The name of a member, made when this is compiled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    /// Its place in [`NAMES`].
    pub(super) place: usize,
    /// `,"name":`
    pub(super) json: &'static str,
}

impl Name {
    /// The name of which this is the JSON.
    ///
    /// # Panics
    /// If it is not one of [`NAMES`]; as that is found when this is compiled, it is not compiled.
    pub(super) const fn new(name: &str, json: &'static str) -> Self {
        let mut place = 0;
        while place < NAMES.len() {
            if is_same(NAMES[place].as_bytes(), name.as_bytes()) {
                return Self { place, json };
            }
            place += 1;
        }
        panic!("a member that is not in NAMES")
    }
}

/// Equality of slices is not for constants yet.
const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut place = 0;
    while place < one.len() && place < other.len() && one[place] == other[place] {
        place += 1;
    }
    place == one.len() && place == other.len()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{NAMES, Name};

    #[test]
    fn each_name_is_there_once_and_found_at_its_place() {
        assert_eq!(NAMES.iter().collect::<HashSet<_>>().len(), NAMES.len());
        for (place, name) in NAMES.into_iter().enumerate() {
            assert_eq!(Name::new(name, "").place, place);
        }
    }
}
