//! Handshakes that the kernel added up: a line for each group, with percentiles and a histogram.

use std::{io::Write as _, slice};

use super::{
    TextOutput,
    columns::Line,
    groups::{NOTHING, list, namesakes, wrap},
    numbers::{counted, duration, grouped},
};
use crate::{
    account::LatencyAccount,
    figures::{BUCKET_ERROR, Distribution, Group, Latency, LatencyBy, LatencyGroup, UNKNOWN},
    observation::{Role, UnknownLatency},
};

/// Name of a group; a longer one pushes what follows.
const NAME: usize = 24;
/// Headings and widths of the columns behind it, a space in front of each.
const COLUMNS: [(&str, usize); 6] = [("COUNT", 10), ("P50", 8), ("P90", 8), ("P99", 8), ("P99.9", 8), ("MAX", 8)];
/// Column at which the latencies begin.
const LATENCIES: usize = 36;
/// Column at which the histogram begins; it has one column for each power of two of microseconds: 100 columns in all.
const BARS: usize = 76;
/// The first power, 16 µs; what is shorter is there, too.
const FIRST_POWER: u32 = 4;
const POWERS: usize = 24;
/// What some of the powers are.
const SCALE: &str = "16µs  1ms  32ms 1s  16s";
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

impl TextOutput {
    /// Appends the table; of the whole run also what became of all handshakes.
    pub(super) fn latency(&mut self, latency: &Latency, buf: &mut Vec<u8>) {
        if !self.options.quiet {
            self.span(latency.is_final, (latency.from, latency.to), buf);
        }
        if latency.groups.is_empty() {
            buf.extend_from_slice(b"No handshake was completed.\n");
        } else {
            self.latency_table(latency, buf);
        }
        match &latency.account {
            Some(account) if !self.options.quiet => self.latency_account(account, buf),
            Some(_) => {}
            None => buf.push(b'\n'),
        }
    }

    fn latency_table(&self, latency: &Latency, buf: &mut Vec<u8>) {
        self.latency_heading(latency.by, buf);
        // The arrow tells roles apart.
        let of_role = |role| latency.groups.iter().filter(move |group| group.role == role).map(|group| &group.group);
        let (clients, servers) = (namesakes(of_role(Role::Client)), namesakes(of_role(Role::Server)));
        let (listed, rest) = latency.groups.split_at(latency.top.min(latency.groups.len()));
        for group in listed {
            let names = if group.role == Role::Client { &clients } else { &servers };
            latency_line(&arrow(group, &self.full_name(&group.group, names)), &group.took, buf);
            latency_details(slice::from_ref(group), buf);
        }
        if !rest.is_empty() {
            latency_line(&format!("and {} more", grouped(rest.len() as u64)), &took(rest), buf);
            latency_details(rest, buf);
        }
        if latency.groups.len() > 1 {
            let (set, reset) = self.palette.heading();
            let _ = write!(buf, "{set}");
            latency_line(&format!("all {}", grouped(latency.groups.len() as u64)), &took(&latency.groups), buf);
            buf.pop();
            let _ = writeln!(buf, "{reset}");
            latency_details(&latency.groups, buf);
        }
    }

    fn latency_heading(&self, by: LatencyBy, buf: &mut Vec<u8>) {
        let (set, reset) = self.palette.heading();
        // Writing to memory does not fail, here and below.
        let _ = write!(buf, "{set}");
        let mut line = Line::new(buf);
        let error = format!("HANDSHAKE TOOK, percentiles ±{:.1} %", BUCKET_ERROR * 100.0);
        line.put("→ client here, ← server").end_column(LATENCIES).put(&error).end();
        let mut line = Line::new(buf);
        let what = if by == LatencyBy::Port { "SERVICE".to_owned() } else { by.name().to_uppercase() };
        line.put(&what).end_column(NAME);
        for (heading, width) in COLUMNS {
            line.right(width, heading);
        }
        line.end_column(2).put(SCALE).end();
        buf.pop();
        let _ = writeln!(buf, "{reset}");
    }

    fn latency_account(&self, account: &LatencyAccount, buf: &mut Vec<u8>) {
        let LatencyAccount { seen, filtered, lost, measured, unknown, missed } = *account;
        let _ = writeln!(
            buf,
            "\n{}: {} measured, {} of unknown latency, {} filtered out, {} lost.",
            counted(seen, "handshake"),
            grouped(measured),
            grouped(unknown),
            grouped(filtered),
            grouped(lost),
        );
        let (set, reset) = self.palette.alarm();
        if missed > 0 {
            let _ = writeln!(
                buf,
                "{set}The kernel skipped {}: so many handshakes are missing at most.{reset}",
                counted(missed, "state change")
            );
        }
        let _ = match (account.closes(), lost + missed) {
            (true, 0) => writeln!(buf, "The account closes: nothing was lost."),
            (true, _) => writeln!(buf, "{set}The account closes: what was lost is counted.{reset}"),
            (false, _) => writeln!(
                buf,
                "{set}The account does not close: figures above may lack handshakes. Please report this.{reset}"
            ),
        };
    }
}

/// The name with the direction, which some names have already.
fn arrow(LatencyGroup { role, group, .. }: &LatencyGroup, name: &str) -> String {
    match (group, role) {
        (Group::Server { .. } | Group::Client { .. }, _) => name.to_owned(),
        (_, Role::Client) => format!("→ {name}"),
        _ => format!("← {name}"),
    }
}

fn latency_line(name: &str, took: &Distribution, buf: &mut Vec<u8>) {
    let count = if took.count() == 0 { NOTHING.to_owned() } else { grouped(took.count()) };
    let mut cells = vec![count];
    match took.quantiles() {
        Some(it) => cells.extend([it.p50_ns, it.p90_ns, it.p99_ns, it.p999_ns, it.max_ns].map(duration)),
        None => cells.resize(COLUMNS.len(), NOTHING.to_owned()),
    }
    let mut line = Line::new(buf);
    line.put(name).end_column(NAME);
    for (cell, (_, width)) in cells.iter().zip(COLUMNS) {
        line.right(width, &format!(" {cell}"));
    }
    let bars = bars(took);
    if !bars.is_empty() {
        line.end_column(BARS - NAME - COLUMNS.iter().map(|(_, width)| width).sum::<usize>()).put(&bars);
    }
    line.end();
}

/// How many there are from each power of two of microseconds up to the next, relative to where there are most.
fn bars(took: &Distribution) -> String {
    let mut counts = [0_u64; POWERS];
    for (power, count) in took.powers() {
        counts[(power.saturating_sub(FIRST_POWER) as usize).min(POWERS - 1)] += count;
    }
    let most = counts.iter().copied().max().unwrap_or_default().max(1);
    let level = |count: u64| (u128::from(count) * LEVELS.len() as u128).div_ceil(most.into()) as usize;
    let bars: String =
        counts.into_iter().map(|count| if count == 0 { ' ' } else { LEVELS[level(count) - 1] }).collect();
    bars.trim_end().to_owned()
}

/// Of all these groups together: what is kept apart, and what the latency includes.
fn latency_details(groups: &[LatencyGroup], buf: &mut Vec<u8>) {
    let mut sentences = Vec::new();
    for (role, what) in [(Role::Client, "SYN retransmitted:"), (Role::Server, "SYN-ACK retransmitted:")] {
        let retransmitted = sum(groups.iter().filter(|group| group.role == role).map(|group| &group.retransmitted));
        if let Some(it) = retransmitted.quantiles() {
            let times = [(it.p50_ns, "p50"), (it.p99_ns, "p99"), (it.max_ns, "max")];
            let times = times.map(|(ns, name)| format!("{} ({name})", duration(ns)));
            sentences.push(list(what, &[&[grouped(retransmitted.count())], &times[..]].concat()));
        }
    }
    let unknown = |at: usize| groups.iter().map(|group| group.unknown[at]).sum::<u64>();
    let reasons = UNKNOWN.iter().enumerate().map(|(at, reason)| (unknown(at), reason)).filter(|(count, _)| *count > 0);
    let reasons: Vec<_> = reasons.map(|(count, reason)| format!("{} {}", grouped(count), why(*reason))).collect();
    if !reasons.is_empty() {
        sentences.push(list("unknown:", &reasons));
    }
    if groups.iter().any(|group| group.deferred) {
        sentences.push(list("includes", &["the wait for data (TCP_DEFER_ACCEPT)".to_owned()]));
    }
    wrap(&sentences.join("; "), buf);
}

/// How long handshakes took of all these groups together.
fn took(groups: &[LatencyGroup]) -> Distribution {
    sum(groups.iter().map(|group| &group.took))
}

fn sum<'a>(parts: impl Iterator<Item = &'a Distribution>) -> Distribution {
    let mut sum = Distribution::default();
    parts.for_each(|part| sum.merge(part));
    sum
}

fn why(reason: UnknownLatency) -> &'static str {
    match reason {
        UnknownLatency::NoSample => "without a sample",
        UnknownLatency::MaybeSynCookie => "perhaps SYN cookies",
        UnknownLatency::SynAckRetransmitted => "whose first SYN-ACK was not seen",
        UnknownLatency::StartNotSeen | UnknownLatency::DeferredFastOpen => "whose first SYN was not seen",
    }
}
