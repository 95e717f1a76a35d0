//! Network namespaces: from what people call them to their inode number.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::{Problem, words::nearest};

/// Where `ip netns` keeps names.
const NAMED: &str = "/run/netns";
/// The smallest number a network namespace can have: `NET_NS_INIT_INO` (include/uapi/linux/nsfs.h, Linux 6.18); those
/// made at run time start at `PROC_DYNAMIC_FIRST`, 0xF0000000.
const FIRST_NUMBER: u32 = 0xEFFF_FFF9;
/// `NSFS_MAGIC`, include/uapi/linux/magic.h.
const NSFS_MAGIC: u64 = 0x6e73_6673;

/// The path that is asked for, if it is one: it alone may keep its namespace.
pub(super) fn path(text: &str) -> Option<PathBuf> {
    text.contains('/').then(|| text.into())
}

/// An inode number, a name, `pid:123`, a path, or `self`.
pub(super) fn netns(text: &str) -> Result<u32, Problem> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return number(text);
    }
    if text == "self" {
        return inode(Path::new("/proc/self/ns/net"));
    }
    if let Some(pid) = text.strip_prefix("pid:") {
        return of_process(pid);
    }
    let path = path(text).unwrap_or_else(|| Path::new(NAMED).join(text));
    match inode(&path) {
        Err(Problem::Unreadable { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
            let names = names();
            Err(Problem::NoNetns { path, nearest: nearest(text, names.iter().map(String::as_str)) })
        }
        other => other,
    }
}

/// In a recording: an inode number.
pub(super) fn recorded(text: &str) -> Result<u32, Problem> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { number(text) } else { Err(Problem::ForeignNetns) }
}

fn number(text: &str) -> Result<u32, Problem> {
    let number = text.parse().ok().filter(|number| *number >= FIRST_NUMBER);
    number.ok_or(Problem::NotANetnsNumber)
}

fn of_process(pid: &str) -> Result<u32, Problem> {
    let pid = pid.parse::<u32>().map_err(|_| Problem::NotAPid)?;
    match inode(&PathBuf::from(format!("/proc/{pid}/ns/net"))) {
        Err(Problem::Unreadable { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
            Err(Problem::NoProcess(pid))
        }
        other => other,
    }
}

fn inode(path: &Path) -> Result<u32, Problem> {
    let unreadable = |error| Problem::Unreadable { path: path.to_owned(), error };
    let meta = fs::metadata(path).map_err(unreadable)?;
    let filesystem = rustix::fs::statfs(path).map_err(|errno| unreadable(errno.into()))?;
    // A link in /proc says which kind of namespace it leads to; a name under /run/netns is always a network namespace.
    let other_kind = fs::read_link(path).is_ok_and(|target| !target.to_string_lossy().starts_with("net:["));
    match u32::try_from(meta.ino()) {
        Ok(number) if filesystem.f_type as u64 == NSFS_MAGIC && !other_kind => Ok(number),
        _ => Err(Problem::NotANetns(path.to_owned())),
    }
}

fn names() -> Vec<String> {
    let entries = fs::read_dir(NAMED).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}
