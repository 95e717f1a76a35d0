//! Finds what can compile for BPF: a distribution's compiler that comes with `core` for BPF, or rustup's nightly, which
//! builds `core` itself.

use std::{fmt, path::Path, process::Command};

use serde::{Deserialize, Serialize};

use crate::command::probe;

/// The target: one little-endian object serves x86-64 and aarch64.
pub(crate) const TARGET: &str = "bpfel-unknown-none";
/// The distribution's compiler, wherever rustup's is on the PATH.
pub(crate) const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// Which compiler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Debian's packages.
    Debian,
    /// rustup's nightly with rust-src.
    Nightly,
}

/// All that decides what the object looks like, beside its sources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Toolchain {
    /// Which of the two.
    pub(crate) kind: Kind,
    /// First line of `rustc --version --verbose`.
    rustc: String,
    /// Version of the LLVM that optimises and generates the code.
    llvm: String,
    /// First line of `bpf-linker --version`.
    bpf_linker: String,
}

/// What a toolchain lacks, and the command that gets it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    /// The toolchain.
    pub(crate) kind: Kind,
    /// What is not there.
    what: &'static str,
    /// How to get it.
    remedy: &'static str,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debian => "Debian's compiler with core for BPF",
            Self::Nightly => "rustup's nightly with rust-src",
        })
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, LLVM {}, {})", self.kind, self.rustc, self.llvm, self.bpf_linker)
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} is missing; {}", self.kind, self.what, self.remedy)
    }
}

/// The toolchain of this kind, or all that it lacks here.
pub(crate) fn find(kind: Kind) -> Result<Toolchain, Vec<Missing>> {
    let compiler = match kind {
        Kind::Debian => find_debian(),
        Kind::Nightly => find_nightly(),
    };
    let linker = probe(Command::new("bpf-linker").arg("--version")).ok_or(Missing {
        kind,
        what: "bpf-linker",
        remedy: match kind {
            Kind::Debian => {
                "with llvm-22-dev: LLVM_PREFIX=/usr/lib/llvm-22 cargo install bpf-linker --version 0.13.0 --locked \
                 --no-default-features --features llvm-22"
            }
            Kind::Nightly => "cargo install bpf-linker",
        },
    });
    match (compiler, linker) {
        (Ok((rustc, llvm)), Ok(bpf_linker)) => Ok(Toolchain { kind, rustc, llvm, bpf_linker }),
        (compiler, linker) => Err([compiler.err(), linker.err()].into_iter().flatten().collect()),
    }
}

fn find_debian() -> Result<(String, String), Missing> {
    let missing = || Missing {
        kind: Kind::Debian,
        what: "the compiler or its core for BPF",
        remedy: "apt-get install --no-install-recommends rustc-web libstd-rust-web-dev-bpf",
    };
    let mut rustc = Command::new(DEBIAN_RUSTC);
    let libraries = probe(rustc.args(["--print", "target-libdir", "--target", TARGET])).ok_or_else(missing)?;
    if !Path::new(&libraries).is_dir() {
        return Err(missing());
    }
    let (version, llvm) = version_of(&mut Command::new(DEBIAN_RUSTC)).ok_or_else(missing)?;
    // rustc tells the LLVM that it was compiled with; the one that it runs with is a package of its own.
    let package = format!("libllvm{}", llvm.split('.').next().unwrap_or_default());
    let mut query = Command::new("dpkg-query");
    let installed = probe(query.args(["--show", "--showformat", "${Version}", &package]));
    Ok((version, installed.unwrap_or(llvm)))
}

fn find_nightly() -> Result<(String, String), Missing> {
    let missing = |what, remedy| Missing { kind: Kind::Nightly, what, remedy };
    let toolchains = probe(Command::new("rustup").args(["toolchain", "list"]));
    if !toolchains.is_some_and(|list| lists_nightly(&list)) {
        let remedy = "rustup toolchain install nightly --profile minimal --component rust-src";
        return Err(missing("the nightly toolchain", remedy));
    }
    let no_source = || missing("the rust-src component", "rustup component add rust-src --toolchain nightly");
    let sysroot = probe(nightly("rustc").args(["--print", "sysroot"])).ok_or_else(no_source)?;
    if !Path::new(&sysroot).join("lib/rustlib/src/rust/library/core").is_dir() {
        return Err(no_source());
    }
    version_of(&mut nightly("rustc")).ok_or_else(no_source)
}

/// `program` of rustup's nightly.
pub(crate) fn nightly(program: &str) -> Command {
    let mut rustup = Command::new("rustup");
    rustup.args(["run", "nightly", program]);
    // `cargo xtask` runs below a toolchain, whose libraries are not nightly's.
    rustup.env_remove("LD_LIBRARY_PATH");
    rustup
}

fn lists_nightly(list: &str) -> bool {
    list.lines().any(|line| line.starts_with("nightly-") || line == "nightly")
}

fn version_of(rustc: &mut Command) -> Option<(String, String)> {
    parse_version(&probe(rustc.args(["--version", "--verbose"]))?)
}

/// The first line, and the version of LLVM.
fn parse_version(text: &str) -> Option<(String, String)> {
    let llvm = text.lines().find_map(|line| line.strip_prefix("LLVM version: "))?;
    Some((text.lines().next()?.to_owned(), llvm.to_owned()))
}

#[cfg(test)]
mod tests;
