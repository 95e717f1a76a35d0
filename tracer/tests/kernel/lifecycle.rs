//! Starting, stopping and being stopped.

use std::net::{TcpListener, TcpStream};

use rustix::process::Signal;
use socket2::{Domain, Socket, Type};

use crate::support::{Namespace, Trace, require_root};

fn listen_and_close(times: usize) {
    for _ in 0..times {
        drop(TcpListener::bind("127.0.0.1:0").expect("listener"));
    }
}

#[test]
fn interrupt_and_terminate_end_cleanly_and_lose_nothing() {
    require_root!();
    for signal in [Signal::INT, Signal::TERM] {
        let namespace = Namespace::enter();
        let mut trace = namespace.trace(&[]);
        listen_and_close(50);
        trace.signal(signal);
        assert!(trace.finish().success(), "{signal:?}");
        assert_eq!(trace.transitions().count(), 100);
        assert_eq!(trace.account()["closes"], true);
    }
}

#[test]
fn count_ends_after_that_many_events() {
    require_root!();
    let namespace = Namespace::enter();
    let mut trace = namespace.trace(&["-c", "3"]);
    listen_and_close(5);
    assert!(trace.finish().success());
    assert_eq!(trace.transitions().count(), 3);
}

#[test]
fn duration_ends_by_itself() {
    require_root!();
    let namespace = Namespace::enter();
    let netns = namespace.inode.to_string();
    let mut trace = Trace::start(&["--netns", &netns, "--duration", "1s"]);
    listen_and_close(1);
    assert!(trace.finish().success());
    assert_eq!(trace.transitions().count(), 2);
}

#[test]
fn two_at_once_see_the_same() {
    require_root!();
    let namespace = Namespace::enter();
    let mut traces = [namespace.trace(&[]), namespace.trace(&[])];
    listen_and_close(20);
    for trace in &mut traces {
        assert!(trace.stop().success());
        assert_eq!(trace.transitions().count(), 40);
        assert_eq!(trace.account()["closes"], true);
    }
}

/// A socket used again after a refused connection keeps its cookie and starts a second life.
#[test]
fn one_socket_connects_twice() {
    require_root!();
    let namespace = Namespace::enter();
    let mut trace = namespace.trace(&[]);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("socket");
    let nobody: std::net::SocketAddr = "127.0.0.1:9".parse().expect("address");
    socket.connect(&nobody.into()).expect_err("refused");
    let listener = TcpListener::bind("127.0.0.1:0").expect("listener");
    socket.connect(&listener.local_addr().expect("address").into()).expect("the second time");
    drop(TcpStream::from(socket));
    trace.wait_for(9);
    assert!(trace.stop().success());
    let client = trace.paths().into_iter().find(|path| path.starts_with("client")).expect("a client");
    assert!(client.starts_with("client CLOSE SYN_SENT CLOSE SYN_SENT ESTABLISHED FIN_WAIT1"), "{client}");
}
