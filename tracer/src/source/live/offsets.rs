//! Which kernel struct members the programs read, and where the running kernel keeps them.
//!
//! A member is required unless some supported kernel or configuration lacks it; what lacks it is then unknown, never
//! wrong. The members of one [`Feature`] are found all or none.

mod table;
#[cfg(test)]
mod tests;

use std::{num::NonZeroU64, sync::Arc};

use tracer_common::wire::{ABSENT, Offsets};

use self::table::{EXTRAS, RESET_ENDS, RESET_REASONS, RESETS, ROWS, TIME_WAIT, TRACEPOINTS};
use super::{
    btf::{Btf, FieldError},
    programs, symbols,
};

/// Something that is measured only where the kernel has the members for it.
#[derive(Debug, PartialEq, Eq)]
pub struct Feature {
    /// As in `start.features` of the JSON output.
    pub name: &'static str,
    /// What the user does without: continues "no …".
    pub lost: &'static str,
    /// Which kernels have it.
    pub remedy: &'static str,
}

/// Everything that is measured only where the kernel has the members for it.
pub const FEATURES: &[&Feature] = table::FEATURES;

/// A member that this kernel lacks, and what that costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingField {
    /// What is not measured.
    pub feature: &'static Feature,
    /// Why.
    pub reason: FieldError,
}

/// Where everything is.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// For the kernel side; members of missing features are `ABSENT`.
    pub offsets: Offsets,
    /// Features this kernel cannot give, each once.
    pub missing: Vec<MissingField>,
    /// Why resets are sent, by the kernel's number: the names of `enum sk_rst_reason` (include/net/rstreason.h) without
    /// the prefix. Empty before Linux 6.10.
    pub reset_reasons: Vec<Arc<str>>,
    /// Address of the function by which timers of timewait sockets are known.
    pub tw_timer_handler: Option<NonZeroU64>,
}

impl Resolved {
    /// Whether programs may read the packets behind resets. Under lockdown=confidentiality they may not.
    #[must_use]
    pub fn can_read_packets(&self) -> bool {
        !self.missing.iter().any(|missing| *missing.feature == RESET_ENDS)
    }

    /// Notes that programs may not, nor what no typed pointer leads to.
    pub fn forbid_packets(&mut self) {
        if self.offsets.skb_head != ABSENT {
            self.missing.push(MissingField { feature: &RESET_ENDS, reason: FieldError::Unreadable });
        }
        self.lose_time_wait(FieldError::Unreadable);
    }

    /// Finds the function by which timers of timewait sockets are known: by its name, or by such a timer.
    pub fn find_timer_handler(&mut self) {
        if !self.traces_time_wait() {
            return;
        }
        self.tw_timer_handler = symbols::tw_timer_handler().or_else(|| programs::handler_of_a_timer(self));
        if self.tw_timer_handler.is_none() {
            self.lose_time_wait(FieldError::HiddenSymbol("tw_timer_handler"));
        }
    }

    /// Whether timewait sockets can be traced, as far as is known.
    fn traces_time_wait(&self) -> bool {
        !self.missing.iter().any(|missing| *missing.feature == TIME_WAIT)
    }

    fn lose_time_wait(&mut self, reason: FieldError) {
        if self.traces_time_wait() {
            self.missing.push(MissingField { feature: &TIME_WAIT, reason });
        }
    }
}

/// The enum, and what all of its names begin with.
const REASONS: (&str, &str) = ("sk_rst_reason", "SK_RST_REASON_");
/// The tracepoint's arguments since it tells the reason.
const SEND_RESET_ARGUMENTS: u32 = 3;

/// Required members could not be found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct OffsetsError(pub Vec<FieldError>);

/// Finds every member the programs read.
///
/// # Errors
/// When required members are missing; all of them are named.
pub fn resolve(btf: &Btf) -> Result<Resolved, OffsetsError> {
    let mut required = Vec::new();
    let mut missing: Vec<MissingField> = Vec::new();
    let mut found = Vec::with_capacity(ROWS.len());
    for (name, feature) in TRACEPOINTS {
        let is_known = missing.iter().any(|other| other.feature == *feature);
        if !is_known && btf.tracepoint_arguments(name).is_none() {
            missing.push(MissingField { feature, reason: FieldError::MissingTracepoint(name) });
        }
    }
    for row in ROWS {
        match (row.find(btf), row.feature) {
            (Ok(field), _) => found.push((row, field)),
            (Err(reason), None) => required.push(reason),
            (Err(_), Some(feature)) if missing.iter().any(|other| other.feature == feature) => {}
            (Err(reason), Some(feature)) => missing.push(MissingField { feature, reason }),
        }
    }
    if !required.is_empty() {
        return Err(OffsetsError(required));
    }
    let mut offsets = Offsets::ABSENT;
    for (row, field) in found {
        if !missing.iter().any(|without| Some(without.feature) == row.feature) {
            (row.put)(&mut offsets, field);
        }
    }
    for row in EXTRAS {
        if let Ok(field) = row.find(btf) {
            (row.put)(&mut offsets, field);
        }
    }
    let reset_reasons = reset_reasons(btf);
    if reset_reasons.is_empty() && !missing.iter().any(|without| *without.feature == RESETS) {
        let reason = FieldError::Untold { tracepoint: "tcp_send_reset", what: "the reason" };
        missing.push(MissingField { feature: &RESET_REASONS, reason });
    }
    Ok(Resolved { offsets, missing, reset_reasons, tw_timer_handler: None })
}

/// The names at their numbers; none if the tracepoint does not tell the number.
fn reset_reasons(btf: &Btf) -> Vec<Arc<str>> {
    if btf.tracepoint_arguments("tcp_send_reset") < Some(SEND_RESET_ARGUMENTS) {
        return Vec::new();
    }
    let mut names = vec![Arc::from(""); usize::from(u8::MAX) + 1];
    for (number, name) in btf.enumerators(REASONS.0) {
        if let Some(place) = names.get_mut(number as usize) {
            *place = name.trim_start_matches(REASONS.1).into();
        }
    }
    names
}
