//! Who made an RST, and why.

use std::sync::Arc;

use crate::{
    event::{ResetKind, TcpState},
    observation::{ObservedReset, Side},
};

/// errno values as in `connection`.
mod errno {
    pub(super) const ECONNABORTED: u16 = 103;
    pub(super) const ETIMEDOUT: u16 = 110;
}

/// Why an RST was sent, and whether the kernel said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The kernel's name in `enum sk_rst_reason` (include/net/rstreason.h) without the prefix; or `REFUSED`.
    pub name: Arc<str>,
    /// Deduced from state and error.
    pub inferred: bool,
}

/// Accepted in SYN_SENT: there is no listener, or something on the way pretends so (RFC 9293 section 3.10.7.3).
const REFUSED: &str = "REFUSED";

/// Where an RST was made: at this host, or somewhere beyond it, by the peer or a device on the way. One that was received
/// from this very host, over loopback, was made at this host.
#[must_use]
pub fn initiator(reset: &ObservedReset) -> Side {
    let socket = &reset.observed.transition;
    let at_home = socket
        .remote
        .is_some_and(|remote| remote.canonical().is_loopback() || remote.canonical() == socket.local.canonical());
    if reset.is_received() && !at_home { Side::Remote } else { Side::Local }
}

/// Why it was made; `None` if nothing tells.
#[must_use]
pub fn reason(reset: &ObservedReset) -> Option<Reason> {
    use errno::{ECONNABORTED, ETIMEDOUT};
    if let Some(name) = &reset.reason {
        return Some(Reason { name: Arc::clone(name), inferred: false });
    }
    let name = match (reset.kind, reset.state, reset.observed.transition.error) {
        (ResetKind::Received, Some(TcpState::SynSent), _) => REFUSED,
        // `tcp_abort`, for an administrator (`ss -K`).
        (ResetKind::Abort, _, Some(ECONNABORTED)) => "TCP_STATE",
        // `tcp_keepalive_timer`.
        (ResetKind::Abort, _, Some(ETIMEDOUT)) => "TCP_KEEPALIVE_TIMEOUT",
        _ => return None,
    };
    Some(Reason { name: name.into(), inferred: true })
}
