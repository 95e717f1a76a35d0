//! Opening: what each way of connecting is reported as, with both ends, family, role and owner.

use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};

use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};

use crate::{
    isolated::isolated,
    support::{Namespace, Trace},
    wire::Wire,
};

const CLIENT: &str = "client CLOSE SYN_SENT ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE";
const SERVER: &str = "server LISTEN SYN_RECV ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE";
const LISTENER: &str = "listener CLOSE LISTEN CLOSE";

/// One connection that the server closes first, then the listener closes: 12 transitions.
fn one_connection(listen: &str, connect: impl Fn(SocketAddr) -> SocketAddr) -> (SocketAddr, SocketAddr) {
    let listener = TcpListener::bind(listen).expect("listener");
    let server = listener.local_addr().expect("address");
    let client = TcpStream::connect(connect(server)).expect("connection");
    let (accepted, _) = listener.accept().expect("accepted");
    drop(accepted);
    let ends = (client.local_addr().expect("address"), client.peer_addr().expect("address"));
    drop(client);
    ends
}

/// Every transition of a role, with these ends and this owner.
fn assert_ends(transitions: &[&Value], local: SocketAddr, remote: SocketAddr, mapped: bool) {
    for transition in transitions {
        let canonical = |addr: IpAddr| addr.to_canonical().to_string();
        assert_eq!(transition["local_addr"], canonical(local.ip()), "{transition:#}");
        assert_eq!(transition["remote_addr"], canonical(remote.ip()), "{transition:#}");
        assert_eq!(transition["remote_port"], remote.port(), "{transition:#}");
        // The kernel chooses the port after it reports SYN_SENT.
        let port = if transition["new_state"] == "SYN_SENT" { json!(null) } else { json!(local.port()) };
        assert_eq!(transition["local_port"], port, "{transition:#}");
        let family = if local.ip().to_canonical().is_ipv4() { "ipv4" } else { "ipv6" };
        assert_eq!(transition["family"], family, "{transition:#}");
        assert_eq!(transition["mapped"], if mapped { json!(true) } else { json!(null) }, "{transition:#}");
    }
}

fn check(listen: &str, connect: impl Fn(SocketAddr) -> SocketAddr, mapped: (bool, bool)) {
    let namespace = Namespace::enter();
    let mut trace = namespace.trace(&[]);
    let (client, server) = one_connection(listen, connect);
    trace.wait_for(12);
    assert!(trace.stop().success());
    assert_eq!(trace.paths(), [CLIENT, LISTENER, SERVER]);

    let of = |role: &str| -> Vec<&Value> { trace.transitions().filter(|t| t["role"] == role).collect() };
    assert_ends(&of("client"), client, server, mapped.0);
    assert_ends(&of("server"), server, client, mapped.1);
    let own_pid = std::process::id();
    for transition in trace.transitions() {
        assert_eq!(transition["netns"], namespace.inode);
        assert_eq!(transition["uid"], 0);
        let proven = transition["role"] != "server"
            || !["SYN_RECV", "ESTABLISHED"].contains(&transition["new_state"].as_str().expect("state"));
        assert_eq!(transition["pid"], if proven { json!(own_pid) } else { json!(null) }, "{transition:#}");
        if transition["role"] == "server" {
            assert_eq!(transition["listener_pid"], own_pid, "{transition:#}");
        }
    }
}

#[test]
fn ipv4() {
    isolated!();
    check("127.0.0.1:0", |server| server, (false, false));
}

#[test]
fn ipv6() {
    isolated!();
    check("[::1]:0", |server| server, (false, false));
}

#[test]
fn ipv4_mapped_into_ipv6() {
    isolated!();
    check("[::]:0", |server| SocketAddr::new([127, 0, 0, 1].into(), server.port()), (false, true));
}

#[test]
fn refused() {
    isolated!();
    let namespace = Namespace::enter();
    let mut trace = namespace.trace(&[]);
    let error = TcpStream::connect("127.0.0.1:9").expect_err("nobody listens");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    trace.wait_for(2);
    assert!(trace.stop().success());
    assert_eq!(trace.paths(), ["client CLOSE SYN_SENT CLOSE"]);
    let last = trace.transitions().last().expect("two");
    assert_eq!(last["error"], "ECONNREFUSED");
    assert_eq!(last["remote_port"], 9);
    assert_eq!(last["pid"], std::process::id());
}

/// A wire on which no packet arrives before both ends have sent one.
pub(crate) fn lay_crossing(namespace: &Namespace) -> Wire {
    let mut first = None;
    let mut met = false;
    Wire::lay(namespace, move |packet| match first.take() {
        Some(held) => {
            met = true;
            vec![held, packet]
        }
        None if met => vec![packet],
        None => {
            first = Some(packet);
            Vec::new()
        }
    })
}

/// Both ends of the wire connect to each other.
pub(crate) fn connect_both(wire: &Wire) -> (Socket, Socket) {
    let (near, far): (SocketAddr, SocketAddr) =
        ("10.0.0.1:7001".parse().expect("address"), "10.0.0.2:7002".parse().expect("address"));
    let connect = |from: SocketAddr, to: SocketAddr| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("socket");
        socket.bind(&from.into()).expect("bind");
        socket.connect(&to.into()).expect("connection");
        socket
    };
    let there = wire.far.spawn(move || connect(far, near));
    (connect(near, far), there.join().expect("the far end"))
}

/// Both ends connect to each other at the same time (RFC 9293 section 3.5): neither listens.
#[test]
fn simultaneous() {
    isolated!();
    let namespace = Namespace::enter();
    let wire = lay_crossing(&namespace);
    let mut trace = Trace::of(&[&namespace, &wire.far], &[]);
    let ends = connect_both(&wire);
    trace.wait_for(6);
    drop(ends);
    assert!(trace.stop().success());
    let opened: Vec<_> = trace.of_type("handshake").map(|it| (&it["role"], &it["method"])).collect();
    let expected = (&Value::from("client"), &Value::from("syn_to_established"));
    assert_eq!(opened, [expected, expected]);
    for path in trace.paths() {
        assert!(path.starts_with("client CLOSE SYN_SENT SYN_RECV ESTABLISHED"), "{path}");
    }
}

#[test]
fn unreachable_is_no_transition() {
    isolated!();
    let namespace = Namespace::enter();
    let mut trace = namespace.trace(&[]);
    TcpStream::connect("192.0.2.1:80").expect_err("no route in a fresh namespace");
    drop(TcpListener::bind("127.0.0.1:0").expect("listener"));
    trace.wait_for(2);
    assert!(trace.stop().success());
    assert_eq!(trace.paths(), [LISTENER]);
}
