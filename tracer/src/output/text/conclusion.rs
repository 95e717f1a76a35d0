//! The lines that sum up: a handshake that the transition's own line does not tell, a connection at its end.

use super::{TextOutput, columns::Line, numbers};
use crate::{
    event::TcpState,
    measure,
    observation::{
        Connection, Handshake, HandshakeMethod, ObservedReset, ObservedTransition, Outcome, Side, TimeWait,
        TimeWaitEnd, UnknownLatency,
    },
};

impl TextOutput {
    /// Appends a line if the time in SYN_SENT, which the line before shows, is not all there is to say.
    pub(super) fn handshake(&mut self, handshake: &Handshake, buf: &mut Vec<u8>) {
        let mut text = match handshake.latency {
            Ok((_, HandshakeMethod::SynToEstablished))
                if handshake.syn_retransmits == Some(0) && handshake.fast_open != Some(true) =>
            {
                return;
            }
            Ok((ns, _)) => format!("handshake {}", numbers::duration(ns)),
            Err(reason) => format!("handshake time unknown: {}", why(reason)),
        };
        for (count, what) in
            [(handshake.syn_retransmits, "SYN retransmit"), (handshake.syn_ack_retransmits, "SYN-ACK retransmit")]
        {
            if let Some(count) = count.filter(|count| *count > 0) {
                text += &format!(", {}", numbers::counted(count.into(), what));
            }
        }
        if handshake.deferred_accept == Some(true) {
            text += ", with the wait for data";
        }
        if handshake.fast_open == Some(true) {
            text += ", fast open";
        }
        self.conclude(&handshake.observed, &text, buf);
    }

    /// Appends who reset whom.
    pub(super) fn reset(&mut self, reset: &ObservedReset, buf: &mut Vec<u8>) {
        self.resets += 1;
        let mut text = (if reset.is_received() { "RST received" } else { "RST sent" }).to_owned();
        if let Some(state) = reset.state {
            text += &format!(" in {state}");
        }
        if let Some(reason) = measure::reason(reset) {
            let mark = if reason.inferred { "~" } else { "" };
            text += &format!(", {mark}{}", reason.name);
        }
        self.conclude(&reset.observed, &text, buf);
    }

    /// Appends what a connection was.
    pub(super) fn connection(&mut self, connection: &Connection, buf: &mut Vec<u8>) {
        let transition = &connection.observed.transition;
        let outcome = connection.outcome.map_or("ended, not known how", |outcome| match outcome.name() {
            "address_in_use" => "address in use",
            "keepalive_timeout" => "keepalive timeout",
            name => name,
        });
        let mut text = format!("{outcome}{}", whose(connection));
        if let Some(opened) = connection.observed.known.past.opened.time() {
            text += &format!(", {}", numbers::duration(transition.time.since(opened)));
        }
        // What never was established moved nothing, which need not be said.
        if transition.old != TcpState::SynSent {
            let arrows = [(connection.bytes_sent, ", ↑ "), (connection.bytes_received, " ↓ ")];
            for (bytes, arrow) in arrows {
                text += &format!("{arrow}{}", bytes.map_or_else(|| "?".to_owned(), numbers::bytes));
            }
        }
        if transition.total_retrans > 0 {
            text += &format!(", {}", numbers::counted(transition.total_retrans.into(), "retransmit"));
        }
        self.conclude(&connection.observed, &text, buf);
    }

    /// Appends how long a timewait socket lived, if it has ended.
    pub(super) fn time_wait(&mut self, time_wait: &TimeWait, buf: &mut Vec<u8>) {
        let Some(ended) = time_wait.ended else { return };
        let mark = if ended.inferred { "~" } else { "" };
        let how = match ended.end {
            Some(TimeWaitEnd::Expired) => "expired",
            Some(TimeWaitEnd::Reused) => "reused by connect()",
            Some(TimeWaitEnd::NewSyn) => "ended by a new SYN",
            Some(TimeWaitEnd::Reset) => "ended by a reset",
            Some(TimeWaitEnd::Killed) => "killed by an administrator",
            Some(TimeWaitEnd::Netns) => "gone with its namespace",
            None => "ended, not known how",
        };
        let mut text = format!("{} {mark}{how}", time_wait.observed.transition.new);
        if let Some(lived) = ended.time_wait_ns.or(ended.minisocket_ns) {
            text += &format!(", {}", numbers::duration(lived));
        }
        self.conclude(&time_wait.observed, &text, buf);
    }

    fn conclude(&mut self, observed: &ObservedTransition, text: &str, buf: &mut Vec<u8>) {
        self.clock_time(observed.transition.time, buf);
        buf.push(b' ');
        let mut line = Line::new(buf);
        self.ends(&observed.transition, &observed.known, &mut line);
        line.put("= ").put(text);
        line.end();
    }
}

/// Who did it; where that is not who closed first, both.
fn whose(connection: &Connection) -> &'static str {
    let usual = match connection.outcome {
        Some(Outcome::Refused | Outcome::Reset) => Some(Side::Remote),
        Some(Outcome::Aborted | Outcome::AddressInUse) => Some(Side::Local),
        Some(Outcome::Closed) => connection.closed_by,
        _ => None,
    };
    match connection.closed_by {
        Some(Side::Local) if usual == connection.closed_by => " here",
        Some(Side::Remote) if usual == connection.closed_by => " by peer",
        Some(Side::Both) if usual == connection.closed_by => " by both",
        Some(Side::Local) => " after closing here",
        Some(Side::Remote) => " after peer closed",
        Some(Side::Both) => " after both closed",
        None => "",
    }
}

fn why(reason: UnknownLatency) -> &'static str {
    match reason {
        UnknownLatency::StartNotSeen => "its start was not seen",
        UnknownLatency::NoSample => "the kernel took no sample",
        UnknownLatency::SynAckRetransmitted => "when its first SYN-ACK left was not seen",
        UnknownLatency::MaybeSynCookie => "perhaps a SYN cookie",
        UnknownLatency::DeferredFastOpen => "its SYN left later than connect()",
    }
}
