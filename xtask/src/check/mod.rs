//! `cargo xtask check`: what must hold beside the tests.

use anyhow::Result;

use crate::command::{cargo, run};

mod layers;
mod paths;

/// Formatting, lints, documentation, layers.
pub(crate) fn all() -> Result<()> {
    run(cargo().args(["fmt", "--all", "--check"]))?;
    run(cargo().args(["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"]))?;
    let mut doc = cargo();
    doc.env("RUSTDOCFLAGS", "--deny warnings").args(["doc", "--workspace", "--no-deps", "--document-private-items"]);
    run(doc.arg("--quiet"))?;
    imports()
}

/// The layers only.
pub(crate) fn imports() -> Result<()> {
    layers::check(&crate::command::root().join("tracer/src"))
}
