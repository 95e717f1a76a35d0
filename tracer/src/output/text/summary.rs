//! The figures at the end, in words.

use std::{cmp::Reverse, io::Write as _};

use super::{
    Form, TextOutput,
    groups::Detail,
    numbers::{counted, duration, grouped},
};
use crate::{
    account::{Account, TracepointAccount},
    event::MonotonicNs,
    figures::Summary,
    output::matrix::{Kind, kinds},
};

/// Kinds of transitions that are listed at most, three to a line.
const KINDS: usize = 9;

impl TextOutput {
    /// Appends the summary: the groups, at most 12 lines, and what is worth saying of the host.
    pub(super) fn summary(&mut self, summary: &Summary, buf: &mut Vec<u8>) {
        if self.options.form == Form::Figures {
            self.figures(summary, buf);
        } else if !self.options.quiet {
            self.groups(&summary.groups, Detail::Brief, buf);
            self.host(&summary.host, buf);
            let shown = format!("{} shown", counted(self.shown, "transition"));
            self.work(&shown, summary, buf);
        }
    }

    /// What the run is about: the groups. The account only closes it.
    fn figures(&mut self, summary: &Summary, buf: &mut Vec<u8>) {
        if !self.options.quiet {
            self.span(summary.is_final, (summary.from, summary.to), buf);
        }
        self.groups(&summary.groups, Detail::Full, buf);
        self.host(&summary.host, buf);
        if !summary.is_final {
            buf.push(b'\n');
        } else if !self.options.quiet {
            let transitions = counted(summary.transitions.iter().sum(), "transition");
            self.work(&transitions, summary, buf);
        }
    }

    /// Appends the line that says of which time the figures are.
    pub(super) fn span(&mut self, is_final: bool, (from, to): (MonotonicNs, MonotonicNs), buf: &mut Vec<u8>) {
        let what = match (is_final, self.has_figures) {
            (true, _) => "The whole run",
            (false, false) => "Since the start",
            (false, true) => "Since the last figures",
        };
        self.has_figures = true;
        let day = self.clock.day(from);
        let zone = self.clock.zone(to);
        let mut time = |time| self.clock.split(time).0.trim_end_matches('.').to_owned();
        let (began, ended) = (time(from), time(to));
        // Writing to memory does not fail, here and below.
        let _ = writeln!(buf, "{what}: {day} {began} to {ended} {zone}, {}", duration(to.since(from)));
    }

    /// Appends how much work it was, and whether anything is missing.
    fn work(&self, transitions: &str, summary: &Summary, buf: &mut Vec<u8>) {
        let _ = writeln!(
            buf,
            "\n{transitions} in {}; {} followed at the end.",
            duration(summary.to.since(summary.from)),
            counted(summary.tracked, "socket"),
        );
        if self.options.form == Form::Lines || self.options.verbose {
            push_kinds(&summary.transitions, buf);
        }
        if summary.resets != [0; 2] {
            let [sent, received] = summary.resets.map(grouped);
            let _ = writeln!(buf, "RST: {sent} sent, {received} received.");
        }
        if summary.inferred > 0 {
            let _ = writeln!(buf, "{} not seen, but inferred.", counted(summary.inferred, "transition"));
        }
        if summary.evicted > 0 {
            let _ = writeln!(
                buf,
                "{} forgotten before their end; a larger --table-size keeps them.",
                counted(summary.evicted, "socket")
            );
        }
        if summary.anomalies > 0 {
            let (set, reset) = self.palette.alarm();
            let _ = writeln!(buf, "{set}{} that TCP does not know.{reset}", counted(summary.anomalies, "transition"));
        }
        if let Some(account) = &summary.account {
            self.account(account, summary.unexplained_holes(), buf);
        } else {
            let _ = writeln!(buf, "No account, for the end of the run was not read.");
        }
    }

    fn account(&self, account: &Account, holes: u64, buf: &mut Vec<u8>) {
        let g = grouped;
        let _ = writeln!(
            buf,
            "Account: {} made by the kernel, {} seen, {} missed.",
            g(account.sum(TracepointAccount::made)),
            g(account.sum(TracepointAccount::seen)),
            g(account.missed())
        );
        let held = account.sum(TracepointAccount::held);
        let waiting = if held > 0 { format!(", {} undecided", g(held)) } else { String::new() };
        let _ = writeln!(
            buf,
            "Of those seen, {} filtered out, {} delivered, {} lost to full buffers{waiting}.",
            g(account.sum(TracepointAccount::filtered)),
            g(account.sum(TracepointAccount::submitted)),
            g(account.reserve_failed())
        );
        let shown = match self.options.form {
            Form::Lines => format!("; {} shown", g(self.shown + self.resets)),
            Form::Figures | Form::Sockets { .. } => String::new(),
        };
        let (read, unreadable) = (g(account.decoded), g(account.undecodable));
        let _ = writeln!(buf, "Of those delivered, {read} read, {unreadable} unreadable{shown}.");
        let (set, reset) = self.palette.alarm();
        let _ = match (account.closes(), account.lost()) {
            (true, _) if holes > 0 => writeln!(
                buf,
                "{set}The account closes, but {} or more never reached a program of tracer.{reset}",
                counted(holes, "transition")
            ),
            (true, 0) => writeln!(buf, "The account closes: nothing was lost."),
            (true, lost) => {
                writeln!(buf, "{set}The account closes: {} lost, each of them counted.{reset}", counted(lost, "record"))
            }
            (false, _) => writeln!(
                buf,
                "{set}The account does not close: figures above may lack records. Please report this.{reset}"
            ),
        };
    }
}

/// The most frequent kinds, three to a line, and how many there were of the others.
fn push_kinds(matrix: &[u64; 256], buf: &mut Vec<u8>) {
    let mut kinds: Vec<_> = kinds(matrix).collect();
    kinds.sort_by_key(|kind| Reverse(kind.count));
    let (listed, others) = kinds.split_at(kinds.len().min(KINDS));
    for row in listed.chunks(3) {
        let cells: Vec<_> = row.iter().map(cell).collect();
        let _ = writeln!(buf, "{}", cells.concat().trim_end());
    }
    if !others.is_empty() {
        let rest: u64 = others.iter().map(|kind| kind.count).sum();
        let _ = writeln!(buf, "{:>9} of {} other kinds", grouped(rest), others.len());
    }
}

fn cell(kind: &Kind) -> String {
    format!("{:>9} {:22}", grouped(kind.count), format!("{}→{}", kind.old, kind.new))
}
