//! What is told of an event, member by member: the one description that JSON and CSV are written from.

use std::num::NonZeroU64;

use super::{
    members::{Members, Moment, Prepared, Text, Word, Words, member},
    names::EventType,
    time::WallClock,
};
use crate::{
    container::container_id,
    errno,
    event::{Endpoint, Family, Gap, MonotonicNs, Process, SocketCookie, TcpState, Transition},
    figures::Listed,
    hashing::HashMap,
    measure,
    observation::{
        Anomaly, Connection, Handshake, Known, Observation, ObservedReset, ObservedTransition, OwnerSource, Role,
        TimeWait,
    },
    services::{PortClass, Services},
    socket::{Owners, Protocol, Socket},
};

/// Describes events to one format, with the facts that the stream told before.
#[derive(Clone, Debug)]
pub(super) struct Events {
    pub(super) clock: WallClock,
    cgroups: HashMap<u64, Cgroup>,
    /// What the format makes of a text.
    prepare: fn(&str) -> Box<[u8]>,
    /// Classes and these names of ports are told of sockets that are listed; `None`: they are not.
    ports: Option<Services>,
}

/// Which socket it is.
struct Identity {
    netns: u32,
    cookie: Option<SocketCookie>,
    protocol: Protocol,
    family: Family,
    /// `None` where the address is not known.
    local: Option<Endpoint>,
    local_port: Option<u16>,
    remote: Option<Endpoint>,
    role: Option<Role>,
}

/// What is said of a cgroup, prepared once.
#[derive(Clone, Debug)]
struct Cgroup {
    path: Box<[u8]>,
    /// `None` outside of containers.
    container: Option<Box<[u8]>>,
}

impl Events {
    /// For a format that makes `prepare` of a text; with the classes and these names of ports, if there are names.
    pub(super) fn new(prepare: fn(&str) -> Box<[u8]>, ports: Option<Services>) -> Self {
        Self { clock: WallClock::rfc3339(), cgroups: HashMap::default(), prepare, ports }
    }

    /// Describes an event, or takes note of a fact for later ones.
    pub(super) fn observe(&mut self, observation: &Observation, to: &mut impl Members) {
        match observation {
            Observation::Clock(pair) => self.clock.set(*pair),
            Observation::Cgroup { id, path } => self.learn(*id, path),
            Observation::Transition(observed) => self.transition(observed, to),
            Observation::Anomaly(anomaly) => self.anomaly(anomaly, to),
            Observation::Handshake(handshake) => self.handshake(handshake, to),
            Observation::Reset(reset) => self.reset(reset, to),
            Observation::TimeWait(time_wait) => self.time_wait(time_wait, to),
            Observation::Connection(connection) => self.connection(connection, to),
            Observation::Gap(gap) => self.gap(gap, to),
            // Not events: facts that others use, and figures.
            Observation::Namespace(_)
            | Observation::Existing(_)
            | Observation::Closed(_)
            | Observation::Summary(_)
            | Observation::Latency(_)
            | Observation::Sockets(_)
            | Observation::SocketGroups(_) => {}
        }
    }

    fn learn(&mut self, id: u64, path: &str) {
        let container = container_id(path).map(self.prepare);
        self.cgroups.insert(id, Cgroup { path: (self.prepare)(path), container });
    }

    fn transition(&mut self, observed: &ObservedTransition, to: &mut impl Members) {
        let transition = &observed.transition;
        to.begin(EventType::Transition);
        self.common(transition, &observed.known, to);
        member!(to, "old_state", Word(transition.old.name()));
        member!(to, "new_state", Word(transition.new.name()));
        member!(to, "in_state_ns", observed.in_state_ns);
        let error = transition.error.map(errno::name);
        member!(to, "error", error.as_deref().map(Word));
        if observed.inferred {
            // It happened, at this time or before.
            member!(to, "inferred", Words(&["ts", "old_state", "new_state"]));
        }
        to.end();
    }

    fn reset(&mut self, reset: &ObservedReset, to: &mut impl Members) {
        let ObservedTransition { transition, known, .. } = &reset.observed;
        to.begin(EventType::Reset);
        self.common(transition, known, to);
        member!(to, "direction", Word(reset.direction().name()));
        let reason = measure::reason(reset);
        member!(to, "reason", reason.as_ref().map(|reason| Text(reason.name.as_bytes())));
        member!(to, "initiator", Word(measure::initiator(reset).name()));
        member!(to, "state", reset.state.map(|state| Word(state.name())));
        if reason.is_some_and(|reason| reason.inferred) {
            member!(to, "inferred", Words(&["reason"]));
        }
        to.end();
    }

    fn anomaly(&mut self, anomaly: &Anomaly, to: &mut impl Members) {
        let transition = &anomaly.observed.transition;
        to.begin(EventType::Anomaly);
        self.common(transition, &anomaly.observed.known, to);
        member!(to, "old_state", Word(transition.old.name()));
        member!(to, "new_state", Word(transition.new.name()));
        let expected: Vec<_> = anomaly.expected.iter().copied().map(TcpState::name).collect();
        member!(to, "expected", Words(&expected));
        to.end();
    }

    fn handshake(&mut self, handshake: &Handshake, to: &mut impl Members) {
        let ObservedTransition { transition, known, .. } = &handshake.observed;
        to.begin(EventType::Handshake);
        self.common(transition, known, to);
        let measured = handshake.latency.ok();
        member!(to, "latency_ns", measured.map(|(ns, _)| ns));
        member!(to, "method", measured.map(|(_, method)| Word(method.name())));
        member!(to, "unknown_reason", handshake.latency.err().map(|reason| Word(reason.name())));
        member!(to, "syn_retransmits", handshake.syn_retransmits);
        member!(to, "syn_ack_retransmits", handshake.syn_ack_retransmits);
        member!(to, "deferred_accept", handshake.deferred_accept);
        member!(to, "fast_open", handshake.fast_open);
        to.end();
    }

    fn connection(&mut self, connection: &Connection, to: &mut impl Members) {
        let ObservedTransition { transition, known, .. } = &connection.observed;
        let opened = known.past.opened.time();
        to.begin(EventType::Connection);
        self.common(transition, known, to);
        member!(to, "opened_ts", opened.map(|time| Moment(self.clock.split(time))));
        member!(to, "duration_ns", opened.map(|time| transition.time.since(time)));
        member!(to, "outcome", connection.outcome.map(|outcome| Word(outcome.name())));
        let error = transition.error.map(errno::name);
        member!(to, "error", error.as_deref().map(Word));
        member!(to, "closed_by", connection.closed_by.map(|side| Word(side.name())));
        member!(to, "handshake_ns", connection.handshake_ns);
        member!(to, "bytes_sent", connection.bytes_sent);
        member!(to, "bytes_received", connection.bytes_received);
        member!(to, "retransmits", transition.total_retrans);
        member!(to, "rtt_ns", connection.rtt_ns());
        member!(to, "complete", opened.is_some());
        if known.past.inferred {
            member!(to, "inferred", Words(&["closed_by", "bytes_sent"]));
        }
        to.end();
    }

    /// Only those that have ended.
    fn time_wait(&mut self, time_wait: &TimeWait, to: &mut impl Members) {
        let ObservedTransition { transition, known, .. } = &time_wait.observed;
        let Some(ended) = time_wait.ended else { return };
        to.begin(EventType::TimeWait);
        self.common(transition, known, to);
        member!(to, "minisocket_ns", ended.minisocket_ns);
        member!(to, "time_wait_ns", ended.time_wait_ns);
        member!(to, "substate", Word(transition.new.name()));
        member!(to, "end", ended.end.map(|end| Word(end.name())));
        member!(to, "seeded", time_wait.seeded);
        if ended.inferred {
            member!(to, "inferred", Words(&["end"]));
        }
        to.end();
    }

    fn gap(&mut self, gap: &Gap, to: &mut impl Members) {
        to.begin(EventType::Gap);
        member!(to, "ts", Moment(self.clock.split(gap.to)));
        member!(to, "lost", gap.lost);
        member!(to, "from", Moment(self.clock.split(gap.from)));
        member!(to, "to", Moment(self.clock.split(gap.to)));
        member!(to, "stage", Word(gap.stage.name()));
        to.end();
    }

    /// Describes a socket of a list.
    pub(super) fn socket(
        &mut self,
        at: MonotonicNs,
        Listed { socket, role, inferred }: &Listed,
        to: &mut impl Members,
    ) {
        to.begin(EventType::Socket);
        let identity = Identity {
            netns: socket.netns,
            cookie: socket.cookie,
            protocol: socket.protocol,
            family: socket.family,
            local: Some(socket.local),
            local_port: socket.local.port,
            remote: Some(socket.remote),
            role: *role,
        };
        self.identity(at, &identity, to);
        holder(socket, to);
        member!(to, "state", Word(socket.state.name()));
        member!(to, "recv_q", socket.recv_q);
        member!(to, "send_q", socket.send_q);
        let owners = match &socket.owners {
            Owners::Known(owners) => Some(&**owners),
            Owners::Hidden => None,
        };
        member!(to, "owners", owners);
        member!(to, "inode", socket.inode.map(NonZeroU64::get));
        member!(to, "timer", socket.timer.map(|timer| Word(timer.kind.name())));
        member!(to, "timer_remaining_ns", socket.timer.map(|timer| timer.remaining_ns));
        member!(to, "timer_expired", socket.timer.map(|timer| u16::from(timer.expired)));
        member!(to, "rtt_ns", socket.tcp.and_then(|tcp| tcp.rtt_ns));
        member!(to, "retransmits", socket.tcp.map(|tcp| tcp.retransmits));
        if let Some(services) = &self.ports {
            let class = |end: Endpoint| end.port.map(|port| Word(PortClass::of(port).name()));
            let service = |end: Endpoint| {
                end.port.and_then(|port| services.name_of(socket.protocol, port)).map(|it| Text(it.as_bytes()))
            };
            member!(to, "local_port_class", class(socket.local));
            member!(to, "remote_port_class", class(socket.remote));
            member!(to, "local_service", service(socket.local));
            member!(to, "remote_service", service(socket.remote));
        }
        member!(to, "ifindex", socket.ifindex);
        if *inferred {
            member!(to, "inferred", Words(&["role"]));
        }
        to.end();
    }

    /// What all events of a socket have.
    fn common(&mut self, transition: &Transition, known: &Known, to: &mut impl Members) {
        let identity = Identity {
            netns: transition.netns,
            cookie: transition.cookie,
            protocol: Protocol::Tcp,
            family: transition.family,
            local: (!transition.is_unaddressed()).then_some(transition.local),
            local_port: transition.local.port,
            remote: transition.remote,
            role: known.role,
        };
        self.identity(transition.time, &identity, to);
        self.owner(transition, known, to);
    }

    fn identity(&mut self, at: MonotonicNs, socket: &Identity, to: &mut impl Members) {
        member!(to, "ts", Moment(self.clock.split(at)));
        member!(to, "netns", socket.netns);
        member!(to, "socket", socket.cookie.map(|cookie| cookie.0.get()));
        member!(to, "protocol", Word(socket.protocol.name()));
        let mapped = socket.local.is_some_and(|end| end.is_mapped());
        let family = if mapped { Family::Ipv4 } else { socket.family };
        member!(to, "family", Word(family.name()));
        if mapped {
            member!(to, "mapped", true);
        }
        member!(to, "local_addr", socket.local.map(|end| end.canonical()));
        member!(to, "local_port", socket.local_port);
        let remote = socket.remote.filter(|end| !end.is_nowhere());
        member!(to, "remote_addr", remote.map(|end| end.canonical()));
        member!(to, "remote_port", remote.and_then(|end| end.port));
        member!(to, "role", socket.role.map(|role| Word(role.name())));
    }

    fn owner(&self, transition: &Transition, known: &Known, to: &mut impl Members) {
        let owner = known.owner.as_ref();
        let process = owner.map(|owner| &owner.process);
        member!(to, "pid", process.map(|process| process.pid));
        member!(to, "comm", process.map(comm));
        member!(to, "uid", transition.uid);
        let cgroup = transition.cgroup_id.and_then(|id| self.cgroups.get(&id));
        member!(to, "cgroup", cgroup.map(|cgroup| Prepared(&cgroup.path)));
        member!(to, "cgroup_id", transition.cgroup_id);
        member!(to, "container", cgroup.and_then(|cgroup| cgroup.container.as_deref()).map(Prepared));
        member!(to, "owner_source", owner.map(|owner| Word(owner.source.name())));
        member!(to, "listener_pid", known.listener.map(|process| process.pid));
        member!(to, "listener_comm", known.listener.as_ref().map(comm));
    }
}

/// Whose socket it is by the words of all events: one process, as far as /proc tells.
fn holder(socket: &Socket, to: &mut impl Members) {
    let mut processes = socket.processes();
    let process = processes.next().filter(|first| processes.all(|other| other == *first));
    member!(to, "pid", process.map(|process| process.pid));
    member!(to, "comm", process.as_ref().map(comm));
    member!(to, "uid", socket.uid);
    member!(to, "cgroup", socket.cgroup.as_deref().map(|path| Text(path.as_bytes())));
    member!(to, "cgroup_id", socket.cgroup_id);
    member!(to, "container", socket.container().map(|id| Text(id.as_bytes())));
    member!(to, "owner_source", process.map(|_| Word(OwnerSource::Proc.name())));
    member!(to, "listener_pid", None::<u32>);
    member!(to, "listener_comm", None::<Text<'_>>);
}

fn comm(process: &Process) -> Text<'_> {
    Text(process.comm.as_bytes())
}
