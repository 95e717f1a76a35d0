//! The manifest beside the committed object.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use super::toolchain::Toolchain;
use crate::prebuilt::{FORMAT, MANIFEST, OBJECT, sha256, source_hash};

const HEADER: &str = "\
# What made tracer.bpf.o. Written by `cargo xtask build-ebpf`; tracer's build script and CI compare.
";

/// What made the committed object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    format: i64,
    /// SHA-256 of the object.
    pub(crate) object: String,
    /// Hash of all that went into it, see [`source_hash`].
    pub(crate) sources: String,
    /// What it was compiled with.
    pub(crate) toolchain: Toolchain,
}

impl Manifest {
    /// Describes `object`, made by `toolchain` from the sources below `root`.
    pub(crate) fn of(object: &[u8], root: &Path, toolchain: Toolchain) -> Result<Self> {
        let sources = source_hash(root).context("cannot hash the BPF sources")?;
        Ok(Self { format: FORMAT, object: sha256(object), sources, toolchain })
    }

    /// The committed one.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let text = fs::read_to_string(root.join(MANIFEST)).with_context(|| format!("cannot read {MANIFEST}"))?;
        let manifest: Self = toml::from_str(&text).with_context(|| format!("{MANIFEST} is damaged"))?;
        if manifest.format != FORMAT {
            bail!("{MANIFEST} has format {}, this xtask knows {FORMAT}", manifest.format);
        }
        Ok(manifest)
    }

    /// Replaces the committed object and manifest.
    pub(crate) fn write(&self, root: &Path, object: &[u8]) -> Result<()> {
        let text = format!("{HEADER}{}", toml::to_string(self)?);
        for (path, bytes) in [(OBJECT, object), (MANIFEST, text.as_bytes())] {
            let path = root.join(path);
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}
