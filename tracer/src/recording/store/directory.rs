//! A directory that is held open: files are made and removed in it, whatever becomes of the path that led to it.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, ErrorKind},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{
        AtFlags, CWD, Dir, DirEntry, FileType, FlockOperation, Mode, OFlags, Stat, fchmod, fchown, flock, fstat, fsync,
        mkdirat, openat, statat, unlinkat,
    },
    io::Errno,
    process::{Gid, Uid},
};

use super::{StoreError, error::is_full};
use crate::sandbox::{NEW_FILE, NEW_FILE_MODE, User};

/// What a path says where to record.
pub(super) enum Place {
    /// Into segments in this directory.
    Directory(Directory),
    /// Into this file.
    File(Directory, PathBuf),
}

/// Tells files apart, whatever their names: device and inode.
pub(super) type Identity = (u64, u64);

/// An open directory.
pub(super) struct Directory {
    descriptor: OwnedFd,
    path: PathBuf,
    /// Who is given what is made in it.
    owner: Option<User>,
}

impl Place {
    /// Opens the directory at `path`, makes it if the path ends in a slash, or opens the one that the file shall be in.
    pub(super) fn open(path: &Path, owner: Option<User>) -> Result<Self, StoreError> {
        let asks_directory = path.as_os_str().as_bytes().ends_with(b"/");
        // A link is followed if there is a slash behind it.
        let path = path.components().as_path();
        match fs::symlink_metadata(path) {
            Ok(there) if there.is_symlink() => Err(StoreError::Link { path: path.to_owned() }),
            Ok(there) if there.is_dir() => Directory::open(path, OFlags::NOFOLLOW, owner).map(Self::Directory),
            Ok(_) => Err(StoreError::Exists { path: path.to_owned() }),
            Err(error) if error.kind() != ErrorKind::NotFound => Err(failed("finding it", path, error)),
            Err(_) if asks_directory => Directory::make(path, owner).map(Self::Directory),
            Err(_) => {
                let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
                let directory = Directory::open(parent.unwrap_or(Path::new(".")), OFlags::empty(), owner)?;
                Ok(Self::File(directory, path.to_owned()))
            }
        }
    }
}

impl Directory {
    fn open(path: &Path, flags: OFlags, owner: Option<User>) -> Result<Self, StoreError> {
        let flags = flags | OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = openat(CWD, path, flags, Mode::empty());
        let descriptor = opened.map_err(|errno| failed("opening the directory", path, errno))?;
        Ok(Self { descriptor, path: path.to_owned(), owner })
    }

    /// Makes it, for the owner only.
    fn make(path: &Path, owner: Option<User>) -> Result<Self, StoreError> {
        mkdirat(CWD, path, Mode::RWXU).map_err(|errno| failed("making the directory", path, errno))?;
        let directory = Self::open(path, OFlags::NOFOLLOW, owner)?;
        make_private(directory.as_fd(), Mode::RWXU, owner).map_err(|(what, errno)| failed(what, path, errno))?;
        Ok(directory)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn owner(&self) -> Option<User> {
        self.owner
    }

    /// Makes a file that was not there, locked as long as it is open, and with it nothing else: no link is followed.
    pub(super) fn make_file(&self, path: &Path) -> Result<(File, Identity), StoreError> {
        let name = path.file_name().unwrap_or(path.as_os_str());
        let made = openat(self, name, NEW_FILE, NEW_FILE_MODE).map_err(|errno| self.refused(path, errno))?;
        let lock = || flock(&made, FlockOperation::NonBlockingLockExclusive).map_err(|errno| ("locking it", errno));
        let identity = make_private(made.as_fd(), NEW_FILE_MODE, self.owner).and_then(|identity| {
            lock()?;
            Ok(identity)
        });
        let identity = identity.map_err(|(what, errno)| {
            // It is empty, and whose it is may not be as it should.
            let _ = self.remove(name);
            failed(what, path, errno)
        })?;
        Ok((made.into(), identity))
    }

    /// Why a file is not made: `O_EXCL` does not tell a file from a link.
    fn refused(&self, path: &Path, errno: Errno) -> StoreError {
        let is_link = |stat: Stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
        match path.file_name().map(|name| self.stat(name)) {
            Some(Ok(stat)) if errno == Errno::EXIST && is_link(stat) => StoreError::Link { path: path.to_owned() },
            _ if errno == Errno::EXIST => StoreError::Exists { path: path.to_owned() },
            _ => failed("making the file", path, errno),
        }
    }

    /// Opens a regular file to look into it.
    pub(super) fn open_file(&self, name: &OsStr) -> io::Result<File> {
        // Without O_NONBLOCK, a pipe that has taken the file's place would wait for a writer.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        Ok(openat(self, name, flags, Mode::empty())?.into())
    }

    pub(super) fn stat(&self, name: &OsStr) -> io::Result<Stat> {
        Ok(statat(self, name, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(unlinkat(self, name, AtFlags::empty())?)
    }

    /// What `wanted` makes of the names in it, which is nothing of most.
    pub(super) fn list<T>(&self, wanted: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, StoreError> {
        let list = || -> Result<Vec<T>, Errno> {
            let wanted = |entry: DirEntry| entry.file_name().to_str().ok().and_then(&wanted);
            Dir::read_from(self)?.filter_map(|entry| entry.map(wanted).transpose()).collect()
        };
        list().map_err(|errno| StoreError::List { path: self.path.clone(), source: errno.into() })
    }

    /// Makes what was made and removed in it survive a crash of the machine.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        match fsync(self) {
            // Some file systems in user space have no such thing for directories.
            Ok(()) | Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(()),
            Err(errno) => Err(StoreError::Sync { path: self.path.clone(), source: errno.into() }),
        }
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// Gives what was just made exactly this mode, of which the umask may have taken some, and its owner.
fn make_private(made: BorrowedFd<'_>, mode: Mode, owner: Option<User>) -> Result<Identity, (&'static str, Errno)> {
    let stat = fstat(made).map_err(|errno| ("looking at it", errno))?;
    if Mode::from_raw_mode(stat.st_mode) != mode {
        fchmod(made, mode).map_err(|errno| ("keeping others out of it", errno))?;
    }
    if let Some(User { uid, gid }) = owner.filter(|owner| (owner.uid, owner.gid) != (stat.st_uid, stat.st_gid)) {
        let given = fchown(made, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        given.map_err(|errno| ("giving it to the user who called sudo", errno))?;
    }
    Ok((stat.st_dev, stat.st_ino))
}

pub(super) fn failed(what: &'static str, path: &Path, error: impl Into<io::Error>) -> StoreError {
    StoreError::Make { what, path: path.to_owned(), source: error.into() }
}

impl StoreError {
    /// Whether room on the disk might help.
    pub(super) fn is_full(&self) -> bool {
        matches!(self, Self::Make { source, .. } | Self::Write { source, .. } if is_full(source))
    }
}
