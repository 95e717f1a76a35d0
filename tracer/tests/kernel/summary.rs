//! `tracer summary`: figures against what the test did.

use std::{
    io::Read as _,
    net::{Shutdown, TcpListener, TcpStream},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use socket2::SockRef;

use crate::{
    isolated::isolated,
    support::{Namespace, Trace},
};

/// Connections that are closed in order, those that are broken off, those that stay.
const CLOSED: u64 = 23;
const ABORTED: u64 = 5;
const OPEN: u64 = 2;
const REFUSED: u64 = 3;
const ACCEPTED: u64 = CLOSED + ABORTED + OPEN;
const NOBODY: &str = "127.0.0.1:81";

/// A pair of connected sockets, and how long `connect()` took.
fn connect(listener: &TcpListener) -> (TcpStream, TcpStream, Duration) {
    let began = Instant::now();
    let client = TcpStream::connect(listener.local_addr().expect("address")).expect("connection");
    let took = began.elapsed();
    (client, listener.accept().expect("accepted").0, took)
}

/// The client closes first, and both have seen the other's end.
fn close(client: TcpStream, mut server: TcpStream) {
    client.shutdown(Shutdown::Write).expect("shutdown");
    assert_eq!(server.read(&mut [0]).expect("end of file"), 0);
    drop(server);
    assert_eq!((&client).read(&mut [0]).expect("end of file"), 0);
}

fn abort(client: TcpStream, server: TcpStream) {
    SockRef::from(&client).set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
    drop(client);
    server.peek(&mut [0]).expect_err("reset");
}

fn refuse() {
    TcpStream::connect(NOBODY).expect_err("nobody listens");
}

/// The service with these members.
fn service<'a>(summary: &'a Value, members: &Value) -> &'a Value {
    let has = |it: &&Value| members.as_object().expect("members").iter().all(|(name, value)| &it[name] == value);
    let services = summary["services"].as_array().expect("services");
    services.iter().find(has).unwrap_or_else(|| panic!("no {members} in {summary:#}"))
}

fn pick(object: &Value, names: &[&str]) -> Value {
    names.iter().map(|name| ((*name).to_owned(), object[name].clone())).collect::<serde_json::Map<_, _>>().into()
}

#[test]
fn the_figures_are_what_was_done() {
    isolated!();
    let namespace = Namespace::enter();
    let mut trace = Trace::summary(&namespace, &[]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("listener");
    let port = listener.local_addr().expect("address").port();
    let mut longest = Duration::ZERO;
    let mut pair = || {
        let (client, server, took) = connect(&listener);
        longest = longest.max(took);
        (client, server)
    };
    (0..CLOSED).map(|_| pair()).for_each(|(client, server)| close(client, server));
    (0..ABORTED).map(|_| pair()).for_each(|(client, server)| abort(client, server));
    let _open: Vec<_> = (0..OPEN).map(|_| pair()).collect();
    (0..REFUSED).for_each(|_| refuse());
    assert!(trace.stop().success());

    let summaries: Vec<_> = trace.of_type("summary").collect();
    let [summary] = summaries[..] else { panic!("{} summaries", summaries.len()) };
    assert_eq!(trace.of_type("transition").count() + trace.of_type("connection").count(), 0);
    assert_eq!((&summary["final"], &summary["group_by"]), (&json!(true), &json!("service")));
    let netns = namespace.inode;
    let counts = ["connections", "opened", "ended", "open", "failures", "retransmits"];

    let client =
        service(summary, &json!({"role": "client", "remote_addr": "127.0.0.1", "remote_port": port, "netns": netns}));
    let (ended, failed) = (CLOSED + ABORTED, json!({"aborted": ABORTED}));
    assert_eq!(
        pick(client, &counts),
        json!({"connections": ACCEPTED, "opened": ACCEPTED, "ended": ended, "open": OPEN, "failures": failed, "retransmits": 0})
    );
    let handshake = &client["handshake"];
    assert_eq!((&handshake["count"], &handshake["unknown"]), (&json!(ACCEPTED), &json!(0)));
    let ns = |name: &str| handshake[name].as_u64().unwrap_or_else(|| panic!("{name}: {handshake:#}"));
    let max = Duration::from_nanos(ns("max_ns"));
    assert!(max <= longest && ns("p50_ns") > 0, "{longest:?}: {handshake:#}");
    assert!(ns("p50_ns") <= ns("p90_ns") && ns("p90_ns") <= ns("p99_ns") && ns("p99_ns") <= ns("max_ns"));

    let server = service(summary, &json!({"role": "server", "local_port": port, "netns": netns}));
    let failed = json!({"reset": ABORTED});
    assert_eq!(
        pick(server, &counts),
        json!({"connections": ACCEPTED, "opened": ACCEPTED, "ended": ended, "open": OPEN, "failures": failed, "retransmits": 0})
    );
    let handshake = &server["handshake"];
    let measured = handshake["count"].as_u64().expect("a count");
    assert_eq!(measured + handshake["unknown"].as_u64().expect("a count"), ACCEPTED);
    assert_eq!(server["resets"], json!([{"direction": "received", "reason": null, "count": ABORTED}]));
    let sent = &client["resets"][0];
    assert_eq!((&sent["direction"], &sent["count"]), (&json!("sent"), &json!(ABORTED)));

    let nobody = service(summary, &json!({"role": "client", "remote_port": 81}));
    assert_eq!(nobody["failures"], json!({"refused": REFUSED}));
    let received = json!([{"direction": "received", "reason": "REFUSED", "count": REFUSED, "inferred": ["reason"]}]);
    assert_eq!((&nobody["resets"], &nobody["handshake"]["count"]), (&received, &json!(0)));
    assert_eq!(summary["failures"], json!({"aborted": ABORTED, "reset": ABORTED, "refused": REFUSED}));
}

/// Each span has what happened in it, and the end has all.
#[test]
fn an_interval_s_figures_add_up_to_the_run_s() {
    isolated!();
    let namespace = Namespace::enter();
    let mut trace = Trace::summary(&namespace, &["--interval", "100ms", "--group-by", "peer"]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("listener");
    for round in 0..3 {
        let (client, server, _) = connect(&listener);
        close(client, server);
        trace.wait_for_objects("summary", 2 * (round + 1));
    }
    assert!(trace.stop().success());
    let (last, spans): (Vec<_>, Vec<_>) = trace.of_type("summary").partition(|it| it["final"] == true);
    let ended = |summary: &&Value| summary["services"][0]["ended"].as_u64().unwrap_or(0);
    assert_eq!(last.iter().map(ended).collect::<Vec<_>>(), [6]);
    let busy: Vec<_> = spans.iter().map(ended).filter(|count| *count > 0).collect();
    assert!(busy.len() > 1 && busy.iter().sum::<u64>() == 6, "{busy:?}");
    assert_eq!(last[0]["services"][0]["remote_addr"], "127.0.0.1");
    for pair in spans.windows(2) {
        assert_eq!(pair[0]["to"], pair[1]["from"], "no time between two spans");
    }
    assert!(spans.iter().all(|it| it["account"].is_null()), "records are on their way in the middle of a run");
}

#[test]
fn a_watch_ends_with_the_same_figures() {
    isolated!();
    let namespace = Namespace::enter();
    let mut trace = namespace.trace(&[]);
    refuse();
    trace.wait_for(2);
    assert!(trace.stop().success());
    let summary = trace.of_type("summary").last().expect("a summary");
    let nobody = service(summary, &json!({"role": "client", "remote_port": 81}));
    assert_eq!(nobody["failures"], json!({"refused": 1}));
}
