//! Recordings of every version of the format, and damaged ones, as the command shows them: no privilege, no kernel.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
    process::{self, ChildStdin, ChildStdout, Stdio},
};

use assert_cmd::Command;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Each connection of a few kinds, by version of the format.
const VERSIONS: [&str; 1] = ["tests/recordings/v1.trec"];
/// The sample that README shows.
const INCIDENT: &str = "../docs/incident.trec";

/// Exit status, standard output and standard error, in UTC.
fn run(args: &[&str], input: &[u8]) -> (Option<i32>, String, String) {
    let mut tracer = Command::new(env!("CARGO_BIN_EXE_tracer"));
    let output = tracer.env("TZ", "UTC").args(args).write_stdin(input).output().expect("tracer runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn objects(json: &str) -> Vec<Value> {
    json.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
}

fn count(objects: &[Value], kind: &str) -> usize {
    objects.iter().filter(|object| object["type"] == kind).count()
}

#[test]
fn every_version_reads_as_it_did() {
    for path in VERSIONS {
        let (status, lines, said) = run(&["watch", "-n", "-r", path], b"");
        assert_eq!((status, said.as_str()), (Some(0), ""), "{path}");
        insta::assert_snapshot!("lines", lines, path);
        let (status, json, _) = run(&["watch", "--format", "json", "-r", path], b"");
        let objects = objects(&json);
        let kinds = ["start", "transition", "handshake", "reset", "connection", "time_wait", "summary"];
        let counts = kinds.map(|kind| count(&objects, kind));
        assert_eq!((status, counts), (Some(0), [1, 20, 4, 4, 5, 0, 1]), "{path}");
        assert_eq!(objects.last().expect("a summary")["account"]["closes"], true, "{path}");
    }
}

#[test]
fn the_sample_incident_tells_its_story() {
    let (status, figures, said) = run(&["summary", "-n", "-r", INCIDENT], b"");
    assert_eq!((status, said.as_str()), (Some(0), ""));
    insta::assert_snapshot!("incident", figures);
}

#[test]
fn a_filter_finds_in_a_recording_what_it_would_have_found_live() {
    let (_, all, _) = run(&["watch", "--format", "json", "-r", INCIDENT], b"");
    let (_, some, _) = run(&["watch", "--format", "json", "-r", INCIDENT, "--remote-port", "9090"], b"");
    let (all, some) = (objects(&all), objects(&some));
    let of_it = |object: &&Value| object["type"] == "connection" && object["remote_port"] == 9_090;
    let wanted: Vec<_> = all.iter().filter(of_it).collect();
    let found: Vec<_> = some.iter().filter(|object| object["type"] == "connection").collect();
    assert!(wanted.len() > 100);
    assert_eq!(found, wanted);
    let first = some.iter().find(|object| object["type"] == "transition").expect("a change");
    assert_eq!((&first["new_state"], &first["local_port"]), (&Value::from("SYN_SENT"), &Value::Null), "shown whole");
}

#[test]
fn a_part_of_the_time_is_a_part_of_the_recording() {
    let resets = |args: &[&str]| {
        let (status, json, said) = run(&[&["watch", "--format", "json", "-r", INCIDENT], args].concat(), b"");
        assert_eq!((status, said.as_str()), (Some(0), ""), "{args:?}");
        count(&objects(&json), "reset")
    };
    let all = resets(&[]);
    let before = resets(&["--until", "17:46:02"]);
    let after = resets(&["--since", "2026-11-21T17:46:02.000000001Z"]);
    assert!(before > 0 && after > 0, "{before} {after}");
    assert_eq!(before + after, all);
    assert_eq!(resets(&["--since", "-10s"]), 0);
}

#[test]
fn a_part_begins_with_what_was_alive() {
    let end_of = |args: &[&str]| {
        let (status, json, said) = run(&[&["summary", "--format", "json", "-r", INCIDENT], args].concat(), b"");
        assert_eq!((status, said.as_str()), (Some(0), ""), "{args:?}");
        objects(&json).pop().expect("a summary")
    };
    let members = |list: &Value, names: &[&str]| -> Vec<Vec<Value>> {
        let objects = list.as_array().expect("a list").iter();
        objects.map(|object| names.iter().map(|name| object[name].clone()).collect()).collect()
    };
    let at_the_end = |summary: &Value| {
        let ports = &summary["ports"]["destinations"];
        let held = members(ports, &["local_addr", "remote_addr", "remote_port", "sockets", "time_wait", "total"]);
        (held, members(&summary["stuck"]["groups"], &["state", "pid", "comm", "remote_addr", "remote_port", "count"]))
    };
    let whole = at_the_end(&end_of(&[]));
    assert_eq!((whole.0.len(), whole.1.len()), (3, 1));
    for since in ["-80s", "-40s", "-20s", "-5s"] {
        let part = end_of(&["--since", since]);
        assert_eq!(at_the_end(&part), whole, "{since}");
        let differences = part["kernel_counters"][0]["counters"].as_object().expect("counters").values();
        assert!(differences.into_iter().all(|counter| counter["unexplained"] == 0), "{since}: {part:#}");
    }
    // What was there before is no growth.
    let shortest = end_of(&["--since", "-5s"]);
    let changes =
        shortest["ports"]["destinations"].as_array().expect("a list").iter().map(|it| it["change_per_s"].as_f64());
    assert!(changes.flatten().all(|change| change < 2.0), "{shortest:#}");
}

#[test]
fn an_export_has_every_event() {
    let (_, json, _) = run(&["watch", "--format", "json", "-r", INCIDENT], b"");
    let (status, exported, _) = run(&["export", "-r", INCIDENT], b"");
    assert_eq!((status, exported == json), (Some(0), true));
    let (status, table, _) = run(&["export", "--to", "csv", "-r", INCIDENT], b"");
    let events = objects(&json).len() - count(&objects(&json), "start") - count(&objects(&json), "summary");
    assert_eq!((status, table.lines().count()), (Some(0), events + 1));
}

#[test]
fn standard_input_is_a_recording_like_others() {
    let bytes = fs::read(INCIDENT).expect("the sample");
    assert_eq!(run(&["summary", "-r", "-"], &bytes), run(&["summary", "-r", INCIDENT], b""));
}

#[test]
fn damage_is_named_and_the_rest_is_shown() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("damaged.trec");
    let mut bytes = fs::read(INCIDENT).expect("the sample");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    bytes.truncate(middle + middle / 2);
    fs::write(&path, bytes).expect("written");
    let (status, json, said) = run(&["watch", "--format", "json", "-r", &path.to_string_lossy()], b"");
    assert_eq!((status, said.lines().count()), (Some(4), 1), "{said}");
    let objects = objects(&json);
    let gaps: Vec<_> = objects.iter().filter(|object| object["type"] == "gap").collect();
    assert!(gaps.len() == 2 && gaps.iter().all(|gap| gap["stage"] == "damage"), "{gaps:?}");
    let lost: u64 = gaps.iter().filter_map(|gap| gap["lost"].as_u64()).sum();
    let names = ["2 damaged places", &format!("{lost} records"), "1 run without an end", "killed"];
    assert!(names.iter().all(|name| said.contains(name)), "{said}");
    assert_eq!(objects.last().expect("a summary")["account"], Value::Null);
}

#[test]
fn what_is_no_recording_is_refused_in_one_sentence() {
    for path in ["Cargo.toml", "tests/recordings/none", "src"] {
        let (status, stdout, said) = run(&["summary", "-r", path], b"");
        assert_eq!((status, stdout.as_str(), said.lines().count()), (Some(1), "", 1), "{path}: {said}");
    }
    assert!(Path::new("Cargo.toml").exists());
}

#[test]
fn a_file_that_is_no_recording_costs_itself() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().to_string_lossy().into_owned();
    fs::write(directory.path().join("empty.trec"), "").expect("written");
    fs::write(directory.path().join("foreign.trec"), "ESTABLISHED").expect("written");
    let (status, stdout, said) = run(&["summary", "-n", "-r", &path], b"");
    assert_eq!((status, stdout.as_str(), said.lines().count()), (Some(1), "", 2), "{said}");
    fs::copy(INCIDENT, directory.path().join("whole.trec")).expect("copied");
    let (status, figures, said) = run(&["summary", "-n", "-r", &path], b"");
    assert_eq!((status, said.lines().count()), (Some(4), 2), "{said}");
    assert!(said.contains("empty.trec is empty") && said.contains("foreign.trec is not a recording"), "{said}");
    assert_eq!(figures, run(&["summary", "-n", "-r", INCIDENT], b"").1);
}

#[test]
fn nothing_on_standard_input_is_no_recording() {
    for (input, says) in [(&b""[..], "standard input is empty"), (b"ESTABLISHED", "standard input is not a recording")]
    {
        let (status, stdout, said) = run(&["summary", "-r", "-"], input);
        assert_eq!((status, stdout.as_str(), said.lines().count()), (Some(1), "", 1), "{said}");
        assert!(said.contains(says), "{said}");
    }
}

/// A tracer whose ends are all pipes, as JSON, after its first line.
fn piped(args: &[&str], input: &[u8]) -> (process::Child, ChildStdin, BufReader<ChildStdout>) {
    let mut tracer = process::Command::new(env!("CARGO_BIN_EXE_tracer"));
    tracer.args(["watch", "--format", "json"]).args(args);
    let mut child = tracer.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("tracer");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input).expect("written");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    assert!(stdout.read_line(&mut String::new()).expect("a line") > 0);
    (child, stdin, stdout)
}

#[test]
fn a_silent_pipe_does_not_keep_it_from_ending() {
    let bytes = fs::read(VERSIONS[0]).expect("a recording");
    let stored = |at: usize| u32::from_le_bytes(bytes[at + 12..at + 16].try_into().expect("four bytes")) as usize;
    let after = |at: &usize| Some(at + 88 + stored(*at));
    let events = std::iter::successors(Some(0), after).find(|at| bytes[at + 9] == 3).expect("a frame of events");
    for signal in [Signal::TERM, Signal::INT] {
        // What heads the run is printed together with its first events, and then there is nothing more.
        let (mut child, _stdin, mut stdout) = piped(&["-r", "-"], &bytes[..events + 88 + stored(events)]);
        kill_process(Pid::from_child(&child), signal).expect("own child");
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).expect("JSON");
        assert_eq!((child.wait().expect("ended").code(), count(&objects(&rest), "summary")), (Some(0), 1));
    }
}

#[test]
fn whoever_closes_the_pipe_is_told_of_damage_all_the_same() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("damaged.trec");
    let mut bytes = fs::read(INCIDENT).expect("the sample");
    let place = bytes.len() / 100;
    bytes[place] ^= 1;
    fs::write(&path, bytes).expect("written");
    for (path, expected) in [(Path::new(INCIDENT), 0), (&path, 4)] {
        let (child, _, stdout) = piped(&["-r", &path.to_string_lossy()], b"");
        drop(stdout);
        let output = child.wait_with_output().expect("ended");
        assert_eq!(output.status.code(), Some(expected), "{output:?}");
    }
}

#[test]
fn several_runs_are_one_table() {
    let (_, one, _) = run(&["export", "--to", "csv", "-r", INCIDENT], b"");
    let (status, both, _) = run(&["export", "--to", "csv", "-r", INCIDENT, VERSIONS[0]], b"");
    assert_eq!((status, both.lines().filter(|line| line.starts_with("type,")).count()), (Some(0), 1));
    assert!(both.lines().count() > one.lines().count());
}
