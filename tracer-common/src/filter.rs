//! The filter decision, taken by the same code in the kernel and in user space.
//!
//! User space compiles what was typed into tables: a byte of [list bits](EITHER_INCLUDE) for each port, the same bits
//! for each address prefix, and small sets of numbers. Both sides then look the bits up and combine them here. A fact
//! may be unknown when it is asked for (the local port at SYN_SENT), so the answer is three-valued.

/// The port or address is in the list that either end may satisfy.
pub const EITHER_INCLUDE: u8 = 1 << 0;
/// The port or address is in the list that neither end may be in.
pub const EITHER_EXCLUDE: u8 = 1 << 1;
/// The port or address satisfies what is asked of the local end (exclusions already taken out).
pub const LOCAL: u8 = 1 << 2;
/// The port or address satisfies what is asked of the remote end (exclusions already taken out).
pub const REMOTE: u8 = 1 << 3;
/// The address is a loopback address (127.0.0.0/8, `::1`, and the former mapped into IPv6).
pub const LOOPBACK: u8 = 1 << 4;

/// `AF_INET`.
pub const AF_INET: u8 = 2;
/// `AF_INET6`.
pub const AF_INET6: u8 = 10;

/// How many network namespaces, cgroups or devices can be listed, inclusions and exclusions together.
pub const ID_SET_LEN: usize = 16;
/// How many levels of the cgroup tree are compared, counted upwards from the socket's own cgroup.
pub const CGROUP_DEPTH: usize = 12;

/// Does the connection belong to what was asked for? Ordered so that the smaller of two answers is their conjunction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Verdict {
    /// No.
    NoMatch = 0,
    /// It depends on what is not known yet.
    Undecided = 1,
    /// Yes.
    Match = 2,
}

impl Verdict {
    /// Both must match.
    #[inline(always)]
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        if (self as u8) < (other as u8) { self } else { other }
    }

    #[inline(always)]
    fn known(matches: bool) -> Self {
        if matches { Self::Match } else { Self::NoMatch }
    }
}

/// List bits of a port or an address that may not be known yet: what all candidates have, and what some candidate has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bits {
    /// Bits that every candidate has.
    pub all: u8,
    /// Bits that at least one candidate has.
    pub any: u8,
}

impl Bits {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self { all: 0, any: u8::MAX };

    /// The value is known and has these bits.
    #[inline(always)]
    #[must_use]
    pub const fn known(bits: u8) -> Self {
        Self { all: bits, any: bits }
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        Self { all: self.all | other.all, any: self.any | other.any }
    }

    #[inline(always)]
    fn has(self, bit: u8) -> Verdict {
        if self.all & bit != 0 {
            Verdict::Match
        } else if self.any & bit != 0 {
            Verdict::Undecided
        } else {
            Verdict::NoMatch
        }
    }

    #[inline(always)]
    fn lacks(self, bit: u8) -> Verdict {
        if self.all & bit != 0 {
            Verdict::NoMatch
        } else if self.any & bit != 0 {
            Verdict::Undecided
        } else {
            Verdict::Match
        }
    }
}

/// Decides the lists in `lists` (`EITHER_INCLUDE`, … bits) for the ports, or for the addresses, of both ends.
#[inline(always)]
#[must_use]
pub fn decide_ends(lists: u8, local: Bits, remote: Bits) -> Verdict {
    let either = local.or(remote);
    let mut verdict = Verdict::Match;
    if lists & EITHER_INCLUDE != 0 {
        verdict = verdict.and(either.has(EITHER_INCLUDE));
    }
    if lists & EITHER_EXCLUDE != 0 {
        verdict = verdict.and(either.lacks(EITHER_EXCLUDE));
    }
    if lists & LOCAL != 0 {
        verdict = verdict.and(local.has(LOCAL));
    }
    if lists & REMOTE != 0 {
        verdict = verdict.and(remote.has(REMOTE));
    }
    if lists & LOOPBACK != 0 {
        verdict = verdict.and(either.lacks(LOOPBACK));
    }
    verdict
}

/// A short list of numbers, some wanted, some excluded.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct IdSet {
    /// How many of `ids`, from the start, are wanted. None wanted means all are.
    pub included: u32,
    /// How many of `ids`, after those, are excluded.
    pub excluded: u32,
    /// The numbers.
    pub ids: [u64; ID_SET_LEN],
}

impl IdSet {
    /// Nothing asked.
    pub const EMPTY: Self = Self { included: 0, excluded: 0, ids: [0; ID_SET_LEN] };

    /// Whether anything is asked.
    #[inline(always)]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.included == 0 && self.excluded == 0
    }

    /// Decides for a thing known by several numbers at once, see [`decide_ids`].
    #[must_use]
    pub fn decide<const N: usize>(&self, candidates: &[u64; N]) -> Verdict {
        decide_ids(self.included, self.excluded, |i| self.ids[i], N, |i| candidates[i])
    }
}

/// Decides for a thing known by `count` numbers at once (a cgroup and its ancestors); unused places are 0. List and
/// numbers are given by ways to read them: the kernel side must read each word of the list as a constant, and each number
/// only when it is its turn, or the compiler makes of the comparisons one expression whose every combination the
/// verifier tries.
#[inline(always)]
pub fn decide_ids(
    included: u32,
    excluded: u32,
    id: impl Fn(usize) -> u64,
    count: usize,
    candidate: impl Fn(usize) -> u64,
) -> Verdict {
    let mut is_wanted = included == 0;
    let mut is_excluded = false;
    let (included, total) = (included as usize, (included + excluded) as usize);
    let mut i = 0;
    while i < ID_SET_LEN && i < total {
        let id = id(i);
        let mut hit = false;
        let mut c = 0;
        while c < count && !hit {
            hit = candidate(c) == id;
            c += 1;
        }
        if i < included {
            is_wanted |= hit;
        } else {
            is_excluded |= hit;
        }
        i += 1;
    }
    Verdict::known(is_wanted && !is_excluded)
}

/// The part of a compiled filter that is not a table: what is asked at all, and the short lists.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct FilterConfig {
    /// Which port lists are asked (`EITHER_INCLUDE`, `EITHER_EXCLUDE`, `LOCAL`, `REMOTE`).
    pub port_lists: u8,
    /// Which address lists are asked; [`LOOPBACK`] asks that no end is a loopback address.
    pub addr_lists: u8,
    /// [`AF_INET`], [`AF_INET6`], or 0 for both. IPv4 mapped into IPv6 is IPv4.
    pub family: u8,
    /// 1 if a record may have to wait in the hold map until a later transition decides.
    pub may_hold: u8,
    /// First port of the range that `ephemeral_all` and `ephemeral_any` were computed for.
    pub ephemeral_first: u16,
    /// Last port of that range.
    pub ephemeral_last: u16,
    /// List bits that every port of the range has.
    pub ephemeral_all: u8,
    /// List bits that some port of the range has.
    pub ephemeral_any: u8,
    /// Zero.
    pub reserved: [u8; 6],
    /// Network namespaces, by inode number.
    pub netns: IdSet,
    /// Cgroups, by identifier; a socket in a descendant belongs.
    pub cgroups: IdSet,
    /// Interfaces, by index.
    pub devices: IdSet,
}

impl FilterConfig {
    /// Everything passes.
    pub const PASS_ALL: Self = Self {
        port_lists: 0,
        addr_lists: 0,
        family: 0,
        may_hold: 0,
        ephemeral_first: 0,
        ephemeral_last: 0,
        ephemeral_all: 0,
        ephemeral_any: u8::MAX,
        reserved: [0; 6],
        netns: IdSet::EMPTY,
        cgroups: IdSet::EMPTY,
        devices: IdSet::EMPTY,
    };
}

/// Decides the address family. `mapped` says that the addresses are IPv4 mapped into IPv6.
#[inline(always)]
#[must_use]
pub fn decide_family(wanted: u8, family: u8, mapped: bool) -> Verdict {
    let family = if mapped { AF_INET } else { family };
    Verdict::known(wanted == 0 || wanted == family)
}
