//! The hot lines: what happened to one socket.

use super::{
    JsonOutput,
    members::{Raw, Text, Word, member},
};
use crate::{
    event::{Family, Process, TcpState, Transition},
    observation::{Anomaly, Known, ObservedTransition},
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

    /// Appends what all events of a socket have.
    fn common(&mut self, transition: &Transition, known: &Known, buf: &mut Vec<u8>) {
        self.time(transition, buf);
        member!(buf, "netns", transition.netns);
        member!(buf, "socket", transition.cookie.map(|cookie| cookie.0.get()));
        buf.extend_from_slice(b",\"protocol\":\"tcp\"");
        let mapped = transition.local.is_mapped();
        let family = if mapped { Family::Ipv4 } else { transition.family };
        member!(buf, "family", Word(if family == Family::Ipv4 { "ipv4" } else { "ipv6" }));
        if mapped {
            buf.extend_from_slice(b",\"mapped\":true");
        }
        member!(buf, "local_addr", transition.local.canonical());
        member!(buf, "local_port", transition.local.port);
        let remote = transition.remote.filter(|end| !end.is_nowhere());
        member!(buf, "remote_addr", remote.map(|end| end.canonical()));
        member!(buf, "remote_port", remote.and_then(|end| end.port));
        member!(buf, "role", known.role.map(|role| Word(role.name())));
        self.owner(transition, known, buf);
    }

    fn time(&mut self, transition: &Transition, buf: &mut Vec<u8>) {
        let (seconds, nanoseconds) = self.clock.split(transition.time);
        buf.extend_from_slice(b",\"ts\":\"");
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
        let path = transition.cgroup_id.and_then(|id| self.cgroups.get(&id));
        member!(buf, "cgroup", path.map(|path| Raw(path)));
        member!(buf, "cgroup_id", transition.cgroup_id);
        buf.extend_from_slice(b",\"container\":null");
        member!(buf, "owner_source", owner.map(|owner| Word(owner.source.name())));
        member!(buf, "listener_pid", known.listener.map(|process| process.pid));
        member!(buf, "listener_comm", known.listener.as_ref().map(comm));
    }
}

fn comm(process: &Process) -> Text<'_> {
    Text(process.comm.as_bytes())
}
