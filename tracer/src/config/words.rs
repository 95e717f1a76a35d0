//! Words with few values, and the nearest word to a mistyped one.

use super::Problem;
use crate::{event::TcpState, filter::WantedRole};

/// How alike two words must be (Jaro-Winkler, 0 to 1) for one to be suggested for the other.
const ALIKE: f64 = 0.8;

/// The candidate most like `word`, if any is.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&word, &candidate.to_lowercase()), candidate))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate.to_owned())
}

/// `client` or `server`.
pub(super) fn role(text: &str) -> Result<WantedRole, Problem> {
    match text.to_ascii_lowercase().as_str() {
        "client" => Ok(WantedRole::Client),
        "server" => Ok(WantedRole::Server),
        _ => Err(Problem::NotARole),
    }
}

/// A TCP state in any usual spelling: `SYN_SENT`, `syn-sent`, `synsent`, `TCP_SYN_SENT`; `estab` as ss has it.
pub(super) fn state(text: &str) -> Result<TcpState, Problem> {
    use TcpState::{BoundInactive, Close, Established, Listen, NewSynRecv, SynRecv, TimeWait};
    let word = squeezed(text);
    let word = word.strip_prefix("tcp").unwrap_or(&word);
    let state = match word {
        "estab" => Some(Established),
        "synreceived" | "synrcvd" => Some(SynRecv),
        "closed" => Some(Close),
        "listening" => Some(Listen),
        _ => TcpState::ALL.iter().copied().find(|state| squeezed(state.name()) == word),
    };
    match state {
        Some(state @ (TimeWait | NewSynRecv | BoundInactive)) => Err(Problem::UnreportedState(state)),
        Some(state) => Ok(state),
        None => Err(Problem::UnknownState { nearest: nearest_state(text) }),
    }
}

fn nearest_state(text: &str) -> Option<String> {
    let word = text.replace(['-', ' '], "_");
    nearest(&word, TcpState::ALL.iter().map(|state| state.name()))
}

fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).collect::<String>().to_ascii_lowercase()
}
