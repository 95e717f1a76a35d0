//! What slows it down or limits it.

use crate::doctor::{
    facts::{Facts, Jit},
    finding::{Check, Finding},
};

/// Since Linux 5.11 BPF memory is charged to the cgroup, and the limit does not concern it.
pub(super) fn memlock(facts: &Facts) -> Finding {
    const NAME: &str = Check::Memlock.name();
    match facts.memlock {
        None => Finding::ok(NAME, "unlimited"),
        Some(bytes) if facts.is_older_than(5, 11) => Finding::degraded(
            NAME,
            format!("the ring buffers must fit into {} KiB before Linux 5.11", bytes / 1024),
            "raise the limit: ulimit -l unlimited",
        ),
        Some(bytes) => Finding::ok(NAME, format!("{} KiB, which does not concern BPF since Linux 5.11", bytes / 1024)),
    }
}

pub(super) fn jit(facts: &Facts) -> Finding {
    const NAME: &str = Check::Jit.name();
    const SLOW: &str = "BPF programs are interpreted, so an event costs several times as much";
    match facts.jit {
        Jit::On => Finding::ok(NAME, "BPF programs are compiled"),
        Jit::Off => Finding::degraded(NAME, SLOW, "switch the compiler on: sudo sysctl net.core.bpf_jit_enable=1"),
        Jit::Absent => Finding::degraded(NAME, SLOW, "use a kernel built with CONFIG_BPF_JIT"),
        Jit::Unknown => Finding::unknown(NAME, "cannot be told, only root can read net.core.bpf_jit_enable"),
    }
}
