//! `tracer record` and `-w` on the live kernel, and what replay makes of it.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    os::unix::fs::MetadataExt as _,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use rustix::process::Signal;
use serde_json::Value;
use socket2::SockRef;

use crate::{
    isolated::isolated,
    support::{Namespace, Trace},
};

/// Connections that end in order, are broken off, are refused: so many of each.
pub(crate) fn happen(count: usize) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listener");
    let connect = || {
        let client = TcpStream::connect(listener.local_addr().expect("address")).expect("connection");
        (client, listener.accept().expect("accepted").0)
    };
    for _ in 0..count {
        let (mut client, mut server) = connect();
        client.write_all(b"payload").expect("written");
        client.shutdown(Shutdown::Write).expect("shutdown");
        server.read_to_end(&mut Vec::new()).expect("read");
        drop(server);
        assert_eq!(client.read(&mut [0]).expect("end of file"), 0);
        let (client, server) = connect();
        SockRef::from(&client).set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
        drop(client);
        server.peek(&mut [0]).expect_err("reset");
        TcpStream::connect("127.0.0.1:81").expect_err("nobody listens");
    }
}

pub(crate) fn tracer(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tracer")).args(args).output().expect("tracer")
}

/// All lines but the first, which says what was typed.
fn after_start(json: &[u8]) -> &str {
    let text = std::str::from_utf8(json).expect("text");
    let (start, rest) = text.split_once('\n').expect("a line");
    assert!(start.starts_with("{\"type\":\"start\""), "{start}");
    rest
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a name")
}

fn equal(live: &str, replay: &str) {
    for (number, (live, replay)) in live.lines().zip(replay.lines()).enumerate() {
        assert_eq!(live, replay, "line {number}");
    }
    assert_eq!(live.lines().count(), replay.lines().count());
}

#[test]
fn a_replay_is_the_live_run_to_the_byte() {
    isolated!();
    let namespace = Namespace::enter();
    let directory = tempfile::tempdir().expect("a directory");
    let (recording, printed) = (directory.path().join("run.trec"), directory.path().join("run.json"));
    let mut trace = namespace.trace(&["-w", text(&recording), "-o", text(&printed)]);
    happen(20);
    assert!(trace.stop().success());
    let replay = tracer(&["watch", "-r", text(&recording), "--format", "json"]);
    assert!(replay.status.success(), "{replay:?}");
    let live = fs::read(&printed).expect("what was printed");
    equal(after_start(&live), after_start(&replay.stdout));
    assert!(after_start(&live).lines().last().is_some_and(|line| line.starts_with("{\"type\":\"summary\"")));
    assert_eq!(fs::metadata(&recording).expect("a file").mode() & 0o777, 0o600);
}

#[test]
fn figures_of_each_second_are_replayed_too() {
    isolated!();
    let namespace = Namespace::enter();
    let directory = tempfile::tempdir().expect("a directory");
    let recording = directory.path().join("run.trec");
    let mut trace = Trace::summary(&namespace, &["-w", text(&recording), "--interval", "1s"]);
    happen(5);
    trace.wait_for_objects("summary", 1);
    happen(5);
    trace.wait_for_objects("summary", 2);
    assert!(trace.stop().success());
    let replay = tracer(&["summary", "-r", text(&recording), "--interval", "1s", "--format", "json"]);
    let replayed = after_start(&replay.stdout).lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    assert_eq!(replayed.collect::<Vec<_>>(), trace.seen[1..]);
}

#[test]
fn what_was_recorded_survives_a_kill() {
    isolated!();
    let namespace = Namespace::enter();
    let directory = tempfile::tempdir().expect("a directory");
    let (recording, printed) = (directory.path().join("run.trec"), directory.path().join("run.json"));
    let mut trace = namespace.trace(&["-w", text(&recording), "-o", text(&printed)]);
    let read = || tracer(&["watch", "-r", text(&recording), "--format", "json"]);
    // It is killed at any moment after the first frame that has something in it, also in the middle of a write.
    while !String::from_utf8_lossy(&read().stdout).contains("\"type\":\"transition\"") {
        happen(5);
    }
    happen(100);
    trace.signal(Signal::KILL);
    trace.child.wait().expect("it is dead");
    let replay = read();
    assert_eq!(replay.status.code(), Some(4), "{}", String::from_utf8_lossy(&replay.stderr));
    let said = String::from_utf8_lossy(&replay.stderr);
    assert!(said.contains("killed"), "{said}");
    let live = fs::read_to_string(&printed).expect("what was printed");
    let live: Vec<_> = after_start(live.as_bytes()).lines().collect();
    let replayed: Vec<_> = after_start(&replay.stdout).lines().collect();
    let last_change = replayed.iter().rposition(|line| line.starts_with("{\"type\":\"transition\"")).expect("changes");
    assert_eq!(replayed[..=last_change], live[..=last_change]);
    assert!(replayed.last().expect("a summary").contains("\"account\":null"));
}

#[test]
fn a_signal_begins_the_next_segment() {
    isolated!();
    let namespace = Namespace::enter();
    let directory = tempfile::tempdir().expect("a directory");
    let segments = || {
        let mut all: Vec<_> =
            fs::read_dir(directory.path()).expect("a directory").map(|entry| entry.expect("an entry").path()).collect();
        all.sort();
        all
    };
    let mut trace = Trace::record(&namespace, &["-w", text(directory.path())]);
    // A segment without events would be missed by nobody.
    let has_events = |segment: &Path| {
        let replay = tracer(&["watch", "-r", text(segment), "--format", "json"]);
        String::from_utf8_lossy(&replay.stdout).contains("\"type\":\"transition\"")
    };
    for count in 2..=3 {
        happen(5);
        while !has_events(&segments()[count - 2]) {
            std::thread::yield_now();
        }
        trace.signal(Signal::HUP);
        while segments().len() < count {
            std::thread::yield_now();
        }
    }
    happen(5);
    assert!(trace.stop().success());
    let summary = trace.of_type("summary").last().expect("the account").clone();
    let replay = tracer(&["summary", "-r", text(directory.path()), "--format", "json"]);
    assert!(replay.status.success(), "{replay:?}");
    let line = after_start(&replay.stdout).lines().last().expect("a summary");
    assert_eq!(serde_json::from_str::<Value>(line).expect("JSON"), summary);
    assert_eq!(segments().len(), 3);
    fs::remove_file(&segments()[1]).expect("removed");
    let replay = tracer(&["summary", "-r", text(directory.path()), "--format", "json"]);
    assert_eq!(replay.status.code(), Some(4), "a segment is missing");
}

#[test]
fn nothing_is_overwritten_and_no_link_followed() {
    isolated!();
    let namespace = Namespace::enter();
    let directory = tempfile::tempdir().expect("a directory");
    let (victim, link) = (directory.path().join("victim"), directory.path().join("link"));
    fs::write(&victim, "precious").expect("written");
    std::os::unix::fs::symlink(directory.path().join("nowhere"), &link).expect("a link");
    let netns = namespace.inode.to_string();
    for (path, why) in [(&victim, "nothing is ever overwritten"), (&link, "links are not followed")] {
        let refused = tracer(&["record", "-w", text(path), "--netns", &netns, "--duration", "1s"]);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!((refused.status.code(), said.lines().count()), (Some(1), 1), "{said}");
        assert!(said.contains(why), "{said}");
    }
    assert_eq!(fs::read_to_string(&victim).expect("still there"), "precious");
    assert!(!directory.path().join("nowhere").exists());
}
