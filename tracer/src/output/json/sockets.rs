//! Sockets of a moment by group: an object for each group.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    figures::timestamp,
    groups::{Name, name},
    push_line,
};
use crate::{
    figures::{Group, SocketCounts, SocketGroup, SocketGroups},
    output::{names::EventType, time::WallClock},
    socket::Protocol,
};

#[derive(Serialize)]
struct SocketGroupObject<'a> {
    r#type: &'static str,
    ts: &'a str,
    group_by: &'static str,
    /// What tells groups apart.
    #[serde(flatten)]
    name: BTreeMap<&'static str, Name>,
    sockets: u64,
    states: BTreeMap<String, u64>,
    /// Only if the groups are states.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    held_by: Vec<HolderObject>,
    recv_q: u64,
    send_q: u64,
    accept_q: u64,
}

/// How many of a state's sockets are whose.
#[derive(Serialize)]
struct HolderObject {
    #[serde(flatten)]
    name: BTreeMap<&'static str, Name>,
    sockets: u64,
}

/// Appends an object for each group.
pub(super) fn push(groups: &SocketGroups, clock: &mut WallClock, buf: &mut Vec<u8>) {
    let ts = timestamp(clock, groups.at);
    for (group, counts) in &groups.groups {
        let object = SocketGroupObject {
            r#type: EventType::SocketGroup.name(),
            ts: &ts,
            group_by: groups.by.name(),
            name: names(group),
            sockets: counts.sockets,
            states: states(counts),
            held_by: held_by(counts),
            recv_q: counts.recv_q,
            send_q: counts.send_q,
            accept_q: counts.accept_q,
        };
        push_line(buf, &object);
    }
}

fn held_by(counts: &SocketCounts) -> Vec<HolderObject> {
    let holder = |(holder, sockets): (&SocketGroup, &u64)| HolderObject { name: names(holder), sockets: *sockets };
    counts.holders.iter().map(holder).collect()
}

fn names(group: &SocketGroup) -> BTreeMap<&'static str, Name> {
    let protocol = |protocol: &Protocol| ("protocol", Name::Word(protocol.name()));
    match group {
        SocketGroup::State(of, state) => [protocol(of), ("state", Name::Word(state.name()))].into(),
        SocketGroup::Service(of, group) => name(group).into_iter().chain([protocol(of)]).collect(),
        SocketGroup::Peer(addr) => name(&Group::Peer(*addr)),
        SocketGroup::NoPeer => [("remote_addr", Name::None)].into(),
        SocketGroup::Process(process) => {
            let comm = String::from_utf8_lossy(process.comm.as_bytes()).into_owned();
            [("pid", Name::Number(process.pid.into())), ("comm", Name::Text(comm))].into()
        }
        SocketGroup::NoProcess => [("pid", Name::None), ("comm", Name::None)].into(),
        SocketGroup::Hidden => [("pid", Name::None), ("comm", Name::None), ("hidden", Name::True(true))].into(),
        SocketGroup::Container(group) => name(group),
    }
}

/// By protocol where both occur in one group: their states have the same names.
fn states(counts: &SocketCounts) -> BTreeMap<String, u64> {
    let name = |protocol: &Protocol, state: &str| match protocol {
        Protocol::Tcp => state.to_owned(),
        Protocol::Udp => format!("udp {state}"),
    };
    counts.states.iter().map(|((protocol, state), count)| (name(protocol, state.name()), *count)).collect()
}
