//! The network namespaces that can be entered: where they are found, and how.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File, Metadata},
    io::{self, ErrorKind},
    os::{fd::AsFd as _, unix::fs::MetadataExt as _},
    panic::resume_unwind,
    path::{Path, PathBuf},
    thread,
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::processes::pids;

/// Where `ip netns` keeps those that have a name.
const NAMED: &str = "/run/netns";
/// Of the thread that asks: threads can be in different ones.
const OWN: &str = "/proc/thread-self/ns/net";

/// The one that this thread is in, by inode number.
pub(super) fn own() -> io::Result<u32> {
    number(&fs::metadata(OWN)?).ok_or_else(|| ErrorKind::InvalidData.into())
}

/// The one that a process is in.
pub(super) fn of_process(pid: u32) -> Option<u32> {
    number(&fs::metadata(link(pid)).ok()?)
}

/// The processes in each, this one first, for it outlives the others; then the oldest, as far as their numbers tell.
pub(super) fn processes() -> HashMap<u32, Vec<u32>> {
    let mut pids = pids();
    let own = std::process::id();
    pids.sort_by_key(|pid| *pid != own);
    let mut namespaces: HashMap<u32, Vec<u32>> = HashMap::new();
    for pid in pids {
        if let Some(inode) = of_process(pid) {
            namespaces.entry(inode).or_default().push(pid);
        }
    }
    namespaces
}

/// All that processes are in or that have a name; open, so that they stay.
pub(super) fn all() -> BTreeMap<u32, File> {
    // A process may be elsewhere by now.
    let held = |(inode, pids): (u32, Vec<u32>)| {
        let mut files = pids.into_iter().filter_map(|pid| opened(&link(pid)));
        files.find(|(found, _)| *found == inode)
    };
    let mut namespaces: BTreeMap<u32, File> = processes().into_iter().filter_map(held).collect();
    let entries = fs::read_dir(NAMED).into_iter().flatten().flatten();
    // A name that nothing is mounted on is an empty file.
    let kind = fs::metadata(OWN).map(|metadata| metadata.dev()).ok();
    let is_namespace = |file: &File| file.metadata().map(|metadata| metadata.dev()).ok() == kind;
    let named = entries.filter_map(|entry| opened(&entry.path())).filter(|(_, file)| is_namespace(file));
    for (inode, file) in named {
        namespaces.entry(inode).or_insert(file);
    }
    namespaces
}

/// Whether some processes do not tell which one they are in.
pub(super) fn some_are_withheld() -> bool {
    let is_withheld =
        |pid: u32| fs::metadata(link(pid)).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
    pids().into_iter().any(is_withheld)
}

/// Does something in a thread that is in this namespace.
pub(super) fn within<T: Send>(namespace: &File, act: impl FnOnce() -> T + Send) -> io::Result<T> {
    let enter = || {
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
        Ok(act())
    };
    thread::scope(|scope| {
        let inside = thread::Builder::new().spawn_scoped(scope, enter)?;
        inside.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

fn link(pid: u32) -> PathBuf {
    format!("/proc/{pid}/ns/net").into()
}

/// The one at a path.
pub(super) fn opened(path: &Path) -> Option<(u32, File)> {
    let file = File::open(path).ok()?;
    Some((number(&file.metadata().ok()?)?, file))
}

/// Inode numbers of namespaces have 32 bits.
fn number(metadata: &Metadata) -> Option<u32> {
    metadata.ino().try_into().ok()
}
