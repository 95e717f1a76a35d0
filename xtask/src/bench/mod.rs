//! `cargo xtask bench`: what tracing costs, beside no tracing and beside tcpstates.
//!
//! Rounds are interleaved, so that a machine that gets slower or busier does so for everyone, and each figure is
//! compared with the untraced storm of its own round. The kernel's own accounting costs time too: it gets rounds of its
//! own.

use std::{env, path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use crate::{
    command, debian,
    privilege::{self, Root},
    run::build_tracer,
};
use contender::Contender;
use figures::Round;
use kernel_stats::KernelStats;

mod contender;
mod fdinfo;
mod figures;
mod kernel_stats;
mod report;
mod running;

/// tcpstates; a storm in a namespace of its own needs iproute2.
const PACKAGES: [&str; 2] = ["iproute2", "libbpf-tools"];

/// Options of `bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Rounds of each.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Seconds of storm in each round.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Workers of the storm.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=126))]
    threads: u8,
    /// Measure this tracer instead of building one.
    #[arg(long)]
    tracer: Option<PathBuf>,
}

/// Measures and prints a Markdown table.
pub(crate) fn run(args: &Args) -> Result<()> {
    let tracer = args.tracer.clone().map_or_else(build_tracer, Ok)?;
    if debian::is_debian() {
        debian::install(&PACKAGES)?;
    }
    if privilege::root() != Root::Here {
        return again_as_root(args, tracer);
    }
    let contenders = [Contender::None, Contender::Tracer(tracer), Contender::tcpstates()?];
    let mut rounds = Vec::new();
    for number in 1..=args.rounds {
        eprintln!("Round {number} of {}", args.rounds);
        rounds.push(round(args, &contenders, number)?);
    }
    let stats = KernelStats::on()?;
    let mut costs = Vec::new();
    for number in 1..=args.rounds {
        eprintln!("Round {number} of {} with the kernel's statistics", args.rounds);
        costs.push(round(args, &contenders[1..], number)?);
    }
    drop(stats);
    print!("{}", report::markdown(&contenders, &rounds, &costs, args.seconds));
    Ok(())
}

/// tracer is built by now: nothing is built as root.
fn again_as_root(args: &Args, tracer: PathBuf) -> Result<()> {
    let mut xtask = privilege::as_root(env::current_exe()?)?;
    xtask.args(["bench", "--rounds", &args.rounds.to_string(), "--seconds", &args.seconds.to_string()]);
    xtask.args(["--threads", &args.threads.to_string()]).arg("--tracer").arg(tracer);
    command::run(&mut xtask)
}

/// Each contender once, another one first each time.
fn round(args: &Args, contenders: &[Contender], number: u16) -> Result<Round> {
    let mut round = Round::default();
    for turn in 0..contenders.len() {
        let contender = &contenders[(turn + usize::from(number)) % contenders.len()];
        let sample = contender.sample(&mut storm(args)?).with_context(|| format!("cannot measure {contender}"))?;
        round.add(contender.to_string(), sample);
    }
    Ok(round)
}

/// The storm in a network namespace that goes away with it, and so do its sockets in TIME_WAIT.
fn storm(args: &Args) -> Result<Command> {
    let mut storm = Command::new("unshare");
    storm.args(["--net", "sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""]).arg(env::current_exe()?);
    let (seconds, threads) = (args.seconds.to_string(), args.threads.to_string());
    storm.args(["storm", "--connections", "1000000000", "--seconds", &seconds, "--threads", &threads]);
    Ok(storm)
}
