//! A process of the story, from inside: takes orders from its standard input until that ends.

use std::{
    ffi::CString,
    io::{self, Write as _},
    process,
    sync::mpsc::{self, Receiver},
    thread,
};

use anyhow::{Context as _, Result};

use super::{order::Order, report::Report};
use client::Client;
use server::Server;

mod call;
mod client;
mod server;

/// Options of `incident-part`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What the process is called.
    name: CString,
}

/// The main thread takes the name: the kernel calls a process what its first thread is called. Another one carries the
/// orders out, so that the process ends as soon as nobody is there to give any, whatever it is doing.
pub(crate) fn run(args: &Args) -> Result<()> {
    rustix::thread::set_name(&args.name).context("cannot take another name")?;
    let (give, orders) = mpsc::channel();
    thread::spawn(move || {
        if let Err(error) = obey(&orders) {
            eprintln!("xtask: {error:#}");
        }
        process::exit(1);
    });
    for line in io::stdin().lines() {
        give.send(serde_json::from_str(&line?).context("cannot understand the order")?)?;
    }
    process::exit(0);
}

/// Each order gets a report.
fn obey(orders: &Receiver<Order>) -> Result<()> {
    let (server, mut client) = (Server::default(), Client::default());
    for order in orders {
        let report = serde_json::to_string(&perform(order, &server, &mut client)?)? + "\n";
        io::stdout().write_all(report.as_bytes()).context("nobody wants to hear the report")?;
    }
    Ok(())
}

fn perform(order: Order, server: &Server, client: &mut Client) -> Result<Report> {
    Ok(match order {
        Order::Serve { at, manner } => server.serve(at, manner).map(|()| Report::default())?,
        Order::Hang => {
            server.hang();
            Report::default()
        }
        Order::Ignored { count } => server.ignored(count),
        Order::Call(calls) => client::call(&calls),
        Order::Hold { to, count } => client.hold(to, count),
        Order::Ask => client.ask(),
        Order::LetGo => client.let_go(),
    })
}
