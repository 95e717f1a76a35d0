//! What this process may do, and what nobody may.

use crate::doctor::{
    facts::{Facts, Lockdown},
    finding::{Check, Finding},
};

pub(super) fn capabilities(facts: &Facts) -> Finding {
    const NAME: &str = Check::Capabilities.name();
    let privilege = &facts.privilege;
    let lacking = privilege.lacking().join(" and ");
    if !lacking.is_empty() {
        let detail = format!("loading BPF programs needs {lacking}, which this process does not have");
        return Finding::missing(NAME, detail, get_capabilities(facts));
    }
    if privilege.user_namespace {
        return Finding::missing(
            NAME,
            "this process is in a user namespace, where capabilities do not count for BPF",
            "run it on the host, or in a container that shares the host's user namespace",
        );
    }
    let held = [("CAP_BPF", privilege.bpf), ("CAP_PERFMON", privilege.perfmon), ("CAP_SYS_ADMIN", privilege.sys_admin)];
    let held: Vec<_> = held.into_iter().filter_map(|(name, held)| held.then_some(name)).collect();
    Finding::ok(NAME, format!("{}; CAP_BPF and CAP_PERFMON suffice", held.join(", ")))
}

fn get_capabilities(facts: &Facts) -> String {
    if facts.privilege.root {
        return "root lacks them only in a container or a restricted service: add them there \
                (docker: --cap-add BPF --cap-add PERFMON)"
            .into();
    }
    let plain = |path: &&str| path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+".contains(&byte));
    let program = facts.program.as_ref().and_then(|path| path.to_str()).filter(plain);
    let program = program.unwrap_or("\"$(command -v tracer)\"");
    format!("run it with sudo, or allow it once: sudo setcap cap_bpf,cap_perfmon+ep {program}")
}

/// Neither level forbids what the programs do: plain loads through typed pointers, no `bpf_probe_read_kernel`.
pub(super) fn lockdown(facts: &Facts) -> Finding {
    const NAME: &str = Check::Lockdown.name();
    match facts.lockdown {
        Lockdown::None => Finding::ok(NAME, "none"),
        Lockdown::Integrity => Finding::ok(NAME, "integrity, which forbids nothing that tracer does"),
        Lockdown::Confidentiality => {
            Finding::ok(NAME, "confidentiality; transitions are complete, they do not need what it forbids")
        }
        Lockdown::Unknown => Finding::unknown(NAME, "cannot be told, /sys/kernel/security is not mounted"),
    }
}

/// What can be taken from the process once everything is open.
pub(super) fn confinement(facts: &Facts) -> Finding {
    const NAME: &str = Check::Confinement.name();
    if facts.landlock {
        return Finding::ok(NAME, "while it runs tracer keeps no capability, no file and few system calls");
    }
    Finding::degraded(
        NAME,
        "this kernel has no Landlock, so files stay within reach while tracer runs",
        "Linux 5.13 or later has it, enabled by landlock in the boot parameter lsm=",
    )
}
