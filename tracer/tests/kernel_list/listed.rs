//! A socket as tracer lists it, and what a witness says of it.

use std::{collections::BTreeSet, ops::RangeInclusive, process::Command};

use serde_json::Value;

/// A descriptor: who has it, and its number.
pub(crate) type Holder = (u32, String, u32);

/// What tracer says.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) protocol: String,
    pub(crate) state: String,
    pub(crate) cookie: u64,
    pub(crate) inode: u64,
    local: String,
    remote: String,
    recv_q: u64,
    send_q: u64,
    uid: Option<u64>,
    timer: Option<(String, u64, u64)>,
    /// `None`: somebody's who may not be looked at.
    pub(crate) holders: Option<BTreeSet<Holder>>,
    rtt_us: Option<u64>,
    retransmits: Option<u64>,
    cgroup: Option<String>,
}

/// What a witness says; `None` where it does not.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) cookie: Option<u64>,
    pub(crate) inode: Option<u64>,
    pub(crate) protocol: &'static str,
    pub(crate) state: Option<&'static str>,
    pub(crate) local: String,
    pub(crate) remote: String,
    pub(crate) recv_q: Option<u64>,
    pub(crate) send_q: Option<u64>,
    pub(crate) uid: Option<u64>,
    /// What for, between how many milliseconds, how often it was due.
    pub(crate) timer: Option<Option<(&'static str, RangeInclusive<u64>, u64)>>,
    pub(crate) holders: Option<BTreeSet<Holder>>,
    pub(crate) rtt_us: Option<u64>,
    pub(crate) retransmits: Option<u64>,
    pub(crate) cgroup: Option<String>,
}

/// All of this thread's namespace, and what was said.
pub(crate) fn listed_by(tracer: &mut Command) -> (Vec<Listed>, String) {
    let output = tracer.output().expect("tracer");
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(output.status.success(), "{said}");
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let objects = lines.map(|line| serde_json::from_slice::<Value>(line).expect("a JSON object a line"));
    (objects.filter(|object| object["type"] == "socket").map(|object| Listed::of(&object)).collect(), said)
}

/// What lists them.
pub(crate) fn tracer() -> Command {
    let mut tracer = Command::new(env!("CARGO_BIN_EXE_tracer"));
    tracer.args(["list", "--format", "json"]);
    tracer
}

/// All of this thread's namespace, as root sees it.
pub(crate) fn list() -> Vec<Listed> {
    let (listed, said) = listed_by(&mut tracer());
    assert_eq!(said, "");
    listed
}

impl Listed {
    fn of(object: &Value) -> Self {
        let text = |name: &str| object[name].as_str().map(str::to_owned);
        let number = |name: &str| object[name].as_u64();
        let ms = |ns: u64| ns / 1_000_000;
        let timer = text("timer").map(|kind| {
            let remaining_ns = number("timer_remaining_ns").expect("a duration");
            (kind, ms(remaining_ns), number("timer_expired").expect("a number"))
        });
        let local = end(object, "local", None);
        let nowhere = if local.starts_with('[') { "[::]" } else { "0.0.0.0" };
        Self {
            protocol: text("protocol").expect("a protocol"),
            state: text("state").expect("a state"),
            cookie: number("socket").expect("a cookie"),
            inode: number("inode").unwrap_or(0),
            remote: end(object, "remote", Some(nowhere)),
            local,
            recv_q: number("recv_q").expect("a queue"),
            send_q: number("send_q").expect("a queue"),
            uid: number("uid"),
            timer,
            holders: object["owners"].as_array().map(|owners| owners.iter().map(holder).collect()),
            rtt_us: number("rtt_ns").map(|ns| ns / 1_000),
            retransmits: number("retransmits"),
            cgroup: text("cgroup"),
        }
    }

    /// Somebody has a descriptor of it.
    pub(crate) fn is_held(&self) -> bool {
        self.holders.as_ref().is_some_and(|holders| !holders.is_empty())
    }

    /// Bound and no more: the witnesses' versions do not list these.
    pub(crate) fn is_bound_only(&self) -> bool {
        self.state == "BOUND_INACTIVE"
    }
}

fn holder(owner: &Value) -> Holder {
    let number = |name: &str| owner[name].as_u64().and_then(|number| number.try_into().ok()).expect("a number");
    (number("pid"), owner["comm"].as_str().expect("a name").to_owned(), number("fd"))
}

/// `127.0.0.1:80`, `[::1]:80`, `127.0.0.1:*`; IPv4 mapped into IPv6 as such.
fn end(object: &Value, which: &str, nowhere: Option<&str>) -> String {
    let member = |what: &str| &object[format!("{which}_{what}")];
    let port = member("port").as_u64().map_or("*".to_owned(), |port| port.to_string());
    let addr = member("addr").as_str().or(nowhere).expect("an address");
    match (object["mapped"] == true, addr.contains(':') && !addr.starts_with('[')) {
        (true, _) => format!("[::ffff:{addr}]:{port}"),
        (_, true) => format!("[{addr}]:{port}"),
        _ => format!("{addr}:{port}"),
    }
}

impl Told {
    /// Whether it has these ends.
    pub(crate) fn is_between(&self, listed: &Listed) -> bool {
        self.protocol == listed.protocol && self.local == listed.local && self.remote == listed.remote
    }

    /// Holds it against what tracer said before and afterwards: what changed meanwhile lies between.
    pub(crate) fn compare(&self, before: &Listed, after: &Listed) {
        let either = |field: &str, told: Option<String>, of: &dyn Fn(&Listed) -> String| {
            let (before, after) = (of(before), of(after));
            let same = told.as_ref().is_none_or(|told| *told == before || *told == after);
            assert!(same, "{field}: told {told:?}, listed {before:?} and then {after:?}: {self:#?} {before:#?}");
        };
        let number = |number: u64| number.to_string();
        either("state", self.state.map(str::to_owned), &|listed| listed.state.clone());
        either("protocol", Some(self.protocol.to_owned()), &|listed| listed.protocol.clone());
        either("local", Some(self.local.clone()), &|listed| listed.local.clone());
        either("remote", Some(self.remote.clone()), &|listed| listed.remote.clone());
        either("recv_q", self.recv_q.map(number), &|listed| number(listed.recv_q));
        either("send_q", self.send_q.map(number), &|listed| number(listed.send_q));
        either("inode", self.inode.map(number), &|listed| number(listed.inode));
        // Witnesses say 0 where it is not known.
        either("uid", self.uid.map(number), &|listed| number(listed.uid.unwrap_or(0)));
        either("rtt", self.rtt_us.map(number), &|listed| number(listed.rtt_us.unwrap_or(0)));
        either("cgroup", self.cgroup.clone(), &|listed| listed.cgroup.clone().unwrap_or_default());
        let holders = |holders: &BTreeSet<Holder>| format!("{holders:?}");
        let listed_holders = |listed: &Listed| listed.holders.as_ref().map(holders).unwrap_or_default();
        either("holders", self.holders.as_ref().map(holders), &listed_holders);
        if let (Some(told), Some(from), Some(to)) = (self.retransmits, before.retransmits, after.retransmits) {
            assert!((from..=to).contains(&told), "retransmits: {self:#?} {before:#?} {after:#?}");
        }
        if let Some(told) = &self.timer {
            let lies_between = timer_lies_between(told.as_ref(), before.timer.as_ref(), after.timer.as_ref());
            assert!(lies_between, "timer: {self:#?} {before:#?} {after:#?}");
        }
    }
}

/// Whether a timer is one that ran from the first reading to the last, or was started anew between them.
fn timer_lies_between(
    told: Option<&(&'static str, RangeInclusive<u64>, u64)>,
    before: Option<&(String, u64, u64)>,
    after: Option<&(String, u64, u64)>,
) -> bool {
    let Some((kind, remaining_ms, expired)) = told else { return before.is_none() || after.is_none() };
    let of_kind = |timer: &&(String, u64, u64)| timer.0 == *kind;
    let not_longer = |timer: &(String, u64, u64)| *remaining_ms.start() <= timer.1 && timer.2 <= *expired;
    let not_shorter = |timer: &(String, u64, u64)| timer.1 <= *remaining_ms.end() && *expired <= timer.2;
    match (before.filter(of_kind), after.filter(of_kind)) {
        // It ran on.
        (Some(from), Some(to)) if to.1 <= from.1 && from.2 == to.2 => not_longer(from) && not_shorter(to),
        // It was due in between: this was read before or after that.
        (from, to) => from.is_some_and(not_longer) || to.is_some_and(not_shorter),
    }
}
