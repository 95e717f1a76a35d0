//! Three namespaces and two wires.

use std::fs;

use anyhow::{Context as _, Result};

use super::{
    stage::{GATEWAY, LEDGER_DB, PAYMENTS, PORTS, RATES, SESSIONS, SHOPPERS},
    wire::Wire,
};
use crate::namespace::Namespace;

/// The first of the few ports that the web host has.
const FIRST_PORT: u16 = 32768;

/// Where everything takes place.
pub(crate) struct Network {
    /// Everybody else.
    pub(crate) outside: Namespace,
    /// The host that serves shoppers.
    pub(crate) web: Namespace,
    /// What that host asks.
    pub(crate) backends: Namespace,
    /// Between `web` and `backends`.
    pub(crate) back: Wire,
}

impl Network {
    /// All of it, with addresses and routes.
    pub(crate) fn make() -> Result<Self> {
        let (outside, web, backends) = (Namespace::make()?, Namespace::make()?, Namespace::make()?);
        Wire::join("wan0", &outside, &web)?;
        let back = Wire::join("lan0", &web, &backends)?;
        web.ip(&[
            format!("addr add {}/24 dev lan0", GATEWAY.ip()),
            "link set lan0 up".to_owned(),
            "link set wan0 up".to_owned(),
            format!("route add 198.51.100.0/24 dev wan0 src {}", GATEWAY.ip()),
        ])?;
        let addresses = SHOPPERS.iter().chain([RATES.ip()]);
        let mut lines: Vec<_> = addresses.map(|addr| format!("addr add {addr}/24 dev wan0")).collect();
        lines.extend(["link set wan0 up".to_owned(), format!("route add {} dev wan0", GATEWAY.ip())]);
        outside.ip(&lines)?;
        let mut lines = [LEDGER_DB, PAYMENTS, SESSIONS].map(|at| format!("addr add {}/24 dev lan0", at.ip())).to_vec();
        lines.push("link set lan0 up".to_owned());
        backends.ip(&lines)?;
        web.run(few_ports)?;
        Ok(Self { outside, web, backends, back })
    }
}

fn few_ports() -> Result<()> {
    let range = format!("{FIRST_PORT} {}", FIRST_PORT + PORTS - 1);
    fs::write("/proc/sys/net/ipv4/ip_local_port_range", range).context("cannot set the range of local ports")
}
