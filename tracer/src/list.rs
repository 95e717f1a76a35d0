//! `tracer list`: the sockets of this moment.

use crate::{
    config::{List, Speech},
    run::{Failure, Status},
    services::Services,
    session,
};

/// Runs `tracer list` to its end.
pub(crate) fn list(list: List, speech: Speech, services: Services) -> Result<Status, Failure> {
    session::list(list, speech, services)
}
