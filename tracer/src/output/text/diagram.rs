//! The state machine of RFC 9293 (figure 5), with the kernel's names.

use std::io::Write as _;

use super::style::Palette;
use crate::event::TcpState;

/// Columns that it takes.
pub(super) const COLUMNS: usize = 60;

const ROWS: [&str; 15] = [
    "                           CLOSE",
    "            listen() ┌───────┴───────┐ connect(): snd SYN",
    "                  LISTEN         SYN_SENT",
    "rcv SYN: snd SYN-ACK │               │ rcv SYN-ACK: snd ACK",
    "                 SYN_RECV            │",
    "             rcv ACK └───────┬───────┘",
    "                        ESTABLISHED",
    "    close(): snd FIN ┌───────┴───────┐ rcv FIN: snd ACK",
    "                 FIN_WAIT1      CLOSE_WAIT",
    "       rcv ACK ┌─────┴─────┐ rcv FIN │ close(): snd FIN",
    "           FIN_WAIT2    CLOSING  LAST_ACK",
    "       rcv FIN └─────┬─────┘ rcv ACK │ rcv ACK",
    "                 TIME_WAIT           │",
    "                60 s └───────┬───────┘",
    "                           CLOSE",
];

/// Appends it, with a mark where `place` stands.
pub(super) fn push(place: TcpState, palette: Palette, buf: &mut Vec<u8>) {
    let name = drawn(place).name();
    let (set, reset) = palette.state(place);
    for row in ROWS {
        // Writing to memory does not fail.
        let _ = match mark(row, name) {
            Some((before, after)) => writeln!(buf, "{before}{set}[{name}]{reset}{after}"),
            None => writeln!(buf, "{row}"),
        };
    }
}

/// What stands before and after a name in brackets, which take the place of the blanks around it.
fn mark<'a>(row: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    let (start, _) = row.match_indices(name).find(|(start, _)| {
        let is_open = |c: Option<char>| c.is_none_or(|c| c == ' ');
        is_open(row[..*start].chars().next_back()) && is_open(row[start + name.len()..].chars().next())
    })?;
    let after = &row[start + name.len()..];
    Some((&row[..start - 1], after.strip_prefix(' ').unwrap_or(after)))
}

/// The state of RFC 9293's that one of Linux's own is.
const fn drawn(state: TcpState) -> TcpState {
    match state {
        TcpState::NewSynRecv => TcpState::SynRecv,
        TcpState::BoundInactive => TcpState::Close,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::{COLUMNS, ROWS, drawn, mark};
    use crate::event::TcpState;

    #[test]
    fn it_is_as_wide_as_it_says() {
        assert!(ROWS.iter().all(|row| row.chars().count() <= COLUMNS));
    }

    #[test]
    fn each_state_is_drawn_once_but_for_the_one_at_both_ends() {
        for state in TcpState::ALL {
            let marked = ROWS.iter().filter(|row| mark(row, drawn(*state).name()).is_some()).count();
            assert_eq!(marked, if drawn(*state) == TcpState::Close { 2 } else { 1 }, "{state}");
        }
    }

    #[test]
    fn a_mark_moves_nothing() {
        let row = "  FIN_WAIT2   CLOSING   LAST_ACK";
        assert_eq!(mark(row, "CLOSING"), Some(("  FIN_WAIT2  ", "  LAST_ACK")));
        assert_eq!(mark(row, "LAST_ACK"), Some(("  FIN_WAIT2   CLOSING  ", "")));
        assert_eq!(mark("  CLOSE_WAIT", "CLOSE"), None);
    }
}
