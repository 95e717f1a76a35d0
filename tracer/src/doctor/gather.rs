//! Asks the machine. Nothing here judges, and nothing fails: what cannot be asked is unknown.

use std::{env, fs, io::ErrorKind, os::unix::fs::MetadataExt as _, path::Path};

use aya::{
    programs::ProgramType,
    sys::{BpfHelper, is_helper_supported},
};
use rustix::{
    process::{Resource, geteuid, getrlimit},
    system::uname,
    thread::{CapabilitySet, SecureComputingMode, capabilities, secure_computing_mode},
};

use super::facts::{Facts, Jit, Lockdown, Privilege, Types};
use crate::{
    sandbox::can_confine_files,
    source::live::{
        btf::{Btf, BtfError},
        offsets,
    },
};

/// What BPF programs on `sock:inet_sock_set_state` are checked against (`__DEFINE_EVENT`, include/trace/bpf_probe.h).
const TRACEPOINT: &str = "inet_sock_set_state";
/// Where the kernel says how far it is locked down.
const SECURITYFS: &str = "/sys/kernel/security";
/// `PROC_USER_INIT_INO`: inode number of the first user namespace, include/linux/proc_ns.h.
const FIRST_USER_NAMESPACE: u64 = 0xEFFF_FFFD;
/// `PROC_PID_INIT_INO`, of the first pid namespace.
const FIRST_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

/// All that can be asked without trying anything out. A few milliseconds, most of them for the type information.
pub(super) fn facts() -> Facts {
    let uname = uname();
    Facts {
        release: uname.release().to_string_lossy().into_owned(),
        machine: uname.machine().to_string_lossy().into_owned(),
        program: env::current_exe().ok(),
        little_endian: cfg!(target_endian = "little"),
        privilege: privilege(),
        lockdown: lockdown(Path::new(SECURITYFS)),
        landlock: can_confine_files(),
        memlock: getrlimit(Resource::Memlock).current,
        jit: jit(),
        types: types(),
        trials: None,
    }
}

pub(super) fn privilege() -> Privilege {
    let effective = capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
    let namespace =
        |kind, first| fs::metadata(format!("/proc/self/ns/{kind}")).map_or(first, |metadata| metadata.ino());
    Privilege {
        root: geteuid().is_root(),
        bpf: effective.contains(CapabilitySet::BPF),
        perfmon: effective.contains(CapabilitySet::PERFMON),
        sys_admin: effective.contains(CapabilitySet::SYS_ADMIN),
        dac_read_search: effective.contains(CapabilitySet::DAC_READ_SEARCH),
        pid_namespace: namespace("pid", FIRST_PID_NAMESPACE) != FIRST_PID_NAMESPACE,
        sys_ptrace: effective.contains(CapabilitySet::SYS_PTRACE),
        user_namespace: namespace("user", FIRST_USER_NAMESPACE) != FIRST_USER_NAMESPACE,
        seccomp: matches!(secure_computing_mode(), Ok(SecureComputingMode::Filter)),
    }
}

/// Every mounted securityfs has the file `lsm`; `lockdown` exists only if it is built in.
fn lockdown(securityfs: &Path) -> Lockdown {
    match fs::read_to_string(securityfs.join("lockdown")) {
        Ok(levels) if levels.contains("[none]") => Lockdown::None,
        Ok(levels) if levels.contains("[integrity]") => Lockdown::Integrity,
        Ok(levels) if levels.contains("[confidentiality]") => Lockdown::Confidentiality,
        Err(error) if error.kind() == ErrorKind::NotFound && securityfs.join("lsm").exists() => Lockdown::None,
        _ => Lockdown::Unknown,
    }
}

fn jit() -> Jit {
    match fs::read_to_string("/proc/sys/net/core/bpf_jit_enable") {
        Ok(value) if value.trim() == "0" => Jit::Off,
        Ok(_) => Jit::On,
        Err(error) if error.kind() == ErrorKind::NotFound => Jit::Absent,
        Err(_) => Jit::Unknown,
    }
}

fn types() -> Result<Types, BtfError> {
    let btf = Btf::of_running_kernel()?;
    let mut members = offsets::resolve(&btf);
    // The helper is there for every type of tracing program or for none. Without privilege it cannot be asked for.
    if let Ok(members) = &mut members
        && let Ok(false) = is_helper_supported(ProgramType::RawTracePoint, BpfHelper::BPF_FUNC_probe_read_kernel)
    {
        members.forbid_packets();
    }
    if let Ok(members) = &mut members {
        members.find_timer_handler();
    }
    Ok(Types { tracepoint: btf.tracepoint_arguments(TRACEPOINT).is_some(), members })
}
