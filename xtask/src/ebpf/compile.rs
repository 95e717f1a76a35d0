//! Compiles the BPF crate to the same bytes wherever it lies.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{
    strip::without_dwarf,
    toolchain::{DEBIAN_RUSTC, Kind, TARGET, Toolchain, nightly},
};
use crate::command::{self, output};

const PACKAGE: &str = "tracer-ebpf";

/// Variables that tell cargo or rustc what to do, but for those that say where downloads live.
const INHERITED: [&str; 3] = ["CARGO", "LD_LIBRARY_PATH", "RUST"];
const KEPT: [&str; 5] = ["CARGO_HOME", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR", "RUSTUP_"];

/// Compiles the crate below `root` and returns the finished object.
pub(crate) fn compile(root: &Path, toolchain: &Toolchain) -> Result<Vec<u8>> {
    let target_dir = root.join("target/ebpf");
    let mut cargo = cargo(toolchain.kind);
    cargo.current_dir(root).args(["build", "--release", "--package", PACKAGE, "--target", TARGET]);
    cargo.arg("--target-dir").arg(&target_dir);
    if toolchain.kind == Kind::Nightly {
        cargo.args(["-Z", "build-std=core"]);
    }
    // Chooses aya's bindings, of which we use none that differ: the same ones on every host give the same object.
    cargo.env("AYA_BPF_TARGET_ARCH", "x86_64");
    // Encoded, because a path may contain a blank.
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(root, toolchain.kind)?.join("\x1f"));
    command::run(&mut cargo)?;
    let object = target_dir.join(TARGET).join("release").join(PACKAGE);
    let bytes = fs::read(&object).with_context(|| format!("cannot read {}", object.display()))?;
    without_dwarf(&bytes).with_context(|| format!("cannot strip {}", object.display()))
}

/// A cargo that does not know of the one that runs us.
fn cargo(kind: Kind) -> Command {
    let mut cargo = match kind {
        Kind::Debian => command::cargo(),
        Kind::Nightly => nightly("cargo"),
    };
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
        if starts(&INHERITED) && !starts(&KEPT) || name == "RUSTUP_TOOLCHAIN" {
            cargo.env_remove(&*name);
        }
    }
    if kind == Kind::Debian {
        // A released compiler needs to be told that it may build for a target without a stable `core`.
        cargo.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1");
    }
    cargo
}

fn flags(root: &Path, kind: Kind) -> Result<Vec<String>> {
    let mut flags =
        ["-C", "linker=bpf-linker", "-C", "debuginfo=2", "-C", "link-arg=--btf"].map(str::to_owned).to_vec();
    let mut remap = |from: &Path, to: &str| flags.push(format!("--remap-path-prefix={}={to}", from.display()));
    // The last match wins, and a dependency may lie inside the checkout (cargo vendor).
    remap(root, ".");
    for directory in dependency_directories(root, kind)? {
        remap(&directory, "/dependencies");
    }
    if kind == Kind::Nightly {
        let sysroot = output(nightly("rustc").args(["--print", "sysroot"]))?;
        remap(&Path::new(sysroot.trim()).join("lib/rustlib/src/rust"), "/rust");
    }
    Ok(flags)
}

/// The directories that hold the sources of the crates we depend on.
fn dependency_directories(root: &Path, kind: Kind) -> Result<BTreeSet<PathBuf>> {
    let mut metadata = cargo(kind);
    metadata.current_dir(root).args(["metadata", "--format-version", "1", "--filter-platform", TARGET]);
    let metadata: Metadata = serde_json::from_str(&output(&mut metadata)?)?;
    let external = metadata.packages.iter().filter(|package| package.source.is_some());
    Ok(external.filter_map(|package| package.manifest_path.ancestors().nth(2)).map(Path::to_owned).collect())
}

/// What we read of `cargo metadata`.
#[derive(serde::Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(serde::Deserialize)]
struct Package {
    manifest_path: PathBuf,
    source: Option<String>,
}
