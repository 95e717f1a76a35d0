//! `tracer watch`: the live stream, from the kernel to the screen.

use std::num::NonZeroU64;

use crate::{
    cli::Format,
    config::{Speech, Watch},
    figures::{GroupBy, SortBy},
    filter::StateFilter,
    measure::Listing,
    observation::{Observation, ObservedReset},
    output::Form,
    run::{Failure, Status},
    services::Services,
    session::{self, Figuring, Printer, View},
};

/// Services that the text at the end names: it is read after a stream, not instead of one.
const TOP_IN_TEXT: usize = 5;
/// Services in the JSON summary, as many as `tracer summary` has.
const TOP_IN_JSON: usize = 20;

/// Runs `tracer watch` to its end.
pub(crate) fn watch(watch: Watch, speech: Speech, services: Services) -> Result<Status, Failure> {
    let top = if speech.format == Format::Text { TOP_IN_TEXT } else { TOP_IN_JSON };
    let figuring =
        Figuring { group_by: GroupBy::Service, listing: Listing { sort: SortBy::Connections, top }, interval: None };
    let lines = Lines { shown: watch.shown, remaining: watch.count, exhausted: false };
    session::run(watch.stream, figuring, lines, speech, services)
}

/// A line for each change, until there are enough.
struct Lines {
    shown: StateFilter,
    remaining: Option<NonZeroU64>,
    exhausted: bool,
}

impl View for Lines {
    const FORM: Option<Form> = Some(Form::Lines);

    fn show(&mut self, observation: &Observation, printer: &mut Printer) {
        let shows = match observation {
            // There is no connection that could be in a state.
            Observation::Reset(ObservedReset { state: None, .. }) => self.shown == StateFilter::default(),
            _ => observation.observed().is_none_or(|observed| self.shown.shows(&observed.transition)),
        };
        if shows && !(self.exhausted && observation.observed().is_some()) {
            printer.print(observation);
        }
    }

    fn shown(&mut self, observation: &Observation) {
        if let Observation::Transition(observed) = observation
            && self.shown.shows(&observed.transition)
            && let Some(remaining) = self.remaining
        {
            self.remaining = NonZeroU64::new(remaining.get() - 1);
            self.exhausted = self.remaining.is_none();
        }
    }

    fn is_satisfied(&self) -> bool {
        self.exhausted
    }
}
