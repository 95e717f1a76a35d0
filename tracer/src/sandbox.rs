//! What remains of root's power once everything is open: reading rings and maps, reading a few directories, writing to the
//! descriptors at hand. A defect in what follows, or whoever exploits it, has no more than that.
//!
//! The order matters: identity and capabilities while changing them is still allowed, then the file system, then the
//! system calls, and only then other threads.

mod files;
mod identity;
mod syscalls;

use std::path::PathBuf;

pub use self::identity::User;

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sandbox {
    /// Become this user.
    pub user: Option<User>,
    /// Files and directories that stay readable, with all below them.
    pub readable: Vec<PathBuf>,
}

/// What confines the process now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confinement {
    /// Whether files are out of reach. Not so where the kernel has no Landlock (Linux 5.13, and enabled at boot).
    pub files: bool,
}

/// The process cannot be confined as it should.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A step of changing user and capabilities failed.
    #[error("cannot give up {what}: {source}; --no-sandbox goes on without.")]
    Identity {
        /// Which step.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// Landlock refused.
    #[error("cannot give up files: {0}; --no-sandbox goes on without.")]
    Files(landlock::RulesetError),
    /// seccomp refused.
    #[error("cannot give up system calls: {0}; --no-sandbox goes on without.")]
    Syscalls(seccompiler::Error),
}

/// Whether this kernel can put files out of reach.
#[must_use]
pub fn can_confine_files() -> bool {
    files::is_supported()
}

impl Sandbox {
    /// Confines the calling process, for good. It must have no other threads yet: they would stay as they are.
    ///
    /// # Errors
    /// [`SandboxError`] at the first step that fails; the steps before it are done.
    pub fn enter(&self) -> Result<Confinement, SandboxError> {
        identity::give_up(self.user)?;
        let files = files::confine(&self.readable).map_err(SandboxError::Files)?;
        syscalls::confine().map_err(SandboxError::Syscalls)?;
        Ok(Confinement { files })
    }
}
