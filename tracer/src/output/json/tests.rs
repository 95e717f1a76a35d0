//! The contract: lines parsed back and compared.

use std::net::IpAddr;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{JsonOutput, object::push_text};
use crate::{
    event::TcpState::{Established, SynSent},
    explain::{Host, find},
    figures::{SocketOrder, SocketsBy},
    measure::grouped,
    namespace::Settings,
    observation::{Observation, ObservedTransition, OwnerSource},
    output::plain::push_number,
    samples::{change, conclusions, latency, owner, sockets, start, story, summary, troubled},
    services::Services,
    source::sockets::Listing,
};

fn print(observations: &[Observation]) -> Vec<Value> {
    let mut output = JsonOutput::default();
    let mut buf = Vec::new();
    output.start(&start(), &mut buf);
    observations.iter().for_each(|observation| output.observe(observation, &mut buf));
    let text = String::from_utf8(buf).expect("UTF-8");
    assert!(text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect()
}

/// The members of `object` that not every event of a socket has.
fn own_members(mut object: Value) -> Value {
    let transition = of_type("transition").swap_remove(0);
    let common = transition.as_object().expect("an object").keys();
    let members = object.as_object_mut().expect("an object");
    common.for_each(|name| drop(members.remove(name)));
    object
}

#[test]
fn a_container_is_named_by_its_cgroup() {
    let id = "0f".repeat(32);
    let path = format!("/system.slice/docker-{id}.scope").into();
    let mut story = story();
    story.insert(0, Observation::Cgroup { id: 77, path });
    story.retain(|it| !matches!(it, Observation::Cgroup { path, .. } if path.contains("slice/a")));
    let seen = print(&story);
    let transition = seen.iter().find(|object| object["type"] == "transition").expect("one");
    assert_eq!((&transition["container"], &transition["cgroup_id"]), (&json!(id), &json!(77)));
}

#[test]
fn each_group_of_handshakes_is_an_object_and_the_account_another() {
    let seen = print(&[Observation::Latency(Box::new(latency()))]);
    let [_, server, client, network, other, summary] = &seen[..] else { panic!("{seen:#?}") };
    let figures = ["p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns", "error"];
    let pick = |object: &Value, names: &[&str]| json!(names.iter().map(|name| &object[name]).collect::<Vec<_>>());
    assert_eq!(
        pick(server, &["type", "final", "role", "key", "local_port", "count"]),
        json!(["latency", true, "server", "443", 443, 1_000])
    );
    assert_eq!(pick(server, &figures), json!([102_500, 903_500, 983_500, 999_500, 1_000_000, 0.015_625]));
    assert_eq!(pick(server, &["unknown", "unknown_reasons"]), json!([3, {"maybe_syn_cookie": 1, "no_sample": 2}]));
    assert_eq!(
        pick(client, &["role", "key", "remote_addr", "remote_port", "p50_ns"]),
        json!(["client", "[2001:db8::2]:5432", "2001:db8::2", 5432, null])
    );
    let retransmitted = &client["retransmitted"];
    assert_eq!(pick(retransmitted, &["count", "max_ns"]), json!([2, 3_040_000_000_u64]));
    assert_eq!(
        pick(network, &["key", "remote_network", "port", "deferred_accept"]),
        json!(["10.0.0.0/24 80", "10.0.0.0/24", 80, true])
    );
    assert_eq!(pick(other, &["key", "other", "role"]), json!(["other", true, "client"]));
    assert_eq!(pick(summary, &["type", "final", "group_by", "groups"]), json!(["summary", true, "port", 4]));
    assert_eq!(
        summary["account"],
        json!({"seen": 1_030, "filtered": 5, "measured": 1_022, "unknown": 3, "lost": 0, "missed": 2, "closes": true})
    );
}

#[test]
fn a_socket_has_what_all_events_have_and_more() {
    let seen = print(&[Observation::Sockets(sockets())]);
    let objects = &seen[1..];
    assert_eq!(objects.len(), 7);
    let of_all = ["netns", "socket", "protocol", "family", "mapped", "role", "uid", "cgroup_id", "owner_source"];
    let pick = |object: &Value, names: &[&str]| json!(names.iter().map(|name| &object[name]).collect::<Vec<_>>());
    assert!(objects.iter().all(|object| object["type"] == "socket" && object["ts"] == seen[0]["ts"]));
    let accepted = &objects[1];
    assert_eq!(
        pick(accepted, &of_all),
        json!([4_026_531_840_u64, 2, "tcp", "ipv4", true, "server", 33, 77, "proc"]),
        "{accepted:#}"
    );
    let own =
        ["state", "recv_q", "send_q", "inode", "timer", "timer_remaining_ns", "timer_expired", "rtt_ns", "retransmits"];
    assert_eq!(
        pick(accepted, &own),
        json!(["ESTABLISHED", 0, 1_234_567, 30_002, "retransmit", 230_000_000, 2, 12_300_000, 17])
    );
    assert_eq!(
        pick(accepted, &["owners", "pid", "comm"]),
        json!([[{"pid": 813, "comm": "nginx", "fd": 11}], 813, "nginx"])
    );
    assert_eq!((&accepted["container"], &accepted["inferred"]), (&json!("0f".repeat(32)), &json!(["role"])));
    let listener = &objects[0];
    assert_eq!(
        pick(listener, &["role", "remote_addr", "remote_port", "rtt_ns", "timer"]),
        json!(["listener", null, null, null, null])
    );
    assert_eq!(
        (listener["owners"].as_array().map(Vec::len), &listener["pid"]),
        (Some(3), &Value::Null),
        "whose is it?"
    );
    assert!(listener.get("inferred").is_none() && listener.get("local_port_class").is_none());
    let hidden = &objects[3];
    assert_eq!(pick(hidden, &["state", "role", "owners", "pid"]), json!(["SYN_SENT", "client", null, null]));
    let remnant = &objects[4];
    assert_eq!(
        pick(remnant, &["timer", "owners", "uid", "inode", "socket"]),
        json!(["time_wait", [], null, null, null])
    );
    assert_eq!(pick(&objects[5], &["protocol", "state", "role"]), json!(["udp", "CLOSE", null]));
    assert_eq!(objects[6]["owners"][0]["comm"], "\u{1b}[2J\u{fffd}\"");
}

#[test]
fn ports_have_a_class_and_a_service_where_that_is_asked_for() {
    let mut output = JsonOutput::new(Some(Services::parse("https 443/tcp\ndomain 53/udp")));
    let mut buf = Vec::new();
    output.observe(&Observation::Sockets(sockets()), &mut buf);
    let text = String::from_utf8(buf).expect("UTF-8");
    let objects: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    let ports = |object: &Value| {
        let names = ["local_port_class", "local_service", "remote_port_class", "remote_service"];
        json!(names.map(|name| object[name].clone()))
    };
    assert_eq!(ports(&objects[0]), json!(["system", "https", null, null]));
    assert_eq!(ports(&objects[2]), json!(["dynamic", null, "system", "https"]));
    assert_eq!(ports(&objects[6]), json!(["registered", null, "system", "domain"]));
}

#[test]
fn each_group_of_sockets_is_an_object() {
    let sockets = sockets();
    let groups = |by| {
        let groups = grouped(sockets.at, &sockets.listed, by, SocketOrder::None);
        print(&[Observation::SocketGroups(Box::new(groups))]).split_off(1)
    };
    let by_process = groups(SocketsBy::Process);
    assert!(by_process.iter().all(|object| object["type"] == "socket_group" && object["group_by"] == "process"));
    let java = by_process.iter().find(|object| object["comm"] == "java").expect("it");
    assert_eq!(
        (&java["pid"], &java["sockets"], &java["states"]),
        (&json!(4_121), &json!(1), &json!({"CLOSE_WAIT": 1}))
    );
    let hidden = by_process.iter().filter(|object| object["hidden"] == true).count();
    assert_eq!((hidden, by_process.iter().filter(|object| object["pid"].is_null()).count()), (1, 2));
    assert!(by_process.iter().all(|object| object.get("listener_pid").is_none()), "{by_process:?}");
    let by_state = groups(SocketsBy::State);
    let waits = by_state.iter().find(|object| object["state"] == "CLOSE_WAIT").expect("it");
    assert_eq!(waits["held_by"], json!([{"comm": "java", "pid": 4_121, "sockets": 1}]));
    let by_service = groups(SocketsBy::Service);
    let web = by_service.iter().find(|object| object["local_port"] == 443).expect("it");
    assert_eq!((&web["protocol"], &web["role"], &web["accept_q"]), (&json!("tcp"), &json!("server"), &json!(3)));
    for by in SocketsBy::ALL {
        let sum: u64 = groups(*by).iter().filter_map(|object| object["sockets"].as_u64()).sum();
        assert_eq!(sum, 7, "{by:?}");
    }
}

#[test]
fn a_handshake_has_a_latency_or_a_reason() {
    let seen = print(&conclusions());
    let handshakes: Vec<_> = seen.iter().filter(|object| object["type"] == "handshake").collect();
    let figures = ["latency_ns", "method", "unknown_reason", "syn_retransmits", "syn_ack_retransmits"];
    let rows: Vec<_> = handshakes.iter().map(|it| figures.map(|name| it[name].clone())).collect();
    assert_eq!(
        json!(rows),
        json!([
            [1_050_201_000, "syn_to_established", null, 0, null],
            [1_050_201_000, "syn_to_established", null, 1, null],
            [50_201_000, "first_rtt", null, null, 0],
            [null, null, "syn_ack_retransmitted", null, 2],
        ])
    );
    assert_eq!((&handshakes[0]["deferred_accept"], &handshakes[0]["fast_open"]), (&Value::Null, &json!(false)));
}

#[test]
fn a_connection_is_one_object_with_null_where_nothing_is_known() {
    let seen = print(&conclusions());
    let connections = seen.into_iter().filter(|object| object["type"] == "connection");
    let [closed, _, nothing]: [Value; 3] = connections.map(own_members).collect::<Vec<_>>().try_into().expect("three");
    assert_eq!(
        closed,
        json!({
            "opened_ts": "2026-02-03T14:03:07.128456789Z", "duration_ns": 50_201_000, "outcome": "closed",
            "closed_by": "remote", "handshake_ns": 1_050_201_000, "bytes_sent": 777,
            "bytes_received": 123_456_789, "retransmits": 2, "rtt_ns": 50_250_125, "complete": true,
        })
    );
    assert_eq!(
        nothing,
        json!({
            "opened_ts": null, "duration_ns": null, "outcome": null, "closed_by": null, "handshake_ns": null,
            "bytes_sent": null, "bytes_received": 0, "retransmits": 0, "rtt_ns": null, "complete": false,
        })
    );
}

#[test]
fn a_reset_has_its_direction_and_its_reason() {
    let seen = print(&conclusions());
    let resets: Vec<_> = seen.into_iter().filter(|object| object["type"] == "reset").map(own_members).collect();
    assert_eq!(
        json!(resets),
        json!([
            { "direction": "received", "reason": "REFUSED", "inferred": ["reason"], "initiator": "remote", "state": "SYN_SENT" },
            { "direction": "sent", "reason": "TCP_ABORT_ON_CLOSE", "initiator": "local", "state": "ESTABLISHED" },
            { "direction": "sent", "reason": "NO_SOCKET", "initiator": "local", "state": null },
        ])
    );
}

#[test]
fn a_reason_is_escaped_for_a_recording_may_say_anything() {
    let mut conclusions = conclusions();
    let resets = conclusions.iter_mut().filter_map(|it| if let Observation::Reset(it) = it { Some(it) } else { None });
    resets.for_each(|reset| reset.reason = Some("\u{1b}\"}\n{".into()));
    let seen = print(&conclusions);
    let reset = seen.iter().find(|object| object["type"] == "reset").expect("one");
    assert_eq!(reset["reason"], "\u{1b}\"}\n{");
}

#[test]
fn a_timewait_socket_has_its_lives_and_its_end() {
    let seen = print(&conclusions());
    let ended: Vec<_> = seen.into_iter().filter(|object| object["type"] == "time_wait").map(own_members).collect();
    assert_eq!(
        json!(ended),
        json!([
            {
                "minisocket_ns": 62_490_000_000_u64, "time_wait_ns": 60_490_000_000_u64, "substate": "TIME_WAIT",
                "end": "expired", "seeded": false,
            },
            {
                "minisocket_ns": 62_490_000_000_u64, "time_wait_ns": null, "substate": "FIN_WAIT2", "end": "reset",
                "seeded": false, "inferred": ["end"],
            },
            { "minisocket_ns": null, "time_wait_ns": null, "substate": "TIME_WAIT", "end": null, "seeded": true },
        ])
    );
}

#[test]
fn a_host_in_trouble_is_said_to_be_and_what_is_not_known_is_null() {
    let summary = crate::figures::Summary { host: troubled(), ..summary() };
    let seen = print(&[Observation::Summary(Box::new(summary))]).pop().expect("a summary");
    assert_eq!(
        seen["ports"]["destinations"][0],
        json!({
            "netns": 4_026_531_840_u32, "local_addr": "10.0.0.5", "remote_addr": "10.0.0.9", "remote_port": 443,
            "held": 27_232, "sockets": 1_232, "time_wait": 26_000, "total": 28_232, "change_per_s": 100.0,
            "exhausted_in_ns": 10_000_000_000_u64, "opened": 90_000, "sustainable_per_s": 470.533,
            "tcp_tw_reuse": 2, "reused_after_ms": null, "failed": 12,
            "first_failed": { "ts": "2026-02-03T14:03:07.125456789Z", "local_port": null, "pid": 4121, "comm": "java" },
        })
    );
    let unknown =
        ["held", "time_wait", "total", "change_per_s", "exhausted_in_ns", "sustainable_per_s", "first_failed"];
    for name in unknown {
        assert_eq!(seen["ports"]["destinations"][1][name], Value::Null, "{name}");
    }
    assert_eq!(
        seen["stuck"]["groups"][0],
        json!({
            "netns": 4_026_531_840_u32, "state": "CLOSE_WAIT", "pid": 4121, "comm": "java", "listener_pid": null,
            "listener_comm": null, "role": "server", "local_port": 8080, "remote_addr": null, "remote_port": null,
            "count": 220, "stuck": 214, "stuck_after_ns": 60_000_000_000_u64, "oldest_ns": 7_260_000_000_000_u64,
            "oldest_is_lower_bound": true,
        })
    );
    assert_eq!((&seen["listen"][0]["ListenDrops"], &seen["listen"][0]["TCPReqQFullDrop"]), (&json!(14), &Value::Null));
    assert_eq!(
        (&seen["listen"][1]["ListenDrops"], &seen["listen"][1]["reason"]),
        (&Value::Null, &json!("not_found_at_start"))
    );
    let [compared, unread] = [0, 1].map(|number| &seen["kernel_counters"][number]);
    assert_eq!(
        compared["counters"]["ActiveOpens"],
        json!({ "kernel": 20_012, "ours": 20_000, "causes": { "in_flight": 10 }, "unexplained": 2 })
    );
    assert_eq!(compared["counters"]["TW+TWKilled"]["ours"], Value::Null);
    assert_eq!((&unread["comparable"], &unread["from"]), (&json!(false), &Value::Null));
    assert_eq!(seen["inferred"], json!(["ports", "stuck"]), "records were lost");
}

fn of_type(kind: &str) -> Vec<Value> {
    print(&story()).into_iter().filter(|object| object["type"] == kind).collect()
}

#[test]
fn start_comes_first() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        print(&[]),
        [json!({
            "type": "start", "ts": "2026-02-03T14:03:07.123456789Z", "schema": 1, "version": version,
            "host": "web1", "boot_id": "5f0c1a52-2c0b-4a5e-9d4e-1f1f6f6b8a3c", "kernel": "6.18.44",
            "filters": ["--port 443"],
            "features": [
                { "name": "transitions", "measured": true, "reason": null },
                { "name": "cgroup", "measured": false, "reason": "this kernel does not say" },
            ],
        })]
    );
}

#[test]
fn a_transition_has_every_member_and_null_where_nothing_is_known() {
    assert_eq!(
        of_type("transition")[0],
        json!({
            "type": "transition", "ts": "2026-02-03T14:03:07.123456789Z", "netns": 4_026_531_840_u32,
            "socket": 4711, "protocol": "tcp", "family": "ipv4", "local_addr": "10.0.0.5", "local_port": null,
            "remote_addr": "93.184.216.34", "remote_port": 443, "role": "client", "pid": 4711, "comm": "curl",
            "uid": 1000, "cgroup": "/system.slice/a \"b\"", "cgroup_id": 77, "container": null,
            "owner_source": "connect", "listener_pid": null, "listener_comm": null,
            "old_state": "CLOSE", "new_state": "SYN_SENT", "in_state_ns": null, "error": null,
        })
    );
}

#[test]
fn what_differs_from_line_to_line() {
    let lines = of_type("transition");
    assert_eq!((&lines[1]["in_state_ns"], &lines[1]["local_port"]), (&json!(12_345_678), &json!(51_324)));
    assert_eq!(lines[2]["error"], "ECONNREFUSED");
    assert_eq!((&lines[3]["local_addr"], &lines[3]["remote_addr"]), (&json!("0.0.0.0"), &Value::Null));
    assert_eq!((&lines[4]["remote_addr"], &lines[4]["remote_port"]), (&Value::Null, &Value::Null));
    assert_eq!((&lines[4]["pid"], &lines[4]["listener_pid"]), (&Value::Null, &json!(812)));
    assert_eq!((&lines[5]["role"], &lines[5]["listener_comm"]), (&json!("server"), &json!("nginx")));
    assert_eq!((&lines[6]["family"], &lines[6]["remote_addr"]), (&json!("ipv6"), &json!("2001:db8:1:2:3:4:5:6")));
    assert_eq!((&lines[7]["family"], &lines[7]["mapped"]), (&json!("ipv4"), &json!(true)));
    assert_eq!((&lines[7]["local_addr"], &lines[7]["role"]), (&json!("10.0.0.5"), &Value::Null));
    assert!(lines[..7].iter().all(|line| line.get("mapped").is_none()));
    assert_eq!(lines[7]["comm"], "\u{1b}[2J\u{fffd}\"");
}

#[test]
fn an_anomaly_says_what_was_expected() {
    let anomaly = &of_type("anomaly")[0];
    assert_eq!(anomaly["expected"], json!(["CLOSE_WAIT", "CLOSE"]));
    assert_eq!((&anomaly["old_state"], &anomaly["new_state"]), (&json!("ESTABLISHED"), &json!("SYN_SENT")));
    assert_eq!(anomaly["remote_port"], 443);
}

#[test]
fn a_gap_has_its_span_and_its_stage() {
    let to = "2026-02-03T14:03:08.123456789Z";
    let from = "2026-02-03T14:03:07.123456789Z";
    let expected = json!({ "type": "gap", "ts": to, "lost": 1234, "from": from, "to": to, "stage": "ring" });
    assert_eq!(of_type("gap"), [expected]);
}

#[test]
fn the_summary_holds_every_term_of_the_account() {
    let summary = &of_type("summary")[0];
    assert_eq!(summary["final"], true);
    assert_eq!(summary["to"], "2026-02-03T14:03:19.423456789Z");
    assert_eq!(summary["transitions"]["CLOSE>SYN_SENT"], 1200);
    assert_eq!(summary["transitions"].as_object().map(|kinds| kinds.len()), Some(4));
    assert_eq!((&summary["anomalies"], &summary["tracked"], &summary["evicted"]), (&json!(1), &json!(120), &json!(0)));
    let account = &summary["account"];
    let term = |name: &str| account[name].as_u64().unwrap_or_else(|| panic!("{name} is missing"));
    assert_eq!(term("made"), term("seen") + term("missed"));
    assert_eq!(term("seen"), term("filtered") + term("submitted") + term("reserve_failed") + term("held"));
    assert_eq!(term("submitted"), term("decoded") + term("undecodable"));
    assert_eq!(account["closes"], true);
    assert_eq!(account["tracepoints"]["inet_sock_set_state"]["programs"][1]["handled"], 5);
}

#[test]
fn what_a_terminal_would_obey_is_escaped() {
    let mut buf = Vec::new();
    push_text(&mut buf, "\u{1b}\u{9b}\u{7f}ä\\\"\n".as_bytes());
    assert_eq!(String::from_utf8_lossy(&buf), "\"\\u001b\\u009b\\u007fä\\\\\\\"\\u000a\"");
}

proptest! {
    #[test]
    fn any_name_and_address_survives(name in prop::collection::vec(1..=u8::MAX, 0..16), addr in any::<IpAddr>()) {
        let mut observed = change(0, ("10.0.0.5:1", "10.0.0.6:2"), SynSent, Established);
        observed.known.owner = owner(7, &name, OwnerSource::Proc);
        observed.transition.local.addr = addr;
        let line = &print(&[Observation::Transition(ObservedTransition { ..observed })])[1];
        prop_assert_eq!(line["comm"].as_str(), Some(&*String::from_utf8_lossy(&name)));
        let printed = line["local_addr"].as_str().and_then(|text| text.parse::<IpAddr>().ok());
        prop_assert_eq!(printed, Some(addr.to_canonical()));
    }

    #[test]
    fn numbers_are_what_serde_would_write(number in any::<u64>()) {
        let mut buf = Vec::new();
        push_number(&mut buf, number);
        prop_assert_eq!(buf, serde_json::to_vec(&number).expect("a number"));
    }
}

#[test]
fn a_summary_has_the_figures_of_each_service_and_of_all() {
    let summary = print(&story()).into_iter().find(|object| object["type"] == "summary").expect("a summary");
    assert_eq!((&summary["group_by"], &summary["groups"]), (&json!("service"), &json!(16)));
    let [server, client, .., unknown] = &summary["services"].as_array().expect("services")[..] else {
        panic!("{summary:#}")
    };
    let name = ["role", "local_port", "remote_addr", "remote_port", "netns"].map(|member| client[member].clone());
    assert_eq!(json!(name), json!(["client", null, "93.184.216.34", 443, 4_026_531_840_u32]));
    assert_eq!(client["failures"], json!({"refused": 7, "reset": 2, "aborted": 1}));
    assert_eq!(
        client["resets"][0],
        json!({"direction": "received", "reason": "REFUSED", "count": 7, "inferred": ["reason"]})
    );
    assert_eq!(unknown["unknown"], true);
    let handshake = json!({
        "count": 1_178, "p50_ns": 84_200, "p90_ns": 120_400, "p99_ns": 1_200_000, "max_ns": 1_050_201_000,
        "error": 0.01, "unknown": 2,
    });
    assert_eq!(server["handshake"], handshake);
    let time_wait = &server["time_wait"];
    assert_eq!(time_wait["ends"], json!({"expired": 1_011, "reused": 8, "killed": 2}));
    assert_eq!(time_wait["still_open"], json!({"count": 48, "longest_so_far_ns": 35_200_000_000_u64}));
    assert_eq!(time_wait["time_wait"]["max_ns"], 62_040_000_000_u64);
    assert_eq!((&summary["failures"]["refused"], &summary["time_wait"]["count"]), (&json!(7), &json!(1_069)));
    assert_eq!((&summary["rest"]["connections"], &summary["resets"]["sent"]), (&json!(25), &json!(12)));
}

/// Members whose values are words of this program's.
const WORDS: [&str; 21] = [
    "type",
    "role",
    "outcome",
    "closed_by",
    "method",
    "unknown_reason",
    "direction",
    "initiator",
    "reason",
    "owner_source",
    "old_state",
    "new_state",
    "state",
    "expected",
    "substate",
    "end",
    "stage",
    "error",
    "group_by",
    "protocol",
    "family",
];

/// Objects whose members have words of this program's, or of the kernel's, for names.
const NAMED: [&str; 6] = ["account", "failures", "ends", "causes", "counters", "unknown_reasons"];

/// All words in an object, and in those within it.
fn words(name: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(word) if WORDS.contains(&name) => found.push(word.clone()),
        Value::Array(values) => values.iter().for_each(|value| words(name, value, found)),
        Value::Object(members) => {
            if NAMED.contains(&name) {
                found.extend(members.keys().cloned());
            }
            members.iter().for_each(|(name, value)| words(name, value, found));
        }
        _ => {}
    }
}

#[test]
fn every_word_in_every_object_can_be_explained() {
    let settings = Settings::default();
    let host = Host { settings: &settings, services: &Services::default(), listeners: || Ok(Listing::default()) };
    let mut summary = summary();
    summary.host = troubled();
    let mut all = [story(), conclusions()].concat();
    all.extend([Observation::Summary(Box::new(summary)), Observation::Latency(Box::new(latency()))]);
    let listed = sockets();
    let groups = grouped(listed.at, &listed.listed, SocketsBy::State, SocketOrder::None);
    all.extend([Observation::SocketGroups(Box::new(groups)), Observation::Sockets(listed)]);
    let mut found = Vec::new();
    print(&all).iter().skip(1).for_each(|object| words("", object, &mut found));
    assert!(found.len() > 100, "{}", found.len());
    for word in found {
        assert!(find(&word, &host).is_ok(), "{word}");
    }
    for feature in print(&[])[0]["features"].as_array().expect("features") {
        assert!(find(feature["name"].as_str().expect("a name"), &host).is_ok(), "{feature}");
    }
}
