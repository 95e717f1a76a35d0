//! What can be typed after `cargo xtask`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{bench, budget, check, ebpf, fuzz, incident, run, soak, storm, test, vm};

/// The project's chores.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build tracer and run it as root: `cargo xtask run watch --port 443`.
    Run(run::Args),
    /// Install what the tests need and run them all.
    Test(test::Args),
    /// Formatting, lints, documentation, layers.
    Check,
    /// The layers only: which module may mention what.
    ImportCheck,
    /// Measure what tracing costs, beside no tracing and beside what others do.
    Bench(bench::Args),
    /// How large the kernel makes each program, held to the committed budget.
    Budget(budget::Args),
    /// A bounded load for a long time: whether anything grows or is lost.
    Soak(soak::Args),
    /// Make a known number of connections over loopback as fast as possible.
    Storm(storm::Args),
    /// Attach programs that do nothing: a row of the benchmark.
    #[command(hide = true)]
    HoldEmpty(bench::empty::Args),
    /// Feed what reads foreign bytes with any bytes, and see whether it stands that.
    Fuzz(fuzz::Args),
    /// Stage an incident with real traffic in network namespaces, and record it.
    StageIncident(incident::Args),
    /// A process of the staged incident.
    #[command(hide = true)]
    IncidentPart(incident::part::Args),
    /// Boot other kernels in QEMU and run the kernel tests there.
    Vm(vm::Args),
    /// Make the BPF object from source, and the manifest that says what made it.
    BuildEbpf(ebpf::Args),
}

/// Runs what was typed; an error is printed once, as a chain.
pub(crate) fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Run(args) => run::run(&args),
        Task::Test(args) => test::run(&args),
        Task::Check => check::all(),
        Task::ImportCheck => check::imports(),
        Task::Bench(args) => bench::run(&args),
        Task::Budget(args) => budget::run(&args),
        Task::Soak(args) => soak::run(&args),
        Task::Storm(args) => storm::run(&args),
        Task::HoldEmpty(args) => bench::empty::run(&args),
        Task::Fuzz(args) => fuzz::run(&args),
        Task::StageIncident(args) => incident::run(&args),
        Task::IncidentPart(args) => incident::part::run(&args),
        Task::Vm(args) => vm::run(&args),
        Task::BuildEbpf(args) => ebpf::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
