//! Why a stream stopped before its time.

use crate::{
    output::SinkError,
    recording::StoreError,
    run::Failure,
    source::live::{self, LatencyError, LiveError},
};

/// Why a stream stopped before its time.
pub(super) enum Stop {
    /// The output failed or was closed.
    Sink(SinkError),
    /// The recording could not be written.
    Recording(StoreError),
    /// Something else.
    Failure(Failure),
}

impl From<SinkError> for Stop {
    fn from(error: SinkError) -> Self {
        Self::Sink(error)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Recording(error)
    }
}

impl From<LiveError> for Stop {
    fn from(error: LiveError) -> Self {
        Self::Failure(error.into())
    }
}

impl From<LatencyError> for Stop {
    fn from(error: LatencyError) -> Self {
        Self::Failure(error.into())
    }
}

impl From<live::ClockError> for Stop {
    fn from(error: live::ClockError) -> Self {
        Self::Failure(error.into())
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Failure(error.into())
    }
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Sink(error) => error.into(),
            Stop::Recording(error) => error.into(),
            Stop::Failure(failure) => failure,
        }
    }
}
