//! Which transitions are printed; it has no say in what is traced.

use super::List;
use crate::event::{TcpState, Transition};

/// Chooses transitions by the states they leave and enter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateFilter {
    include: u16,
    exclude: u16,
}

impl StateFilter {
    /// From a list of states: a transition is shown if it leaves or enters a wanted one and no excluded one.
    #[must_use]
    pub fn new(states: &List<TcpState>) -> Self {
        Self { include: mask(&states.include), exclude: mask(&states.exclude) }
    }

    /// Whether the transition is to be printed.
    #[must_use]
    pub fn shows(self, transition: &Transition) -> bool {
        let both = bit(transition.old) | bit(transition.new);
        (self.include == 0 || self.include & both != 0) && self.exclude & both == 0
    }
}

fn bit(state: TcpState) -> u16 {
    1 << state as u8
}

fn mask(states: &[TcpState]) -> u16 {
    states.iter().fold(0, |mask, state| mask | bit(*state))
}
