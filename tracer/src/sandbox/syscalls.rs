//! Which system calls can be made: seccomp. Everything else fails with EPERM, so that a call which some future library
//! makes is an error that can be handled and not the end of a run.

use std::{collections::BTreeMap, os::fd::AsRawFd as _};

use libc::c_long;
use rustix::fs::OFlags;
use seccompiler::{
    BpfProgram, Error, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter_all_threads,
};

use super::{NEW_FILE, NEW_FILE_MODE, Rotation, User};

/// Calls that are harmless whatever their arguments: they work on open descriptors, memory and time.
const ALLOWED: &[c_long] = &[
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_eventfd2,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_fdatasync,
    libc::SYS_fstat,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_futex,
    libc::SYS_getdents64,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_newfstatat,
    libc::SYS_ppoll,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_sendto,
    libc::SYS_sigaltstack,
    libc::SYS_statx,
    libc::SYS_write,
    libc::SYS_writev,
];

/// Older forms of the above, which the C library uses where the architecture has them.
#[cfg(target_arch = "x86_64")]
const ALLOWED_OLD: &[c_long] = &[libc::SYS_epoll_wait, libc::SYS_poll, libc::SYS_stat];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_OLD: &[c_long] = &[];

/// `BPF_MAP_LOOKUP_ELEM` and `BPF_OBJ_GET_INFO_BY_FD` (include/uapi/linux/bpf.h): the counters. `BPF_MAP_UPDATE_ELEM`: the
/// word that ends the programs; what they do is frozen before they load. `BPF_MAP_GET_NEXT_KEY`: the histograms.
const BPF_COMMANDS: [u64; 4] = [1, 2, 4, 15];

/// Is it a terminal, and how wide (include/uapi/asm-generic/ioctls.h)? libc's constants differ in type between C libraries.
const TCGETS: u64 = 0x5401;
const TIOCGWINSZ: u64 = 0x5413;

/// Confines all threads of the process.
pub(super) fn confine(rotation: Option<&Rotation<'_>>) -> Result<(), Error> {
    let always = ALLOWED.iter().chain(ALLOWED_OLD).map(|call| (*call, Vec::new()));
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> = always.chain(conditional()?).collect();
    for (call, more) in rotation.map(rotating).transpose()?.into_iter().flatten() {
        rules.entry(call).or_default().extend(more);
    }
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let filter = SeccompFilter::new(rules, refused, SeccompAction::Allow, arch)?;
    let program: BpfProgram = filter.try_into()?;
    apply_filter_all_threads(&program)
}

/// Calls that are allowed with some arguments only.
fn conditional() -> Result<impl Iterator<Item = (c_long, Vec<SeccompRule>)>, Error> {
    let opens_to_write = libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC;
    let mut bpf = Vec::new();
    for command in BPF_COMMANDS {
        bpf.push(when(0, SeccompCmpOp::Eq, command)?);
    }
    // Not F_SETOWN, F_SETSIG or O_ASYNC: by these the kernel sends signals to any process of the same user.
    let mut fcntl = vec![with_arguments(&[
        (1, SeccompCmpOp::Eq, libc::F_SETFL.unsigned_abs().into()),
        (2, SeccompCmpOp::MaskedEq(libc::O_ASYNC.unsigned_abs().into()), 0),
    ])?];
    for command in [libc::F_DUPFD_CLOEXEC, libc::F_GETFD, libc::F_SETFD, libc::F_GETFL] {
        fcntl.push(when(1, SeccompCmpOp::Eq, command.unsigned_abs().into())?);
    }
    let no_code = || when(2, SeccompCmpOp::MaskedEq(libc::PROT_EXEC.unsigned_abs().into()), 0);
    Ok([
        (libc::SYS_bpf, bpf),
        (libc::SYS_fcntl, fcntl),
        (libc::SYS_ioctl, vec![when(1, SeccompCmpOp::Eq, TCGETS)?, when(1, SeccompCmpOp::Eq, TIOCGWINSZ)?]),
        (libc::SYS_mmap, vec![no_code()?]),
        (libc::SYS_mprotect, vec![no_code()?]),
        (libc::SYS_openat, vec![when(2, SeccompCmpOp::MaskedEq(opens_to_write.unsigned_abs().into()), 0)?]),
        // The runtime's signal handlers wake it through such a pair.
        (libc::SYS_socketpair, vec![when(0, SeccompCmpOp::Eq, libc::AF_UNIX.unsigned_abs().into())?]),
    ]
    .into_iter())
}

/// Calls that make and remove files, with the arguments that this takes. Where a file is made, its path may still lead
/// anywhere: that is for Landlock to refuse.
fn rotating(rotation: &Rotation<'_>) -> Result<Vec<(c_long, Vec<SeccompRule>)>, Error> {
    let directory = (0, SeccompCmpOp::Eq, rotation.directory.as_raw_fd().unsigned_abs().into());
    let mode = u64::from(NEW_FILE_MODE.bits());
    let any_size = u64::from(!OFlags::LARGEFILE.bits());
    let make =
        [directory.clone(), (2, SeccompCmpOp::MaskedEq(any_size), NEW_FILE.bits().into()), (3, SeccompCmpOp::Eq, mode)];
    let mut calls = vec![
        (libc::SYS_fchmod, vec![when(1, SeccompCmpOp::Eq, mode)?]),
        (libc::SYS_flock, Vec::new()),
        (libc::SYS_openat, vec![with_arguments(&make)?]),
        (libc::SYS_unlinkat, vec![with_arguments(&[directory, (2, SeccompCmpOp::Eq, 0)])?]),
    ];
    if let Some(User { uid, gid }) = rotation.owner {
        let owner = [(1, SeccompCmpOp::Eq, uid.into()), (2, SeccompCmpOp::Eq, gid.into())];
        calls.push((libc::SYS_fchown, vec![with_arguments(&owner)?]));
    }
    Ok(calls)
}

/// A rule for one argument.
fn when(argument: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompRule, Error> {
    with_arguments(&[(argument, operator, value)])
}

/// A rule for several arguments at once.
fn with_arguments(conditions: &[(u8, SeccompCmpOp, u64)]) -> Result<SeccompRule, Error> {
    let conditions = conditions
        .iter()
        .map(|(argument, operator, value)| SeccompCondition::new(*argument, Dword, operator.clone(), *value));
    Ok(SeccompRule::new(conditions.collect::<Result<_, _>>()?)?)
}
