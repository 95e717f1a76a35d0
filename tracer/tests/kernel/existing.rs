//! Sockets that are older than the trace: whose they are is known from the start.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    isolated::isolated,
    support::{Namespace, Trace},
};

/// Owner and its source, or listener, as (pid, source, `listener_pid`).
fn owner(transition: &Value) -> (Option<u64>, Option<&str>, Option<u64>) {
    (transition["pid"].as_u64(), transition["owner_source"].as_str(), transition["listener_pid"].as_u64())
}

#[test]
fn listeners_and_connections_have_their_process() {
    isolated!();
    let namespace = Namespace::enter();
    let own = Some(u64::from(std::process::id()));
    let listener = TcpListener::bind("127.0.0.1:0").expect("listener");
    let address = listener.local_addr().expect("address");
    let mut old_client = TcpStream::connect(address).expect("connection");
    let (old_server, _) = listener.accept().expect("accepted");

    let mut trace = namespace.trace(&[]);
    let new_client = TcpStream::connect(address).expect("connection");
    let (new_server, _) = listener.accept().expect("accepted");
    trace.wait_for(4);
    drop(old_server);
    assert_eq!(old_client.read(&mut [0]).expect("end of file"), 0);
    drop((old_client, new_client, new_server, listener));
    assert!(trace.stop().success());

    let features = trace.of_type("start").next().expect("the first line")["features"].clone();
    let existing = features.as_array().expect("a list").iter().find(|it| it["name"] == "existing_sockets");
    assert_eq!(existing.expect("the feature")["measured"], true, "{features:#}");
    let arrived = trace.transitions().find(|t| t["old_state"] == "LISTEN" && t["new_state"] == "SYN_RECV");
    assert_eq!(owner(arrived.expect("the new connection")), (None, None, own));
    // Its first transition comes from a segment, not from a system call of its owner.
    let old = trace.transitions().find(|t| t["new_state"] == "CLOSE_WAIT").expect("the old connection");
    assert_eq!(owner(old), (own, Some("proc"), None), "{old:#}");
    assert_eq!((&old["role"], &old["in_state_ns"]), (&Value::Null, &Value::Null), "its beginning was not seen");
    let closed = trace.transitions().find(|t| t["old_state"] == "LISTEN" && t["new_state"] == "CLOSE");
    assert_eq!(owner(closed.expect("the listener")), (own, Some("proc"), None));
    assert_eq!(trace.of_type("summary").last().expect("the last line")["discontinuities"], 0);
}

#[test]
fn other_namespaces_are_looked_at_too() {
    isolated!();
    // The other process begins in the namespace of the thread that starts it.
    let (namespace, mut child) = std::thread::spawn(|| {
        let namespace = Namespace::enter();
        let mut again = Command::new(std::env::current_exe().expect("this program"));
        again.args(["--ignored", "--exact", "existing::elsewhere", "--nocapture"]);
        (namespace, again.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it"))
    })
    .join()
    .expect("the thread");
    let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
    assert!(lines.any(|line| line.expect("text").contains("connected")), "it did not connect");

    let mut trace = Trace::of(&[&namespace], &[]);
    drop(child.stdin.take());
    lines.for_each(drop);
    let pid = Some(u64::from(child.id()));
    assert!(child.wait().expect("the other process").success());
    trace.wait_for(1);
    assert!(trace.stop().success());
    let first = trace.transitions().find(|t| t["new_state"] == "CLOSE_WAIT").expect("the passive end");
    assert_eq!(owner(first), (pid, Some("proc"), None), "{first:#}");
}

/// Runs in a process of its own: connects, and closes when its standard input does.
#[test]
#[ignore = "a part of other_namespaces_are_looked_at_too"]
fn elsewhere() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listener");
    let mut client = TcpStream::connect(listener.local_addr().expect("address")).expect("connection");
    let (server, _) = listener.accept().expect("accepted");
    println!("connected");
    std::io::stdin().read_to_end(&mut Vec::new()).expect("end of input");
    drop(server);
    assert_eq!(client.read(&mut [0]).expect("end of file"), 0);
}
