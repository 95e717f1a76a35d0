use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    time::Duration,
};

use super::{Limits, Store, at, inside, names, open, temporary};
use crate::recording::{
    MAGIC,
    store::{Place, StoreError, name::SegmentName},
};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("it is there").permissions().mode() & 0o7777
}

fn refusal(path: &Path, limits: Limits) -> String {
    let error = Store::open(path, limits, None, at(0)).err().expect("it is refused");
    error.to_string().replace(&*path.parent().expect("a parent").to_string_lossy(), "DIR")
}

#[test]
fn a_path_is_one_file() {
    let directory = temporary();
    let path = directory.path().join("incident.trec");
    let mut store = open(&path, Limits::default());
    store.append(b"frame").expect("room");
    assert_eq!((store.written(), store.segment(), store.directory()), (13, 0, None));
    assert!(store.rotation().is_none());
    store.finish().expect("an end");
    assert_eq!(fs::read(&path).expect("the file"), [&MAGIC[..], b"frame"].concat());
}

#[test]
fn in_a_directory_it_has_a_name_of_its_own() {
    let directory = temporary();
    let store = open(directory.path(), Limits::default());
    let other = open(directory.path(), Limits::default());
    let names = names(directory.path());
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.iter().all(|name| SegmentName::parse(name).is_some()), "{names:?}");
    assert!(names[0].starts_with("tracer-20261121T140300Z-") && names[0].ends_with("-000000.trec"), "{names:?}");
    for store in [store, other] {
        assert_eq!(store.directory(), Some(directory.path()));
        store.finish().expect("an end");
    }
}

#[test]
fn a_path_that_ends_in_a_slash_is_made_a_directory() {
    let parent = temporary();
    let path = parent.path().join("flight/");
    let store = open(&path, Limits::default());
    assert_eq!(store.directory(), Some(parent.path().join("flight").as_path()));
    assert_eq!(mode(&path), 0o700);
    assert_eq!(names(&path).len(), 1);
    let deeper = parent.path().join("no/such/");
    let error = Store::open(&deeper, Limits::default(), None, at(0)).err().expect("one level");
    assert!(error.to_string().ends_with(
        "such: making the directory failed: No such file or directory (os error 2); choose another path with -w."
    ));
    assert_eq!(names(parent.path()), ["flight"]);
}

#[test]
fn modes_are_private_whatever_the_umask() {
    for umask in ["umask 0", "umask 0277"] {
        if let Some(directory) = inside(umask) {
            return are_private(&directory);
        }
    }
}

fn are_private(directory: &Path) {
    let file = directory.join("file.trec");
    open(&file, Limits::default());
    assert_eq!(mode(&file), 0o600);
    let made = directory.join("made/");
    open(&made, Limits::default());
    assert_eq!(mode(&made), 0o700);
    assert_eq!(mode(&made.join(&names(&made)[0])), 0o600);
}

#[test]
fn nothing_is_overwritten() {
    let directory = temporary();
    let path = directory.path().join("notes");
    fs::write(&path, "mine").expect("a file");
    let sentence = "cannot record to DIR/notes: there is something of this name already, and nothing is ever \
                    overwritten; choose another path with -w.";
    assert_eq!(refusal(&path, Limits::default()), sentence);
    assert_eq!(refusal(&directory.path().join("notes/"), Limits::default()), sentence);
    assert_eq!(fs::read(&path).expect("the file"), b"mine");
}

#[test]
fn no_planted_link_is_followed() {
    let directory = temporary();
    let (file, folder) = (directory.path().join("file"), directory.path().join("folder"));
    fs::write(&file, "mine").expect("a file");
    fs::create_dir(&folder).expect("a directory");
    let link = directory.path().join("link");
    for target in [file.as_path(), &folder, &directory.path().join("nothing"), &link] {
        symlink(target, &link).expect("a link");
        for path in ["link", "link/"] {
            let sentence = "cannot record to DIR/link: this is a symbolic link, and links are not followed; give -w the \
                            path that it leads to.";
            assert_eq!(refusal(&directory.path().join(path), Limits::default()), sentence, "{}", target.display());
        }
        fs::remove_file(&link).expect("the link");
    }
    assert_eq!(fs::read(&file).expect("the file"), b"mine");
    assert_eq!(names(&folder), [""; 0]);
    assert_eq!(names(directory.path()), ["file", "folder"]);
}

#[test]
fn a_link_planted_at_the_last_moment_is_not_followed_either() {
    let directory = temporary();
    let place = Place::open(&directory.path().join("new"), None).expect("a place");
    let Place::File(place, path) = place else { panic!("there was nothing") };
    symlink(directory.path().join("target"), &path).expect("a link");
    let error = place.make_file(&path).expect_err("it is refused");
    assert!(matches!(error, StoreError::Link { .. }), "{error}");
    assert_eq!(names(directory.path()), ["new"]);
}

#[test]
fn one_file_cannot_be_kept_within_limits_of_segments() {
    let directory = temporary();
    let path = directory.path().join("incident.trec");
    for limits in [
        Limits { segment_bytes: Some(1), ..Limits::default() },
        Limits { segment_time: Some(Duration::MAX), ..Limits::default() },
        Limits { keep_bytes: Some(1), ..Limits::default() },
        Limits { keep_time: Some(Duration::MAX), ..Limits::default() },
    ] {
        let sentence = "cannot keep DIR/incident.trec within limits of segments: it is one file, which has none; give -w \
                        a directory, by a path that ends in /.";
        assert_eq!(refusal(&path, limits), sentence);
    }
    assert_eq!(names(directory.path()), [""; 0]);
}
