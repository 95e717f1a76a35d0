//! Timewait sockets: how long they lived and what ended them. The kernel's own count of them, `TW` and `TWKilled` of the
//! namespace, is the witness of how many there were.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use socket2::{Domain, SockRef, Socket, Type};

use crate::{
    destroy::{destroy, ends},
    isolated::isolated,
    support::{Namespace, Trace},
};

const LOCALHOST: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// Transitions of a connection until its client, which has closed, waits for the peer's FIN.
const WAITS: usize = 8;

/// Sets a sysctl of this thread's namespace.
fn set(name: &str, value: &str) {
    fs::write(format!("/proc/sys/net/ipv4/{name}"), value).expect(name);
}

/// A counter of this thread's namespace, in /proc/net/netstat.
fn counter(wanted: &str) -> u64 {
    let text = fs::read_to_string("/proc/thread-self/net/netstat").expect("counters");
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("TcpExt: ")).map(str::split_whitespace);
    let (mut names, mut values) = (lines.next().expect("names"), lines.next().expect("values"));
    let place = names.position(|name| name == wanted).expect(wanted);
    values.nth(place).expect("a value").parse().expect("a number")
}

fn births() -> u64 {
    counter("TW") + counter("TWKilled")
}

/// A connection over loopback: client, server.
fn connection(listener: &TcpListener) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect(listener.local_addr().expect("address")).expect("connection");
    let (server, _) = listener.accept().expect("accepted");
    (client, server)
}

fn listener() -> TcpListener {
    TcpListener::bind((LOCALHOST, 0)).expect("listener")
}

/// Closes in order, `first` first, so that its end is what rests in TIME_WAIT.
fn close(first: TcpStream, mut second: TcpStream) {
    drop(first);
    assert_eq!(second.read(&mut [0]).expect("end of file"), 0);
}

/// Whether timewait sockets can be traced here; says so if not.
fn is_measured(trace: &mut Trace) -> bool {
    trace.wait_for_objects("start", 1);
    let start = trace.of_type("start").next().expect("a start");
    let mut features = start["features"].as_array().expect("features").iter();
    let feature = features.find(|it| it["name"] == "time_wait").expect("the feature");
    if feature["measured"] == false {
        println!("SKIPPED: TIME_WAIT is not measured here: {}", feature["reason"]);
    }
    feature["measured"] == true
}

/// The one timewait socket that ended: how, whether that is inferred, and in which substate.
fn ended(trace: &mut Trace) -> (Value, Value) {
    trace.wait_for_objects("time_wait", 1);
    assert!(trace.stop().success());
    let [ended] = &trace.of_type("time_wait").collect::<Vec<_>>()[..] else {
        panic!("{:#?}", trace.of_type("time_wait").collect::<Vec<_>>());
    };
    let ended = (*ended).clone();
    (json!([ended["end"], ended.get("inferred").is_some(), ended["substate"]]), ended)
}

fn ns(value: &Value) -> Duration {
    Duration::from_nanos(value.as_u64().unwrap_or_else(|| panic!("{value} is no duration")))
}

#[test]
fn a_peer_that_does_not_close_is_waited_for_as_long_as_it_is_set() {
    isolated!();
    let namespace = Namespace::enter();
    set("tcp_fin_timeout", "1");
    let listener = listener();
    let mut trace = namespace.trace(&[]);
    if !is_measured(&mut trace) {
        return;
    }
    let (client, server) = connection(&listener);
    let begun = Instant::now();
    drop(client);
    let (how, ended) = ended(&mut trace);
    drop(server);
    assert_eq!(how, json!(["expired", false, "FIN_WAIT2"]));
    assert_eq!((&ended["time_wait_ns"], &ended["seeded"]), (&Value::Null, &json!(false)), "the peer never closed");
    let lived = ns(&ended["minisocket_ns"]);
    assert!(lived >= Duration::from_secs(1) && lived <= begun.elapsed(), "{ended:#}");
    assert_eq!((&ended["role"], &ended["pid"]), (&json!("client"), &json!(std::process::id())));
    assert_eq!(births(), 1);
}

#[test]
fn a_connect_takes_the_pair_of_ends() {
    isolated!();
    let namespace = Namespace::enter();
    set("tcp_tw_reuse", "1");
    let listener = listener();
    // One port, so that the next connection must take it again.
    set("ip_local_port_range", "40000 40000");
    let mut trace = namespace.trace(&[]);
    if !is_measured(&mut trace) {
        return;
    }
    let (client, server) = connection(&listener);
    close(client, server);
    let begun = Instant::now();
    // Not before the timestamp clock of the peer has moved on by a second (`tcp_twsk_unique`).
    let again = loop {
        match TcpStream::connect(listener.local_addr().expect("address")) {
            Ok(again) => break again,
            Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EADDRNOTAVAIL)),
        }
        thread::sleep(Duration::from_millis(100));
    };
    let (how, ended) = ended(&mut trace);
    drop(again);
    assert_eq!(how, json!(["reused", true, "TIME_WAIT"]));
    let (whole, proper) = (ns(&ended["minisocket_ns"]), ns(&ended["time_wait_ns"]));
    assert!(proper <= whole && whole <= begun.elapsed() + Duration::from_secs(1), "{ended:#}");
    assert_eq!(counter("TWRecycled"), 1);
}

#[test]
fn a_new_syn_takes_the_pair_of_ends() {
    isolated!();
    let namespace = Namespace::enter();
    let listener = listener();
    let address: SocketAddr = listener.local_addr().expect("address");
    let mut trace = namespace.trace(&[]);
    if !is_measured(&mut trace) {
        return;
    }
    let connect = |from: SocketAddrV4| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("socket");
        socket.set_reuse_address(true).expect("SO_REUSEADDR");
        socket.bind(&from.into()).expect("the same port");
        socket.connect(&address.into()).expect("connection");
        TcpStream::from(socket)
    };
    let client = connect(SocketAddrV4::new(LOCALHOST, 41_000));
    let (server, _) = listener.accept().expect("accepted");
    // The server's end rests in TIME_WAIT; the client's port is free.
    close(server, client);
    // A timestamp that is newer than the last one shows that the SYN is no stray.
    thread::sleep(Duration::from_millis(20));
    let again = connect(SocketAddrV4::new(LOCALHOST, 41_000));
    let (how, ended) = ended(&mut trace);
    drop(again);
    assert_eq!(how, json!(["new_syn", true, "TIME_WAIT"]));
    assert_eq!((&ended["role"], &ended["local_port"]), (&json!("server"), &json!(address.port())));
}

#[test]
fn data_for_one_that_waits_for_a_fin_is_answered_with_a_reset() {
    isolated!();
    let namespace = Namespace::enter();
    let listener = listener();
    let mut trace = namespace.trace(&[]);
    if !is_measured(&mut trace) {
        return;
    }
    let (client, mut server) = connection(&listener);
    drop(client);
    trace.wait_for(WAITS);
    server.write_all(b"too late").expect("its half seems open");
    let (how, _) = ended(&mut trace);
    // Before Linux 6.10 nothing is said of resets by timewait sockets.
    let told = trace.of_type("reset").any(|reset| reset["state"] == "TIME_WAIT");
    assert_eq!(how, json!(["reset", !told, "FIN_WAIT2"]));
}

#[test]
fn a_reset_ends_it() {
    isolated!();
    let namespace = Namespace::enter();
    let listener = listener();
    let mut trace = namespace.trace(&[]);
    if !is_measured(&mut trace) {
        return;
    }
    let (client, server) = connection(&listener);
    drop(client);
    trace.wait_for(WAITS);
    SockRef::from(&server).set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
    drop(server);
    let (how, _) = ended(&mut trace);
    assert_eq!(how, json!(["reset", true, "FIN_WAIT2"]));
}

#[test]
fn an_administrator_ends_it() {
    isolated!();
    let namespace = Namespace::enter();
    let listener = listener();
    let mut trace = namespace.trace(&[]);
    if !is_measured(&mut trace) {
        return;
    }
    let (client, server) = connection(&listener);
    let both = ends(&client);
    close(client, server);
    if !destroy(both) {
        println!("SKIPPED: this kernel has no SOCK_DESTROY (CONFIG_INET_DIAG_DESTROY)");
        return;
    }
    let (how, _) = ended(&mut trace);
    assert_eq!(how, json!(["killed", true, "TIME_WAIT"]));
}

#[test]
fn it_goes_with_its_namespace() {
    isolated!();
    // Neither this thread nor tracer is in it, or it would live on.
    let namespace = thread::spawn(Namespace::enter).join().expect("a namespace");
    let mut trace = Trace::of(&[&namespace], &[]);
    if !is_measured(&mut trace) {
        return;
    }
    let both = || {
        let (client, server) = connection(&listener());
        close(client, server);
    };
    namespace.spawn(both).join().expect("a connection");
    trace.wait_for(10);
    drop(namespace);
    let (how, _) = ended(&mut trace);
    assert_eq!(how, json!(["netns", false, "TIME_WAIT"]));
}

#[test]
fn as_many_begin_as_the_kernel_counted() {
    isolated!();
    let namespace = Namespace::enter();
    set("tcp_fin_timeout", "1");
    let listener = listener();
    let mut trace = namespace.trace(&["--duration", "60s"]);
    if !is_measured(&mut trace) {
        return;
    }
    let mut waiting = Vec::new();
    for number in 0..150 {
        let (client, server) = connection(&listener);
        match number % 3 {
            0 => close(client, server),
            1 => close(server, client),
            _ => {
                drop(client);
                waiting.push(server);
            }
        }
    }
    // Some ends are not seen where the kernel withholds what happens while process 1 is current; they are given up later.
    trace.wait_for_objects("time_wait", waiting.len());
    assert!(trace.stop().success());
    let account = &trace.account()["tracepoints"];
    let [started, taken_off, due] = ["timer_start", "timer_cancel", "timer_expire_entry"]
        .map(|name| account[name]["submitted"].as_u64().expect("a count"));
    // A timer that is taken off and not due is started again.
    assert_eq!(started - (taken_off - due), births(), "{account:#}");
}

#[test]
fn one_that_is_older_than_the_trace_is_marked() {
    isolated!();
    let namespace = Namespace::enter();
    let listener = listener();
    let (client, server) = connection(&listener);
    let both = ends(&client);
    close(client, server);
    let mut trace = namespace.trace(&[]);
    if !is_measured(&mut trace) {
        return;
    }
    // Before Linux 6.14 its age is told in clock ticks, whose length takes some of them to measure.
    thread::sleep(Duration::from_millis(500));
    if !destroy(both) {
        println!("SKIPPED: this kernel has no SOCK_DESTROY (CONFIG_INET_DIAG_DESTROY)");
        return;
    }
    let (how, ended) = ended(&mut trace);
    assert_eq!(how, json!(["killed", true, "TIME_WAIT"]));
    assert_eq!((&ended["seeded"], &ended["minisocket_ns"]), (&json!(true), &Value::Null), "its beginning was not seen");
    assert!(ended["time_wait_ns"].is_u64(), "but the kernel knows when it entered TIME_WAIT: {ended:#}");
}

#[test]
fn it_can_be_left_out() {
    isolated!();
    let namespace = Namespace::enter();
    let listener = listener();
    let mut trace = namespace.trace(&["--time-wait=off"]);
    let (client, server) = connection(&listener);
    close(client, server);
    trace.wait_for(10);
    assert!(trace.stop().success());
    let start = trace.of_type("start").next().expect("a start");
    let mut features = start["features"].as_array().expect("features").iter();
    let feature = features.find(|it| it["name"] == "time_wait").expect("the feature");
    assert_eq!(feature["measured"], false);
    assert_eq!(trace.account()["tracepoints"]["timer_start"]["made"], 0);
}
