//! Twenty thousand connections of every kind, and what the kernel's own counters say of them.

use std::{
    collections::HashMap,
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    time::Duration,
};

use fastrand::Rng;
use serde_json::Value;
use socket2::SockRef;

use crate::{
    isolated::isolated,
    over_init::Witness,
    support::{Namespace, Trace},
    wire::Wire,
};

/// Threads, and how many connections each makes over loopback.
const THREADS: u8 = 4;
const CONNECTIONS: usize = 5_000;
/// Connections over a wire that loses the first segment with data of each.
const LOSSY: usize = 200;
const NOBODY: u16 = 81;

/// `Tcp` of /proc/net/snmp in this thread's namespace (RFC 4022, and the kernel's own).
fn counters() -> HashMap<String, u64> {
    let snmp = fs::read_to_string("/proc/thread-self/net/snmp").expect("counters");
    let mut tcp = snmp.lines().filter_map(|line| line.strip_prefix("Tcp: ")).map(str::split_whitespace);
    let (names, values) = (tcp.next().expect("names"), tcp.next().expect("values"));
    names.zip(values).filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
}

/// Connections of a thread: closed by either end, broken off, refused. How many ends they have, those refused one.
fn load(thread: u8) -> usize {
    let addr = Ipv4Addr::new(127, 0, 1, thread);
    let mut random = Rng::with_seed(thread.into());
    let listener = TcpListener::bind((addr, 0)).expect("listener");
    let address = listener.local_addr().expect("address");
    let mut ends = 0;
    for _ in 0..CONNECTIONS {
        ends += 1;
        if random.u8(..10) == 0 {
            TcpStream::connect((addr, NOBODY)).expect_err("nobody listens");
            continue;
        }
        ends += 1;
        let client = TcpStream::connect(address).expect("connection");
        let (server, _) = listener.accept().expect("accepted");
        let (mut first, mut second) = if random.bool() { (client, server) } else { (server, client) };
        match random.u8(..10) {
            0 => SockRef::from(&first).set_linger(Some(Duration::ZERO)).expect("SO_LINGER"),
            1 => {
                second.write_all(b"never read").expect("data");
                first.peek(&mut [0]).expect("it has arrived");
            }
            2 => {
                second.shutdown(Shutdown::Write).expect("shutdown");
                assert_eq!(first.read(&mut [0]).expect("end of file"), 0);
                SockRef::from(&first).set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
            }
            _ => {
                second.write_all(&[1; 100]).expect("data");
                first.read_exact(&mut [0; 100]).expect("data");
            }
        }
        drop(first);
        // It has noticed the end before it closes, too.
        let _ = second.read(&mut [0]);
    }
    ends
}

/// A wire that loses the first segment with data from each port of the near end.
fn lossy(namespace: &Namespace) -> Wire {
    let mut seen = HashMap::new();
    Wire::lay(namespace, move |packet| {
        let header = usize::from(packet.bytes[0] & 0xf) * 4;
        let port = [packet.bytes[header], packet.bytes[header + 1]];
        let is_data = packet.to_far && packet.bytes.ends_with(b"data") && seen.insert(port, ()).is_none();
        if is_data { Vec::new() } else { vec![packet] }
    })
}

fn lose(wire: &Wire) {
    let address = wire.listener.local_addr().expect("address");
    let mut pairs: Vec<_> = (0..LOSSY)
        .map(|_| (TcpStream::connect(address).expect("connection"), wire.listener.accept().expect("accepted").0))
        .collect();
    pairs.iter_mut().for_each(|(client, _)| client.write_all(b"data").expect("data"));
    for (client, mut server) in pairs {
        server.read_exact(&mut [0; 4]).expect("data, the second time");
        drop(client);
        assert_eq!(server.read(&mut [0]).expect("end of file"), 0);
    }
}

/// What tracer told of this namespace, by the counter that should say the same.
fn told(trace: &Trace, namespace: &Namespace) -> HashMap<&'static str, u64> {
    let own = |kind: &str| {
        let objects: Vec<_> = trace.of_type(kind).filter(|it| it["netns"] == namespace.inode).collect();
        objects
    };
    let changes = |changes: &[(&str, &str)]| {
        let is_one = |it: &&&Value| changes.iter().any(|(old, new)| it["old_state"] == *old && it["new_state"] == *new);
        own("transition").iter().filter(is_one).count() as u64
    };
    HashMap::from([
        // `tcp_connect`; `tcp_create_openreq_child`; `tcp_done`; `tcp_set_state`.
        ("ActiveOpens", changes(&[("CLOSE", "SYN_SENT")])),
        ("PassiveOpens", changes(&[("LISTEN", "SYN_RECV")])),
        ("AttemptFails", changes(&[("SYN_SENT", "CLOSE"), ("SYN_RECV", "CLOSE")])),
        ("EstabResets", changes(&[("ESTABLISHED", "CLOSE"), ("CLOSE_WAIT", "CLOSE")])),
        ("OutRsts", own("reset").iter().filter(|it| it["direction"] == "sent").count() as u64),
        ("RetransSegs", own("connection").iter().filter_map(|it| it["retransmits"].as_u64()).sum()),
    ])
}

#[test]
fn the_kernel_counted_the_same() {
    isolated!();
    let namespace = Namespace::enter();
    let wire = lossy(&namespace);
    // The thread that counts sees a tracefs of its own, and this one's counters stay as they are.
    let mut withheld = Witness::start(&["sock/inet_sock_set_state", "tcp/tcp_send_reset", "tcp/tcp_receive_reset"]);
    let before = counters();
    let mut trace = Trace::of(&[&namespace, &wire.far], &["--duration", "120s", "--ring-size", "64MiB"]);
    let threads: Vec<_> = (0..THREADS).map(|thread| namespace.spawn(move || load(thread))).collect();
    lose(&wire);
    let ends: usize = threads.into_iter().map(|thread| thread.join().expect("a thread")).sum();
    // What this kernel withholds from every BPF program while process 1 is current may be an end.
    let excused = withheld.count();
    trace.wait_for_objects("connection", ends + 2 * LOSSY - usize::try_from(excused).expect("few"));
    let status = trace.stop();
    let excused = withheld.count();
    assert!(status.success() || excused > 0, "{}", trace.account());
    let after = counters();
    println!("| counter | kernel | tracer | ({excused} events withheld)");
    let told = told(&trace, &namespace);
    let differences: Vec<_> = told
        .iter()
        .map(|(name, ours)| (name, after[*name] - before[*name], *ours))
        .inspect(|(name, kernel, ours)| println!("| {name} | {kernel} | {ours} |"))
        .filter(|(_, kernel, ours)| ours > kernel || ours + excused < *kernel)
        .collect();
    assert!(differences.is_empty(), "{differences:?}");
    // The product's own comparison, over its own readings.
    let summary = trace.of_type("summary").last().expect("a summary");
    let compared = summary["kernel_counters"].as_array().expect("a list").iter();
    let own = compared.into_iter().find(|it| it["netns"] == namespace.inode).expect("this namespace");
    assert_eq!(own["comparable"], true, "{own:#}");
    for name in ["ActiveOpens", "PassiveOpens", "AttemptFails", "EstabResets", "OutRsts"] {
        let unexplained = own["counters"][name]["unexplained"].as_u64();
        assert!(unexplained.is_some_and(|count| count <= excused), "{name}: {own:#}");
        assert_eq!(own["counters"][name]["kernel"], after[name] - before[name], "nothing happened but while it looked");
    }
    let births = &own["counters"]["TW+TWKilled"];
    println!("| TW+TWKilled | {} | {} |", births["kernel"], births["ours"]);
    assert!(births["unexplained"].as_u64().is_some_and(|count| count <= excused), "{births:#}");
    assert!(births["kernel"].as_u64() >= Some(5_000), "{births:#}");
    assert!(told["ActiveOpens"] >= 20_000 && told["RetransSegs"] >= LOSSY as u64, "{told:?}");
}
