//! What the kernel says of the BPF programs and links that a process holds, in /proc/PID/fdinfo.

use std::{collections::BTreeMap, fs};

use anyhow::{Context as _, Result};
use serde::Serialize;

/// A program that a process holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Program {
    /// The tracepoint that it is attached to, if it is one that takes programs directly.
    pub(crate) tracepoint: Option<String>,
    /// Time in it while the kernel's statistics were on.
    pub(crate) run_time_ns: u64,
    /// How often it ran meanwhile.
    pub(crate) runs: u64,
}

/// All that a process holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// Links: what is attached.
    pub(crate) links: u64,
    /// By the kernel's number.
    pub(crate) programs: BTreeMap<u64, Program>,
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
        let number = |name: &str| value(name).and_then(|value| value.parse::<u64>().ok());
        let is_link = value("link_type").is_some();
        self.links += u64::from(is_link);
        let Some(id) = number("prog_id") else { return };
        let program = self.programs.entry(id).or_default();
        if is_link {
            program.tracepoint = value("tp_name").map(str::to_owned);
        } else {
            program.run_time_ns = number("run_time_ns").unwrap_or(0);
            program.runs = number("run_cnt").unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_says_where_its_program_is_attached() {
        let mut held = Held::default();
        held.add("pos:\t0\nprog_type:\t26\nprog_id:\t7\nrun_time_ns:\t1234\nrun_cnt:\t5\n");
        held.add("pos:\t0\nlink_type:\traw_tracepoint\nlink_id:\t1\nprog_id:\t7\ntp_name:\ttimer_start\n");
        held.add("pos:\t0\nflags:\t02\n");
        let program = Program { tracepoint: Some("timer_start".to_owned()), run_time_ns: 1234, runs: 5 };
        assert_eq!(held, Held { links: 1, programs: BTreeMap::from([(7, program)]) });
    }
}
