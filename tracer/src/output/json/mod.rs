//! One JSON object a line: the contract of JSON.md.

mod account;
pub(super) mod explain;
mod figures;
mod groups;
mod host;
mod latency;
mod object;
mod sockets;
#[cfg(test)]
mod tests;

use serde::Serialize;

use self::object::Object;
use super::events::Events;
use crate::{
    figures::Sockets,
    observation::{Observation, Start},
    services::Services,
};

/// Version of the contract; names are stable within it.
pub const SCHEMA: u32 = 1;

/// The JSON format.
#[derive(Clone, Debug)]
pub struct JsonOutput {
    events: Events,
}

impl Default for JsonOutput {
    fn default() -> Self {
        Self::new(None)
    }
}

impl JsonOutput {
    /// Sockets are described with the classes and these names of their ports, if there are names.
    #[must_use]
    pub fn new(ports: Option<Services>) -> Self {
        Self { events: Events::new(quoted, ports) }
    }

    /// Appends the `start` object.
    pub fn start(&mut self, start: &Start, buf: &mut Vec<u8>) {
        self.events.clock.set(start.clock);
        push_line(buf, &figures::StartObject::new(start, &mut self.events.clock));
    }

    /// Appends an object, or takes note of a fact for later ones.
    pub fn observe(&mut self, observation: &Observation, buf: &mut Vec<u8>) {
        match observation {
            Observation::Summary(summary) => {
                push_line(buf, &figures::SummaryObject::new(summary, &mut self.events.clock));
            }
            Observation::Latency(latency) => latency::push(latency, &mut self.events.clock, buf),
            Observation::Sockets(Sockets { at, listed }) => {
                listed.iter().for_each(|listed| self.events.socket(*at, listed, &mut Object(buf)));
            }
            Observation::SocketGroups(groups) => sockets::push(groups, &mut self.events.clock, buf),
            _ => self.events.observe(observation, &mut Object(buf)),
        }
    }
}

fn quoted(text: &str) -> Box<[u8]> {
    let mut json = Vec::new();
    object::push_text(&mut json, text.as_bytes());
    json.into_boxed_slice()
}

fn push_line(buf: &mut Vec<u8>, object: &impl Serialize) {
    let before = buf.len();
    // Writing to memory does not fail, and these types hold no map with other keys than text.
    if serde_json::to_writer(&mut *buf, object).is_err() {
        buf.truncate(before);
        return;
    }
    buf.push(b'\n');
}
