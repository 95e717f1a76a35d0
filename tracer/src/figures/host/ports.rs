//! The port account: who holds how many of the ports that a namespace gives out.

use std::net::IpAddr;

use crate::{
    event::{MonotonicNs, Process},
    namespace::Settings,
};

/// How long TIME_WAIT lasts, nanoseconds (`TCP_TIMEWAIT_LEN`, include/net/tcp.h; no setting changes it).
pub const TIME_WAIT_NS: u64 = 60_000_000_000;
/// After how long `tcp_tw_reuse` lets a port be taken again where that is not a setting, milliseconds (before Linux 6.14).
pub const REUSE_DELAY_MS: u32 = 1_000;
/// From this share of the ports on, in percent, somebody should know.
const WORTH_SAYING: u64 = 25;

/// The ports of connections begun here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ports {
    /// Who holds most, those that found none before the others; at most [`Ports::LISTED`].
    pub destinations: Vec<Destination>,
    /// Destinations that are not listed.
    pub others: u64,
    /// Sockets that were too many to be followed; their ports are in no figure.
    pub uncounted: u64,
}

impl Ports {
    /// Destinations that are listed at most.
    pub const LISTED: usize = 10;
}

/// A source address and the one place that it connects to: each connection between them needs a port of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Inode number of the namespace.
    pub netns: u32,
    /// From here.
    pub local: IpAddr,
    /// To there.
    pub remote: IpAddr,
    /// And this port of it.
    pub remote_port: u16,
    /// Ports that sockets hold.
    pub sockets: u64,
    /// Ports in TIME_WAIT; `None` if that is not known.
    pub time_wait: Option<u64>,
    /// Connections begun since the start that asked for no certain port.
    pub opened: u64,
    /// How the number of ports held changed lately.
    pub change: Option<Rate>,
    /// Connections since the start that found no port, or the one they had asked for in use.
    pub failed: u64,
    /// The first of them.
    pub first_failed: Option<FailedConnect>,
    /// How the namespace gives out ports.
    pub settings: Settings,
}

/// A change over a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// By how many.
    pub by: i64,
    /// In how long, nanoseconds; never 0.
    pub in_ns: u64,
}

impl Rate {
    /// Thousandths a second.
    #[must_use]
    pub fn milli_per_s(&self) -> i64 {
        let milli = i128::from(self.by) * 1_000_000_000_000 / i128::from(self.in_ns.max(1));
        i64::try_from(milli).unwrap_or(if self.by < 0 { i64::MIN } else { i64::MAX })
    }
}

/// A connection that found no port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailedConnect {
    /// When.
    pub at: MonotonicNs,
    /// Who tried, if that is known.
    pub process: Option<Process>,
    /// The port it had asked for; `None`: any, and there was none.
    pub port: Option<u16>,
}

impl Destination {
    /// Ports held, at least if those in TIME_WAIT are not known.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.sockets + self.time_wait.unwrap_or(0)
    }

    /// Ports there are.
    #[must_use]
    pub fn total(&self) -> Option<u32> {
        self.settings.ephemeral_ports()
    }

    /// How long the rest lasts if it goes on like that, nanoseconds; `None` if it is not growing, or that is not known.
    #[must_use]
    pub fn exhausted_in_ns(&self) -> Option<u64> {
        let Rate { by, in_ns } = self.change?;
        let by = u64::try_from(by).ok().filter(|by| *by > 0)?;
        let free = u64::from(self.total()?).saturating_sub(self.held());
        u64::try_from(u128::from(free) * u128::from(in_ns) / u128::from(by)).ok()
    }

    /// Connections a second that the ports suffice for, in thousandths, if this host closes first and each port rests for
    /// 60 s.
    #[must_use]
    pub fn sustainable_milli_per_s(&self) -> Option<u64> {
        Some(u64::from(self.total()?) * 1_000_000_000_000 / TIME_WAIT_NS)
    }

    /// After how long a port in TIME_WAIT may be taken again for this destination, milliseconds, if timestamps are in use
    /// (`tcp_twsk_unique`, net/ipv4/tcp_ipv4.c); `None`: it may not, or that is not known.
    #[must_use]
    pub fn reused_after_ms(&self) -> Option<u32> {
        let is_reused = match self.settings.tw_reuse? {
            1 => true,
            2 => self.local.is_loopback() || self.remote.is_loopback(),
            _ => false,
        };
        is_reused.then(|| self.reuse_delay_ms())
    }

    /// After how long it may or might be, milliseconds.
    #[must_use]
    pub fn reuse_delay_ms(&self) -> u32 {
        self.settings.tw_reuse_delay_ms.unwrap_or(REUSE_DELAY_MS)
    }

    /// The same as [`Destination::sustainable_milli_per_s`] where ports are taken again as soon as they may.
    #[must_use]
    pub fn sustainable_by_reuse_milli_per_s(&self) -> Option<u64> {
        Some(u64::from(self.total()?) * 1_000_000 / u64::from(self.reuse_delay_ms().max(1)))
    }

    /// Somebody should know of it without having asked.
    #[must_use]
    pub fn is_worth_saying(&self) -> bool {
        let is_much = self.total().is_some_and(|total| self.held() * 100 >= u64::from(total) * WORTH_SAYING);
        let is_soon = self.exhausted_in_ns().is_some_and(|ns| ns < TIME_WAIT_NS);
        self.failed > 0 || is_soon || (is_much && self.held() > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Destination, Rate};
    use crate::namespace::Settings;

    fn destination(held: u64, change: Option<Rate>, tw_reuse: u8) -> Destination {
        Destination {
            netns: 1,
            local: "10.0.0.5".parse().expect("an address"),
            remote: "10.0.0.9".parse().expect("an address"),
            remote_port: 5432,
            sockets: held,
            time_wait: Some(0),
            opened: 0,
            change,
            failed: 0,
            first_failed: None,
            settings: Settings {
                port_range: Some((32_768, 60_999)),
                reserved: Some(Box::default()),
                tw_reuse: Some(tw_reuse),
                ..Settings::default()
            },
        }
    }

    #[test]
    fn the_arithmetic_that_people_know() {
        let usual = destination(0, None, 2);
        assert_eq!(usual.total(), Some(28_232));
        assert_eq!(usual.sustainable_milli_per_s(), Some(470_533));
        assert_eq!((usual.reused_after_ms(), usual.sustainable_by_reuse_milli_per_s()), (None, Some(28_232_000)));
        assert_eq!(destination(0, None, 1).reused_after_ms(), Some(1_000));
        let mut loopback = Destination { remote: "127.0.0.1".parse().expect("an address"), ..usual };
        assert_eq!(loopback.reused_after_ms(), Some(1_000));
        loopback.settings.tw_reuse_delay_ms = Some(500);
        assert_eq!(loopback.sustainable_by_reuse_milli_per_s(), Some(56_464_000));
    }

    #[test]
    fn what_grows_ends_and_what_does_not_has_no_end() {
        let rate = |by| Some(Rate { by, in_ns: 5_000_000_000 });
        assert_eq!(destination(28_132, rate(50), 0).exhausted_in_ns(), Some(10_000_000_000));
        assert_eq!(destination(28_232, rate(50), 0).exhausted_in_ns(), Some(0));
        for flat in [rate(0), rate(-50), None] {
            assert_eq!(destination(28_132, flat, 0).exhausted_in_ns(), None);
        }
        let unknown = Destination { settings: Settings::default(), ..destination(10, rate(50), 0) };
        assert_eq!((unknown.exhausted_in_ns(), unknown.sustainable_milli_per_s()), (None, None));
        assert_eq!(Rate { by: -7, in_ns: 2_000_000_000 }.milli_per_s(), -3_500);
    }

    #[test]
    fn a_quarter_of_the_ports_is_worth_saying_and_so_is_one_failure() {
        assert!(!destination(7_057, None, 0).is_worth_saying());
        assert!(destination(7_058, None, 0).is_worth_saying());
        assert!(Destination { failed: 1, ..destination(0, None, 0) }.is_worth_saying());
        assert!(destination(100, Some(Rate { by: 1_000, in_ns: 1_000_000_000 }), 0).is_worth_saying());
    }
}
