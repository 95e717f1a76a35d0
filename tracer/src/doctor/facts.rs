//! What is known of this machine: gathered at the edge, judged by [`diagnose`](super::diagnose).

use std::path::PathBuf;

use super::outcome::Trials;
use crate::source::live::{
    btf::BtfError,
    offsets::{OffsetsError, Resolved},
};

/// Everything the checks look at.
#[derive(Debug)]
pub struct Facts {
    /// `uname -r`.
    pub release: String,
    /// `uname -m`.
    pub machine: String,
    /// Where this program lies, if that is known.
    pub program: Option<PathBuf>,
    /// Whether numbers start with their lowest byte here.
    pub little_endian: bool,
    /// What this process may do.
    pub privilege: Privilege,
    /// What even root may not do.
    pub lockdown: Lockdown,
    /// Whether files can be put out of reach (Landlock).
    pub landlock: bool,
    /// `RLIMIT_MEMLOCK`, bytes; `None`: unlimited.
    pub memlock: Option<u64>,
    /// How BPF programs are executed.
    pub jit: Jit,
    /// The kernel's type information.
    pub types: Result<Types, BtfError>,
    /// What was tried out; `None` if nothing was.
    pub trials: Option<Trials>,
}

impl Facts {
    /// The struct members, if all required ones were found.
    #[must_use]
    pub fn resolved(&self) -> Option<&Resolved> {
        self.types.as_ref().ok()?.members.as_ref().ok()
    }

    /// Whether the kernel is older than `major.minor`. Only for wording: what it can do is tried out.
    #[must_use]
    pub fn is_older_than(&self, major: u32, minor: u32) -> bool {
        let mut numbers = self.release.split(|c: char| !c.is_ascii_digit()).map_while(|n| n.parse().ok());
        match (numbers.next(), numbers.next()) {
            (Some(own_major), Some(own_minor)) => (own_major, own_minor) < (major, minor),
            _ => false,
        }
    }
}

/// What the kernel lets this process do, as far as it can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Privilege {
    /// The effective user is root.
    pub root: bool,
    /// `CAP_BPF` is effective.
    pub bpf: bool,
    /// `CAP_PERFMON` is effective.
    pub perfmon: bool,
    /// `CAP_SYS_ADMIN`, which implies both, is effective.
    pub sys_admin: bool,
    /// `CAP_SYS_PTRACE`, to see which sockets other users' processes hold, is effective.
    pub sys_ptrace: bool,
    /// `CAP_DAC_READ_SEARCH`, to look into other users' `/proc/PID/fd`, is effective.
    pub dac_read_search: bool,
    /// In a pid namespace of its own, where processes have other numbers than BPF programs see.
    pub pid_namespace: bool,
    /// In a user namespace of its own, where capabilities do not count for BPF.
    pub user_namespace: bool,
    /// A seccomp filter judges its system calls.
    pub seccomp: bool,
}

impl Privilege {
    /// What is needed to load the programs and lacks, by name.
    #[must_use]
    pub fn lacking(&self) -> Vec<&'static str> {
        let needed = [("CAP_BPF", self.bpf), ("CAP_PERFMON", self.perfmon)];
        needed.into_iter().filter(|(_, held)| !held && !self.sys_admin).map(|(name, _)| name).collect()
    }
}

/// `/sys/kernel/security/lockdown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lockdown {
    /// Off, or not built in.
    None,
    /// Nobody may change the running kernel.
    Integrity,
    /// Nobody may read its memory either.
    Confidentiality,
    /// securityfs is not mounted or not readable.
    Unknown,
}

/// `/proc/sys/net/core/bpf_jit_enable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jit {
    /// Programs are compiled.
    On,
    /// Programs are interpreted.
    Off,
    /// The kernel has no compiler for them.
    Absent,
    /// Only root can read it.
    Unknown,
}

/// What the kernel's type information says.
#[derive(Debug)]
pub struct Types {
    /// There is a tracepoint `inet_sock_set_state` that BPF programs can attach to.
    pub tracepoint: bool,
    /// The struct members the programs read.
    pub members: Result<Resolved, OffsetsError>,
}
