//! Words that shells complete. Any text is accepted here: what it means is decided in [`crate::config`].

use std::ffi::OsStr;

use clap::{
    Arg, Command, Error,
    builder::{PossibleValue, StringValueParser, TypedValueParser},
};

use crate::{
    event::TcpState,
    figures::{GroupBy, LatencyBy, SocketOrder, SocketsBy, SortBy},
    observation::Role,
};

/// Offers these.
#[derive(Clone, Copy, Debug)]
pub(super) struct Suggest(pub(super) fn() -> Vec<&'static str>);

impl TypedValueParser for Suggest {
    type Value = String;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.0)().into_iter().map(PossibleValue::new)))
    }
}

/// States that a transition can leave or enter.
pub(super) fn states() -> Vec<&'static str> {
    let reported =
        |state: &&TcpState| !matches!(state, TcpState::TimeWait | TcpState::NewSynRecv | TcpState::BoundInactive);
    TcpState::ALL.iter().filter(reported).map(|state| state.name()).collect()
}

/// States that a socket can be in.
pub(super) fn all_states() -> Vec<&'static str> {
    TcpState::ALL.iter().map(|state| state.name()).collect()
}

/// Families of addresses, as ss names them.
pub(super) fn families() -> Vec<&'static str> {
    vec!["inet", "inet6"]
}

/// What a list groups by.
pub(super) fn socket_groups() -> Vec<&'static str> {
    SocketsBy::ALL.iter().map(|by| by.name()).collect()
}

/// What a list sorts by.
pub(super) fn orders() -> Vec<&'static str> {
    SocketOrder::ALL.iter().map(|by| by.name()).collect()
}

/// Roles of connections.
pub(super) fn roles() -> Vec<&'static str> {
    [Role::Client, Role::Server].map(Role::name).into()
}

/// What a summary groups by.
pub(super) fn groups() -> Vec<&'static str> {
    GroupBy::ALL.iter().map(|by| by.name()).collect()
}

/// What a summary sorts by.
pub(super) fn figures() -> Vec<&'static str> {
    SortBy::ALL.iter().map(|by| by.name()).collect()
}

/// What handshakes are grouped by.
pub(super) fn keys() -> Vec<&'static str> {
    LatencyBy::ALL.iter().map(|by| by.name()).collect()
}
