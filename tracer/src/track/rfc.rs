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

/// Longest way that is worth inferring: from SYN_SENT to LAST_ACK it takes three steps.
const LONGEST: usize = 3;

/// Whether this step is worth considering where it was not seen. What Linux reports never leads through CLOSE, LISTEN or
/// TIME_WAIT, and only a Fast Open server leaves SYN_RECV for anything but ESTABLISHED.
fn is_usual(old: TcpState, new: TcpState) -> bool {
    !matches!(new, Close | Listen | TimeWait) && (old != SynRecv || new == Established)
}

/// The transitions by which a connection in `from` has come to `to`, if they were not seen and there is but one shortest
/// way; else none.
pub(super) fn way(from: TcpState, to: TcpState) -> Vec<(TcpState, TcpState)> {
    let mut ways = vec![vec![from]];
    for _ in 0..LONGEST {
        let longer = ways.iter().flat_map(|way| {
            let last = way.last().copied();
            let next = last.map_or(&[][..], expected_after).iter().copied();
            let usual = next.filter(move |next| last.is_some_and(|last| is_usual(last, *next)));
            usual.map(|next| [&way[..], &[next]].concat())
        });
        ways = longer.collect();
        let mut there = ways.iter().filter(|way| way.last() == Some(&to));
        if let Some(first) = there.next() {
            let only = there.next().is_none();
            return if only { first.windows(2).map(|step| (step[0], step[1])).collect() } else { Vec::new() };
        }
    }
    Vec::new()
}
