//! Lists as people give them: some things wanted, some excluded.

use tracer_common::filter::{EITHER_EXCLUDE, EITHER_INCLUDE, LOCAL, REMOTE, Verdict};

/// Wanted and excluded things of one flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T> {
    /// Any of these is wanted. Empty: all are.
    pub include: Vec<T>,
    /// None of these is wanted.
    pub exclude: Vec<T>,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { include: Vec::new(), exclude: Vec::new() }
    }
}

impl<T> List<T> {
    /// Nothing asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    /// Inclusions, then exclusions.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.include.iter().chain(&self.exclude)
    }

    /// Decides for a thing that `hits` compares with an item.
    pub(crate) fn accepts(&self, hits: impl Fn(&T) -> bool) -> bool {
        (self.include.is_empty() || self.include.iter().any(&hits)) && !self.exclude.iter().any(hits)
    }

    /// Decides where a comparison may not be possible yet (`None`).
    pub(crate) fn decide(&self, hits: impl Fn(&T) -> Option<bool>) -> Verdict {
        self.wanted(&hits).and(self.not_excluded(&hits))
    }

    /// The inclusions' half of [`List::decide`].
    pub(crate) fn wanted(&self, hits: impl Fn(&T) -> Option<bool>) -> Verdict {
        if self.include.is_empty() { Verdict::Match } else { any(&self.include, hits) }
    }

    /// The exclusions' half of [`List::decide`].
    pub(crate) fn not_excluded(&self, hits: impl Fn(&T) -> Option<bool>) -> Verdict {
        match any(&self.exclude, hits) {
            Verdict::Match => Verdict::NoMatch,
            Verdict::Undecided => Verdict::Undecided,
            Verdict::NoMatch => Verdict::Match,
        }
    }
}

fn any<T>(items: &[T], hits: impl Fn(&T) -> Option<bool>) -> Verdict {
    let answer = |item| match hits(item) {
        Some(true) => Verdict::Match,
        Some(false) => Verdict::NoMatch,
        None => Verdict::Undecided,
    };
    items.iter().map(answer).max().unwrap_or(Verdict::NoMatch)
}

/// What is asked of the two ends of a connection: of ports, or of addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndLists<T> {
    /// One end must be wanted, no end excluded.
    pub either: List<T>,
    /// This host's end.
    pub local: List<T>,
    /// The other end.
    pub remote: List<T>,
}

impl<T> Default for EndLists<T> {
    fn default() -> Self {
        Self { either: List::default(), local: List::default(), remote: List::default() }
    }
}

impl<T> EndLists<T> {
    /// All items of all three lists.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.either.iter().chain(self.local.iter()).chain(self.remote.iter())
    }

    /// Which lists ask anything, as list bits.
    pub(crate) fn asked(&self) -> u8 {
        let bit = |asked: bool, bit| if asked { bit } else { 0 };
        bit(!self.either.include.is_empty(), EITHER_INCLUDE)
            | bit(!self.either.exclude.is_empty(), EITHER_EXCLUDE)
            | bit(!self.local.is_empty(), LOCAL)
            | bit(!self.remote.is_empty(), REMOTE)
    }

    /// List bits of the port or address that `hits` compares with an item.
    pub(crate) fn bits(&self, hits: impl Fn(&T) -> bool) -> u8 {
        let bit = |set: bool, bit| if set { bit } else { 0 };
        bit(self.either.include.iter().any(&hits), EITHER_INCLUDE)
            | bit(self.either.exclude.iter().any(&hits), EITHER_EXCLUDE)
            | bit(self.local.accepts(&hits), LOCAL)
            | bit(self.remote.accepts(&hits), REMOTE)
    }
}
