//! The segments of this and earlier runs in a directory, and which of them have to go.

use std::{collections::BTreeMap, ffi::OsStr, os::unix::fs::FileExt as _, time::Duration};

use rustix::{
    fs::{FileType, FlockOperation, Stat, flock},
    io::Errno,
    rand::{GetRandomFlags, getrandom},
};

use super::{Directory, Limits, Segment, StoreError, directory::Identity, name::SegmentName};
use crate::{event::ClockPair, recording::MAGIC};

/// What is known of the segments in a directory.
pub(super) struct Archive {
    /// Tells this run's segments from others'.
    run: u32,
    /// Segments that have ended. Whether a file is one is looked up once: the confined process, which has not root's power
    /// to read what it has given away, could not ask again.
    ended: BTreeMap<SegmentName, Identity>,
    /// In all segments but the current, bytes, as far as known.
    others: u64,
}

/// A segment in the directory.
struct Found {
    name: SegmentName,
    identity: Identity,
    bytes: u64,
    /// When it was last written, nanoseconds since 1970-01-01 UTC.
    written_ns: i128,
    /// Nobody writes it any more.
    has_ended: bool,
}

/// What stays of the other segments.
pub(super) struct Keep {
    /// So many bytes.
    pub(super) bytes: Option<u64>,
    /// What was written since then, nanoseconds since 1970-01-01 UTC.
    since_ns: Option<i128>,
}

impl Keep {
    /// What is left to them if `reserved` bytes are the current's and the next's.
    pub(super) fn beside(reserved: u64, limits: &Limits) -> Self {
        Self { bytes: limits.keep_bytes.map(|keep| keep.saturating_sub(reserved)), since_ns: None }
    }

    /// And only while it is not too old.
    pub(super) fn since(self, limits: &Limits, now: ClockPair) -> Self {
        let since_ns = |keep: Duration| i128::from(now.realtime_ns).saturating_sub_unsigned(keep.as_nanos());
        Self { since_ns: limits.keep_time.map(since_ns), ..self }
    }
}

impl Archive {
    pub(super) fn new() -> Result<Self, Errno> {
        let mut run = [0; 4];
        getrandom(&mut run, GetRandomFlags::empty())?;
        Ok(Self { run: u32::from_ne_bytes(run), ended: BTreeMap::new(), others: 0 })
    }

    /// In all segments but the current, bytes, as far as known.
    pub(super) fn others(&self) -> u64 {
        self.others
    }

    /// Makes the next segment after `current`, or the first. Where segments are removed at all, the oldest make room for it.
    pub(super) fn begin(
        &mut self,
        directory: &Directory,
        limits: &Limits,
        current: Option<&Segment>,
        at: ClockPair,
    ) -> Result<Segment, StoreError> {
        let reserved = current.map_or(0, |current| current.bytes) + limits.end_bytes().unwrap_or(0);
        self.prune(directory, current, &Keep::beside(reserved, limits).since(limits, at))?;
        if let Some(limit) = limits.keep_bytes.filter(|limit| self.others > *limit) {
            return Err(StoreError::NoRoom { path: directory.path().to_owned(), bytes: self.others, limit });
        }
        let number = current.map_or(0, |current| current.number + 1);
        let path = directory.path().join(SegmentName::new(at.realtime_ns, self.run, number).to_string());
        Segment::begin(directory, path.clone(), number, at).or_else(|error| {
            let removes = error.is_full() && limits.keep_any();
            match removes.then(|| self.remove_oldest(directory, current)) {
                Some(Ok(Some(_))) => Segment::begin(directory, path, number, at),
                _ => Err(error),
            }
        })
    }

    /// Takes over what was the current segment.
    pub(super) fn add(&mut self, segment: &Segment) {
        self.ended.extend(name_of(segment).map(|name| (name, segment.identity)));
        self.others = self.others.saturating_add(segment.bytes);
    }

    /// Removes what shall not stay, the oldest first.
    pub(super) fn prune(
        &mut self,
        directory: &Directory,
        current: Option<&Segment>,
        keep: &Keep,
    ) -> Result<(), StoreError> {
        for found in self.look(directory, current)? {
            let is_old = keep.since_ns.is_some_and(|since_ns| found.written_ns < since_ns);
            if is_old || keep.bytes.is_some_and(|keep| self.others > keep) {
                self.remove(directory, &found);
            }
        }
        Ok(())
    }

    /// Removes the oldest; its bytes, or `None` if none can be removed.
    pub(super) fn remove_oldest(
        &mut self,
        directory: &Directory,
        current: Option<&Segment>,
    ) -> Result<Option<u64>, StoreError> {
        let found = self.look(directory, current)?;
        Ok(found.iter().find(|found| self.remove(directory, found)).map(|found| found.bytes))
    }

    /// Whether it is gone now. One that cannot be removed is left, and the next has to go instead.
    fn remove(&mut self, directory: &Directory, found: &Found) -> bool {
        let is_gone = found.has_ended && directory.remove(OsStr::new(&found.name.to_string())).is_ok();
        if is_gone {
            self.ended.remove(&found.name);
            self.others = self.others.saturating_sub(found.bytes);
        }
        is_gone
    }

    /// All segments but the current, the oldest first.
    fn look(&mut self, directory: &Directory, current: Option<&Segment>) -> Result<Vec<Found>, StoreError> {
        let current = current.and_then(name_of);
        let others = directory.list(|name| SegmentName::parse(name).filter(|name| Some(*name) != current))?;
        let mut found: Vec<_> = others.into_iter().filter_map(|name| self.find(directory, name)).collect();
        found.sort_unstable_by_key(|found| found.name);
        let ended = found.iter().filter(|found| found.has_ended);
        self.ended = ended.map(|found| (found.name, found.identity)).collect();
        self.others = found.iter().fold(0, |total, found| total.saturating_add(found.bytes));
        Ok(found)
    }

    /// What has this name, if it is a segment.
    fn find(&self, directory: &Directory, name: SegmentName) -> Option<Found> {
        let stat = directory.stat(OsStr::new(&name.to_string())).ok()?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return None;
        }
        let identity = (stat.st_dev, stat.st_ino);
        let is_known = self.ended.get(&name) == Some(&identity);
        let has_ended = is_known || has_ended(directory, name)?;
        Some(Found { name, identity, bytes: stat.st_size.cast_unsigned(), written_ns: written_ns(&stat), has_ended })
    }
}

fn name_of(segment: &Segment) -> Option<SegmentName> {
    SegmentName::parse(segment.name().to_str()?)
}

/// Whether nobody writes this segment any more; `None` if it is none. A run that writes one has it locked before there is
/// anything in it.
fn has_ended(directory: &Directory, name: SegmentName) -> Option<bool> {
    let file = directory.open_file(OsStr::new(&name.to_string())).ok()?;
    let mut magic = [0; MAGIC.len()];
    file.read_exact_at(&mut magic, 0).ok()?;
    (magic == MAGIC).then(|| flock(&file, FlockOperation::NonBlockingLockShared).is_ok())
}

fn written_ns(stat: &Stat) -> i128 {
    i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec)
}
