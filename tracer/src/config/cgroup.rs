//! Cgroups: from a path or a number to both.

use std::path::{Path, PathBuf};

use super::{Problem, words::nearest};
use crate::{cgroupfs::CgroupTree, filter::WantedCgroup};

/// Where the hierarchy is mounted in the usual case; where it was on the recorded host is not known.
const USUAL_MOUNT: &str = "/sys/fs/cgroup";

/// A path below the v2 hierarchy (with or without its mount point in front), or an identifier.
pub(super) fn cgroup(text: &str) -> Result<WantedCgroup, Problem> {
    let tree = CgroupTree::open().ok_or(Problem::NoCgroupMount)?;
    let mount = || tree.mount().to_owned();
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let directory = if is_number { by_number(&tree, text) } else { by_path(&tree, text) };
    let found = directory.and_then(|directory| Some((tree.id(&directory)?, tree.path(&directory))));
    match found {
        Some((id, path)) => Ok(WantedCgroup { id, path: Some(path.into()) }),
        None if is_number => Err(Problem::NoCgroupNumber { mount: mount() }),
        None => Err(Problem::NoCgroup { nearest: nearest_path(&tree, text), mount: mount() }),
    }
}

/// In a recording: an identifier, or a path that is compared with those recorded.
pub(super) fn recorded(text: &str) -> Result<WantedCgroup, Problem> {
    if let Ok(id) = text.parse() {
        return Ok(WantedCgroup { id, path: None });
    }
    let path = text.strip_prefix(USUAL_MOUNT).filter(|rest| rest.is_empty() || rest.starts_with('/')).unwrap_or(text);
    // No cgroup has the identifier 0.
    Ok(WantedCgroup { id: 0, path: Some(format!("/{}", path.trim_matches('/')).into()) })
}

fn by_number(tree: &CgroupTree, text: &str) -> Option<PathBuf> {
    let id = text.parse().ok()?;
    tree.directories().find(|directory| tree.id(directory) == Some(id))
}

fn by_path(tree: &CgroupTree, text: &str) -> Option<PathBuf> {
    let mount = tree.mount();
    let given = Path::new(text);
    let directory = if given.starts_with(mount) { given.to_owned() } else { mount.join(text.trim_start_matches('/')) };
    directory.canonicalize().ok().filter(|directory| directory.is_dir() && directory.starts_with(mount))
}

fn nearest_path(tree: &CgroupTree, text: &str) -> Option<String> {
    let paths: Vec<_> = tree.directories().map(|directory| tree.path(&directory)).collect();
    nearest(&format!("/{}", text.trim_start_matches('/')), paths.iter().map(String::as_str))
}
