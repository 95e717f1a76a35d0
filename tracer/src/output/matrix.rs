//! The matrix of transitions, as names.

use crate::event::TcpState;

/// A kind of transition and how often it occurred.
pub(super) struct Kind {
    pub(super) old: String,
    pub(super) new: String,
    pub(super) count: u64,
}

/// The kinds that occurred, in the order of the kernel's numbers.
pub(super) fn kinds(matrix: &[u64; 256]) -> impl Iterator<Item = Kind> {
    let counted = matrix.iter().enumerate().filter(|(_, count)| **count > 0);
    counted.map(|(index, count)| Kind { old: state(index >> 4), new: state(index & 15), count: *count })
}

fn state(number: usize) -> String {
    let state = u8::try_from(number).ok().and_then(|number| TcpState::try_from(number).ok());
    state.map_or_else(|| number.to_string(), |state| state.name().to_owned())
}
