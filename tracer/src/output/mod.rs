//! What the core concluded, as bytes: one module a format. Formatting is pure; [`Sink`] does the writing.

mod csv;
mod events;
mod json;
mod matrix;
mod members;
mod names;
mod plain;
mod screen;
mod sink;
mod text;
mod time;

use std::env;

use jiff::tz::TimeZone;

pub use self::{
    csv::CsvOutput,
    json::{JsonOutput, SCHEMA},
    names::EventType,
    screen::Screen,
    sink::{Sink, SinkError, print},
    text::{Form, TextOptions, TextOutput},
};
pub(crate) use self::{
    json::explain::explanations as json_explanations,
    text::{Palette, Style, explain::Page, numbers},
};
use crate::{
    cli::{ColorWhen, Format},
    config::{Columns, Speech},
    observation::{Observation, Start},
    services::Services,
};

/// A format.
#[derive(Clone, Debug)]
pub enum Output {
    /// For people.
    Text(Box<TextOutput>),
    /// One object a line.
    Json(Box<JsonOutput>),
    /// One row an event.
    Csv(Box<CsvOutput>),
    /// Nothing.
    Silent,
}

impl Output {
    /// The format that was asked for; text of this form (`None`: no text), in this host's zone, coloured if that was asked for
    /// or a person looks at it.
    #[must_use]
    pub fn new(speech: Speech, form: Option<Form>, numeric: bool, services: Services, is_terminal: bool) -> Self {
        match (speech.format, form) {
            (Format::Json, _) => Self::Json(Box::new(JsonOutput::new(named(form, numeric, services)))),
            (Format::Csv, _) => Self::Csv(Box::new(CsvOutput::new(named(form, numeric, services)))),
            (Format::Text, None) => Self::Silent,
            (Format::Text, Some(form)) => Self::Text(Box::new(TextOutput::new(TextOptions {
                zone: TimeZone::try_system().unwrap_or(TimeZone::UTC),
                form,
                services: (!numeric).then_some(services),
                color: is_coloured(speech.color, is_terminal),
                quiet: speech.quiet,
                verbose: speech.verbose,
            }))),
        }
    }

    /// It goes on what another run began: a table has one header.
    pub(crate) fn follows(&mut self) {
        if let Self::Csv(csv) = self {
            csv.is_headed = true;
        }
    }

    /// Text is to fit there.
    pub(crate) fn fit(&mut self, screen: Screen) {
        if let Self::Text(text) = self {
            text.screen = screen;
        }
    }

    /// Appends what heads the output.
    pub fn start(&mut self, start: &Start, buf: &mut Vec<u8>) {
        match self {
            Self::Text(text) => text.start(start, buf),
            Self::Json(json) => json.start(start, buf),
            Self::Csv(csv) => csv.start(start, buf),
            Self::Silent => {}
        }
    }

    /// Appends what an observation adds to the output; nothing, if the format does not show it.
    pub fn observe(&mut self, observation: &Observation, buf: &mut Vec<u8>) {
        match self {
            Self::Text(text) => text.observe(observation, buf),
            Self::Json(json) => json.observe(observation, buf),
            Self::Csv(csv) => csv.observe(observation, buf),
            Self::Silent => {}
        }
    }
}

/// By which names the ports of sockets are described to programs, if they are.
fn named(form: Option<Form>, numeric: bool, services: Services) -> Option<Services> {
    let is_asked = matches!(form, Some(Form::Sockets { columns: Columns { port_class: true, .. }, .. }));
    is_asked.then(|| if numeric { Services::default() } else { services })
}

/// Whether text gets colours: <https://no-color.org> has the last word on `auto`.
#[must_use]
pub fn is_coloured(when: ColorWhen, is_terminal: bool) -> bool {
    let no_color = || env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    match when {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto => is_terminal && !no_color() && !is_dumb(),
    }
}

/// A terminal that obeys no escape sequence.
#[must_use]
pub fn is_dumb() -> bool {
    env::var_os("TERM").is_some_and(|term| term == "dumb")
}
