//! One line on standard error that is written over and over, where a person looks at it.

use std::io::{self, IsTerminal as _, Write as _};

use rustix::termios::tcgetwinsize;

/// Columns of a terminal that does not say how many it has.
const USUAL_COLUMNS: usize = 80;

/// The line.
pub(super) struct Progress {
    is_shown: bool,
}

impl Progress {
    /// `None` if standard error is no terminal.
    pub(super) fn new() -> Option<Self> {
        io::stderr().is_terminal().then_some(Self { is_shown: false })
    }

    /// Writes over what was there. A terminal that is gone does not matter, here and below.
    pub(super) fn show(&mut self, text: &str) {
        let columns = tcgetwinsize(io::stderr()).map_or(0, |size| usize::from(size.ws_col));
        let _ = write!(io::stderr(), "\r{}\x1b[K", cut(text, columns));
        self.is_shown = true;
    }

    /// Makes room for lines that stay.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

/// What fits on one line, with the last column free: some terminals wrap when it is written.
fn cut(text: &str, columns: usize) -> &str {
    let columns = if columns == 0 { USUAL_COLUMNS } else { columns };
    text.char_indices().nth(columns - 1).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn a_line_never_wraps() {
        assert_eq!((cut("1 µs", 4), cut("1 µs", 5)), ("1 µ", "1 µs"));
        assert_eq!((cut("1 µs", 1), cut(&"x".repeat(100), 0).len()), ("", 79));
    }
}
