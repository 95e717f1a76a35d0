//! Why the kernel refused something, as far as that can be told, and what helps.

use rustix::io::Errno;

use super::{
    facts::{Facts, Lockdown},
    finding::Finding,
    outcome::Failed,
};

/// The oldest Linux that has all that the programs use.
pub(super) const OLDEST: (u32, u32) = (5, 15);

/// What to do where nothing else is known to help.
pub(super) const REPORT: &str = "use a newer tracer, or report this with the output of tracer doctor -v";

/// Judges a failed trial.
pub(super) fn finding(name: &'static str, failed: &Failed, facts: &Facts) -> Finding {
    let (because, remedy) = cause(failed, facts);
    let because = because.map(|because| format!(": {because}")).unwrap_or_default();
    let mut finding = Finding::missing(name, format!("{}{because}", failed.what), remedy);
    finding.log = Some(failed.log.clone());
    finding
}

fn cause(failed: &Failed, facts: &Facts) -> (Option<String>, String) {
    let errno = failed.errno.map(Errno::from_raw_os_error);
    let said = failed.errno.map(|errno| std::io::Error::from_raw_os_error(errno).to_string());
    if let Some(function) = failed.refused_function() {
        return (Some(format!("it does not let them call {function}")), newer_kernel(facts));
    }
    match errno {
        _ if facts.is_older_than(OLDEST.0, OLDEST.1) => (said, newer_kernel(facts)),
        _ if failed.by_verifier() => (Some("its verifier does not accept it".into()), REPORT.into()),
        Some(Errno::PERM) => {
            let (because, remedy) = forbidden(facts);
            (Some(because.to_owned()), remedy.to_owned())
        }
        Some(Errno::NOMEM) => (said, "free some memory, or make the ring buffers smaller with --ring-size".into()),
        _ => (said, REPORT.into()),
    }
}

/// What to do on a kernel that lacks a part.
pub(super) fn newer_kernel(facts: &Facts) -> String {
    let (major, minor) = OLDEST;
    if facts.is_older_than(major, minor) {
        format!("use Linux {major}.{minor} or later, this is {}", facts.release)
    } else {
        REPORT.to_owned()
    }
}

/// Who forbids what the process has the capabilities for.
fn forbidden(facts: &Facts) -> (&'static str, &'static str) {
    match facts.lockdown {
        _ if facts.privilege.seccomp => (
            "the seccomp filter of this process (a container's, most likely) forbids it",
            "run it outside the container, or with a seccomp profile that allows bpf",
        ),
        Lockdown::Confidentiality => {
            ("the kernel is locked down (confidentiality)", "boot with lockdown=integrity, or without lockdown")
        }
        Lockdown::Integrity => ("the kernel is locked down (integrity)", "boot without lockdown"),
        Lockdown::None | Lockdown::Unknown => (
            "it is not permitted, although the capabilities are there",
            "ask the kernel log and the audit log which security module (SELinux, AppArmor) forbids it",
        ),
    }
}
