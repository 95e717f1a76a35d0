//! Which kernel on which machine.

use crate::doctor::{
    facts::Facts,
    finding::{Check, Finding},
};

/// Never a reason to refuse: distributions bring features to old numbers, and configurations leave them out.
pub(super) fn release(facts: &Facts) -> Finding {
    Finding::ok(Check::Kernel.name(), format!("Linux {}; what it can do decides, not its number", facts.release))
}

pub(super) fn architecture(facts: &Facts) -> Finding {
    const NAME: &str = Check::Architecture.name();
    if facts.little_endian {
        Finding::ok(NAME, format!("{}, little-endian", facts.machine))
    } else {
        let detail = format!("{} is big-endian here, and tracer's kernel programs are little-endian", facts.machine);
        Finding::missing(NAME, detail, "use a little-endian machine")
    }
}
