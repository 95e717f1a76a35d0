//! Which state may follow which.

use crate::event::TcpState::{
    self, BoundInactive, Close, CloseWait, Closing, Established, FinWait1, FinWait2, LastAck, Listen, NewSynRecv,
    SynRecv, SynSent, TimeWait,
};

/// States that may follow `old`: RFC 9293 §3.3.2 (figure 5) as Linux reports it.
///
/// What Linux does differently: LISTEN→SYN_RECV is reported by the new socket of the connection, not by the listener;
/// any state may end in CLOSE (reset, abort, timeout); TIME_WAIT is a socket of its own, so FIN_WAIT2 and CLOSING are
/// reported to end in CLOSE (`tcp_time_wait`, net/ipv4/tcp_minisocks.c); a Fast Open server socket may see the peer's
/// FIN while still in SYN_RECV (`tcp_fin`, net/ipv4/tcp_input.c).
#[must_use]
pub fn expected_after(old: TcpState) -> &'static [TcpState] {
    match old {
        Close | BoundInactive => &[SynSent, Listen],
        Listen => &[SynRecv, Close],
        SynSent => &[Established, SynRecv, Close],
        SynRecv | NewSynRecv => &[Established, FinWait1, CloseWait, Close],
        Established => &[FinWait1, CloseWait, Close],
        FinWait1 => &[FinWait2, Closing, TimeWait, Close],
        FinWait2 | Closing => &[TimeWait, Close],
        CloseWait => &[LastAck, Close],
        LastAck | TimeWait => &[Close],
    }
}
