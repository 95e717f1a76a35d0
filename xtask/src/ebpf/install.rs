//! Installs the toolchain that needs no rustup channel but stable.

use std::process::Command;

use anyhow::Result;

use crate::{command, debian};

const LLVM: &str = "/usr/lib/llvm-22";

/// Debian's compiler, its `core` for BPF, and bpf-linker on the same LLVM.
pub(crate) fn debian() -> Result<()> {
    debian::install(&debian::BPF_COMPILER)?;
    if command::probe(Command::new("bpf-linker").arg("--version")).is_some() {
        return Ok(());
    }
    debian::install(&debian::BPF_LINKER)?;
    eprintln!("Installing bpf-linker, which takes a minute.");
    let mut cargo = command::cargo();
    cargo.env("LLVM_PREFIX", LLVM).args(["install", "--quiet", "bpf-linker", "--version", "0.13.0", "--locked"]);
    command::run(cargo.args(["--no-default-features", "--features", "llvm-22"]))
}
