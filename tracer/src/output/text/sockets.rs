//! Sockets of a moment: a line each.

use std::fmt::{self, Write as _};

use super::{
    Form, TextOutput, endpoint,
    groups::{CONTAINER_ID, NOTHING},
    line::arrow,
    numbers::{counted, duration, grouped, push_grouped},
    table::{Column, Table},
};
use crate::{
    config::Columns,
    event::{Endpoint, Family, MonotonicNs, TcpState},
    figures::{Listed, Sockets},
    observation::Role,
    services::PortClass,
    socket::{Owner, Owners, Protocol, Socket, SocketTimer},
};

/// An end with an IPv4 address and port in full is this long.
const END: usize = 21;
/// Where the cursor goes before a screen is drawn again, and what was there goes (ECMA-48: CUP, ED).
const FROM_THE_TOP: &[u8] = b"\x1b[H\x1b[J";
/// No bound.
const ANY: usize = usize::MAX;
/// What is unknown for lack of privilege.
pub(super) const HIDDEN: &str = "?";
/// What nobody holds.
pub(super) const NOBODY: &str = "-";
/// What ss calls a socket of UDP that is not connected, which is no state of UDP's own.
const UNCONNECTED: &str = "UNCONN";

impl TextOutput {
    /// Appends a line for each socket.
    pub(super) fn sockets(&mut self, sockets: &Sockets, buf: &mut Vec<u8>) {
        let columns = match self.options.form {
            Form::Sockets { columns, .. } => columns,
            Form::Lines | Form::Figures => Columns::default(),
        };
        let netns =
            self.options.verbose || sockets.listed.windows(2).any(|two| two[0].socket.netns != two[1].socket.netns);
        let mut table = Table::new(headings(columns, netns));
        sockets.listed.iter().for_each(|listed| self.socket(listed, columns, netns, &mut table));
        self.moment(sockets.at, sockets.listed.len() as u64, buf);
        self.table(&table, self.screen.columns, buf);
    }

    /// Appends which moment it is, if there are several. On a screen it takes the place of the last one.
    pub(super) fn moment(&mut self, at: MonotonicNs, count: u64, buf: &mut Vec<u8>) {
        if self.screen.rows.is_some() {
            buf.extend_from_slice(FROM_THE_TOP);
        }
        if matches!(self.options.form, Form::Sockets { again: true, .. }) && !self.options.quiet {
            let day = self.clock.day(at);
            let zone = self.clock.zone(at);
            let (seconds, _) = self.clock.split(at);
            let seconds = seconds.trim_end_matches('.');
            buf.extend_from_slice(format!("{day} {seconds} {zone}, {}\n", counted(count, "socket")).as_bytes());
        }
    }

    /// Appends a table with lines of so many columns, as much of it as there is room for.
    pub(super) fn table(&self, table: &Table, columns: Option<usize>, buf: &mut Vec<u8>) {
        let heading = (!self.options.quiet).then(|| self.palette.heading());
        let style = |tint| self.palette.state(TcpState::try_from(tint).unwrap_or(TcpState::Close));
        // One line says what moment it is, one is where the cursor stands.
        let lines = self.screen.rows.map(|rows| rows.saturating_sub(2));
        let left_out = table.write(columns, lines, heading.as_ref(), style, buf);
        if left_out > 0 {
            buf.extend_from_slice(format!("and {} more\n", grouped(left_out as u64)).as_bytes());
        }
        if matches!(self.options.form, Form::Sockets { again: true, .. }) && self.screen.rows.is_none() {
            buf.push(b'\n');
        }
    }

    fn socket(&self, listed: &Listed, columns: Columns, netns: bool, table: &mut Table) {
        let Listed { socket, role, .. } = listed;
        table.cell(0, |text| {
            text.push_str(socket.protocol.name());
            text.push_str(if socket.family == Family::Ipv6 { "6" } else { "" });
        });
        table.cell(0, |text| push_grouped(text, socket.recv_q.into()));
        table.cell(0, |text| push_grouped(text, socket.send_q.into()));
        table.cell(0, |text| self.local(text, listed));
        table.cell(0, |text| {
            text.push_str(direction(socket, *role));
            text.push(' ');
            self.end(text, socket, &socket.remote, serves(listed).map(|serves| !serves));
        });
        table.cell(socket.state as u8, |text| text.push_str(state(socket.protocol, socket.state)));
        if columns.timers {
            table.cell(0, |text| timer(text, socket.timer));
        }
        if columns.extended {
            extended(socket, table);
        }
        if columns.port_class {
            table.cell(0, |text| classes(text, socket));
        }
        if has_last(columns, netns) {
            table.cell(0, |text| self.last(text, socket, columns, netns));
        }
    }

    /// As ss has it: `10.0.0.5%eth0:https` if the socket is bound to an interface.
    fn local(&self, text: &mut String, listed: &Listed) {
        let Listed { socket, .. } = listed;
        let Some(index) = socket.ifindex else { return self.end(text, socket, &socket.local, serves(listed)) };
        endpoint::push_addr(text, &socket.local);
        // Writing to memory does not fail.
        let _ = match &socket.interface {
            Some(name) => write!(text, "%{}", name.escape_debug()),
            None => write!(text, "%{index}"),
        };
        endpoint::push_port(text, &socket.local, self.service(socket, &socket.local, serves(listed)));
    }

    /// `10.0.0.5:https`; `*` for no end at all.
    fn end(&self, text: &mut String, socket: &Socket, end: &Endpoint, serves: Option<bool>) {
        if end.is_nowhere() {
            text.push('*');
            return;
        }
        endpoint::push(text, end, self.service(socket, end, serves));
    }

    fn service(&self, socket: &Socket, end: &Endpoint, serves: Option<bool>) -> Option<&str> {
        endpoint::service_of(self.options.services.as_ref(), socket.protocol, end, serves)
    }

    /// Who holds it, and what else is asked for and has no column.
    fn last(&self, text: &mut String, socket: &Socket, columns: Columns, netns: bool) {
        let begin = text.len();
        if columns.processes {
            holders(text, socket, columns.extended);
        }
        let mut also = |words: fmt::Arguments<'_>| {
            text.push_str(if text.len() > begin { " " } else { "" });
            // Writing to memory does not fail.
            let _ = text.write_fmt(words);
        };
        if columns.extended
            && let Some(id) = socket.container()
        {
            also(format_args!("container={}", &id[..CONTAINER_ID.min(id.len())]));
        }
        if netns {
            also(format_args!("netns={}", socket.netns));
        }
        if self.options.verbose {
            if let Some(cookie) = socket.cookie {
                also(format_args!("socket={}", cookie.0));
            }
            if let Some(path) = &socket.cgroup {
                also(format_args!("cgroup={}", path.escape_debug()));
            }
        }
    }
}

/// Whether there is a last column: for holders and what has no column of its own.
fn has_last(columns: Columns, netns: bool) -> bool {
    columns.processes || columns.extended || netns
}

fn headings(columns: Columns, netns: bool) -> Vec<Column> {
    let left = |heading, widest| Column { heading, right: false, widest };
    let right = |heading| Column { heading, right: true, widest: ANY };
    let mut all = vec![
        left("PROTO", ANY),
        right("RECV-Q"),
        right("SEND-Q"),
        left("LOCAL", END),
        left("  REMOTE", END + 2),
        left("STATE", ANY),
    ];
    if columns.timers {
        all.push(left("TIMER", ANY));
    }
    if columns.extended {
        all.extend([right("UID"), right("INODE"), right("RTT"), right("RETRANS")]);
    }
    if columns.port_class {
        all.push(left("PORTS", ANY));
    }
    if has_last(columns, netns) {
        all.push(left(if columns.processes { "PROCESS" } else { "" }, 0));
    }
    all
}

/// Whether this host's end is the one where services live; `None` if that is not known.
fn serves(Listed { socket, role, .. }: &Listed) -> Option<bool> {
    if socket.listens() { Some(true) } else { role.map(|role| role != Role::Client) }
}

/// Of UDP and of what is not connected nobody asks who began.
fn direction(socket: &Socket, role: Option<Role>) -> &'static str {
    match socket.protocol {
        _ if socket.listens() => arrow(Some(Role::Listener)),
        Protocol::Tcp if !socket.remote.is_nowhere() => arrow(role),
        Protocol::Tcp | Protocol::Udp => " ",
    }
}

/// The state as people know it.
pub(super) fn state(protocol: Protocol, state: TcpState) -> &'static str {
    match (protocol, state) {
        (Protocol::Udp, TcpState::Close) => UNCONNECTED,
        _ => state.name(),
    }
}

fn timer(text: &mut String, timer: Option<SocketTimer>) {
    let Some(SocketTimer { kind, remaining_ns, expired }) = timer else { return text.push_str(NOTHING) };
    // Writing to memory does not fail.
    let _ = write!(text, "{} {}", kind.name(), duration(remaining_ns));
    if expired > 0 {
        let _ = write!(text, " ×{expired}");
    }
}

fn extended(socket: &Socket, table: &mut Table) {
    let mut number = |number: Option<u64>| {
        table.cell(0, |text| match number {
            Some(number) => drop(write!(text, "{number}")),
            None => text.push_str(NOTHING),
        });
    };
    number(socket.uid.map(u64::from));
    number(socket.inode.map(u64::from));
    let tcp = socket.tcp;
    table.cell(0, |text| match tcp.and_then(|tcp| tcp.rtt_ns) {
        Some(ns) => text.push_str(&duration(ns)),
        None => text.push_str(NOTHING),
    });
    table.cell(0, |text| match tcp.map_or(0, |tcp| tcp.retransmits) {
        0 => text.push_str(NOTHING),
        count => push_grouped(text, count.into()),
    });
}

/// `system`, or of both ends `dynamic/system`.
fn classes(text: &mut String, socket: &Socket) {
    let ports = [socket.local.port, socket.remote.port].into_iter().flatten();
    for (place, port) in ports.enumerate() {
        text.push_str(if place > 0 { "/" } else { "" });
        text.push_str(PortClass::of(port).name());
    }
}

/// `nginx/812,813 php/900`, with descriptors `nginx/812:6,7`.
fn holders(text: &mut String, socket: &Socket, with_descriptors: bool) {
    let owners = match &socket.owners {
        Owners::Hidden => return text.push_str(HIDDEN),
        Owners::Known(owners) if owners.is_empty() => return text.push_str(NOBODY),
        Owners::Known(owners) => owners,
    };
    let mut before: Option<&Owner> = None;
    for owner in owners {
        let is_same = before.is_some_and(|before| before.pid == owner.pid);
        let is_namesake = before.is_some_and(|before| before.comm == owner.comm) && !with_descriptors;
        // Writing to memory does not fail.
        let _ = match before {
            Some(_) if is_same && with_descriptors => write!(text, ",{}", owner.fd),
            Some(_) if is_same => Ok(()),
            Some(_) if is_namesake => write!(text, ",{}", owner.pid),
            _ => {
                text.push_str(if before.is_some() { " " } else { "" });
                let _ = write!(text, "{}/{}", owner.comm.escaped(), owner.pid);
                if with_descriptors { write!(text, ":{}", owner.fd) } else { Ok(()) }
            }
        };
        before = Some(owner);
    }
}
