//! Damaged blobs: an error or a wrong answer, never a panic or an endless search.

use proptest::{prelude::*, sample::Index};

use super::*;

/// Uses every public operation.
fn exercise(data: Vec<u8>, structure: &str, paths: &[&str]) {
    if let Ok(btf) = Btf::parse(data) {
        let _ = (btf.tracepoint_arguments("tcp_send_reset"), btf.enumerators("sk_rst_reason"));
        for path in paths {
            let _ = (btf.field(structure, path), btf.bit(structure, path));
        }
    }
}

/// Bits to flip, and where to cut off.
fn damage() -> impl Strategy<Value = (Vec<(Index, u8)>, Index)> {
    (prop::collection::vec((any::<Index>(), 0..8_u8), 1..24), any::<Index>())
}

fn damaged(mut data: Vec<u8>, flips: &[(Index, u8)]) -> Vec<u8> {
    for (at, bit) in flips {
        let at = at.index(data.len());
        data[at] ^= 1_u8 << bit;
    }
    data
}

const PATHS: [&str; 6] = ["a", "high", "nested.list[3]", "nested.deep[1].v", "link", "nested.x.y"];

proptest! {
    #[test]
    fn damage_is_never_a_panic((flips, end) in damage()) {
        let mut data = damaged(sample().bytes(), &flips);
        exercise(data.clone(), "outer", &PATHS);
        data.truncate(end.index(data.len()));
        exercise(data, "outer", &PATHS);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn nor_is_a_damaged_real_kernel((flips, end) in damage()) {
        let mut data = damaged(fs::read(VMLINUX).unwrap_or_else(|_| vec![0]), &flips);
        let paths = ["__sk_common.skc_net.net", "sk_lock.owned", "sk_cgrp_data.cgroup", "sk_none"];
        exercise(data.clone(), "sock", &paths);
        data.truncate(end.index(data.len()));
        exercise(data, "sock", &paths);
    }
}
