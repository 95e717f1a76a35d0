//! Addresses and networks.

use std::net::IpAddr;

use super::Problem;
use crate::filter::Prefix;

/// `10.0.0.0/8`, `10.0.0.1`, `2001:db8::/32`, `::ffff:10.0.0.1`.
///
/// A network whose address has bits beyond the prefix is refused, as tcpdump does: `10.0.0.1/8` may have been meant as
/// either, and the message says how to write both.
pub(super) fn prefix(text: &str) -> Result<Prefix, Problem> {
    let (addr, len) = match text.split_once('/') {
        Some((addr, len)) => (addr, Some(len)),
        None => (text, None),
    };
    let addr: IpAddr = unbracketed(addr).parse().map_err(|_| Problem::NotAnAddress)?;
    let Some(len) = len else { return Ok(Prefix::host(addr)) };
    let max = if addr.is_ipv4() { 32 } else { 128 };
    let wrong = Problem::PrefixLength { addr, max };
    let len = match len.parse() {
        Ok(len) if len <= max => len,
        _ => return Err(wrong),
    };
    let network = Prefix::new(addr, len).ok_or(wrong)?;
    if network.network() == Prefix::host(addr).network() {
        Ok(network)
    } else {
        Err(Problem::HostBits { network: network.to_string(), addr: addr.to_canonical() })
    }
}

/// IPv6 addresses are often copied with the brackets they wear before a port.
fn unbracketed(text: &str) -> &str {
    text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text)
}
