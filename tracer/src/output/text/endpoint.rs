//! Ends of connections as people write them.

use std::{fmt::Write as _, net::IpAddr};

use super::numbers;
use crate::{event::Endpoint, services::Services, socket::Protocol};

/// What a port is called where its side is not known: those below are services, those above were picked by the kernel.
const FIRST_EPHEMERAL: u16 = 32_768;

/// Appends `10.0.0.5:https`, `[2001:db8::1]:51324`, `10.0.0.5:?` (port not chosen yet).
pub(super) fn push(text: &mut String, end: &Endpoint, name: Option<&str>) {
    push_addr(text, end);
    push_port(text, end, name);
}

/// Appends `10.0.0.5`, `[2001:db8::1]`.
pub(super) fn push_addr(text: &mut String, end: &Endpoint) {
    match end.canonical() {
        IpAddr::V4(addr) => {
            // Without fmt's machinery: two of these stand in each line.
            for octet in addr.octets() {
                numbers::push(text, octet);
                text.push('.');
            }
            text.pop();
        }
        // Writing to memory does not fail.
        IpAddr::V6(addr) => drop(write!(text, "[{addr}]")),
    }
}

/// Appends `:https`, `:51324`, `:?`.
pub(super) fn push_port(text: &mut String, end: &Endpoint, name: Option<&str>) {
    text.push(':');
    match (end.port, name) {
        (_, Some(name)) => text.push_str(name),
        (Some(port), None) => numbers::push(text, port),
        (None, None) => text.push('?'),
    }
}

/// The service's name of a port, on the side where services live (`None`: not known).
pub(super) fn service<'a>(services: Option<&'a Services>, end: &Endpoint, is_service: Option<bool>) -> Option<&'a str> {
    service_of(services, Protocol::Tcp, end, is_service)
}

/// The same of a protocol.
pub(super) fn service_of<'a>(
    services: Option<&'a Services>,
    protocol: Protocol,
    end: &Endpoint,
    is_service: Option<bool>,
) -> Option<&'a str> {
    let port = end.port?;
    is_service.unwrap_or(port < FIRST_EPHEMERAL).then(|| services?.name_of(protocol, port)).flatten()
}
