//! One row an event, RFC 4180, safe to open in a spreadsheet. Docs: `docs/csv.md`.

mod row;
#[cfg(test)]
mod tests;
mod text;

use self::row::Row;
use super::events::Events;
use crate::{
    figures::Sockets,
    observation::{Observation, Start},
    services::Services,
};

/// The CSV format: the events of JSON as one wide table. It has no figures.
#[derive(Clone, Debug)]
pub struct CsvOutput {
    events: Events,
    row: Row,
    /// The table has its header: several runs are one table.
    pub(super) is_headed: bool,
}

impl Default for CsvOutput {
    fn default() -> Self {
        Self::new(None)
    }
}

impl CsvOutput {
    /// Sockets are described with the classes and these names of their ports, if there are names.
    #[must_use]
    pub fn new(ports: Option<Services>) -> Self {
        Self { events: Events::new(text::prepare, ports), row: Row::default(), is_headed: false }
    }

    /// Appends the names of the columns.
    pub fn start(&mut self, start: &Start, buf: &mut Vec<u8>) {
        self.events.clock.set(start.clock);
        if !self.is_headed {
            Row::header().write(buf);
        }
    }

    /// Appends a row, or takes note of a fact for later ones.
    pub fn observe(&mut self, observation: &Observation, buf: &mut Vec<u8>) {
        if let Observation::Sockets(Sockets { at, listed }) = observation {
            for listed in listed {
                self.events.socket(*at, listed, &mut self.row);
                self.row.write(buf);
            }
            return;
        }
        self.events.observe(observation, &mut self.row);
        self.row.write(buf);
    }
}
