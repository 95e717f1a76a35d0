//! Fuzzing what reads foreign bytes, with libFuzzer: `fuzz/` is laid out for cargo-fuzz, which would need a nightly Rust; the
//! flags that stable Rust has are enough without its sanitizers, and there is hardly any unsafe code for these to watch.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use clap::Args as ClapArgs;

use crate::{command, debian};

/// Coverage as libFuzzer wants it (what `cargo fuzz --sanitizer none` passes).
const COVERAGE: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                        -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";
/// All targets.
const TARGETS: [&str; 2] = ["recording", "wire"];
/// What a hostile file may cost, MiB.
const MEMORY_MB: u32 = 256;

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// Fuzz each target for so long
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Only these targets
    #[arg(value_parser = TARGETS)]
    targets: Vec<String>,
}

/// Fuzzes each target, beginning with the recordings of the tests.
pub(crate) fn run(args: &Args) -> Result<()> {
    debian::install(&debian::CPP_COMPILER)?;
    let fuzz = command::root().join("fuzz");
    let mut build = command::cargo();
    build.env("RUSTFLAGS", COVERAGE).args(["build", "--quiet", "--release", "--target", &host()?]);
    command::run(build.arg("--manifest-path").arg(fuzz.join("Cargo.toml")))?;
    let all = TARGETS.map(str::to_owned).to_vec();
    let targets = if args.targets.is_empty() { &all } else { &args.targets };
    targets.iter().try_for_each(|target| fuzz_one(&fuzz, target, args.seconds))
}

fn fuzz_one(fuzz: &Path, target: &str, seconds: u32) -> Result<()> {
    let corpus = fuzz.join("corpus").join(target);
    let artifacts = fuzz.join("artifacts").join(target);
    for directory in [&corpus, &artifacts] {
        fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    }
    let program = fuzz.join("target").join(host()?).join("release").join(target);
    let mut fuzzer = std::process::Command::new(program);
    fuzzer.arg(&corpus);
    if target == "recording" {
        fuzzer.arg(command::root().join("tracer/tests/recordings"));
    }
    fuzzer.arg(format!("-max_total_time={seconds}")).arg(format!("-rss_limit_mb={MEMORY_MB}"));
    fuzzer.arg(format!("-artifact_prefix={}/", artifacts.display())).args(["-timeout=10", "-print_final_stats=1"]);
    command::run(&mut fuzzer).with_context(|| format!("{target} has a defect: the input is in {}", artifacts.display()))
}

/// This machine's target: naming it keeps the flags from build scripts.
fn host() -> Result<String> {
    let mut rustc = std::process::Command::new("rustc");
    command::output(rustc.args(["--print", "host-tuple"])).map(|host| host.trim().to_owned())
}
