//! Starting, stopping and being stopped.

use std::net::{TcpListener, TcpStream};

use rustix::process::Signal;
use socket2::{Domain, Socket, Type};

use crate::{
    isolated::isolated,
    support::{Cgroup, Namespace, Trace},
};

fn listen_and_close(times: usize) {
    for _ in 0..times {
        drop(TcpListener::bind("127.0.0.1:0").expect("listener"));
    }
}

#[test]
fn interrupt_and_terminate_end_cleanly_and_lose_nothing() {
    isolated!();
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
    isolated!();
    let namespace = Namespace::enter();
    let mut trace = namespace.trace(&["-c", "3"]);
    listen_and_close(5);
    assert!(trace.finish().success());
    assert_eq!(trace.transitions().count(), 3);
}

#[test]
fn duration_ends_by_itself() {
    isolated!();
    let namespace = Namespace::enter();
    let netns = namespace.inode.to_string();
    let mut trace = Trace::start(&["--netns", &netns, "--duration", "1s"]);
    listen_and_close(1);
    assert!(trace.finish().success());
    assert_eq!(trace.transitions().count(), 2);
}

#[test]
fn two_at_once_see_the_same() {
    isolated!();
    let namespace = Namespace::enter();
    let mut traces = [namespace.trace(&[]), namespace.trace(&[])];
    listen_and_close(20);
    for trace in &mut traces {
        assert!(trace.stop().success());
        assert_eq!(trace.transitions().count(), 40);
        assert_eq!(trace.account()["closes"], true);
    }
}

/// A full disk ends the run with a sentence, and every line in the file is whole.
#[test]
fn a_full_disk_leaves_whole_lines() {
    isolated!();
    let namespace = Namespace::enter();
    // SAFETY: only this thread's mounts change.
    unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNS) }.expect("a mount namespace");
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().to_str().expect("UTF-8");
    namespace.run(&["mount", "--make-rprivate", "/"]);
    namespace.run(&["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", path]);
    let file = format!("{path}/out");
    let mut trace = namespace.trace(&["-o", &file]);
    listen_and_close(500);
    assert_eq!(trace.finish().code(), Some(1));
    let written = std::fs::read_to_string(&file).expect("the file");
    assert!(written.len() > 32 << 10 && written.ends_with('\n'), "{} bytes", written.len());
    for line in written.lines() {
        serde_json::from_str::<serde_json::Value>(line).expect("a whole object");
    }
}

/// Each filter and the kernel side's own messages make another program to the verifier, and all together the longest.
#[test]
fn every_filter_and_message_at_once_is_accepted() {
    isolated!();
    let namespace = Namespace::enter();
    let cgroups: Vec<_> = (0..15).map(|_| Cgroup::make()).collect();
    let excluded: String = cgroups.iter().map(|cgroup| format!(",!{}", cgroup.id)).collect();
    let cgroup = format!("--cgroup=/{excluded}");
    let others: String = (4_100_000_000_u32..).take(15).map(|inode| format!(",{inode}")).collect();
    let netns = format!("--netns={}{others}", namespace.inode);
    let filter = ["-4", "--port=1-65535", "--local=127.0.0.0/8", "--remote=!10.0.0.0/8", "--dev=!lo", &netns, &cgroup];
    let log = ["--kernel-log=trace"];
    assert!(namespace.trace(&log).stop().success());
    assert!(Trace::start(&[&filter[..], &log].concat()).stop().success());
}

/// A socket used again after a refused connection keeps its cookie and starts a second life.
#[test]
fn one_socket_connects_twice() {
    isolated!();
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
