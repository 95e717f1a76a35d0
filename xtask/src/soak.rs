//! `cargo xtask soak`: a bounded load for a long time. Nothing grows, nothing is lost, and everyone ends well.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    bench::{
        contender::Contender,
        load, process,
        row::{ROWS, Row},
        running::Running,
    },
    command,
    namespace::Namespace,
    privilege::{self, Root},
    run::build_tracer,
    storm::Storm,
};

/// Who can be soaked.
const MODES: [&str; 4] = ["latency", "summary", "record", "watch-json"];
/// Samples that are taken of each.
const SAMPLES: u32 = 240;
/// The share of the time that is not looked at: until sockets in TIME_WAIT end as fast as they begin.
const WARM_UP: f64 = 0.25;
/// How much more memory there may be in the last third than in the first one: this share of it, and so many KiB.
const MORE: (f64, u64) = (0.05, 4096);
const NO_MORE: (f64, u64) = (0.0, 0);
/// An output is emptied when it is larger, bytes.
const LARGE: u64 = 64 << 20;

/// Options of `soak`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// How long, if it is less: whether it works.
    #[arg(long, conflicts_with = "minutes")]
    seconds: Option<u64>,
    /// Connections a second.
    #[arg(long, default_value_t = 300)]
    rate: u32,
    /// Only these; all of them run at the same time.
    #[arg(long, value_delimiter = ',', value_parser = MODES)]
    modes: Vec<String>,
    /// This tracer instead of building one.
    #[arg(long)]
    tracer: Option<PathBuf>,
}

/// Somebody who is watched.
struct Soaked {
    contender: Contender,
    running: Running,
    output: PathBuf,
    samples: Vec<Sample>,
}

/// What a process has.
#[derive(Debug, Clone, Copy)]
struct Sample {
    resident_kib: u64,
    descriptors: u64,
    threads: u64,
}

/// Runs all of them under one load and judges each.
pub(crate) fn run(args: &Args) -> Result<()> {
    let tracer = args.tracer.clone().map_or_else(|| build_tracer("release"), Ok)?;
    if privilege::root() != Root::Here {
        return privilege::again_as_root(&tracer);
    }
    let time = Duration::from_secs(args.seconds.unwrap_or(args.minutes * 60));
    let namespace = load::namespace()?;
    let mut soaked = start_all(args, &tracer)?;
    let storm = soak(args.rate, time, &namespace, &mut soaked)?;
    eprintln!("{} connections, {} changes of state", storm.count, storm.transitions);
    let faults: Vec<_> = soaked.into_iter().flat_map(|one| one.judge(&storm)).collect();
    namespace.remove();
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    Ok(())
}

fn start_all(args: &Args, tracer: &Path) -> Result<Vec<Soaked>> {
    let is_wanted = |row: &&Row| {
        MODES.contains(&row.key) && (args.modes.is_empty() || args.modes.iter().any(|mode| mode == row.key))
    };
    let mut soaked = Vec::new();
    for row in ROWS.iter().filter(is_wanted) {
        match Contender::find(row, tracer, false) {
            Ok(contender) => soaked.push(Soaked::start(contender)?),
            Err(error) => eprintln!("{} is left out: {error:#}", row.key),
        }
    }
    Ok(soaked)
}

fn soak(rate: u32, time: Duration, namespace: &Namespace, soaked: &mut [Soaked]) -> Result<Storm> {
    let seconds = time.as_secs();
    let options = format!("--count {} --seconds {seconds} --threads 1 --rate {rate}", u64::MAX);
    let options: Vec<_> = options.split(' ').map(str::to_owned).collect();
    let (every, mut due) = (time / SAMPLES, Instant::now());
    load::storm(namespace, &options, time, || {
        if Instant::now() >= due {
            due += every;
            soaked.iter_mut().try_for_each(Soaked::sample)?;
        }
        Ok(())
    })
}

impl Soaked {
    fn start(contender: Contender) -> Result<Self> {
        let directory = command::root().join("target/soak").join(contender.row.key);
        fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let output = directory.join("output");
        let running = contender.start(&[], &output).context("there is nothing to start")??;
        Ok(Self { contender, running, output, samples: Vec::new() })
    }

    fn sample(&mut self) -> Result<()> {
        let pid = self.running.pid();
        let status = |field| process::status(pid, field);
        let (Some(resident_kib), Some(threads)) = (status("VmRSS"), status("Threads")) else {
            bail!("{} has ended too early: {}", self.contender, self.running.errors().trim());
        };
        let descriptors = process::descriptors(pid).map_or(0, |found| found.len() as u64);
        self.samples.push(Sample { resident_kib, descriptors, threads });
        if self.contender.row.key != "record" && fs::metadata(&self.output)?.len() > LARGE {
            fs::File::options().write(true).open(&self.output)?.set_len(0)?;
        }
        Ok(())
    }

    /// Ends it. Says what is wrong.
    fn judge(self, storm: &Storm) -> Vec<String> {
        let name = self.contender.to_string();
        eprintln!("{name}");
        let mut faults = growth(&self.samples);
        faults.extend(self.end(storm).unwrap_or_else(|error| vec![format!("{error:#}")]));
        faults.into_iter().map(|fault| format!("{name}: {fault}")).collect()
    }

    fn end(self, storm: &Storm) -> Result<Vec<String>> {
        let errors = self.running.errors();
        let usage = self.running.stop()?;
        let mut faults = Vec::new();
        if usage.status != Some(0) {
            faults.push(format!("it ended with status {:?}: {}", usage.status, errors.trim()));
        }
        let seen = self.contender.seen(&self.output, &errors)?.unwrap_or_default();
        let made = self.contender.made(storm);
        if seen.seen < made {
            faults.push(format!("it saw {} of {made}, lost {:?}", seen.seen, seen.lost));
        }
        Ok(faults)
    }
}

/// What has become more from the first third of the time after the warm-up to the last one.
fn growth(samples: &[Sample]) -> Vec<String> {
    let looked_at = &samples[(samples.len() as f64 * WARM_UP) as usize..];
    let third = looked_at.len() / 3;
    if third == 0 {
        return vec!["there are too few samples".to_owned()];
    }
    let (first, last) = (&looked_at[..third], &looked_at[looked_at.len() - third..]);
    let grown = |kind, of: fn(&Sample) -> u64, (share, more): (f64, u64)| {
        let (before, after) = (median(first.iter().map(of)), median(last.iter().map(of)));
        eprintln!("  {before} {kind} became {after}");
        let allowed = before + (before as f64 * share) as u64 + more;
        (after > allowed).then(|| format!("{before} {kind} became {after}"))
    };
    let faults = [
        grown("KiB resident", |sample| sample.resident_kib, MORE),
        grown("descriptors", |sample| sample.descriptors, NO_MORE),
        grown("threads", |sample| sample.threads, NO_MORE),
    ];
    faults.into_iter().flatten().collect()
}

fn median(values: impl Iterator<Item = u64>) -> u64 {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(resident_kib: impl Fn(u64) -> u64, descriptors: impl Fn(u64) -> u64) -> Vec<Sample> {
        let sample = |at| Sample { resident_kib: resident_kib(at), descriptors: descriptors(at), threads: 1 };
        (0..120).map(sample).collect()
    }

    #[test]
    fn what_grows_while_it_warms_up_is_flat() {
        assert!(growth(&samples(|at| 40_000 + at.min(30) * 1_000, |_| 20)).is_empty());
    }

    #[test]
    fn what_goes_on_growing_is_named() {
        let faults = growth(&samples(|at| 40_000 + at * 200, |_| 20));
        assert_eq!(faults, ["49000 KiB resident became 61000"]);
        let faults = growth(&samples(|_| 40_000, |at| 20 + at / 100));
        assert_eq!(faults, ["20 descriptors became 21"]);
    }

    #[test]
    fn nothing_is_concluded_from_too_few_samples() {
        assert_eq!(growth(&[]).len(), 1);
    }
}
