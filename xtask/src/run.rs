//! `cargo xtask run`: builds tracer, becomes root, runs it.

use std::{ffi::OsString, os::unix::process::CommandExt as _, path::PathBuf};

use anyhow::{Context as _, Result};

use crate::{artifacts, command, privilege};

/// What follows `run`.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// Arguments for tracer, like `watch --port 443`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

/// Becomes tracer: its exit status is ours.
pub(crate) fn run(args: &Args) -> Result<()> {
    let tracer = build_tracer("release")?;
    let error = privilege::as_root(&tracer)?.args(&args.args).exec();
    Err(error).with_context(|| format!("cannot run {}", tracer.display()))
}

/// tracer, by this profile of cargo's; "release" is what users get.
pub(crate) fn build_tracer(profile: &str) -> Result<PathBuf> {
    let mut cargo = command::cargo();
    cargo.args(["build", "--profile", profile, "--package", "tracer", "--bin", "tracer"]);
    let programs = artifacts::build(&mut cargo)?;
    let tracer = programs.into_iter().find(|program| program.name == "tracer");
    tracer.map(|program| program.executable).context("cargo built no tracer")
}
