//! `tracer latency`: how long handshakes took, from histograms that the kernel fills.

use crate::{
    config::{Latency, Speech},
    run::{Failure, Status},
    services::Services,
    session,
};

/// Runs `tracer latency` to its end.
pub(crate) fn latency(latency: Latency, speech: Speech, services: Services) -> Result<Status, Failure> {
    session::measure(latency, speech, services)
}
