//! Nothing is lost unseen: storms, small rings, a reader that stands still. Apart from the other kernel tests, because
//! what a storm leaves to the kernel's own threads delays everybody's packets.
#![expect(unsafe_code, reason = "unshare(2): namespaces for the test's own thread")]

mod over_init;
#[path = "../kernel/support.rs"]
#[expect(dead_code, reason = "it serves the other kernel tests, too")]
mod support;

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    sync::Mutex,
    thread,
};

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    over_init::Witness,
    support::{Namespace, is_privileged},
};

/// Transitions of one connection whose client closes first: five of each end.
const EACH: u64 = 10;
/// CLOSE, LISTEN, CLOSE.
const LISTENER: u64 = 2;

/// Divides the size of the storms, for machines that are emulated.
const SCALE: &str = "TRACER_STORM_SCALE";

/// One storm at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// The number of connections where there would be `count` on an ordinary machine.
fn scaled(count: u32) -> u32 {
    (count / std::env::var(SCALE).map_or(1, |divisor| divisor.parse().expect("a number"))).max(1_000)
}

/// Opens and closes `count` connections in each of two threads, the client first. All of 127.0.0.0/8 is this host and
/// each connection goes to another address of it, so local ports do not run out while others rest in TIME_WAIT.
fn storm(count: u32) {
    thread::scope(|scope| {
        for worker in 1..=2 {
            scope.spawn(move || {
                let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("listener");
                let port = listener.local_addr().expect("address").port();
                for number in 0..count {
                    let [.., high, low] = number.to_be_bytes();
                    let client =
                        TcpStream::connect(SocketAddr::from(([127, worker, high, low], port))).expect("connect");
                    let (server, _) = listener.accept().expect("accept");
                    drop(client);
                    assert_eq!((&server).read(&mut [0]).expect("end of file"), 0);
                }
            });
        }
    });
}

/// Has every packet handled by a softirq that interrupts a CPU (RPS, Documentation/networking/scaling.rst).
fn steer_packets(namespace: &Namespace) {
    // sysfs shows the devices of the namespace it was mounted in.
    let steer = "mount -t sysfs sysfs /sys && echo 3 >/sys/class/net/lo/queues/rx-0/rps_cpus";
    namespace.run(&["unshare", "--mount", "sh", "-c", steer]);
}

/// What a storm of two times `count` connections goes through, the listeners included.
const fn transitions(count: u32) -> u64 {
    2 * (count as u64 * EACH + LISTENER)
}

fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("no {name} in {value:#}"))
}

/// Transitions that were lost; other records may be, too.
fn lost_transitions(account: &Value) -> u64 {
    let states = &account["tracepoints"]["inet_sock_set_state"];
    number(states, "reserve_failed") + number(states, "missed")
}

/// What an output file says of its transitions, read by other means than tracer's own.
#[derive(Default)]
struct Shown {
    transitions: u64,
    /// Transitions that did not start where the same socket's last one had ended.
    holes: u64,
    summary: Value,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    ts: &'a str,
    socket: u64,
    old_state: &'a str,
    new_state: &'a str,
    #[serde(default)]
    inferred: Vec<&'a str>,
}

/// Reads a whole output file; fails if a socket's transitions step back in time.
fn shown(path: &Path) -> Shown {
    let mut shown = Shown::default();
    let mut sockets = HashMap::<u64, (String, String)>::new();
    for line in BufReader::new(File::open(path).expect("output")).lines() {
        let line = line.expect("text");
        if line.starts_with(r#"{"type":"summary""#) {
            shown.summary = serde_json::from_str(&line).expect("an object");
        }
        if !line.starts_with(r#"{"type":"transition""#) {
            continue;
        }
        let now: Line<'_> = serde_json::from_str(&line).expect("a transition");
        if !now.inferred.is_empty() {
            continue;
        }
        shown.transitions += 1;
        if let Some((ts, state)) = sockets.remove(&now.socket) {
            assert!(*ts <= *now.ts, "back in time: {line}");
            shown.holes += u64::from(state != now.old_state);
        }
        if now.new_state != "CLOSE" {
            sockets.insert(now.socket, (now.ts.to_owned(), now.new_state.to_owned()));
        }
    }
    shown
}

/// Throws a storm at tracer: each transition is shown or counted as lost, but for those that this kernel withholds from
/// every BPF program.
fn assert_all_accounted_for(namespace: &Namespace, count: u32) -> Shown {
    let mut witness = Witness::start(&["sock/inet_sock_set_state"]);
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().to_str().expect("UTF-8");
    let mut trace = namespace.trace(&["-o", path, "--ring-size", "64MiB", "--duration", "300s"]);
    storm(count);
    let status = trace.stop();
    let over_init = witness.count();
    let shown = shown(file.path());

    let account = &shown.summary["account"];
    assert_eq!(account["closes"], true, "{account:#}");
    let (expected, lost) = (transitions(count), lost_transitions(account));
    let missing = expected.checked_sub(shown.transitions + lost).expect("no more than there were");
    assert!([0, over_init].contains(&missing), "{missing} missing, {over_init} over init, {account:#}");
    assert_eq!(number(&shown.summary, "discontinuities"), shown.holes);
    assert!(shown.holes <= missing + lost, "{} holes, {account:#}", shown.holes);
    let whole = number(account, "lost") == 0 && shown.holes == 0;
    assert_eq!(status.code(), Some(if whole { 0 } else { 4 }), "{account:#}");
    assert_pairs(&account["made_by_transition"], u64::from(count) * 2, lost + missing);
    shown
}

/// Two million transitions.
#[test]
fn a_storm_is_seen_whole() {
    if !is_privileged() {
        return;
    }
    let _alone = ALONE.lock();
    assert_all_accounted_for(&Namespace::enter(), scaled(100_000));
}

/// Receive packet steering makes softirqs interrupt tasks in the middle of a program, so the kernel skips the first one.
#[test]
fn what_interrupts_a_program_is_recovered() {
    if !is_privileged() {
        return;
    }
    let _alone = ALONE.lock();
    let namespace = Namespace::enter();
    steer_packets(&namespace);
    let shown = assert_all_accounted_for(&namespace, scaled(25_000));
    let [first, second] =
        [0, 1].map(|program| &shown.summary["account"]["tracepoints"]["inet_sock_set_state"]["programs"][program]);
    assert!(number(first, "missed") > 0, "nothing was interrupted: {first:#}");
    let by_both = number(&shown.summary["account"], "missed");
    assert_eq!(number(first, "missed"), number(second, "handled") + by_both, "{first:#} {second:#}");
}

/// What the kernel counted before any filter, by the pair of states; this host may have other connections, too.
fn assert_pairs(made: &Value, connections: u64, missing: u64) {
    for pair in [
        "CLOSE>SYN_SENT",
        "SYN_SENT>ESTABLISHED",
        "LISTEN>SYN_RECV",
        "SYN_RECV>ESTABLISHED",
        "ESTABLISHED>FIN_WAIT1",
        "ESTABLISHED>CLOSE_WAIT",
        "FIN_WAIT1>FIN_WAIT2",
        "FIN_WAIT2>CLOSE",
        "CLOSE_WAIT>LAST_ACK",
        "LAST_ACK>CLOSE",
    ] {
        assert!(number(made, pair) + missing >= connections, "{pair}: {made:#}");
    }
}

#[test]
fn a_stopped_reader_loses_records_and_counts_each() {
    if !is_privileged() {
        return;
    }
    let _alone = ALONE.lock();
    let namespace = Namespace::enter();
    let mut witness = Witness::start(&["sock/inet_sock_set_state"]);
    let mut trace = namespace.trace(&["--ring-size", "128KiB"]);
    trace.signal(Signal::STOP);
    storm(1_000);
    trace.signal(Signal::CONT);
    let status = trace.stop();
    let over_init = witness.count();
    assert_eq!(status.code(), Some(4), "records were lost");

    let account = trace.account();
    assert_eq!(account["closes"], true, "{account:#}");
    let (lost, shown) = (lost_transitions(account), trace.transitions().count() as u64);
    assert!(lost > 0, "{account:#}");
    let all_lost = number(account, "lost");
    assert_eq!(all_lost, number(account, "reserve_failed") + number(account, "missed"), "{account:#}");
    let expected = transitions(1_000);
    assert!(lost + shown <= expected && expected <= lost + shown + over_init, "{over_init} over init, {account:#}");
    let gaps: u64 = trace.of_type("gap").map(|gap| number(gap, "lost")).sum();
    assert_eq!(gaps, all_lost);
}

#[test]
fn who_closes_the_pipe_is_told_of_a_loss_all_the_same() {
    if !is_privileged() {
        return;
    }
    let _alone = ALONE.lock();
    let namespace = Namespace::enter();
    let mut tracer = Command::new(env!("CARGO_BIN_EXE_tracer"));
    tracer.args(["watch", "--ring-size", "128KiB", "--netns", &namespace.inode.to_string()]);
    let mut child = tracer.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("tracer");
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    assert!(stderr.any(|line| line.contains("attached")));
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::STOP).expect("own child");
    storm(1_000);
    drop(child.stdout.take());
    kill_process(pid, Signal::CONT).expect("own child");
    assert!(stderr.any(|line| line.contains("records were lost")));
    assert_eq!(child.wait().expect("ended").code(), Some(4));
}

#[test]
fn what_the_filter_excludes_is_counted_too() {
    if !is_privileged() {
        return;
    }
    let _alone = ALONE.lock();
    let namespace = Namespace::enter();
    let mut witness = Witness::start(&["sock/inet_sock_set_state"]);
    let mut trace = namespace.trace(&["--port", "1"]);
    storm(100);
    assert!(trace.stop().success());
    let account = trace.account();
    assert_eq!(account["closes"], true, "{account:#}");
    assert!(number(account, "filtered") + witness.count() >= transitions(100), "{account:#}");
    assert_eq!(number(account, "submitted"), 0, "{account:#}");
    assert_eq!(trace.transitions().count(), 0);
}
