//! From samples to figures.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use serde::Serialize;

use super::{
    contender::Contender,
    fdinfo::Program,
    process::CpuTime,
    row::{EMPTY_ALL, NONE},
    running::Memory,
    tells::Seen,
};
use crate::storm::{Load, Storm};

/// One storm under one contender.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Sample {
    /// What happened.
    pub(crate) storm: Storm,
    /// The contender's programs; they have figures only if the kernel's statistics were on.
    pub(crate) programs: Vec<Program>,
    /// What its process took.
    pub(crate) cpu: Option<CpuTime>,
    /// What its process had.
    pub(crate) memory: Option<Memory>,
    /// What it says it saw.
    pub(crate) seen: Option<Seen>,
}

impl Sample {
    /// Connections or exchanges a second.
    fn rate(&self) -> f64 {
        self.storm.count as f64 / self.storm.seconds
    }

    /// Time in all programs together, nanoseconds.
    fn kernel_ns(&self) -> f64 {
        self.programs.iter().map(|program| program.run_time_ns as f64).sum::<f64>() / self.storm.transitions as f64
    }

    /// The same without what as many runs of programs that do nothing took.
    fn net_ns(&self, empty: &EmptyRuns) -> f64 {
        let net = |program: &Program| program.run_time_ns as f64 - empty.of(program) * program.runs as f64;
        self.programs.iter().map(net).sum::<f64>() / self.storm.transitions as f64
    }

    /// CPU seconds a million transitions.
    fn per_million(&self, seconds: impl Fn(&CpuTime) -> f64) -> Option<f64> {
        Some(seconds(self.cpu.as_ref()?) * 1e6 / self.storm.transitions as f64)
    }
}

/// What a run of an empty program takes on each tracepoint, nanoseconds.
struct EmptyRuns(HashMap<String, f64>);

impl EmptyRuns {
    fn measured(empty: &Sample) -> Self {
        let mut sums = HashMap::<String, (u64, u64)>::new();
        for program in &empty.programs {
            let (time, runs) = sums.entry(program.tracepoint.clone().unwrap_or_default()).or_default();
            (*time, *runs) = (*time + program.run_time_ns, *runs + program.runs);
        }
        let ran = sums.into_iter().filter(|(_, (_, runs))| *runs > 0);
        Self(ran.map(|(name, (time, runs))| (name, time as f64 / runs as f64)).collect())
    }

    /// What is attached in another way is so to the tracepoint of state changes.
    fn of(&self, program: &Program) -> f64 {
        let own = program.tracepoint.as_ref().and_then(|name| self.0.get(name));
        own.or_else(|| self.0.get("inet_sock_set_state")).copied().unwrap_or(0.0)
    }
}

/// Under which circumstances a sample was taken.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Case {
    /// Rounds count from 1.
    pub(crate) round: u16,
    /// Of whom.
    pub(crate) contender: String,
    /// Of what.
    pub(crate) load: Load,
    /// Whether the kernel took the time of programs.
    pub(crate) with_stats: bool,
}

/// All that was measured.
#[derive(Debug, Default)]
pub(crate) struct Samples(Vec<(Case, Sample)>);

/// What there is to say of a contender.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Figures {
    /// Connections or exchanges a second.
    pub(crate) per_second: Option<Spread>,
    /// The same as a share of what it is in the same round when nobody watches.
    pub(crate) kept: Option<Spread>,
    /// Time in the kernel for each transition.
    pub(crate) kernel_ns: Option<Spread>,
    /// The same without what empty programs take.
    pub(crate) kernel_net_ns: Option<Spread>,
    /// CPU seconds of the process a million transitions.
    pub(crate) user_s: Option<Spread>,
    /// The same in system calls.
    pub(crate) system_s: Option<Spread>,
    /// Memory of the process before the storm.
    pub(crate) idle_mib: Option<Spread>,
    /// The same after it.
    pub(crate) busy_mib: Option<Spread>,
    /// The most that it ever had resident.
    pub(crate) peak_mib: Option<Spread>,
    /// What was made in all rounds: transitions, or handshakes where only these are seen.
    pub(crate) made: u64,
    /// Those that it says it saw.
    pub(crate) seen: Option<u64>,
    /// What it says it lost, by kind.
    pub(crate) lost: BTreeMap<&'static str, u64>,
}

/// How two tracers compare, each round for itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Comparison {
    /// Connections or exchanges a second: more is better.
    pub(crate) per_second: Option<Spread>,
    /// Time in the kernel: less is better.
    pub(crate) kernel_ns: Option<Spread>,
    /// CPU time of the process: less is better.
    pub(crate) cpu: Option<Spread>,
}

impl Samples {
    /// Remembers one.
    pub(crate) fn add(&mut self, case: Case, sample: Sample) {
        self.0.push((case, sample));
    }

    /// All of them, as they came.
    pub(crate) fn all(&self) -> &[(Case, Sample)] {
        &self.0
    }

    fn of<'a>(&'a self, who: &'a str, load: Load, with_stats: bool) -> impl Iterator<Item = (u16, &'a Sample)> {
        let asked = move |case: &Case| case.contender == who && case.load == load && case.with_stats == with_stats;
        self.0.iter().filter(move |(case, _)| asked(case)).map(|(case, sample)| (case.round, sample))
    }

    /// The contender's samples, each with another one's of the same round.
    fn pairs<'a>(
        &'a self,
        (who, other): (&'a str, &'a str),
        load: Load,
        with_stats: bool,
    ) -> impl Iterator<Item = (&'a Sample, &'a Sample)> {
        self.of(who, load, with_stats).filter_map(move |(round, sample)| {
            let (_, other) = self.of(other, load, with_stats).find(|(its_round, _)| *its_round == round)?;
            Some((sample, other))
        })
    }

    /// The figures of a contender; without samples, they are unknown.
    pub(crate) fn figures(&self, contender: &Contender, load: Load) -> Figures {
        let who = contender.to_string();
        let plain: Vec<_> = self.of(&who, load, false).map(|(_, sample)| sample).collect();
        let all = || [false, true].into_iter().flat_map(|stats| self.of(&who, load, stats)).map(|(_, sample)| sample);
        let mut lost = BTreeMap::new();
        for (kind, count) in all().flat_map(|sample| sample.seen.iter().flat_map(|seen| &seen.lost)) {
            *lost.entry(*kind).or_default() += count;
        }
        let timed = |sample: &&Sample| sample.programs.iter().any(|program| program.runs > 0);
        let net = self.pairs((&who, EMPTY_ALL), load, true).filter(|(sample, _)| timed(sample));
        let per_million =
            |seconds: fn(&CpuTime) -> f64| Spread::of(plain.iter().filter_map(|sample| sample.per_million(seconds)));
        let mebibytes = |kib: fn(&Memory) -> u64| {
            Spread::of(plain.iter().filter_map(|sample| Some(kib(sample.memory.as_ref()?) as f64 / 1024.0)))
        };
        Figures {
            per_second: Spread::of(plain.iter().map(|sample| sample.rate())),
            kept: Spread::of(self.pairs((&who, NONE), load, false).map(|(own, none)| own.rate() / none.rate())),
            kernel_ns: Spread::of(self.of(&who, load, true).map(|it| it.1).filter(timed).map(Sample::kernel_ns)),
            kernel_net_ns: Spread::of(net.map(|(sample, empty)| sample.net_ns(&EmptyRuns::measured(empty)))),
            user_s: per_million(|cpu| cpu.user),
            system_s: per_million(|cpu| cpu.system),
            idle_mib: mebibytes(|memory| memory.idle_kib),
            busy_mib: mebibytes(|memory| memory.busy_kib),
            peak_mib: mebibytes(|memory| memory.peak_kib),
            made: all().map(|sample| contender.made(&sample.storm)).sum(),
            seen: all().map(|sample| Some(sample.seen.as_ref()?.seen)).sum(),
            lost,
        }
    }

    /// How it compares with the old one.
    pub(crate) fn comparison(&self, new: &Contender, old: &Contender, load: Load) -> Comparison {
        let (new, old) = (new.to_string(), old.to_string());
        let ratio = |with_stats, figure: fn(&Sample) -> f64| {
            let pairs = self.pairs((&new, &old), load, with_stats);
            Spread::of(pairs.map(|(new, old)| figure(new) / figure(old)).filter(|ratio| ratio.is_finite()))
        };
        Comparison {
            per_second: ratio(false, Sample::rate),
            kernel_ns: ratio(true, Sample::kernel_ns),
            cpu: ratio(false, |sample| sample.per_million(|cpu| cpu.user + cpu.system).unwrap_or(f64::NAN)),
        }
    }
}

/// A median and the range around it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Spread {
    /// The middle one, or the mean of the two middle ones.
    median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    /// Of at least one value.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median =
            if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) };
        Some(Self { median, least, most })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(0);
        write!(f, "{:.digits$} ({:.digits$}–{:.digits$})", self.median, self.least, self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::row::ROWS;

    fn sample(count: u64, programs: Vec<Program>) -> Sample {
        let storm = Storm { count, transitions: count * 10, handshakes: count * 2, seconds: 2.0 };
        let cpu = Some(CpuTime { user: 1.0, system: 0.5 });
        Sample { storm, programs, cpu, memory: None, seen: Some(Seen::default()) }
    }

    fn program(tracepoint: &str, runs: u64, ns: u64) -> Program {
        Program { tracepoint: Some(tracepoint.to_owned()), run_time_ns: runs * ns, runs }
    }

    fn case(round: u16, contender: &str, with_stats: bool) -> Case {
        Case { round, contender: contender.to_owned(), load: Load::Connect, with_stats }
    }

    fn contender(key: &str) -> Contender {
        let row = ROWS.iter().find(|row| row.key == key).expect("a row");
        Contender::find(row, "/bin/true".as_ref(), false).expect("a contender")
    }

    #[test]
    fn the_median_is_the_middle() {
        let spread = |values: &[f64]| Spread::of(values.iter().copied()).expect("values");
        assert_eq!(spread(&[3.0, 1.0, 2.0]), Spread { median: 2.0, least: 1.0, most: 3.0 });
        assert_eq!(spread(&[4.0, 1.0, 3.0, 2.0]).median, 2.5);
        assert_eq!(spread(&[7.0]).median, 7.0);
        assert_eq!(Spread::of([]), None);
        assert_eq!(format!("{:.1}", spread(&[3.0, 1.0, 2.0])), "2.0 (1.0–3.0)");
    }

    #[test]
    fn each_round_is_compared_with_its_own_unwatched_storm() {
        let mut samples = Samples::default();
        for (round, untraced, traced) in [(1, 200, 100), (2, 100, 75), (3, 100, 100)] {
            samples.add(case(round, NONE, false), sample(untraced, Vec::new()));
            samples.add(case(round, "summary", false), sample(traced, Vec::new()));
        }
        let figures = samples.figures(&contender("summary"), Load::Connect);
        assert_eq!(figures.per_second.map(|it| it.to_string()).as_deref(), Some("50 (38–50)"));
        assert_eq!(figures.kept.map(|it| format!("{it:.2}")).as_deref(), Some("0.75 (0.50–1.00)"));
        assert_eq!(figures.kernel_ns, None);
        assert_eq!(figures.user_s.map(|it| it.median), Some(1e6 / 1_000.0));
        assert_eq!((figures.made, figures.seen), (2_750, Some(0)));
    }

    #[test]
    fn net_is_without_as_many_runs_of_empty_programs_on_the_same_tracepoints() {
        let mut samples = Samples::default();
        let empty = vec![program("inet_sock_set_state", 1_000, 40), program("timer_start", 500, 30)];
        samples.add(case(1, EMPTY_ALL, true), sample(100, empty));
        let own = vec![
            program("inet_sock_set_state", 1_000, 200),
            program("inet_sock_set_state", 1_000, 60),
            program("timer_start", 1_000, 50),
            // Nothing is known of this tracepoint: as that of state changes.
            program("tcp_send_reset", 100, 100),
        ];
        samples.add(case(1, "summary", true), sample(100, own));
        let figures = samples.figures(&contender("summary"), Load::Connect);
        let median = |spread: Option<Spread>| spread.map(|spread| spread.median);
        assert_eq!(median(figures.kernel_ns), Some(200.0 + 60.0 + 50.0 + 10.0));
        assert_eq!(median(figures.kernel_net_ns), Some(160.0 + 20.0 + 20.0 + 6.0));
    }

    #[test]
    fn two_tracers_are_compared_round_by_round() {
        let (new, mut old) = (contender("summary"), contender("summary"));
        old.is_old = true;
        let mut samples = Samples::default();
        for (round, now, before) in [(1, 100, 50), (2, 60, 60)] {
            samples.add(case(round, &new.to_string(), false), sample(now, Vec::new()));
            samples.add(case(round, &old.to_string(), false), sample(before, Vec::new()));
        }
        let comparison = samples.comparison(&new, &old, Load::Connect);
        assert_eq!(comparison.per_second, Some(Spread { median: 1.5, least: 1.0, most: 2.0 }));
        assert_eq!(comparison.cpu, Some(Spread { median: 0.75, least: 0.5, most: 1.0 }));
        assert_eq!(comparison.kernel_ns, None);
    }
}
