//! Who the process is and what it may do.

use rustix::{
    io,
    process::{Gid, Uid},
    thread::{
        CapabilitySet, CapabilitySets, clear_ambient_capability_set, remove_capability_from_bounding_set,
        set_capabilities, set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
    },
};

use super::SandboxError;

/// A user to become, with its own group and no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// User identifier.
    pub uid: u32,
    /// Group identifier.
    pub gid: u32,
}

/// Gives up every capability in every set, for ever, and the uid if asked to.
pub(super) fn give_up(user: Option<User>) -> Result<(), SandboxError> {
    step("new privileges", set_no_new_privs(true))?;
    // Without CAP_SETPCAP this is not allowed, and with no new privileges and nothing held it changes nothing.
    let bounding = CapabilitySet::all().iter().try_for_each(|capability| {
        match remove_capability_from_bounding_set(capability) {
            // A capability that this kernel does not know.
            Err(io::Errno::INVAL) => Ok(()),
            other => other,
        }
    });
    if bounding != Err(io::Errno::PERM) {
        step("the bounding set of capabilities", bounding)?;
    }
    if let Some(User { uid, gid }) = user {
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        step("the groups", set_thread_groups(&[]))?;
        step("the group", set_thread_res_gid(gid, gid, gid))?;
        step("the user", set_thread_res_uid(uid, uid, uid))?;
    }
    step("the ambient set of capabilities", clear_ambient_capability_set())?;
    let none = CapabilitySet::empty();
    step(
        "the capabilities",
        set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none }),
    )
}

fn step(what: &'static str, done: io::Result<()>) -> Result<(), SandboxError> {
    done.map_err(|errno| SandboxError::Identity { what, source: errno.into() })
}
