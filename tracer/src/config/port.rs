//! Ports: numbers, ranges, service names.

use super::{Problem, words::nearest};
use crate::{filter::PortRange, services::Services};

/// `443`, `8000-8100`, `https`.
pub(super) fn port(text: &str, services: &Services) -> Result<PortRange, Problem> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let port = number(text)?;
        return Ok(port..=port);
    }
    // Service names contain hyphens too, so only what looks like a range is one.
    if text.starts_with(|c: char| c.is_ascii_digit())
        && let Some((first, last)) = text.split_once('-')
    {
        return range(number(first)?, number(last)?);
    }
    match services.port(text) {
        Some(port) => Ok(port..=port),
        None if text.starts_with(|c: char| c.is_ascii_alphabetic()) => Err(Problem::UnknownService {
            protocols: services.protocols(),
            nearest: nearest(text, services.all_names()),
        }),
        None => Err(Problem::NotAPort),
    }
}

fn number(text: &str) -> Result<u16, Problem> {
    text.trim().parse().ok().filter(|port| *port != 0).ok_or(Problem::NotAPort)
}

fn range(first: u16, last: u16) -> Result<PortRange, Problem> {
    if first > last { Err(Problem::BackwardRange { first, last }) } else { Ok(first..=last) }
}
