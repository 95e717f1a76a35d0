//! Who takes part, where, and what they do before the story begins.

use std::{
    net::{Ipv4Addr, SocketAddrV4},
    time::Duration,
};

use anyhow::Result;

use super::{
    actor::Actor,
    network::Network,
    order::{Calls, Manner, Order},
    report::Report,
};

pub(crate) const GATEWAY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 20, 0, 10), 8443);
pub(crate) const LEDGER_DB: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 20, 0, 20), 5432);
pub(crate) const PAYMENTS: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 20, 0, 21), 9090);
pub(crate) const SESSIONS: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 20, 0, 22), 6379);
/// Somebody else's service, so only our side of it is recorded.
pub(crate) const RATES: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(198, 51, 100, 80), 443);
/// Where shoppers come from (RFC 5737).
pub(crate) const SHOPPERS: [Ipv4Addr; 4] = [
    Ipv4Addr::new(198, 51, 100, 11),
    Ipv4Addr::new(198, 51, 100, 24),
    Ipv4Addr::new(198, 51, 100, 37),
    Ipv4Addr::new(198, 51, 100, 58),
];
/// Ports that the web host has for each destination: few, so that a small recording shows how they run out.
pub(crate) const PORTS: u16 = 800;

/// Processes, and the network between them.
pub(crate) struct Stage {
    pub(crate) shoppers: Actor,
    pub(crate) gateway: Actor,
    pub(crate) orders_api: Actor,
    pub(crate) nightly_export: Actor,
    pub(crate) ledger_db: Actor,
    pub(crate) payments: Actor,
    sessions: Actor,
    rates: Actor,
    pub(crate) network: Network,
}

impl Stage {
    /// Everybody is in place and every service listens.
    pub(crate) fn set() -> Result<Self> {
        let network = Network::make()?;
        let Network { outside, web, backends, .. } = &network;
        // The first of its namespace and never killed: a recorder may look at the namespace through this process.
        let sessions = Actor::enter("sessions", backends)?;
        let mut stage = Self {
            shoppers: Actor::enter("shoppers", outside)?,
            gateway: Actor::enter("gateway", web)?,
            orders_api: Actor::enter("orders-api", web)?,
            nightly_export: Actor::enter("nightly-export", web)?,
            ledger_db: Actor::enter("ledger-db", backends)?,
            payments: Actor::enter("payments", backends)?,
            sessions,
            rates: Actor::enter("rates", outside)?,
            network,
        };
        serve(&mut stage.gateway, GATEWAY, Manner::Forward { to: LEDGER_DB })?;
        serve(&mut stage.ledger_db, LEDGER_DB, Manner::Converse)?;
        serve(&mut stage.payments, PAYMENTS, Manner::Converse)?;
        serve(&mut stage.sessions, SESSIONS, Manner::Converse)?;
        serve(&mut stage.rates, RATES, Manner::Converse)?;
        Ok(stage)
    }

    /// Inode numbers of the namespaces to record.
    pub(crate) fn recorded(&self) -> [u64; 2] {
        [self.network.web.inode, self.network.backends.inode]
    }

    /// Shoppers begin to call the gateway, so many times a second; says how many calls that will be.
    pub(crate) fn shopping(&mut self, per_second: u32, lasts: Duration) -> Result<u32> {
        let every = Duration::from_secs(1) / per_second;
        let count = per_second * u32::try_from(lasts.as_secs())?;
        self.shoppers.begin(&Order::Call(Calls { to: GATEWAY, from: SHOPPERS.to_vec(), count, every }))?;
        Ok(count)
    }

    /// Waits until the shoppers have done.
    pub(crate) fn shopped(&mut self) -> Result<Report> {
        self.shoppers.finish()
    }

    /// A new process in place of one that is gone.
    pub(crate) fn start_ledger_db(&mut self) -> Result<()> {
        self.ledger_db = Actor::enter("ledger-db", &self.network.backends)?;
        serve(&mut self.ledger_db, LEDGER_DB, Manner::Converse)
    }

    /// A new release of it, with other manners.
    pub(crate) fn start_payments(&mut self, manner: Manner) -> Result<()> {
        self.payments = Actor::enter("payments", &self.network.backends)?;
        serve(&mut self.payments, PAYMENTS, manner)
    }
}

fn serve(actor: &mut Actor, at: SocketAddrV4, manner: Manner) -> Result<()> {
    actor.perform(&Order::Serve { at, manner }).map(drop)
}
