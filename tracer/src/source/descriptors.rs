//! Which descriptors refer to which sockets: `/proc/PID/fd` of every process, as lsof reads it.
//!
//! Nothing is allocated for a descriptor: names come from `getdents64` into one buffer, where they lead to from
//! `readlinkat` on the open directory into another.

use std::{
    ffi::CStr,
    fs,
    mem::MaybeUninit,
    ops::Range,
    os::{fd::OwnedFd, unix::fs::MetadataExt as _},
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use rustix::{
    fs::{CWD, Mode, OFlags, RawDir, SeekFrom, openat, readlinkat_raw, seek},
    io::Errno,
};

use super::processes::pids;

/// `PROC_PID_INIT_INO`: inode number of the first pid namespace, include/linux/proc_ns.h.
const FIRST_PID_NAMESPACE: u64 = 0xEFFF_FFFC;
/// `getdents64` at once: 170 descriptors.
const NAMES: usize = 4 * 1024;
/// `socket:[4294967295]`; what is longer leads elsewhere.
const TARGET: usize = 32;
/// Threads that look: more of them wait for each other in the kernel.
const THREADS: usize = 4;
/// Descriptors of one process that one thread looks at, so that a process that has most of them is not left to one.
const SHARE: u64 = 2_048;
/// A directory of descriptors is read from this place on for descriptor 0, and so on (`proc_readfd_common`).
const FIRST: u64 = 2;

/// A descriptor that refers to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reference {
    /// The process.
    pub(super) pid: u32,
    /// The descriptor's number in it.
    pub(super) fd: u32,
    /// The socket.
    pub(super) inode: u64,
}

/// What all processes refer to.
#[derive(Debug)]
pub(super) struct References {
    /// By process and descriptor.
    pub(super) all: Vec<Reference>,
    /// Why some processes could not be looked at. If nothing hindered, a socket that is not among these is nobody's.
    pub(super) hindrance: Option<Hindrance>,
}

/// Why some processes cannot be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// They are outside of this process's pid namespace.
    PidNamespace,
    /// That takes privilege.
    Privilege,
}

/// Some descriptors of a process, by number.
struct Share {
    pid: u32,
    fds: Range<u64>,
}

/// Looks into every process.
pub(super) fn references() -> References {
    let pids = pids();
    let shares: Vec<_> = pids.iter().flat_map(|pid| Share::all_of(*pid)).collect();
    let next = AtomicUsize::new(0);
    let look = || {
        let mut part = References { all: Vec::new(), hindrance: None };
        let mut names = [MaybeUninit::uninit(); NAMES];
        while let Some(share) = shares.get(next.fetch_add(1, Ordering::Relaxed)) {
            part.look_at(share, &mut names);
        }
        part
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS);
    let hindrance = match pids.first() {
        _ if !in_first_pid_namespace() => Some(Hindrance::PidNamespace),
        Some(1) => None,
        // The first process is hidden where others are (`hidepid`).
        _ => Some(Hindrance::Privilege),
    };
    let mut whole = References { all: Vec::new(), hindrance };
    thread::scope(|scope| {
        // This thread looks, too, alone where no other may be made (RLIMIT_NPROC).
        let others: Vec<_> =
            (1..threads).filter_map(|_| thread::Builder::new().spawn_scoped(scope, look).ok()).collect();
        whole.add(look());
        for other in others {
            whole.add(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
    });
    whole.all.sort_unstable();
    whole
}

impl Share {
    /// Since Linux 6.2 the directory's size is their number; before, one thread has them all.
    fn all_of(pid: u32) -> impl Iterator<Item = Self> {
        let count = fs::metadata(directory(pid)).map_or(0, |metadata| metadata.len());
        let last = count / SHARE;
        (0..=last).map(move |number| {
            let end = if number == last { u64::MAX } else { (number + 1) * SHARE };
            Self { pid, fds: number * SHARE..end }
        })
    }

    fn open(&self, directory: &Path) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = openat(CWD, directory, flags, Mode::empty())?;
        seek(&directory, SeekFrom::Start(FIRST + self.fds.start))?;
        Ok(directory)
    }
}

impl References {
    fn add(&mut self, mut part: Self) {
        self.all.append(&mut part.all);
        self.hindrance = self.hindrance.or(part.hindrance);
    }

    /// A process that is gone holds nothing; what else hinders may hide something.
    fn look_at(&mut self, share: &Share, names: &mut [MaybeUninit<u8>]) {
        let mut looked = self.read(share, Path::new(&directory(share.pid)), names);
        if looked == Ok(Found::Nothing)
            && let Some(directory) = of_survivor(share.pid)
        {
            looked = self.read(share, &directory, names);
        }
        // Where a descriptor leads to may not be known either of a process that has just gone (proc_pid_readlink).
        if looked.is_err() && Path::new(&directory(share.pid)).exists() {
            self.hindrance = Some(Hindrance::Privilege);
        }
    }

    fn read(&mut self, share: &Share, directory: &Path, names: &mut [MaybeUninit<u8>]) -> Result<Found, Errno> {
        let directory = share.open(directory)?;
        let mut found = Found::Nothing;
        let mut entries = RawDir::new(&directory, names);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            let Some(fd) = number::<u32>(name.to_bytes()) else { continue };
            found = Found::Descriptors;
            if !share.fds.contains(&fd.into()) {
                break;
            }
            if let Some(inode) = socket(&directory, name)? {
                self.all.push(Reference { pid: share.pid, fd, inode });
            }
        }
        Ok(found)
    }
}

/// What was in a directory of descriptors, of sockets or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    Descriptors,
}

/// The descriptors of another thread: the first one has none any more once it has ended (`exit_files`). The links of the
/// directory are the threads and two (`proc_task_getattr`).
fn of_survivor(pid: u32) -> Option<PathBuf> {
    let threads = format!("/proc/{pid}/task");
    if fs::metadata(&threads).ok()?.nlink() <= 3 {
        return None;
    }
    let mut directories = fs::read_dir(threads).ok()?.flatten().map(|thread| thread.path().join("fd"));
    directories.find(|directory| fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some()))
}

fn directory(pid: u32) -> String {
    format!("/proc/{pid}/fd")
}

/// The socket that a descriptor refers to, if it does and was not closed meanwhile. Who may open the directory may not
/// see that yet: the one takes `CAP_DAC_READ_SEARCH`, the other `CAP_SYS_PTRACE`, which Landlock takes from root, too.
fn socket(directory: &OwnedFd, name: &CStr) -> Result<Option<u64>, Errno> {
    let mut target = [MaybeUninit::uninit(); TARGET];
    match readlinkat_raw(directory, name, &mut target) {
        Ok((target, _)) => Ok(inode(target)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// `socket:[12345]`
fn inode(target: &[u8]) -> Option<u64> {
    number(target.strip_prefix(b"socket:[")?.strip_suffix(b"]")?)
}

fn number<T: TryFrom<u64>>(digits: &[u8]) -> Option<T> {
    let digit = |digit: &u8| digit.is_ascii_digit().then(|| u64::from(digit - b'0'));
    let first = digit(digits.first()?)?;
    let number = digits[1..].iter().try_fold(first, |number, next| number.checked_mul(10)?.checked_add(digit(next)?));
    number?.try_into().ok()
}

/// In another one, processes outside are not even seen.
fn in_first_pid_namespace() -> bool {
    fs::metadata("/proc/self/ns/pid").is_ok_and(|metadata| metadata.ino() == FIRST_PID_NAMESPACE)
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, os::fd::AsRawFd as _};

    use rustix::{
        process::{Resource, Rlimit, getrlimit, setrlimit},
        thread::{CapabilitySet, capabilities, set_capabilities},
    };

    use super::{Hindrance, SHARE, inode, number, references};

    #[test]
    fn only_sockets_have_inodes_here() {
        assert_eq!(inode(b"socket:[12345]"), Some(12345));
        assert_eq!(inode(b"socket:[]"), None);
        assert_eq!(inode(b"socket:[12345"), None);
        assert_eq!(inode(b"pipe:[12345]"), None);
        assert_eq!(inode(b"/dev/null"), None);
    }

    #[test]
    fn descriptors_are_numbers() {
        assert_eq!(number::<u32>(b"4294967295"), Some(u32::MAX));
        assert_eq!(number::<u32>(b"4294967296"), None);
        assert_eq!(number::<u64>(b"99999999999999999999"), None);
        assert_eq!(number::<u32>(b".."), None);
        assert_eq!(number::<u32>(b"1."), None);
    }

    /// Root in a container that shares the host's processes.
    #[test]
    fn descriptors_that_only_their_numbers_are_seen_of_are_withheld() {
        let look = || {
            let mut sets = capabilities(None).expect("this thread's");
            sets.effective.remove(CapabilitySet::SYS_PTRACE);
            set_capabilities(None, sets).expect("given up");
            references().hindrance
        };
        assert_eq!(std::thread::spawn(look).join().expect("looked"), Some(Hindrance::Privilege));
    }

    #[test]
    fn of_a_process_with_many_descriptors_each_is_found_once() {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let target = std::fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).expect("a link");
        let inode = inode(target.as_os_str().as_encoded_bytes()).expect("a socket");
        let maximum = getrlimit(Resource::Nofile).maximum;
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("descriptors");
        let count = usize::try_from(2 * SHARE + 100).expect("not many");
        let copies: Vec<_> = (0..count).map(|_| socket.try_clone().expect("a descriptor")).collect();
        let found = references().all.into_iter().filter(|found| found.inode == inode).map(|found| found.fd);
        let mut expected: Vec<_> =
            copies.iter().chain([&socket]).map(|copy| copy.as_raw_fd().cast_unsigned()).collect();
        expected.sort_unstable();
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_socket_of_this_process_is_found_with_each_of_its_descriptors() {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let copy = socket.try_clone().expect("a descriptor");
        let target = std::fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).expect("a link");
        let inode = inode(target.as_os_str().as_encoded_bytes()).expect("a socket");
        let found = references().all;
        let fds: Vec<_> =
            found.iter().filter(|found| found.inode == inode).map(|found| (found.pid, found.fd)).collect();
        let fd = |fd: i32| (std::process::id(), u32::try_from(fd).expect("not negative"));
        let mut expected = [fd(socket.as_raw_fd()), fd(copy.as_raw_fd())];
        expected.sort_unstable();
        assert_eq!(fds, expected);
    }
}
