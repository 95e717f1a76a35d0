//! Figures: what follows from a transition and what its connection went through. Pure, and without memory of its own.

mod connection;
mod handshake;
#[cfg(test)]
mod tests;

pub use self::{connection::connection, handshake::handshake};
use crate::observation::Observation;

/// What an observation concludes: a handshake, a connection.
pub fn conclude(observation: &Observation, report: &mut impl FnMut(&Observation)) {
    let Observation::Transition(observed) = observation else { return };
    if let Some(handshake) = handshake(observed) {
        report(&Observation::Handshake(handshake));
    }
    if let Some(connection) = connection(observed) {
        report(&Observation::Connection(connection));
    }
}
