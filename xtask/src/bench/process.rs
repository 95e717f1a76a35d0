//! What the kernel says of a process, in /proc/PID.

use std::{fs, ops::Sub, path::PathBuf};

use anyhow::{Context as _, Result};
use serde::Serialize;

/// `USER_HZ`: ticks a second in /proc, whatever the kernel's own are.
const TICKS: f64 = 100.0;
/// Of `utime` in /proc/PID/stat, counted from what follows the name.
const USER_TIME: usize = 11;

/// CPU time, seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct CpuTime {
    /// In the process's own code.
    pub(crate) user: f64,
    /// In system calls.
    pub(crate) system: f64,
}

impl Sub for CpuTime {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self { user: self.user - before.user, system: self.system - before.system }
    }
}

/// All threads of a process so far, also when it has ended and nobody has waited for it yet.
pub(crate) fn cpu_time(pid: u32) -> Result<CpuTime> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    parse_cpu_time(&stat).with_context(|| format!("{path} has no CPU time"))
}

fn parse_cpu_time(stat: &str) -> Option<CpuTime> {
    // The name may hold anything, but it ends at the last parenthesis.
    let mut times = stat.rsplit_once(") ")?.1.split(' ').skip(USER_TIME).map(str::parse::<f64>);
    Some(CpuTime { user: times.next()?.ok()? / TICKS, system: times.next()?.ok()? / TICKS })
}

/// A number in /proc/PID/status, like `VmHWM` in KiB; none if the process has ended.
pub(crate) fn status(pid: u32, field: &str) -> Option<u64> {
    number(&format!("/proc/{pid}/status"), field)
}

/// Memory that it has, KiB: each page once, and its share of those that others have, too (`Pss`). Ring buffers are mapped
/// twice in a row, so what is resident (`VmRSS`) counts them twice. None if it has ended.
pub(crate) fn memory_kib(pid: u32) -> Option<u64> {
    number(&format!("/proc/{pid}/smaps_rollup"), "Pss")
}

fn number(path: &str, field: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// What its descriptors are; none if it has ended.
pub(crate) fn descriptors(pid: u32) -> Option<Vec<PathBuf>> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
    // One may be closed meanwhile.
    Some(entries.filter_map(|entry| fs::read_link(entry.path()).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 100 1 1";
        assert_eq!(parse_cpu_time(stat), Some(CpuTime { user: 2.5, system: 0.5 }));
    }

    #[test]
    fn this_process_has_memory_and_descriptors() {
        let own = std::process::id();
        assert!(status(own, "VmHWM").is_some_and(|kib| kib > 0));
        assert!(memory_kib(own).is_some_and(|kib| kib > 0));
        assert!(descriptors(own).is_some_and(|found| found.len() > 2));
    }
}
