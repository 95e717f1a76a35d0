//! A directory in which the confined process goes on making and removing files.

use std::os::fd::BorrowedFd;

use rustix::{
    fs::{Access, AtFlags, Mode, OFlags, accessat, fstat},
    io,
    process::geteuid,
};

use super::User;

/// The only way in which files can be made: never one that is there, never where a link leads.
pub(crate) const NEW_FILE: OFlags =
    OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// The mode of these files: for their owner only.
pub(crate) const NEW_FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);

/// Leave to make files in a directory, to look into them and to remove them.
#[derive(Clone, Copy, Debug)]
pub struct Rotation<'a> {
    /// The directory, through this descriptor only.
    pub directory: BorrowedFd<'a>,
    /// Who is given the files.
    pub owner: Option<User>,
}

impl Rotation<'_> {
    /// Whom to become so that it can go on: the files' owner, if the directory is theirs. Without its capabilities root is
    /// a user like others there.
    pub(super) fn user(&self) -> Option<User> {
        let owner = self.owner.filter(|owner| owner.uid != geteuid().as_raw())?;
        fstat(self.directory).is_ok_and(|stat| stat.st_uid == owner.uid).then_some(owner)
    }

    /// Whether files are to be given to somebody else than `user`, which takes a capability.
    pub(super) fn gives_away(&self, user: Option<User>) -> bool {
        let uid = user.map_or_else(|| geteuid().as_raw(), |user| user.uid);
        self.owner.is_some_and(|owner| owner.uid != uid)
    }

    /// Whether it still can.
    pub(super) fn check(&self) -> io::Result<()> {
        accessat(self.directory, ".", Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)
    }
}
