//! Giving up what is not needed any more.
#![cfg_attr(target_env = "gnu", expect(unsafe_code, reason = "glibc has no other way to be asked for memory back"))]

use std::path::PathBuf;

use crate::{
    config::Keep,
    sandbox::{Rotation, Sandbox, SandboxError},
};

/// A run that cannot be confined goes on if it is asked to.
#[derive(Debug, thiserror::Error)]
#[error("{0}; --no-sandbox goes on without.")]
pub(super) struct Unconfined(#[from] SandboxError);

/// Confines the process but for what it reads and where it makes files; what could not be given up is said.
pub(super) fn confine(
    keep: Keep,
    readable: Vec<PathBuf>,
    rotation: Option<Rotation<'_>>,
) -> Result<Option<&'static str>, Unconfined> {
    give_back_memory();
    let user = match keep {
        Keep::Everything => {
            return Ok(Some("not confined (--no-sandbox): keeps its capabilities, files and system calls."));
        }
        Keep::User => None,
        Keep::Nothing(user) => Some(user),
    };
    let confinement = Sandbox { user, readable, rotation }.enter()?;
    let lacks_files = !confinement.files;
    Ok(lacks_files.then_some("this kernel has no Landlock, so files stay within reach while tracer runs."))
}

/// What reading the kernel's types took is free by now, 18 MiB in small pieces, which glibc keeps for later.
fn give_back_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it takes a number and touches nothing that is in use.
    unsafe {
        libc::malloc_trim(0);
    }
}
