//! From the histograms of each CPU to figures of each group. Pure; it remembers what was read last, for the kernel side's
//! counts only ever grow, and go round.

use std::{cmp::Reverse, sync::Arc};

use tracer_common::latency::{BY_PORT, GroupKey, Histogram, HistogramKey, REASONS, ROLE_CLIENT, ROLE_SERVER};

use crate::{
    decode::address,
    event::MonotonicNs,
    figures::{Distribution, Group, Latency, LatencyBy, LatencyGroup},
    hashing::HashMap,
    observation::Role,
};

/// Adds up what the kernel side counted.
pub struct LatencyAggregate {
    by: LatencyBy,
    top: usize,
    last: HashMap<HistogramKey, Last>,
    groups: HashMap<GroupKey, Counts>,
    /// Paths of cgroups by identifier.
    paths: HashMap<u64, Arc<str>>,
    /// Since the run began, and since figures were last asked for.
    began: MonotonicNs,
    since: MonotonicNs,
}

/// A histogram as it was read last.
#[derive(Default)]
struct Last {
    counts: HashMap<u32, u32>,
    unknown: [u32; REASONS],
    max_us: u32,
}

/// What was counted of a group.
#[derive(Default)]
struct Counts {
    /// Since figures were last asked for.
    recent: Span,
    /// Before that.
    earlier: Span,
    deferred: bool,
}

#[derive(Clone, Default)]
struct Span {
    took: Distribution,
    retransmitted: Distribution,
    unknown: [u64; REASONS],
}

impl LatencyAggregate {
    /// Nothing counted yet. A person wants to read of the `top` most frequent groups.
    #[must_use]
    pub fn new(by: LatencyBy, top: usize, began: MonotonicNs) -> Self {
        Self {
            by,
            top,
            last: HashMap::default(),
            groups: HashMap::default(),
            paths: HashMap::default(),
            began,
            since: began,
        }
    }

    /// Takes in a histogram as it is now.
    pub fn take(&mut self, key: &HistogramKey, now: &Histogram) {
        let last = self.last.entry(*key).or_default();
        let counts = self.groups.entry(key.group).or_default();
        let Span { took, retransmitted, unknown } = &mut counts.recent;
        last.advance(now, if key.retransmitted == 0 { took } else { retransmitted }, unknown);
        counts.deferred |= now.deferring != 0;
    }

    /// Takes note of a listener that lets connections wait for their first data.
    pub fn note_deferring(&mut self, netns: u32, port: u16) {
        if self.by.wire() == BY_PORT {
            let key = GroupKey { addr: [0; 2], netns, port, role: ROLE_SERVER, other: 0 };
            self.groups.entry(key).or_default().deferred = true;
        }
    }

    /// The cgroups whose paths are not known.
    #[must_use]
    pub fn nameless_cgroups(&self) -> Vec<u64> {
        let ids =
            self.groups.keys().filter(|key| self.by == LatencyBy::Cgroup && key.other == 0).map(|key| key.addr[0]);
        ids.filter(|id| *id != 0 && !self.paths.contains_key(id)).collect()
    }

    /// How many handshakes were measured so far, and how many are of unknown latency.
    #[must_use]
    pub fn counted(&self) -> (u64, u64) {
        let spans = self.groups.values().flat_map(|counts| [&counts.recent, &counts.earlier]);
        spans.fold((0, 0), |(measured, unknown), span| {
            (measured + span.took.count() + span.retransmitted.count(), unknown + span.unknown.iter().sum::<u64>())
        })
    }

    /// Remembers a cgroup's path.
    pub fn learn_cgroup(&mut self, id: u64, path: &str) {
        self.paths.insert(id, path.into());
    }

    /// Figures since the last ones.
    pub fn recent(&mut self, now: MonotonicNs) -> Latency {
        let from = std::mem::replace(&mut self.since, now);
        let figures = self.figures((from, now), false, |counts| counts.recent.clone());
        for Counts { recent, earlier, .. } in self.groups.values_mut() {
            earlier.merge(&std::mem::take(recent));
        }
        figures
    }

    /// Figures of the whole run.
    #[must_use]
    pub fn whole(&self, now: MonotonicNs) -> Latency {
        self.figures((self.began, now), true, |counts| {
            let mut span = counts.earlier.clone();
            span.merge(&counts.recent);
            span
        })
    }

    fn figures(&self, (from, to): (MonotonicNs, MonotonicNs), is_final: bool, of: impl Fn(&Counts) -> Span) -> Latency {
        let group = |(key, counts): (&GroupKey, &Counts)| {
            let Span { took, retransmitted, unknown } = of(counts);
            let (role, group) = self.name(key);
            LatencyGroup { role, group, took, retransmitted, unknown, deferred: counts.deferred }
        };
        let mut groups: Vec<_> = self.groups.iter().map(group).filter(|group| group.count() > 0).collect();
        groups.sort_by(|a, b| {
            let rank = |it: &LatencyGroup| (it.group == Group::Other, Reverse(it.count()), it.role as u8);
            rank(a).cmp(&rank(b)).then_with(|| a.group.cmp(&b.group))
        });
        Latency { is_final, from, to, by: self.by, groups, top: self.top, account: None }
    }

    /// The role is whatever is not a client's: the kernel side knows no third.
    fn name(&self, key: &GroupKey) -> (Role, Group) {
        let GroupKey { netns, port, role, .. } = *key;
        let role = if role == ROLE_CLIENT { Role::Client } else { Role::Server };
        let addr = address(key.addr);
        let group = match (self.by, role) {
            _ if key.other != 0 => Group::Other,
            (LatencyBy::Port, Role::Client) => Group::Client { addr, port, netns },
            (LatencyBy::Port, _) => Group::Server { port, netns },
            (LatencyBy::Peer, _) => Group::Peer(addr),
            (LatencyBy::Prefix, _) => Group::Network { addr, port, netns },
            (LatencyBy::Cgroup, _) => match (key.addr[0], self.paths.get(&key.addr[0])) {
                (0, _) => Group::Unknown,
                (_, Some(path)) => Group::Cgroup(Arc::clone(path)),
                (id, None) => Group::CgroupId(id),
            },
        };
        (role, group)
    }
}

impl Last {
    /// Adds what has come since. A count that went round to just 0 comes the next time.
    fn advance(&mut self, now: &Histogram, took: &mut Distribution, unknown: &mut [u64; REASONS]) {
        for (bucket, count) in (0..).zip(now.counts).filter(|(_, count)| *count != 0) {
            let more = count.wrapping_sub(self.counts.insert(bucket, count).unwrap_or_default());
            if more != 0 {
                took.add(bucket, more.into());
            }
        }
        for ((sum, last), count) in unknown.iter_mut().zip(&mut self.unknown).zip(now.unknown) {
            *sum += u64::from(count.wrapping_sub(std::mem::replace(last, count)));
        }
        if now.max_us > self.max_us {
            self.max_us = now.max_us;
            took.note_longest(now.max_us);
        }
    }
}

impl Span {
    fn merge(&mut self, other: &Self) {
        self.took.merge(&other.took);
        self.retransmitted.merge(&other.retransmitted);
        for (sum, count) in self.unknown.iter_mut().zip(other.unknown) {
            *sum += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use tracer_common::latency::{Histogram, START_NOT_SEEN, bucket};

    use super::*;
    use crate::samples::at;

    const NETNS: u32 = 4_026_531_840;
    /// `10.0.0.2` on the wire.
    const ADDR: [u64; 2] = [0, 0x0200_000a_ffff_0000];

    fn key(cpu: u32, role: u8, addr: [u64; 2], port: u16) -> HistogramKey {
        HistogramKey { group: GroupKey { addr, netns: NETNS, port, role, other: 0 }, cpu, retransmitted: 0 }
    }

    fn server(cpu: u32) -> HistogramKey {
        key(cpu, ROLE_SERVER, [0; 2], 443)
    }

    fn histogram(us: u32, count: u32, max_us: u32) -> Histogram {
        let mut histogram = Histogram { max_us, ..Histogram::EMPTY };
        histogram.counts[bucket(us) as usize] = count;
        histogram
    }

    fn aggregate(by: LatencyBy) -> LatencyAggregate {
        LatencyAggregate::new(by, 20, at(0))
    }

    fn counts(latency: &Latency) -> Vec<u64> {
        latency.groups.iter().map(LatencyGroup::count).collect()
    }

    #[test]
    fn what_each_cpu_counted_adds_up_and_a_count_may_go_round() {
        let mut sum = aggregate(LatencyBy::Port);
        sum.take(&server(0), &histogram(50, u32::MAX - 1, 50));
        sum.take(&server(1), &histogram(50, 7, 50));
        assert_eq!(counts(&sum.recent(at(1))), [u64::from(u32::MAX) + 6]);
        // To just 0, which looks as if there were nothing, and on.
        sum.take(&server(0), &histogram(50, 0, 50));
        assert_eq!(counts(&sum.recent(at(2))), [0_u64; 0]);
        sum.take(&server(0), &histogram(50, 3, 50));
        assert_eq!(counts(&sum.recent(at(3))), [5]);
        assert_eq!(counts(&sum.whole(at(3))), [u64::from(u32::MAX) + 11]);
        assert_eq!(sum.counted(), (u64::from(u32::MAX) + 11, 0));
    }

    #[test]
    fn a_span_is_from_the_last_figures_on_and_its_maximum_is_its_own() {
        let mut sum = aggregate(LatencyBy::Port);
        sum.take(&server(0), &histogram(9_000, 1, 9_000));
        assert_eq!(sum.recent(at(5)).groups[0].took.quantiles().map(|it| it.max_ns), Some(9_000_000));
        let mut later = histogram(9_000, 1, 9_000);
        later.counts[bucket(60) as usize] = 2;
        sum.take(&server(0), &later);
        let recent = sum.recent(at(9));
        assert_eq!((recent.from, recent.to, recent.is_final), (at(5), at(9), false));
        assert_eq!(recent.groups[0].took.quantiles().map(|it| it.max_ns), Some(60_000));
        let whole = sum.whole(at(9));
        assert_eq!((whole.from, whole.groups[0].took.quantiles().map(|it| it.max_ns)), (at(0), Some(9_000_000)));
    }

    #[test]
    fn what_is_retransmitted_unknown_or_deferred_is_kept_apart() {
        let mut sum = aggregate(LatencyBy::Port);
        let again = HistogramKey { retransmitted: 1, ..server(0) };
        sum.take(&again, &histogram(1_000_000, 2, 1_000_100));
        let mut other = histogram(50, 1, 50);
        other.unknown[START_NOT_SEEN] = 4;
        sum.take(&server(0), &other);
        sum.note_deferring(NETNS, 443);
        sum.note_deferring(NETNS, 80);
        let whole = sum.whole(at(1));
        let [group] = &whole.groups[..] else { panic!("port 80 had no handshake: {whole:?}") };
        let apart = (group.took.count(), group.retransmitted.count(), group.unknown_count(), group.deferred);
        assert_eq!(apart, (1, 2, 4, true));
        assert_eq!(sum.counted(), (3, 4));
    }

    #[test]
    fn groups_have_the_names_that_were_asked_for_and_what_is_beyond_the_limit_comes_last() {
        let addr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
        let name = |by, key: &HistogramKey| {
            let mut sum = aggregate(by);
            sum.learn_cgroup(77, "/web");
            sum.take(key, &histogram(50, 1, 50));
            let group = sum.whole(at(1)).groups.swap_remove(0);
            (group.role, group.group)
        };
        let client = key(0, ROLE_CLIENT, ADDR, 443);
        let named = [
            (LatencyBy::Port, client, Role::Client, Group::Client { addr, port: 443, netns: NETNS }),
            (LatencyBy::Port, server(0), Role::Server, Group::Server { port: 443, netns: NETNS }),
            (LatencyBy::Peer, client, Role::Client, Group::Peer(addr)),
            (LatencyBy::Prefix, client, Role::Client, Group::Network { addr, port: 443, netns: NETNS }),
            (LatencyBy::Cgroup, key(0, ROLE_SERVER, [77, 0], 0), Role::Server, Group::Cgroup("/web".into())),
            (LatencyBy::Cgroup, key(0, ROLE_SERVER, [78, 0], 0), Role::Server, Group::CgroupId(78)),
            (LatencyBy::Cgroup, key(0, ROLE_SERVER, [0, 0], 0), Role::Server, Group::Unknown),
        ];
        for (by, key, role, group) in named {
            assert_eq!(name(by, &key), (role, group), "{by:?}");
        }
        let mut sum = aggregate(LatencyBy::Port);
        let other = GroupKey { other: 1, netns: 0, port: 0, ..server(0).group };
        sum.take(&HistogramKey { group: other, ..server(0) }, &histogram(50, 100, 50));
        sum.take(&server(0), &histogram(50, 1, 50));
        assert_eq!(sum.whole(at(1)).groups.last().map(|group| &group.group), Some(&Group::Other));
    }
}
