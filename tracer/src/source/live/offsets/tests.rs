//! The table, hand-made kernels that lack something, and the kernel that runs the tests.

use std::collections::{BTreeMap, BTreeSet};

use tracer_common::wire::ABSENT;

use super::{
    table::{BIT, Place, Row},
    *,
};
use crate::source::live::btf::{Field, builder::Builder};

/// A kernel with the members of the table: of each line the first place that `choose` does not strike out.
fn kernel(choose: impl Fn(&Place) -> bool) -> Btf {
    kernel_with(choose, SEND_RESET_ARGUMENTS)
}

/// The same, with a `tcp_send_reset` that has so many arguments.
fn kernel_with(choose: impl Fn(&Place) -> bool, send_reset: u32) -> Btf {
    let mut structures: BTreeMap<&str, Vec<Place>> = BTreeMap::new();
    for row in ROWS.iter().chain(EXTRAS) {
        let places = structures.entry(row.structure).or_default();
        places.extend([&row.first].into_iter().chain(row.others).find(|place| choose(place)));
    }
    let mut b = Builder::new();
    for (name, places) in structures {
        add(&mut b, name, &places);
    }
    for (name, _) in TRACEPOINTS {
        b.tracepoint(name, if *name == "tcp_send_reset" { send_reset } else { 2 });
    }
    b.enumeration("sk_rst_reason", &[("SK_RST_REASON_NOT_SPECIFIED", 0), ("SK_RST_REASON_NO_SOCKET", 1)]);
    b.build()
}

/// Adds a struct with these members, each at its own place.
fn add(b: &mut Builder, name: &str, places: &[Place]) -> u32 {
    let mut steps: BTreeMap<&str, Vec<Place>> = BTreeMap::new();
    for (path, size) in places {
        let (step, rest) = path.split_once('.').unwrap_or((path, ""));
        steps.entry(step).or_default().push((rest, *size));
    }
    let byte = b.int(1);
    let members: Vec<_> = (0..)
        .step_by(512)
        .zip(steps)
        .map(|(bits, (step, inner))| match inner[..] {
            [("", BIT)] => (step, b.narrow_int(1, 1), bits),
            [("", size)] => (step, b.array(byte, size), bits),
            _ => (step, add(b, "", &inner), bits),
        })
        .collect();
    b.structure(name, 4096, &members)
}

#[test]
fn each_member_of_the_wire_struct_has_its_row() {
    let set = |row: &Row| {
        let mut offsets = Offsets::ABSENT;
        (row.put)(&mut offsets, Field { offset: 1, size: 2 });
        format!("{offsets:?}")
    };
    let distinct: BTreeSet<String> = ROWS.iter().chain(EXTRAS).map(set).collect();
    assert_eq!(distinct.len(), ROWS.len() + EXTRAS.len());
    // The width of the port range is set together with its place.
    assert_eq!(ROWS.len() + EXTRAS.len() + 1, size_of::<Offsets>() / size_of::<u32>());
}

#[test]
fn a_complete_kernel_lacks_nothing() {
    let resolved = resolve(&kernel(|_| true)).expect("complete");
    assert!(resolved.missing.is_empty());
    assert!(!format!("{:?}", resolved.offsets).contains(&ABSENT.to_string()));
    assert_eq!(resolved.offsets.net_port_range_width, 4);
}

#[test]
fn a_feature_is_found_whole_or_not_at_all() {
    let resolved = resolve(&kernel(|(path, _)| *path != "kn")).expect("only optional members are missing");
    let [missing] = &resolved.missing[..] else { panic!("{:?}", resolved.missing) };
    assert_eq!(missing.feature.name, "cgroup");
    assert_eq!(missing.reason.to_string(), "struct cgroup of this kernel has no member kn");
    let Offsets { sk_cgroup, cgroup_kn, kn_id, kn_parent, sk_net, .. } = resolved.offsets;
    assert_eq!([sk_cgroup, cgroup_kn, kn_id, kn_parent], [ABSENT; 4]);
    assert_ne!(sk_net, ABSENT);
}

#[test]
fn older_and_newer_places_are_tried() {
    let older_parent = resolve(&kernel(|place| place.0 != "__parent")).expect("older");
    assert!(older_parent.missing.is_empty());
    let newer_range = |place: &Place| *place != ("ipv4.ip_local_ports.range", 8);
    let resolved = resolve(&kernel(newer_range)).expect("newer");
    assert_eq!(resolved.offsets.net_port_range_width, 2);
}

#[test]
fn reasons_are_named_where_the_tracepoint_tells_them() {
    let resolved = resolve(&kernel(|_| true)).expect("complete");
    assert_eq!(&*resolved.reset_reasons[1], "NO_SOCKET");
    let older = resolve(&kernel_with(|_| true, SEND_RESET_ARGUMENTS - 1)).expect("older");
    assert!(older.reset_reasons.is_empty());
    assert_eq!(older.missing.iter().map(|missing| missing.feature.name).collect::<Vec<_>>(), ["reset_reasons"]);
}

#[test]
fn packets_that_must_not_be_read_are_said_to_be_so() {
    let mut resolved = resolve(&kernel(|_| true)).expect("complete");
    assert!(resolved.can_read_packets());
    resolved.forbid_packets();
    assert!(!resolved.can_read_packets());
}

#[test]
fn all_missing_required_members_are_named() {
    let error =
        resolve(&kernel(|(path, _)| !["sk_protocol", "inet_sport"].contains(path))).expect_err("both are required");
    assert_eq!(
        error.to_string(),
        "struct sock of this kernel has no member sk_protocol; \
         struct inet_sock of this kernel has no member inet_sport"
    );
}

#[test]
fn the_running_kernel_agrees_with_what_its_source_promises() {
    let Ok(btf) = Btf::of_running_kernel() else {
        eprintln!("skipped: this kernel shows no BTF");
        return;
    };
    let o = resolve(&btf).expect("a kernel to develop on").offsets;
    // struct sock_common, include/net/sock.h: "skc_daddr and skc_rcv_saddr must be grouped on a 8 bytes aligned
    // address", skc_dport and skc_num too (INET_COMBINED_PORTS), and sock_common is the first member of sock.
    assert_eq!((o.sk_daddr, o.sk_rcv_saddr), (0, 4));
    assert_eq!(o.sk_num, o.sk_dport + 2);
    assert_eq!(o.sk_dport % 4, 0);
    let portpair = btf.field("sock_common", "skc_portpair").expect("exists");
    assert_eq!((portpair.offset, portpair.size), (o.sk_dport, 4));
    // struct inet_sock starts with a sock and tcp_sock with an inet_connection_sock.
    let sock = btf.field("inet_sock", "sk").expect("exists");
    assert_eq!(sock.offset, 0);
    assert!(o.inet_sport >= sock.size);
    let connection = btf.field("tcp_sock", "inet_conn").expect("exists");
    for offset in [o.tcp_srtt_us, o.tcp_total_retrans, o.tcp_bytes_acked, o.tcp_bytes_received] {
        assert!(offset >= connection.size);
    }
    assert_eq!(btf.tracepoint_arguments("inet_sock_set_state"), Some(3));
    assert_eq!(btf.tracepoint_arguments("inet_sock_set"), None);
    let reasons = btf.enumerators("sk_rst_reason");
    assert!(reasons.is_empty() || reasons.contains(&(1, "SK_RST_REASON_NO_SOCKET".to_owned())));
    // Arrays and nesting, where the outcome is known: struct minmax has three samples of two u32.
    let sample = |path| btf.field("tcp_sock", path).expect("exists");
    let (first, second) = (sample("rtt_min.s[0].v"), sample("rtt_min.s[1].v"));
    assert_eq!((second.offset - first.offset, first.size), (8, 4));
    assert!(btf.field("tcp_sock", "rtt_min.s[3].v").is_err());
}
