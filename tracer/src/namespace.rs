//! What a network namespace says of itself: its settings of local ports, and the kernel's own counters of TCP.

use crate::event::MonotonicNs;

/// One look at a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceReading {
    /// Inode number of the namespace.
    pub netns: u32,
    /// Not before this.
    pub from: MonotonicNs,
    /// Not after this.
    pub to: MonotonicNs,
    /// What it says, or why it could not be asked.
    pub facts: Result<NamespaceFacts, Unread>,
}

/// What a namespace says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespaceFacts {
    /// `/proc/sys/net/ipv4`.
    pub settings: Settings,
    /// `/proc/net/snmp` and `/proc/net/netstat`.
    pub counters: Counters,
}

/// Why a namespace says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unread {
    /// It was not there at the start, or no process that could be looked at was in it.
    NotFound,
    /// The processes that were in it at the start have left it.
    Vanished,
    /// Not allowed.
    Denied,
    /// Its files do not read as expected.
    Unreadable,
    /// There are more namespaces than are read.
    TooMany,
}

impl Unread {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::NotFound, Self::Vanished, Self::Denied, Self::Unreadable, Self::TooMany];

    /// The word used in all outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotFound => "not_found_at_start",
            Self::Vanished => "vanished",
            Self::Denied => "denied",
            Self::Unreadable => "unreadable",
            Self::TooMany => "too_many_namespaces",
        }
    }
}

/// How a namespace gives out local ports; `None`: it does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// First and last of `ip_local_port_range`.
    pub port_range: Option<(u16, u16)>,
    /// `ip_local_reserved_ports`: first and last of each range that is not given out, in order and apart.
    pub reserved: Option<Box<[(u16, u16)]>>,
    /// `tcp_tw_reuse`: 0 never, 1 always, 2 over loopback only (the default since Linux 4.19).
    pub tw_reuse: Option<u8>,
    /// `tcp_tw_reuse_delay`, milliseconds (Linux 6.14).
    pub tw_reuse_delay_ms: Option<u32>,
    /// `tcp_max_tw_buckets`.
    pub max_tw_buckets: Option<u32>,
    /// `tcp_fin_timeout`, seconds.
    pub fin_timeout_s: Option<u32>,
}

impl Settings {
    /// How many ports are given out to who asks for none.
    #[must_use]
    pub fn ephemeral_ports(&self) -> Option<u32> {
        let (first, last) = self.port_range?;
        let width = |first: u16, last: u16| (u32::from(last) + 1).saturating_sub(first.into());
        let reserved = self.reserved.as_deref()?.iter();
        let taken: u32 = reserved.map(|(from, to)| width(*from.max(&first), *to.min(&last))).sum();
        Some(width(first, last).saturating_sub(taken))
    }

    /// Whether a port is among them.
    #[must_use]
    pub fn gives_out(&self, port: u16) -> Option<bool> {
        let (first, last) = self.port_range?;
        let is_reserved = self.reserved.as_deref()?.iter().any(|(from, to)| (*from..=*to).contains(&port));
        Some((first..=last).contains(&port) && !is_reserved)
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// A counter of the kernel's, since the namespace was made.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Counter { $($(#[$doc])* $variant,)* }

        impl Counter {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name in `Tcp` of `/proc/net/snmp` or `TcpExt` of `/proc/net/netstat`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

counters! {
    /// Connections begun here.
    ActiveOpens = "ActiveOpens";
    /// Connections accepted: sockets made by the last ACK of a handshake.
    PassiveOpens = "PassiveOpens";
    /// Connections that failed before they were established.
    AttemptFails = "AttemptFails";
    /// Connections that went from ESTABLISHED or CLOSE_WAIT to CLOSE.
    EstabResets = "EstabResets";
    /// RSTs sent.
    OutRsts = "OutRsts";
    /// Segments sent again.
    RetransSegs = "RetransSegs";
    /// Timewait sockets that began (not ended), to live for more than 4 s.
    TimeWaits = "TW";
    /// Timewait sockets that began, to live for 4 s at most.
    ShortTimeWaits = "TWKilled";
    /// Timewait sockets whose ports a `connect()` took.
    TimeWaitsReused = "TWRecycled";
    /// Timewait sockets that were not made because the table was full (`tcp_max_tw_buckets`).
    TimeWaitOverflow = "TCPTimeWaitOverflow";
    /// Requests that were reset half-open.
    EmbryonicRsts = "EmbryonicRsts";
    /// Connections dropped because the accept queue was full.
    ListenOverflows = "ListenOverflows";
    /// All that a listener dropped, overflows included.
    ListenDrops = "ListenDrops";
    /// SYNs dropped because the queue of requests was full.
    RequestQueueDrops = "TCPReqQFullDrop";
    /// SYNs answered with a cookie because the queue of requests was full.
    RequestQueueCookies = "TCPReqQFullDoCookies";
    /// SYN cookies sent.
    SyncookiesSent = "SyncookiesSent";
    /// Handshakes completed by a SYN cookie.
    SyncookiesRecv = "SyncookiesRecv";
    /// ACKs whose SYN cookie was wrong.
    SyncookiesFailed = "SyncookiesFailed";
}

/// The kernel's counters of one namespace at one moment; those that this kernel lacks are `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters([Option<u64>; Counter::ALL.len()]);

impl Counters {
    /// Its value.
    #[must_use]
    pub fn get(&self, counter: Counter) -> Option<u64> {
        self.0[counter as usize]
    }

    /// Takes note of its value.
    pub fn set(&mut self, counter: Counter, value: u64) {
        self.0[counter as usize] = Some(value);
    }

    /// By how much it has grown; `None` if either moment lacks it, or it shrank, which the kernel's do not.
    #[must_use]
    pub fn since(&self, earlier: &Self, counter: Counter) -> Option<u64> {
        self.get(counter)?.checked_sub(earlier.get(counter)?)
    }
}

#[cfg(test)]
mod tests {
    use super::Settings;

    fn settings(range: (u16, u16), reserved: &[(u16, u16)]) -> Settings {
        Settings { port_range: Some(range), reserved: Some(reserved.into()), ..Settings::default() }
    }

    #[test]
    fn reserved_ports_within_the_range_are_not_given_out() {
        assert_eq!(settings((32_768, 60_999), &[]).ephemeral_ports(), Some(28_232));
        let some = settings((32_768, 60_999), &[(8_080, 8_080), (32_000, 32_769), (60_000, 61_000)]);
        assert_eq!(some.ephemeral_ports(), Some(28_232 - 2 - 1_000));
        assert_eq!((some.gives_out(32_769), some.gives_out(32_770)), (Some(false), Some(true)));
        assert_eq!((some.gives_out(443), some.gives_out(60_500)), (Some(false), Some(false)));
    }

    #[test]
    fn the_whole_range_can_be_given_out_or_none_of_it() {
        assert_eq!(settings((1, 65_535), &[]).ephemeral_ports(), Some(65_535));
        assert_eq!(settings((40_000, 40_009), &[(1, 65_535)]).ephemeral_ports(), Some(0));
    }

    #[test]
    fn what_is_not_said_is_not_guessed() {
        let range_only = Settings { port_range: Some((1, 2)), ..Settings::default() };
        assert_eq!((range_only.ephemeral_ports(), range_only.gives_out(1)), (None, None));
    }
}
