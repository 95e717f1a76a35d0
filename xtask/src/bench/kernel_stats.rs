//! The kernel's accounting of BPF run time, borrowed.

use std::os::fd::OwnedFd;

use anyhow::{Context as _, Result};
use aya::sys::{Stats, enable_stats};

/// On while this lives: the kernel ties it to a descriptor, so it goes off however we end.
pub(crate) struct KernelStats {
    _on: OwnedFd,
}

impl KernelStats {
    /// Switches it on.
    pub(crate) fn on() -> Result<Self> {
        let on = enable_stats(Stats::RunTime).context("cannot switch on the kernel's statistics of BPF programs")?;
        Ok(Self { _on: on })
    }
}
