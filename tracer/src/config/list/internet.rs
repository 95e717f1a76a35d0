//! `-i`, in lsof's words: `[46][PROTOCOL][@HOST][:PORT,...]`, each part if it is asked for.

use std::net::{IpAddr, ToSocketAddrs as _};

use crate::{
    config::{Problem, port},
    event::{Endpoint, Family},
    filter::PortRange,
    services::Services,
    socket::{Protocol, Socket},
};

/// Flags that people write behind ss's `-i`, as in `-tin`.
const SHORT_FLAGS: &str = "tulanpeo46Pvq";

/// What `-i` asks of a socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InternetSpec {
    /// Its family; IPv4 mapped into IPv6 is IPv4.
    pub family: Option<Family>,
    /// Its protocol.
    pub protocol: Option<Protocol>,
    /// One end has one of these addresses, if there are any,
    pub hosts: Vec<IpAddr>,
    /// and one of these ports, if there are any.
    pub ports: Vec<PortRange>,
}

impl InternetSpec {
    /// Whether the socket is asked for.
    #[must_use]
    pub fn takes(&self, socket: &Socket) -> bool {
        let is_ipv4 = socket.family == Family::Ipv4 || socket.local.is_mapped();
        self.protocol.is_none_or(|protocol| protocol == socket.protocol)
            && self.family.is_none_or(|family| (family == Family::Ipv4) == is_ipv4)
            && (self.takes_end(&socket.local) || self.takes_end(&socket.remote))
    }

    fn takes_end(&self, end: &Endpoint) -> bool {
        let has_port = |range: &PortRange| end.port.is_some_and(|port| range.contains(&port));
        (self.hosts.is_empty() || self.hosts.contains(&end.canonical()))
            && (self.ports.is_empty() || self.ports.iter().any(has_port))
    }
}

/// Checks a specification and resolves the names in it.
pub(super) fn spec(text: &str, services: &Services) -> Result<InternetSpec, Problem> {
    let (family, rest) = match text.as_bytes().first() {
        Some(b'4') => (Some(Family::Ipv4), &text[1..]),
        Some(b'6') => (Some(Family::Ipv6), &text[1..]),
        _ => (None, text),
    };
    let (protocol, rest) = rest.split_at(rest.find(['@', ':']).unwrap_or(rest.len()));
    let (host, ports) = match rest.strip_prefix('@') {
        Some(rest) => host_and_ports(rest)?,
        None => (None, rest.strip_prefix(':')),
    };
    Ok(InternetSpec {
        family,
        protocol: protocol_of(protocol)?,
        hosts: host.map(addresses).transpose()?.unwrap_or_default(),
        ports: ports.map(|ports| port_ranges(ports, services)).transpose()?.unwrap_or_default(),
    })
}

fn protocol_of(word: &str) -> Result<Option<Protocol>, Problem> {
    match word.to_ascii_lowercase().as_str() {
        "" => Ok(None),
        "tcp" => Ok(Some(Protocol::Tcp)),
        "udp" => Ok(Some(Protocol::Udp)),
        _ if word.chars().all(|flag| SHORT_FLAGS.contains(flag)) => Err(Problem::InternetOfSs),
        _ => Err(Problem::NotAnInternetSpec),
    }
}

/// An IPv6 address wears brackets before a port.
fn host_and_ports(text: &str) -> Result<(Option<&str>, Option<&str>), Problem> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or(Problem::NotAnInternetSpec)?;
        return match rest.strip_prefix(':') {
            None if !rest.is_empty() => Err(Problem::NotAnInternetSpec),
            ports => Ok((Some(host), ports)),
        };
    }
    match text.split_once(':') {
        _ if text.parse::<IpAddr>().is_ok() => Ok((Some(text), None)),
        Some((host, ports)) => Ok((Some(host), Some(ports))),
        None => Ok((Some(text), None)),
    }
}

fn addresses(host: &str) -> Result<Vec<IpAddr>, Problem> {
    if host.is_empty() {
        return Err(Problem::NotAnInternetSpec);
    }
    if host.contains('/') {
        return Err(Problem::NetworkAsHost { network: host.to_owned() });
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![address.to_canonical()]);
    }
    let resolved = (host, 0).to_socket_addrs().map_err(|_| Problem::UnknownHost)?;
    let addresses: Vec<_> = resolved.map(|address| address.ip().to_canonical()).collect();
    if addresses.is_empty() { Err(Problem::UnknownHost) } else { Ok(addresses) }
}

fn port_ranges(text: &str, services: &Services) -> Result<Vec<PortRange>, Problem> {
    text.split(',').map(|text| port::port(text, services)).collect()
}
