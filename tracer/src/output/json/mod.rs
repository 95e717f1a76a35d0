//! One JSON object a line: the contract of JSON.md.

mod account;
mod figures;
mod groups;
mod host;
mod line;
mod members;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use serde::Serialize;

use super::time::WallClock;
use crate::{
    container::container_id,
    observation::{Observation, Start},
};

/// Version of the contract; names are stable within it.
pub const SCHEMA: u32 = 1;

/// Cgroup paths remembered at most; beyond it `cgroup` is null.
const CGROUPS: usize = 262_144;

/// The JSON format.
#[derive(Clone, Debug)]
pub struct JsonOutput {
    clock: WallClock,
    cgroups: HashMap<u64, Cgroup>,
}

/// What is said of a cgroup, quoted and escaped once.
#[derive(Clone, Debug)]
struct Cgroup {
    path: Box<[u8]>,
    /// `null` outside of containers.
    container: Box<[u8]>,
}

impl Default for JsonOutput {
    fn default() -> Self {
        Self { clock: WallClock::rfc3339(), cgroups: HashMap::new() }
    }
}

impl JsonOutput {
    /// Appends the `start` object.
    pub fn start(&mut self, start: &Start, buf: &mut Vec<u8>) {
        self.clock.set(start.clock);
        push_line(buf, &figures::StartObject::new(start, &mut self.clock));
    }

    /// Appends an object, or takes note of a fact for later ones.
    pub fn observe(&mut self, observation: &Observation, buf: &mut Vec<u8>) {
        match observation {
            Observation::Clock(pair) => self.clock.set(*pair),
            Observation::Cgroup { id, path } => self.learn(*id, path),
            Observation::Transition(observed) => self.transition(observed, buf),
            Observation::Anomaly(anomaly) => self.anomaly(anomaly, buf),
            Observation::Handshake(handshake) => self.handshake(handshake, buf),
            Observation::Reset(reset) => self.reset(reset, buf),
            Observation::Namespace(_) | Observation::Existing(_) | Observation::Closed(_) => {}
            Observation::TimeWait(time_wait) => self.time_wait(time_wait, buf),
            Observation::Connection(connection) => self.connection(connection, buf),
            Observation::Gap(gap) => push_line(buf, &figures::GapObject::new(gap, &mut self.clock)),
            Observation::Summary(summary) => {
                push_line(buf, &figures::SummaryObject::new(summary, &mut self.clock));
            }
        }
    }

    fn learn(&mut self, id: u64, path: &str) {
        if self.cgroups.len() < CGROUPS || self.cgroups.contains_key(&id) {
            let quoted = |text: Option<&str>| {
                let mut json = Vec::new();
                members::Value::push(&text.map(|text| members::Text(text.as_bytes())), &mut json);
                json.into_boxed_slice()
            };
            let cgroup = Cgroup { path: quoted(Some(path)), container: quoted(container_id(path)) };
            self.cgroups.insert(id, cgroup);
        }
    }
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
