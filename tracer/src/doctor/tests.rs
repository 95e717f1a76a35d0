//! Facts of imagined machines, and what people and programs read about them.

mod sentences;

use std::{io, path::PathBuf};

use super::{
    facts::{Facts, Jit, Lockdown, Privilege, Types},
    outcome::{Failed, Outcome, Trials},
    *,
};
use crate::source::live::{
    btf::{BtfError, FieldError},
    offsets::{FEATURES, MissingField, OffsetsError, Resolved},
};

const EINVAL: i32 = rustix::io::Errno::INVAL.raw_os_error();

const MAPS: [&str; 5] = ["ring_buffer", "array_of_maps", "per_cpu_array", "hash_map", "lpm_trie"];

fn members(missing: Vec<MissingField>) -> Types {
    let offsets = tracer_common::wire::Offsets::ABSENT;
    Types {
        tracepoint: true,
        members: Ok(Resolved { offsets, missing, reset_reasons: Vec::new(), tw_timer_handler: None }),
    }
}

fn tried(programs: Outcome) -> Option<Trials> {
    Some(Trials {
        maps: MAPS.map(|name| (name, Outcome::Works)).to_vec(),
        programs,
        instructions: vec![1234, 1200],
        existing: None,
    })
}

/// A machine on which all is well.
fn good() -> Facts {
    Facts {
        release: "6.12.48-1-amd64".into(),
        machine: "x86_64".into(),
        program: Some(PathBuf::from("/usr/bin/tracer")),
        little_endian: true,
        privilege: Privilege {
            root: true,
            bpf: true,
            perfmon: true,
            sys_admin: true,
            sys_ptrace: true,
            dac_read_search: true,
            pid_namespace: false,
            user_namespace: false,
            seccomp: false,
        },
        lockdown: Lockdown::None,
        landlock: true,
        memlock: Some(8 << 20),
        jit: Jit::On,
        types: Ok(members(Vec::new())),
        trials: tried(Outcome::Works),
    }
}

const NOBODY: Privilege = Privilege {
    root: false,
    bpf: false,
    perfmon: false,
    sys_admin: false,
    sys_ptrace: false,
    dac_read_search: false,
    pid_namespace: false,
    user_namespace: false,
    seccomp: false,
};

fn text(facts: &Facts) -> String {
    Report::new(diagnose(facts), false).text(false)
}

/// The sentence that stops a start.
fn sentence(facts: &Facts) -> String {
    let stops = |finding: &Finding| finding.status == Health::Missing;
    diagnose(facts).into_iter().find(stops).map(|finding| finding.sentence()).unwrap_or_default()
}

fn refused(errno: i32, log: &str) -> Option<Trials> {
    let what = "the kernel refused the program tracer_state".to_owned();
    tried(Outcome::Failed(Failed { what, errno: Some(errno), log: log.to_owned() }))
}

#[test]
fn all_good() {
    insta::assert_snapshot!(text(&good()));
}

#[test]
fn not_root() {
    insta::assert_snapshot!(text(&Facts { privilege: NOBODY, trials: None, jit: Jit::Unknown, ..good() }));
}

#[test]
fn no_btf() {
    let types = Err(BtfError::Read(io::ErrorKind::NotFound.into()));
    insta::assert_snapshot!(text(&Facts { types, trials: None, ..good() }));
}

#[test]
fn confidentiality() {
    insta::assert_snapshot!(text(&Facts { lockdown: Lockdown::Confidentiality, ..good() }));
}

#[test]
fn required_members_missing() {
    let missing =
        |structure: &str, path: &str| FieldError::MissingMember { structure: structure.into(), path: path.into() };
    let members = Err(OffsetsError(vec![missing("sock", "sk_protocol"), missing("tcp_sock", "srtt_us")]));
    let types = Ok(Types { tracepoint: true, members });
    insta::assert_snapshot!(text(&Facts { types, trials: None, ..good() }));
}

#[test]
fn a_container_and_an_ordinary_user_see_fewer_processes() {
    let two = Privilege { sys_ptrace: false, dac_read_search: false, sys_admin: false, ..good().privilege };
    let container = Privilege { pid_namespace: true, ..good().privilege };
    let texts = [two, container].map(|privilege| text(&Facts { privilege, ..good() }));
    let lines = texts.iter().flat_map(|text| text.lines()).skip_while(|line| !line.contains("existing_sockets"));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn no_landlock() {
    insta::assert_snapshot!(text(&Facts { landlock: false, ..good() }));
}

#[test]
fn optional_members_missing() {
    let missing = FEATURES.iter().map(|feature| MissingField {
        feature,
        reason: FieldError::MissingMember { structure: "sock".into(), path: feature.name.into() },
    });
    insta::assert_snapshot!(text(&Facts { types: Ok(members(missing.collect())), ..good() }));
}

#[test]
fn programs_refused() {
    let log = "the kernel refused the program tracer_state\nunknown func bpf_get_socket_cookie#46\nprocessed 12 insns";
    let facts = Facts { release: "5.10.0-33-amd64".into(), trials: refused(EINVAL, log), ..good() };
    insta::assert_snapshot!(Report::new(diagnose(&facts), true).text(false));
}

#[test]
fn what_slows_it_down_is_no_reason_to_refuse() {
    for jit in [Jit::Off, Jit::Absent, Jit::Unknown] {
        let facts = Facts { jit, lockdown: Lockdown::Unknown, memlock: None, ..good() };
        assert!(Report::new(diagnose(&facts), false).ok);
    }
    let old = Facts { release: "5.10.0".into(), memlock: Some(65_536), ..good() };
    assert!(text(&old).contains("must fit into 64 KiB"));
}

#[test]
fn json_says_the_same() {
    let facts = Facts { privilege: NOBODY, trials: None, ..good() };
    let json = Report::new(diagnose(&facts), false).json().expect("serialises");
    let value: serde_json::Value = serde_json::from_str(&json).expect("valid");
    assert_eq!(value["type"], "doctor");
    assert_eq!(value["ok"], false);
    let checks = value["checks"].as_array().expect("an array");
    let check = checks.iter().find(|check| check["name"] == "capabilities").expect("is there");
    assert_eq!(check["status"], "missing");
    let said = format!("{}; {}.", check["detail"].as_str().expect("text"), check["remedy"].as_str().expect("text"));
    assert_eq!(said, sentence(&facts));
    assert_eq!(checks[0]["remedy"], serde_json::Value::Null);
    assert!(json.ends_with("}\n") && !json.trim_end().contains('\n'));
}
