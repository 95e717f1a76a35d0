//! The processes that can be looked at, by `/proc`. One that ends meanwhile has no answers.

use std::fs;

use crate::event::Comm;

/// All that are visible here, by number.
pub(super) fn pids() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut pids: Vec<u32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    pids
}

/// `/proc/PID/comm`: the name of the thread-group leader.
pub(super) fn comm(pid: u32) -> Option<Comm> {
    let name = fs::read(format!("/proc/{pid}/comm")).ok()?;
    let name = name.strip_suffix(b"\n").unwrap_or(&name);
    let mut comm = [0; 16];
    let length = name.len().min(comm.len() - 1);
    comm[..length].copy_from_slice(&name[..length]);
    Some(Comm(comm))
}

/// `/proc/PID/stat`: the second field is the name in brackets, which may contain anything; the fourth is the parent.
pub(super) fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let after_name = stat.iter().rposition(|byte| *byte == b')')? + 1;
    let fields = std::str::from_utf8(&stat[after_name..]).ok()?;
    fields.split_whitespace().nth(1)?.parse().ok().filter(|parent| *parent != 0)
}

/// `/proc/PID/cgroup`: the path in the v2 hierarchy.
pub(super) fn cgroup(pid: u32) -> Option<String> {
    unified(&fs::read(format!("/proc/{pid}/cgroup")).ok()?)
}

/// The line of the v2 hierarchy has the number 0 and names no controller.
fn unified(cgroups: &[u8]) -> Option<String> {
    let path = cgroups.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"0::"))?;
    Some(String::from_utf8_lossy(path).into_owned())
}

#[cfg(test)]
mod tests {
    use super::{comm, parent, pids, unified};

    #[test]
    fn the_parent_is_the_fourth_field() {
        assert_eq!(parent(std::process::id()), Some(std::os::unix::process::parent_id()));
    }

    #[test]
    fn this_process_is_among_them_and_has_a_name() {
        assert!(pids().contains(&std::process::id()));
        assert!(comm(std::process::id()).is_some_and(|comm| !comm.as_bytes().is_empty()));
        assert_eq!(comm(u32::MAX), None);
    }

    #[test]
    fn of_several_hierarchies_the_unified_one_counts() {
        assert_eq!(unified(b"12:pids:/a\n1:name=systemd:/b\n0::/c d\n").as_deref(), Some("/c d"));
        assert_eq!(unified(b"12:pids:/a\n"), None);
    }
}
