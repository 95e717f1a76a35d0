//! The lines that sum up: a handshake that the transition's own line does not tell, a connection at its end.

use super::{TextOutput, columns::Line, numbers};
use crate::{
    event::TcpState,
    observation::{Connection, Handshake, HandshakeMethod, ObservedTransition, Side, UnknownLatency},
};

impl TextOutput {
    /// Appends a line if the time in SYN_SENT, which the line before shows, is not all there is to say.
    pub(super) fn handshake(&mut self, handshake: &Handshake, buf: &mut Vec<u8>) {
        let mut text = match handshake.latency {
            Ok((_, HandshakeMethod::SynToEstablished)) if handshake.syn_retransmits == Some(0) => return,
            Ok((ns, _)) => format!("handshake {}", numbers::duration(ns)),
            Err(reason) => format!("handshake of unknown length ({})", why(reason)),
        };
        for (count, what) in [(handshake.syn_retransmits, "SYN"), (handshake.syn_ack_retransmits, "SYN-ACK")] {
            if let Some(count) = count.filter(|count| *count > 0) {
                text += &format!(", {} sent again", numbers::counted(count.into(), what));
            }
        }
        self.conclude(&handshake.observed, &text, buf);
    }

    /// Appends what a connection was.
    pub(super) fn connection(&mut self, connection: &Connection, buf: &mut Vec<u8>) {
        let transition = &connection.observed.transition;
        let outcome = connection.outcome.map_or("ended, not known how", |outcome| match outcome.name() {
            "address_in_use" => "address in use",
            "keepalive_timeout" => "keepalive timeout",
            name => name,
        });
        let mut text = outcome.to_owned();
        text += match connection.closed_by {
            Some(Side::Local) => " by this host",
            Some(Side::Remote) => " by the peer",
            Some(Side::Both) => " by both at once",
            None => "",
        };
        if let Some(opened) = connection.observed.known.past.opened {
            text += &format!(" after {}", numbers::duration(transition.time.since(opened)));
        }
        // What never was established moved nothing, which need not be said.
        let moved = [(connection.bytes_sent, "sent"), (connection.bytes_received, "received")];
        if transition.old != TcpState::SynSent {
            for (bytes, what) in moved.iter().filter_map(|(bytes, what)| Some(((*bytes)?, what))) {
                text += &format!(", {what} {}", numbers::bytes(bytes));
            }
        }
        if transition.total_retrans > 0 {
            text += &format!(", {}", numbers::counted(transition.total_retrans.into(), "retransmission"));
        }
        self.conclude(&connection.observed, &text, buf);
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

fn why(reason: UnknownLatency) -> &'static str {
    match reason {
        UnknownLatency::StartNotSeen => "its start was not seen",
        UnknownLatency::NoSample => "the kernel has no sample",
        UnknownLatency::SynAckRetransmitted => "which SYN-ACK was answered is not known",
        UnknownLatency::MaybeSynCookie => "maybe a SYN cookie",
    }
}
