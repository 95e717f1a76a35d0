//! Who the process is and what it may do.

use std::{env, ffi::OsString};

use rustix::{
    io,
    process::{Gid, Uid, geteuid, getuid},
    thread::{
        CapabilitySet, CapabilitySets, clear_ambient_capability_set, remove_capability_from_bounding_set,
        set_capabilities, set_keep_capabilities, set_no_new_privs, set_thread_groups, set_thread_res_gid,
        set_thread_res_uid,
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

impl User {
    /// Who called sudo, if root is somebody else's: what is made for them is theirs. Reads the environment, so call it once.
    #[must_use]
    pub fn behind_sudo() -> Option<Self> {
        let is_root = getuid().is_root() && geteuid().is_root();
        is_root.then(|| Self::of_words(env::var_os("SUDO_UID")?, env::var_os("SUDO_GID")?))?
    }

    /// Root is no one else, and the highest number stands for nobody.
    fn of_words(uid: OsString, gid: OsString) -> Option<Self> {
        let number = |word: OsString| {
            let digits = word.into_string().ok()?;
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|number| is_number && *number != u32::MAX)
        };
        let user = Self { uid: number(uid)?, gid: number(gid)? };
        (user.uid != 0).then_some(user)
    }
}

/// Gives up every capability in every set, for ever, but the one to give files away if that is needed; and the uid if asked
/// to.
pub(super) fn give_up(user: Option<User>, gives_files_away: bool) -> Result<(), SandboxError> {
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
        step("keeping capabilities", set_keep_capabilities(gives_files_away))?;
        step("the groups", set_thread_groups(&[]))?;
        step("the group", set_thread_res_gid(gid, gid, gid))?;
        step("the user", set_thread_res_uid(uid, uid, uid))?;
    }
    step("the ambient set of capabilities", clear_ambient_capability_set())?;
    let kept = if gives_files_away { CapabilitySet::CHOWN } else { CapabilitySet::empty() };
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    step("the capabilities", set_capabilities(None, sets))
}

fn step(what: &'static str, done: io::Result<()>) -> Result<(), SandboxError> {
    done.map_err(|errno| SandboxError::Identity { what, source: errno.into() })
}

#[cfg(test)]
mod tests {
    use super::User;

    #[test]
    fn who_called_sudo_is_two_numbers() {
        let user = |uid: &str, gid: &str| User::of_words(uid.into(), gid.into());
        assert_eq!(user("1000", "100"), Some(User { uid: 1000, gid: 100 }));
        assert_eq!(user("0", "0"), None, "root for itself");
        for word in ["", "-1", "+1", "1000 ", "0x3e8", "alice", "4294967295", "4294967296"] {
            assert_eq!(user(word, "100"), None, "{word}");
            assert_eq!(user("1000", word), None, "{word}");
        }
    }
}
