//! What remains of root's power once everything is open: reading rings and maps, reading a few directories, writing to the
//! descriptors at hand. A defect in what follows, or whoever exploits it, has no more than that.
//!
//! The order matters: identity and capabilities while changing them is still allowed, then the file system, then the
//! system calls, and only then other threads.

mod files;
mod identity;
mod rotation;
mod syscalls;

use std::path::PathBuf;

pub(crate) use self::rotation::{NEW_FILE, NEW_FILE_MODE};
pub use self::{identity::User, rotation::Rotation};

/// What is kept.
#[derive(Clone, Debug, Default)]
pub struct Sandbox<'a> {
    /// Become this user.
    pub user: Option<User>,
    /// Files and directories that stay readable, with all below them.
    pub readable: Vec<PathBuf>,
    /// Where files are made and removed. If that is a directory of those who are given the files, the process becomes them,
    /// unless it is to become somebody else.
    pub rotation: Option<Rotation<'a>>,
}

/// What confines the process now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confinement {
    /// Whether files are out of reach. Not so where the kernel has no Landlock (Linux 5.13, and enabled at boot).
    pub files: bool,
}

/// The process cannot be confined as it should. What to do about it is for the command to say.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A step of changing user and capabilities failed.
    #[error("cannot give up {what}: {source}")]
    Identity {
        /// Which step.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The user that remains cannot make files where they are to be made.
    #[error(
        "cannot go on making files in the directory of the recording without root's power: {0}; record to a directory of \
         the user that tracer runs as"
    )]
    Rotation(std::io::Error),
    /// Landlock refused.
    #[error("cannot give up files: {0}")]
    Files(landlock::RulesetError),
    /// seccomp refused.
    #[error("cannot give up system calls: {0}")]
    Syscalls(seccompiler::Error),
}

/// Whether this kernel can put files out of reach.
#[must_use]
pub fn can_confine_files() -> bool {
    files::is_supported()
}

impl Sandbox<'_> {
    /// Confines the calling process, for good. It must have no other threads yet: they would stay as they are.
    ///
    /// # Errors
    /// [`SandboxError`] at the first step that fails; the steps before it are done.
    pub fn enter(&self) -> Result<Confinement, SandboxError> {
        let rotation = self.rotation.as_ref();
        let user = self.user.or_else(|| rotation?.user());
        identity::give_up(user, rotation.is_some_and(|rotation| rotation.gives_away(user)))?;
        rotation.map_or(Ok(()), Rotation::check).map_err(|errno| SandboxError::Rotation(errno.into()))?;
        let directory = rotation.map(|rotation| rotation.directory);
        let files = files::confine(&self.readable, directory).map_err(SandboxError::Files)?;
        syscalls::confine(rotation).map_err(SandboxError::Syscalls)?;
        Ok(Confinement { files })
    }
}
