//! Nothing is lost unseen: storms, small rings, a reader that stands still.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use rustix::process::Signal;
use serde_json::Value;
use socket2::{Domain, Socket, Type};

use crate::support::{Namespace, Trace, require_root};

/// Transitions of one connection whose client closes first: five of each end.
const EACH: u64 = 10;

/// Opens and closes `count` connections from several threads, with a source address for each 20,000 of them, so that
/// local ports do not run out while the former ones rest in TIME_WAIT.
fn storm(count: u32, threads: u32) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listener");
    let server = listener.local_addr().expect("address");
    let next = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    one(&listener, server, number);
                }
            });
        }
    });
}

/// One whole connection; accepts whichever came first, so no thread waits for another for long.
fn one(listener: &TcpListener, server: SocketAddr, number: u32) {
    let client = Socket::new(Domain::IPV4, Type::STREAM, None).expect("socket");
    let source = Ipv4Addr::from(0x7f0a_0001 + (number / 20_000) * 256);
    client.bind(&SocketAddr::from((source, 0)).into()).expect("bind");
    client.connect(&server.into()).expect("connect");
    let client = TcpStream::from(client);
    let (accepted, _) = listener.accept().expect("accept");
    drop(client);
    // The peer of `accepted` may be another thread's client: wait for its end, so that every client closes first.
    std::io::copy(&mut &accepted, &mut std::io::sink()).expect("end of file");
}

fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("no {name} in {value:#}"))
}

/// What the kernel counted before any filter, by the pair of states.
fn assert_each_pair_seen(trace: &Trace, connections: u64) {
    let summary = trace.of_type("summary").last().expect("a summary");
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
        assert_eq!(summary["transitions"][pair], connections, "{pair}");
    }
}

#[test]
fn a_storm_is_seen_whole() {
    require_root!();
    let namespace = Namespace::enter();
    let connections = 20_000;
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().to_str().expect("UTF-8");
    let mut trace = namespace.trace(&["-o", path, "--ring-size", "64MiB", "--duration", "300s"]);
    storm(connections, 4);
    let status = trace.stop();
    trace.read_file(path);

    let account = trace.account();
    let made = number(account, "made");
    let lost = number(account, "lost");
    assert_eq!(account["closes"], true, "{account:#}");
    assert!(made >= u64::from(connections) * EACH + 2, "{account:#}");
    // What is not seen is counted, and nothing is counted that is seen.
    assert_eq!(status.code(), Some(if lost == 0 { 0 } else { 4 }), "{account:#}");
    let printed = trace.count_transitions_in(path);
    assert_eq!(printed + lost, u64::from(connections) * EACH + 2, "{account:#}");
    if lost == 0 {
        assert_each_pair_seen(&trace, connections.into());
    }
}

#[test]
fn a_stopped_reader_loses_records_and_counts_each() {
    require_root!();
    let namespace = Namespace::enter();
    let mut trace = namespace.trace(&["--ring-size", "128KiB"]);
    trace.signal(Signal::STOP);
    let connections = 2_000;
    storm(connections, 2);
    trace.signal(Signal::CONT);
    let status = trace.stop();
    assert_eq!(status.code(), Some(4), "records were lost");

    let account = trace.account();
    assert_eq!(account["closes"], true, "{account:#}");
    let (lost, shown) = (number(account, "lost"), trace.transitions().count() as u64);
    assert!(lost > 0, "{account:#}");
    assert_eq!(lost, number(account, "reserve_failed"), "{account:#}");
    assert_eq!(lost + shown, u64::from(connections) * EACH + 2, "{account:#}");
    let gaps: u64 = trace.of_type("gap").map(|gap| number(gap, "lost")).sum();
    assert_eq!(gaps, lost);
}

#[test]
fn what_the_filter_excludes_is_counted_too() {
    require_root!();
    let namespace = Namespace::enter();
    let mut trace = namespace.trace(&["--port", "1"]);
    storm(100, 1);
    assert!(trace.stop().success());
    let account = trace.account();
    assert_eq!(account["closes"], true, "{account:#}");
    assert!(number(account, "filtered") >= 100 * EACH + 2, "{account:#}");
    assert_eq!(number(account, "submitted"), 0, "{account:#}");
    assert_eq!(trace.transitions().count(), 0);
}
