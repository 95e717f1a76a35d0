//! Histograms of handshake latency: what the kernel side adds up, and how both sides number the buckets.
//!
//! A histogram is log-linear: [`STEPS`] buckets of equal width to each power of two, in microseconds, which is what the
//! kernel measures handshakes in. What is shorter than [`STEPS`] has a bucket for each microsecond. So the middle of a
//! bucket is never further from what lies in it than the 64th part of that.

/// Buckets to each power of two.
pub const STEPS: u32 = 32;
/// From here on all are in the last bucket: 2^28 µs, four and a half minutes. A SYN that is sent seven times, the last
/// time unanswered, takes two.
pub const LIMIT_US: u32 = 1 << 28;
/// Buckets in all.
pub const BUCKETS: usize = bucket(LIMIT_US - 1) as usize + 1;

/// Servers by local port, clients by remote address and port.
pub const BY_PORT: u32 = 0;
/// By remote address.
pub const BY_PEER: u32 = 1;
/// By the remote address's network, and the service's port.
pub const BY_NETWORK: u32 = 2;
/// By the socket's cgroup.
pub const BY_CGROUP: u32 = 3;

/// Length of the networks of [`BY_NETWORK`], IPv4.
pub const NETWORK_BITS_IPV4: u8 = 24;
/// The same of IPv6.
pub const NETWORK_BITS_IPV6: u8 = 64;

/// This host sent the SYN.
pub const ROLE_CLIENT: u8 = 1;
/// This host accepted.
pub const ROLE_SERVER: u8 = 2;

/// Why a latency is not known: place in [`Histogram::unknown`]. The kernel took no sample.
pub const NO_SAMPLE: usize = 0;
/// The sample may come from a SYN cookie.
pub const MAYBE_SYN_COOKIE: usize = 1;
/// A SYN-ACK was retransmitted, and when the first one was sent was not seen, or is forgotten.
pub const SYN_ACK_RETRANSMITTED: usize = 2;
/// A SYN was retransmitted and when the first one was sent was not seen, or is forgotten; or both ends opened at once.
pub const START_NOT_SEEN: usize = 3;
/// How many reasons there are.
pub const REASONS: usize = 4;

/// What handshakes are told apart by. What is not part of the name is zero.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct GroupKey {
    /// Remote address, or its network; IPv4 as `::ffff:a.b.c.d`. [`BY_CGROUP`]: the identifier, and 0.
    pub addr: [u64; 2],
    /// Inode number of the network namespace.
    pub netns: u32,
    /// The service's port: the local one of a server, the remote one of a client.
    pub port: u16,
    /// `ROLE_…`.
    pub role: u8,
    /// 1: all groups of this role beyond those that are kept apart; else 0.
    pub other: u8,
}

/// Which histogram.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct HistogramKey {
    /// Whose handshakes.
    pub group: GroupKey,
    /// The CPU that adds to it: no other does.
    pub cpu: u32,
    /// 1: of the handshakes in which the SYN or the SYN-ACK was sent more than once; 0: of the others.
    pub retransmitted: u32,
}

/// What one CPU counted. The counts wrap; whoever reads them must come before they have gone round.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Histogram {
    /// The longest, microseconds.
    pub max_us: u32,
    /// Listeners that began to listen and let connections wait for their first data (`TCP_DEFER_ACCEPT`).
    pub deferring: u32,
    /// Handshakes whose latency is not known, by reason.
    pub unknown: [u32; REASONS],
    /// Handshakes by [`bucket`].
    pub counts: [u32; BUCKETS],
}

impl Histogram {
    /// Nothing counted.
    pub const EMPTY: Self = Self { max_us: 0, deferring: 0, unknown: [0; REASONS], counts: [0; BUCKETS] };
}

/// Handshakes of one CPU by where they ended.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct LatencyCounters {
    /// Handshakes of TCP that the program handled.
    pub seen: u64,
    /// Of them: excluded by the filter.
    pub filtered: u64,
    /// Of them: in no histogram, because the kernel had no memory for one.
    pub lost: u64,
    /// 1 once this CPU has found that no more groups are kept apart: it asks for no more, which is expensive.
    pub full: u64,
}

/// What user space decides before the programs load.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(zerocopy::IntoBytes, zerocopy::Immutable))]
pub struct LatencyConfig {
    /// `BY_…`.
    pub by: u32,
    /// The roles that are wanted, `ROLE_…` added up.
    pub roles: u32,
    /// 1 if there is a filter; else 0.
    pub filtered: u32,
    /// Zero.
    pub reserved: u32,
}

/// The bucket of a latency.
#[inline(always)]
#[must_use]
pub const fn bucket(us: u32) -> u32 {
    if us < STEPS {
        return us;
    }
    let us = if us < LIMIT_US { us } else { LIMIT_US - 1 };
    // How many bits there are behind those that tell the bucket.
    let rest = STEPS.leading_zeros() - us.leading_zeros();
    rest * STEPS + (us >> rest)
}

/// First and last latency of a bucket, microseconds; the last bucket has no end.
#[must_use]
pub const fn bounds(bucket: u32) -> (u32, u32) {
    if bucket < 2 * STEPS {
        return (bucket, bucket);
    }
    let rest = bucket / STEPS - 1;
    let first = (bucket % STEPS + STEPS) << rest;
    (first, first + (1 << rest) - 1)
}

const _: () = {
    use core::mem::offset_of;
    assert!(BUCKETS == 768);
    assert!(size_of::<GroupKey>() == 24);
    assert!(size_of::<HistogramKey>() == 32);
    assert!(offset_of!(Histogram, counts) == 24);
    assert!(size_of::<Histogram>() == 24 + 4 * BUCKETS);
    assert!(size_of::<Histogram>().is_multiple_of(8));
    assert!(size_of::<LatencyCounters>() == 32);
    assert!(size_of::<LatencyConfig>() == 16);
};

#[cfg(test)]
mod tests {
    use super::{BUCKETS, LIMIT_US, bounds, bucket};

    #[test]
    fn buckets_follow_each_other_without_gap_and_none_is_wider_than_a_32nd() {
        let mut next = 0;
        for number in 0..BUCKETS as u32 {
            let (first, last) = bounds(number);
            assert_eq!(first, next, "{number}");
            assert_eq!((bucket(first), bucket(last)), (number, number));
            assert!((last - first + 1) * 32 <= first.max(32), "{number}: {first} to {last}");
            next = last + 1;
        }
        assert_eq!((next, bucket(u32::MAX)), (LIMIT_US, BUCKETS as u32 - 1));
    }
}
