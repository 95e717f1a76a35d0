//! What a host runs out of, what is stuck on it, and what its kernel counted: the figures of the last summary.

use std::{
    fs,
    io::{ErrorKind, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use socket2::{Domain, SockRef, Socket, Type};

use crate::{
    isolated::isolated,
    support::{Namespace, Trace},
};

fn summary(trace: &Trace) -> &Value {
    trace.of_type("summary").last().expect("a summary")
}

fn of_namespace<'a>(list: &'a Value, namespace: &Namespace) -> &'a Value {
    let list = list.as_array().expect("a list");
    list.iter().find(|it| it["netns"] == namespace.inode).unwrap_or_else(|| panic!("not in {list:#?}"))
}

/// Sets something in this thread's namespace.
fn set(name: &str, value: &str) {
    fs::write(format!("/proc/sys/net/ipv4/{name}"), value).expect(name);
}

fn socket() -> Socket {
    Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket")
}

/// Both ends of a new connection.
fn connection(listener: &TcpListener) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect(listener.local_addr().expect("address")).expect("connection");
    (client, listener.accept().expect("accepted").0)
}

/// Each counter that was compared with what is not explained; it must have been.
fn unexplained(comparison: &Value) -> Vec<(&str, u64, i64)> {
    assert_eq!(comparison["comparable"], true, "{comparison:#}");
    let counters = comparison["counters"].as_object().expect("counters").iter();
    let compared = counters.filter_map(|(name, it)| {
        Some((name.as_str(), it["kernel"].as_u64().expect("read"), it["unexplained"].as_i64()?))
    });
    compared.collect()
}

#[test]
fn ports_run_out_and_who_found_none_is_named() {
    isolated!();
    let namespace = Namespace::enter();
    set("ip_local_port_range", "40000 40019");
    set("ip_local_reserved_ports", "40007,50000");
    let listener = TcpListener::bind("127.0.0.1:80").expect("listener");
    let address = listener.local_addr().expect("address");
    let mut held: Vec<_> = (0..4).map(|_| connection(&listener)).collect();
    let mut trace = namespace.trace(&[]);
    held.extend((0..15).map(|_| connection(&listener)));
    // Takes none of the ports that are given out.
    let bound = socket();
    bound.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 30_000)).into()).expect("bound");
    bound.connect(&address.into()).expect("connection");
    let accepted = listener.accept().expect("accepted");
    for _ in 0..2 {
        let refused = TcpStream::connect(address).expect_err("no port is left");
        assert_eq!(refused.kind(), ErrorKind::AddrNotAvailable);
    }
    trace.wait_for_objects("connection", 2);
    assert!(trace.stop().success());

    let ports = &summary(&trace)["ports"];
    let [there] = &ports["destinations"].as_array().expect("a list")[..] else { panic!("one place: {ports:#}") };
    let expected = json!({
        "netns": namespace.inode, "local_addr": "127.0.0.1", "remote_addr": "127.0.0.1", "remote_port": 80,
        "sockets": 19, "total": 19, "opened": 17, "failed": 2,
    });
    for (name, value) in expected.as_object().expect("members") {
        assert_eq!(&there[name], value, "{name}: {there:#}");
    }
    assert_eq!(there["first_failed"]["pid"], std::process::id());
    assert_eq!(there["first_failed"]["local_port"], Value::Null, "it had asked for none");
    let first = trace.of_type("connection").next().expect("the failed one");
    assert_eq!(there["first_failed"]["ts"], first["ts"]);
    drop((held, bound, accepted));
}

#[test]
fn connections_that_nobody_closes_are_told_with_their_owner() {
    isolated!();
    let namespace = Namespace::enter();
    let listener = TcpListener::bind("127.0.0.1:8080").expect("listener");
    let (old, mut left) = connection(&listener);
    drop(old);
    assert_eq!(left.read(&mut [0]).expect("end of file"), 0);
    let mut trace = namespace.trace(&[]);
    let leaks: Vec<_> = (0..3).map(|_| connection(&listener).1).collect();
    // Each: three transitions of either end to ESTABLISHED, two of the client's and one of the server's at its end.
    trace.wait_for(3 * 7);
    assert!(trace.stop().success());

    let groups = summary(&trace)["stuck"]["groups"].as_array().expect("a list");
    let leaked: Vec<_> = groups.iter().filter(|group| group["state"] == "CLOSE_WAIT").collect();
    let whose = |group: &Value| (group["pid"].as_u64(), group["listener_pid"].as_u64());
    let own = Some(u64::from(std::process::id()));
    let [new] = leaked.iter().filter(|it| it["oldest_is_lower_bound"] == false).collect::<Vec<_>>()[..] else {
        panic!("{groups:#?}")
    };
    assert_eq!((&new["count"], &new["role"], &new["local_port"]), (&json!(3), &json!("server"), &json!(8080)));
    assert_eq!(whose(new), (None, own), "nothing has proven yet who holds them");
    let [older] = leaked.iter().filter(|it| it["oldest_is_lower_bound"] == true).collect::<Vec<_>>()[..] else {
        panic!("{groups:#?}")
    };
    assert_eq!((&older["count"], &older["role"], &older["local_port"]), (&json!(1), &json!("server"), &json!(8080)));
    assert_eq!(whose(older), (own, None));
    drop((leaks, left));
}

#[test]
fn a_full_accept_queue_and_a_connect_given_up() {
    isolated!();
    let namespace = Namespace::enter();
    let listener = socket();
    listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("bound");
    listener.listen(0).expect("listener");
    let address = listener.local_addr().expect("address");
    let mut trace = namespace.trace(&[]);
    let first = socket();
    first.connect(&address).expect("the one that there is room for");
    let second = socket();
    second.set_nonblocking(true).expect("a socket");
    second.connect(&address).expect_err("no answer");
    drop(second);
    trace.wait_for(3 + 2);
    assert!(trace.stop().success());

    let listen = of_namespace(&summary(&trace)["listen"], &namespace);
    assert_eq!((&listen["ListenOverflows"], &listen["ListenDrops"]), (&json!(1), &json!(1)), "{listen:#}");
    // Closing a socket in SYN_SENT is no failure to the kernel.
    let comparison = of_namespace(&summary(&trace)["kernel_counters"], &namespace);
    let compared = unexplained(comparison);
    assert!(compared.contains(&("ActiveOpens", 2, 0)) && compared.contains(&("AttemptFails", 0, 0)), "{comparison:#}");
}

#[test]
fn the_kernel_counted_the_same_whatever_happened() {
    isolated!();
    let namespace = Namespace::enter();
    set("ip_local_port_range", "40000 40099");
    let listener = TcpListener::bind("127.0.0.1:80").expect("listener");
    let mut trace = namespace.trace(&[]);
    let mut ends = 0;
    for round in 0..50 {
        let (client, mut server) = connection(&listener);
        ends += 2;
        match round % 5 {
            0 => SockRef::from(&client).set_linger(Some(Duration::ZERO)).expect("SO_LINGER"),
            1 => {
                server.write_all(b"never read").expect("data");
                client.peek(&mut [0]).expect("it has arrived");
            }
            2 => {
                TcpStream::connect("127.0.0.1:81").expect_err("nobody listens");
                ends += 1;
            }
            3 => {
                // Its pair of ends is in use: neither begun nor failed, as the kernel counts.
                let again = socket();
                again.set_reuse_address(true).expect("SO_REUSEADDR");
                SockRef::from(&client).set_reuse_address(true).expect("SO_REUSEADDR");
                let local = client.local_addr().expect("address");
                again.bind(&local.into()).expect("bound");
                again.connect(&listener.local_addr().expect("address").into()).expect_err("in use");
                ends += 1;
            }
            _ => {}
        }
        drop(client);
        let _ = server.read(&mut [0]);
    }
    trace.wait_for_objects("connection", ends);
    assert!(trace.stop().success());

    let comparison = of_namespace(&summary(&trace)["kernel_counters"], &namespace);
    let mut compared = unexplained(comparison);
    println!("{comparison:#}");
    compared.retain(|(name, ..)| *name != "TW+TWKilled");
    let expected = [
        ("ActiveOpens", 60, 0),
        ("AttemptFails", 10, 0),
        ("EstabResets", 40, 0),
        ("OutRsts", 30, 0),
        ("PassiveOpens", 50, 0),
    ];
    assert_eq!(compared, expected);
}

#[test]
fn a_namespace_is_asked_as_long_as_somebody_is_in_it() {
    isolated!();
    let other = Namespace::enter();
    let start = || Command::new("sh").args(["-c", "read line"]).stdin(Stdio::piped()).spawn();
    let mut inside = other.spawn(start).join().expect("a thread").expect("sh");
    let own = Namespace::enter();
    let compare = |meanwhile: &mut dyn FnMut()| {
        let mut trace = Trace::of(&[&own, &other], &[]);
        other.spawn(connect_once).join().expect("a thread");
        trace.wait_for_objects("connection", 2);
        meanwhile();
        assert!(trace.stop().success());
        of_namespace(&summary(&trace)["kernel_counters"], &other).clone()
    };
    let there = compare(&mut || ());
    assert!(unexplained(&there).contains(&("ActiveOpens", 1, 0)), "{there:#}");
    let left = compare(&mut || {
        inside.kill().expect("own child");
        inside.wait().expect("own child");
    });
    assert_eq!((&left["comparable"], &left["reason"]), (&json!(false), &json!("vanished")), "{left:#}");
}

#[test]
fn a_namespace_that_no_process_is_in_is_not_guessed_at() {
    isolated!();
    let own = Namespace::enter();
    let empty = Namespace::enter();
    let inode = empty.inode.to_string();
    let mut trace = own.spawn(move || Trace::start(&["--netns", &inode])).join().expect("a thread");
    connect_once();
    trace.wait_for_objects("connection", 2);
    assert!(trace.stop().success());
    let comparison = of_namespace(&summary(&trace)["kernel_counters"], &empty);
    assert_eq!(comparison["reason"], "not_found_at_start", "{comparison:#}");
    let opened = &comparison["counters"]["ActiveOpens"];
    assert_eq!((&opened["kernel"], &opened["ours"]), (&Value::Null, &json!(1)), "{comparison:#}");
}

fn connect_once() {
    drop(connection(&TcpListener::bind("127.0.0.1:0").expect("listener")));
}
