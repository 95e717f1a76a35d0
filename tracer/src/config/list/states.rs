//! In which states sockets are listed.

use crate::{
    cli::SelectArgs,
    config::{ConfigError, Problem, items, words},
    event::{TcpState, squeezed},
};

use TcpState::{
    BoundInactive, Close, CloseWait, Closing, Established, FinWait1, FinWait2, LastAck, Listen, NewSynRecv, SynRecv,
    SynSent, TimeWait,
};

/// What is no connection.
const UNCONNECTED: [TcpState; 3] = [Listen, Close, BoundInactive];
/// The states of UDP.
const OF_UDP: [TcpState; 2] = [Close, Established];

/// What ss calls groups of states (ss(8), STATE-FILTER).
const GROUPS: &[(&str, &[TcpState])] = &[
    ("all", TcpState::ALL),
    (
        "connected",
        &[SynSent, SynRecv, NewSynRecv, Established, FinWait1, FinWait2, TimeWait, CloseWait, LastAck, Closing],
    ),
    ("synchronized", &[SynRecv, NewSynRecv, Established, FinWait1, FinWait2, TimeWait, CloseWait, LastAck, Closing]),
    ("bucket", &[SynRecv, NewSynRecv, TimeWait]),
    ("big", &[SynSent, Established, FinWait1, FinWait2, Close, CloseWait, LastAck, Listen, Closing]),
];

/// Which sockets the flags of netstat and ss stand for.
#[derive(Clone, Copy)]
enum Kind {
    Listening,
    Connected,
    All,
}

/// The states of TCP and of UDP that are wanted.
pub(super) fn chosen(select: &SelectArgs) -> Result<(Vec<TcpState>, Vec<TcpState>), ConfigError> {
    let named = items::parse("--state", &select.state, state)?;
    let kind = match select {
        SelectArgs { all: true, .. } => Kind::All,
        SelectArgs { listening: true, .. } => Kind::Listening,
        // States that are named are wanted, also those that would take -a.
        _ if select.is_bare() || !named.is_empty() => Kind::All,
        _ => Kind::Connected,
    };
    let either = select.tcp || select.udp;
    let is_named = |state: &TcpState| named.accepts(|states| states.contains(state));
    let of_tcp = TcpState::ALL.iter().copied().filter(|state| (select.tcp || !either) && kind.has(*state, Listen));
    let of_udp = OF_UDP.into_iter().filter(|state| (select.udp || !either) && kind.has(*state, Close));
    let (tcp, udp): (Vec<_>, Vec<_>) = (of_tcp.filter(is_named).collect(), of_udp.filter(is_named).collect());
    if tcp.is_empty() && udp.is_empty() { Err(ConfigError::NoSuchState) } else { Ok((tcp, udp)) }
}

impl Kind {
    /// Whether a socket in this state is of the kind, if in that one it `listens`.
    fn has(self, state: TcpState, listens: TcpState) -> bool {
        match self {
            Self::All => true,
            Self::Listening => state == listens,
            Self::Connected => !UNCONNECTED.contains(&state),
        }
    }
}

/// One state, or those of a group. A request for a connection is in SYN_RECV to everybody but the kernel.
fn state(text: &str) -> Result<Vec<TcpState>, Problem> {
    let word = squeezed(text);
    if let Some((_, states)) = GROUPS.iter().find(|(name, _)| *name == word) {
        return Ok(states.to_vec());
    }
    match TcpState::from_spelling(text) {
        Some(SynRecv | NewSynRecv) => Ok(vec![SynRecv, NewSynRecv]),
        Some(state) => Ok(vec![state]),
        None => Err(Problem::UnknownSocketState { nearest: words::nearest_state(text) }),
    }
}
