//! States as people type them: every usual spelling of every tool.

use super::TcpState;

impl TcpState {
    /// The state in any usual spelling: `SYN_SENT`, `syn-sent`, `synsent`, `TCP_SYN_SENT`; RFC 9293's names; ss's `estab`,
    /// `unconn` and `unconnected`, lsof's `SYN_RCDV`.
    #[must_use]
    pub fn from_spelling(text: &str) -> Option<Self> {
        let word = squeezed(text);
        let word = word.strip_prefix("tcp").unwrap_or(&word);
        match word {
            "estab" => Some(Self::Established),
            "synreceived" | "synrcvd" | "synrcdv" => Some(Self::SynRecv),
            "closed" | "unconn" | "unconnected" => Some(Self::Close),
            "listening" => Some(Self::Listen),
            "bound" => Some(Self::BoundInactive),
            _ => Self::ALL.iter().copied().find(|state| squeezed(state.name()) == word),
        }
    }
}

/// A name without what spellings differ in: letters' case, hyphens, underscores and blanks.
pub(crate) fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).collect::<String>().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::TcpState::{
        self, BoundInactive, Close, CloseWait, Established, FinWait1, Listen, NewSynRecv, SynRecv, SynSent, TimeWait,
    };

    #[test]
    fn every_tool_s_spelling() {
        let spellings = [
            (SynSent, "syn-sent SYN_SENT synsent TCP_SYN_SENT Syn-Sent"),
            (Established, "established estab ESTAB TCP_ESTABLISHED"),
            (FinWait1, "fin-wait-1 FIN_WAIT1 finwait1 FIN-WAIT-1 fin_wait1"),
            (SynRecv, "syn-recv SYN_RECEIVED syn-rcvd SYN_RCDV"),
            (Close, "close closed CLOSED unconn unconnected"),
            (CloseWait, "close-wait CLOSE_WAIT closewait"),
            (Listen, "listen LISTENING"),
            (TimeWait, "time-wait TIMEWAIT"),
            (NewSynRecv, "new-syn-recv"),
            (BoundInactive, "bound-inactive bound"),
        ];
        for (state, words) in spellings {
            words.split(' ').for_each(|word| assert_eq!(TcpState::from_spelling(word), Some(state), "{word}"));
        }
        assert_eq!(TcpState::from_spelling("fin wait 1"), Some(FinWait1));
        assert_eq!(TcpState::from_spelling("open"), None);
    }

    #[test]
    fn every_name_is_a_spelling_of_itself() {
        TcpState::ALL.iter().for_each(|state| assert_eq!(TcpState::from_spelling(state.name()), Some(*state)));
    }
}
