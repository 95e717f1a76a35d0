//! What stops a start, and how a refusal is explained.

use super::{super::preflight::ready, *};
use crate::filter::{Criteria, Filter, List};

const EPERM: i32 = rustix::io::Errno::PERM.raw_os_error();
const EACCES: i32 = rustix::io::Errno::ACCESS.raw_os_error();

#[test]
fn a_start_says_the_sentence_of_the_first_check_that_fails() {
    let only_bpf = Privilege { bpf: true, ..NOBODY };
    let own_namespace = Privilege { user_namespace: true, ..good().privilege };
    let container = Privilege { root: true, ..NOBODY };
    let sentences: Vec<String> = [
        Facts { little_endian: false, machine: "s390x".into(), ..good() },
        Facts { privilege: NOBODY, ..good() },
        Facts { privilege: only_bpf, program: Some("/home/a b/tracer".into()), ..good() },
        Facts { privilege: container, ..good() },
        Facts { privilege: own_namespace, ..good() },
        Facts { types: Err(BtfError::Read(io::ErrorKind::PermissionDenied.into())), ..good() },
        Facts { types: Err(BtfError::Damaged { at: 24 }), ..good() },
        Facts { types: Ok(Types { tracepoint: false, ..members(Vec::new()) }), ..good() },
    ]
    .iter()
    .map(sentence)
    .collect();
    insta::assert_snapshot!(sentences.join("\n"));
}

#[test]
fn a_refusal_names_what_most_likely_forbids_it() {
    let seccomp = Privilege { seccomp: true, ..good().privilege };
    let refused_by = |facts: Facts| Facts { trials: refused(EPERM, ""), ..facts };
    let sentences: Vec<String> = [
        refused_by(Facts { privilege: seccomp, ..good() }),
        refused_by(Facts { lockdown: Lockdown::Confidentiality, ..good() }),
        refused_by(Facts { lockdown: Lockdown::Integrity, ..good() }),
        refused_by(good()),
        Facts { trials: refused(EINVAL, ""), ..good() },
        Facts { trials: refused(EACCES, "R1 invalid mem access\nprocessed 37 insns (limit 1000000)"), ..good() },
        Facts { trials: Some(Trials { maps: vec![("lpm_trie", Outcome::Unsupported)], ..works() }), ..good() },
    ]
    .iter()
    .map(sentence)
    .collect();
    insta::assert_snapshot!(sentences.join("\n"));
}

fn works() -> Trials {
    Trials { maps: Vec::new(), programs: Outcome::Works, instructions: Vec::new(), existing: None }
}

#[test]
fn release_numbers_are_compared_as_numbers() {
    let older = |release: &str| Facts { release: release.into(), ..good() }.is_older_than(5, 11);
    assert!(older("5.4.0-150-generic") && older("4.18.0-553.el8") && older("5.9"));
    assert!(!older("5.11.0") && !older("6.1.0-49") && !older("10.0-rc1") && !older("unknown"));
}

#[test]
fn what_an_error_says_is_taken_from_all_its_causes() {
    #[derive(Debug, thiserror::Error)]
    #[error("loading failed")]
    struct Outer(#[source] io::Error);
    let failed = Failed::new(&Outer(io::Error::from_raw_os_error(EPERM)));
    assert_eq!((failed.what.as_str(), failed.errno), ("loading failed", Some(EPERM)));
    assert_eq!(failed.log, "loading failed\nOperation not permitted (os error 1)");
}

#[test]
fn a_filter_that_this_kernel_cannot_answer_is_refused() {
    let asks = |criteria| Filter::new(criteria).expect("short lists");
    let netns = asks(Criteria { netns: List { include: vec![1], exclude: Vec::new() }, ..Criteria::default() });
    let without = |name| {
        let feature = *FEATURES.iter().find(|feature| feature.name == name).expect("known");
        let reason = FieldError::MissingMember { structure: "net".into(), path: "ns.inum".into() };
        ready(&Facts { types: Ok(members(vec![MissingField { feature, reason }])), ..good() }).expect("it runs")
    };
    assert_eq!(without("netns").can_answer(&asks(Criteria::default())), Ok(()));
    assert_eq!(without("cgroup").can_answer(&netns), Ok(()));
    let refusal = without("netns").can_answer(&netns).expect_err("no member, no answer");
    insta::assert_snapshot!(refusal, @"this kernel does not tell what --netns asks for: struct net of this kernel has no member ns.inum; a kernel built with CONFIG_NET_NS has them.");
}
