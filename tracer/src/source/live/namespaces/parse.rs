//! The text of /proc/net and /proc/sys/net as numbers. Own lines, since what could be had reads files by path only, and
//! these are open descriptors.

use std::str::FromStr;

use crate::namespace::{Counter, Counters};

/// Takes the counters of TCP from a table of /proc/net/snmp or /proc/net/netstat: lines in pairs, names and values. False
/// if it is no such table.
pub(super) fn counters(text: &str, counters: &mut Counters) -> bool {
    let lines: Vec<_> = text.lines().collect();
    let mut found = false;
    for pair in lines.chunks_exact(2) {
        let (Some((table, names)), Some((same, values))) = (pair[0].split_once(':'), pair[1].split_once(':')) else {
            return false;
        };
        if table != same || names.split_whitespace().count() != values.split_whitespace().count() {
            return false;
        }
        if table != "Tcp" && table != "TcpExt" {
            continue;
        }
        found = true;
        for (name, value) in names.split_whitespace().zip(values.split_whitespace()) {
            let counter = Counter::ALL.iter().find(|counter| counter.name() == name);
            if let (Some(counter), Ok(value)) = (counter, value.parse()) {
                counters.set(*counter, value);
            }
        }
    }
    found
}

/// First and last, a tab between them.
pub(super) fn port_range(text: &str) -> Option<(u16, u16)> {
    let mut numbers = text.split_whitespace().map(str::parse);
    match (numbers.next(), numbers.next(), numbers.next()) {
        (Some(Ok(first)), Some(Ok(last)), None) => Some((first, last)),
        _ => None,
    }
}

/// `8080,9000-9010`, or an empty line: the kernel writes it in order and without overlaps (`proc_do_large_bitmap`).
pub(super) fn reserved(text: &str) -> Option<Box<[(u16, u16)]>> {
    let range = |item: &str| {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        Some((first.parse().ok()?, last.parse().ok()?))
    };
    text.trim().split(',').filter(|item| !item.is_empty()).map(range).collect()
}

/// A single number.
pub(super) fn number<T: FromStr>(text: &str) -> Option<T> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{counters, number, port_range, reserved};
    use crate::namespace::{Counter, Counters};

    /// Linux 6.18, the tables of other protocols cut to one.
    const SNMP: &str = "\
Ip: Forwarding DefaultTTL
Ip: 1 64
Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors
Tcp: 1 200 120000 -1 780340 779922 79 1179 0 4728941 4709889 0 0 730 0
";
    /// Linux 5.10, cut: it ends earlier than later kernels' do.
    const NETSTAT: &str = "\
TcpExt: SyncookiesSent SyncookiesRecv SyncookiesFailed EmbryonicRsts PruneCalled TW TWRecycled TWKilled ListenOverflows ListenDrops TCPTimeWaitOverflow
TcpExt: 3 2 1 7 0 779615 679481 5 11 12 4
IpExt: InNoRoutes InTruncatedPkts
IpExt: 0 0
MPTcpExt: MPCapableSYNRX MPCapableSYNTX
MPTcpExt: 9 9
";

    #[test]
    fn tables_of_the_kernel_are_read() {
        let mut read = Counters::default();
        assert!(counters(SNMP, &mut read) && counters(NETSTAT, &mut read));
        let values = [Counter::ActiveOpens, Counter::AttemptFails, Counter::OutRsts, Counter::TimeWaits];
        assert_eq!(values.map(|counter| read.get(counter)), [Some(780_340), Some(79), Some(730), Some(779_615)]);
        let values = [Counter::EmbryonicRsts, Counter::ShortTimeWaits, Counter::ListenDrops];
        assert_eq!(values.map(|counter| read.get(counter)), [Some(7), Some(5), Some(12)]);
        assert_eq!(read.get(Counter::RequestQueueDrops), None, "this kernel does not have it");
    }

    #[test]
    fn what_is_no_table_is_refused() {
        for damaged in ["", "Tcp: A B\nTcp: 1\n", "Tcp: A\nTcpExt: 1\n", "no colon\nat all\n", "Ip: A\nIp: 1\n"] {
            assert!(!counters(damaged, &mut Counters::default()), "{damaged:?}");
        }
    }

    #[test]
    fn a_counter_grows_or_is_unknown() {
        let (mut before, mut after) = (Counters::default(), Counters::default());
        before.set(Counter::OutRsts, 5);
        after.set(Counter::OutRsts, 7);
        after.set(Counter::ActiveOpens, 7);
        assert_eq!(after.since(&before, Counter::OutRsts), Some(2));
        assert_eq!(after.since(&before, Counter::ActiveOpens), None);
        assert_eq!(before.since(&after, Counter::OutRsts), None);
    }

    #[test]
    fn settings_are_read_as_the_kernel_writes_them() {
        assert_eq!(port_range("32768\t60999\n"), Some((32_768, 60_999)));
        assert_eq!((port_range("32768\n"), port_range("1 2 3"), port_range("0 70000")), (None, None, None));
        assert_eq!(reserved("\n").as_deref(), Some(&[][..]));
        assert_eq!(reserved("8080,9000-9010\n").as_deref(), Some(&[(8_080, 8_080), (9_000, 9_010)][..]));
        assert_eq!((reserved("8080,x"), reserved("70000")), (None, None));
        assert_eq!((number::<u8>("2\n"), number::<u8>("")), (Some(2), None));
    }
}
