//! What the host runs out of, what is stuck on it, and what its kernel counted.

use std::{borrow::Cow, collections::BTreeMap, net::IpAddr};

use serde::Serialize;

use super::figures::timestamp;
use crate::{
    event::Process,
    figures::host::{
        Comparison, Destination, FailedConnect, Holder, HostFigures, Listening, Pair, Ports, Rate, Service, Stuck,
        StuckGroup, stuck_after_ns,
    },
    observation::Role,
    output::time::WallClock,
};

#[derive(Serialize)]
pub(super) struct HostObject<'a> {
    ports: PortsObject<'a>,
    stuck: StuckObject<'a>,
    listen: Vec<ListenObject>,
    kernel_counters: Vec<ComparisonObject>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    inferred: Vec<&'static str>,
}

#[derive(Serialize)]
struct PortsObject<'a> {
    destinations: Vec<DestinationObject<'a>>,
    others: u64,
    uncounted: u64,
}

#[derive(Serialize)]
struct DestinationObject<'a> {
    netns: u32,
    local_addr: IpAddr,
    remote_addr: IpAddr,
    remote_port: u16,
    /// Null where those in TIME_WAIT are not known: `sockets` is what is.
    held: Option<u64>,
    sockets: u64,
    time_wait: Option<u64>,
    total: Option<u32>,
    change_per_s: Option<f64>,
    exhausted_in_ns: Option<u64>,
    opened: u64,
    sustainable_per_s: Option<f64>,
    tcp_tw_reuse: Option<u8>,
    reused_after_ms: Option<u32>,
    failed: u64,
    first_failed: Option<FailedObject<'a>>,
}

#[derive(Serialize)]
struct FailedObject<'a> {
    ts: String,
    local_port: Option<u16>,
    #[serde(flatten)]
    process: ProcessObject<'a>,
}

#[derive(Serialize)]
struct ProcessObject<'a> {
    pid: Option<u32>,
    comm: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct StuckObject<'a> {
    groups: Vec<GroupObject<'a>>,
    others: u64,
    uncounted: u64,
}

#[derive(Serialize)]
struct GroupObject<'a> {
    netns: u32,
    state: &'static str,
    #[serde(flatten)]
    owner: ProcessObject<'a>,
    listener_pid: Option<u32>,
    listener_comm: Option<Cow<'a, str>>,
    role: Option<&'static str>,
    local_port: Option<u16>,
    remote_addr: Option<IpAddr>,
    remote_port: Option<u16>,
    count: u64,
    stuck: u64,
    stuck_after_ns: Option<u64>,
    oldest_ns: u64,
    oldest_is_lower_bound: bool,
}

#[derive(Serialize)]
struct ListenObject {
    netns: u32,
    reason: Option<&'static str>,
    #[serde(flatten)]
    counters: BTreeMap<&'static str, Option<u64>>,
}

#[derive(Serialize)]
struct ComparisonObject {
    netns: u32,
    from: Option<String>,
    to: Option<String>,
    comparable: bool,
    reason: Option<&'static str>,
    counters: BTreeMap<&'static str, PairObject>,
}

#[derive(Serialize)]
struct PairObject {
    kernel: Option<u64>,
    ours: Option<u64>,
    causes: BTreeMap<&'static str, u64>,
    unexplained: Option<i64>,
}

impl<'a> HostObject<'a> {
    pub(super) fn new(host: &'a HostFigures, clock: &mut WallClock) -> Self {
        let HostFigures { ports, stuck, listen, kernel_counters, lossy } = host;
        Self {
            ports: PortsObject::new(ports, clock),
            stuck: StuckObject::new(stuck),
            listen: listen.iter().map(ListenObject::new).collect(),
            kernel_counters: kernel_counters.iter().map(|it| ComparisonObject::new(it, clock)).collect(),
            inferred: if *lossy { vec!["ports", "stuck"] } else { Vec::new() },
        }
    }
}

impl<'a> PortsObject<'a> {
    fn new(Ports { destinations, others, uncounted }: &'a Ports, clock: &mut WallClock) -> Self {
        let destinations = destinations.iter().map(|it| DestinationObject::new(it, clock)).collect();
        Self { destinations, others: *others, uncounted: *uncounted }
    }
}

impl<'a> DestinationObject<'a> {
    fn new(it: &'a Destination, clock: &mut WallClock) -> Self {
        Self {
            netns: it.netns,
            local_addr: it.local,
            remote_addr: it.remote,
            remote_port: it.remote_port,
            held: it.time_wait.map(|_| it.held()),
            sockets: it.sockets,
            time_wait: it.time_wait,
            total: it.total(),
            change_per_s: it.change.as_ref().map(Rate::milli_per_s).map(|milli| milli as f64 / 1000.0),
            exhausted_in_ns: it.exhausted_in_ns(),
            opened: it.opened,
            sustainable_per_s: it.sustainable_milli_per_s().map(|milli| milli as f64 / 1000.0),
            tcp_tw_reuse: it.settings.tw_reuse,
            reused_after_ms: it.reused_after_ms(),
            failed: it.failed,
            first_failed: it.first_failed.as_ref().map(|failed| FailedObject::new(failed, clock)),
        }
    }
}

impl<'a> FailedObject<'a> {
    fn new(it: &'a FailedConnect, clock: &mut WallClock) -> Self {
        let process = ProcessObject::new(it.process.as_ref());
        Self { ts: timestamp(clock, it.at), local_port: it.port, process }
    }
}

impl<'a> ProcessObject<'a> {
    fn new(process: Option<&'a Process>) -> Self {
        // What a terminal would obey, and serde_json does not escape.
        let is_obeyed = |c: char| matches!(c, '\u{7f}'..='\u{9f}');
        let printable = |comm: Cow<'a, str>| {
            if comm.contains(is_obeyed) { comm.replace(is_obeyed, "\u{fffd}").into() } else { comm }
        };
        let comm = process.map(|process| printable(String::from_utf8_lossy(process.comm.as_bytes())));
        Self { pid: process.map(|process| process.pid), comm }
    }
}

impl<'a> StuckObject<'a> {
    fn new(Stuck { groups, others, uncounted }: &'a Stuck) -> Self {
        Self { groups: groups.iter().map(GroupObject::new).collect(), others: *others, uncounted: *uncounted }
    }
}

impl<'a> GroupObject<'a> {
    fn new(group: &'a StuckGroup) -> Self {
        let (owner, listener) = match &group.holder {
            Holder::Owner(process) => (Some(process), None),
            Holder::Listener(process) => (None, Some(process)),
            Holder::Unknown => (None, None),
        };
        let (role, local_port, remote) = match group.service {
            Service::Server(port) => (Some(Role::Server.name()), Some(port), None),
            Service::Client(addr, port) => (Some(Role::Client.name()), None, Some((addr, port))),
            Service::Unknown(addr, port) => (None, None, Some((addr, port))),
        };
        let listener = ProcessObject::new(listener);
        Self {
            netns: group.netns,
            state: group.state.name(),
            owner: ProcessObject::new(owner),
            listener_pid: listener.pid,
            listener_comm: listener.comm,
            role,
            local_port,
            remote_addr: remote.map(|(addr, _)| addr),
            remote_port: remote.map(|(_, port)| port),
            count: group.count,
            stuck: group.stuck,
            stuck_after_ns: stuck_after_ns(group.state),
            oldest_ns: group.oldest_ns,
            oldest_is_lower_bound: group.oldest_is_lower_bound,
        }
    }
}

impl ListenObject {
    fn new(it: &Listening) -> Self {
        Self {
            netns: it.netns,
            reason: it.grown.err().map(|unread| unread.name()),
            counters: it.counted().map(|(counter, grown)| (counter.name(), grown)).collect(),
        }
    }
}

impl ComparisonObject {
    fn new(it: &Comparison, clock: &mut WallClock) -> Self {
        Self {
            netns: it.netns,
            from: it.span.map(|(from, _)| timestamp(clock, from)),
            to: it.span.map(|(_, to)| timestamp(clock, to)),
            comparable: it.incomparable.is_none(),
            reason: it.incomparable.map(|reason| reason.name()),
            counters: it.counted().map(|(counted, pair)| (counted.name(), PairObject::new(pair))).collect(),
        }
    }
}

impl PairObject {
    fn new(Pair { kernel, ours, causes, unexplained }: &Pair) -> Self {
        Self {
            kernel: *kernel,
            ours: *ours,
            causes: causes.iter().map(|(cause, count)| (cause.name(), *count)).collect(),
            unexplained: *unexplained,
        }
    }
}
