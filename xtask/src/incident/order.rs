//! What the story asks of its processes: one JSON object a line on their standard input.

use std::{
    net::{Ipv4Addr, SocketAddrV4},
    time::Duration,
};

use serde::{Deserialize, Serialize};

/// Something to do; a report follows when it is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Order {
    /// Listen and serve from now on.
    Serve { at: SocketAddrV4, manner: Manner },
    /// Serve nobody any more, but keep all connections: what arrives stays unread.
    Hang,
    /// Wait until something is unread on so many connections.
    Ignored { count: u32 },
    /// Connect, ask, read the answer, close.
    Call(Calls),
    /// Connect, ask, read the answer, and keep the connection, whatever the other end does with it.
    Hold { to: SocketAddrV4, count: u32 },
    /// Ask on each connection that is kept, without waiting for answers.
    Ask,
    /// Wait for how each connection that is kept ends, and close it.
    LetGo,
}

/// Calls by the clock: each has a thread, so a slow answer delays no other call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Calls {
    pub(crate) to: SocketAddrV4,
    /// Addresses to call from, in turn; the kernel's choice if empty.
    pub(crate) from: Vec<Ipv4Addr>,
    pub(crate) count: u32,
    pub(crate) every: Duration,
}

/// How a service treats who connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Manner {
    /// Answers until the other end closes.
    Converse,
    /// Answers one question and closes.
    Once,
    /// Answers with what another service answers, until the other end closes.
    Forward { to: SocketAddrV4 },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_one_line_and_comes_back() {
        let to = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 80);
        let order =
            Order::Call(Calls { to, from: vec![Ipv4Addr::LOCALHOST], count: 3, every: Duration::from_millis(5) });
        let line = serde_json::to_string(&order).expect("a line");
        assert!(!line.contains('\n'));
        assert_eq!(serde_json::from_str::<Order>(&line).expect("an order"), order);
    }
}
