//! Cgroups: from a path or a number to both.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::{Problem, words::nearest};
use crate::filter::WantedCgroup;

/// Directories visited at most when a number is looked for.
const WALK_LIMIT: usize = 100_000;

/// A path below the v2 hierarchy (with or without its mount point in front), or an identifier.
pub(super) fn cgroup(text: &str) -> Result<WantedCgroup, Problem> {
    let mountinfo = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mount = mount_point(&mountinfo).ok_or(Problem::NoCgroupMount)?;
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return by_number(text, mount);
    }
    let dir = if Path::new(text).starts_with(&mount) {
        PathBuf::from(text)
    } else {
        mount.join(text.trim_start_matches('/'))
    };
    let dir = dir.canonicalize().ok().filter(|dir| dir.is_dir() && dir.starts_with(&mount));
    let id = dir.as_deref().and_then(|dir| fs::metadata(dir).ok()).map(|meta| meta.ino());
    match (dir, id) {
        (Some(dir), Some(id)) => Ok(WantedCgroup { id, path: Some(below(&mount, &dir).into()) }),
        _ => Err(Problem::NoCgroup { nearest: nearest_path(&mount, text), mount }),
    }
}

/// Where the v2 hierarchy is mounted, by `/proc/self/mountinfo`.
pub(super) fn mount_point(mountinfo: &str) -> Option<PathBuf> {
    mountinfo.lines().find_map(|line| {
        // proc_pid_mountinfo(5): fields, then " - ", then the filesystem type.
        let (fields, tail) = line.split_once(" - ")?;
        (tail.split(' ').next()? == "cgroup2").then(|| fields.split(' ').nth(4))?.map(PathBuf::from)
    })
}

fn by_number(text: &str, mount: PathBuf) -> Result<WantedCgroup, Problem> {
    let id = text.parse::<u64>().ok();
    let found = directories(&mount).find(|dir| fs::metadata(dir).is_ok_and(|meta| Some(meta.ino()) == id));
    match (found, id) {
        (Some(dir), Some(id)) => Ok(WantedCgroup { id, path: Some(below(&mount, &dir).into()) }),
        _ => Err(Problem::NoCgroupNumber { mount }),
    }
}

fn below(mount: &Path, dir: &Path) -> String {
    format!("/{}", dir.strip_prefix(mount).unwrap_or(dir).to_string_lossy())
}

fn nearest_path(mount: &Path, text: &str) -> Option<String> {
    let paths: Vec<_> = directories(mount).map(|dir| below(mount, &dir)).collect();
    nearest(&format!("/{}", text.trim_start_matches('/')), paths.iter().map(String::as_str))
}

/// The directory and all below it.
fn directories(top: &Path) -> impl Iterator<Item = PathBuf> {
    let mut pending = vec![top.to_owned()];
    let next = move || {
        let dir = pending.pop()?;
        let entries = fs::read_dir(&dir).into_iter().flatten().flatten();
        let dirs = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        pending.extend(dirs.map(|entry| entry.path()));
        Some(dir)
    };
    std::iter::from_fn(next).take(WALK_LIMIT)
}
