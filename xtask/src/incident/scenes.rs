//! The story, scene by scene.
//!
//! Shoppers call the gateway from the first scene to the last; how long they do is how long a scene lasts.

use std::{net::SocketAddrV4, time::Duration};

use anyhow::Result;

use super::{
    order::{Calls, Manner, Order},
    report::End,
    stage::{self, Stage},
    wire::Weather,
};

/// A part of the story.
pub(crate) struct Scene {
    /// What a reader should find.
    pub(crate) title: &'static str,
    /// Makes it happen.
    pub(crate) play: fn(&mut Stage) -> Result<()>,
}

/// What happened that evening.
pub(crate) const STORY: [Scene; 7] = [
    Scene { title: "All is well: handshakes of a millisecond", play: all_is_well },
    Scene { title: "A slow backend: 200 ms more to every backend, and packets lost on the way", play: a_slow_backend },
    Scene { title: "A refused port: payments is down", play: a_refused_port },
    Scene { title: "A reset burst: ledger-db hangs and is killed with its queries unread", play: a_reset_burst },
    Scene { title: "A CLOSE_WAIT leak: payments closes, orders-api never does", play: a_close_wait_leak },
    Scene {
        title: "A TIME_WAIT pile: nightly-export connects for every row until no port is left",
        play: a_time_wait_pile,
    },
    Scene { title: "The minute after: the first of TIME_WAIT end, the leak stays", play: the_minute_after },
];

/// Connections that the gateway keeps to ledger-db.
const POOL: u32 = 200;
/// What orders-api leaks.
const LEAK: u32 = 200;
/// Rows to export: more than the namespace has ports.
const ROWS: u32 = stage::PORTS as u32 + 24;

fn all_is_well(stage: &mut Stage) -> Result<()> {
    let shopping = stage.shopping(10, Duration::from_secs(6))?;
    stage.gateway.perform(&Order::Hold { to: stage::LEDGER_DB, count: POOL })?.at_least(POOL, End::Answered)?;
    stage.orders_api.perform(&calls(stage::PAYMENTS, 20, 100))?.at_least(20, End::Answered)?;
    stage.orders_api.perform(&calls(stage::SESSIONS, 20, 100))?.at_least(20, End::Answered)?;
    stage.shopped()?.at_least(shopping, End::Answered)
}

fn a_slow_backend(stage: &mut Stage) -> Result<()> {
    stage.network.back.set(Weather { delay: Duration::from_millis(100), loses_one_in: 12 });
    let shopping = stage.shopping(16, Duration::from_secs(7))?;
    let report = stage.shopped();
    stage.network.back.set(Weather::FINE);
    // Who is very unlucky waits longer than a shopper has patience for.
    report?.at_least(shopping * 9 / 10, End::Answered)
}

fn a_refused_port(stage: &mut Stage) -> Result<()> {
    stage.payments.kill()?;
    let shopping = stage.shopping(4, Duration::from_secs(4))?;
    stage.orders_api.perform(&calls(stage::PAYMENTS, 120, 30))?.at_least(120, End::Refused)?;
    stage.shopped()?.at_least(shopping, End::Answered)
}

/// While nobody restarts it, the gateway is refused and the shoppers get no answer.
fn a_reset_burst(stage: &mut Stage) -> Result<()> {
    stage.ledger_db.perform(&Order::Hang)?;
    stage.gateway.perform(&Order::Ask)?.at_least(POOL, End::Asked)?;
    stage.ledger_db.perform(&Order::Ignored { count: POOL })?.at_least(POOL, End::Unread)?;
    stage.ledger_db.kill()?;
    stage.gateway.perform(&Order::LetGo)?.at_least(POOL, End::Reset)?;
    let shopping = stage.shopping(4, Duration::from_secs(3))?;
    stage.shopped()?.at_least(shopping, End::Unanswered)?;
    stage.start_ledger_db()
}

fn a_close_wait_leak(stage: &mut Stage) -> Result<()> {
    stage.start_payments(Manner::Once)?;
    let shopping = stage.shopping(4, Duration::from_secs(5))?;
    stage.orders_api.perform(&Order::Hold { to: stage::PAYMENTS, count: LEAK })?.at_least(LEAK, End::Answered)?;
    stage.shopped()?.at_least(shopping, End::Answered)
}

fn a_time_wait_pile(stage: &mut Stage) -> Result<()> {
    let shopping = stage.shopping(4, Duration::from_secs(7))?;
    let rows = stage.nightly_export.perform(&calls(stage::RATES, ROWS, 5))?;
    rows.at_least(stage::PORTS.into(), End::Answered)?;
    rows.at_least(1, End::NoPort)?;
    stage.shopped()?.at_least(shopping, End::Answered)
}

/// Until the leak is older than the minute after which it counts as one.
fn the_minute_after(stage: &mut Stage) -> Result<()> {
    let shopping = stage.shopping(1, Duration::from_secs(54))?;
    stage.shopped()?.at_least(shopping, End::Answered)
}

/// So many, one every so many milliseconds.
fn calls(to: SocketAddrV4, count: u32, every_ms: u64) -> Order {
    Order::Call(Calls { to, from: Vec::new(), count, every: Duration::from_millis(every_ms) })
}
