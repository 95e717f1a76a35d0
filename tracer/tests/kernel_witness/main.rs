//! A mixed load, told by tracer and by tshark: connection by connection the same.
#![expect(unsafe_code, reason = "unshare(2), inherited descriptors: namespaces and processes of the test's own")]

mod counters;
#[path = "../kernel/isolated.rs"]
mod isolated;
#[path = "../kernel_storm/over_init.rs"]
mod over_init;
mod owners;
#[path = "../kernel/support.rs"]
#[expect(dead_code, reason = "it serves the other kernel tests, too")]
mod support;
mod tshark;
#[path = "../kernel/wire.rs"]
#[expect(dead_code, reason = "it serves the other kernel tests, too")]
mod wire;

use std::{
    collections::HashMap,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use serde_json::Value;
use socket2::SockRef;

use crate::{
    isolated::isolated,
    support::{Namespace, Trace},
    tshark::{Capture, Packet},
    wire::Wire,
};

/// Connections; each is told twice, by the client's socket and by the server's.
const CONNECTIONS: usize = 400;
/// Connections over each slow wire.
const SLOW: usize = 20;
/// Connections that are refused, and the port on which nobody listens.
const REFUSED: usize = 50;
const NOBODY: u16 = 81;

/// What the packets say about a connection.
#[derive(Debug)]
struct Witnessed {
    /// Seconds from SYN to SYN-ACK, and from SYN-ACK to ACK.
    client_s: f64,
    server_s: f64,
    /// Who sent the first FIN, or else the first RST.
    first_closer: &'static str,
    /// Who sent an RST, if anybody did.
    reset_by: Option<&'static str>,
    /// Payload of each role that arrived, bytes.
    by_client: u64,
    by_server: u64,
}

impl Witnessed {
    fn of(packets: &[Packet], client: u16) -> Self {
        let by = |packet: &Packet| if packet.from == client { "client" } else { "server" };
        let first = |matches: &dyn Fn(&&Packet) -> bool| packets.iter().find(matches);
        let syn = first(&|packet| packet.has(tshark::SYN) && !packet.has(tshark::ACK)).expect("a SYN");
        let syn_ack = first(&|packet| packet.has(tshark::SYN) && packet.has(tshark::ACK)).expect("a SYN-ACK");
        let ack = first(&|packet| by(packet) == "client" && packet.has(tshark::ACK)).expect("an ACK");
        let reset_by = first(&|packet| packet.has(tshark::RST)).map(by);
        // What comes after the other end has closed is answered with a reset and not counted by anybody.
        let payload = |role| {
            let is_late = |packet: &Packet| {
                let other_end_closed = |other: &&Packet| by(other) != role && other.has(tshark::FIN);
                reset_by.is_some_and(|end| end != role)
                    && first(&other_end_closed).is_some_and(|fin| fin.time_s <= packet.time_s)
            };
            let own = packets.iter().filter(|packet| by(packet) == role && !is_late(packet));
            // What is sent once more counts once.
            own.filter_map(|packet| packet.payload_until).max().unwrap_or(0)
        };
        Self {
            client_s: syn_ack.time_s - syn.time_s,
            server_s: ack.time_s - syn_ack.time_s,
            first_closer: first(&|packet| packet.has(tshark::FIN)).map(by).or(reset_by).expect("an end"),
            reset_by,
            by_client: payload("client"),
            by_server: payload("server"),
        }
    }
}

/// Requests and answers of many sizes; closed by either end, in order or not, and refused. Returns the server's port.
fn mixed_load() -> u16 {
    let mut random = fastrand::Rng::with_seed(7);
    let listener = TcpListener::bind("127.0.0.1:0").expect("listener");
    let address = listener.local_addr().expect("address");
    for _ in 0..CONNECTIONS {
        let mut client = TcpStream::connect(address).expect("connection");
        let (mut server, _) = listener.accept().expect("accepted");
        let sizes = [0, 1, 100, 5_000, 70_000];
        let (asked, answered) = (sizes[random.usize(..sizes.len())], sizes[random.usize(..sizes.len())]);
        transfer(&mut client, &mut server, asked);
        transfer(&mut server, &mut client, answered);
        let (first, mut second) = if random.bool() { (client, server) } else { (server, client) };
        if random.u8(..) < 50 {
            SockRef::from(&first).set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
            drop(first);
        } else {
            drop(first);
            assert_eq!(second.read(&mut [0]).expect("end of file"), 0);
            if random.u8(..) < 50 {
                // Nobody is there to read it any more; what answers depends on how far the close has come.
                second.write_all(b"too late").expect("the other half seems open");
            }
        }
    }
    for _ in 0..REFUSED {
        TcpStream::connect(("127.0.0.1", NOBODY)).expect_err("nobody listens");
    }
    address.port()
}

fn transfer(from: &mut TcpStream, to: &mut TcpStream, size: usize) {
    from.write_all(&vec![1; size]).expect("payload");
    to.read_exact(&mut vec![0; size]).expect("payload");
}

#[test]
fn tshark_saw_the_same() {
    isolated!();
    let namespace = Namespace::enter();
    let capture = Capture::start();
    let mut trace = namespace.trace(&["--duration", "120s"]);
    let server = mixed_load();
    assert!(trace.stop().success());
    let packets = capture.finish();
    assert_resets(&trace, &packets);
    let witnessed = connections(packets, server);
    assert_eq!(witnessed.len(), CONNECTIONS);

    let ended: Vec<_> = trace.of_type("connection").filter(|it| it["outcome"] != "refused").collect();
    assert_eq!(ended.len(), 2 * CONNECTIONS);
    for connection in ended {
        let (role, witness) = of(connection, &witnessed);
        let (sent, received) = if role == "client" {
            (witness.by_client, witness.by_server)
        } else {
            (witness.by_server, witness.by_client)
        };
        assert_eq!(connection["bytes_sent"], sent, "{witness:?} {connection:#}");
        assert_eq!(connection["bytes_received"], received, "{witness:?} {connection:#}");
        let side = if witness.first_closer == role { "local" } else { "remote" };
        assert_eq!(connection["closed_by"], side, "{witness:?} {connection:#}");
        // A timewait socket answers late data with a reset, too, when its connection was closed in order.
        let outcomes: &[&str] = match witness.reset_by {
            None => &["closed"],
            Some(by) if by == role => &["aborted", "closed"],
            Some(_) => &["reset"],
        };
        let outcome = connection["outcome"].as_str().expect("an outcome");
        assert!(outcomes.contains(&outcome), "{witness:?} {connection:#}");
    }
    for role in ["client", "server"] {
        assert_latencies(&trace, role, &witnessed, "over loopback");
    }
}

/// Handshakes that take 1, 10 and 50 ms each way, told by a capture at either end.
#[test]
fn tshark_saw_the_same_over_a_slow_wire() {
    isolated!();
    for ms in [1, 10, 50] {
        let namespace = Namespace::enter();
        let wire = Wire::lay(&namespace, move |packet| {
            thread::sleep(Duration::from_millis(ms));
            vec![packet]
        });
        let here = Capture::start();
        let there = wire.far.spawn(Capture::start).join().expect("a capture at the far end");
        let mut trace = Trace::of(&[&namespace, &wire.far], &["--duration", "120s"]);
        let address = wire.listener.local_addr().expect("address");
        for _ in 0..SLOW {
            let client = TcpStream::connect(address).expect("connection");
            let (mut server, _) = wire.listener.accept().expect("accepted");
            drop(client);
            assert_eq!(server.read(&mut [0]).expect("end of file"), 0);
        }
        assert!(trace.stop().success());
        for (capture, role) in [(here, "client"), (there, "server")] {
            assert_latencies(&trace, role, &connections(capture.finish(), address.port()), &format!("{ms} ms"));
        }
    }
}

/// The packets by the client's port, and what they say.
fn connections(packets: Vec<Packet>, server: u16) -> HashMap<u16, Witnessed> {
    let mut streams: HashMap<u16, Vec<Packet>> = HashMap::new();
    for packet in packets.into_iter().filter(|packet| [packet.from, packet.to].contains(&server)) {
        let client = if packet.from == server { packet.to } else { packet.from };
        streams.entry(client).or_default().push(packet);
    }
    streams.iter().map(|(client, packets)| (*client, Witnessed::of(packets, *client))).collect()
}

/// Every RST on the wire is one that was sent, by the same end; every one received was on the wire.
fn assert_resets(trace: &Trace, packets: &[Packet]) {
    let mut on_the_wire: HashMap<(u16, u16), u64> = HashMap::new();
    for packet in packets.iter().filter(|packet| packet.has(tshark::RST)) {
        *on_the_wire.entry((packet.from, packet.to)).or_default() += 1;
    }
    let told = |direction: &str, from: &str, to: &str| {
        let mut told: HashMap<(u16, u16), u64> = HashMap::new();
        for reset in trace.of_type("reset").filter(|it| it["direction"] == direction) {
            let port = |name: &str| reset[name].as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
            *told.entry((port(from), port(to))).or_default() += 1;
        }
        told
    };
    assert_eq!(told("sent", "local_port", "remote_port"), on_the_wire);
    let received = told("received", "remote_port", "local_port");
    assert!(received.iter().all(|(ends, count)| on_the_wire.get(ends) >= Some(count)), "{received:?}");
    println!("{} RSTs on the wire, {} of them accepted", sum(&on_the_wire), sum(&received));
    let refused = on_the_wire.keys().filter(|(from, _)| *from == NOBODY).count();
    assert!(refused == REFUSED && sum(&on_the_wire) > REFUSED as u64, "{on_the_wire:?}");
}

fn sum(counts: &HashMap<(u16, u16), u64>) -> u64 {
    counts.values().sum()
}

fn assert_latencies(trace: &Trace, role: &str, witnessed: &HashMap<u16, Witnessed>, how: &str) {
    let handshakes = trace.of_type("handshake").filter(|handshake| handshake["role"] == role);
    let mut apart_us: Vec<f64> = handshakes.filter_map(|handshake| apart_us(handshake, witnessed)).collect();
    apart_us.sort_by(f64::total_cmp);
    // A sample of a whole millisecond is unknown, for it may be a SYN cookie's.
    assert!(apart_us.len() * 100 >= witnessed.len() * 95, "{} of {} {role}s", apart_us.len(), witnessed.len());
    let (median, p99) = (apart_us[apart_us.len() / 2], apart_us[apart_us.len() * 99 / 100]);
    println!("{how}: {role}: tracer and tshark are {median:.1} µs apart at the median, {p99:.1} µs at p99");
    assert!(median < 100.0 && p99 < 1000.0, "{how}: {role}: {median} µs, {p99} µs");
}

/// The role of an object's socket, and what the packets say about its connection.
fn of<'a>(object: &Value, witnessed: &'a HashMap<u16, Witnessed>) -> (&'static str, &'a Witnessed) {
    let (role, port) = if object["role"] == "client" { ("client", "local_port") } else { ("server", "remote_port") };
    let port = object[port].as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
    (role, &witnessed[&port])
}

/// How far tracer's latency is from the packets', microseconds; `None` if tracer does not know it.
fn apart_us(handshake: &Value, witnessed: &HashMap<u16, Witnessed>) -> Option<f64> {
    let (role, witness) = of(handshake, witnessed);
    let seen_s = if role == "client" { witness.client_s } else { witness.server_s };
    let told_ns = handshake["latency_ns"].as_u64()?;
    Some((told_ns as f64 / 1e3 - seen_s * 1e6).abs())
}
