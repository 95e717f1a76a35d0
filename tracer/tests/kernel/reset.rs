//! Who reset whom, and why. The kernel's own count, `Tcp.OutRsts` of the namespace, is the witness.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    os::fd::AsRawFd as _,
    sync::mpsc,
    time::Duration,
};

use serde_json::{Value, json};
use socket2::{Domain, SockRef, Socket, Type};

use crate::{
    destroy::{destroy, ends},
    isolated::isolated,
    support::{Namespace, Trace},
    wire::Wire,
};

/// `Tcp.OutRsts` of this thread's namespace (RFC 1213 and 4022).
fn out_rsts() -> u64 {
    let snmp = fs::read_to_string("/proc/thread-self/net/snmp").expect("counters");
    let mut tcp = snmp.lines().filter_map(|line| line.strip_prefix("Tcp: ")).map(str::split_whitespace);
    let (mut names, mut values) = (tcp.next().expect("names"), tcp.next().expect("values"));
    let place = names.position(|name| name == "OutRsts").expect("OutRsts");
    values.nth(place).expect("a value").parse().expect("a number")
}

/// Whether this kernel tells this feature.
fn has(trace: &Trace, feature: &str) -> bool {
    let start = trace.of_type("start").next().expect("a start");
    let mut features = start["features"].as_array().expect("features").iter();
    features.find(|it| it["name"] == feature).expect("a feature")["measured"] == true
}

/// The same of a trace that has just begun.
fn has_started(trace: &mut Trace, feature: &str) -> bool {
    trace.wait_for_objects("start", 1);
    has(trace, feature)
}

/// Ends the trace when it has seen `count` transitions; its resets, those sent first, with role, reason, initiator, state.
fn resets(trace: &mut Trace, count: usize) -> Vec<Value> {
    trace.wait_for(count);
    assert!(trace.stop().success());
    let told = |direction: &'static str| {
        trace
            .of_type("reset")
            .filter(move |it| it["direction"] == direction)
            .map(|it| json!([it["direction"], it["role"], it["reason"], it["initiator"], it["state"]]))
    };
    told("sent").chain(told("received")).collect()
}

/// As many resets are said to be sent as this namespace has sent.
fn assert_counted(trace: &Trace, namespace: &Namespace) {
    let sent = trace.of_type("reset").filter(|it| it["direction"] == "sent" && it["netns"] == namespace.inode);
    assert_eq!(sent.count() as u64, out_rsts());
}

fn pair(namespace: &Namespace) -> (Trace, TcpStream, TcpStream) {
    let trace = namespace.trace(&[]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("listener");
    let client = TcpStream::connect(listener.local_addr().expect("address")).expect("connection");
    let (server, _) = listener.accept().expect("accepted");
    (trace, client, server)
}

const LISTENER: usize = 2;
const OPEN: usize = LISTENER + 4;

#[test]
fn nobody_listens() {
    isolated!();
    for addr in ["127.0.0.1:81", "[::1]:81"] {
        let namespace = Namespace::enter();
        let mut trace = namespace.trace(&[]);
        TcpStream::connect(addr).expect_err("nobody listens");
        let resets = resets(&mut trace, 2);
        let received = json!(["received", "client", "REFUSED", "local", "SYN_SENT"]);
        if !has(&trace, "reset_reasons") {
            assert_eq!(resets, [received]);
            continue;
        }
        assert_eq!(resets, [json!(["sent", null, "NO_SOCKET", "local", null]), received]);
        assert_counted(&trace, &namespace);
        let sent = trace.of_type("reset").find(|it| it["direction"] == "sent").expect("sent");
        let client = trace.transitions().last().expect("its end");
        assert_eq!((&sent["socket"], &sent["uid"], &sent["netns"]), (&Value::Null, &Value::Null, &client["netns"]));
        assert_eq!(sent["family"], client["family"]);
        let ends = ["local_addr", "local_port", "remote_addr", "remote_port"];
        let swapped = ["remote_addr", "remote_port", "local_addr", "local_port"];
        for (own, other) in ends.into_iter().zip(swapped) {
            let expected = if has(&trace, "reset_ends") { &client[other] } else { &Value::Null };
            assert_eq!(&sent[own], expected, "{own}: {sent:#}");
        }
    }
}

#[test]
fn an_application_breaks_off() {
    isolated!();
    let linger = |client: &TcpStream, _: &TcpStream| {
        SockRef::from(client).set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
    };
    let unread = |client: &TcpStream, mut server: &TcpStream| {
        server.write_all(b"never read").expect("write");
        client.peek(&mut [0]).expect("it has arrived");
    };
    for (prepare, reason) in
        [(&linger as &dyn Fn(&TcpStream, &TcpStream), "TCP_STATE"), (&unread, "TCP_ABORT_ON_CLOSE")]
    {
        let namespace = Namespace::enter();
        let (mut trace, client, server) = pair(&namespace);
        prepare(&client, &server);
        drop(client);
        server.peek(&mut [0]).expect_err("reset");
        let resets = resets(&mut trace, OPEN + 2);
        let reason = if has(&trace, "reset_reasons") { json!(reason) } else { Value::Null };
        let sent = json!(["sent", "client", reason, "local", "ESTABLISHED"]);
        assert_eq!(resets, [sent, json!(["received", "server", null, "local", "ESTABLISHED"])]);
        assert_counted(&trace, &namespace);
        let own = trace.of_type("reset").find(|it| it["direction"] == "sent").expect("sent");
        assert_eq!(own["pid"], std::process::id());
    }
}

/// The kernel reports a reset that it received, and then the one that it sent instead.
#[test]
fn data_after_close_is_one_reset_and_it_was_sent() {
    isolated!();
    let namespace = Namespace::enter();
    // Without the FIN the far end goes on talking, and the near one stays in FIN_WAIT1.
    let wire = Wire::lay(&namespace, |packet| if packet.to_far && packet.is_fin() { Vec::new() } else { vec![packet] });
    let mut trace = Trace::of(&[&namespace, &wire.far], &[]);
    let client = TcpStream::connect(wire.listener.local_addr().expect("address")).expect("connection");
    let (mut server, _) = wire.listener.accept().expect("accepted");
    drop(client);
    server.write_all(b"too late").expect("the close has not arrived");
    let error = server.read(&mut [0]).expect_err("a reset");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    let resets = resets(&mut trace, 7);
    let reason = if has(&trace, "reset_reasons") { json!("TCP_ABORT_ON_DATA") } else { Value::Null };
    let sent = json!(["sent", "client", reason, "local", "FIN_WAIT1"]);
    assert_eq!(resets, [sent, json!(["received", "server", null, "remote", "ESTABLISHED"])]);
    assert_counted(&trace, &namespace);
    let verdict = trace.of_type("connection").find(|it| it["role"] == "client").expect("a verdict");
    assert_eq!((&verdict["outcome"], &verdict["closed_by"]), (&json!("aborted"), &json!("local")), "{verdict:#}");
}

#[test]
fn data_for_a_timewait_socket() {
    isolated!();
    let namespace = Namespace::enter();
    let (mut trace, client, mut server) = pair(&namespace);
    drop(client);
    // Until the client's socket has given way to its timewait socket.
    trace.wait_for(OPEN + 4);
    server.write_all(b"too late").expect("the other half seems open");
    let resets = resets(&mut trace, OPEN + 5);
    let received = json!(["received", "server", null, "local", "CLOSE_WAIT"]);
    if has(&trace, "reset_reasons") {
        // The client's socket is gone, and its timewait socket has its identity; a moment ago its role was known.
        assert_eq!((&resets[0][0], &resets[0][2]), (&json!("sent"), &json!("TCP_TIMEWAIT_SOCKET")));
        assert_eq!(resets[0][4], "TIME_WAIT");
        assert_eq!(resets[1..], [received]);
        assert_counted(&trace, &namespace);
        let sent = trace.of_type("reset").find(|it| it["direction"] == "sent").expect("sent");
        let last = trace.transitions().find(|it| it["old_state"] == "FIN_WAIT2").expect("the client's end");
        for member in ["socket", "local_addr", "local_port", "remote_addr", "remote_port", "netns", "family"] {
            assert_eq!(sent[member], last[member], "{member}");
        }
    } else {
        assert_eq!(resets, [received]);
    }
}

#[test]
fn a_wrong_ack_to_a_half_open_connection_is_reset_by_the_listener() {
    isolated!();
    let namespace = Namespace::enter();
    let mut spoilt = false;
    let wire = Wire::lay(&namespace, move |mut packet| {
        if packet.to_far && !packet.is_syn() && !std::mem::replace(&mut spoilt, true) {
            packet.acknowledge_more(5);
        }
        vec![packet]
    });
    let mut trace = Trace::of(&[&namespace, &wire.far], &[]);
    let address = wire.listener.local_addr().expect("address");
    let client = TcpStream::connect(address).expect("connection");
    let ends = (client.local_addr().expect("address"), address);
    let (_server, _) = wire.listener.accept().expect("the next ACK is right");
    let resets = resets(&mut trace, 4);
    let [reset] = &resets[..] else { panic!("{resets:#?}") };
    assert_eq!((&reset[0], &reset[1], &reset[4]), (&json!("sent"), &json!("server"), &json!("LISTEN")));
    let reset = trace.of_type("reset").next().expect("one");
    assert_eq!((&reset["netns"], &reset["pid"]), (&json!(wire.far.inode), &Value::Null));
    if has(&trace, "reset_ends") {
        let end = |which: &str| {
            let addr = reset[format!("{which}_addr")].as_str().expect("an address");
            let port = reset[format!("{which}_port")].as_u64().expect("a port");
            format!("{addr}:{port}").parse::<SocketAddr>().expect("an end")
        };
        assert_eq!((end("remote"), end("local")), ends);
    }
}

/// Who gives up before the answer comes resets it, and the other end's socket has never been.
#[test]
fn a_half_open_connection_that_is_reset_is_no_transition_there() {
    isolated!();
    let namespace = Namespace::enter();
    let (answered, is_answered) = mpsc::channel();
    let (gone, is_gone) = mpsc::channel();
    let wire = Wire::lay(&namespace, move |packet| {
        if packet.is_syn() && !packet.to_far {
            answered.send(()).expect("the test");
            is_gone.recv().expect("the test");
        }
        vec![packet]
    });
    let mut trace = Trace::of(&[&namespace, &wire.far], &[]);
    let client = Socket::new(Domain::IPV4, Type::STREAM, None).expect("socket");
    client.set_nonblocking(true).expect("non-blocking");
    client.connect(&wire.listener.local_addr().expect("address").into()).expect_err("in progress");
    is_answered.recv().expect("a SYN-ACK");
    drop(client);
    gone.send(()).expect("the wire");
    if has_started(&mut trace, "reset_reasons") {
        trace.wait_for_objects("reset", 1);
    }
    trace.wait_for(2);
    assert!(trace.stop().success());
    assert!(trace.transitions().all(|it| it["role"] == "client"));
    for reset in trace.of_type("reset") {
        assert_eq!((&reset["direction"], &reset["reason"]), (&json!("sent"), &json!("NO_SOCKET")));
        assert_eq!(reset["netns"], namespace.inode);
    }
}

#[test]
fn a_close_that_does_not_wait_for_the_peer() {
    isolated!();
    let namespace = Namespace::enter();
    let (mut trace, client, server) = pair(&namespace);
    do_not_linger(&client);
    client.shutdown(Shutdown::Write).expect("shutdown");
    trace.wait_for(LISTENER + 4 + 3);
    drop(client);
    server.peek(&mut [0]).expect("the FIN came before");
    assert_broken_off(&mut trace, "TCP_ABORT_ON_LINGER");
    assert_counted(&trace, &namespace);
}

/// The socket is closed before its FIN is acknowledged.
#[test]
fn a_close_that_waits_for_its_acknowledgement_only() {
    isolated!();
    let namespace = Namespace::enter();
    let (mut trace, client, _server) = pair(&namespace);
    do_not_linger(&client);
    drop(client);
    assert_broken_off(&mut trace, "TCP_ABORT_ON_DATA");
    assert_counted(&trace, &namespace);
}

/// In FIN_WAIT2 the peer's FIN is not waited for.
fn do_not_linger(client: &TcpStream) {
    let impatient: libc::c_int = -1;
    // SAFETY: the option's value is an int.
    let set = unsafe {
        let value = (&raw const impatient).cast();
        libc::setsockopt(client.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_LINGER2, value, 4)
    };
    assert_eq!(set, 0);
}

/// The client went through FIN_WAIT2 and ended with a reset; its last transition alone looks like an orderly end.
fn assert_broken_off(trace: &mut Trace, reason: &str) {
    let resets = resets(trace, LISTENER + 4 + 5);
    let reason = if has(trace, "reset_reasons") { json!(reason) } else { Value::Null };
    let sent = json!(["sent", "client", reason, "local", "FIN_WAIT2"]);
    assert_eq!(resets, [sent, json!(["received", "server", null, "local", "CLOSE_WAIT"])]);
    for (role, outcome) in [("client", "aborted"), ("server", "reset")] {
        let verdict = trace.of_type("connection").find(|it| it["role"] == role).expect("a verdict");
        assert_eq!(verdict["outcome"], outcome, "{verdict:#}");
    }
}

#[test]
fn an_administrator_breaks_off() {
    isolated!();
    let namespace = Namespace::enter();
    let (mut trace, client, server) = pair(&namespace);
    if !destroy(ends(&client)) {
        eprintln!("SKIPPED: this kernel has no SOCK_DESTROY (CONFIG_INET_DIAG_DESTROY)");
        return;
    }
    server.peek(&mut [0]).expect_err("reset");
    let resets = resets(&mut trace, OPEN + 2);
    let sent = json!(["sent", "client", "TCP_STATE", "local", "ESTABLISHED"]);
    assert_eq!(resets, [sent, json!(["received", "server", null, "local", "ESTABLISHED"])]);
    assert_counted(&trace, &namespace);
    let verdict = trace.of_type("connection").find(|it| it["role"] == "client").expect("a verdict");
    assert_eq!((&verdict["outcome"], &verdict["owner_source"]), (&json!("aborted"), &json!("connect")));
}
