//! What ss, netstat and lsof say.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    process::Command,
};

use crate::listed::{Holder, Told};

/// Runs a witness in this thread's namespace.
fn output(command: &str) -> String {
    let mut words = command.split(' ');
    let output = Command::new(words.next().expect("a program")).args(words).output().expect(command);
    String::from_utf8(output.stdout).expect("text")
}

/// `ss -tuanpoe`, with `-i` for round trips and retransmissions, one line each.
pub(crate) fn ss() -> Vec<Told> {
    output("ss -tuanpoeiOH").lines().map(of_ss).collect()
}

fn of_ss(line: &str) -> Told {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [protocol, state, recv_q, send_q, local, remote, rest @ ..] = &words[..] else { panic!("{line}") };
    let value = |key: &str| rest.iter().find_map(|word| word.strip_prefix(key));
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("{text} in {line}"));
    let state = kernel_state(state);
    let is_full = value("cgroup:").is_some();
    let is_connection = is_full && *protocol == "tcp" && state != "LISTEN";
    Told {
        cookie: value("sk:").and_then(|cookie| u64::from_str_radix(cookie, 16).ok()),
        inode: value("ino:").map(number),
        protocol: if *protocol == "tcp" { "tcp" } else { "udp" },
        state: Some(state),
        local: ss_end(local),
        remote: ss_end(remote),
        recv_q: Some(number(recv_q)),
        send_q: Some(number(send_q)),
        uid: Some(value("uid:").map_or(0, number)),
        timer: Some(value("timer:").map(ss_timer)),
        holders: Some(value("users:").map_or_else(BTreeSet::new, ss_holders)),
        // Milliseconds, to the microsecond.
        rtt_us: is_connection.then(|| {
            let rtt = value("rtt:").and_then(|rtt| rtt.split('/').next());
            rtt.map_or(0, |rtt| (rtt.parse::<f64>().expect("a number") * 1e3).round() as u64)
        }),
        retransmits: is_connection
            .then(|| value("retrans:").and_then(|retrans| retrans.split('/').nth(1)).map_or(0, number)),
        cgroup: value("cgroup:").map(str::to_owned),
    }
}

/// `127.0.0.1%lo:80`; `*:80` is of both families.
fn ss_end(end: &str) -> String {
    let (addr, port) = end.rsplit_once(':').expect("an address and a port");
    let addr = addr.split('%').next().expect("an address");
    format!("{}:{port}", if addr == "*" { "[::]" } else { addr })
}

/// `(("nginx",pid=812,fd=6),("nginx",pid=813,fd=6))`
fn ss_holders(users: &str) -> BTreeSet<Holder> {
    let holder = |user: &str| {
        let (comm, rest) = user.split_once("\",pid=")?;
        let (pid, fd) = rest.split_once(",fd=")?;
        Some((pid.parse().ok()?, comm.to_owned(), fd.parse().ok()?))
    };
    let users = users.trim_matches(['(', ')']).split("),(");
    users.map(|user| holder(user.trim_start_matches('"')).unwrap_or_else(|| panic!("{user}"))).collect()
}

/// `(keepalive,119min,0)`
fn ss_timer(timer: &str) -> (&'static str, RangeInclusive<u64>, u64) {
    let mut parts = timer.trim_matches(['(', ')']).split(',');
    let [kind, remaining, expired] = [(); 3].map(|()| parts.next().expect("three parts"));
    (timer_kind(kind), ss_span(remaining), expired.parse().expect("a number"))
}

/// Cut to one unit: `119min`, `1min59sec`, `12sec`; or `9.123ms`, which are 9,123, and `123ms`.
fn ss_span(text: &str) -> RangeInclusive<u64> {
    let (minutes, rest) = text.split_once("min").unwrap_or(("0", text));
    let (seconds, rest) = match (rest.strip_suffix("sec"), rest.split_once('.')) {
        (Some(seconds), _) => (seconds, ""),
        (None, Some(parts)) => parts,
        (None, None) => ("", rest),
    };
    let number = |text: &str| text.trim_end_matches("ms").parse().unwrap_or(0);
    let (minutes, whole): (u64, u64) = (number(minutes), number(seconds) * 1_000 + number(rest));
    let unit = match (minutes, rest) {
        (10.., _) => 60_000,
        (1.., _) | (0, "") => 1_000,
        _ => 1,
    };
    let from = minutes * 60_000 + whole;
    from..=from + unit - 1
}

/// `netstat -tuanpeo`, wide enough for any address.
pub(crate) fn netstat() -> Vec<Told> {
    let output = output("netstat -tuanpeoW");
    output.lines().filter(|line| line.starts_with("tcp") || line.starts_with("udp")).map(of_netstat).collect()
}

fn of_netstat(line: &str) -> Told {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [protocol, recv_q, send_q, local, remote, rest @ ..] = &words[..] else { panic!("{line}") };
    // UDP that is not connected has no state.
    let has_state = rest[0].parse::<u32>().is_err();
    let (state, rest) = if has_state { (kernel_state(rest[0]), &rest[1..]) } else { ("CLOSE", rest) };
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("{text} in {line}"));
    let is_ipv6 = protocol.ends_with('6');
    Told {
        protocol: if protocol.starts_with("tcp") { "tcp" } else { "udp" },
        state: Some(state),
        local: netstat_end(local, is_ipv6),
        remote: netstat_end(remote, is_ipv6),
        recv_q: Some(number(recv_q)),
        // Of a listener it is always 0 (get_tcp4_sock).
        send_q: (state != "LISTEN").then(|| number(send_q)),
        uid: Some(number(rest[0])),
        inode: Some(number(rest[1])),
        timer: Some(netstat_timer(rest[rest.len() - 2], rest[rest.len() - 1])),
        ..Told::default()
    }
}

/// `:::80` or `[::]:80`, and IPv4 mapped into IPv6 as IPv4.
fn netstat_end(end: &str, is_ipv6: bool) -> String {
    let (addr, port) = end.rsplit_once(':').expect("an address and a port");
    let addr = addr.trim_matches(['[', ']']);
    match addr.contains(':') {
        true => format!("[{addr}]:{port}"),
        false if is_ipv6 => format!("[::ffff:{addr}]:{port}"),
        false => end.to_owned(),
    }
}

/// `on (0.19/2/0)`: seconds to the hundredth, expired, probes.
fn netstat_timer(kind: &str, numbers: &str) -> Option<(&'static str, RangeInclusive<u64>, u64)> {
    if kind == "off" {
        return None;
    }
    let mut numbers = numbers.trim_matches(['(', ')']).split('/');
    let [seconds, retransmits, probes] = [(); 3].map(|()| numbers.next().expect("three numbers"));
    let from = (seconds.parse::<f64>().expect("a number") * 1e3).round() as u64;
    let expired = if kind == "on" { retransmits } else { probes };
    // The kernel rounds to jiffies of its own and to hundredths.
    Some((timer_kind(kind), from..=from + 10, expired.parse().expect("a number")))
}

/// `lsof -nPi`, a field a line: of each socket all who hold it.
pub(crate) fn lsof() -> Vec<Told> {
    let mut told: BTreeMap<u64, Told> = BTreeMap::new();
    let mut lines = Fields::default();
    for line in output("lsof -nPi +c 15 -Tqs -F pcfdtPnT").lines() {
        let (field, value) = line.split_at(1);
        if matches!(field, "p" | "f") {
            lines.tell(&mut told);
        }
        lines.read(field, value);
    }
    lines.tell(&mut told);
    told.into_values().collect()
}

/// A descriptor's fields.
#[derive(Default)]
struct Fields {
    pid: u32,
    comm: String,
    fd: u32,
    is_ipv6: bool,
    socket: Option<Told>,
}

impl Fields {
    fn read(&mut self, field: &str, value: &str) {
        let anywhere = if self.is_ipv6 { "::" } else { "0.0.0.0" };
        let socket = self.socket.get_or_insert_default();
        match field {
            "p" => self.pid = value.parse().expect("a pid"),
            "c" => value.clone_into(&mut self.comm),
            "f" => self.fd = value.parse().expect("a descriptor"),
            "t" => self.is_ipv6 = value == "IPv6",
            "d" => socket.inode = value.parse().ok(),
            "P" => socket.protocol = if value == "TCP" { "tcp" } else { "udp" },
            "n" => {
                let (local, remote) = value.split_once("->").unwrap_or((value, "*:*"));
                socket.local = netstat_end(&local.replace('*', anywhere), self.is_ipv6);
                socket.remote = netstat_end(&remote.replacen('*', anywhere, 1), self.is_ipv6);
            }
            "T" => match value.split_once('=').expect("a value") {
                ("ST", state) => socket.state = Some(kernel_state(state)),
                ("QR", queue) => socket.recv_q = queue.parse().ok(),
                (_, queue) => socket.send_q = queue.parse().ok(),
            },
            _ => {}
        }
    }

    /// The descriptor is over.
    fn tell(&mut self, told: &mut BTreeMap<u64, Told>) {
        let Some((inode, mut socket)) = self.socket.take().and_then(|socket| Some((socket.inode?, socket))) else {
            return;
        };
        if socket.state == Some("LISTEN") {
            // From the same table as netstat.
            socket.send_q = None;
        }
        let holders = told.entry(inode).or_insert(socket).holders.get_or_insert_default();
        holders.insert((self.pid, self.comm.clone(), self.fd));
    }
}

fn timer_kind(name: &str) -> &'static str {
    match name {
        "on" => "retransmit",
        "keepalive" => "keepalive",
        "timewait" => "time_wait",
        "persist" | "probe" => "probe",
        other => panic!("a timer {other}"),
    }
}

/// A state in anybody's spelling.
fn kernel_state(name: &str) -> &'static str {
    tracer::event::TcpState::from_spelling(name).unwrap_or_else(|| panic!("a state {name}")).name()
}
