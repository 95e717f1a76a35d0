//! What a recording costs that was made to be expensive: words at most, and no more than 256 MiB. In as much, a million
//! connections are remembered.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::NonZeroU64,
    path::Path,
    process::{Command, Output},
};

use TcpState::{Close, CloseWait, Established, FinWait2, Listen, SynRecv, SynSent, TimeWait};
use tracer::{
    event::{
        ClockPair, Comm, Endpoint, Event, Family, MonotonicNs, Process, Reset, ResetKind, SockAddress, SocketCookie,
        SynAck, TcpState, Timer, TimerStep, Transition,
    },
    filter::Criteria,
    observation::{Feature, Start},
    recording::{Limits, Run, Store, Writer},
};

/// Address space, which is more than what is resident, in units of 1,024 bytes.
const LIMIT: u32 = 256 << 10;
const CLOCK: ClockPair = ClockPair { monotonic: MonotonicNs(1_000_000_000), realtime_ns: 1_700_000_000_000_000_000 };

/// A recording of these events.
fn record(path: &Path, events: impl Iterator<Item = Event>) {
    let features = ["transitions", "resets", "reset_reasons", "time_wait"];
    let features = features.map(|name| Feature { name: name.into(), missing: None });
    let start = Start {
        clock: CLOCK,
        host: "host".into(),
        boot_id: String::new(),
        kernel: String::new(),
        filters: Vec::new(),
        features: features.into(),
    };
    let run = Run { id: 1, version: String::new(), start, criteria: Criteria::default() };
    let store = Store::open(path, Limits::default(), None, CLOCK).expect("a store");
    let mut writer = Writer::begin(store, run).expect("a writer");
    for event in events {
        writer.take(&event);
        writer.tick(CLOCK).expect("room on the disk");
    }
    let later = MonotonicNs(CLOCK.monotonic.0 + 1_000_000_000);
    writer.tick(ClockPair { monotonic: later, ..CLOCK }).expect("room on the disk");
}

fn tracer(args: &[&str], path: &Path) -> Output {
    let limited = format!("ulimit -v {LIMIT} && exec \"$@\"");
    let mut tracer = Command::new("sh");
    tracer.args(["-c", &limited, "sh", env!("CARGO_BIN_EXE_tracer")]).args(args).arg("-r").arg(path);
    tracer.output().expect("tracer runs")
}

/// It comes to its end within the limit, whatever it says of it. Returns what it says.
fn costs_little(args: &[&str], path: &Path) -> String {
    let output = tracer(args, path);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 4)), "{args:?}: {} {said}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A socket of which nothing is like that of another.
fn socket(number: u64, old: TcpState, new: TcpState) -> Transition {
    let process = Process { pid: number as u32, comm: Comm((u128::from(number) << 8).to_be_bytes()) };
    let addr = IpAddr::V6(Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(number)));
    let local = Endpoint { addr, port: Some(number as u16 | 1) };
    let remote = Endpoint { addr, port: Some(443) };
    Transition {
        time: MonotonicNs(CLOCK.monotonic.0 + number),
        cookie: NonZeroU64::new(number + 1).map(SocketCookie),
        sock: SockAddress(number),
        netns: number as u32 % 5_000,
        cgroup_id: Some(number),
        old,
        shutdown: 1,
        actor: Some(process),
        srtt_us8: 1 << (number % 32),
        ..Transition::at_rest(Family::Ipv6, local, remote, new)
    }
}

fn timer(of: &Transition, step: TimerStep) -> Event {
    let Transition { time, cookie, sock, netns, family, local, remote, .. } = *of;
    Event::Timer(Timer {
        time,
        cookie,
        sock,
        netns,
        family,
        local,
        remote: remote.expect("an end"),
        ifindex: None,
        substate: TimeWait,
        jiffies: 0,
        expires: 60_000,
        entered_ms: None,
        step,
        undecided: false,
    })
}

fn reset(socket: Transition, kind: ResetKind, reason: Option<String>) -> Event {
    let socket = Transition { actor: None, ..socket };
    Event::Reset(Reset { socket, state: Some(socket.new), kind, reason: reason.map(Into::into) })
}

#[test]
fn sockets_that_all_tables_have_to_remember() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("sockets.trec");
    let life = |number: u64| {
        let at = |old, new| Event::Transition(socket(number, old, new));
        let begun = socket(number, Close, SynSent);
        let syn_ack = SynAck {
            cookie: SocketCookie(NonZeroU64::MIN.saturating_add(1 << 40 | number)),
            first: begun.time,
            netns: 1,
            local: begun.local,
            remote: begun.local,
        };
        let doubtful = socket(number, CloseWait, CloseWait);
        [
            Event::SynAckRetransmitted(syn_ack),
            Event::Transition(begun),
            at(SynSent, Established),
            at(Established, CloseWait),
            reset(doubtful, ResetKind::Received, Some(format!("REASON_{number}"))),
            timer(&begun, TimerStep::Started),
        ]
    };
    record(&path, (0..400_000).flat_map(life));
    let told = costs_little(&["summary"], &path);
    assert!(told.contains(" sockets forgotten before their end"), "{told}");
    costs_little(&["summary", "--group-by", "process", "--pid", "!1"], &path);
    costs_little(&["watch", "--format", "json", "-o", "/dev/null"], &path);
}

#[test]
fn a_million_connections_are_remembered() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("million.trec");
    let end = |port: u64| Endpoint { addr: Ipv4Addr::LOCALHOST.into(), port: Some(port as u16) };
    let life = |number: u64| {
        let (client, server) = (end(number % 28_000 + 32_768), Some(end(number / 28_000 + 1)));
        let connects = Transition { local: client, remote: server, netns: 1, ..socket(2 * number, Close, SynSent) };
        let connected = Transition { old: SynSent, new: Established, ..connects };
        let accepts = Transition {
            local: end(number / 28_000 + 1),
            remote: Some(client),
            netns: 1,
            ..socket(2 * number + 1, Listen, SynRecv)
        };
        let accepted = Transition { old: SynRecv, new: Established, ..accepts };
        [connects, connected, accepts, accepted].map(Event::Transition)
    };
    record(&path, (0..500_000).flat_map(life));
    let told = costs_little(&["summary"], &path);
    assert!(told.contains("1,000,000 sockets followed at the end") && !told.contains("forgotten"), "{told}");
}

#[test]
fn connections_that_wait_for_the_filter() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("waiting.trec");
    let life = |number: u64| {
        let at = |old, new| Event::Transition(Transition { actor: None, ..socket(number, old, new) });
        let back = [(Listen, SynRecv), (SynRecv, Established), (Established, CloseWait), (CloseWait, Established)];
        back.map(|(old, new)| at(old, new))
    };
    record(&path, (0..250_000).flat_map(life));
    let told = costs_little(&["summary", "--pid", "7"], &path);
    assert!(told.contains(" sockets forgotten before their end"), "{told}");
}

#[test]
fn timewait_sockets_whose_end_is_awaited() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("time_wait.trec");
    let life = |number: u64| {
        // Milliseconds apart, so that no more is awaited than may follow.
        let time = MonotonicNs(CLOCK.monotonic.0 + number * 1_000);
        let closed = Transition { time, ..socket(number, FinWait2, Close) };
        let cancelled = TimerStep::Cancelled { by: None, netns_deleted: false };
        [timer(&closed, TimerStep::Started), Event::Transition(closed), timer(&closed, cancelled)]
    };
    record(&path, (0..500_000).flat_map(life));
    costs_little(&["summary"], &path);
}

#[test]
fn figures_of_groups_that_have_every_duration_and_reason() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("figures.trec");
    let groups = (0..400_000_u64).flat_map(|number| {
        let local = Endpoint { addr: Ipv4Addr::LOCALHOST.into(), port: Some(number as u16 % 16_384 + 1) };
        let at = |old, new| Transition { local, netns: 1, ..socket(number, old, new) };
        let reason = format!("REASON_{}", number / 16_384);
        let established = at(SynRecv, Established);
        [
            Event::Transition(at(Listen, SynRecv)),
            Event::Transition(Transition { srtt_us8: 1 << (number / 16_384), ..established }),
            reset(at(Established, Established), ResetKind::Answer, Some(reason)),
        ]
    });
    record(&path, groups);
    costs_little(&["summary"], &path);
    costs_little(&["summary", "--interval", "1s"], &path);
}
