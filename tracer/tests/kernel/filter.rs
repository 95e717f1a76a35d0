//! The kernel's filter against a plain reading of the flags, on the same live traffic.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
};

use fastrand::Rng;
use serde_json::Value;
use socket2::{Domain, Socket, Type};

use crate::{
    isolated::isolated,
    support::{Namespace, Trace},
};

/// Where something listens: plain IPv4, another address, IPv6, and IPv6 that also takes IPv4.
const LISTEN: [&str; 4] = ["127.0.0.1:1001", "127.0.0.2:2002", "[::1]:3003", "[::]:4004"];
/// Where connections come from and go to. Port 0: the kernel chooses; 50005 lies in the ephemeral range, 5005 does not.
const CONNECT: [(&str, &str); 8] = [
    ("127.0.0.1:0", "127.0.0.1:1001"),
    ("127.0.0.3:50005", "127.0.0.1:1001"),
    ("127.0.0.9:5005", "127.0.0.2:2002"),
    ("127.0.0.3:0", "127.0.0.2:2002"),
    ("[::1]:0", "[::1]:3003"),
    ("[::1]:50005", "[::1]:4004"),
    ("127.0.0.4:0", "127.0.0.1:4004"),
    ("127.0.0.1:0", "127.0.0.1:9"),
];

fn traffic() {
    let listeners: Vec<_> = LISTEN.iter().map(|addr| TcpListener::bind(addr).expect("listener")).collect();
    for (from, to) in CONNECT {
        let (from, to): (SocketAddr, SocketAddr) = (from.parse().expect("from"), to.parse().expect("to"));
        let socket = Socket::new(Domain::for_address(from), Type::STREAM, None).expect("socket");
        // Left unbound, a socket has no local port yet at SYN_SENT: what the filter must wait for.
        if from.port() != 0 || from.ip() != to.ip() {
            socket.bind(&from.into()).expect("bind");
        }
        if socket.connect(&to.into()).is_err() {
            continue;
        }
        let listener =
            listeners.iter().find(|l| l.local_addr().is_ok_and(|addr| addr.port() == to.port())).expect("a listener");
        let (accepted, _) = listener.accept().expect("accept");
        drop(TcpStream::from(socket));
        drop(accepted);
    }
}

/// One random condition: the flag as typed, and what it means for a socket's two ends.
struct Condition {
    flags: [String; 2],
    holds: Box<dyn Fn(&Ends) -> bool>,
}

/// The ends of a socket, as all of its transitions together tell.
#[derive(Debug)]
struct Ends {
    local: (IpAddr, u16),
    remote: (IpAddr, u16),
}

/// `flag` with one or two items of `pool`, perhaps excluded. `ends` picks what the flag looks at.
fn condition<T: Copy + 'static>(
    rng: &mut Rng,
    flag: &str,
    pool: &[(&str, T)],
    ends: fn(&Ends) -> Vec<(IpAddr, u16)>,
    hit: fn(T, (IpAddr, u16)) -> bool,
) -> Condition {
    let items: Vec<(bool, &str, T)> = (0..rng.usize(1..=2))
        .map(|_| {
            let (text, value) = pool[rng.usize(..pool.len())];
            (rng.u8(..4) == 0, text, value)
        })
        .collect();
    let typed: Vec<String> =
        items.iter().map(|(not, text, _)| format!("{}{text}", if *not { "!" } else { "" })).collect();
    let (excluded, wanted): (Vec<_>, Vec<_>) = items.into_iter().partition(|(not, ..)| *not);
    let values = |list: Vec<(bool, &str, T)>| list.into_iter().map(|(.., v)| v).collect::<Vec<T>>();
    let (excluded, wanted) = (values(excluded), values(wanted));
    let holds = move |socket: &Ends| {
        let any = |list: &[T]| ends(socket).iter().any(|end| list.iter().any(|v| hit(*v, *end)));
        (wanted.is_empty() || any(&wanted)) && !any(&excluded)
    };
    Condition { flags: [flag.to_owned(), typed.join(",")], holds: Box::new(holds) }
}

fn random_condition(rng: &mut Rng) -> Condition {
    let local: fn(&Ends) -> Vec<_> = |e| vec![e.local];
    let remote: fn(&Ends) -> Vec<_> = |e| vec![e.remote];
    let either: fn(&Ends) -> Vec<_> = |e| vec![e.local, e.remote];
    if rng.bool() {
        let pool = [
            ("1001", (1001, 1001)),
            ("2000-4500", (2000, 4500)),
            ("50005", (50005, 50005)),
            ("5005", (5005, 5005)),
            ("30000-45000", (30000, 45000)),
            ("1-65535", (1, 65535)),
        ];
        let hit = |(low, high): (u16, u16), end: (IpAddr, u16)| (low..=high).contains(&end.1);
        let (flag, ends) = [("--port", either), ("--local-port", local), ("--remote-port", remote)][rng.usize(..3)];
        condition(rng, flag, &pool, ends, hit)
    } else {
        let pool = [
            ("127.0.0.1", ("127.0.0.1", 32u32)),
            ("127.0.0.0/30", ("127.0.0.0", 30)),
            ("127.0.0.8/29", ("127.0.0.8", 29)),
            ("::1", ("::1", 128)),
            ("::/0", ("::", 0)),
        ];
        let hit = |(net, len): (&'static str, u32), end: (IpAddr, u16)| {
            let bits = |addr: IpAddr| match addr {
                IpAddr::V4(addr) => (4, u128::from(u32::from(addr)) << 96),
                IpAddr::V6(addr) => (6, u128::from(addr)),
            };
            let ((family, net), (of, addr)) = (bits(net.parse().expect("an address")), bits(end.0));
            family == of && (len == 0 || net >> (128 - len) == addr >> (128 - len))
        };
        let (flag, ends) = [("--addr", either), ("--local", local), ("--remote", remote)][rng.usize(..3)];
        condition(rng, flag, &pool, ends, hit)
    }
}

/// One to three conditions, each flag once: the values of one flag are alternatives, not conditions.
fn random_filter(rng: &mut Rng) -> Vec<Condition> {
    let mut conditions = Vec::<Condition>::new();
    for _ in 0..rng.usize(1..=3) {
        let condition = random_condition(rng);
        if conditions.iter().all(|other| other.flags[0] != condition.flags[0]) {
            conditions.push(condition);
        }
    }
    conditions
}

/// Number of transitions of each socket that satisfies every condition, by its ends.
fn expected(trace: &Trace, conditions: &[Condition]) -> usize {
    let mut sockets = BTreeMap::<u64, Vec<&Value>>::new();
    for transition in trace.transitions() {
        sockets.entry(transition["socket"].as_u64().expect("a cookie")).or_default().push(transition);
    }
    sockets
        .values()
        .filter(|path| {
            let ends = ends(path.last().expect("at least one"));
            conditions.iter().all(|condition| (condition.holds)(&ends))
        })
        .map(Vec::len)
        .sum()
}

fn ends(transition: &Value) -> Ends {
    let end = |which: &str| {
        // A listener has no remote end: to the kernel it is the unspecified address.
        let nowhere = if transition["family"] == "ipv6" { "::" } else { "0.0.0.0" };
        let addr = transition[format!("{which}_addr")].as_str().unwrap_or(nowhere);
        let port = transition[format!("{which}_port")].as_u64().unwrap_or(0);
        (addr.parse().expect("an address"), u16::try_from(port).expect("a port"))
    };
    Ends { local: end("local"), remote: end("remote") }
}

#[test]
fn kernel_and_flags_agree_on_live_traffic() {
    isolated!();
    let seed = std::env::var("TRACER_TEST_SEED").map_or(20_261_121, |s| s.parse().expect("a number"));
    let mut rng = Rng::with_seed(seed);
    for round in 0..6 {
        let namespace = Namespace::enter();
        let filters: Vec<Vec<Condition>> = (0..4).map(|_| random_filter(&mut rng)).collect();
        let mut whole = namespace.trace(&[]);
        let mut traces: Vec<Trace> = filters
            .iter()
            .map(|conditions| {
                let args: Vec<&str> = conditions.iter().flat_map(|c| c.flags.each_ref()).map(String::as_str).collect();
                namespace.trace(&args)
            })
            .collect();
        traffic();
        assert!(whole.stop().success());
        for (trace, conditions) in traces.iter_mut().zip(&filters) {
            assert!(trace.stop().success());
            let typed: Vec<_> = conditions.iter().map(|c| c.flags.join(" ")).collect();
            let context = format!("seed {seed}, round {round}: {}", typed.join(" "));
            let shown = trace.transitions().count();
            assert_eq!(shown, expected(&whole, conditions), "{context}\n{:#?}", whole.paths());
            // The kernel decided, not user space after it.
            let account = trace.account();
            let submitted = &account["tracepoints"]["inet_sock_set_state"]["submitted"];
            assert_eq!(submitted, shown, "{context}: {account:#}");
            assert_eq!(account["closes"], true, "{context}: {account:#}");
        }
    }
}

#[test]
fn a_connection_is_whole_although_its_port_was_chosen_late() {
    isolated!();
    let namespace = Namespace::enter();
    let mut trace = namespace.trace(&["--local-port", "32768-60999"]);
    let listener = TcpListener::bind("127.0.0.1:1001").expect("listener");
    let client = TcpStream::connect("127.0.0.1:1001").expect("connection");
    drop(listener.accept().expect("accept"));
    drop(client);
    trace.wait_for(5);
    assert!(trace.stop().success());
    assert_eq!(trace.paths(), ["client CLOSE SYN_SENT ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE"]);
}

#[test]
fn families_devices_and_loopback() {
    isolated!();
    let namespace = Namespace::enter();
    let mut traces = [
        (namespace.trace(&["-4"]), "-4"),
        (namespace.trace(&["-6"]), "-6"),
        (namespace.trace(&["--no-loopback"]), "--no-loopback"),
        (namespace.trace(&["--netns", "!self"]), "--netns !self"),
    ];
    let mut whole = namespace.trace(&[]);
    traffic();
    assert!(whole.stop().success());
    let all = whole.transitions().count();
    let v6 = whole.transitions().filter(|t| t["family"] == "ipv6").count();
    // The dual-stack listener is bound to no address at all, so to no loopback address.
    let unbound = whole.transitions().filter(|t| t["local_addr"] == "::").count();
    assert!(v6 > 0 && v6 < all && unbound == 2);
    for (trace, flag) in &mut traces {
        assert!(trace.stop().success());
        let count = trace.transitions().count();
        let expected = match *flag {
            "-4" => all - v6,
            "-6" => v6,
            "--no-loopback" => unbound,
            _ => 0,
        };
        assert_eq!(count, expected, "{flag}");
    }
}
