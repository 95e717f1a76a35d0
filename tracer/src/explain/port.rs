//! A port: its class, its service, and who listens on it.

use super::{Aspect, Explanation, Fact, Host, Kind, connections};
use crate::{
    services::{PATH, PortClass},
    socket::{Owners, Protocol, Socket},
    source::sockets::{Listing, Unseen},
};

pub(super) fn port(port: u16, host: &Host<'_>) -> Explanation {
    let class = PortClass::of(port);
    let says = connections::class(class);
    let listed = (host.listeners)();
    let more = vec![
        (Aspect::Class, format!("{}, {}", class.name(), says.short).into()),
        (Aspect::Service, service(port, host).into()),
        (Aspect::Here, given_out(port, host).into()),
        (Aspect::Listening, listening(port, &listed).into()),
    ];
    let name = host.services.name(port).or_else(|| host.services.name_of(Protocol::Udp, port));
    let short = match name {
        Some(name) => format!("The port of {name}; a {} port.", class.name()),
        None => format!("A {} port, of no service that {PATH} names.", class.name()),
    };
    Explanation {
        kind: Kind::Port,
        name: port.to_string().into(),
        short: short.into(),
        more,
        commands: commands(port).map(Into::into).into(),
        facts: facts(port, host, &listed),
        place: None,
    }
}

fn commands(port: u16) -> [String; 3] {
    [
        format!("ss -tulpn '( sport = :{port} )'"),
        format!("tracer list -tulpn --port {port}"),
        format!("sudo tracer watch --port {port}"),
    ]
}

fn service(port: u16, host: &Host<'_>) -> String {
    let named: Vec<_> = Protocol::ALL
        .into_iter()
        .filter_map(|protocol| Some(format!("{}/{}", host.services.name_of(protocol, port)?, protocol.name())))
        .collect();
    if named.is_empty() { format!("none in {PATH}.") } else { format!("{} in {PATH}.", named.join(", ")) }
}

/// Whether the port is one of those that connect() takes.
fn given_out(port: u16, host: &Host<'_>) -> String {
    let settings = host.settings;
    let Some((first, last)) = settings.port_range else {
        return "ip_local_port_range cannot be read here (/proc/sys/net/ipv4).".to_owned();
    };
    let range = format!("ip_local_port_range, {first} to {last}");
    match settings.gives_out(port) {
        _ if !(first..=last).contains(&port) => format!("connect() does not take it by itself: outside of {range}."),
        Some(true) => format!(
            "connect() may take it as a local port: within {range}. A service that must have it should be in \
             ip_local_reserved_ports."
        ),
        Some(false) => format!("connect() does not take it by itself: within {range}, but in ip_local_reserved_ports."),
        None => format!("Within {range}; whether it is reserved cannot be read here."),
    }
}

/// Who listens, a line each.
fn listening(port: u16, listed: &Result<Listing, Unseen>) -> String {
    let listing = match listed {
        Ok(listing) => listing,
        Err(unseen) => return format!("not known: {unseen}."),
    };
    let mut lines: Vec<_> = listeners(port, listing).map(line).collect();
    if lines.is_empty() {
        let of = if listing.unseen.is_empty() { "in this network namespace" } else { "of those that can be listed" };
        lines.push(format!("nobody now, {of}."));
    }
    lines.extend(listing.unseen.iter().map(|unseen| format!("{unseen}.")));
    lines.join("\n")
}

fn listeners(port: u16, listing: &Listing) -> impl Iterator<Item = &Socket> {
    listing.sockets.iter().filter(move |socket| socket.local.port == Some(port))
}

fn line(socket: &Socket) -> String {
    let addr = socket.local.canonical();
    let addr = if addr.is_ipv6() { format!("[{addr}]") } else { addr.to_string() };
    let who = match &socket.owners {
        Owners::Hidden => "by a process that cannot be seen from here".to_owned(),
        Owners::Known(owners) if owners.is_empty() => "by no process".to_owned(),
        Owners::Known(owners) => {
            let mut names: Vec<_> =
                owners.iter().map(|owner| format!("{}/{}", owner.comm.escaped(), owner.pid)).collect();
            names.dedup();
            format!("by {}", names.join(", "))
        }
    };
    format!("{} {addr} {who}", socket.protocol.name())
}

fn facts(port: u16, host: &Host<'_>, listed: &Result<Listing, Unseen>) -> Vec<Fact> {
    vec![
        ("port", Some(port.into())),
        ("listeners", listed.as_ref().ok().map(|listing| listeners(port, listing).count() as u64)),
        ("first_port", host.settings.port_range.map(|(first, _)| first.into())),
        ("last_port", host.settings.port_range.map(|(_, last)| last.into())),
    ]
}

#[cfg(test)]
mod tests {
    use super::listening;
    use crate::{
        event::TcpState::{Close, Listen},
        samples::{holder, socket},
        socket::{
            Owners,
            Protocol::{Tcp, Udp},
            Socket,
        },
        source::sockets::{Listing, Unseen},
    };

    #[test]
    fn each_listener_has_a_line() {
        let workers =
            vec![holder(812, b"nginx", 6, None), holder(812, b"nginx", 7, None), holder(813, b"nginx", 6, None)];
        let sockets = vec![
            Socket { owners: Owners::Known(workers), ..socket(Tcp, "[::]:443", "", Listen) },
            Socket { owners: Owners::Hidden, ..socket(Udp, "127.0.0.1:443", "", Close) },
            socket(Tcp, "10.0.0.5:80", "", Listen),
        ];
        let listing = Ok(Listing { sockets, ..Listing::default() });
        let lines = "tcp [::] by nginx/812, nginx/813\nudp 127.0.0.1 by a process that cannot be seen from here";
        assert_eq!(listening(443, &listing), lines);
        assert_eq!(listening(80, &listing), "tcp 10.0.0.5 by no process");
        assert_eq!(listening(81, &listing), "nobody now, in this network namespace.");
    }

    #[test]
    fn what_cannot_be_listed_is_not_taken_for_nobody() {
        let listing = Ok(Listing { unseen: vec![Unseen::NoModule(Udp)], ..Listing::default() });
        let said = listening(53, &listing);
        assert!(
            said.starts_with("nobody now, of those that can be listed.\nthis kernel lists no udp sockets"),
            "{said}"
        );
        assert!(listening(53, &Err(Unseen::NoModule(Tcp))).starts_with("not known: this kernel lists no tcp"));
    }
}
