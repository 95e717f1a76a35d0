//! A confined process goes on making and removing segments in its directory, and makes and removes nothing else.

use std::{
    fs::{self, File, Permissions},
    io::{self, BufRead as _, BufReader, ErrorKind, Write as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink},
    path::{Path, PathBuf},
    process::Stdio,
};

use rustix::{
    fs::{AtFlags, CWD, Mode, OFlags, fchmod, fchown, openat, unlinkat},
    process::{Gid, Uid},
};
use tracer::{
    event::{ClockPair, MonotonicNs},
    recording::{Limits, MAGIC, Store},
    sandbox::{Rotation, Sandbox, SandboxError, User},
};

use crate::{
    isolated::isolated,
    sandbox::{NOBODY, alone, field, statuses},
};

/// Tells the confined process what to do: a name of a [`Case`], and where.
const CASE: &str = "TRACER_TEST_ROTATION";
const PLACE: &str = "TRACER_TEST_DIRECTORY";
/// In all segments at most, bytes; each has a tenth.
const KEEP: u64 = 10_000;
/// `CAP_CHOWN`, as /proc shows it.
const CHOWN: &str = "0000000000000001";
const NONE: &str = "0000000000000000";
/// `daemon` on most distributions.
const DAEMON: User = User { uid: 1, gid: 1 };
const SOMEBODY: User = User { uid: NOBODY, gid: NOBODY };
const ROOT: User = User { uid: 0, gid: 0 };

/// Who records for whom, and where.
struct Case {
    name: &'static str,
    /// `None`: the store makes the directory.
    directory: Option<(User, u32)>,
    user: Option<User>,
    owner: Option<User>,
    /// What the process is then, and may.
    uid: u32,
    capabilities: &'static str,
}

const CASES: [Case; 5] = [
    Case { name: "root", directory: Some((ROOT, 0o755)), user: None, owner: None, uid: 0, capabilities: NONE },
    Case {
        name: "root for somebody",
        directory: Some((ROOT, 0o755)),
        user: None,
        owner: Some(SOMEBODY),
        uid: 0,
        capabilities: CHOWN,
    },
    Case {
        name: "in a directory of theirs",
        directory: Some((SOMEBODY, 0o700)),
        user: None,
        owner: Some(SOMEBODY),
        uid: NOBODY,
        capabilities: NONE,
    },
    Case {
        name: "in a directory made for them",
        directory: None,
        user: None,
        owner: Some(SOMEBODY),
        uid: NOBODY,
        capabilities: NONE,
    },
    Case {
        name: "as another user",
        directory: Some((ROOT, 0o777)),
        user: Some(SOMEBODY),
        owner: Some(DAEMON),
        uid: NOBODY,
        capabilities: CHOWN,
    },
];

fn at(seconds: i64) -> ClockPair {
    ClockPair { monotonic: MonotonicNs(0), realtime_ns: 1_795_269_780_000_000_000 + seconds * 1_000_000_000 }
}

/// A file beside the directory, which must stay as it is.
fn victim(place: &Path) -> PathBuf {
    place.join("victim")
}

fn prepare(case: &Case, place: &Path) -> PathBuf {
    fs::set_permissions(place, Permissions::from_mode(0o755)).expect("readable");
    fs::write(victim(place), "mine").expect("a file");
    let directory = place.join("segments");
    if let Some((owner, mode)) = case.directory {
        fs::create_dir(&directory).expect("a directory");
        // What an earlier run left is given to its owner, too, and unreadable to root without its power.
        let owned = case.owner.unwrap_or(ROOT);
        let earlier = directory.join("tracer-20260101T000000Z-0000abcd-000000.trec");
        fs::write(&earlier, MAGIC).expect("a file");
        fs::set_permissions(&earlier, Permissions::from_mode(0o600)).expect("private");
        chown(&earlier, Some(owned.uid), Some(owned.gid)).expect("given");
        fs::set_permissions(&directory, Permissions::from_mode(mode)).expect("its mode");
        chown(&directory, Some(owner.uid), Some(owner.gid)).expect("given");
    }
    directory
}

#[test]
fn a_confined_process_goes_on_rotating_in_its_directory_only() {
    isolated!();
    for case in &CASES {
        let place = tempfile::tempdir().expect("a directory");
        let directory = prepare(case, place.path());
        let mut child = alone("rotation::inside")
            .env(CASE, case.name)
            .env(PLACE, place.path())
            .stdin(Stdio::piped())
            .spawn()
            .expect("this program");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout")).lines();
        let confined = stdout.by_ref().any(|line| line.expect("text").contains("confined"));
        assert!(confined, "{}: see above", case.name);
        // The harness has a thread of its own, named otherwise. The kernel keeps 15 bytes of a name.
        let statuses = statuses(child.id());
        let threads: Vec<_> = statuses.iter().filter(|status| field(status, "Name") == ["rotation::insid"]).collect();
        assert_eq!(threads.len(), 1, "{statuses:#?}");
        for status in threads {
            for set in ["CapPrm", "CapEff"] {
                assert_eq!(field(status, set), [case.capabilities], "{}: {set}", case.name);
            }
            for set in ["CapInh", "CapBnd", "CapAmb"] {
                assert_eq!(field(status, set), [NONE], "{}: {set}", case.name);
            }
            assert_eq!(field(status, "Uid"), [case.uid.to_string().as_str(); 4], "{}", case.name);
        }
        drop(child.stdin.take());
        let said: Vec<_> = stdout.map_while(Result::ok).collect();
        assert!(child.wait().expect("the child").success(), "{}: {said:#?}", case.name);

        let owner = case.owner.unwrap_or(ROOT);
        let files: Vec<_> =
            fs::read_dir(&directory).expect("the directory").map(|file| file.expect("a file")).collect();
        let total: u64 = files.iter().map(|file| file.metadata().expect("a file").len()).sum();
        assert!(total <= KEEP && files.len() >= 8, "{}: {total} in {files:?}", case.name);
        for file in files {
            let metadata = file.metadata().expect("a file");
            assert_eq!((metadata.uid(), metadata.gid()), (owner.uid, owner.gid), "{}: {file:?}", case.name);
            assert_eq!(metadata.mode() & 0o7777, 0o600, "{}: {file:?}", case.name);
            assert!(file.file_name().to_string_lossy().contains("-20261121T"), "{}: {file:?}", case.name);
        }
        assert_eq!(fs::read(victim(place.path())).expect("it"), b"mine", "{}", case.name);
    }
}

#[test]
fn root_without_its_power_cannot_rotate_in_somebody_else_s_directory() {
    isolated!();
    let directory = tempfile::tempdir().expect("a directory");
    chown(directory.path(), Some(NOBODY), Some(NOBODY)).expect("given");
    let store = Store::open(directory.path(), Limits::default(), None, at(0)).expect("root can still do it");
    let refused = Sandbox { rotation: store.rotation(), ..Sandbox::default() }.enter().expect_err("it cannot later");
    assert!(matches!(refused, SandboxError::Rotation(_)), "{refused}");
}

/// Runs in a process of its own, which it confines.
#[test]
#[ignore = "a part of a_confined_process_goes_on_rotating_in_its_directory_only"]
fn inside() {
    let name = std::env::var(CASE).expect("a case");
    let case = CASES.iter().find(|case| case.name == name).expect("a known case");
    let place = PathBuf::from(std::env::var_os(PLACE).expect("a directory"));
    let limits = Limits { segment_bytes: Some(KEEP / 10), keep_bytes: Some(KEEP), ..Limits::default() };
    let mut store = Store::open(&place.join("segments/"), limits, case.owner, at(0)).expect("a store");
    let sandbox = Sandbox { user: case.user, readable: Vec::new(), rotation: store.rotation() };
    let confinement = sandbox.enter().expect("it is confined");
    println!("confined");
    io::stdin().lock().read_line(&mut String::new()).expect("the end of the input");

    for second in 1..30 {
        store.append(&MAGIC).expect("room");
        store.append(&[0; 992]).expect("room");
        assert!(store.is_due(at(second)));
        assert!(store.rotate(at(second)).expect("it rotates"));
    }
    let rotation = store.rotation().expect("a directory");
    nothing_else(&place, rotation, confinement.files);
    store.append(&MAGIC).expect("room");
    store.finish().expect("an end");
    io::stdout().flush().expect("stdout");
}

/// What the leave to rotate does not include, each for a reason of its own.
fn nothing_else(place: &Path, rotation: Rotation<'_>, files: bool) {
    let refused = |what: io::Result<()>, why: &str| {
        let error = what.expect_err(why);
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{why}: {error}");
    };
    let directory = rotation.directory;
    let new = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let make = |name: &str, flags, mode| openat(directory, name, flags, mode).map(drop).map_err(io::Error::from);
    let private = Mode::RUSR | Mode::WUSR;
    refused(make("other", new.difference(OFlags::EXCL), private), "no file is overwritten");
    refused(make("other", new.difference(OFlags::NOFOLLOW), private), "no link is followed");
    refused(make("other", new | OFlags::TRUNC, private), "no file is emptied");
    refused(make("other", new, private | Mode::ROTH), "no file is for others");
    refused(make("other", OFlags::RDWR, private), "no file is written again");
    refused(
        openat(CWD, "other", new, private).map(drop).map_err(io::Error::from),
        "no file is made in another directory",
    );
    refused(File::create(victim(place)).map(drop), "no other file is written");
    refused(fs::remove_file(victim(place)), "no other file is removed");
    refused(unlinkat(directory, "sub", AtFlags::REMOVEDIR).map_err(io::Error::from), "no directory is removed");
    refused(fs::create_dir(place.join("segments/sub")), "no directory is made");
    refused(fs::rename(victim(place), place.join("segments/other")), "nothing is moved");
    refused(symlink("/", place.join("segments/link")), "no link is made");
    if files {
        refused(make("../other", new, private), "no path leads out");
        refused(unlinkat(directory, "../victim", AtFlags::empty()).map_err(io::Error::from), "nor to a file to remove");
        refused(File::open(victim(place)).map(drop), "no other file is read");
    }
    let made = openat(directory, "made", new, private).expect("this is what it may");
    refused(fchmod(&made, Mode::RWXU | Mode::RWXO).map_err(io::Error::from), "no file is opened to others");
    let ids = |id| (Some(Uid::from_raw(id)), Some(Gid::from_raw(id)));
    for (uid, gid) in [ids(7), (rotation.owner.map(|owner| Uid::from_raw(owner.uid)), ids(7).1)] {
        refused(fchown(&made, uid, gid).map_err(io::Error::from), "no file is given to anybody else");
    }
    unlinkat(directory, "made", AtFlags::empty()).expect("this too");
}
