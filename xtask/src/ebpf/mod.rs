//! `cargo xtask build-ebpf`: the BPF object, from source.

use std::{
    fs,
    io::{self, IsTerminal as _, Write as _},
    path::Path,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    command,
    prebuilt::{OBJECT, sha256},
};
use manifest::Manifest;
use toolchain::{Kind, Missing, Toolchain};

mod compile;
mod install;
mod manifest;
mod strip;
mod toolchain;

/// Where `--check` leaves an object that the committed one cannot be compared with.
const FRESH: &str = "target/ebpf/fresh.bpf.o";

/// Options of `build-ebpf`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Compare with the committed object and change nothing.
    #[arg(long)]
    check: bool,
    /// Install Debian's compiler if no toolchain is there.
    #[arg(long)]
    install: bool,
    /// Use this toolchain only.
    #[arg(long, value_enum)]
    toolchain: Option<Kind>,
}

/// Builds; then writes or compares.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = command::root();
    let committed = Manifest::read(&root);
    let preferred = args.toolchain.or(committed.as_ref().ok().map(|manifest| manifest.toolchain.kind));
    let toolchain = find_or_install(preferred, args)?;
    eprintln!("Building with {toolchain}.");
    let object = compile::compile(&root, &toolchain)?;
    let fresh = Manifest::of(&object, &root, toolchain)?;
    if args.check {
        return compare(&committed?, &fresh, &object, &root);
    }
    fresh.write(&root, &object)?;
    eprintln!("Wrote {OBJECT}: {} bytes, SHA-256 {}.", object.len(), sha256(&object));
    Ok(())
}

/// The preferred toolchain, else the other, else Debian's once it is installed.
fn find_or_install(preferred: Option<Kind>, args: &Args) -> Result<Toolchain> {
    let mut kinds = vec![preferred.unwrap_or(Kind::Nightly)];
    if args.toolchain.is_none() {
        kinds.extend([Kind::Nightly, Kind::Debian].into_iter().filter(|kind| Some(*kind) != preferred));
    }
    let mut lacking = Vec::new();
    for kind in &kinds {
        match toolchain::find(*kind) {
            Ok(toolchain) => return Ok(toolchain),
            Err(missing) => lacking.extend(missing),
        }
    }
    let list = lacking.iter().map(|missing| format!("\n  {missing}")).collect::<String>();
    if !kinds.contains(&Kind::Debian) || !(args.install || agreed(&list)?) {
        bail!("nothing here compiles for BPF; one of these toolchains must be complete:{list}");
    }
    install::debian()?;
    toolchain::find(Kind::Debian).map_err(|missing| still(&missing))
}

fn still(missing: &[Missing]) -> anyhow::Error {
    let list = missing.iter().map(Missing::to_string).collect::<Vec<_>>().join("; ");
    anyhow::anyhow!("installed Debian's toolchain, but it is not complete: {list}")
}

/// Asks, where there is someone to ask.
fn agreed(list: &str) -> Result<bool> {
    if !io::stdin().is_terminal() {
        return Ok(false);
    }
    eprint!("Nothing here compiles for BPF:{list}\nInstall Debian's toolchain now? [y/N] ");
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Says whether the committed object is what these sources give.
fn compare(committed: &Manifest, fresh: &Manifest, object: &[u8], root: &Path) -> Result<()> {
    if committed.sources != fresh.sources {
        bail!("{OBJECT} was made from other sources: run `cargo xtask build-ebpf`");
    }
    let path = root.join(FRESH);
    if path.exists() {
        fs::remove_file(&path).with_context(|| format!("cannot remove {FRESH}"))?;
    }
    let present = fs::read(root.join(OBJECT)).with_context(|| format!("cannot read {OBJECT}"))?;
    if committed.object != sha256(&present) {
        bail!("{OBJECT} is not the object that its manifest describes: restore both, or run `cargo xtask build-ebpf`");
    }
    if committed.object == fresh.object {
        eprintln!("{OBJECT} is byte-identical to what its sources give.");
        return Ok(());
    }
    fs::write(&path, object).with_context(|| format!("cannot write {FRESH}"))?;
    if committed.toolchain == fresh.toolchain {
        bail!("{OBJECT} differs from what the same toolchain makes of the same sources; compare it with {FRESH}");
    }
    eprintln!(
        "The committed object was made by {}; the fresh one differs, as it may, and must pass the kernel tests: run \
         `cargo xtask test --object {FRESH}`.",
        committed.toolchain
    );
    Ok(())
}
