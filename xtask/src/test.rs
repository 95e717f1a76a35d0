//! `cargo xtask test`: installs what the tests need and runs them all.

use std::{env, ffi::OsString, path::PathBuf, process::Command};

use anyhow::{Context as _, Result, bail};

use crate::{
    artifacts::{self, Program},
    command, debian,
    privilege::{self, Root},
};

/// What the tests call.
const PACKAGES: [&str; 4] = ["iproute2", "tshark", "net-tools", "lsof"];
/// Integration tests whose names begin so need root: they load programs and make network namespaces.
const PRIVILEGED: &str = "kernel";
/// Makes the build embed another object; tracer's build script reads it.
const OBJECT: &str = "TRACER_BPF_OBJECT_OVERRIDE";
/// Makes a missing privilege a failure instead of a skip; the kernel tests read it.
const REQUIRE_PRIVILEGE: &str = "TRACER_REQUIRE_PRIVILEGE";

/// Divides the size of the storms, for slow machines; the storm tests read it.
pub(crate) const STORM_SCALE: &str = "TRACER_STORM_SCALE";

/// Options of `test`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Test this BPF object instead of the committed one.
    #[arg(long)]
    object: Option<PathBuf>,
    /// Leave out the kernel tests: no privilege, no packages.
    #[arg(long)]
    quick: bool,
    /// Arguments for the test programs, like a part of a test's name.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

/// Builds first, so that nothing is built as root.
pub(crate) fn run(args: &Args) -> Result<()> {
    if !args.quick {
        install()?;
    }
    let programs = artifacts::build(cargo_test(args)?.arg("--no-run"))?;
    let (privileged, plain): (Vec<_>, Vec<_>) = programs.into_iter().filter(|it| it.test).partition(needs_root);
    let mut failed = Vec::new();
    for program in &plain {
        let mut test = Command::new(&program.executable);
        failed.extend(execute(program, &mut test, args));
    }
    if command::run(cargo_test(args)?.arg("--doc").arg("--quiet")).is_err() {
        failed.push("the documentation's examples".to_owned());
    }
    if !args.quick {
        failed.extend(kernel_tests(&privileged, args)?);
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

fn install() -> Result<()> {
    if debian::is_debian() {
        return debian::install(&PACKAGES).context("the tests need these packages");
    }
    eprintln!("This is not Debian; the tests need what these packages contain there: {}.", PACKAGES.join(", "));
    Ok(())
}

fn cargo_test(args: &Args) -> Result<Command> {
    let mut cargo = command::cargo();
    cargo.args(["test", "--workspace"]);
    if let Some(object) = &args.object {
        let object = object.canonicalize().with_context(|| format!("cannot find the object {}", object.display()))?;
        cargo.env(OBJECT, object);
    }
    Ok(cargo)
}

/// Whether it is a kernel test.
pub(crate) fn needs_root(program: &Program) -> bool {
    program.integration_test && program.name.starts_with(PRIVILEGED)
}

/// Runs the kernel tests as root. Where that cannot be, they run without and say that they skip, but not in CI.
fn kernel_tests(programs: &[Program], args: &Args) -> Result<Vec<String>> {
    let root = privilege::root();
    if env::var_os("CI").is_some() && root == Root::Out {
        bail!("the kernel tests need root and there is no sudo that gives it without asking");
    }
    if root == Root::Out {
        eprintln!("Not root, and no sudo: the kernel tests will be skipped.");
    }
    let failed = programs.iter().filter_map(|program| {
        let mut test = root.command(&program.executable);
        if env::var_os("CI").is_some() {
            test.env(REQUIRE_PRIVILEGE, "1");
        }
        if root == Root::Out {
            // A test that returns early has passed, and what a passing test prints is hidden by default.
            test.arg("--nocapture");
        }
        execute(program, &mut test, args)
    });
    Ok(failed.collect())
}

/// Runs a test program the way cargo does; its name if it fails.
fn execute(program: &Program, test: &mut Command, args: &Args) -> Option<String> {
    eprintln!("\nTesting {} ({})", program.name, program.manifest.display());
    let package = program.manifest.parent()?;
    test.current_dir(package).env("CARGO_MANIFEST_DIR", package).args(&args.args);
    command::run(test).is_err().then(|| program.name.clone())
}
