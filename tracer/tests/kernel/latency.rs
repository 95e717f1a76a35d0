//! `tracer latency`: what the kernel adds up, against the stream, the wire's own clock and what the test did.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::process::CommandExt as _,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};

use crate::{
    connect::{connect_both, lay_crossing},
    handshake::{allow_fast_open, set},
    isolated::isolated,
    sandbox::{NOBODY, field, held, statuses},
    support::{Cgroup, Namespace, Trace, cgroup_mount},
    wire::{Wire, losing},
};

/// As the output states it.
const ERROR: f64 = 0.015_625;
const PERCENTILES: [(usize, &str); 4] = [(500, "p50_ns"), (900, "p90_ns"), (990, "p99_ns"), (999, "p999_ns")];
/// No figures before the end.
const AT_THE_END: [&str; 2] = ["--interval", "1h"];

/// Handshakes of the whole run with these members.
fn whole<'a>(trace: &'a Trace, members: &Value) -> &'a Value {
    let has = |it: &&Value| members.as_object().expect("members").iter().all(|(name, value)| &it[name] == value);
    let mut found = trace.of_type("latency").filter(|it| it["final"] == true).filter(has);
    let one = found.next().unwrap_or_else(|| panic!("no {members} in {:#?}", trace.seen));
    assert!(found.next().is_none(), "more than one {members}");
    one
}

fn number(object: &Value, name: &str) -> u64 {
    object[name].as_u64().unwrap_or_else(|| panic!("{name}: {object:#}"))
}

fn duration(object: &Value, name: &str) -> Duration {
    Duration::from_nanos(number(object, name))
}

/// The value that so many thousandths do not exceed, by nearest rank.
fn percentile(values: &mut [u64], thousandths: usize) -> f64 {
    values.sort_unstable();
    values[(values.len() * thousandths).div_ceil(1000) - 1] as f64
}

/// Ends a run. Where everything takes long, the kernel may have skipped a state change that a softirq raised while a program
/// ran: then it is said.
fn end(trace: &mut Trace) {
    let status = trace.stop();
    let missed = trace.of_type("summary").last().map_or(0, |summary| number(&summary["account"], "missed"));
    assert_eq!(status.code(), Some(if missed == 0 { 0 } else { 4 }), "{:#?}", trace.said);
}

fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listener");
    let port = listener.local_addr().expect("address").port();
    (listener, port)
}

/// Opens and closes so many connections.
fn open(listener: &TcpListener, count: usize) {
    for _ in 0..count {
        let client = TcpStream::connect(listener.local_addr().expect("address")).expect("connection");
        drop((client, listener.accept().expect("accepted")));
    }
}

/// One population over a wire with many delays, seen by both commands at once.
#[test]
fn percentiles_are_those_of_the_stream() {
    isolated!();
    const POPULATION: usize = 400;
    let namespace = Namespace::enter();
    // From the SYN's arrival at the wire to the SYN-ACK's at the client.
    let waits = Arc::new(Mutex::new(Vec::new()));
    let (noted, mut syn, mut step) = (Arc::clone(&waits), Instant::now(), 0_u64);
    let wire = Wire::lay(&namespace, move |packet| {
        if packet.is_syn() && packet.to_far {
            syn = Instant::now();
            step += 1;
        } else if packet.is_syn() {
            // Most take some hundred microseconds, some a hundred times as long.
            thread::sleep(Duration::from_micros(if step.is_multiple_of(10) { step * 50 } else { 100 + step * 2 }));
            noted.lock().expect("waits").push(u64::try_from(syn.elapsed().as_nanos()).expect("64 bits"));
        }
        vec![packet]
    });
    let both = [&namespace, &wire.far];
    let mut stream = Trace::of(&both, &[]);
    let mut latency = Trace::latency(&both, &AT_THE_END);
    let address = wire.listener.local_addr().expect("address");
    for _ in 0..POPULATION {
        let client = TcpStream::connect(address).expect("connection");
        drop((client, wire.listener.accept().expect("accepted")));
    }
    end(&mut stream);
    end(&mut latency);
    let exact = |role: &str| -> Vec<u64> {
        let handshakes = stream.of_type("handshake").filter(|it| it["role"] == role);
        handshakes.filter_map(|it| it["latency_ns"].as_u64()).collect()
    };

    // A server's are the same figures.
    let server = whole(&latency, &json!({"role": "server", "local_port": address.port()}));
    let mut servers = exact("server");
    assert_eq!(number(server, "count"), servers.len() as u64);
    assert_eq!(number(server, "unknown") as usize, POPULATION - servers.len());
    assert_eq!(number(server, "max_ns"), servers.iter().copied().max().expect("some"));
    for (thousandths, name) in PERCENTILES {
        let (got, exact) = (number(server, name) as f64, percentile(&mut servers, thousandths));
        assert!((got - exact).abs() <= exact * ERROR, "{name}: {got}, exactly {exact}");
    }

    // A client's begin when the SYN leaves, which is between connect() and its arrival at the wire; in whole microseconds.
    let client = whole(&latency, &json!({"role": "client", "key": address.to_string()}));
    let (mut clients, mut wire) = (exact("client"), waits.lock().expect("waits").clone());
    assert_eq!((number(client, "count"), number(client, "unknown")), (POPULATION as u64, 0));
    for (thousandths, name) in PERCENTILES {
        let got = number(client, name) as f64;
        let (least, most) = (percentile(&mut wire, thousandths), percentile(&mut clients, thousandths));
        assert!(got >= (least - 1e3) * (1.0 - ERROR) && got <= most * (1.0 + ERROR), "{name}: {least} {got} {most}");
    }
}

/// A wire that loses the first segment with SYN in one direction: figures of the client, of the server, and how long each
/// waited at least and at most.
fn open_losing(lost_to_far: bool) -> (Value, Value, [std::ops::Range<Duration>; 2]) {
    let namespace = Namespace::enter();
    let (arrive, times) = losing(lost_to_far);
    let wire = Wire::lay(&namespace, arrive);
    let mut trace = Trace::latency(&[&namespace, &wire.far], &AT_THE_END);
    let address = wire.listener.local_addr().expect("address");
    let began = Instant::now();
    let client = TcpStream::connect(address).expect("connection");
    drop((client, wire.listener.accept().expect("accepted")));
    let all = began.elapsed();
    end(&mut trace);
    let times = times.lock().expect("times");
    let figures = |role| whole(&trace, &json!({"role": role})).clone();
    (figures("client"), figures("server"), [times.since_syn()..all, times.since_loss()..all])
}

/// The kernel remembers when a SYN was first sent in whole milliseconds.
fn is_to_half_a_millisecond(took: Duration, waited: &std::ops::Range<Duration>) -> bool {
    let half = Duration::from_micros(500);
    took + half >= waited.start && took <= waited.end + half
}

#[test]
fn a_lost_syn_is_counted_apart_from_its_first() {
    isolated!();
    let (client, server, [waited, _]) = open_losing(true);
    assert_eq!((&client["count"], &client["unknown"]), (&json!(0), &json!(0)), "{client:#}");
    let retransmitted = &client["retransmitted"];
    assert_eq!(retransmitted["count"], 1);
    assert!(is_to_half_a_millisecond(duration(retransmitted, "max_ns"), &waited), "{waited:?}: {client:#}");
    assert_eq!(server["retransmitted"]["count"], 0);
    assert_eq!(number(&server, "count") + number(&server, "unknown"), 1);
}

#[test]
fn a_lost_syn_ack_is_counted_apart_from_its_first() {
    isolated!();
    let (client, server, [waited, since_loss]) = open_losing(false);
    // Either end may be the first to send again.
    let only = if client["count"] == 1 { &client } else { &client["retransmitted"] };
    assert!(is_to_half_a_millisecond(duration(only, "max_ns"), &waited), "{waited:?}: {client:#}");
    let retransmitted = &server["retransmitted"];
    assert_eq!((&server["count"], &retransmitted["count"]), (&json!(0), &json!(1)), "{server:#}");
    // A microsecond is the unit.
    let took = duration(retransmitted, "max_ns") + Duration::from_micros(1);
    assert!(since_loss.contains(&took), "{since_loss:?}: {server:#}");
}

#[test]
fn a_syn_cookie_leaves_the_server_s_latency_unknown() {
    isolated!();
    let namespace = Namespace::enter();
    fs::write("/proc/sys/net/ipv4/tcp_syncookies", "2").expect("tcp_syncookies");
    let mut trace = Trace::latency(&[&namespace], &AT_THE_END);
    let (listener, _) = listen();
    open(&listener, 50);
    end(&mut trace);
    let server = whole(&trace, &json!({"role": "server"}));
    assert_eq!(server["count"], 0, "{server:#}");
    // A late ACK is a valid cookie once more, after the socket it made is gone: a real connection, too.
    assert!(number(server, "unknown") >= 50);
    let reasons = server["unknown_reasons"].as_object().expect("reasons");
    assert!(reasons.keys().all(|reason| reason == "no_sample" || reason == "maybe_syn_cookie"), "{reasons:?}");
    assert_eq!(whole(&trace, &json!({"role": "client"}))["count"], 50);
}

#[test]
fn both_ends_that_open_at_once_are_clients_of_unknown_latency() {
    isolated!();
    let namespace = Namespace::enter();
    let wire = lay_crossing(&namespace);
    let mut trace = Trace::latency(&[&namespace, &wire.far], &AT_THE_END);
    drop(connect_both(&wire));
    end(&mut trace);
    for key in ["10.0.0.2:7002", "10.0.0.1:7001"] {
        let client = whole(&trace, &json!({"role": "client", "key": key}));
        assert_eq!((&client["count"], &client["unknown_reasons"]), (&json!(0), &json!({"start_not_seen": 1})));
    }
    assert!(trace.of_type("latency").all(|it| it["role"] == "client"));
}

#[test]
fn a_deferred_accept_is_said_to_be_one() {
    isolated!();
    let namespace = Namespace::enter();
    let deferring = || {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("socket");
        listener.bind(&"127.0.0.1:0".parse::<SocketAddr>().expect("address").into()).expect("bind");
        set(&listener, libc::TCP_DEFER_ACCEPT, 5);
        listener.listen(8).expect("listen");
        TcpListener::from(listener)
    };
    let idle = Duration::from_millis(80);
    let ask = |listener: &TcpListener| {
        let mut client = TcpStream::connect(listener.local_addr().expect("address")).expect("connection");
        thread::sleep(idle);
        client.write_all(b"at last").expect("data");
        listener.accept().expect("accepted");
    };
    let older = deferring();
    let mut trace = Trace::latency(&[&namespace], &AT_THE_END);
    let (newer, (plain, port)) = (deferring(), listen());
    ask(&older);
    ask(&newer);
    open(&plain, 1);
    end(&mut trace);
    for listener in [older, newer] {
        let port = listener.local_addr().expect("address").port();
        let server = whole(&trace, &json!({"role": "server", "local_port": port}));
        assert_eq!(server["deferred_accept"], true);
        // One sample in a thousand is a whole number of milliseconds.
        assert!(number(server, "unknown") == 1 || duration(server, "max_ns") >= idle, "{server:#}");
    }
    assert_eq!(whole(&trace, &json!({"role": "server", "local_port": port}))["deferred_accept"], false);
}

#[test]
fn fast_open_is_measured_from_its_syn() {
    isolated!();
    let namespace = Namespace::enter();
    allow_fast_open();
    let mut trace = Trace::latency(&[&namespace], &["--interval", "100ms"]);
    let (listener, _) = listen();
    set(&listener, libc::TCP_FASTOPEN, 8);
    let client = Socket::new(Domain::IPV4, Type::STREAM, None).expect("socket");
    set(&client, libc::TCP_FASTOPEN_CONNECT, 1);
    client.connect(&listener.local_addr().expect("address").into()).expect("nothing is sent yet");
    let idle = Duration::from_millis(80);
    thread::sleep(idle);
    (&client).write_all(b"with the SYN").expect("data");
    let (server, _) = listener.accept().expect("accepted, perhaps before the handshake is over");
    trace.wait_for_objects("latency", 2);
    drop((client, server));
    end(&mut trace);
    for role in ["client", "server"] {
        let figures = whole(&trace, &json!({"role": role}));
        assert_eq!(figures["count"], 1, "{figures:#}");
        assert!(duration(figures, "max_ns") < idle, "{figures:#}");
    }
}

#[test]
fn groups_beyond_the_limit_are_counted_together() {
    isolated!();
    let namespace = Namespace::enter();
    let mut trace =
        Trace::latency(&[&namespace], &[&AT_THE_END[..], &["--max-groups", "3", "--role", "server"]].concat());
    let listeners: Vec<_> = (0..5).map(|_| listen()).collect();
    for _ in 0..2 {
        listeners.iter().for_each(|(listener, _)| open(listener, 10));
    }
    end(&mut trace);
    let all = |figures: &Value| number(figures, "count") + number(figures, "unknown");
    for (_, port) in &listeners[..3] {
        assert_eq!(all(whole(&trace, &json!({"local_port": port}))), 20);
    }
    assert_eq!(all(whole(&trace, &json!({"key": "other", "other": true, "role": "server"}))), 40);
    let summary = trace.of_type("summary").last().expect("a summary");
    assert_eq!(summary["groups"], 4);
    // The clients' ends, and whatever else happens on the host.
    assert!(number(&summary["account"], "filtered") >= 100, "{summary:#}");
}

#[test]
fn filters_are_decided_in_the_kernel() {
    isolated!();
    let namespace = Namespace::enter();
    let (wanted, port) = listen();
    let (other, other_port) = listen();
    let asked = port.to_string();
    let cases: [(&[&str], [u64; 2]); 6] = [
        (&["--port", &asked], [10, 10]),
        (&["--local-port", &asked], [0, 10]),
        (&["--role", "client", "--remote-port", &asked], [10, 0]),
        (&["--local", "127.0.0.2"], [0, 0]),
        (&["--no-loopback"], [0, 0]),
        (&["-4", "--dev", "lo", "--cgroup", "/"], [20, 20]),
    ];
    for (filter, expected) in cases {
        let mut trace = Trace::latency(&[&namespace], &[&AT_THE_END[..], filter].concat());
        open(&wanted, 10);
        open(&other, 10);
        end(&mut trace);
        let count = |role: &str| -> u64 {
            let of_role = trace.of_type("latency").filter(|it| it["role"] == role);
            of_role.map(|it| number(it, "count") + number(it, "unknown")).sum()
        };
        assert_eq!(["client", "server"].map(count), expected, "{filter:?} {other_port}");
        let account = trace.account();
        assert!(number(account, "seen") >= 40, "{account:#}");
    }
}

#[test]
fn groups_are_peers_networks_or_cgroups_if_asked() {
    isolated!();
    let namespace = Namespace::enter();
    let cgroup = Cgroup::make();
    let listener = TcpListener::bind("0.0.0.0:0").expect("listener");
    let port = listener.local_addr().expect("address").port();
    let open_all = || {
        for to in ["127.0.1.1", "127.0.1.2", "127.0.2.1"] {
            let client = TcpStream::connect((to, port)).expect("connection");
            drop((client, listener.accept().expect("accepted")));
        }
    };
    let measure = |by| {
        let mut trace = Trace::latency(&[&namespace], &[&AT_THE_END[..], &["--by", by]].concat());
        open_all();
        end(&mut trace);
        trace
    };
    let peers = measure("peer");
    let peer = whole(&peers, &json!({"role": "client", "key": "127.0.1.2", "remote_addr": "127.0.1.2"}));
    assert_eq!(peer["count"], 1);
    let server = whole(&peers, &json!({"role": "server", "key": "127.0.0.1"}));
    assert_eq!(number(server, "count") + number(server, "unknown"), 3);
    let networks = measure("prefix");
    let near = json!({"role": "client", "remote_network": "127.0.1.0/24", "port": port, "netns": namespace.inode});
    assert_eq!(whole(&networks, &near)["count"], 2);

    let mut trace = Trace::latency(&[&namespace], &[&AT_THE_END[..], &["--by", "cgroup", "--role", "client"]].concat());
    fs::write(cgroup.path().join("cgroup.procs"), "0").expect("into the cgroup");
    open_all();
    fs::write(cgroup_mount().join("cgroup.procs"), "0").expect("out of it");
    end(&mut trace);
    let name = format!("/{}", cgroup.path().file_name().expect("a name").to_str().expect("UTF-8"));
    let group = whole(&trace, &json!({"key": name, "cgroup": name}));
    assert_eq!((&group["count"], &group["role"]), (&json!(3), &json!("client")));
}

#[test]
fn intervals_add_up_to_the_run_and_end_it_when_there_were_enough() {
    isolated!();
    let namespace = Namespace::enter();
    let (listener, port) = listen();
    let mut trace = Trace::latency(&[&namespace], &["--interval", "200ms", "-c", "4", "--port", &port.to_string()]);
    let mut opened = 0;
    while trace.child.try_wait().expect("tracer").is_none() {
        open(&listener, 1);
        opened += 1;
    }
    assert!(trace.finish().success());
    let (last, spans): (Vec<_>, Vec<_>) = trace.of_type("latency").partition(|it| it["final"] == true);
    let count = |of: &[&Value]| of.iter().map(|it| number(it, "count") + number(it, "unknown")).sum::<u64>();
    assert!(count(&spans) <= count(&last) && count(&last) <= 2 * opened, "{} {}", count(&spans), count(&last));
    let mut moments: Vec<_> = spans.iter().map(|it| it["to"].as_str().expect("a time")).collect();
    moments.dedup();
    assert_eq!(moments.len(), 4);
    assert!(count(&spans) > 0);
}

#[test]
fn what_was_given_up_is_not_needed_and_nothing_else_is_loaded() {
    isolated!();
    for (args, uid) in [(&[][..], "0"), (&["--user", "65534"], "65534")] {
        let namespace = Namespace::enter();
        let mut trace = Trace::latency(&[&namespace], &[&["--interval", "100ms"][..], args].concat());
        // A link names its program, too.
        assert_eq!(BTreeSet::from_iter(held(trace.child.id(), "prog_id:")).len(), 3);
        for status in statuses(trace.child.id()) {
            assert_eq!(field(&status, "CapEff"), ["0000000000000000"]);
            assert_eq!(field(&status, "Seccomp"), ["2"], "a filter");
            assert_eq!(field(&status, "Uid"), [uid; 4]);
        }
        let (listener, _) = listen();
        open(&listener, 5);
        trace.wait_for_objects("latency", 2);
        end(&mut trace);
    }
}

#[test]
fn a_signal_or_a_closed_pipe_is_a_way_to_end() {
    isolated!();
    for signal in [Signal::INT, Signal::TERM] {
        let namespace = Namespace::enter();
        let mut trace = Trace::latency(&[&namespace], &AT_THE_END);
        let (listener, _) = listen();
        open(&listener, 50);
        trace.signal(signal);
        assert!(trace.finish().success(), "{signal:?}");
        assert_eq!(whole(&trace, &json!({"role": "client"}))["count"], 50);
    }
    let mut tracer = Command::new(env!("CARGO_BIN_EXE_tracer"));
    let mut child = tracer
        .args(["latency", "--interval", "100ms", "--duration", "30s", "--format", "text"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("tracer");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("stdout")).read_line(&mut line).expect("a line");
    assert!(line.contains("Since the start"), "{line}");
    assert!(child.wait().expect("tracer").success());
}

#[test]
fn without_the_privilege_it_says_so() {
    isolated!();
    let refused = Command::new(env!("CARGO_BIN_EXE_tracer")).uid(NOBODY).gid(NOBODY).arg("latency").output();
    // Where the program itself is out of nobody's reach there is nothing to see.
    let Ok(refused) = refused else { return };
    let sentence = String::from_utf8(refused.stderr).expect("text");
    assert_eq!(refused.status.code(), Some(3), "{sentence}");
    assert!(sentence.contains("CAP_BPF"), "{sentence}");
}
