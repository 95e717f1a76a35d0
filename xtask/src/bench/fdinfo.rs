//! What the kernel says of the BPF programs and links that a process holds, in /proc/PID/fdinfo.

use std::fs;

use anyhow::{Context as _, Result};

/// Sums over all that a process holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// Links: what is attached.
    pub(crate) links: u64,
    /// Time in its programs while kernel.bpf_stats_enabled was set.
    pub(crate) run_time_ns: u64,
}

/// Reads it for one process.
pub(crate) fn read(pid: u32) -> Result<Held> {
    let directory = format!("/proc/{pid}/fdinfo");
    let mut held = Held::default();
    for entry in fs::read_dir(&directory).with_context(|| format!("cannot read {directory}"))? {
        // A descriptor may be closed meanwhile.
        held.add(&fs::read_to_string(entry?.path()).unwrap_or_default());
    }
    Ok(held)
}

impl Held {
    fn add(&mut self, fdinfo: &str) {
        let value = |name: &str| {
            let mut fields = fdinfo.lines().filter_map(|line| line.split_once(':'));
            fields.find(|(key, _)| *key == name).map(|(_, value)| value.trim())
        };
        self.links += u64::from(value("link_type").is_some());
        // A link repeats its program's id; only the program itself has a type.
        if value("prog_type").is_some() {
            self.run_time_ns += value("run_time_ns").and_then(|time| time.parse().ok()).unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_links_are_told_apart() {
        let mut held = Held::default();
        held.add("pos:\t0\nprog_type:\t26\nprog_id:\t7\nrun_time_ns:\t1234\nrun_cnt:\t5\n");
        held.add("pos:\t0\nlink_type:\ttracing\nlink_id:\t1\nprog_id:\t7\n");
        held.add("pos:\t0\nflags:\t02\n");
        assert_eq!(held, Held { links: 1, run_time_ns: 1234 });
    }
}
