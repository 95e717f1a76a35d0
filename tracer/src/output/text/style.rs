//! Colours: few, and only where they say something.

use std::fmt;

use anstyle::{AnsiColor, Color, Style};

use crate::event::TcpState;

/// The styles in use, or none of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Palette {
    color: bool,
}

/// Start and end of a styled piece; both print nothing without colour.
pub(crate) type Pair = (Escape, Escape);

/// An escape sequence.
pub(crate) struct Escape(Style, bool);

impl Escape {
    /// Prints nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_plain()
    }
}

impl fmt::Display for Escape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.1 { write!(f, "{:#}", self.0) } else { write!(f, "{}", self.0) }
    }
}

impl Palette {
    pub(crate) fn new(color: bool) -> Self {
        Self { color }
    }

    /// Opening green, open bright green; yellow while closing; what is gone is plain.
    pub(super) fn state(self, state: TcpState) -> Pair {
        use TcpState::{
            BoundInactive, Close, CloseWait, Closing, Established, FinWait1, FinWait2, LastAck, Listen, NewSynRecv,
            SynRecv, SynSent, TimeWait,
        };
        self.pair(match state {
            SynSent | SynRecv | NewSynRecv => foreground(AnsiColor::Cyan),
            Established => foreground(AnsiColor::Green),
            FinWait1 | FinWait2 | CloseWait | LastAck | Closing | TimeWait => foreground(AnsiColor::Yellow),
            Listen => foreground(AnsiColor::Blue),
            Close | BoundInactive => Style::new(),
        })
    }

    /// An error of a connection.
    pub(super) fn error(self) -> Pair {
        self.pair(foreground(AnsiColor::Red))
    }

    /// Something that nobody may overlook.
    pub(crate) fn alarm(self) -> Pair {
        self.pair(foreground(AnsiColor::Red).bold())
    }

    /// As it should be.
    pub(crate) fn good(self) -> Pair {
        self.pair(foreground(AnsiColor::Green))
    }

    /// It works, but not as it could.
    pub(crate) fn warning(self) -> Pair {
        self.pair(foreground(AnsiColor::Yellow))
    }

    /// Neither.
    pub(crate) fn plain(self) -> Pair {
        self.pair(Style::new())
    }

    /// Headings.
    pub(super) fn heading(self) -> Pair {
        self.pair(Style::new().bold())
    }

    fn pair(self, style: Style) -> Pair {
        let style = if self.color { style } else { Style::new() };
        (Escape(style, false), Escape(style, true))
    }
}

fn foreground(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(color)))
}
