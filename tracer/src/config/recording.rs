//! Recordings: what is read, and where one is written.

use std::{
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use jiff::tz::TimeZone;

use super::{ConfigError, Destination, Keep, Problem, items, quantity, when};
use crate::{
    cli::{ReadArgs, SegmentArgs, Sync},
    recording::{Limits, SyncPolicy},
    sandbox::User,
    source::recording::{Moment, Reading},
};

/// A segment in a directory is so large at most, bytes, unless another size is asked for.
const SEGMENT_BYTES: u64 = 64 << 20;

/// What is read; `None`: the kernel is listened to.
pub(super) fn reading(args: ReadArgs) -> Result<Option<Reading>, ConfigError> {
    let ReadArgs { read: paths, since, until, follow } = args;
    if paths.is_empty() {
        let given = [("--since", since.is_some()), ("--until", until.is_some()), ("--follow", follow)];
        return match given.into_iter().find(|(_, given)| *given) {
            Some((flag, _)) => Err(ConfigError::NothingToRead { flag }),
            None => Ok(None),
        };
    }
    let zone = TimeZone::try_system().unwrap_or(TimeZone::UTC);
    let moment = |flag, text: Option<String>| {
        text.map(|text| items::one(flag, &text, |text| when::moment(text, &zone))).transpose()
    };
    let (since, until) = (moment("--since", since)?, moment("--until", until)?);
    if since.zip(until).is_some_and(|(since, until)| is_backward(since, until)) {
        return Err(ConfigError::BackwardSpan);
    }
    Ok(Some(Reading { paths, since, until, follow, zone: Some(zone) }))
}

/// Nothing lies between the two; what depends on the recording is not known here.
fn is_backward(since: Moment, until: Moment) -> bool {
    match (since, until) {
        (Moment::At(since), Moment::At(until)) => since >= until,
        (Moment::BeforeEnd(since), Moment::BeforeEnd(until)) => since <= until,
        _ => false,
    }
}

/// Where a recording is written, in one file or in segments of the usual size.
pub(super) fn destination(path: PathBuf, privilege: Keep) -> Result<Destination, ConfigError> {
    if path.as_os_str() == "-" {
        return Err(ConfigError::value("--write", "-", Problem::NotAFile));
    }
    let segment_bytes = is_directory(&path).then_some(SEGMENT_BYTES);
    let limits = Limits { segment_bytes, ..Limits::default() };
    Ok(Destination { path, limits, owner: owner(privilege) })
}

/// Whether it is one, or is to be made.
fn is_directory(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().as_bytes().ends_with(b"/")
}

/// The same with limits of its own.
pub(super) fn limited(path: PathBuf, segments: SegmentArgs, privilege: Keep) -> Result<Destination, ConfigError> {
    let mut destination = destination(path, privilege)?;
    let SegmentArgs { rotate_size, rotate_time, keep_size, keep_time, sync } = segments;
    let given = [
        ("--rotate-size", &rotate_size),
        ("--rotate-time", &rotate_time),
        ("--keep-size", &keep_size),
        ("--keep-time", &keep_time),
    ];
    if let Some((flag, _)) = given.into_iter().find(|(_, text)| text.is_some() && !is_directory(&destination.path)) {
        return Err(ConfigError::NoDirectory { flag, path: destination.path });
    }
    let size = |flag, text: Option<String>| text.map(|text| items::one(flag, &text, quantity::disk_bytes)).transpose();
    let time =
        |flag, text: Option<String>| text.map(|text| items::one(flag, &text, quantity::segment_time)).transpose();
    let limits = &mut destination.limits;
    limits.segment_bytes = size("--rotate-size", rotate_size)?.or(limits.segment_bytes);
    limits.segment_time = time("--rotate-time", rotate_time)?;
    limits.keep_bytes = size("--keep-size", keep_size)?;
    limits.keep_time = time("--keep-time", keep_time)?;
    limits.sync = match sync {
        Sync::Never => SyncPolicy::Never,
        Sync::Segment => SyncPolicy::Segment,
        Sync::Frame => SyncPolicy::Frame,
    };
    if limits.keep_bytes.zip(limits.segment_bytes).is_some_and(|(keep, segment)| keep < segment) {
        return Err(ConfigError::KeepsLessThanOne);
    }
    Ok(destination)
}

/// Whose the recording is: of the user that tracer becomes, for that one makes the later segments; else of whoever called
/// sudo. `None`: of the user that tracer is.
fn owner(privilege: Keep) -> Option<User> {
    match privilege {
        Keep::Nothing(user) => Some(user),
        _ => User::behind_sudo(),
    }
}
