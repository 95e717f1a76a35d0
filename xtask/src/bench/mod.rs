//! `cargo xtask bench`: what tracing costs, beside no tracing, programs that do nothing, and what others do.
//!
//! Rounds are interleaved, so that a machine that gets slower or busier does so for everyone, and each figure is
//! compared with the unwatched storm of its own round. The kernel's own accounting costs time too: it gets storms of
//! its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    command, debian,
    privilege::{self, Root},
    run::build_tracer,
    storm::Load,
};
use contender::Contender;
use figures::{Case, Samples};
use report::Report;
use row::{EMPTY_ALL, NONE, ROWS, Row, Who};
use running::Running;

pub(crate) mod contender;
pub(crate) mod empty;
pub(crate) mod fdinfo;
mod figures;
mod kernel_stats;
pub(crate) mod load;
mod machine;
pub(crate) mod process;
mod report;
pub(crate) mod row;
pub(crate) mod running;
mod tells;

/// A storm in a namespace of its own needs these.
const PACKAGES: [&str; 2] = ["iproute2", "util-linux"];
/// What tracer is compared with.
const PEERS: [&str; 2] = ["libbpf-tools", "bpftrace"];

/// Options of `bench`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Rounds of all.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Seconds of each storm.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// One round of one second: whether it works, not what it costs.
    #[arg(long, conflicts_with_all = ["rounds", "seconds"])]
    quick: bool,
    /// Workers of the storm.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=126))]
    threads: u8,
    /// Only these rows, and what they are compared with.
    #[arg(long, value_delimiter = ',', value_parser = ROWS.map(|row| row.key))]
    rows: Vec<String>,
    /// Measure this tracer instead of building one.
    #[arg(long)]
    tracer: Option<PathBuf>,
    /// Measure this older tracer, too, and say how the two compare.
    #[arg(long, value_name = "TRACER")]
    compare: Option<PathBuf>,
    /// Write overhead.md and overhead.json there.
    #[arg(long, value_name = "DIRECTORY")]
    save: Option<PathBuf>,
}

/// What is to be done.
pub(crate) struct Plan {
    rounds: u16,
    seconds: u64,
    threads: u8,
    /// Those of tracer's programs, each as often as there are programs on it.
    tracepoints: Vec<String>,
    /// For what is written meanwhile.
    directory: PathBuf,
}

impl Plan {
    /// Arguments of a storm.
    fn storm(&self, load: Load) -> Vec<String> {
        let count = u64::MAX;
        let Self { seconds, threads, .. } = self;
        let options = format!("--count {count} --load {load} --seconds {seconds} --threads {threads}");
        options.split(' ').map(str::to_owned).collect()
    }

    /// How long it takes.
    fn limit(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

/// Measures and prints the page.
pub(crate) fn run(args: &Args) -> Result<()> {
    let tracer = args.tracer.clone().map_or_else(|| build_tracer("release"), Ok)?;
    if privilege::root() != Root::Here {
        return privilege::again_as_root(&tracer);
    }
    install()?;
    let plan = plan(args, &tracer)?;
    let (mut contenders, mut skipped) = contenders(args, &tracer);
    let mut samples = Samples::default();
    for round in 1..=plan.rounds {
        eprintln!("Round {round} of {}", plan.rounds);
        measure(&plan, round, &mut contenders, &mut skipped, &mut samples)?;
    }
    let report = Report::new(&plan, &contenders, &skipped, &samples);
    if let Some(directory) = &args.save {
        save(directory, &report)?;
    }
    print!("{}", report.markdown());
    Ok(())
}

/// Peers that cannot be had are rows that say so.
fn install() -> Result<()> {
    if !debian::is_debian() {
        return Ok(());
    }
    debian::install(&PACKAGES)?;
    for peer in PEERS {
        if let Err(error) = debian::install(&[peer]) {
            eprintln!("{error:#}");
        }
    }
    Ok(())
}

fn plan(args: &Args, tracer: &Path) -> Result<Plan> {
    let directory = command::root().join("target/bench");
    fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let (rounds, seconds) = if args.quick { (1, 1) } else { (args.rounds, args.seconds) };
    let tracepoints = tracepoints(tracer, &directory)?;
    Ok(Plan { rounds, seconds, threads: args.threads, tracepoints, directory })
}

/// Where its programs are, as the kernel says.
fn tracepoints(tracer: &Path, directory: &Path) -> Result<Vec<String>> {
    let running = Running::attached(Command::new(tracer).arg("watch"), &directory.join("output"))?;
    let programs = running.held()?.programs;
    running.stop()?;
    let mut tracepoints: Vec<_> = programs.into_values().filter_map(|program| program.tracepoint).collect();
    tracepoints.sort();
    if tracepoints.is_empty() {
        bail!("{} has no program on a tracepoint", tracer.display());
    }
    Ok(tracepoints)
}

/// Who is measured; who is not, and why.
fn contenders(args: &Args, tracer: &Path) -> (Vec<Contender>, Vec<(String, String)>) {
    let is_wanted = |row: &&Row| {
        let always = [NONE, EMPTY_ALL].contains(&row.key);
        args.rows.is_empty() || always || args.rows.iter().any(|key| key == row.key)
    };
    let (mut contenders, mut skipped) = (Vec::new(), Vec::new());
    for row in ROWS.iter().filter(is_wanted) {
        let old = args.compare.as_deref().filter(|_| matches!(row.who, Who::Tracer(..)));
        for (program, is_old) in [(Some(tracer), false), (old, true)] {
            let Some(program) = program else { continue };
            match Contender::find(row, program, is_old) {
                Ok(contender) => contenders.push(contender),
                Err(error) => skipped.push((row.key.to_owned(), format!("{error:#}"))),
            }
        }
    }
    (contenders, skipped)
}

/// Each contender once under each load, another one first each time. Who fails is left out from then on.
fn measure(
    plan: &Plan,
    round: u16,
    contenders: &mut Vec<Contender>,
    skipped: &mut Vec<(String, String)>,
    samples: &mut Samples,
) -> Result<()> {
    let turns = contenders.len();
    let order: Vec<_> = (0..turns).map(|turn| contenders[(turn + usize::from(round)) % turns].clone()).collect();
    for contender in order {
        for (load, with_stats) in cases(contender.row) {
            eprintln!("  {contender}, {load}{}", if with_stats { ", with the kernel's statistics" } else { "" });
            let case = Case { round, contender: contender.to_string(), load, with_stats };
            match contender.sample(plan, load, with_stats) {
                Ok(sample) => samples.add(case, sample),
                Err(error) if contender.row.key == NONE => return Err(error),
                Err(error) => {
                    eprintln!("  {contender}: {error:#}");
                    skipped.push((contender.to_string(), format!("{error:#}")));
                    contenders.retain(|other| other.to_string() != contender.to_string());
                    break;
                }
            }
        }
    }
    Ok(())
}

/// Under which loads a row is measured, and whether with the kernel's statistics.
fn cases(row: &Row) -> impl Iterator<Item = (Load, bool)> + use<> {
    let (exchanges, runs) = (row.exchanges, row.key != NONE);
    [(Load::Connect, false, true), (Load::Connect, true, runs), (Load::Exchange, false, exchanges)]
        .into_iter()
        .filter_map(|(load, with_stats, wanted)| wanted.then_some((load, with_stats)))
}

fn save(directory: &Path, report: &Report<'_>) -> Result<()> {
    let write = |name, text| {
        let path = directory.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    write("overhead.md", report.markdown())?;
    write("overhead.json", serde_json::to_string_pretty(report)? + "\n")
}
