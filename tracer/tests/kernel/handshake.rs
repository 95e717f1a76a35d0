//! How long handshakes took, between bounds that are measured without tracer: the wire's own clock and the callers'.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    ops::Range,
    os::fd::AsRawFd,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use crate::{
    isolated::isolated,
    support::{Namespace, Trace},
    wire::{Packet, Wire, losing},
};

/// Opens a connection over a wire that is laid by `arrive`; the handshake of each end, and how long `connect()` took.
fn open(arrive: impl FnMut(Packet) -> Vec<Packet> + Send + 'static) -> (Value, Value, Duration) {
    let namespace = Namespace::enter();
    let wire = Wire::lay(&namespace, arrive);
    let mut trace = Trace::of(&[&namespace, &wire.far], &[]);
    let began = Instant::now();
    let client = TcpStream::connect(wire.listener.local_addr().expect("address")).expect("connection");
    let took = began.elapsed();
    let (server, _) = wire.listener.accept().expect("accepted");
    drop((client, server));
    trace.wait_for(4);
    assert!(trace.stop().success());
    let handshake = |role| trace.of_type("handshake").find(|it| it["role"] == role).expect(role).clone();
    (handshake("client"), handshake("server"), took)
}

fn latency(handshake: &Value) -> Duration {
    Duration::from_nanos(handshake["latency_ns"].as_u64().unwrap_or_else(|| panic!("{handshake:#}")))
}

#[test]
fn both_ends_waited_for_what_the_wire_held_back() {
    isolated!();
    #[derive(Default)]
    struct Times {
        syn_arrives: Option<Instant>,
        syn_ack_sent: Option<Instant>,
        syn_ack_arrives: Option<Instant>,
        ack_arrives: Option<Instant>,
    }
    let times = Arc::new(Mutex::new(Times::default()));
    let noted = Arc::clone(&times);
    let began = Instant::now();
    let (client, server, connect) = open(move |packet| {
        let mut times = noted.lock().expect("times");
        if packet.is_syn() && packet.to_far {
            times.syn_arrives = Some(Instant::now());
        } else if packet.is_syn() {
            times.syn_ack_sent = Some(Instant::now());
            thread::sleep(Duration::from_millis(30));
            times.syn_ack_arrives = Some(Instant::now());
        } else if packet.to_far && times.ack_arrives.is_none() {
            thread::sleep(Duration::from_millis(50));
            times.ack_arrives = Some(Instant::now());
        }
        vec![packet]
    });
    let all = began.elapsed();
    let times = times.lock().expect("times");
    let between = |from: Option<Instant>, to: Option<Instant>| to.expect("seen").duration_since(from.expect("seen"));

    assert_eq!(client["method"], "syn_to_established");
    assert_eq!((&client["syn_retransmits"], &client["syn_ack_retransmits"]), (&0.into(), &Value::Null));
    let at_least = between(times.syn_arrives, times.syn_ack_arrives);
    assert!((at_least..connect).contains(&latency(&client)), "{at_least:?} to {connect:?}: {client:#}");

    assert_eq!((&server["syn_retransmits"], &server["syn_ack_retransmits"]), (&Value::Null, &0.into()));
    // One sample in a thousand is a whole number of milliseconds.
    if server["unknown_reason"] != "maybe_syn_cookie" {
        assert_eq!(server["method"], "first_rtt");
        let at_least = between(times.syn_ack_sent, times.ack_arrives);
        assert!((at_least..all).contains(&latency(&server)), "{at_least:?} to {all:?}: {server:#}");
    }
}

/// What the wire saw of a handshake of which it lost a segment.
struct Lossy {
    client: Value,
    server: Value,
    /// How long the client waited: from its first SYN to the SYN-ACK that arrived, and in `connect()`.
    client_waited: Range<Duration>,
    /// From the lost segment to the SYN-ACK that arrived, and all that the test took.
    since_loss: Range<Duration>,
}

/// Opens a connection over a wire that loses the first segment with SYN in one direction.
fn open_losing(lost_to_far: bool) -> Lossy {
    let (arrive, times) = losing(lost_to_far);
    let began = Instant::now();
    let (client, server, connect) = open(arrive);
    let all = began.elapsed();
    let times = times.lock().expect("times");
    Lossy { client, server, client_waited: times.since_syn()..connect, since_loss: times.since_loss()..all }
}

#[test]
fn a_lost_syn_is_part_of_what_the_client_waited() {
    isolated!();
    let Lossy { client, server, client_waited, .. } = open_losing(true);
    assert_eq!(client["syn_retransmits"], 1);
    assert!(client_waited.contains(&latency(&client)), "{client_waited:?}: {client:#}");
    assert_eq!(server["syn_ack_retransmits"], 0);
    if server["unknown_reason"] != "maybe_syn_cookie" {
        assert!(latency(&server) < client_waited.start, "the server did not see that wait: {server:#}");
    }
}

#[test]
fn a_lost_syn_ack_is_part_of_what_the_server_waited() {
    isolated!();
    let Lossy { client, server, client_waited, since_loss } = open_losing(false);
    assert!(client_waited.contains(&latency(&client)), "{client_waited:?}: {client:#}");
    assert!(server["syn_ack_retransmits"].as_u64() >= Some(1), "{server:#}");
    assert_eq!((&server["method"], &server["unknown_reason"]), (&"since_first_syn_ack".into(), &Value::Null));
    assert!(since_loss.contains(&latency(&server)), "{since_loss:?}: {server:#}");
}

#[test]
fn a_syn_cookie_leaves_the_server_s_latency_unknown() {
    isolated!();
    for timestamps in ["1", "0"] {
        let namespace = Namespace::enter();
        let set = |name: &str, value| fs::write(format!("/proc/sys/net/ipv4/{name}"), value).expect(name);
        set("tcp_syncookies", "2");
        set("tcp_timestamps", timestamps);
        let mut trace = namespace.trace(&[]);
        let listener = TcpListener::bind("127.0.0.1:0").expect("listener");
        let pairs: Vec<_> = (0..50)
            .map(|_| {
                let client = TcpStream::connect(listener.local_addr().expect("address")).expect("connection");
                (client, listener.accept().expect("accepted"))
            })
            .collect();
        drop(pairs);
        assert!(trace.stop().success());
        let servers: Vec<_> = trace.of_type("handshake").filter(|it| it["role"] == "server").collect();
        // A late ACK is a valid cookie once more, after the socket it made is gone: a real connection, too.
        assert!(servers.len() >= 50, "{}", servers.len());
        for server in servers {
            assert_eq!(server["latency_ns"], Value::Null, "{server:#}");
            let reason = &server["unknown_reason"];
            assert!(reason == "no_sample" || (timestamps == "1" && reason == "maybe_syn_cookie"), "{server:#}");
        }
    }
}

/// Sets an option of TCP's that the libraries do not know.
pub(crate) fn set(socket: &impl AsRawFd, option: libc::c_int, value: libc::c_int) {
    // SAFETY: the option's value is an int.
    let set = unsafe { libc::setsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, option, (&raw const value).cast(), 4) };
    assert_eq!(set, 0, "option {option}: {}", std::io::Error::last_os_error());
}

fn handshake(trace: &Trace, role: &str) -> Value {
    trace.of_type("handshake").find(|it| it["role"] == role).expect(role).clone()
}

#[test]
fn a_deferred_accept_is_said_to_be_one() {
    isolated!();
    let namespace = Namespace::enter();
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("socket");
    listener.bind(&"127.0.0.1:0".parse::<SocketAddr>().expect("address").into()).expect("bind");
    set(&listener, libc::TCP_DEFER_ACCEPT, 5);
    let mut trace = namespace.trace(&[]);
    listener.listen(8).expect("listen");
    let mut client =
        TcpStream::connect(listener.local_addr().expect("address").as_socket().expect("IPv4")).expect("connection");
    let idle = Duration::from_millis(80);
    thread::sleep(idle);
    client.write_all(b"at last").expect("data");
    trace.wait_for(5);
    assert!(trace.stop().success());
    let (client, server) = (handshake(&trace, "client"), handshake(&trace, "server"));
    assert_eq!((&client["deferred_accept"], &server["deferred_accept"]), (&Value::Null, &Value::Bool(true)));
    if server["unknown_reason"] != "maybe_syn_cookie" {
        assert!(latency(&server) >= idle && latency(&client) < idle, "{client:#} {server:#}");
    }
}

/// TCP Fast Open in both directions without cookies (RFC 7413; `tcp_fastopen` in ip-sysctl.rst).
pub(crate) fn allow_fast_open() {
    fs::write("/proc/sys/net/ipv4/tcp_fastopen", "519").expect("tcp_fastopen");
}

#[test]
fn fast_open_is_said_to_be_and_measured_from_its_syn() {
    isolated!();
    let namespace = Namespace::enter();
    allow_fast_open();
    let mut trace = namespace.trace(&[]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("listener");
    set(&listener, libc::TCP_FASTOPEN, 8);
    let client = Socket::new(Domain::IPV4, Type::STREAM, None).expect("socket");
    set(&client, libc::TCP_FASTOPEN_CONNECT, 1);
    client.connect(&listener.local_addr().expect("address").into()).expect("nothing is sent yet");
    let idle = Duration::from_millis(80);
    thread::sleep(idle);
    (&client).write_all(b"with the SYN").expect("data");
    let (_server, _) = listener.accept().expect("accepted");
    trace.wait_for(5);
    assert!(trace.stop().success());
    let (client, server) = (handshake(&trace, "client"), handshake(&trace, "server"));
    assert_eq!((&client["fast_open"], &server["fast_open"]), (&Value::Bool(true), &Value::Bool(true)));
    assert_eq!(
        (&client["method"], &server["method"]),
        (&"first_rtt".into(), &"first_rtt".into()),
        "{client:#} {server:#}"
    );
    assert!(latency(&client) < idle && latency(&server) < idle, "{client:#} {server:#}");
}

/// The server of a Fast Open answers and closes before the handshake is over.
#[test]
fn a_fast_open_may_end_before_its_handshake() {
    isolated!();
    let namespace = Namespace::enter();
    allow_fast_open();
    // What completes the handshake is late.
    let (mut held, mut fin) = (Vec::new(), false);
    let wire = Wire::lay(&namespace, move |packet| {
        fin |= !packet.to_far && packet.is_fin();
        held.push(packet);
        if !fin && held.last().is_some_and(|packet| packet.to_far && !packet.is_syn()) {
            return Vec::new();
        }
        if fin { std::mem::take(&mut held) } else { held.pop().into_iter().collect() }
    });
    wire.far.spawn(allow_fast_open).join().expect("the far end");
    set(&wire.listener, libc::TCP_FASTOPEN, 8);
    let mut trace = Trace::of(&[&namespace, &wire.far], &[]);
    let client = Socket::new(Domain::IPV4, Type::STREAM, None).expect("socket");
    set(&client, libc::TCP_FASTOPEN_CONNECT, 1);
    client.connect(&wire.listener.local_addr().expect("address").into()).expect("nothing is sent yet");
    (&client).write_all(b"with the SYN").expect("data");
    let (mut server, _) = wire.listener.accept().expect("accepted before the handshake is over");
    server.read_exact(&mut [0; 12]).expect("data");
    server.write_all(b"an answer").expect("data");
    drop(server);
    let mut answer = String::new();
    (&client).read_to_string(&mut answer).expect("an answer and its end");
    drop(client);
    trace.wait_for(9);
    assert!(trace.stop().success());
    let server = trace.paths().into_iter().find(|path| path.starts_with("server")).expect("a server");
    assert!(server.starts_with("server LISTEN SYN_RECV FIN_WAIT1"), "{server}");
    assert!(trace.of_type("handshake").all(|it| it["role"] == "client"));
    assert_eq!(trace.of_type("anomaly").count(), 0);
}
