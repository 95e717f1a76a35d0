//! `cargo xtask budget`: how large the kernel makes each program, held to what is committed.
//!
//! What a program costs grows with what is in it, and what the verifier must look at decides whether an older kernel loads
//! it at all. Both depend on the kernel, so budgets are for one series of kernels.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};
use aya::programs::loaded_programs;
use serde::{Deserialize, Serialize};

use crate::{
    bench::running::Running,
    command,
    privilege::{self, Root},
    run::build_tracer,
};

/// From the workspace's root.
const FILE: &str = "tracer-ebpf/budget.toml";
/// Room above what there is now, in percent.
const ROOM: u64 = 5;
const HEADING: &str = "\
# What the kernel may make of each program. Written by `cargo xtask budget --write`, with 5 % of room; CI compares.
";

/// Which programs there are depends on the command, and what is in them on the filter.
const RUNS: [(&str, &[&str]); 3] = [
    ("watch", &["watch"]),
    (
        "filtered",
        &["watch", "--port", "1", "--addr", "192.0.2.0/24", "--no-loopback", "--netns", "self", "--dev", "lo"],
    ),
    ("latency", &["latency"]),
];

/// Options of `budget`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write what there is, and some room, as the budget.
    #[arg(long)]
    write: bool,
    /// This tracer instead of building one.
    #[arg(long)]
    tracer: Option<PathBuf>,
}

/// The committed file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Budget {
    /// The series of kernels that it is for, like "6.18".
    kernel: String,
    architecture: String,
    /// By run and program.
    runs: BTreeMap<String, BTreeMap<String, Sizes>>,
}

/// What the kernel says of a program (`struct bpf_prog_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Sizes {
    /// Instructions that the verifier looked at.
    verified: u64,
    /// Bytes after the verifier: without what is dead, with what was put in.
    translated: u64,
    /// Bytes of machine code.
    jited: u64,
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>9} verified {:>9} translated {:>9} jited", self.verified, self.translated, self.jited)
    }
}

/// Measures, prints, and compares or writes.
pub(crate) fn run(args: &Args) -> Result<()> {
    let tracer = args.tracer.clone().map_or_else(|| build_tracer("dev"), Ok)?;
    if privilege::root() != Root::Here {
        return privilege::again_as_root(&tracer);
    }
    let now = measure(&tracer)?;
    for (run, programs) in &now.runs {
        println!("{run}");
        programs.iter().for_each(|(name, sizes)| println!("  {name:<16}{sizes}"));
    }
    let path = command::root().join(FILE);
    if args.write {
        let text = HEADING.to_owned() + &toml::to_string(&now.with_room())?;
        return fs::write(&path, text).with_context(|| format!("cannot write {FILE}"));
    }
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {FILE}"))?;
    toml::from_str::<Budget>(&text).with_context(|| format!("{FILE} is no budget"))?.hold(&now)
}

fn measure(tracer: &Path) -> Result<Budget> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").context("cannot read the kernel's version")?;
    let mut runs = BTreeMap::new();
    for (run, args) in RUNS {
        if command::probe(Command::new(tracer).args([args[0], "--help"])).is_some() {
            let sizes = sizes(Command::new(tracer).args(args)).with_context(|| format!("cannot measure {run}"))?;
            runs.insert(run.to_owned(), sizes);
        }
    }
    let kernel = release.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
    Ok(Budget { kernel, architecture: std::env::consts::ARCH.to_owned(), runs })
}

/// Of the programs that the command puts on tracepoints, by name. The one that lists sockets is gone after its start.
fn sizes(command: &Command) -> Result<BTreeMap<String, Sizes>> {
    let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
    let running = Running::attached(command, &directory.path().join("output"))?;
    let held = running.held()?.programs;
    let mut sizes = BTreeMap::new();
    for info in loaded_programs() {
        // Another one may end meanwhile.
        let Ok(info) = info else { continue };
        if held.get(&info.id().into()).is_some_and(|program| program.tracepoint.is_some()) {
            let name = info.name_as_str().context("a program has no name")?.to_owned();
            let verified = info.verified_instruction_count().unwrap_or(0).into();
            let translated = info.size_translated().unwrap_or(0).into();
            sizes.insert(name, Sizes { verified, translated, jited: info.size_jitted().into() });
        }
    }
    running.stop()?;
    ensure!(!sizes.is_empty(), "it has loaded no program");
    Ok(sizes)
}

impl Budget {
    fn with_room(&self) -> Self {
        let more = |size: u64| (size * (100 + ROOM)).div_ceil(100);
        let mut budget = self.clone();
        for sizes in budget.runs.values_mut().flat_map(BTreeMap::values_mut) {
            let Sizes { verified, translated, jited } = *sizes;
            *sizes = Sizes { verified: more(verified), translated: more(translated), jited: more(jited) };
        }
        budget
    }

    /// The error names each program that is too large, what it is and what it may be.
    fn hold(&self, now: &Self) -> Result<()> {
        if (&self.kernel, &self.architecture) != (&now.kernel, &now.architecture) {
            println!("Not compared: the budget is for Linux {}, {}.", self.kernel, self.architecture);
            return Ok(());
        }
        let mut faults = Vec::new();
        for (run, programs) in &now.runs {
            let budgets = self.runs.get(run);
            for (name, sizes) in programs {
                let Some(budget) = budgets.and_then(|programs| programs.get(name)) else {
                    faults.push(format!("{name} of {run} has no budget"));
                    continue;
                };
                let kinds = [
                    ("instructions verified", sizes.verified, budget.verified),
                    ("bytes translated", sizes.translated, budget.translated),
                    ("bytes of machine code", sizes.jited, budget.jited),
                ];
                let over = kinds.into_iter().filter(|(_, size, budget)| size > budget);
                faults.extend(
                    over.map(|(kind, size, budget)| format!("{name} of {run}: {size} {kind}, budget {budget}")),
                );
            }
        }
        if !faults.is_empty() {
            bail!("{}\nIf that is worth it: cargo xtask budget --write", faults.join("\n"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(jited: u64) -> Budget {
        let sizes = Sizes { verified: 100, translated: 1_000, jited };
        let programs = BTreeMap::from([("tracer_state".to_owned(), sizes)]);
        let runs = BTreeMap::from([("watch".to_owned(), programs)]);
        Budget { kernel: "6.18".to_owned(), architecture: "x86_64".to_owned(), runs }
    }

    #[test]
    fn what_exceeds_its_budget_is_named_with_both_figures() {
        let with_room = budget(500).with_room();
        assert!(with_room.hold(&budget(525)).is_ok());
        let error = with_room.hold(&budget(526)).expect_err("too large").to_string();
        assert!(error.starts_with("tracer_state of watch: 526 bytes of machine code, budget 525\n"), "{error}");
    }

    #[test]
    fn a_program_without_a_budget_is_named() {
        let mut empty = budget(500);
        empty.runs.clear();
        let error = empty.hold(&budget(500)).expect_err("no budget").to_string();
        assert!(error.starts_with("tracer_state of watch has no budget\n"), "{error}");
    }

    #[test]
    fn another_kernel_is_not_compared() {
        let other = Budget { kernel: "6.12".to_owned(), ..budget(1) };
        assert!(other.hold(&budget(500)).is_ok());
    }

    #[test]
    fn the_committed_budget_reads() {
        let text = fs::read_to_string(command::root().join(FILE)).expect("the file");
        assert!(toml::from_str::<Budget>(&text).is_ok());
    }
}
