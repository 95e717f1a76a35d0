//! Service names, as /etc/services lists them, and what RFC 6335 calls the ports.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
};

use crate::socket::Protocol;

/// The file that lists them.
pub const PATH: &str = "/etc/services";

/// The class of a port (RFC 6335 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortClass {
    /// 0 to 1023: assigned by IETF review; binding one takes a privilege.
    System,
    /// 1024 to 49151: assigned on request.
    Registered,
    /// 49152 to 65535: never assigned.
    Dynamic,
}

impl PortClass {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::System, Self::Registered, Self::Dynamic];

    /// The class of this port.
    #[must_use]
    pub const fn of(port: u16) -> Self {
        match port {
            0..=1023 => Self::System,
            1024..=49151 => Self::Registered,
            49152.. => Self::Dynamic,
        }
    }

    /// The word used in all outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Registered => "registered",
            Self::Dynamic => "dynamic",
        }
    }
}

/// Names of services and their ports. Where nothing else is said, of TCP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Services {
    tcp: Names,
    udp: Names,
    /// Ports are those of UDP's services, too.
    of_both: bool,
}

/// Of one protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Names {
    ports: BTreeMap<String, u16>,
    names: HashMap<u16, String>,
}

impl Services {
    /// Reads [`PATH`]. A host without the file has no names.
    #[must_use]
    pub fn load() -> Self {
        fs::read(PATH).map(|bytes| Self::parse(&String::from_utf8_lossy(&bytes))).unwrap_or_default()
    }

    /// Reads the format of services(5): `name port/protocol aliases… # comment`. What a terminal would obey is no name.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut services = Self::default();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_whitespace().filter(|word| !word.contains(char::is_control));
            let (Some(name), Some((port, protocol))) = (words.next(), words.next().and_then(port)) else {
                continue;
            };
            let of = services.of_mut(protocol);
            of.names.entry(port).or_insert_with(|| name.to_owned());
            for name in [name].into_iter().chain(words) {
                of.ports.entry(name.to_owned()).or_insert(port);
            }
        }
        services
    }

    /// The same with the services of UDP among those of TCP, which go before them: for who asks for both.
    #[must_use]
    pub fn of_both(&self) -> Self {
        let mut tcp = self.tcp.clone();
        for (name, port) in &self.udp.ports {
            tcp.ports.entry(name.clone()).or_insert(*port);
        }
        Self { tcp, udp: self.udp.clone(), of_both: true }
    }

    /// Of which protocols services have ports here.
    #[must_use]
    pub const fn protocols(&self) -> &'static str {
        if self.of_both { "TCP or UDP" } else { "TCP" }
    }

    /// The port of a service; the letters' case does not matter.
    #[must_use]
    pub fn port(&self, name: &str) -> Option<u16> {
        let ports = &self.tcp.ports;
        ports.get(name).or_else(|| ports.get(&name.to_ascii_lowercase())).copied()
    }

    /// The name of a port: the first that the file gives.
    #[must_use]
    pub fn name(&self, port: u16) -> Option<&str> {
        self.name_of(Protocol::Tcp, port)
    }

    /// The name of a protocol's port.
    #[must_use]
    pub fn name_of(&self, protocol: Protocol, port: u16) -> Option<&str> {
        let of = match protocol {
            Protocol::Tcp => &self.tcp,
            Protocol::Udp => &self.udp,
        };
        of.names.get(&port).map(String::as_str)
    }

    /// All names and aliases.
    pub fn all_names(&self) -> impl Iterator<Item = &str> {
        self.tcp.ports.keys().map(String::as_str)
    }

    fn of_mut(&mut self, protocol: Protocol) -> &mut Names {
        match protocol {
            Protocol::Tcp => &mut self.tcp,
            Protocol::Udp => &mut self.udp,
        }
    }
}

fn port(word: &str) -> Option<(u16, Protocol)> {
    let (port, protocol) = word.split_once('/')?;
    let protocol = match protocol {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        _ => return None,
    };
    Some((port.parse().ok().filter(|port| *port != 0)?, protocol))
}

#[cfg(test)]
mod tests {
    use super::{
        PortClass::{self, Dynamic, Registered, System},
        Services,
    };
    use crate::socket::Protocol::{Tcp, Udp};

    #[test]
    fn classes_as_rfc_6335_has_them() {
        let classes = [1, 1023, 1024, 49_151, 49_152, u16::MAX].map(PortClass::of);
        assert_eq!(classes, [System, System, Registered, Registered, Dynamic, Dynamic]);
    }

    #[test]
    fn names_of_udp_are_its_own() {
        let services = Services::parse("domain 53/udp\nsyslog 514/udp\nshell 514/tcp\nsctp 9/sctp");
        assert_eq!((services.name(53), services.name_of(Udp, 53)), (None, Some("domain")));
        assert_eq!((services.name_of(Tcp, 514), services.name_of(Udp, 514)), (Some("shell"), Some("syslog")));
        let both = services.of_both();
        assert_eq!((services.port("syslog"), both.port("syslog"), both.port("shell")), (None, Some(514), Some(514)));
        assert_eq!((both.name(53), both.port("sctp")), (None, None));
    }

    #[test]
    fn names_aliases_comments_and_other_protocols() {
        let text =
            "# services\nhttp\t80/tcp\twww www-http # comment\ndomain 53/udp\nsmtp 25/tcp mail\nbad\nworse x/tcp\n";
        let services = Services::parse(text);
        assert_eq!((services.port("www"), services.port("HTTP"), services.port("domain")), (Some(80), Some(80), None));
        assert_eq!((services.name(80), services.name(25), services.name(53)), (Some("http"), Some("smtp"), None));
        assert_eq!(services.all_names().count(), 5);
    }

    #[test]
    fn a_name_that_controls_a_terminal_is_none() {
        let services = Services::parse("\u{1b}[31mred\t80/tcp\nhttp 81/tcp \u{9b}2J\nhttps\t443/tcp");
        assert_eq!([80, 81, 443].map(|port| services.name(port)), [None, Some("http"), Some("https")]);
        assert_eq!(services.all_names().count(), 2);
    }

    #[test]
    fn the_first_name_of_a_port_and_the_first_port_of_a_name_win() {
        let services = Services::parse("a 1/tcp\nb 1/tcp\na 2/tcp");
        assert_eq!((services.name(1), services.port("a"), services.port("b")), (Some("a"), Some(1), Some(1)));
    }
}
