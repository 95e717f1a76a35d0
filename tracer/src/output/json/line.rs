//! The hot lines: what happened to one socket.

use super::{
    JsonOutput,
    members::{Raw, Text, Word, member},
};
use crate::{
    event::{Family, MonotonicNs, Process, TcpState, Transition},
    measure,
    observation::{Anomaly, Connection, Handshake, Known, ObservedReset, ObservedTransition, TimeWait},
    output::{errno, time::push_fraction},
};

impl JsonOutput {
    /// Appends a `transition` object.
    pub(super) fn transition(&mut self, observed: &ObservedTransition, buf: &mut Vec<u8>) {
        let transition = &observed.transition;
        buf.extend_from_slice(b"{\"type\":\"transition\"");
        self.common(transition, &observed.known, buf);
        member!(buf, "old_state", Word(transition.old.name()));
        member!(buf, "new_state", Word(transition.new.name()));
        member!(buf, "in_state_ns", observed.in_state_ns);
        let error = transition.error.map(errno::name);
        member!(buf, "error", error.as_deref().map(Word));
        if observed.inferred {
            // It happened, at this time or before.
            buf.extend_from_slice(b",\"inferred\":[\"ts\",\"old_state\",\"new_state\"]");
        }
        buf.extend_from_slice(b"}\n");
    }

    /// Appends a `reset` object.
    pub(super) fn reset(&mut self, reset: &ObservedReset, buf: &mut Vec<u8>) {
        let ObservedTransition { transition, known, .. } = &reset.observed;
        buf.extend_from_slice(b"{\"type\":\"reset\"");
        self.common(transition, known, buf);
        member!(buf, "direction", Word(if reset.is_received() { "received" } else { "sent" }));
        let reason = measure::reason(reset);
        member!(buf, "reason", reason.as_ref().map(|reason| Word(&reason.name)));
        member!(buf, "initiator", Word(measure::initiator(reset).name()));
        member!(buf, "state", reset.state.map(|state| Word(state.name())));
        if reason.is_some_and(|reason| reason.inferred) {
            buf.extend_from_slice(b",\"inferred\":[\"reason\"]");
        }
        buf.extend_from_slice(b"}\n");
    }

    /// Appends an `anomaly` object.
    pub(super) fn anomaly(&mut self, anomaly: &Anomaly, buf: &mut Vec<u8>) {
        let transition = &anomaly.observed.transition;
        buf.extend_from_slice(b"{\"type\":\"anomaly\"");
        self.common(transition, &anomaly.observed.known, buf);
        member!(buf, "old_state", Word(transition.old.name()));
        member!(buf, "new_state", Word(transition.new.name()));
        let expected: Vec<_> = anomaly.expected.iter().copied().map(TcpState::name).collect();
        let expected = serde_json::to_vec(&expected).unwrap_or_else(|_| b"[]".to_vec());
        member!(buf, "expected", Raw(&expected));
        buf.extend_from_slice(b"}\n");
    }

    /// Appends a `handshake` object.
    pub(super) fn handshake(&mut self, handshake: &Handshake, buf: &mut Vec<u8>) {
        let ObservedTransition { transition, known, .. } = &handshake.observed;
        buf.extend_from_slice(b"{\"type\":\"handshake\"");
        self.common(transition, known, buf);
        let measured = handshake.latency.ok();
        member!(buf, "latency_ns", measured.map(|(ns, _)| ns));
        member!(buf, "method", measured.map(|(_, method)| Word(method.name())));
        member!(buf, "unknown_reason", handshake.latency.err().map(|reason| Word(reason.name())));
        member!(buf, "syn_retransmits", handshake.syn_retransmits);
        member!(buf, "syn_ack_retransmits", handshake.syn_ack_retransmits);
        member!(buf, "deferred_accept", handshake.deferred_accept);
        member!(buf, "fast_open", handshake.fast_open);
        buf.extend_from_slice(b"}\n");
    }

    /// Appends a `connection` object.
    pub(super) fn connection(&mut self, connection: &Connection, buf: &mut Vec<u8>) {
        let ObservedTransition { transition, known, .. } = &connection.observed;
        let opened = known.past.opened;
        buf.extend_from_slice(b"{\"type\":\"connection\"");
        self.common(transition, known, buf);
        match opened {
            Some(time) => self.moment("opened_ts", time, buf),
            None => buf.extend_from_slice(b",\"opened_ts\":null"),
        }
        member!(buf, "duration_ns", opened.map(|time| transition.time.since(time)));
        member!(buf, "outcome", connection.outcome.map(|outcome| Word(outcome.name())));
        let error = transition.error.map(errno::name);
        member!(buf, "error", error.as_deref().map(Word));
        member!(buf, "closed_by", connection.closed_by.map(|side| Word(side.name())));
        member!(buf, "handshake_ns", connection.handshake_ns);
        member!(buf, "bytes_sent", connection.bytes_sent);
        member!(buf, "bytes_received", connection.bytes_received);
        member!(buf, "retransmits", transition.total_retrans);
        member!(buf, "rtt_ns", connection.rtt_ns());
        member!(buf, "complete", opened.is_some());
        if known.past.inferred {
            buf.extend_from_slice(b",\"inferred\":[\"closed_by\",\"bytes_sent\"]");
        }
        buf.extend_from_slice(b"}\n");
    }

    /// Appends a `time_wait` object, if it has ended.
    pub(super) fn time_wait(&mut self, time_wait: &TimeWait, buf: &mut Vec<u8>) {
        let ObservedTransition { transition, known, .. } = &time_wait.observed;
        let Some(ended) = time_wait.ended else { return };
        buf.extend_from_slice(b"{\"type\":\"time_wait\"");
        self.common(transition, known, buf);
        member!(buf, "minisocket_ns", ended.minisocket_ns);
        member!(buf, "time_wait_ns", ended.time_wait_ns);
        member!(buf, "substate", Word(transition.new.name()));
        member!(buf, "end", ended.end.map(|end| Word(end.name())));
        member!(buf, "seeded", time_wait.seeded);
        if ended.inferred {
            buf.extend_from_slice(b",\"inferred\":[\"end\"]");
        }
        buf.extend_from_slice(b"}\n");
    }

    /// Appends what all events of a socket have.
    fn common(&mut self, transition: &Transition, known: &Known, buf: &mut Vec<u8>) {
        self.moment("ts", transition.time, buf);
        member!(buf, "netns", transition.netns);
        member!(buf, "socket", transition.cookie.map(|cookie| cookie.0.get()));
        buf.extend_from_slice(b",\"protocol\":\"tcp\"");
        let mapped = transition.local.is_mapped();
        let family = if mapped { Family::Ipv4 } else { transition.family };
        member!(buf, "family", Word(if family == Family::Ipv4 { "ipv4" } else { "ipv6" }));
        if mapped {
            buf.extend_from_slice(b",\"mapped\":true");
        }
        let local = (!transition.is_unaddressed()).then(|| transition.local.canonical());
        member!(buf, "local_addr", local);
        member!(buf, "local_port", transition.local.port);
        let remote = transition.remote.filter(|end| !end.is_nowhere());
        member!(buf, "remote_addr", remote.map(|end| end.canonical()));
        member!(buf, "remote_port", remote.and_then(|end| end.port));
        member!(buf, "role", known.role.map(|role| Word(role.name())));
        self.owner(transition, known, buf);
    }

    fn moment(&mut self, name: &str, time: MonotonicNs, buf: &mut Vec<u8>) {
        let (seconds, nanoseconds) = self.clock.split(time);
        buf.extend_from_slice(b",\"");
        buf.extend_from_slice(name.as_bytes());
        buf.extend_from_slice(b"\":\"");
        buf.extend_from_slice(seconds.as_bytes());
        push_fraction(buf, nanoseconds, 9);
        buf.extend_from_slice(b"Z\"");
    }

    fn owner(&self, transition: &Transition, known: &Known, buf: &mut Vec<u8>) {
        let owner = known.owner.as_ref();
        let process = owner.map(|owner| &owner.process);
        member!(buf, "pid", process.map(|process| process.pid));
        member!(buf, "comm", process.map(comm));
        member!(buf, "uid", transition.uid);
        let cgroup = transition.cgroup_id.and_then(|id| self.cgroups.get(&id));
        member!(buf, "cgroup", cgroup.map(|cgroup| Raw(&cgroup.path)));
        member!(buf, "cgroup_id", transition.cgroup_id);
        member!(buf, "container", cgroup.map(|cgroup| Raw(&cgroup.container)));
        member!(buf, "owner_source", owner.map(|owner| Word(owner.source.name())));
        member!(buf, "listener_pid", known.listener.map(|process| process.pid));
        member!(buf, "listener_comm", known.listener.as_ref().map(comm));
    }
}

fn comm(process: &Process) -> Text<'_> {
    Text(process.comm.as_bytes())
}
