//! Figures: what follows from a transition and what its connection went through, and what many of them add up to. Pure;
//! only the aggregate remembers.

mod connection;
mod groups;
mod handshake;
pub mod host;
mod latency;
mod reset;
mod sockets;
#[cfg(test)]
mod tests;

pub use self::{
    connection::connection,
    groups::{Aggregate, GROUPS, Listing},
    handshake::handshake,
    latency::LatencyAggregate,
    reset::{REFUSED, Reason, initiator, reason},
    sockets::{Roles, grouped, sort},
};
use crate::observation::Observation;

/// What an observation concludes: a handshake, a connection.
pub fn conclude(observation: &Observation, report: &mut impl FnMut(&Observation)) {
    let conclusion = match observation {
        Observation::Transition(observed) => handshake(observed).map(Observation::Handshake),
        Observation::Closed(closed) => connection(closed).map(Observation::Connection),
        _ => None,
    };
    if let Some(conclusion) = conclusion {
        report(&conclusion);
    }
}
