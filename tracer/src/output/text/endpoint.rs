//! Ends of connections as people write them.

use std::{fmt::Write as _, net::IpAddr};

use crate::{event::Endpoint, services::Services};

/// What a port is called where its side is not known: those below are services, those above were picked by the kernel.
const FIRST_EPHEMERAL: u16 = 32_768;

/// Appends `10.0.0.5:https`, `[2001:db8::1]:51324`, `10.0.0.5:?` (port not chosen yet).
pub(super) fn push(text: &mut String, end: &Endpoint, name: Option<&str>) {
    // Writing to memory does not fail.
    let _ = match end.canonical() {
        IpAddr::V4(addr) => write!(text, "{addr}:"),
        IpAddr::V6(addr) => write!(text, "[{addr}]:"),
    };
    match (end.port, name) {
        (_, Some(name)) => text.push_str(name),
        (Some(port), None) => drop(write!(text, "{port}")),
        (None, None) => text.push('?'),
    }
}

/// The service's name of a port, on the side where services live (`None`: not known).
pub(super) fn service<'a>(services: Option<&'a Services>, end: &Endpoint, is_service: Option<bool>) -> Option<&'a str> {
    let port = end.port?;
    is_service.unwrap_or(port < FIRST_EPHEMERAL).then(|| services?.name(port)).flatten()
}
