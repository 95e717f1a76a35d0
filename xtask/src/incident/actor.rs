//! A process of the story, as the story sees it.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use super::{order::Order, report::Report};
use crate::namespace::Namespace;

/// Ends with its owner: killed when dropped, and by itself when nobody can give it orders any more.
pub(crate) struct Actor {
    name: &'static str,
    child: Child,
    orders: ChildStdin,
    reports: BufReader<ChildStdout>,
    /// Whether a report is still to be read.
    busy: bool,
}

impl Drop for Actor {
    fn drop(&mut self) {
        // Fails only if it is gone already.
        let _ = self.kill();
    }
}

impl Actor {
    /// Starts this program again, inside a namespace and under another name.
    pub(crate) fn enter(name: &'static str, namespace: &Namespace) -> Result<Self> {
        let mut part = Command::new(env::current_exe()?);
        part.args(["incident-part", name]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = namespace.run(|| part.spawn().with_context(|| format!("cannot start {name}")))?;
        let orders = child.stdin.take().context("it has no standard input")?;
        let reports = BufReader::new(child.stdout.take().context("it has no standard output")?);
        Ok(Self { name, child, orders, reports, busy: false })
    }

    /// Gives an order; [`Actor::finish`] waits until it is carried out. A scene that failed may have left one unfinished.
    pub(crate) fn begin(&mut self, order: &Order) -> Result<()> {
        if self.busy {
            self.finish()?;
        }
        self.busy = true;
        let line = serde_json::to_string(order)? + "\n";
        self.orders.write_all(line.as_bytes()).with_context(|| format!("{} takes no orders", self.name))
    }

    /// How the order given last went.
    pub(crate) fn finish(&mut self) -> Result<Report> {
        self.busy = false;
        let mut line = String::new();
        let read = self.reports.read_line(&mut line).with_context(|| format!("cannot hear from {}", self.name))?;
        if read == 0 {
            bail!("{} has ended", self.name);
        }
        serde_json::from_str(&line).with_context(|| format!("{} said something unexpected", self.name))
    }

    /// Both.
    pub(crate) fn perform(&mut self, order: &Order) -> Result<Report> {
        self.begin(order)?;
        self.finish()
    }

    /// Its sockets are closed by the kernel, with a reset where something is unread.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill().with_context(|| format!("cannot kill {}", self.name))?;
        self.child.wait().map(drop).with_context(|| format!("cannot wait for {}", self.name))
    }
}
