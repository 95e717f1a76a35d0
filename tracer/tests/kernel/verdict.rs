//! What a connection was, told at its end.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use socket2::{Domain, SockRef, Socket, TcpKeepalive, Type};

use crate::{
    isolated::isolated,
    support::{Namespace, Trace},
    wire::Wire,
};

fn pair(namespace: &Namespace) -> (Trace, TcpStream, TcpStream) {
    let trace = namespace.trace(&[]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("listener");
    let client = TcpStream::connect(listener.local_addr().expect("address")).expect("connection");
    let (server, _) = listener.accept().expect("accepted");
    (trace, client, server)
}

/// Ends the trace when `count` transitions are there, and gives outcome and closer of each connection by its role.
fn verdicts(mut trace: Trace, count: usize) -> (Trace, Vec<[Value; 3]>) {
    trace.wait_for(count);
    assert!(trace.stop().success());
    let mut verdicts: Vec<_> = trace
        .of_type("connection")
        .map(|it| [it["role"].clone(), it["outcome"].clone(), it["closed_by"].clone()])
        .collect();
    verdicts.sort_by_key(|[role, ..]| role.to_string());
    (trace, verdicts)
}

const LISTENER: usize = 2;

#[test]
fn a_normal_close_is_closed_and_its_payload_right_to_the_byte() {
    isolated!();
    let namespace = Namespace::enter();
    let (trace, mut client, mut server) = pair(&namespace);
    client.write_all(&[1; 100_000]).expect("a request");
    server.read_exact(&mut [0; 100_000]).expect("a request");
    server.write_all(&[2; 777]).expect("an answer");
    client.shutdown(Shutdown::Write).expect("shutdown");
    assert_eq!(server.read(&mut [0]).expect("end of file"), 0);
    drop(server);
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).expect("an answer");
    drop(client);
    let (trace, verdicts) = verdicts(trace, LISTENER + 10);
    assert_eq!(verdicts, [["client", "closed", "local"], ["server", "closed", "remote"]]);
    for (role, sent, received) in [("client", 100_000, 777), ("server", 777, 100_000)] {
        let it = trace.of_type("connection").find(|it| it["role"] == role).expect(role);
        assert_eq!((&it["bytes_sent"], &it["bytes_received"]), (&sent.into(), &received.into()), "{it:#}");
        assert_eq!(it["complete"], true);
        let first = trace.transitions().find(|t| t["socket"] == it["socket"]).expect("its first transition");
        assert_eq!(it["opened_ts"], first["ts"]);
        let handshake = trace.of_type("handshake").find(|h| h["socket"] == it["socket"]).expect("its handshake");
        assert_eq!(it["handshake_ns"], handshake["latency_ns"]);
    }
}

#[test]
fn an_abort_is_the_one_end_s_and_a_reset_for_the_other() {
    isolated!();
    let namespace = Namespace::enter();
    let (trace, client, server) = pair(&namespace);
    SockRef::from(&client).set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
    drop(client);
    drop(server);
    let (_, verdicts) = verdicts(trace, LISTENER + 6);
    assert_eq!(verdicts, [["client", "aborted", "local"], ["server", "reset", "remote"]]);
}

#[test]
fn unread_data_makes_a_close_an_abort() {
    isolated!();
    let namespace = Namespace::enter();
    let (trace, mut client, server) = pair(&namespace);
    client.write_all(b"never read").expect("write");
    server.peek(&mut [0]).expect("it has arrived");
    drop(server);
    let (_, verdicts) = verdicts(trace, LISTENER + 6);
    assert_eq!(verdicts, [["client", "reset", "remote"], ["server", "aborted", "local"]]);
}

#[test]
fn refused() {
    isolated!();
    let namespace = Namespace::enter();
    let trace = namespace.trace(&[]);
    TcpStream::connect("127.0.0.1:9").expect_err("nobody listens");
    let (_, verdicts) = verdicts(trace, 2);
    assert_eq!(verdicts, [["client", "refused", "remote"]]);
}

#[test]
fn a_pair_of_ends_that_is_taken() {
    isolated!();
    let namespace = Namespace::enter();
    let mut trace = namespace.trace(&["--role", "client"]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("listener");
    let from: SocketAddr = "127.0.0.1:40001".parse().expect("an address");
    let connect = || {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("socket");
        socket.set_reuse_address(true).expect("SO_REUSEADDR");
        socket.bind(&from.into()).expect("bind");
        let connected = socket.connect(&listener.local_addr().expect("address").into());
        (socket, connected)
    };
    let (_first, connected) = connect();
    connected.expect("free");
    let (_second, connected) = connect();
    assert_eq!(connected.expect_err("taken").raw_os_error(), Some(libc::EADDRNOTAVAIL));
    trace.wait_for(4);
    assert!(trace.stop().success());
    let ended: Vec<_> = trace.of_type("connection").map(|it| &it["outcome"]).collect();
    assert_eq!(ended, ["address_in_use"]);
}

/// What ICMP says is believed while the connection is not there yet (RFC 5461).
#[test]
fn what_icmp_says() {
    isolated!();
    let port_unreachable = (3, libc::ECONNREFUSED, ["client", "refused", "remote"]);
    let host_unreachable = (1, libc::EHOSTUNREACH, ["client", "unreachable", "null"]);
    for (code, errno, verdict) in [host_unreachable, port_unreachable] {
        let namespace = Namespace::enter();
        let wire = Wire::lay(&namespace, move |packet| {
            vec![if packet.is_syn() { packet.undeliverable(code) } else { packet }]
        });
        let trace = namespace.trace(&[]);
        let error = TcpStream::connect(wire.listener.local_addr().expect("address")).expect_err("not delivered");
        assert_eq!(error.raw_os_error(), Some(errno));
        let (trace, verdicts) = verdicts(trace, 2);
        assert_eq!(verdicts, [verdict.map(word)]);
        assert_eq!(trace.of_type("reset").count(), 0);
    }
}

/// Beyond `tcp_max_tw_buckets` there is no timewait socket: nobody is there any more when the peer closes, too.
#[test]
fn a_full_timewait_table_is_a_reset_for_who_closes_second() {
    isolated!();
    let namespace = Namespace::enter();
    fs::write("/proc/sys/net/ipv4/tcp_max_tw_buckets", "0").expect("tcp_max_tw_buckets");
    let (mut trace, client, server) = pair(&namespace);
    drop(client);
    trace.wait_for(LISTENER + 8);
    drop(server);
    let (_, verdicts) = verdicts(trace, LISTENER + 10);
    assert_eq!(verdicts, [["client", "closed", "local"], ["server", "reset", "remote"]]);
}

/// A SYN that finds the accept queue full is dropped: the client waits, and no socket of the server's changes state.
#[test]
fn a_full_accept_queue_is_no_transition() {
    isolated!();
    let namespace = Namespace::enter();
    let mut trace = namespace.trace(&[]);
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("socket");
    listener.bind(&"127.0.0.1:0".parse::<SocketAddr>().expect("address").into()).expect("bind");
    listener.listen(0).expect("listen");
    let address = listener.local_addr().expect("address");
    let connect = || {
        let client = Socket::new(Domain::IPV4, Type::STREAM, None).expect("socket");
        client.set_nonblocking(true).expect("non-blocking");
        client.connect(&address).expect_err("in progress");
        client
    };
    // The listener, and four transitions of the only one that is accepted.
    let _first = connect();
    trace.wait_for(5);
    let second = connect();
    drop(second);
    trace.wait_for(7);
    assert!(trace.stop().success());
    let servers = trace.transitions().filter(|it| it["role"] == "server").count();
    assert_eq!(servers, 2);
    let mut ended: Vec<_> = trace.of_type("connection").map(|it| (&it["role"], &it["outcome"])).collect();
    ended.retain(|(role, _)| *role == "client");
    assert_eq!(ended, [(&"client".into(), &"aborted".into())]);
}

/// A wire that carries nothing once it is cut.
fn cuttable(namespace: &Namespace) -> (Wire, Arc<AtomicBool>) {
    let cut = Arc::new(AtomicBool::new(false));
    let is_cut = Arc::clone(&cut);
    let wire =
        Wire::lay(namespace, move |packet| if is_cut.load(Ordering::SeqCst) { Vec::new() } else { vec![packet] });
    (wire, cut)
}

#[test]
fn no_answer_is_a_timeout_and_giving_up_an_abort() {
    isolated!();
    let namespace = Namespace::enter();
    let (wire, cut) = cuttable(&namespace);
    cut.store(true, Ordering::SeqCst);
    let trace = namespace.trace(&[]);
    let address = wire.listener.local_addr().expect("address").into();
    let socket = || Socket::new(Domain::IPV4, Type::STREAM, None).expect("socket");
    let patient = socket();
    patient.set_tcp_user_timeout(Some(Duration::from_millis(100))).expect("TCP_USER_TIMEOUT");
    assert_eq!(patient.connect(&address).expect_err("silence").raw_os_error(), Some(libc::ETIMEDOUT));
    let impatient = socket();
    impatient.set_nonblocking(true).expect("non-blocking");
    impatient.connect(&address).expect_err("in progress");
    drop(impatient);
    // Shut down instead of closed, it is disconnected while nothing says so but the SYN that went out.
    let shut = socket();
    shut.set_nonblocking(true).expect("non-blocking");
    shut.connect(&address).expect_err("in progress");
    shut.shutdown(Shutdown::Both).expect("shutdown");
    let (_, verdicts) = verdicts(trace, 6);
    let aborted = ["client", "aborted", "local"];
    assert_eq!(verdicts, [["client", "timeout", "null"], aborted, aborted].map(|row| row.map(word)));
}

#[test]
fn a_peer_that_vanished_is_a_keepalive_timeout_if_idle_and_a_timeout_if_not() {
    isolated!();
    for (sends, outcome) in [(false, "keepalive_timeout"), (true, "timeout")] {
        let namespace = Namespace::enter();
        let (wire, cut) = cuttable(&namespace);
        let trace = namespace.trace(&[]);
        let mut client = TcpStream::connect(wire.listener.local_addr().expect("address")).expect("connection");
        let _server = wire.listener.accept().expect("accepted");
        cut.store(true, Ordering::SeqCst);
        let socket = SockRef::from(&client);
        if sends {
            socket.set_tcp_user_timeout(Some(Duration::from_millis(500))).expect("TCP_USER_TIMEOUT");
            client.write_all(b"anybody there?").expect("buffered");
        } else {
            let second = Duration::from_secs(1);
            let probes = TcpKeepalive::new().with_time(second).with_interval(second).with_retries(1);
            socket.set_tcp_keepalive(&probes).expect("keepalive");
        }
        let error = client.read(&mut [0]).expect_err("nobody");
        assert_eq!(error.raw_os_error(), Some(libc::ETIMEDOUT));
        let (_, verdicts) = verdicts(trace, 3);
        assert_eq!(verdicts, [["client", outcome, "null"].map(word)]);
    }
}

/// `null` is no word.
fn word(word: &str) -> Value {
    if word == "null" { Value::Null } else { word.into() }
}
