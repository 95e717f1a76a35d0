//! Words with few values.

use super::Problem;
pub(super) use crate::words::nearest;
use crate::{cli, event::TcpState, filter::WantedRole};

/// `client` or `server`.
pub(super) fn role(text: &str) -> Result<WantedRole, Problem> {
    match text.to_ascii_lowercase().as_str() {
        "client" => Ok(WantedRole::Client),
        "server" => Ok(WantedRole::Server),
        _ => Err(Problem::NotARole),
    }
}

/// A TCP state in any usual spelling, of those that a transition can leave or enter.
pub(super) fn state(text: &str) -> Result<TcpState, Problem> {
    use TcpState::{BoundInactive, NewSynRecv, TimeWait};
    match TcpState::from_spelling(text) {
        Some(state @ (TimeWait | NewSynRecv | BoundInactive)) => Err(Problem::UnreportedState(state)),
        Some(state) => Ok(state),
        None => Err(Problem::UnknownState { nearest: nearest_state(text) }),
    }
}

/// The name of a state that is spelled nearly so.
pub(super) fn nearest_state(text: &str) -> Option<String> {
    nearest(text, TcpState::ALL.iter().map(|state| state.name()))
}

/// The name of a command.
pub(super) fn command(text: &str) -> Result<String, Problem> {
    let names = cli::commands();
    if names.contains(&text) { Ok(text.to_owned()) } else { Err(Problem::NoCommand { nearest: nearest(text, names) }) }
}
