//! The table of groups: a line each, and below it what does not fit into columns.

use std::collections::HashMap;

use super::{
    TextOutput, WIDTH,
    columns::Line,
    endpoint,
    numbers::{duration, grouped},
    wrap::{GLUE, lines},
};
use crate::{
    event::{Endpoint, Process},
    figures::{Figures, Group, GroupBy, Groups, PERCENTILE_ERROR, ResetCount, TimeWaits, network_bits},
    observation::{Direction, Outcome, TimeWaitEnd},
    socket::Protocol,
};

/// Name of a group; a longer one pushes what follows.
const NAME: usize = 22;
/// Headings and widths of the columns behind it, a space in front of each: 100 columns in all.
const COLUMNS: [(&str, usize); 10] = [
    ("CONNS", 8),
    ("OPEN", 7),
    ("FAILED", 7),
    ("P50", 8),
    ("P90", 8),
    ("P99", 8),
    ("MAX", 8),
    ("RST", 6),
    ("RETRANS", 8),
    ("TIME_WAIT", 10),
];
/// Column at which the handshake's columns begin.
const HANDSHAKE: usize = 46;
const INDENT: &str = "    ";
/// What is nothing or not known.
pub(super) const NOTHING: &str = "\u{2013}";
/// Characters of a container's identifier that are shown, as container engines do.
pub(super) const CONTAINER_ID: usize = 12;

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// The table, failures and resets.
    Brief,
    /// All there is.
    Full,
}

impl TextOutput {
    /// Appends the table.
    pub(super) fn groups(&self, groups: &Groups, detail: Detail, buf: &mut Vec<u8>) {
        if groups.count == 0 {
            if detail == Detail::Full {
                buf.extend_from_slice("Nothing happened.\n".as_bytes());
            }
            return;
        }
        if detail == Detail::Brief {
            buf.push(b'\n');
        }
        self.group_heading(groups.by, buf);
        let namesakes = namesakes(groups.listed.iter().map(|(group, _)| group));
        for (group, figures) in &groups.listed {
            let name = self.full_name(group, &namesakes);
            figure_line(&name, figures, buf);
            details(figures, detail, buf);
        }
        if let Some(rest) = &groups.rest {
            let more = groups.count - groups.listed.len() as u64;
            figure_line(&format!("and {} more", grouped(more)), rest, buf);
        }
        if groups.count > 1 {
            let (set, reset) = self.palette.heading();
            buf.extend_from_slice(set.to_string().as_bytes());
            figure_line(&format!("all {}", grouped(groups.count)), &groups.all, buf);
            buf.pop();
            buf.extend_from_slice(format!("{reset}\n").as_bytes());
        }
    }

    /// The name, with its namespace where another group has the same.
    pub(super) fn full_name(&self, group: &Group, namesakes: &HashMap<Group, usize>) -> String {
        self.full_name_of(Protocol::Tcp, group, namesakes)
    }

    /// The same where the services may be those of another protocol.
    pub(super) fn full_name_of(&self, protocol: Protocol, group: &Group, namesakes: &HashMap<Group, usize>) -> String {
        let name = self.group_name(protocol, group);
        match netns(group).filter(|_| namesakes.get(&namesake(group)) > Some(&1)) {
            Some(netns) => format!("{name} netns {netns}"),
            None => name,
        }
    }

    fn group_heading(&self, by: GroupBy, buf: &mut Vec<u8>) {
        let (set, reset) = self.palette.heading();
        let mut text = Vec::new();
        let mut line = Line::new(&mut text);
        let legend = match by {
            GroupBy::Service => "→ client here, ← server, ? unknown",
            GroupBy::Process => "(who listens), ? unknown",
            GroupBy::Peer | GroupBy::Container => "",
        };
        let error = format!("HANDSHAKE TOOK, percentiles ±{:.0} %", PERCENTILE_ERROR * 100.0);
        line.put(legend).end_column(HANDSHAKE).put(&error).end();
        let mut line = Line::new(&mut text);
        line.put(&by.name().to_uppercase()).end_column(NAME);
        for (heading, width) in COLUMNS {
            line.right(width, heading);
        }
        buf.extend_from_slice(set.to_string().as_bytes());
        buf.extend_from_slice(&text);
        buf.extend_from_slice(format!("{reset}\n").as_bytes());
    }

    fn group_name(&self, protocol: Protocol, group: &Group) -> String {
        let services = self.options.services.as_ref();
        let service = |port| services.and_then(|services| services.name_of(protocol, port));
        let process = |it: &Process| format!("{}/{}", it.comm.escaped(), it.pid);
        match group {
            Group::Server { port, .. } => match service(*port) {
                Some(name) => format!("← :{name}"),
                None => format!("← :{port}"),
            },
            Group::Client { addr, port, .. } => {
                let end = Endpoint { addr: *addr, port: Some(*port) };
                let mut name = "→ ".to_owned();
                endpoint::push(&mut name, &end, endpoint::service_of(services, protocol, &end, Some(true)));
                name
            }
            Group::Network { addr, port, .. } => {
                let name = service(*port);
                let port = name.map_or_else(|| port.to_string(), str::to_owned);
                format!("{addr}/{} :{port}", network_bits(*addr))
            }
            Group::Peer(addr) => addr.to_string(),
            Group::Process(it) => process(it),
            Group::Listener(it) => format!("({})", process(it)),
            Group::Container(id) => id.chars().take(CONTAINER_ID).collect(),
            Group::Cgroup(path) => path.escape_debug().to_string(),
            Group::CgroupId(id) => format!("cgroup {id}"),
            Group::Unknown => "? unknown".to_owned(),
            Group::Other => "those beyond the limit".to_owned(),
        }
    }
}

/// Groups by all of their names but the namespace, and how many of each there are.
pub(super) fn namesakes<'a>(listed: impl IntoIterator<Item = &'a Group>) -> HashMap<Group, usize> {
    let mut count = HashMap::new();
    for group in listed {
        *count.entry(namesake(group)).or_default() += 1;
    }
    count
}

fn namesake(group: &Group) -> Group {
    match *group {
        Group::Server { port, .. } => Group::Server { port, netns: 0 },
        Group::Client { addr, port, .. } => Group::Client { addr, port, netns: 0 },
        Group::Network { addr, port, .. } => Group::Network { addr, port, netns: 0 },
        ref other => other.clone(),
    }
}

fn netns(group: &Group) -> Option<u32> {
    match group {
        Group::Server { netns, .. } | Group::Client { netns, .. } | Group::Network { netns, .. } => Some(*netns),
        _ => None,
    }
}

fn figure_line(name: &str, figures: &Figures, buf: &mut Vec<u8>) {
    let count = |count: u64| if count == 0 { NOTHING.to_owned() } else { grouped(count) };
    let percentiles = figures.handshakes.percentiles;
    let time = |ns: Option<u64>| ns.map_or_else(|| NOTHING.to_owned(), duration);
    let cells = [
        count(figures.connections),
        count(figures.open.unwrap_or_default()),
        count(figures.failed()),
        time(percentiles.map(|it| it.p50_ns)),
        time(percentiles.map(|it| it.p90_ns)),
        time(percentiles.map(|it| it.p99_ns)),
        time(percentiles.map(|it| it.max_ns)),
        count(figures.reset_count()),
        count(figures.retransmits),
        count(figures.time_wait.as_ref().map_or(0, |it| it.births)),
    ];
    let mut line = Line::new(buf);
    line.put(name).end_column(NAME);
    for (cell, (_, width)) in cells.iter().zip(COLUMNS) {
        line.right(width, &format!(" {cell}"));
    }
    line.end();
}

/// What went wrong and why, and how TIME_WAIT went.
fn details(figures: &Figures, detail: Detail, buf: &mut Vec<u8>) {
    let mut sentences = Vec::new();
    let failures: Vec<_> = figures.failures().map(|(outcome, count)| failure(outcome, count)).collect();
    if !failures.is_empty() {
        sentences.push(list("failed:", &failures));
    }
    if !figures.resets.is_empty() {
        let resets: Vec<_> = figures.resets.iter().map(reset).collect();
        sentences.push(list("RST:", &resets));
    }
    if detail == Detail::Full {
        if figures.outcome_unknown > 0 {
            sentences.push(list("ended, not known how:", &[grouped(figures.outcome_unknown)]));
        }
        if figures.handshakes_unknown > 0 {
            sentences.push(list("handshake time unknown:", &[grouped(figures.handshakes_unknown)]));
        }
        sentences.extend(figures.time_wait.iter().flat_map(time_wait));
    }
    wrap(&sentences.join("; "), buf);
}

fn failure(outcome: Outcome, count: u64) -> String {
    format!("{} {}", grouped(count), outcome.name().replace('_', " "))
}

fn reset(ResetCount { received, reason, inferred, count }: &ResetCount) -> String {
    let direction = Direction::of(*received).name();
    let mark = if *inferred { "~" } else { "" };
    let reason = reason.as_ref().map(|reason| format!(" {mark}{reason}"));
    format!("{} {direction}{}", grouped(*count), reason.unwrap_or_default())
}

fn time_wait(figures: &TimeWaits) -> Option<String> {
    let mut parts = Vec::new();
    if let Some(it) = figures.time_wait.percentiles {
        let times = [it.p50_ns, it.p99_ns, it.max_ns].map(duration);
        parts.push(format!("lasted {} (p50)", times[0]));
        parts.extend([format!("{} (p99)", times[1]), format!("{} (max)", times[2])]);
    }
    let ends = TimeWaitEnd::ALL.into_iter().zip(figures.ends).map(|(end, count)| (end.name(), count));
    for (end, count) in ends.chain([("ended, not known how", figures.ends_unknown)]) {
        if count > 0 {
            parts.push(format!("{} {}", grouped(count), end.replace('_', " ")));
        }
    }
    if let (Some(open @ 1..), Some(longest)) = (figures.still_open, figures.longest_so_far_ns) {
        parts.push(format!("{} there still, for {} or longer", grouped(open), duration(longest)));
    }
    (!parts.is_empty()).then(|| list("TIME_WAIT:", &parts))
}

/// A sentence that breaks only between its parts.
pub(super) fn list(what: &str, parts: &[String]) -> String {
    let parts: Vec<_> = parts.iter().map(|part| part.replace(' ', GLUE)).collect();
    format!("{}{GLUE}{}", what.replace(' ', GLUE), parts.join(", "))
}

/// Appends lines that are indented and as long as they may be.
pub(super) fn wrap(text: &str, buf: &mut Vec<u8>) {
    for line in lines(text, WIDTH - INDENT.len()) {
        buf.extend_from_slice(format!("{INDENT}{line}\n").as_bytes());
    }
}
