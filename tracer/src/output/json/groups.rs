//! Figures by group.

use std::{collections::BTreeMap, net::IpAddr};

use serde::Serialize;

use crate::{
    event::Process,
    figures::{Durations, Figures, Group, Groups, PERCENTILE_ERROR, TimeWaits, network_bits},
    observation::{Direction, Role, TimeWaitEnd},
};

/// Members of a summary.
#[derive(Serialize)]
pub(super) struct GroupsObject {
    group_by: &'static str,
    groups: u64,
    services: Vec<GroupObject>,
    /// The groups that are not listed, together.
    rest: Option<FiguresObject>,
    failures: BTreeMap<&'static str, u64>,
    time_wait: Option<TimeWaitsObject>,
}

#[derive(Serialize)]
struct GroupObject {
    #[serde(flatten)]
    name: BTreeMap<&'static str, Name>,
    #[serde(flatten)]
    figures: FiguresObject,
}

/// A member that tells groups apart.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Name {
    Word(&'static str),
    Text(String),
    Number(u64),
    Addr(IpAddr),
    True(bool),
    None,
}

#[derive(Serialize)]
struct FiguresObject {
    connections: u64,
    opened: u64,
    ended: u64,
    open: Option<u64>,
    failures: BTreeMap<&'static str, u64>,
    outcome_unknown: u64,
    handshake: HandshakeObject,
    resets: Vec<ResetObject>,
    time_wait: Option<TimeWaitsObject>,
    retransmits: u64,
}

#[derive(Serialize)]
struct HandshakeObject {
    #[serde(flatten)]
    latency: DurationsObject,
    unknown: u64,
}

#[derive(Serialize)]
struct DurationsObject {
    count: u64,
    p50_ns: Option<u64>,
    p90_ns: Option<u64>,
    p99_ns: Option<u64>,
    max_ns: Option<u64>,
    /// Relative error of the percentiles.
    error: f64,
}

#[derive(Serialize)]
struct ResetObject {
    direction: &'static str,
    reason: Option<String>,
    count: u64,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    inferred: &'static [&'static str],
}

#[derive(Serialize)]
struct TimeWaitsObject {
    count: u64,
    minisocket: DurationsObject,
    time_wait: DurationsObject,
    ends: BTreeMap<&'static str, u64>,
    ends_unknown: u64,
    still_open: StillOpenObject,
}

#[derive(Serialize)]
struct StillOpenObject {
    count: Option<u64>,
    /// A lower bound.
    longest_so_far_ns: Option<u64>,
}

impl GroupsObject {
    pub(super) fn new(groups: &Groups) -> Self {
        let listed = groups.listed.iter();
        Self {
            group_by: groups.by.name(),
            groups: groups.count,
            services: listed
                .map(|(group, figures)| GroupObject { name: name(group), figures: FiguresObject::new(figures) })
                .collect(),
            rest: groups.rest.as_ref().map(FiguresObject::new),
            failures: failures(&groups.all),
            time_wait: groups.all.time_wait.as_ref().map(TimeWaitsObject::new),
        }
    }
}

pub(super) fn name(group: &Group) -> BTreeMap<&'static str, Name> {
    let service = |role: Role, local_port: Option<u16>, remote: Option<(IpAddr, u16)>, netns: u32| {
        let port = |port: Option<u16>| port.map_or(Name::None, |port| Name::Number(port.into()));
        vec![
            ("role", Name::Word(role.name())),
            ("local_port", port(local_port)),
            ("remote_addr", remote.map_or(Name::None, |(addr, _)| Name::Addr(addr))),
            ("remote_port", port(remote.map(|(_, port)| port))),
            ("netns", Name::Number(netns.into())),
        ]
    };
    let process = |process: Option<&Process>, listener: Option<&Process>| {
        let pid = |it: Option<&Process>| it.map_or(Name::None, |it| Name::Number(it.pid.into()));
        let comm = |it: Option<&Process>| {
            it.map_or(Name::None, |it| Name::Text(String::from_utf8_lossy(it.comm.as_bytes()).into_owned()))
        };
        vec![
            ("pid", pid(process)),
            ("comm", comm(process)),
            ("listener_pid", pid(listener)),
            ("listener_comm", comm(listener)),
        ]
    };
    let cgroup =
        |container: Name, cgroup: Name, id: Name| vec![("container", container), ("cgroup", cgroup), ("cgroup_id", id)];
    let members = match group {
        Group::Server { port, netns } => service(Role::Server, Some(*port), None, *netns),
        Group::Client { addr, port, netns } => service(Role::Client, None, Some((*addr, *port)), *netns),
        // Which port it is, the role tells.
        Group::Network { addr, port, netns } => vec![
            ("remote_network", Name::Text(network(addr))),
            ("port", Name::Number((*port).into())),
            ("netns", Name::Number((*netns).into())),
        ],
        Group::Peer(addr) => vec![("remote_addr", Name::Addr(*addr))],
        Group::Process(it) => process(Some(it), None),
        Group::Listener(it) => process(None, Some(it)),
        Group::Container(id) => cgroup(Name::Text(id.to_string()), Name::None, Name::None),
        Group::Cgroup(path) => cgroup(Name::None, Name::Text(path.to_string()), Name::None),
        Group::CgroupId(id) => cgroup(Name::None, Name::None, Name::Number(*id)),
        Group::Unknown => vec![("unknown", Name::True(true))],
        Group::Other => vec![("other", Name::True(true))],
    };
    members.into_iter().collect()
}

fn network(addr: &IpAddr) -> String {
    format!("{addr}/{}", network_bits(*addr))
}

fn failures(figures: &Figures) -> BTreeMap<&'static str, u64> {
    figures.failures().map(|(outcome, count)| (outcome.name(), count)).collect()
}

impl FiguresObject {
    fn new(figures: &Figures) -> Self {
        Self {
            connections: figures.connections,
            opened: figures.opened,
            ended: figures.ended,
            open: figures.open,
            failures: failures(figures),
            outcome_unknown: figures.outcome_unknown,
            handshake: HandshakeObject {
                latency: DurationsObject::new(&figures.handshakes),
                unknown: figures.handshakes_unknown,
            },
            resets: figures
                .resets
                .iter()
                .map(|reset| ResetObject {
                    direction: Direction::of(reset.received).name(),
                    reason: reset.reason.as_ref().map(|reason| reason.to_string()),
                    count: reset.count,
                    inferred: if reset.inferred { &["reason"] } else { &[] },
                })
                .collect(),
            time_wait: figures.time_wait.as_ref().map(TimeWaitsObject::new),
            retransmits: figures.retransmits,
        }
    }
}

impl DurationsObject {
    fn new(Durations { count, percentiles }: &Durations) -> Self {
        Self {
            count: *count,
            p50_ns: percentiles.map(|it| it.p50_ns),
            p90_ns: percentiles.map(|it| it.p90_ns),
            p99_ns: percentiles.map(|it| it.p99_ns),
            max_ns: percentiles.map(|it| it.max_ns),
            error: PERCENTILE_ERROR,
        }
    }
}

impl TimeWaitsObject {
    fn new(figures: &TimeWaits) -> Self {
        let ends = TimeWaitEnd::ALL.into_iter().zip(figures.ends);
        Self {
            count: figures.births,
            minisocket: DurationsObject::new(&figures.minisocket),
            time_wait: DurationsObject::new(&figures.time_wait),
            ends: ends.map(|(end, count)| (end.name(), count)).filter(|(_, count)| *count > 0).collect(),
            ends_unknown: figures.ends_unknown,
            still_open: StillOpenObject { count: figures.still_open, longest_so_far_ns: figures.longest_so_far_ns },
        }
    }
}
