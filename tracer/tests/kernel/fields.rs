//! Every field of a record against what the socket's own calls and /proc say: proves that this kernel's members are where
//! its type information puts them.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    os::{fd::AsRawFd as _, unix::fs::MetadataExt as _},
};

use socket2::SockRef;
use tracer::{
    doctor::preflight,
    event::{Event, Family, TcpState, Transition},
    filter::{Criteria, Filter},
    source::live::{self, Live, Options},
};

use crate::{
    isolated::isolated,
    support::{Namespace, cgroup_mount},
};
use TcpState::{CloseWait, Established, FinWait1, LastAck};

/// Payload of each direction, bytes.
const ASKED: u64 = 1234;
const ANSWERED: u64 = 777;

/// What the kernel tells the owner of a socket about it.
struct Told {
    cookie: u64,
    local: SocketAddr,
    remote: SocketAddr,
    rtt_us: u32,
    total_retrans: u32,
    bytes_acked: u64,
    bytes_received: u64,
}

impl Told {
    fn of(socket: &TcpStream) -> Self {
        // `struct tcp_info`, include/uapi/linux/tcp.h: only ever extended at its end.
        let mut info = [0_u8; 256];
        let mut length = 256;
        // SAFETY: the buffer is as long as `length` says.
        let got = unsafe {
            libc::getsockopt(
                socket.as_raw_fd(),
                libc::IPPROTO_TCP,
                libc::TCP_INFO,
                info.as_mut_ptr().cast(),
                &raw mut length,
            )
        };
        assert_eq!(got, 0, "TCP_INFO");
        let u32_at = |at: usize| u32::from_ne_bytes(info[at..at + 4].try_into().expect("four bytes"));
        let u64_at = |at: usize| u64::from_ne_bytes(info[at..at + 8].try_into().expect("eight bytes"));
        Self {
            cookie: SockRef::from(socket).cookie().expect("SO_COOKIE"),
            local: socket.local_addr().expect("getsockname"),
            remote: socket.peer_addr().expect("getpeername"),
            rtt_us: u32_at(68),
            total_retrans: u32_at(100),
            bytes_acked: u64_at(120),
            bytes_received: u64_at(128),
        }
    }
}

/// The transitions of this namespace while `act` runs.
fn traced<T>(namespace: &Namespace, act: impl FnOnce() -> T) -> (T, Vec<Transition>) {
    let filter = Filter::new(Criteria::default()).expect("no lists").compile(live::ephemeral_range());
    let kernel = preflight().expect("a machine that can").members;
    let options = Options { kernel: &kernel, filter: &filter, ring_bytes: 1 << 20, time_wait: true, kernel_log: None };
    let mut live = Live::start(&options, |_| true).expect("it loads");
    let outcome = act();
    let mut transitions = Vec::new();
    let account = live.finish(|events| {
        transitions.extend(events.drain(..).filter_map(|event| match event {
            Event::Transition(transition) if transition.netns == namespace.inode => Some(transition),
            _ => None,
        }));
    });
    assert!(account.expect("counters").closes());
    (outcome, transitions)
}

/// Payload both ways; then the client closes, then the server.
fn exchange(listen: &str, connect: &str) -> (Told, Told) {
    let listener = TcpListener::bind(listen).expect("listener");
    let port = listener.local_addr().expect("address").port();
    let mut client = TcpStream::connect((connect, port)).expect("connection");
    let (mut server, _) = listener.accept().expect("accepted");
    client.write_all(&[1; ASKED as usize]).expect("a request");
    server.read_exact(&mut [0; ASKED as usize]).expect("a request");
    server.write_all(&[2; ANSWERED as usize]).expect("an answer");
    client.read_exact(&mut [0; ANSWERED as usize]).expect("an answer");
    let by_client = Told::of(&client);
    client.shutdown(Shutdown::Write).expect("shutdown");
    assert_eq!(server.read(&mut [0]).expect("end of file"), 0);
    let by_server = Told::of(&server);
    drop(server);
    assert_eq!(client.read(&mut [0]).expect("end of file"), 0);
    (by_client, by_server)
}

fn find(transitions: &[Transition], cookie: u64, old: TcpState, new: TcpState) -> &Transition {
    let matches = |it: &&Transition| it.cookie.is_some_and(|c| c.0.get() == cookie) && (it.old, it.new) == (old, new);
    transitions.iter().find(matches).unwrap_or_else(|| panic!("no {old}→{new} of {cookie} in {transitions:#?}"))
}

fn assert_told(transition: &Transition, told: &Told) {
    let end = |addr: SocketAddr| (addr.ip(), Some(addr.port()));
    assert_eq!((transition.local.addr, transition.local.port), end(told.local));
    let remote = transition.remote.expect("known by now");
    assert_eq!((remote.addr, remote.port), end(told.remote));
    assert_eq!(transition.family, if told.local.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 });
    assert_eq!(transition.srtt_us8 >> 3, told.rtt_us);
    assert_eq!(transition.total_retrans, told.total_retrans);
    assert_eq!(transition.bytes_acked, told.bytes_acked);
    assert_eq!(transition.bytes_received, told.bytes_received);
}

#[test]
fn every_field_is_what_the_socket_says() {
    isolated!();
    let namespace = Namespace::enter();
    for (listen, connect) in [("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", "::1"), ("[::]:0", "127.0.0.1")] {
        let ((client, server), transitions) = traced(&namespace, || exchange(listen, connect));
        let first = find(&transitions, client.cookie, Established, FinWait1);
        assert_told(first, &client);
        assert_eq!((client.bytes_acked, client.bytes_received), (ASKED + 1, ANSWERED), "the SYN counts");
        let last = find(&transitions, server.cookie, CloseWait, LastAck);
        assert_told(last, &server);
        let received = find(&transitions, server.cookie, Established, CloseWait);
        assert_eq!((first.shutdown, received.shutdown, last.shutdown), (2, 1, 3));
        for transition in &transitions {
            assert_eq!(transition.uid, Some(rustix::process::geteuid().as_raw()));
            assert_eq!(transition.cgroup_id, Some(own_cgroup()), "{transition:?}");
            assert_eq!(transition.error, None);
        }
        for transition in [first, last] {
            assert_eq!(transition.ifindex, Some(1), "lo is the first interface of every namespace");
            let actor = transition.actor.expect("it closes in its own task");
            assert_eq!(actor.pid, std::process::id());
            let comm = fs::read("/proc/self/comm").expect("own name");
            assert_eq!(actor.comm.as_bytes(), comm.trim_ascii_end());
        }
        assert_eq!(received.actor, None, "a segment from the peer: nobody's system call");
    }
}

#[test]
fn an_error_is_the_one_that_connect_returns() {
    isolated!();
    let namespace = Namespace::enter();
    let (error, transitions) = traced(&namespace, || TcpStream::connect("127.0.0.1:9").expect_err("refused"));
    let errors: Vec<_> = transitions.iter().map(|transition| transition.error.map(i32::from)).collect();
    assert_eq!(errors, [None, error.raw_os_error()]);
}

/// The identifier of this process's cgroup in the v2 hierarchy.
fn own_cgroup() -> u64 {
    let cgroups = fs::read_to_string("/proc/self/cgroup").expect("own cgroup");
    let path = cgroups.lines().find_map(|line| line.strip_prefix("0::/")).expect("a v2 cgroup");
    fs::metadata(cgroup_mount().join(path)).expect("its directory").ino()
}
