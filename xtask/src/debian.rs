//! Debian packages: which are missing, and installing them without a question or a service.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, bail};

use crate::{command, privilege::as_root};

/// The compiler and the `core` that [`crate::ebpf`] uses where there is no nightly.
pub(crate) const BPF_COMPILER: [&str; 2] = ["rustc-web", "libstd-rust-web-dev-bpf"];
/// What bpf-linker is built with.
pub(crate) const BPF_LINKER: [&str; 1] = ["llvm-22-dev"];
/// What libFuzzer is built with.
pub(crate) const CPP_COMPILER: [&str; 1] = ["g++"];

/// Forbids maintainer scripts to start services, for as long as the installation lasts.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Those of `packages` that are not installed.
pub(crate) fn missing<'a>(packages: &[&'a str]) -> Vec<&'a str> {
    packages.iter().copied().filter(|package| !is_installed(package)).collect()
}

/// Whether packages can be installed at all.
pub(crate) fn is_debian() -> bool {
    Path::new("/usr/bin/apt-get").exists()
}

fn is_installed(package: &str) -> bool {
    let mut query = Command::new("dpkg-query");
    let status = command::probe(query.args(["--show", "--showformat", "${db:Status-Status}", package]));
    status.as_deref() == Some("installed")
}

/// Installs what is missing of `packages`.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    let missing = missing(packages);
    if missing.is_empty() {
        return Ok(());
    }
    if !is_debian() {
        bail!("this needs {}, and there is no apt-get to install them", missing.join(", "));
    }
    eprintln!("Installing {}.", missing.join(", "));
    let script = format!(
        "set -e\n{guard}\napt-get -qq update\napt-get -qq install --no-install-recommends {} >/dev/null",
        missing.join(" "),
        guard = guard(),
    );
    let mut shell = as_root("sh")?;
    shell.env("DEBIAN_FRONTEND", "noninteractive").args(["-c", &script]);
    command::run(&mut shell).with_context(|| format!("cannot install {}", missing.join(", ")))
}

/// A machine that has a policy of its own keeps it.
fn guard() -> String {
    if fs::exists(POLICY).unwrap_or(true) {
        return String::new();
    }
    format!("printf '#!/bin/sh\\nexit 101\\n' >{POLICY}; chmod 755 {POLICY}; trap 'rm -f {POLICY}' EXIT")
}
