//! What the kernel says about its own types.

use std::io::ErrorKind;

use crate::{
    doctor::{
        facts::{Facts, Types},
        finding::{Check, Finding},
        refusal::REPORT,
    },
    source::live::{
        btf::{BtfError, FieldError, VMLINUX},
        offsets::MissingField,
    },
};

pub(super) fn types(facts: &Facts) -> Vec<Finding> {
    match &facts.types {
        Ok(types) => [btf(), tracepoint(types)].into_iter().chain(members(types)).collect(),
        Err(error) => vec![no_btf(error)],
    }
}

fn btf() -> Finding {
    Finding::ok(Check::Btf.name(), VMLINUX)
}

fn no_btf(error: &BtfError) -> Finding {
    const NAME: &str = Check::Btf.name();
    match error {
        BtfError::Read(cause) if cause.kind() == ErrorKind::NotFound => Finding::missing(
            NAME,
            format!("there is no {VMLINUX}, which says where the kernel keeps what"),
            "use a kernel built with CONFIG_DEBUG_INFO_BTF, as those of the distributions are, and mount sysfs",
        ),
        BtfError::Read(cause) => Finding::missing(
            NAME,
            format!("{error}: {cause}"),
            "find out which container or security module hides it, everybody may read it otherwise",
        ),
        _ => Finding::missing(NAME, error.to_string(), REPORT),
    }
}

fn tracepoint(types: &Types) -> Finding {
    const NAME: &str = Check::Tracepoint.name();
    if types.tracepoint {
        Finding::ok(NAME, "sock:inet_sock_set_state")
    } else {
        Finding::missing(
            NAME,
            "this kernel has no tracepoint sock:inet_sock_set_state for BPF programs",
            "use a kernel built with CONFIG_INET and CONFIG_BPF_EVENTS, as those of the distributions are",
        )
    }
}

fn members(types: &Types) -> Vec<Finding> {
    const NAME: &str = Check::Members.name();
    match &types.members {
        Err(error) => vec![Finding::missing(NAME, error.to_string(), REPORT)],
        Ok(resolved) if resolved.missing.is_empty() => vec![Finding::ok(NAME, "all found")],
        Ok(resolved) => resolved.missing.iter().map(without).collect(),
    }
}

fn without(missing: &MissingField) -> Finding {
    let MissingField { feature, reason } = missing;
    let remedy = match reason {
        FieldError::MissingStruct { .. }
        | FieldError::MissingMember { .. }
        | FieldError::MissingTracepoint(_)
        | FieldError::Untold { .. }
        | FieldError::Unreadable => feature.remedy,
        _ => REPORT,
    };
    Finding::degraded(feature.name, format!("no {}: {reason}", feature.lost), remedy)
}
