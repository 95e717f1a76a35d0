//! Imagined connections: the files in `scenarios/`, events in and observations out. Adding one needs no Rust; CONTRIBUTING.md
//! says how they are written.

use std::{fs, num::NonZeroU64, path::Path, sync::Arc};

use serde::Deserialize;
use serde_json::Value;
use tracer::{
    event::{
        Call, Caller, ClockPair, Comm, Endpoint, Event, Family, MonotonicNs, Process, Reset, ResetKind, SockAddress,
        SocketCookie, SynAck, TcpState, Timer, TimerStep, Transition,
    },
    filter::{Criteria, Filter},
    measure,
    memory::Budget,
    observation::Observation,
    output::JsonOutput,
    track::Tracker,
};

/// A file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    scenario: Vec<Scenario>,
}

/// What happens, and all that is concluded from it but the transitions themselves.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    name: String,
    events: Vec<Happening>,
    concluded: Vec<toml::Table>,
}

/// An event. What is left out is as it usually is.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Happening {
    /// Microseconds from the start.
    us: u64,
    /// `OLD>NEW`.
    change: Option<String>,
    /// `abort`, `answer` or `received`.
    reset: Option<String>,
    /// The state of a reset's socket; empty if there is none.
    state: String,
    reason: Option<String>,
    /// `found`, `started`, `cancelled` or `expired`: a timewait socket's timer; `state` is its substate, `by` the process in
    /// whose system call it is cancelled.
    timer: Option<String>,
    /// The timewait socket's address, if it is not that of its own.
    address: Option<u64>,
    /// How long the timer still runs, microseconds; a kernel with 250 ticks a second.
    left_us: i64,
    /// When it entered TIME_WAIT proper, microseconds, on a kernel that says so.
    entered_us: Option<u64>,
    /// What the system call does: `connects`, `sends`, `writes`.
    call: String,
    netns_deleted: bool,
    /// Nothing but time has passed.
    passed: bool,
    /// When the first SYN-ACK left, microseconds; the event is another one.
    first_syn_ack_us: Option<u64>,
    socket: u64,
    ifindex: Option<u32>,
    local: String,
    remote: String,
    /// `name/pid` of whoever holds the socket's lock.
    by: Option<String>,
    error: Option<String>,
    /// `sk_shutdown`.
    shutdown: u8,
    fin_received: bool,
    sent: bool,
    unacked: bool,
    srtt_us: u32,
    retransmits: u32,
    acked: u64,
    received: u64,
    syn_data: bool,
    syn_deferred: bool,
    defer_accept: bool,
    /// Taken by the second program.
    recovered: bool,
}

impl Default for Happening {
    fn default() -> Self {
        Self {
            us: 0,
            change: None,
            reset: None,
            state: String::new(),
            reason: None,
            timer: None,
            address: None,
            left_us: 60_000_000,
            entered_us: None,
            call: String::new(),
            netns_deleted: false,
            passed: false,
            first_syn_ack_us: None,
            socket: 1,
            ifindex: None,
            local: "10.0.0.1:40000".into(),
            remote: "10.0.0.2:443".into(),
            by: None,
            error: None,
            shutdown: 0,
            fin_received: false,
            sent: true,
            unacked: false,
            srtt_us: 0,
            retransmits: 0,
            acked: 0,
            received: 0,
            syn_data: false,
            syn_deferred: false,
            defer_accept: false,
            recovered: false,
        }
    }
}

impl Happening {
    fn event(&self) -> Event {
        if let Some(first) = self.first_syn_ack_us {
            let cookie = self.cookie().expect("a socket");
            let Transition { netns, local, remote, .. } = self.transition(TcpState::Close, TcpState::Close);
            let remote = remote.expect("the other end");
            return Event::SynAckRetransmitted(SynAck { cookie, first: micros(first), netns, local, remote });
        }
        if let Some(change) = &self.change {
            let (old, new) = change.split_once('>').expect("OLD>NEW");
            return Event::Transition(self.transition(state(old), state(new)));
        }
        if let Some(step) = &self.timer {
            return Event::Timer(self.timer(step));
        }
        if self.passed {
            return Event::Until(micros(self.us));
        }
        let kind = match self.reset.as_deref().expect("a change, a reset, a timer, a SYN-ACK or time") {
            "abort" => ResetKind::Abort,
            "answer" => ResetKind::Answer,
            "received" => ResetKind::Received,
            other => panic!("{other} is no kind of reset"),
        };
        let own = (!self.state.is_empty()).then(|| state(&self.state));
        let nominal = own.unwrap_or(TcpState::Close);
        let reason = self.reason.as_deref().map(Arc::from);
        let mut socket = self.transition(nominal, nominal);
        if own == Some(TcpState::TimeWait) {
            socket.sock = self.timewait();
        }
        Event::Reset(Reset { socket, state: own, kind, reason })
    }

    fn call(&self) -> Call {
        match &*self.call {
            "connects" => Call::Connects,
            "sends" => Call::Sends,
            "writes" => Call::Writes,
            "" => Call::Other,
            other => panic!("{other} is no system call"),
        }
    }

    /// The address of the timewait socket that is left of the socket.
    fn timewait(&self) -> SockAddress {
        SockAddress(0xeeee_0000 + self.address.unwrap_or(self.socket))
    }

    fn timer(&self, step: &str) -> Timer {
        let Transition { time, cookie, netns, family, local, remote, ifindex, .. } =
            self.transition(TcpState::Close, TcpState::Close);
        let by = self.by.as_deref().map(|by| Caller { pid: process(by).pid, call: self.call() });
        Timer {
            time,
            cookie,
            sock: self.timewait(),
            netns,
            family,
            local,
            remote: remote.expect("the other end"),
            ifindex,
            substate: if self.state.is_empty() { TcpState::TimeWait } else { state(&self.state) },
            jiffies: self.us / TICK_US,
            expires: self.us.saturating_add_signed(self.left_us) / TICK_US,
            entered_ms: self.entered_us.map(|us| u32::try_from(us / 1000).expect("soon")),
            step: match step {
                "found" => TimerStep::Found,
                "started" => TimerStep::Started,
                "cancelled" => TimerStep::Cancelled { by, netns_deleted: self.netns_deleted },
                "expired" => TimerStep::Expired,
                other => panic!("{other} is nothing that happens to a timer"),
            },
            undecided: false,
        }
    }

    fn cookie(&self) -> Option<SocketCookie> {
        NonZeroU64::new(self.socket).map(SocketCookie)
    }

    fn transition(&self, old: TcpState, new: TcpState) -> Transition {
        Transition {
            time: micros(self.us),
            cookie: self.cookie(),
            sock: SockAddress(0xffff_0000 + self.socket),
            netns: 1,
            cgroup_id: None,
            uid: (self.socket != 0).then_some(0),
            family: Family::Ipv4,
            local: end(&self.local),
            remote: Some(end(&self.remote)),
            old,
            new,
            error: self.error.as_deref().map(errno),
            shutdown: self.shutdown,
            sent: self.sent,
            unacked: self.unacked,
            syn_data: Some(self.syn_data),
            syn_deferred: self.syn_deferred,
            defer_accept: self.defer_accept,
            fin_received: self.fin_received,
            actor: self.by.as_deref().map(process),
            srtt_us8: self.srtt_us * 8,
            total_retrans: self.retransmits,
            bytes_acked: self.acked,
            bytes_received: self.received,
            ifindex: self.ifindex,
            recovered: self.recovered,
            undecided: false,
        }
    }
}

/// Microseconds of a tick: 250 a second.
const TICK_US: u64 = 4_000;

fn micros(us: u64) -> MonotonicNs {
    MonotonicNs(us * 1000)
}

fn state(name: &str) -> TcpState {
    *TcpState::ALL.iter().find(|state| state.name() == name).unwrap_or_else(|| panic!("no state {name}"))
}

fn end(text: &str) -> Endpoint {
    let (addr, port) = text.rsplit_once(':').expect("address:port");
    let port = port.parse().expect("a port");
    Endpoint { addr: addr.parse().expect("an address"), port: (port != 0).then_some(port) }
}

fn process(text: &str) -> Process {
    let (name, pid) = text.split_once('/').expect("name/pid");
    let mut comm = [0; 16];
    comm[..name.len()].copy_from_slice(name.as_bytes());
    Process { pid: pid.parse().expect("a pid"), comm: Comm(comm) }
}

fn errno(name: &str) -> u16 {
    let number = match name {
        "EPIPE" => libc::EPIPE,
        "ECONNABORTED" => libc::ECONNABORTED,
        "ECONNRESET" => libc::ECONNRESET,
        "ETIMEDOUT" => libc::ETIMEDOUT,
        "ECONNREFUSED" => libc::ECONNREFUSED,
        "EHOSTUNREACH" => libc::EHOSTUNREACH,
        other => panic!("add {other} here"),
    };
    u16::try_from(number).expect("an errno")
}

/// Everything concluded, as the JSON output tells it; no transitions but the inferred ones.
fn conclude(scenario: &Scenario) -> Vec<Value> {
    let mut tracker = Tracker::new(Filter::new(Criteria::default()).expect("no lists"), 1000, &Budget::of_sockets(1));
    let mut output = JsonOutput::default();
    let mut text = Vec::new();
    let clock = ClockPair { monotonic: MonotonicNs(0), realtime_ns: 0 };
    output.observe(&Observation::Clock(clock), &mut text);
    let mut show = |observation: &Observation| {
        output.observe(observation, &mut text);
        measure::conclude(observation, &mut |conclusion| output.observe(conclusion, &mut text));
    };
    for happening in &scenario.events {
        tracker.apply(&happening.event(), &mut show);
    }
    tracker.finish(&mut show);
    let lines = String::from_utf8(text).expect("UTF-8");
    let objects = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("an object a line"));
    objects.filter(|object| object["type"] != "transition" || object["inferred"].is_array()).collect()
}

/// TOML has no null.
fn value(expected: &toml::Value) -> Value {
    match expected.as_str() {
        Some("null") => Value::Null,
        _ => serde_json::to_value(expected).expect("a value"),
    }
}

#[test]
fn every_scenario_ends_as_its_file_says() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut names = Vec::new();
    for file in fs::read_dir(directory).expect("scenarios") {
        let path = file.expect("a file").path();
        let text = fs::read_to_string(&path).expect("a file");
        let file: File = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for scenario in file.scenario {
            let concluded = conclude(&scenario);
            let told = || format!("{}: {}\n{concluded:#?}", path.display(), scenario.name);
            assert_eq!(concluded.len(), scenario.concluded.len(), "{}", told());
            for (got, expected) in concluded.iter().zip(&scenario.concluded) {
                for (member, expected) in expected {
                    assert_eq!(got.get(member), Some(&value(expected)), "{member}: {}", told());
                }
            }
            names.push(scenario.name);
        }
    }
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all, "two scenarios have the same name");
}
