//! TIME_WAIT on this host: its settings, and how many connections its ports are enough for.

use super::{Aspect, Explanation, Fact};
use crate::{
    figures::host::{REUSE_DELAY_MS, TIME_WAIT_NS},
    namespace::Settings,
};

/// How long TIME_WAIT lasts, seconds.
const TIME_WAIT_S: u64 = TIME_WAIT_NS / 1_000_000_000;

const WHY: &str = "2 MSL is 60 s on Linux, and no setting changes it (TCP_TIMEWAIT_LEN, include/net/tcp.h): a segment \
    of the old connection must not turn up in a new one of the same ends, and if the last ACK is lost \
    the peer's FIN must find somebody who answers it.";

/// What people mistake for its length, or would like to set.
const SETTINGS: &str = "\
tcp_fin_timeout is something else: how long an orphan waits in FIN_WAIT2 for the peer's FIN.
tcp_tw_reuse lets connect() take a port in TIME_WAIT after a second, if both ends use timestamps: 0 never, 1 always, \
2 over loopback only (the default since Linux 4.19). It helps clients, and does nothing for what was accepted.
tcp_tw_recycle is gone since Linux 4.12: it compared timestamps of all connections of an address, so that of several \
clients behind one NAT some could not connect; since 4.10 each connection's timestamps begin elsewhere, which broke it \
for all.
tcp_max_tw_buckets is how many there may be. Beyond that connections end without TIME_WAIT, which is a loss of safety, \
not a remedy.";

/// Adds what is said of TIME_WAIT alone, and what this host's settings are.
pub(super) fn add(explanation: &mut Explanation, settings: &Settings) {
    explanation.more.push((Aspect::Why, WHY.into()));
    explanation.more.push((Aspect::Settings, SETTINGS.into()));
    explanation.more.push((Aspect::Here, here(settings).into()));
    explanation.facts.extend(facts(settings));
}

fn here(settings: &Settings) -> String {
    let Settings { port_range, tw_reuse, tw_reuse_delay_ms, max_tw_buckets, fin_timeout_s, .. } = settings;
    let range = match (port_range, settings.ephemeral_ports()) {
        (Some((first, last)), Some(ports)) => {
            let reserved = (u32::from(*last) + 1).saturating_sub((*first).into()).saturating_sub(ports);
            let but = if reserved > 0 {
                format!(", {reserved} of them reserved (ip_local_reserved_ports)")
            } else {
                String::new()
            };
            format!("ip_local_port_range = {first} to {last}{but}: {ports} ports.")
        }
        (Some((first, last)), None) => {
            format!("ip_local_port_range = {first} to {last}; ip_local_reserved_ports cannot be read here.")
        }
        (None, _) => unreadable("ip_local_port_range"),
    };
    let reuse = match tw_reuse {
        Some(0) => "tcp_tw_reuse = 0: never.".to_owned(),
        Some(1) => format!("tcp_tw_reuse = 1: for every destination, after {} ms.", delay_ms(*tw_reuse_delay_ms)),
        Some(2) => format!("tcp_tw_reuse = 2: over loopback only, after {} ms.", delay_ms(*tw_reuse_delay_ms)),
        Some(other) => format!("tcp_tw_reuse = {other}."),
        None => unreadable("tcp_tw_reuse"),
    };
    let buckets =
        max_tw_buckets.map_or_else(|| unreadable("tcp_max_tw_buckets"), |it| format!("tcp_max_tw_buckets = {it}."));
    let fin = fin_timeout_s.map_or_else(
        || unreadable("tcp_fin_timeout"),
        |it| format!("tcp_fin_timeout = {it} s, which is of FIN_WAIT2, not of TIME_WAIT."),
    );
    [range, reuse, buckets, fin, arithmetic(settings)].join("\n")
}

fn delay_ms(setting: Option<u32>) -> u32 {
    setting.unwrap_or(REUSE_DELAY_MS)
}

/// How many connections a second, in words.
fn arithmetic(settings: &Settings) -> String {
    let Some(ports) = settings.ephemeral_ports() else {
        return "How many connections a second the ports are enough for cannot be said without these.".to_owned();
    };
    let rate = |rest_ms| match rate(ports, rest_ms, 1_000) {
        0 => format!("{} connections a minute", rate(ports, rest_ms, 60_000)),
        per_s => format!("{per_s} connections a second"),
    };
    let [usual, by_reuse] = rests_ms(settings).map(rate);
    let reuse = match settings.tw_reuse {
        Some(1) => format!(" With tcp_tw_reuse = 1 it is {by_reuse}."),
        Some(_) => format!(" With tcp_tw_reuse = 1 it would be {by_reuse}."),
        None => String::new(),
    };
    format!(
        "So to one destination (address and port), from one address: {ports} ports / {TIME_WAIT_S} s = {usual}, if \
         this host closes first.{reuse}"
    )
}

/// How long a port rests, milliseconds: a minute, or as short as reuse allows.
fn rests_ms(settings: &Settings) -> [u64; 2] {
    [TIME_WAIT_S * 1_000, delay_ms(settings.tw_reuse_delay_ms).max(1).into()]
}

/// How many connections in so many milliseconds.
fn rate(ports: u32, rest_ms: u64, in_ms: u64) -> u64 {
    u64::from(ports) * in_ms / rest_ms
}

fn facts(settings: &Settings) -> Vec<Fact> {
    let ports = settings.ephemeral_ports();
    let rates = ports.map(|ports| rests_ms(settings).map(|rest_ms| rate(ports, rest_ms, 1_000)));
    let range = settings.port_range;
    vec![
        ("time_wait_s", Some(TIME_WAIT_S)),
        ("tcp_fin_timeout_s", settings.fin_timeout_s.map(Into::into)),
        ("tcp_tw_reuse", settings.tw_reuse.map(Into::into)),
        ("tcp_tw_reuse_delay_ms", settings.tw_reuse_delay_ms.map(Into::into)),
        ("tcp_max_tw_buckets", settings.max_tw_buckets.map(Into::into)),
        ("first_port", range.map(|(first, _)| first.into())),
        ("last_port", range.map(|(_, last)| last.into())),
        ("ports", ports.map(Into::into)),
        ("connections_per_s", rates.map(|[per_s, _]| per_s)),
        ("connections_per_s_by_reuse", rates.map(|[_, by_reuse]| by_reuse)),
    ]
}

fn unreadable(name: &str) -> String {
    format!("{name} cannot be read here (/proc/sys/net/ipv4).")
}

#[cfg(test)]
mod tests {
    use super::{facts, here};
    use crate::namespace::Settings;

    #[test]
    fn the_arithmetic_is_the_summary_s() {
        let usual = Settings {
            port_range: Some((32_768, 60_999)),
            reserved: Some([(40_000, 40_031)].into()),
            tw_reuse: Some(2),
            ..Settings::default()
        };
        let said = here(&usual);
        assert!(
            said.contains(
                "32768 to 60999, 32 of them reserved (ip_local_reserved_ports): 28200 \
                 ports."
            ),
            "{said}"
        );
        assert!(said.contains("28200 ports / 60 s = 470 connections a second"), "{said}");
        assert!(said.contains("it would be 28200 connections a second."), "{said}");
        assert!(facts(&usual).contains(&("connections_per_s", Some(470))));
        assert!(facts(&usual).contains(&("tcp_fin_timeout_s", None)));
    }

    #[test]
    fn fewer_than_one_a_second_are_so_many_a_minute() {
        let port_range = Some((40_000, 40_008));
        let few = Settings { port_range, reserved: Some([].into()), tw_reuse: Some(1), ..Settings::default() };
        let said = here(&few);
        assert!(said.contains("9 ports / 60 s = 9 connections a minute, if this host closes first."), "{said}");
        assert!(said.ends_with("it is 9 connections a second."), "{said}");
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let said = here(&Settings::default());
        for name in ["ip_local_port_range", "tcp_tw_reuse", "tcp_max_tw_buckets", "tcp_fin_timeout"] {
            assert!(said.contains(&format!("{name} cannot be read here")), "{said}");
        }
        assert!(said.ends_with("cannot be said without these."), "{said}");
    }
}
