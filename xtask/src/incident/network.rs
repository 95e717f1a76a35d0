//! Three namespaces and two wires.
#![expect(unsafe_code, reason = "unshare(2): network namespaces of our own")]

use std::{
    fs::{self, File},
    os::{fd::AsFd as _, unix::fs::MetadataExt as _},
    process::Command,
    thread,
};

use anyhow::{Context as _, Result, anyhow};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};

use super::{
    stage::{GATEWAY, LEDGER_DB, PAYMENTS, PORTS, RATES, SESSIONS, SHOPPERS},
    wire::Wire,
};
use crate::command;

/// The first of the few ports that the web host has.
const FIRST_PORT: u16 = 32768;

/// A network namespace without a name: it goes when nobody holds it and no process is in it.
pub(crate) struct Namespace {
    file: File,
    pub(crate) inode: u64,
}

impl Namespace {
    fn make() -> Result<Self> {
        let make = || {
            // SAFETY: only the network namespace of this thread changes; no descriptor or memory is shared differently.
            unsafe { unshare_unsafe(UnshareFlags::NEWNET) }?;
            File::open("/proc/thread-self/ns/net")
        };
        let file = in_a_thread(make)?.context("cannot make a network namespace")?;
        let inode = file.metadata().context("cannot look at the network namespace")?.ino();
        Ok(Self { file, inode })
    }

    /// Acts inside; a process that it starts stays there.
    pub(crate) fn run<T: Send>(&self, act: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        in_a_thread(|| {
            let entered = move_into_link_name_space(self.file.as_fd(), Some(LinkNameSpaceType::Network));
            entered.context("cannot enter the network namespace")?;
            act()
        })?
    }

    /// Runs `ip` with each of these lines.
    fn ip(&self, lines: &[String]) -> Result<()> {
        self.run(|| lines.iter().try_for_each(|line| command::run(Command::new("ip").args(line.split(' ')))))
    }
}

/// A thread can change its namespace; the others of this process stay where they are.
fn in_a_thread<T: Send>(act: impl FnOnce() -> T + Send) -> Result<T> {
    thread::scope(|scope| scope.spawn(act).join()).map_err(|_| anyhow!("a thread panicked"))
}

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
