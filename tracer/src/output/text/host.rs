//! What somebody should know of the host, in words; with details, all of it.

use std::{io::Write as _, net::IpAddr};

use super::{
    TextOutput,
    endpoint::service,
    numbers::{counted, duration, grouped},
};
use crate::{
    event::{Endpoint, Process},
    figures::host::{Comparison, Destination, Holder, HostFigures, Listening, Pair, Rate, Service, StuckGroup},
    namespace::Counter,
};

impl TextOutput {
    /// Appends what is worth saying.
    pub(super) fn host(&mut self, host: &HostFigures, buf: &mut Vec<u8>) {
        let verbose = self.options.verbose;
        for destination in host.ports.destinations.iter().filter(|it| verbose || it.is_worth_saying()) {
            self.destination(destination, buf);
        }
        for group in host.stuck.groups.iter().filter(|group| verbose || group.stuck > 0) {
            self.stuck(group, buf);
        }
        host.listen.iter().for_each(|listening| push_listening(listening, buf));
        for comparison in &host.kernel_counters {
            self.comparison(comparison, buf);
        }
    }

    /// Ports held, and, if there is cause, how long they last and what failed. Writing to memory does not fail, here and
    /// below.
    fn destination(&mut self, it: &Destination, buf: &mut Vec<u8>) {
        let remote = self.place(it.remote, it.remote_port);
        let at_least = if it.time_wait.is_none() { "at least " } else { "" };
        let held = grouped(it.held());
        let _ = write!(buf, "Ports: {} → {remote} holds {at_least}{held}", it.local);
        let _ = match it.total() {
            Some(total) => write!(buf, " of {}", grouped(total.into())),
            None => write!(buf, " (of how many is not known)"),
        };
        if let Some(time_wait) = it.time_wait.filter(|count| *count > 0) {
            let _ = write!(buf, ", {} in TIME_WAIT", grouped(time_wait));
        }
        buf.extend_from_slice(b".\n");
        if !it.is_worth_saying() {
            return;
        }
        if let (Some(rate), Some(ns)) = (&it.change, it.exhausted_in_ns().filter(|ns| *ns > 0)) {
            let _ = writeln!(buf, "  {} more each second: none is left in {}.", per_second(rate), duration(ns));
        }
        if let (Some(total), Some(milli)) = (it.total(), it.sustainable_milli_per_s()) {
            let (total, rate) = (grouped(total.into()), grouped(milli / 1000));
            let _ = writeln!(buf, "  {total} ports, 60 s each: {rate} new connections a second{}.", reuse(it));
        }
        if let Some(first) = &it.first_failed {
            let (set, reset) = self.palette.alarm();
            let found = first.port.map_or("found no port".to_owned(), |port| format!("found port {port} in use"));
            let _ = write!(buf, "{set}  {}; the first {found} at ", counted(it.failed, "failed connect"));
            self.clock_time(first.at, buf);
            let _ = writeln!(buf, "{}{reset}", by(first.process.as_ref()));
            // ip(7): the port is chosen by connect() then, for this destination only.
            buf.extend_from_slice(
                b"  Who binds an address before connect() shares a port with other destinations only by\n  \
                  IP_BIND_ADDRESS_NO_PORT.\n",
            );
        }
    }

    fn stuck(&self, group: &StuckGroup, buf: &mut Vec<u8>) {
        let what = match group.service {
            Service::Server(port) => format!("accepted on :{port}"),
            Service::Client(addr, port) => format!("to {}", self.place(addr, port)),
            Service::Unknown(addr, port) => format!("with {}", self.place(addr, port)),
        };
        let whose = match &group.holder {
            Holder::Owner(process) => format!("held by {}", name(process)),
            Holder::Listener(process) => format!("listener {}", name(process)),
            Holder::Unknown => "owner not known".to_owned(),
        };
        let bound = if group.oldest_is_lower_bound { "≥ " } else { "" };
        let (count, word) = if group.stuck > 0 { (group.stuck, "Stuck") } else { (group.count, "At rest") };
        let _ = writeln!(
            buf,
            "{word}: {} {} {what}, {whose}, oldest {bound}{}.",
            grouped(count),
            group.state,
            duration(group.oldest_ns)
        );
    }

    fn comparison(&self, comparison: &Comparison, buf: &mut Vec<u8>) {
        let netns = comparison.netns;
        if let Some(reason) = comparison.incomparable {
            if self.options.verbose {
                let _ = writeln!(
                    buf,
                    "The kernel's counters of netns {netns} are not compared: {}.",
                    reason.name().replace('_', " ")
                );
            }
            return;
        }
        let compared: Vec<_> = comparison.counted().filter(|(_, pair)| pair.unexplained.is_some()).collect();
        let (well, ill): (Vec<_>, Vec<_>) = compared.into_iter().partition(|(_, pair)| pair.unexplained == Some(0));
        for (counted, Pair { kernel, ours, causes, unexplained }) in ill {
            let (set, reset) = self.palette.alarm();
            let named = causes.iter().map(|(cause, count)| (*count, cause.name().replace('_', " ")));
            let parts: Vec<_> = named.map(|(count, cause)| format!("{} {cause}, ", grouped(count))).collect();
            let _ = writeln!(
                buf,
                "{set}{} of netns {netns}: kernel {}, tracer {}, {}{} unexplained.{reset}",
                counted.name(),
                grouped(kernel.unwrap_or(0)),
                grouped(ours.unwrap_or(0)),
                parts.concat(),
                unexplained.unwrap_or(0),
            );
        }
        if self.options.verbose && !well.is_empty() {
            let names: Vec<_> = well
                .iter()
                .map(|(counted, pair)| format!("{} {}", counted.name(), grouped(pair.kernel.unwrap_or(0))))
                .collect();
            let _ = writeln!(buf, "The kernel's counters of netns {netns} agree:\n  {}.", names.join(", "));
        }
    }

    /// `10.0.0.5:https`
    fn place(&self, addr: IpAddr, port: u16) -> String {
        let end = Endpoint { addr, port: Some(port) };
        let mut text = String::new();
        super::endpoint::push(&mut text, &end, service(self.options.services.as_ref(), &end, Some(true)));
        text
    }
}

fn push_listening(listening: &Listening, buf: &mut Vec<u8>) {
    let word = |counter| match counter {
        Counter::ListenOverflows => "accept queue full",
        Counter::ListenDrops => "dropped by listeners in all",
        Counter::RequestQueueDrops => "SYN dropped, queue full",
        Counter::RequestQueueCookies => "queue of SYNs full",
        Counter::SyncookiesSent => "SYN cookies sent",
        Counter::SyncookiesRecv => "SYN cookies returned",
        Counter::SyncookiesFailed => "bad SYN cookies",
        Counter::TimeWaitOverflow => "TIME_WAIT table full",
        other => other.name(),
    };
    let grown = listening.counted().filter_map(|(counter, grown)| Some((counter, grown.filter(|grown| *grown > 0)?)));
    let words: Vec<_> = grown.map(|(counter, grown)| format!("{} {}", grouped(grown), word(counter))).collect();
    for (number, row) in words.chunks(3).enumerate() {
        let head = if number == 0 { format!("Netns {}:", listening.netns) } else { " ".to_owned() };
        let end = if (number + 1) * 3 >= words.len() { "." } else { "," };
        let _ = writeln!(buf, "{head} {}{end}", row.join(", "));
    }
}

/// What `tcp_tw_reuse` makes of it, or would.
fn reuse(it: &Destination) -> String {
    let Some(milli) = it.sustainable_by_reuse_milli_per_s() else { return String::new() };
    let rate = grouped(milli / 1000);
    match (it.settings.tw_reuse, it.reused_after_ms()) {
        (Some(setting), Some(_)) => format!("; {rate} by tcp_tw_reuse={setting}"),
        (Some(setting), None) => format!("; {rate} with tcp_tw_reuse=1 (now {setting})"),
        (None, _) => String::new(),
    }
}

fn per_second(rate: &Rate) -> String {
    let milli = rate.milli_per_s().unsigned_abs();
    if milli < 10_000 { format!("{:.1}", milli as f64 / 1000.0) } else { grouped(milli / 1000) }
}

fn by(process: Option<&Process>) -> String {
    process.map_or_else(String::new, |process| format!(" ({})", name(process)))
}

fn name(process: &Process) -> String {
    format!("{}/{}", process.comm.escaped(), process.pid)
}
