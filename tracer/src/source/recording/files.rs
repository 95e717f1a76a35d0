//! Which files a reading is about: those that are there, and those that come while it is followed.

use std::{
    collections::{HashSet, VecDeque},
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::{
    ReadError, Reading,
    segments::{self, STDIN, Segment},
};

/// How the names of segments in a directory end.
const EXTENSION: &str = "trec";

/// Device and inode: what tells files apart, whatever they are called.
type Identity = (u64, u64);

/// The files of a reading.
#[derive(Default)]
pub(super) struct Files {
    is_followed: bool,
    directories: Vec<PathBuf>,
    /// Names in the directories that need not be looked at again.
    known: HashSet<PathBuf>,
    /// Why some cannot be read, to be told.
    refused: VecDeque<ReadError>,
}

impl Files {
    /// Finds the segments, each once, in the order of their runs' start. A file that cannot be read is refused, and costs
    /// itself.
    pub(super) fn find(what: &Reading) -> Result<(Self, Vec<Segment>), ReadError> {
        let mut files = Self { is_followed: what.follow, ..Self::default() };
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        for path in &what.paths {
            if path.as_os_str() == STDIN {
                let is_first = !found.iter().any(Segment::is_stream);
                found.extend(is_first.then(Segment::stdin));
                continue;
            }
            let failed = |source| ReadError::Open { path: path.clone(), source };
            let metadata = fs::metadata(path).map_err(failed)?;
            if !metadata.is_dir() {
                found.extend(files.look_at(path.clone(), &mut seen));
            } else if seen.insert(identity(&metadata)) {
                let names = in_directory(path).map_err(failed)?;
                if names.is_empty() {
                    return Err(ReadError::NoSegments { path: path.clone() });
                }
                files.directories.push(path.clone());
                files.known.extend(names.iter().cloned());
                found.extend(names.into_iter().filter_map(|name| files.look_at(name, &mut seen)));
            }
        }
        segments::sort(&mut found);
        Ok((files, found))
    }

    /// Segments that came since, in the order of their runs' start. Only names that are new are looked at.
    pub(super) fn more(&mut self) -> Vec<Segment> {
        // A directory that cannot be listed any more has no more.
        let names: HashSet<_> = self.directories.iter().filter_map(|path| in_directory(path).ok()).flatten().collect();
        let new: Vec<_> = names.difference(&self.known).cloned().collect();
        self.known = names;
        let mut seen = HashSet::new();
        let mut found: Vec<_> = new.into_iter().filter_map(|name| self.look_at(name, &mut seen)).collect();
        segments::sort(&mut found);
        found
    }

    /// Whether more may come.
    pub(super) fn may_grow(&self) -> bool {
        self.is_followed && !self.directories.is_empty()
    }

    /// Why the next of those that cannot be read is not.
    pub(super) fn refusal(&mut self) -> Option<ReadError> {
        self.refused.pop_front()
    }

    fn look_at(&mut self, path: PathBuf, seen: &mut HashSet<Identity>) -> Option<Segment> {
        let looked = match fs::metadata(&path) {
            Ok(metadata) if !seen.insert(identity(&metadata)) => return None,
            Ok(_) => Segment::look_at(path),
            Err(source) => Err(ReadError::Open { path, source }),
        };
        match looked {
            Ok(segment) => Some(segment),
            // Whoever keeps segments within limits removed it just now.
            Err(error) if error.is_gone() => None,
            // Just begun: it is looked at again.
            Err(ReadError::Empty { path }) if self.is_followed && self.known.remove(&path) => None,
            Err(error) => {
                self.refused.push_back(error);
                None
            }
        }
    }
}

fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

/// The names of files that should be segments, sorted.
fn in_directory(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) && is_file(&entry, &path)? {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Asks the file itself only if the directory does not know.
fn is_file(entry: &fs::DirEntry, path: &Path) -> io::Result<bool> {
    let kind = entry.file_type()?;
    Ok(kind.is_file() || kind.is_symlink() && path.is_file())
}
