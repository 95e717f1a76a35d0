//! What helps to know the sockets that are older than the trace, and is not needed for anything else.

use crate::doctor::{
    facts::{Facts, Privilege},
    finding::{Check, Finding},
};

const NAME: &str = Check::ExistingSockets.name();

/// Whose sockets this process can see in /proc.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Everybody's.
    All,
    /// Not everybody's: why.
    Some(String),
    /// What it sees would be misleading: why.
    None(String),
}

pub(super) fn existing(facts: &Facts) -> Finding {
    let trial = facts.trials.as_ref().and_then(|trials| trials.existing.clone());
    match (trial, visibility(&facts.privilege)) {
        (Some(error), _) => Finding::degraded(NAME, error, "use a newer tracer that knows this kernel"),
        (None, Visibility::All) => Finding::ok(NAME, "the processes that hold them can be seen"),
        (None, Visibility::Some(reason)) => Finding::degraded(NAME, reason, "run it as root, or give it these, too"),
        (None, Visibility::None(reason)) => {
            Finding::degraded(NAME, reason, "run it with the host's (docker: --pid host)")
        }
    }
}

/// What `/proc/PID/fd` tells this process.
pub(in crate::doctor) fn visibility(privilege: &Privilege) -> Visibility {
    if privilege.pid_namespace {
        return Visibility::None("in a pid namespace of its own a process has other numbers".into());
    }
    let users = [("CAP_SYS_PTRACE", privilege.sys_ptrace), ("CAP_DAC_READ_SEARCH", privilege.dac_read_search)];
    let users: Vec<_> = users.into_iter().filter_map(|(name, held)| (!held).then_some(name)).collect();
    let mut reasons = Vec::new();
    if !users.is_empty() {
        let lacking = users.join(" and ");
        reasons.push(format!("without {lacking} those of other users have no process until they act"));
    }
    if !privilege.sys_admin {
        reasons.push("without CAP_SYS_ADMIN nor have those of other network namespaces".to_owned());
    }
    if reasons.is_empty() { Visibility::All } else { Visibility::Some(reasons.join(", ")) }
}
