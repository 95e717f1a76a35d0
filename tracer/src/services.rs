//! Service names, as /etc/services lists them.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
};

/// The file that lists them.
pub const PATH: &str = "/etc/services";

/// Names of TCP services and their ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Services {
    ports: BTreeMap<String, u16>,
    names: HashMap<u16, String>,
}

impl Services {
    /// Reads [`PATH`]. A host without the file has no names.
    #[must_use]
    pub fn load() -> Self {
        fs::read(PATH).map(|bytes| Self::parse(&String::from_utf8_lossy(&bytes))).unwrap_or_default()
    }

    /// Reads the format of services(5): `name port/protocol aliases… # comment`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut services = Self::default();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_whitespace();
            let (Some(name), Some(port)) = (words.next(), words.next().and_then(tcp_port)) else {
                continue;
            };
            services.names.entry(port).or_insert_with(|| name.to_owned());
            for name in [name].into_iter().chain(words) {
                services.ports.entry(name.to_owned()).or_insert(port);
            }
        }
        services
    }

    /// The port of a service; the letters' case does not matter.
    #[must_use]
    pub fn port(&self, name: &str) -> Option<u16> {
        let exact = self.ports.get(name);
        exact.or_else(|| self.ports.get(&name.to_ascii_lowercase())).copied()
    }

    /// The name of a port: the first that the file gives.
    #[must_use]
    pub fn name(&self, port: u16) -> Option<&str> {
        self.names.get(&port).map(String::as_str)
    }

    /// All names and aliases.
    pub fn all_names(&self) -> impl Iterator<Item = &str> {
        self.ports.keys().map(String::as_str)
    }
}

fn tcp_port(word: &str) -> Option<u16> {
    let (port, protocol) = word.split_once('/')?;
    (protocol == "tcp").then(|| port.parse().ok()).flatten().filter(|port| *port != 0)
}

#[cfg(test)]
mod tests {
    use super::Services;

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
    fn the_first_name_of_a_port_and_the_first_port_of_a_name_win() {
        let services = Services::parse("a 1/tcp\nb 1/tcp\na 2/tcp");
        assert_eq!((services.name(1), services.port("a"), services.port("b")), (Some("a"), Some(1), Some(1)));
    }
}
