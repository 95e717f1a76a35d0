//! Sockets in every state that can be held.

use std::{
    collections::HashMap,
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::fd::{AsFd, OwnedFd},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
};

use rustix::io::{FdFlags, fcntl_setfd};
use socket2::{Domain, SockRef, Socket, Type};

use crate::{
    support::Namespace,
    wire::{Packet, Wire},
};

const NEAR: &str = "10.0.0.1:0";
/// How many connections wait to be accepted, and how many may.
pub(crate) const WAITING: u32 = 2;
pub(crate) const BACKLOG: u32 = 7;
/// What is sent and not read.
pub(crate) const UNREAD: &[u8] = b"unread";

/// What arrives of the packets from and to a port of the near end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passage {
    ToNear,
    Nothing,
}

type Passages = Arc<Mutex<HashMap<u16, Passage>>>;

/// All of them; they are there until it is dropped.
pub(crate) struct Zoo {
    /// Who holds one together with this process.
    pub(crate) sharer: Child,
    _kept: Vec<OwnedFd>,
    _wire: Wire,
}

impl Zoo {
    /// Makes them in this thread's namespace.
    pub(crate) fn open(near: &Namespace) -> Self {
        let mut kept = Vec::new();
        loopback(&mut kept);
        datagrams(&mut kept);
        let (wire, sharer) = (far_away(near, &mut kept), shared(&mut kept));
        Self { sharer, _kept: kept, _wire: wire }
    }
}

impl Drop for Zoo {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.sharer.stdin.take());
        let _ = self.sharer.wait();
    }
}

/// What needs no other host.
fn loopback(kept: &mut Vec<OwnedFd>) {
    for addr in ["127.0.0.1:0", "[::1]:0"] {
        // ESTABLISHED, with something to read and a timer.
        let (mut client, server) = connected(addr, addr);
        SockRef::from(&client).set_keepalive(true).expect("keepalive");
        client.write_all(UNREAD).expect("sent");
        kept.extend([client.into(), server.into()]);
        // FIN_WAIT2 and CLOSE_WAIT.
        let (client, mut server) = connected(addr, addr);
        client.shutdown(Shutdown::Write).expect("a FIN");
        wait_for_fin(&mut server);
        kept.extend([client.into(), server.into()]);
        // FIN_WAIT2 that nobody holds any more.
        let (client, mut server) = connected(addr, addr);
        drop(client);
        wait_for_fin(&mut server);
        kept.push(server.into());
        // TIME_WAIT.
        let (mut client, mut server) = connected(addr, addr);
        client.shutdown(Shutdown::Write).expect("a FIN");
        wait_for_fin(&mut server);
        drop(server);
        wait_for_fin(&mut client);
        drop(client);
        // LISTEN, with connections that nobody has accepted.
        let listener = listening(addr, BACKLOG);
        for _ in 0..WAITING {
            kept.push(TcpStream::connect(local(&listener)).expect("a connection").into());
        }
        kept.push(listener.into());
        // Bound, no more.
        kept.push(bound(addr).into());
    }
    // IPv4 mapped into IPv6.
    let (client, server) = connected("[::]:0", "127.0.0.1:0");
    kept.extend([client.into(), server.into()]);
    // On one interface.
    let socket = bound("127.0.0.1:0");
    socket.bind_device(Some(b"lo")).expect("the interface");
    socket.listen(1).expect("a listener");
    kept.push(socket.into());
    // The peer's window is closed.
    let (client, server) = connected("127.0.0.1:0", "127.0.0.1:0");
    client.set_nonblocking(true).expect("an option");
    while (&client).write(&[0; 1 << 16]).is_ok() {}
    kept.extend([client.into(), server.into()]);
}

fn datagrams(kept: &mut Vec<OwnedFd>) {
    for addr in ["127.0.0.1:0", "[::1]:0", "[::]:0"] {
        kept.push(UdpSocket::bind(addr).expect("a socket").into());
    }
    for addr in ["127.0.0.1:0", "[::1]:0"] {
        let [one, other] = [(); 2].map(|()| UdpSocket::bind(addr).expect("a socket"));
        one.connect(other.local_addr().expect("an address")).expect("connected");
        one.send(UNREAD).expect("sent");
        kept.extend([one.into(), other.into()]);
    }
}

/// What waits for packets that do not arrive.
fn far_away(near: &Namespace, kept: &mut Vec<OwnedFd>) -> Wire {
    let passages = Passages::default();
    let (answered, was_answered) = mpsc::channel();
    let rules = Arc::clone(&passages);
    let wire = Wire::lay(near, move |packet: Packet| {
        let port = near_port(&packet);
        if packet.to_far && packet.is_syn() {
            // Nobody waits for the others.
            let _ = answered.send(port);
        }
        let passes = match rules.lock().expect("rules").get(&port) {
            None => true,
            Some(Passage::ToNear) => !packet.to_far,
            Some(Passage::Nothing) => false,
        };
        if passes { vec![packet] } else { Vec::new() }
    });
    let rule = |socket: SocketAddr, passage| passages.lock().expect("rules").insert(socket.port(), passage);
    let far = wire.listener.local_addr().expect("an address");
    let connect = || {
        let socket = bound(NEAR);
        socket.connect(&far.into()).expect("a connection");
        (TcpStream::from(socket), wire.listener.accept().expect("a connection").0)
    };

    // SYN_SENT.
    let socket = bound(NEAR);
    rule(local(&socket), Passage::Nothing);
    socket.set_nonblocking(true).expect("an option");
    socket.connect(&far.into()).expect_err("it takes its time");
    kept.push(socket.into());

    // SYN_RECV: its answer was sent.
    let listener = listening(NEAR, BACKLOG);
    let addr = local(&listener);
    rule(addr, Passage::ToNear);
    let caller = wire.far.spawn(move || {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_nonblocking(true).expect("an option");
        socket.connect(&addr.into()).expect_err("it takes its time");
        socket
    });
    kept.extend([caller.join().expect("the far end").into(), listener.into()]);
    assert!(was_answered.iter().any(|port| port == addr.port()), "a SYN-ACK");

    // ESTABLISHED, with data on the way.
    let (mut client, server) = connect();
    rule(local(&client), Passage::Nothing);
    client.write_all(UNREAD).expect("sent");
    kept.extend([client.into(), server.into()]);

    // FIN_WAIT1, held and not.
    for held in [true, false] {
        let (client, server) = connect();
        rule(local(&client), Passage::Nothing);
        client.shutdown(Shutdown::Write).expect("a FIN");
        kept.push(server.into());
        kept.extend(held.then(|| client.into()));
    }

    // CLOSING.
    let (mut client, server) = connect();
    rule(local(&client), Passage::ToNear);
    client.shutdown(Shutdown::Write).expect("a FIN");
    server.shutdown(Shutdown::Write).expect("a FIN");
    wait_for_fin(&mut client);
    kept.extend([client.into(), server.into()]);

    // LAST_ACK.
    let (mut client, server) = connect();
    server.shutdown(Shutdown::Write).expect("a FIN");
    wait_for_fin(&mut client);
    rule(local(&client), Passage::Nothing);
    client.shutdown(Shutdown::Write).expect("a FIN");
    kept.extend([client.into(), server.into()]);
    wire
}

/// The port of the near end: of TCP, whose header follows the IPv4 header.
fn near_port(packet: &Packet) -> u16 {
    let at = usize::from(packet.bytes[0] & 0xf) * 4 + if packet.to_far { 0 } else { 2 };
    u16::from_be_bytes([packet.bytes[at], packet.bytes[at + 1]])
}

/// A listener that another process has inherited, and this one has twice.
fn shared(kept: &mut Vec<OwnedFd>) -> Child {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    fcntl_setfd(&listener, FdFlags::empty()).expect("inherited");
    let sharer = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("cat");
    // Not by what is started later.
    fcntl_setfd(&listener, FdFlags::CLOEXEC).expect("not inherited");
    kept.extend([listener.try_clone().expect("a descriptor").into(), listener.into()]);
    sharer
}

/// Both ends of a new connection, the listener gone.
fn connected(listen: &str, from: &str) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(listen).expect("a listener");
    let mut to = listener.local_addr().expect("an address");
    let client = bound(from);
    to.set_ip(local(&client).ip());
    client.connect(&to.into()).expect("a connection");
    (client.into(), listener.accept().expect("a connection").0)
}

fn listening(addr: &str, backlog: u32) -> TcpListener {
    let socket = bound(addr);
    socket.listen(i32::try_from(backlog).expect("a short queue")).expect("a listener");
    socket.into()
}

fn bound(addr: &str) -> Socket {
    let addr: SocketAddr = addr.parse().expect("an address");
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None).expect("a socket");
    socket.bind(&addr.into()).expect("bound");
    socket
}

fn local(socket: &impl AsFd) -> SocketAddr {
    SockRef::from(socket).local_addr().expect("an address").as_socket().expect("an IP address")
}

/// Returns when the peer's FIN is here.
fn wait_for_fin(socket: &mut TcpStream) {
    assert_eq!(socket.read(&mut [0]).expect("an end"), 0);
}
