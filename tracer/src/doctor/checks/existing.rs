//! What helps to know the sockets that are older than the trace, and is not needed for anything else.

use crate::doctor::{
    facts::{Facts, Privilege},
    finding::Finding,
};

const NAME: &str = "existing_sockets";

pub(super) fn existing(facts: &Facts) -> Finding {
    match hidden(&facts.privilege) {
        None => Finding::ok(NAME, "the processes that hold them can be seen"),
        Some(reason) => Finding::degraded(NAME, reason, "run it as root, or with these capabilities, too"),
    }
}

/// Why the holders of some existing sockets cannot be seen; `None` if all can.
pub(in crate::doctor) fn hidden(privilege: &Privilege) -> Option<String> {
    let needed = [("CAP_SYS_PTRACE", privilege.sys_ptrace), ("CAP_SYS_ADMIN", privilege.sys_admin)];
    let lacking: Vec<_> = needed.into_iter().filter_map(|(name, held)| (!held).then_some(name)).collect();
    let names = lacking.join(" and ");
    (!lacking.is_empty()).then(|| {
        format!(
            "without {names} those of other users' processes or other network namespaces have no owner until they act"
        )
    })
}
