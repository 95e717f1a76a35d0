//! Who made an RST, and why.

use std::sync::Arc;

use crate::{
    event::{ResetKind, TcpState},
    observation::{ObservedReset, Side},
};

/// errno, as in `connection`.
const ECONNABORTED: u16 = 103;

/// Why an RST was sent, and whether the kernel said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The kernel's name in `enum sk_rst_reason` (include/net/rstreason.h) without the prefix; or `REFUSED`.
    pub name: Arc<str>,
    /// Deduced from state and error.
    pub inferred: bool,
}

/// Accepted in SYN_SENT: there is no listener, or something on the way pretends so (RFC 9293 section 3.10.7.3).
pub const REFUSED: &str = "REFUSED";

/// Number of the loopback device in every network namespace (`LOOPBACK_IFINDEX`, include/net/flow.h).
const LOOPBACK: u32 = 1;

/// Where an RST was made: at this host, or somewhere beyond it, by the peer or a device on the way. One that was received
/// over loopback, as all is that goes to an address of this namespace's own, was made at this host.
#[must_use]
pub fn initiator(reset: &ObservedReset) -> Side {
    let at_home = reset.observed.transition.ifindex == Some(LOOPBACK);
    if reset.is_received() && !at_home { Side::Remote } else { Side::Local }
}

/// Why it was made; `None` if nothing tells.
#[must_use]
pub fn reason(reset: &ObservedReset) -> Option<Reason> {
    if let Some(name) = &reset.reason {
        return Some(Reason { name: Arc::clone(name), inferred: false });
    }
    let name = match (reset.kind, reset.state, reset.observed.transition.error) {
        (ResetKind::Received, Some(TcpState::SynSent), _) => REFUSED,
        // `tcp_abort`, for an administrator (`ss -K`).
        (ResetKind::Abort, _, Some(ECONNABORTED)) => "TCP_STATE",
        _ => return None,
    };
    Some(Reason { name: name.into(), inferred: true })
}
