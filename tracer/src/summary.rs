//! `tracer summary`: figures, and of the stream only what nobody may overlook.

use crate::{
    config::{Speech, Summary},
    observation::Observation,
    output::Form,
    run::{Failure, Status},
    services::Services,
    session::{self, Figuring, Printer, View},
};

/// Runs `tracer summary` to its end.
pub(crate) fn summary(summary: Summary, speech: Speech, services: Services) -> Result<Status, Failure> {
    let Summary { stream, group_by, listing, interval } = summary;
    session::run(stream, Figuring { group_by, listing, interval }, FiguresOnly, speech, services)
}

/// Clocks, which times need, and losses.
struct FiguresOnly;

impl View for FiguresOnly {
    const FORM: Option<Form> = Some(Form::Figures);

    fn show(&mut self, observation: &Observation, printer: &mut Printer) {
        if let Observation::Clock(_) | Observation::Gap(_) = observation {
            printer.print(observation);
        }
    }
}
