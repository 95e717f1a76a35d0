//! What well-formed values mean. The errors are snapshots in tests/cli_errors.rs.

use std::time::Duration;

use super::{Action, Config, Stream, Watch, cgroup, quantity, words};
use crate::{
    cli::{Early, parse},
    event::TcpState,
    filter::KernelFilter,
    services::Services,
};

fn config(args: &str) -> Config {
    let args = ["tracer"].into_iter().chain(args.split(' '));
    let cli = parse(args).unwrap_or_else(|early: Early| panic!("{early:?}"));
    Config::new(cli, &Services::parse("https 443/tcp\nhttp 80/tcp www")).unwrap_or_else(|error| panic!("{error}"))
}

fn watch(args: &str) -> Watch {
    match config(&format!("watch {args}")).action {
        Action::Watch(watch) => *watch,
        other => panic!("{other:?}"),
    }
}

fn kernel(args: &str) -> KernelFilter {
    watch(args).stream.filter.compile((32_768, 60_999))
}

#[test]
fn ports_are_numbers_ranges_and_names_by_comma_or_repetition() {
    let compiled = kernel("--port 443,8000-8100 --port HTTPS,www,!22");
    assert_eq!(compiled, kernel("--port 80,443,8000-8100,!22,443"));
    let listed = (0..=u16::MAX).filter(|port| compiled.port_bits[usize::from(*port)] & 1 != 0);
    assert_eq!(listed.count(), 2 + 101);
}

#[test]
fn a_bare_address_is_itself_and_a_mapped_one_is_ipv4() {
    assert_eq!(kernel("--addr 10.0.0.1"), kernel("--addr 10.0.0.1/32"));
    assert_eq!(kernel("--addr ::ffff:10.0.0.1"), kernel("--addr 10.0.0.1"));
    assert_eq!(kernel("--addr ::ffff:10.0.0.0/104 -4"), kernel("--addr 10.0.0.0/8 -4"));
    assert_eq!(kernel("--local [2001:db8::1]"), kernel("--local 2001:db8::1/128"));
}

#[test]
fn a_long_name_is_compared_as_the_kernel_cuts_it() {
    let (long, cut) = (watch("--comm prometheus-node-exporter"), watch("--comm prometheus-node"));
    assert_ne!(long.stream.filters, cut.stream.filters);
    assert!(format!("{:?}", long.stream.filter).contains("\"prometheus-node\""));
}

#[test]
fn the_filter_is_described_as_it_was_typed() {
    let filters = watch("-4 --state syn-sent --port 443 --role client --port !22 --no-loopback").stream.filters;
    assert_eq!(filters, ["--port 443,!22", "--role client", "--no-loopback", "-4", "--state syn-sent"]);
}

#[test]
fn our_own_namespace_by_every_name() {
    let own = kernel("--netns self").config.netns.ids[0];
    let pid = std::process::id();
    for name in [own.to_string(), format!("pid:{pid}"), format!("/proc/{pid}/ns/net"), "/proc/self/ns/net".to_owned()] {
        assert_eq!(kernel(&format!("--netns {name}")).config.netns.ids[0], own, "{name}");
    }
}

#[test]
fn the_loopback_interface_has_an_index() {
    assert_eq!(kernel("--dev lo").config.devices.ids[0], 1);
}

#[test]
fn states_in_any_spelling() {
    use TcpState::{Close, Established, FinWait1, Listen, SynRecv, SynSent};
    let spellings = [
        (SynSent, "syn-sent SYN_SENT synsent TCP_SYN_SENT Syn-Sent"),
        (Established, "established estab ESTAB"),
        (FinWait1, "fin-wait-1 FIN_WAIT1 finwait1 FIN-WAIT-1"),
        (SynRecv, "syn-recv SYN_RECEIVED syn-rcvd"),
        (Close, "close closed"),
        (Listen, "listen LISTENING"),
    ];
    for (state, words) in spellings {
        for word in words.split(' ') {
            assert_eq!(words::state(word).ok(), Some(state), "{word}");
        }
    }
}

#[test]
fn times_and_sizes_as_people_write_them() {
    let seconds = |text| quantity::duration(text).ok().map(|time: Duration| time.as_secs());
    let times = ["30s", "5m", "1h30m", "1h 30m", "90", "2min"].map(seconds);
    assert_eq!(times, [Some(30), Some(300), Some(5400), Some(5400), Some(90), Some(120)]);
    let sizes = ["4096", "64KiB", "64k", "64KB", "4M", "1G", "1 MiB"].map(|text| quantity::ring_bytes(text).ok());
    assert_eq!(sizes, [4096, 65_536, 65_536, 64_000, 4 << 20, 1 << 30, 1 << 20].map(Some));
}

#[test]
fn defaults() {
    let watch = watch("-o -");
    let Stream { output, duration, numeric, resources, filter, filters, .. } = watch.stream;
    assert_eq!((output, watch.count, duration, numeric), (None, None, None, false));
    assert_eq!((resources.ring_bytes, resources.table_size), (16 << 20, 1_000_000));
    assert!(filter.is_pass_all() && filters.is_empty() && resources.kernel_log.is_none());
}

#[test]
fn a_cgroup_by_path_and_by_number() {
    let Some(tree) = crate::cgroupfs::CgroupTree::open() else { return };
    let root = cgroup::cgroup("/").expect("the root");
    assert_eq!(root.path.as_deref(), Some("/"));
    assert_eq!(cgroup::cgroup(&root.id.to_string()).ok(), Some(root.clone()));
    assert_eq!(cgroup::cgroup(&tree.mount().to_string_lossy()).ok(), Some(root));
    assert!(cgroup::cgroup("no/such/cgroup").is_err() && cgroup::cgroup("../..").is_err());
}
