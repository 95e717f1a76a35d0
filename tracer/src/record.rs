//! `tracer record`: the stream into a recording, and nothing of it on the screen.

use std::num::NonZeroU64;

use crate::{
    config::{Record, Speech},
    figures::{GroupBy, SortBy},
    measure::Listing,
    observation::Observation,
    output::Form,
    run::{Failure, Status},
    services::Services,
    session::{self, Figuring, Printer, View},
};

/// Services in the JSON summary, as many as `tracer summary` has.
const TOP: usize = 20;

/// Runs `tracer record` to its end.
pub(crate) fn record(record: Record, speech: Speech, services: Services) -> Result<Status, Failure> {
    let listing = Listing { sort: SortBy::Connections, top: TOP };
    let figuring = Figuring { group_by: GroupBy::Service, listing, interval: None };
    let view = Counted { remaining: record.count, is_exhausted: false };
    session::run(record.stream, figuring, view, speech, services)
}

/// Nothing but the account, in JSON; until there are enough.
struct Counted {
    /// Transitions until then, if there is an end to them.
    remaining: Option<NonZeroU64>,
    is_exhausted: bool,
}

impl View for Counted {
    const FORM: Option<Form> = None;

    fn show(&mut self, observation: &Observation, printer: &mut Printer) {
        // What times need.
        if let Observation::Clock(_) = observation {
            printer.print(observation);
        }
    }

    fn shown(&mut self, observation: &Observation) {
        if let (Observation::Transition(_), Some(remaining)) = (observation, self.remaining) {
            self.remaining = NonZeroU64::new(remaining.get() - 1);
            self.is_exhausted = self.remaining.is_none();
        }
    }

    fn is_satisfied(&self) -> bool {
        self.is_exhausted
    }

    /// Only what the filter lets through is counted, and that takes the connection.
    fn follows_connections(&self) -> bool {
        self.remaining.is_some()
    }
}
