//! What `tracer doctor` checks and finds.

use super::{
    Aspect::{Next, Plain},
    Says, says,
};
use crate::doctor::{Check, Health};

const MAP: Says = says("Whether the kernel has a type of BPF map that tracer uses.")
    .more(&[(Next, "Linux 5.15 or later has all of them; a container's seccomp profile may forbid to make one.")]);

pub(super) const fn check(check: Check) -> Says {
    match check {
        Check::Kernel => says("Which kernel it is. What it can do decides, not its number.").run(&["uname -r"]),
        Check::Architecture => {
            says("Whether numbers begin with their lowest byte here: tracer's kernel programs are little-endian.")
        }
        Check::Capabilities => says("Whether this process may load BPF programs: CAP_BPF and CAP_PERFMON, or root.")
            .run(&["sudo tracer doctor", "sudo setcap cap_bpf,cap_perfmon+ep /usr/local/bin/tracer"]),
        Check::Lockdown => says("How far the kernel is locked down.")
            .more(&[(
                Plain,
                "integrity forbids nothing that tracer does. confidentiality takes TIME_WAIT lifetimes, and the ends \
                 of resets that no connection wanted.",
            )])
            .run(&["cat /sys/kernel/security/lockdown"]),
        Check::Btf => says("The kernel's type information, which says where it keeps what: /sys/kernel/btf/vmlinux.")
            .more(&[(
                Next,
                "CONFIG_DEBUG_INFO_BTF, which the kernels of the distributions have; a container may hide the file.",
            )]),
        Check::Tracepoint => {
            says("Whether BPF programs can attach to sock:inet_sock_set_state, which tells of state changes.")
        }
        Check::Members => says("Whether all that the programs read of the kernel's structs was found."),
        Check::RingBuffer | Check::ArrayOfMaps | Check::PerCpuArray | Check::HashMap | Check::LpmTrie => MAP,
        Check::Programs => {
            says("Whether the kernel accepts tracer's programs: they are loaded, attached, and detached again.")
                .more(&[(Next, "The verifier's words: tracer doctor -v.")])
        }
        Check::Memlock => {
            says("How much memory may be locked, which limits BPF maps before Linux 5.11 only.").run(&["ulimit -l"])
        }
        Check::Jit => says("Whether the kernel compiles BPF programs; interpreted ones cost several times as much.")
            .run(&["sysctl net.core.bpf_jit_enable"]),
        Check::ExistingSockets => {
            says("Whether it can be told whose the sockets are that were there before the trace.").more(&[(
                Next,
                "Root, or CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH and, for other namespaces, CAP_SYS_ADMIN; in a \
                 container the host's pid namespace.",
            )])
        }
        Check::Confinement => says("Whether files can be put out of tracer's own reach while it runs (Landlock)."),
        Check::Filter => says(
            "Whether this kernel tells what the filter asks for; checked at a start, not by \
             doctor.",
        ),
    }
}

pub(super) const fn health(health: Health) -> Says {
    match health {
        Health::Ok => says("As it should be."),
        Health::Degraded => says("tracer runs, but something is lost; the line says what, and what helps."),
        Health::Unknown => says("It could not be found out; that is no reason to refuse."),
        Health::Missing => says("tracer cannot run here without it; the line says how to get it. Exit status 3."),
    }
}

/// Of `transitions`, the feature that every kernel has on which tracer runs.
pub(super) const TRANSITIONS: Says = says(
    "Every TCP state change. Always measured: without it tracer does not \
     start.",
);
