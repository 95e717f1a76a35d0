//! The page and the data beside it.

use std::fmt::Write as _;

use serde::Serialize;

use super::{
    Plan,
    contender::Contender,
    figures::{Case, Comparison, Figures, Sample, Samples, Spread},
    load::MAX_TIME_WAIT,
    machine::Machine,
    row::ROWS,
};
use crate::storm::Load;

/// All there is to say.
#[derive(Serialize)]
pub(crate) struct Report<'a> {
    machine: Machine,
    rounds: u16,
    seconds: u64,
    threads: u8,
    /// Where tracer's programs are.
    tracepoints: &'a [String],
    lines: Vec<Line>,
    skipped: &'a [(String, String)],
    samples: Vec<Measured<'a>>,
}

/// The figures of a row under one load.
#[derive(Serialize)]
struct Line {
    row: String,
    #[serde(skip)]
    title: &'static str,
    load: Load,
    #[serde(flatten)]
    figures: Figures,
    compared_with_old: Option<Comparison>,
}

#[derive(Serialize)]
struct Measured<'a> {
    #[serde(flatten)]
    case: &'a Case,
    #[serde(flatten)]
    sample: &'a Sample,
}

impl<'a> Report<'a> {
    /// Of all contenders, and of those that could not be measured.
    pub(crate) fn new(
        plan: &'a Plan,
        contenders: &[Contender],
        skipped: &'a [(String, String)],
        samples: &'a Samples,
    ) -> Self {
        let line = |load, who: &Contender| {
            let old = contenders.iter().find(|old| old.is_old && !who.is_old && old.row.key == who.row.key);
            let figures = samples.figures(who, load);
            let compared_with_old = old.map(|old| samples.comparison(who, old, load));
            let title = who.row.title;
            figures.per_second.map(|_| Line { row: who.to_string(), title, load, figures, compared_with_old })
        };
        let lines = |load| contenders.iter().filter_map(move |who| line(load, who));
        Self {
            machine: Machine::read(),
            rounds: plan.rounds,
            seconds: plan.seconds,
            threads: plan.threads,
            tracepoints: &plan.tracepoints,
            lines: lines(Load::Connect).chain(lines(Load::Exchange)).collect(),
            skipped,
            samples: samples.all().iter().map(|(case, sample)| Measured { case, sample }).collect(),
        }
    }

    /// The page.
    pub(crate) fn markdown(&self) -> String {
        let mut page = self.heading();
        page += "\n## Connections made and closed\n\n";
        page += "| watched by | connections/s | kept | kernel, ns | net, ns | user CPU, s | system CPU, s | seen of made \
                 | lost | idle, MiB | busy, MiB | peak, MiB |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n";
        self.of(Load::Connect).for_each(|line| page += &line.connecting());
        for (row, reason) in self.skipped {
            let title = ROWS.iter().find(|known| known.key == row).map_or(row.as_str(), |row| row.title);
            let _ = writeln!(page, "| {title} | not measured: {} |", reason.replace(['|', '\n'], " "));
        }
        page += COLUMNS;
        if self.of(Load::Exchange).next().is_some() {
            page += "\n## A thousand connections that stay\n\nA question of 100 bytes, an answer of 1,000, one after \
                     the other on each connection in turn.\n\n| watched by | exchanges/s | kept |\n|---|---|---|\n";
            self.of(Load::Exchange).for_each(|line| page += &line.exchanging());
        }
        page + &self.comparisons()
    }

    fn of(&self, load: Load) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(move |line| line.load == load)
    }

    fn heading(&self) -> String {
        let Self { machine, rounds, seconds, threads, tracepoints, .. } = self;
        format!(
            "# What tracing costs\n\nMade by `cargo xtask bench`; [overhead.json](overhead.json) has every sample. \
             {machine}. {rounds} rounds of {seconds} s; each figure is the median of the rounds, with the range.\n\n\
             Every round measures each row once, another one first each time, so that a machine that gets slower does \
             so for everyone, and compares it with the unwatched storm of its own round. What the kernel's statistics \
             say (`BPF_ENABLE_STATS`) is from storms of their own in the same rounds, because they take time, too.\n\n\
             The storm has {threads} workers, each client and server in one thread and with a listener of its own: \
             connect, accept, close, read the end, close, ten changes of state. Nobody waits for the scheduler, so what \
             tracing costs shows as plainly as it can; a real server does more between two of them. The workers walk \
             through 250 addresses each, so that ports do not run out. They are not pinned: where a tracer's own thread \
             runs, the scheduler moves them, as on any host. Every storm has a network namespace of its own with \
             `tcp_max_tw_buckets` at {MAX_TIME_WAIT}, so that all clients rest in TIME_WAIT; it is removed, with them, \
             when whoever watched has ended, and before the next one begins.\n\ntracer's programs are on {}.\n",
            shown_tracepoints(tracepoints),
        )
    }

    fn comparisons(&self) -> String {
        let mut page = String::new();
        for line in &self.lines {
            let Some(Comparison { per_second, kernel_ns, cpu }) = &line.compared_with_old else { continue };
            let Line { row, load, .. } = line;
            let cells = [per_second, kernel_ns, cpu].map(|spread| cell(spread, 3)).join(" | ");
            let _ = writeln!(page, "| {row}, {load} | {cells} |");
        }
        if page.is_empty() {
            return page;
        }
        let heading = "| row | rate | kernel | CPU |\n|---|---|---|---|\n";
        format!("\n## Compared with the old one\n\nNew divided by old, in each round for itself.\n\n{heading}{page}")
    }
}

const COLUMNS: &str = "
- *kept*: connections/s as a share of what they are when nobody watches.
- *kernel*: time in all programs of the row for each transition; *net*: without what an empty program takes on the same
  tracepoint for each of their runs, by the row of empty programs. Neither has what the kernel does around programs.
- *CPU*: of the process, for a million transitions, from when it is attached to its end.
- *seen of made*: all rounds together; handshakes of both ends where only these are measured. The storm counts what it
  makes; who watches sees the whole host, so what is more than all is of other programs, of which many say that the row
  was disturbed. What is fewer, with nothing lost, the kernel withheld (ARCHITECTURE.md, Kernels that withhold events).
- *lost*: what the row itself says, all rounds together. bpftrace that counts does not say what it misses.
- *idle*, *busy*: memory of the process before the storm and after it (`Pss`: each page once, ring buffers included, which
  `VmRSS` counts twice because they are mapped twice); *peak*: the most it ever had resident (`VmHWM`), which with BPF loaders is
  while they read the kernel's type information.
";

impl Line {
    fn connecting(&self) -> String {
        let Figures {
            per_second, kept, kernel_ns, kernel_net_ns, user_s, system_s, idle_mib, busy_mib, peak_mib, ..
        } = &self.figures;
        // They are the measure.
        let net = kernel_net_ns.as_ref().filter(|_| !self.row.starts_with("empty"));
        let cells = [
            cell(per_second, 0),
            cell(kept, 3),
            cell(kernel_ns, 0),
            net.map_or("–".to_owned(), |net| format!("{net:.0}")),
            cell(user_s, 2),
            cell(system_s, 2),
            seen(&self.figures),
            lost(&self.figures),
            cell(idle_mib, 1),
            cell(busy_mib, 1),
            cell(peak_mib, 1),
        ];
        format!("| {} | {} |\n", self.title(), cells.join(" | "))
    }

    fn exchanging(&self) -> String {
        let Figures { per_second, kept, .. } = &self.figures;
        format!("| {} | {} | {} |\n", self.title(), cell(per_second, 0), cell(kept, 3))
    }

    fn title(&self) -> String {
        let old = if self.row.ends_with("@old") { ", the old one" } else { "" };
        format!("{}{old}", self.title)
    }
}

fn cell(spread: &Option<Spread>, digits: usize) -> String {
    spread.map_or("–".to_owned(), |spread| format!("{spread:.digits$}"))
}

fn seen(figures: &Figures) -> String {
    let (Some(seen), made) = (figures.seen, figures.made) else { return "–".to_owned() };
    // Rounded down: all but one is not 100 %.
    let thousandths = (seen.min(made) as f64 * 100_000.0 / made as f64).floor();
    format!("{:.3} % ({:+})", thousandths / 1000.0, i128::from(seen) - i128::from(made))
}

fn lost(figures: &Figures) -> String {
    if figures.seen.is_none() {
        return "–".to_owned();
    }
    let kinds: Vec<_> = figures.lost.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    if kinds.is_empty() { "0".to_owned() } else { kinds.join(", ") }
}

/// Each once, with how many programs are there.
fn shown_tracepoints(tracepoints: &[String]) -> String {
    let mut counted = Vec::<(&str, usize)>::new();
    for name in tracepoints {
        match counted.iter_mut().find(|(known, _)| known == name) {
            Some((_, count)) => *count += 1,
            None => counted.push((name, 1)),
        }
    }
    counted.into_iter().map(|(name, count)| format!("`{name}` ({count})")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn figures(seen: Option<u64>, lost: BTreeMap<&'static str, u64>) -> Figures {
        let spread = |value| Spread::of([value]);
        Figures {
            per_second: spread(50.0),
            kept: spread(0.75),
            kernel_ns: spread(200.0),
            kernel_net_ns: spread(120.0),
            user_s: spread(1.5),
            system_s: None,
            idle_mib: spread(9.0),
            busy_mib: spread(12.0),
            peak_mib: spread(50.0),
            made: 10_000_000,
            seen,
            lost,
        }
    }

    #[test]
    fn all_but_one_is_not_all() {
        assert_eq!(seen(&figures(Some(9_999_999), BTreeMap::new())), "99.999 % (-1)");
        assert_eq!(seen(&figures(Some(10_000_004), BTreeMap::new())), "100.000 % (+4)");
    }

    #[test]
    fn losses_are_told_by_kind_and_unknown_is_not_none() {
        assert_eq!(lost(&figures(None, BTreeMap::new())), "–");
        assert_eq!(lost(&figures(Some(1), BTreeMap::new())), "0");
        let kinds = BTreeMap::from([("ring full", 2), ("missed", 1)]);
        assert_eq!(lost(&figures(Some(1), kinds)), "1 missed, 2 ring full");
    }

    #[test]
    fn a_line_has_as_many_cells_as_the_heading() {
        let figures = figures(Some(10_000_000), BTreeMap::new());
        let line = Line { row: "x".to_owned(), title: "x", load: Load::Connect, figures, compared_with_old: None };
        assert_eq!(
            line.connecting(),
            "| x | 50 (50–50) | 0.750 (0.750–0.750) | 200 (200–200) | 120 (120–120) | 1.50 (1.50–1.50) | – \
             | 100.000 % (+0) | 0 | 9.0 (9.0–9.0) | 12.0 (12.0–12.0) | 50.0 (50.0–50.0) |\n"
        );
    }

    #[test]
    fn tracepoints_are_counted() {
        let names = ["a", "a", "b"].map(str::to_owned);
        assert_eq!(shown_tracepoints(&names), "`a` (2), `b` (1)");
    }
}
