//! On what it was measured.

use std::{fmt, fs, thread};

use serde::Serialize;

/// What a reader must know to compare.
#[derive(Serialize)]
pub(crate) struct Machine {
    kernel: String,
    architecture: &'static str,
    cpu: String,
    cpus: usize,
    memory_mib: u64,
}

impl Machine {
    /// This one.
    pub(crate) fn read() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let kib =
            field(&read("/proc/meminfo"), "MemTotal").and_then(|total| total.split(' ').next()?.parse::<u64>().ok());
        Self {
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            architecture: std::env::consts::ARCH,
            cpu: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown CPU".to_owned()),
            cpus: thread::available_parallelism().map_or(0, usize::from),
            memory_mib: kib.unwrap_or(0) / 1024,
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kernel, architecture, cpu, cpus, memory_mib } = self;
        write!(f, "Linux {kernel}, {architecture}, {cpus} CPUs ({cpu}), {memory_mib} MiB of memory")
    }
}

/// Of the first line `NAME : VALUE`.
fn field(text: &str, name: &str) -> Option<String> {
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_cpu_names_the_model() {
        let info = "processor\t: 0\nmodel name\t: A CPU\n\nprocessor\t: 1\nmodel name\t: Another\n";
        assert_eq!(field(info, "model name").as_deref(), Some("A CPU"));
        assert_eq!(field(info, "flags"), None);
    }
}
