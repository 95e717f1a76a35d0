//! Address prefixes, all in the 128-bit form of the wire.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// Length of `::ffff:0:0/96`, below which IPv4 lives.
const MAPPED_LEN: u8 = 96;

/// A network, or a single address. IPv4 is kept mapped: `10.0.0.0/8` as `::ffff:10.0.0.0/104`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefix {
    addr: u128,
    len: u8,
}

impl Prefix {
    /// Every address.
    pub const ALL: Self = Self { addr: 0, len: 0 };
    /// Every IPv4 address.
    pub const ALL_IPV4: Self = Self { addr: 0xffff_0000_0000, len: MAPPED_LEN };
    /// What `--no-loopback` leaves out.
    pub const LOOPBACK: [Self; 2] = [Self { addr: 0xffff_7f00_0000, len: MAPPED_LEN + 8 }, Self { addr: 1, len: 128 }];

    /// The network of `addr` with a prefix of `len` bits, counted as people count them for its family. `None` if `len`
    /// is too long for it. IPv4 mapped into IPv6 becomes IPv4.
    #[must_use]
    pub fn new(addr: IpAddr, len: u8) -> Option<Self> {
        let (addr, len) = match addr {
            IpAddr::V4(addr) => (addr.to_ipv6_mapped(), len.checked_add(MAPPED_LEN)?),
            IpAddr::V6(addr) => (addr, len),
        };
        (len <= 128).then(|| Self { addr: addr.to_bits() & mask(len), len })
    }

    /// Just this address.
    #[must_use]
    pub fn host(addr: IpAddr) -> Self {
        let addr = match addr {
            IpAddr::V4(addr) => addr.to_ipv6_mapped(),
            IpAddr::V6(addr) => addr,
        };
        Self { addr: addr.to_bits(), len: 128 }
    }

    /// First address of the network, IPv4 mapped.
    #[must_use]
    pub fn network(&self) -> Ipv6Addr {
        Ipv6Addr::from_bits(self.addr)
    }

    /// Length in the 128-bit form.
    #[must_use]
    pub fn len_v6(&self) -> u8 {
        self.len
    }

    /// Whether it lies among the IPv4 addresses.
    #[must_use]
    pub fn is_ipv4(&self) -> bool {
        self.len >= MAPPED_LEN && Self::ALL_IPV4.addr == self.addr & mask(MAPPED_LEN)
    }

    /// Whether `addr` (IPv4 mapped) belongs to the network. An IPv6 network, however short its prefix, holds no IPv4.
    #[must_use]
    pub fn contains(&self, addr: Ipv6Addr) -> bool {
        self.covers(&Self { addr: addr.to_bits(), len: 128 })
    }

    /// Whether all of `other` belongs to the network.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.len <= other.len && other.addr & mask(self.len) == self.addr && self.is_ipv4() == other.is_ipv4()
    }
}

const fn mask(len: u8) -> u128 {
    if len == 0 { 0 } else { u128::MAX << (128 - len) }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let v4 = || Ipv4Addr::from_bits((self.addr & 0xffff_ffff) as u32);
        match (self.is_ipv4(), self.len) {
            (true, 128) => write!(f, "{}", v4()),
            (true, len) => write!(f, "{}/{}", v4(), len - MAPPED_LEN),
            (false, 128) => write!(f, "{}", self.network()),
            (false, len) => write!(f, "{}/{len}", self.network()),
        }
    }
}
