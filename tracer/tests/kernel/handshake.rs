//! How long handshakes took, between bounds that are measured without tracer: the wire's own clock and the callers'.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    ops::Range,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    support::{Namespace, Trace, require_root},
    wire::{Packet, Wire},
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
    require_root!();
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
    #[derive(Clone, Copy, Default)]
    struct Times {
        syn: Option<Instant>,
        lost: Option<Instant>,
        syn_ack: Option<Instant>,
    }
    let times = Arc::new(Mutex::new(Times::default()));
    let noted = Arc::clone(&times);
    let began = Instant::now();
    let (client, server, connect) = open(move |packet| {
        let times = &mut *noted.lock().expect("times");
        if !packet.is_syn() {
            return vec![packet];
        }
        if packet.to_far {
            times.syn.get_or_insert_with(Instant::now);
        }
        if packet.to_far == lost_to_far && times.lost.is_none() {
            times.lost = Some(Instant::now());
            return Vec::new();
        }
        if !packet.to_far {
            times.syn_ack.get_or_insert_with(Instant::now);
        }
        vec![packet]
    });
    let all = began.elapsed();
    let Times { syn, lost, syn_ack } = *times.lock().expect("times");
    let until_syn_ack = |from: Option<Instant>| syn_ack.expect("a SYN-ACK").duration_since(from.expect("a SYN"));
    Lossy { client, server, client_waited: until_syn_ack(syn)..connect, since_loss: until_syn_ack(lost)..all }
}

#[test]
fn a_lost_syn_is_part_of_what_the_client_waited() {
    require_root!();
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
    require_root!();
    let Lossy { client, server, client_waited, since_loss } = open_losing(false);
    assert!(client_waited.contains(&latency(&client)), "{client_waited:?}: {client:#}");
    assert!(server["syn_ack_retransmits"].as_u64() >= Some(1), "{server:#}");
    assert_eq!((&server["method"], &server["unknown_reason"]), (&"since_first_syn_ack".into(), &Value::Null));
    assert!(since_loss.contains(&latency(&server)), "{since_loss:?}: {server:#}");
}

#[test]
fn a_syn_cookie_leaves_the_server_s_latency_unknown() {
    require_root!();
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
