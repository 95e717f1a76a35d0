//! What well-formed values mean. The errors are snapshots in tests/cli_errors.rs.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use super::{Action, Config, Destination, InternetSpec, List, Scope, Source, Stream, Watch, cgroup, quantity, when};
use crate::{
    cli::{Early, Format, parse},
    event::{Family, TcpState},
    filter::{Criteria, KernelFilter, WantedCgroup},
    recording::{Limits, SyncPolicy},
    services::Services,
    socket::Protocol,
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

fn list(args: &str) -> List {
    match config(format!("list {args}").trim_end()).action {
        Action::List(list) => *list,
        other => panic!("{other:?}"),
    }
}

/// What a combination of flags stands for: `tcp:connected+listening udp:connected -p -e -o`.
fn meaning(args: &str) -> String {
    use TcpState::{Close, Established, Listen, TimeWait};
    let List { tcp, udp, filter, columns, numeric, .. } = list(args);
    assert_eq!(tcp.contains(&Established), tcp.contains(&TimeWait), "{args}");
    let kinds = |protocol, connected, listening| match (connected, listening) {
        (true, true) => Some(format!("{protocol}:all")),
        (true, false) => Some(format!("{protocol}:connected")),
        (false, true) => Some(format!("{protocol}:listening")),
        (false, false) => None,
    };
    let family = filter.criteria().family.map(|family| if family == Family::Ipv4 { "-4" } else { "-6" }.to_owned());
    let switch = |given: bool, flag: &str| given.then(|| flag.to_owned());
    [
        kinds("tcp", tcp.contains(&Established), tcp.contains(&Listen)),
        kinds("udp", udp.contains(&Established), udp.contains(&Close)),
        switch(columns.processes, "-p"),
        switch(columns.extended, "-e"),
        switch(columns.timers, "-o"),
        switch(numeric, "-n"),
        family,
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>()
    .join(" ")
}

#[test]
fn flags_mean_what_they_mean_in_netstat_and_ss() {
    for (args, expected) in [
        ("", "tcp:all udp:all -p"),
        ("-n", "tcp:all udp:all -p -n"),
        ("-p", "tcp:all udp:all -p"),
        ("-o", "tcp:all udp:all -p -o"),
        ("-4", "tcp:all udp:all -p -4"),
        ("-a", "tcp:all udp:all"),
        ("-t", "tcp:connected"),
        ("-u", "udp:connected"),
        ("-l", "tcp:listening udp:listening"),
        ("-at", "tcp:all"),
        ("-ua", "udp:all"),
        ("-tu", "tcp:connected udp:connected"),
        ("-tanp", "tcp:all -p -n"),
        ("-antp", "tcp:all -p -n"),
        ("-ltnp", "tcp:listening -p -n"),
        ("-ptln", "tcp:listening -p -n"),
        ("-tulpn", "tcp:listening udp:listening -p -n"),
        ("-tulpen", "tcp:listening udp:listening -p -e -n"),
        ("-ln4", "tcp:listening udp:listening -n -4"),
        ("-6tln", "tcp:listening -n -6"),
        ("-46tln", "tcp:listening -n"),
        ("-tuanpoe", "tcp:all udp:all -p -e -o -n"),
        ("-tanee", "tcp:all -e -n"),
        ("-la", "tcp:all udp:all"),
        ("-al", "tcp:all udp:all"),
        ("-t -n -o", "tcp:connected -o -n"),
        ("--tcp --listening --numeric --programs", "tcp:listening -p -n"),
        ("-ltn -tlnp -ppn", "tcp:listening -p -n"),
        ("-t -f inet", "tcp:connected -4"),
        ("-t -f inet6", "tcp:connected -6"),
        ("-t -f inet,inet6", "tcp:connected"),
        ("-i", "tcp:all udp:all -p"),
        ("-nPi", "tcp:all udp:all -p -n"),
        ("-nP -i :443", "tcp:all udp:all -p -n"),
        ("-i 4", "tcp:all udp:all -p"),
        ("-l -i :443", "tcp:listening udp:listening -p"),
        ("-tni", "tcp:all -p -n"),
    ] {
        assert_eq!(meaning(args), expected, "{args}");
    }
}

#[test]
fn states_of_a_list_in_any_spelling_and_in_the_groups_of_ss() {
    use TcpState::{Close, CloseWait, Established, FinWait1, Listen, NewSynRecv, SynRecv, TimeWait};
    let tcp = |args: &str| list(args).tcp;
    for spelling in ["close-wait", "CLOSE_WAIT", "closewait"] {
        assert_eq!(tcp(&format!("--state {spelling}")), [CloseWait]);
    }
    for spelling in ["FIN-WAIT-1", "fin_wait1", "finwait1"] {
        assert_eq!(tcp(&format!("-t --state {spelling}")), [FinWait1]);
    }
    assert_eq!(tcp("-t --state listen"), [Listen], "states that are named need no -a");
    assert_eq!(tcp("--state syn-recv"), [SynRecv, NewSynRecv]);
    assert_eq!(tcp("--state new-syn-recv"), [SynRecv, NewSynRecv], "the kernel calls it SYN_RECV where it lists it");
    assert_eq!(tcp("--state bucket"), [SynRecv, TimeWait, NewSynRecv]);
    let (connected, synchronized, big) = (tcp("--state connected"), tcp("--state synchronized"), tcp("--state big"));
    assert!(connected.len() == 10 && !connected.contains(&Listen) && !connected.contains(&Close));
    assert!(synchronized.len() == 9 && big.len() == 9 && !big.contains(&TimeWait));
    let rest = list("--state !time-wait,!estab");
    assert!(!rest.tcp.contains(&TimeWait) && !rest.tcp.contains(&Established) && rest.udp == [Close]);
    assert_eq!((list("--state unconn").udp, list("--state estab").udp), (vec![Close], vec![Established]));
}

#[test]
fn what_lsof_takes_after_its_i() {
    let spec = |text: &str| list(&format!("-i {text}")).internet.swap_remove(0);
    let none = InternetSpec::default();
    assert_eq!(list("-i").internet, std::slice::from_ref(&none));
    assert_eq!(spec("6"), InternetSpec { family: Some(Family::Ipv6), ..none.clone() });
    assert_eq!(spec("UDP"), InternetSpec { protocol: Some(Protocol::Udp), ..none.clone() });
    assert_eq!(spec(":https,8000-8100").ports, [443..=443, 8000..=8100]);
    let full = spec("4tcp@127.0.0.1:80-90");
    assert_eq!((full.family, full.protocol), (Some(Family::Ipv4), Some(Protocol::Tcp)));
    assert_eq!((&full.hosts[..], &full.ports[..]), (&["127.0.0.1".parse().expect("an address")][..], &[80..=90][..]));
    let loopback: Vec<IpAddr> = vec!["::1".parse().expect("an address")];
    assert_eq!(spec("6TCP@[::1]:80-90").hosts, loopback);
    assert_eq!((spec("@[::1]").hosts, spec("@::1").hosts), (loopback.clone(), loopback));
    assert_eq!(list("-i :80 -i :443").internet.len(), 2);
    assert_eq!(list("-i4").internet, list("-i 4").internet);
}

#[test]
fn a_list_is_of_this_namespace_unless_others_are_named() {
    assert_eq!((list("").scope, list("--netns self").scope), (Scope::Own, Scope::Filtered));
    let but_this = list("--netns self,all,!self");
    let Criteria { netns, .. } = but_this.filter.criteria();
    assert_eq!((but_this.scope, netns.include.len(), netns.exclude.len()), (Scope::Filtered, 0, 1));
    let all = list("--netns all");
    assert!(all.scope == Scope::Filtered && all.filter.is_pass_all());
}

#[test]
fn a_list_says_how_it_was_asked_for() {
    assert_eq!(
        list("-tln --port 443 -i :80 --state listen").filters,
        ["-t", "-l", "-i :80", "--port 443", "--state listen"]
    );
}

#[test]
fn the_loopback_interface_has_an_index() {
    assert_eq!(kernel("--dev lo").config.devices.ids[0], 1);
}

#[test]
fn times_and_sizes_as_people_write_them() {
    let seconds = |text| quantity::duration(text).ok().map(|time: Duration| time.as_secs());
    let times = ["30s", "5m", "1h30m", "1h 30m", "90", "2min", "7d", "1d12h"].map(seconds);
    assert_eq!(times, [30, 300, 5_400, 5_400, 90, 120, 604_800, 129_600].map(Some));
    assert_eq!((seconds("1mo"), seconds("-1d")), (None, None));
    assert_eq!(quantity::duration("0.5").ok(), Some(Duration::from_millis(500)));
    assert!(["0.0", ".", "1.2.3", "1e3", "inf"].iter().all(|text| quantity::duration(text).is_err()));
    let sizes = ["4096", "64KiB", "64k", "64KB", "4M", "1G", "1 MiB"].map(|text| quantity::ring_bytes(text).ok());
    assert_eq!(sizes, [4096, 65_536, 65_536, 64_000, 4 << 20, 1 << 30, 1 << 20].map(Some));
}

#[test]
fn defaults() {
    let watch = watch("-o -");
    let Stream { source, output, numeric, filter, filters, table_size } = watch.stream;
    let Source::Live(live) = source else { panic!("{source:?}") };
    let resources = live.resources;
    assert_eq!((output, watch.count, live.duration, numeric), (None, None, None, false));
    assert_eq!((resources.ring_bytes, table_size, resources.time_wait), (16 << 20, 1_000_000, true));
    assert!(filter.is_pass_all() && filters.is_empty() && resources.kernel_log.is_none() && live.record.is_none());
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

#[test]
fn moments_as_people_write_them() {
    use crate::source::recording::Moment::{self, At, BeforeEnd, TimeOfDay};
    const SECOND: i64 = 1_000_000_000;
    let zone = jiff::tz::TimeZone::get("Etc/GMT-1").unwrap_or(jiff::tz::TimeZone::fixed(jiff::tz::offset(1)));
    let moment = |text: &str| -> Option<Moment> { when::moment(text, &zone).ok() };
    // 2026-11-21 14:03:05 an hour east of Greenwich.
    let at = 1_795_266_185 * SECOND;
    for text in ["2026-11-21T14:03:05+01:00", "2026-11-21T13:03:05Z", "2026-11-21 13:03:05Z", "2026-11-21T14:03:05"] {
        assert_eq!(moment(text), Some(At(at)), "{text}");
    }
    assert_eq!(moment("2026-11-21 14:03:05.5"), Some(At(at + SECOND / 2)));
    assert_eq!(moment("2026-11-21T14:03"), Some(At(at - 5 * SECOND)));
    assert_eq!(moment("2026-11-21"), Some(At(at - (14 * 3600 + 3 * 60 + 5) * SECOND)));
    let of_day = ["14:03", "14:03:05", "0:00", "23:59:59"].map(moment);
    assert_eq!(of_day, [50_580, 50_585, 0, 86_399].map(|seconds| Some(TimeOfDay(seconds))));
    assert_eq!(
        (moment("-10m"), moment("-90")),
        (Some(BeforeEnd(600 * 1_000_000_000)), Some(BeforeEnd(90_000_000_000)))
    );
    let wrong =
        ["", "-", "now", "10m", "14", "1403", "24:00", "14:60", "14:03:60", "14:3:5:1", "20261121", "-0s", "--5s"];
    let wrong =
        wrong.into_iter().chain(["2026-02-30", "2026-11-21T25:00", "9999-12-31T00:00Z", "2026-11-21T14:03+99:00"]);
    wrong.for_each(|text| assert_eq!(moment(text), None, "{text}"));
}

#[test]
fn with_a_recording_nothing_is_resolved_here() {
    let watch =
        watch("-r a b -r c --since -10m --netns 4026531840 --dev 7 --cgroup /sys/fs/cgroup/no/such/ --cgroup 42");
    let Source::Recordings(reading) = watch.stream.source else { panic!("{:?}", watch.stream.source) };
    assert_eq!(reading.paths, ["a", "b", "c"].map(PathBuf::from));
    let Criteria { netns, devices, cgroups, .. } = watch.stream.filter.criteria();
    assert_eq!((&netns.include[..], &devices.include[..]), (&[4_026_531_840][..], &[7][..]));
    let by_path = WantedCgroup { id: 0, path: Some("/no/such".into()) };
    assert_eq!(cgroups.include, [by_path, WantedCgroup { id: 42, path: None }]);
}

#[test]
fn segments_are_for_directories() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().display();
    let limits = |args: &str| match config(args).action {
        Action::Record(record) => destination(&record.stream.source).limits,
        Action::Watch(watch) => destination(&watch.stream.source).limits,
        other => panic!("{other:?}"),
    };
    let none = Limits::default();
    assert_eq!(limits(&format!("record -w {path}/file --sync never")), Limits { sync: SyncPolicy::Never, ..none });
    let usual = Limits { segment_bytes: Some(64 << 20), ..none };
    assert_eq!(limits(&format!("record -w {path}")), usual);
    assert_eq!(limits(&format!("watch -w {path}")), usual);
    let rotated = limits(&format!("record -w {path} --rotate-size 1M --rotate-time 1h --keep-size 2G --keep-time 7d"));
    let hours = |hours: u64| Some(Duration::from_secs(hours * 3600));
    let (segment_bytes, keep_bytes) = (Some(1 << 20), Some(2 << 30));
    assert_eq!(rotated, Limits { segment_bytes, segment_time: hours(1), keep_bytes, keep_time: hours(7 * 24), ..none });
}

fn destination(source: &Source) -> Destination {
    match source {
        Source::Live(live) => live.record.clone().expect("recorded"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_export_is_what_watch_prints_as_json() {
    let exported = config("export -r a --to ndjson --port 443");
    assert_eq!(exported.speech.format, Format::Json);
    let Action::Watch(export) = exported.action else { panic!("{:?}", exported.action) };
    let same = watch("-r a --port 443");
    assert_eq!((export.stream.filter, export.shown, export.count), (same.stream.filter, same.shown, same.count));
}
