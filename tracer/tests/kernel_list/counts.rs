//! `tracer list` on real sockets: what it counts, whose they are, again and again.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::{isolated::isolated, support::Namespace};

/// Runs it in the namespace of this thread.
fn list(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tracer"));
    command.arg("list").args(args);
    command
}

/// The objects of one type that it prints.
fn objects(kind: &str, args: &[&str]) -> Vec<Value> {
    let output = list(&[&["--format", "json"], args].concat()).output().expect("tracer");
    // Root, too, may be forbidden to look at a process, by Landlock; then not all namespaces may be listed.
    assert!(matches!(output.status.code(), Some(0 | 4)), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let objects = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("an object a line"));
    objects.filter(|object| object["type"] == kind).collect()
}

/// How many sockets are in which state.
fn states(args: &[&str]) -> BTreeMap<String, usize> {
    let mut states = BTreeMap::new();
    for socket in objects("socket", args) {
        // An ACK may be delayed, so a FIN has been acknowledged or not yet.
        let state = socket["state"].as_str().expect("a state").replace("FIN_WAIT1", "FIN_WAIT2");
        *states.entry(format!("{} {state}", socket["protocol"].as_str().expect("a protocol"))).or_default() += 1;
    }
    states
}

fn counts<const N: usize>(expected: [(&str, usize); N]) -> BTreeMap<String, usize> {
    expected.map(|(state, count)| (state.to_owned(), count)).into()
}

/// A listener, connections of which the client's end is still open, and others of which it is not.
fn leaky(open: usize, closed: usize) -> (TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 8080)).expect("listener");
    let mut ends = Vec::new();
    for place in 0..open + closed {
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, 8080)).expect("connection");
        let (server, _) = listener.accept().expect("accepted");
        client.write_all(b"hello").expect("sent");
        ends.push(server);
        if place < open {
            ends.push(client);
        }
    }
    (listener, ends)
}

#[test]
fn what_a_namespace_has() {
    isolated!();
    let namespace = Namespace::enter();
    let (_listener, _ends) = leaky(3, 5);
    let _resolver = UdpSocket::bind((Ipv4Addr::LOCALHOST, 53)).expect("a socket");
    let asking = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    asking.connect((Ipv4Addr::LOCALHOST, 53)).expect("connected");

    // The clients that were closed are nobody's, and in FIN_WAIT2.
    let connected = [("tcp CLOSE_WAIT", 5), ("tcp ESTABLISHED", 6), ("tcp FIN_WAIT2", 5)];
    assert_eq!(states(&["-t"]), counts(connected));
    assert_eq!(states(&["-tln"]), counts([("tcp LISTEN", 1)]));
    assert_eq!(states(&["-ul"]), counts([("udp CLOSE", 1)]));
    assert_eq!(states(&["-u"]), counts([("udp ESTABLISHED", 1)]));
    assert_eq!(states(&["-tulpn"]), counts([("tcp LISTEN", 1), ("udp CLOSE", 1)]));
    assert_eq!(states(&[]).values().sum::<usize>(), 19);
    assert_eq!(states(&["-i", ":53"]), counts([("udp CLOSE", 1), ("udp ESTABLISHED", 1)]));
    assert_eq!(states(&["-i", "tcp@127.0.0.1:8080", "-l"]), counts([("tcp LISTEN", 1)]));
    assert_eq!(states(&["--role", "client"]), counts([("tcp ESTABLISHED", 3), ("tcp FIN_WAIT2", 5)]));
    assert_eq!(states(&["--local-port", "8080", "--state", "!listen"]), counts([connected[0], ("tcp ESTABLISHED", 3)]));
    let own = std::process::id();
    assert_eq!(states(&["--pid", &own.to_string()]).values().sum::<usize>(), 14, "FIN_WAIT2 is nobody's");
    assert_eq!(states(&["--pid", "1"]), counts([]));
    assert_eq!(states(&["-6"]), counts([]));

    let leaked = objects("socket", &["--state", "close-wait", "--sort", "recv-q"]);
    let whole = ["netns", "pid", "role", "recv_q"].map(|name| leaked[0][name].clone());
    // The FIN counts one byte.
    assert_eq!(json!(whole), json!([namespace.inode, own, "server", 6]), "{:#}", leaked[0]);
    let groups = objects("socket_group", &["--state", "close-wait", "--group-by", "process"]);
    let group = ["pid", "sockets"].map(|name| groups[0][name].clone());
    assert_eq!((groups.len(), json!(group)), (1, json!([own, 5])), "{groups:#?}");
    let everywhere = objects("socket", &["--netns", "all"]);
    let here = everywhere.iter().filter(|socket| socket["netns"] == namespace.inode).count();
    assert_eq!(here, 19);
}

#[test]
fn again_and_again_until_the_time_or_until_nobody_reads() {
    isolated!();
    let _namespace = Namespace::enter();
    let (_listener, _ends) = leaky(1, 0);
    let seen = objects("socket", &["-tl", "--watch", "0.1", "--duration", "2s"]);
    let mut times: Vec<_> = seen.iter().map(|socket| socket["ts"].as_str().expect("a time").to_owned()).collect();
    let in_order = times.is_sorted();
    times.dedup();
    assert!(in_order && times.len() == seen.len() && times.len() >= 2, "{times:?}");

    let mut tracer = list(&["-tl", "--watch", "0.1"]).stdout(Stdio::piped()).spawn().expect("tracer");
    let mut stdout = BufReader::new(tracer.stdout.take().expect("stdout"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a line");
    assert!(line.ends_with("1 socket\n"), "{line}");
    drop(stdout);
    assert_eq!(tracer.wait().expect("tracer").code(), Some(0), "a closed pipe is success");
}
