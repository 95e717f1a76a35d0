//! The kernel's accounting of BPF run time, borrowed.

use std::fs;

use anyhow::{Context as _, Result};

const SYSCTL: &str = "/proc/sys/kernel/bpf_stats_enabled";

/// On while this lives; then as it was.
pub(crate) struct KernelStats {
    before: String,
}

impl KernelStats {
    /// Switches it on.
    pub(crate) fn on() -> Result<Self> {
        let before = fs::read_to_string(SYSCTL).with_context(|| format!("cannot read {SYSCTL}"))?;
        fs::write(SYSCTL, "1").with_context(|| format!("cannot write {SYSCTL}"))?;
        Ok(Self { before })
    }
}

impl Drop for KernelStats {
    fn drop(&mut self) {
        if let Err(error) = fs::write(SYSCTL, &self.before) {
            eprintln!("Cannot set {SYSCTL} back to {}: {error}", self.before.trim());
        }
    }
}
