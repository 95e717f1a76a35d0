//! What a person looks at.

use std::os::fd::AsFd;

use rustix::termios::tcgetwinsize;

/// How much there is to see at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Screen {
    /// Lines are no longer than this; `None`: as long as they are.
    pub columns: Option<usize>,
    /// Each text takes the place of the one before and has no more lines than this; `None`: one text behind the other.
    pub rows: Option<usize>,
}

impl Screen {
    /// The size of a terminal; what it does not say has no bound.
    #[must_use]
    pub fn of(terminal: impl AsFd) -> Self {
        let size = tcgetwinsize(terminal).ok();
        let bound = |cells: u16| (cells > 0).then_some(usize::from(cells));
        Self { columns: size.and_then(|size| bound(size.ws_col)), rows: size.and_then(|size| bound(size.ws_row)) }
    }
}
