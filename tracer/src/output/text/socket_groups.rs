//! Sockets of a moment by group: `216 java/4121: 214 CLOSE_WAIT, 2 LISTEN`.

use std::collections::HashMap;

use super::{
    TextOutput, WIDTH,
    groups::namesakes,
    numbers::{bytes, grouped},
    sockets::{HIDDEN, NOBODY, state},
    table::{Column, Table},
    wrap::GLUE,
};
use crate::{
    event::TcpState,
    figures::{Group, SocketCounts, SocketGroup, SocketGroups, SocketsBy},
    socket::Protocol,
};

/// A longer name does not widen the column.
const NAME: usize = 40;
/// Holders of a state that are named.
const NAMED: usize = 4;

/// Services that have the same name but for their namespace, by [`Protocol`].
type Namesakes = [HashMap<Group, usize>; 2];

impl TextOutput {
    /// Appends a line for each group.
    pub(super) fn socket_groups(&mut self, groups: &SocketGroups, buf: &mut Vec<u8>) {
        let heading = match groups.by {
            SocketsBy::State => "STATE",
            SocketsBy::Process => "PROCESS",
            SocketsBy::Peer => "PEER",
            SocketsBy::Service => "SERVICE",
            SocketsBy::Container => "CONTAINER",
        };
        let parts = if groups.by == SocketsBy::State { "HELD BY" } else { "STATES" };
        let right = |heading| Column { heading, right: true, widest: usize::MAX };
        let mut table = Table::new(vec![
            Column { heading, right: false, widest: NAME },
            right("SOCKETS"),
            right("RECV-Q"),
            right("SEND-Q"),
            Column { heading: parts, right: false, widest: 0 },
        ]);
        let namesakes = Protocol::ALL.map(|protocol| {
            namesakes(groups.groups.iter().filter_map(|(group, _)| match group {
                SocketGroup::Service(of, group) if *of == protocol => Some(group),
                _ => None,
            }))
        });
        for (group, counts) in &groups.groups {
            let name = self.socket_group_name(group, &namesakes);
            self.group_row(&name, tint(group), counts, &mut table);
        }
        if groups.groups.len() > 1 {
            self.group_row(&format!("all {}", grouped(groups.groups.len() as u64)), 0, &groups.all, &mut table);
        }
        self.moment(groups.at, groups.all.sockets, buf);
        self.table(&table, Some(self.screen.columns.unwrap_or(WIDTH)), buf);
    }

    fn group_row(&self, name: &str, tint: u8, counts: &SocketCounts, table: &mut Table) {
        table.cell(tint, |text| text.push_str(name));
        table.cell(0, |text| text.push_str(&grouped(counts.sockets)));
        table.cell(0, |text| text.push_str(&bytes(counts.recv_q)));
        table.cell(0, |text| text.push_str(&bytes(counts.send_q)));
        table.cell(0, |text| text.push_str(&self.parts(counts)));
    }

    fn parts(&self, counts: &SocketCounts) -> String {
        let mut parts = if counts.holders.is_empty() { states(counts) } else { self.held_by(counts) };
        if counts.accept_q > 0 {
            parts.push(format!("{} to be accepted", grouped(counts.accept_q)));
        }
        // Lines break between parts.
        parts.iter().map(|part| part.replace(' ', GLUE)).collect::<Vec<_>>().join(", ")
    }

    fn held_by(&self, counts: &SocketCounts) -> Vec<String> {
        let mut holders: Vec<_> = counts.holders.iter().collect();
        holders.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let (named, rest) = holders.split_at(NAMED.min(holders.len()));
        let name = |group: &SocketGroup| self.socket_group_name(group, &Namesakes::default());
        let named = named.iter().map(|(group, count)| format!("{} {}", grouped(**count), name(group)));
        let rest_count: u64 = rest.iter().map(|(_, count)| **count).sum();
        let others = format!("{} {} others", grouped(rest_count), grouped(rest.len() as u64));
        named.chain((rest_count > 0).then_some(others)).collect()
    }

    fn socket_group_name(&self, group: &SocketGroup, namesakes: &Namesakes) -> String {
        match group {
            SocketGroup::State(protocol, of) => format!("{} {}", protocol.name(), state(*protocol, *of)),
            SocketGroup::Service(protocol, group) => {
                let namesakes = &namesakes[*protocol as usize];
                format!("{} {}", protocol.name(), self.full_name_of(*protocol, group, namesakes))
            }
            SocketGroup::Peer(addr) => addr.to_string(),
            SocketGroup::NoPeer => "* (no peer)".to_owned(),
            SocketGroup::Process(process) => self.full_name(&Group::Process(*process), &HashMap::new()),
            SocketGroup::NoProcess => format!("{NOBODY} (no process)"),
            SocketGroup::Hidden => format!("{HIDDEN} (hidden)"),
            SocketGroup::Container(group) => self.full_name(group, &HashMap::new()),
        }
    }
}

fn tint(group: &SocketGroup) -> u8 {
    if let SocketGroup::State(_, state) = group { *state as u8 } else { 0 }
}

fn states(counts: &SocketCounts) -> Vec<String> {
    let mut states: Vec<_> = counts.states.iter().collect();
    states.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let is_mixed = states.iter().any(|((protocol, _), _)| *protocol != states[0].0.0);
    let part = |((protocol, of), count): (&(Protocol, TcpState), &u64)| {
        let which = if is_mixed && *protocol == Protocol::Udp { "udp " } else { "" };
        format!("{} {which}{}", grouped(*count), state(*protocol, *of))
    };
    states.iter().copied().map(part).collect()
}
