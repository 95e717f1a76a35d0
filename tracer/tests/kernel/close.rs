//! Closing: who closes first, half, both at once, or not in order at all.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    time::Duration,
};

use socket2::SockRef;

use crate::{
    isolated::isolated,
    support::{Namespace, Trace},
    wire::Wire,
};

/// A traced connection whose opening is over: 4 transitions and the listener's first.
struct Pair {
    trace: Trace,
    listener: TcpListener,
    client: TcpStream,
    server: TcpStream,
}

fn pair(namespace: &Namespace) -> Pair {
    let trace = namespace.trace(&[]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("listener");
    let client = TcpStream::connect(listener.local_addr().expect("address")).expect("connection");
    let (server, _) = listener.accept().expect("accepted");
    Pair { trace, listener, client, server }
}

/// Reads until `count` transitions are there, and gives the sockets' paths, the listener's left out.
fn paths(mut trace: Trace, listener: TcpListener, count: usize) -> Vec<String> {
    drop(listener);
    trace.wait_for(count + 2);
    assert!(trace.stop().success());
    assert_eq!(trace.of_type("anomaly").count(), 0);
    trace.paths().into_iter().filter(|path| !path.starts_with("listener")).collect()
}

#[test]
fn client_first() {
    isolated!();
    let namespace = Namespace::enter();
    let Pair { trace, listener, client, server } = pair(&namespace);
    drop(client);
    drop(server);
    assert_eq!(
        paths(trace, listener, 10),
        [
            "client CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE",
            "server LISTEN SYN_RECV ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE",
        ]
    );
}

#[test]
fn half_close() {
    isolated!();
    let namespace = Namespace::enter();
    let Pair { trace, listener, mut client, mut server } = pair(&namespace);
    client.shutdown(Shutdown::Write).expect("shutdown");
    assert_eq!(server.read(&mut [0]).expect("end of file"), 0);
    server.write_all(b"still talking").expect("the other half is open");
    drop(server);
    let mut rest = String::new();
    client.read_to_string(&mut rest).expect("read");
    assert_eq!(rest, "still talking");
    drop(client);
    assert_eq!(
        paths(trace, listener, 10),
        [
            "client CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE",
            "server LISTEN SYN_RECV ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE",
        ]
    );
}

/// Both FINs are on the wire at once: each arrives only when both were sent.
#[test]
fn simultaneous() {
    isolated!();
    let namespace = Namespace::enter();
    let mut waiting = Vec::new();
    let wire = Wire::lay(&namespace, move |packet| {
        if !packet.is_fin() {
            return vec![packet];
        }
        waiting.push(packet);
        let both = waiting.iter().any(|fin| fin.to_far) && waiting.iter().any(|fin| !fin.to_far);
        if both { std::mem::take(&mut waiting) } else { Vec::new() }
    });
    let mut trace = Trace::of(&[&namespace, &wire.far], &[]);
    let client = TcpStream::connect(wire.listener.local_addr().expect("address")).expect("connection");
    let (server, _) = wire.listener.accept().expect("accepted");
    drop(client);
    drop(server);
    trace.wait_for(10);
    assert!(trace.stop().success());
    assert_eq!(
        trace.paths(),
        [
            "client CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 CLOSING CLOSE",
            "server LISTEN SYN_RECV ESTABLISHED FIN_WAIT1 CLOSING CLOSE",
        ]
    );
}

#[test]
fn reset_by_linger_zero() {
    isolated!();
    let namespace = Namespace::enter();
    let Pair { trace, listener, client, server } = pair(&namespace);
    SockRef::from(&client).set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
    drop(client);
    drop(server);
    assert_eq!(
        paths(trace, listener, 6),
        ["client CLOSE SYN_SENT ESTABLISHED CLOSE", "server LISTEN SYN_RECV ESTABLISHED CLOSE"]
    );
}

#[test]
fn data_left_unread_is_a_reset_with_its_errno() {
    isolated!();
    let namespace = Namespace::enter();
    let Pair { mut trace, listener, mut client, server } = pair(&namespace);
    client.write_all(b"never read").expect("write");
    // The data must have arrived, or the close would be an ordinary one.
    server.peek(&mut [0]).expect("peek");
    drop(server);
    drop(listener);
    trace.wait_for(8);
    assert!(trace.stop().success());
    let reset =
        trace.transitions().find(|t| t["role"] == "client" && t["new_state"] == "CLOSE").expect("the client's end");
    assert_eq!(reset["error"], "ECONNRESET");
}
