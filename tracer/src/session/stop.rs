//! Why a stream stopped before its time.

use crate::{
    output::SinkError,
    run::Failure,
    source::live::{self, LiveError},
};

/// Why a stream stopped before its time.
pub(super) enum Stop {
    /// The output failed or was closed.
    Sink(SinkError),
    /// Something else.
    Failure(Failure),
}

impl From<SinkError> for Stop {
    fn from(error: SinkError) -> Self {
        Self::Sink(error)
    }
}

impl From<LiveError> for Stop {
    fn from(error: LiveError) -> Self {
        Self::Failure(error.into())
    }
}

impl From<live::ClockError> for Stop {
    fn from(error: live::ClockError) -> Self {
        Self::Failure(error.into())
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Failure(error.into())
    }
}
