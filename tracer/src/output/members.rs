//! Members of an event, handed from the one description of it ([`Events`](super::events::Events)) to a format.

use std::net::IpAddr;

use super::names::{EventType, Name};
use crate::socket::Owner;

/// An event in the making, in one format: each member's name, then its value.
pub(super) trait Members {
    /// Begins an event of this type.
    fn begin(&mut self, kind: EventType);
    /// Says whose value comes next.
    fn name(&mut self, name: Name);
    /// Unknown.
    fn null(&mut self);
    /// A count, a number that names something, a duration.
    fn number(&mut self, number: impl itoa::Integer);
    /// Yes or no.
    fn truth(&mut self, is_true: bool);
    /// A word that needs no escaping: a name from this program's own tables.
    fn word(&mut self, word: &str);
    /// Several of them.
    fn words(&mut self, words: &[&str]);
    /// Bytes from outside, meant as text.
    fn text(&mut self, bytes: &[u8]);
    /// What this format has made of a text before.
    fn prepared(&mut self, text: &[u8]);
    /// Descriptors and whose they are.
    fn owners(&mut self, owners: &[Owner]);
    /// An address.
    fn addr(&mut self, addr: IpAddr);
    /// A time: RFC 3339 to the decimal point, and nanoseconds.
    fn moment(&mut self, second: &str, nanoseconds: u32);
    /// The event is complete.
    fn end(&mut self);
}

/// Hands over a member. The name is a literal, looked up and joined with its punctuation at compile time.
macro_rules! member {
    ($members:expr, $name:literal, $value:expr) => {{
        $members.name(const { $crate::output::names::Name::new($name, concat!(",\"", $name, "\":")) });
        $crate::output::members::Value::put($value, $members);
    }};
}
pub(super) use member;

/// A value that knows what kind it is of.
pub(super) trait Value {
    fn put(self, members: &mut impl Members);
}

/// See [`Members::word`].
pub(super) struct Word<'a>(pub(super) &'a str);
/// See [`Members::words`].
pub(super) struct Words<'a>(pub(super) &'a [&'a str]);
/// See [`Members::text`].
pub(super) struct Text<'a>(pub(super) &'a [u8]);
/// See [`Members::prepared`].
pub(super) struct Prepared<'a>(pub(super) &'a [u8]);
/// See [`Members::moment`].
pub(super) struct Moment<'a>(pub(super) (&'a str, u32));

macro_rules! values {
    ($($value:ty: $kind:ident($self:ident) $($argument:expr),+;)*) => {
        $(impl Value for $value {
            fn put($self, members: &mut impl Members) {
                members.$kind($($argument),+);
            }
        })*
    };
}

values! {
    u16: number(self) self;
    u32: number(self) self;
    u64: number(self) self;
    bool: truth(self) self;
    IpAddr: addr(self) self;
    &[Owner]: owners(self) self;
    Word<'_>: word(self) self.0;
    Words<'_>: words(self) self.0;
    Text<'_>: text(self) self.0;
    Prepared<'_>: prepared(self) self.0;
    Moment<'_>: moment(self) self.0.0, self.0.1;
}

impl<T: Value> Value for Option<T> {
    fn put(self, members: &mut impl Members) {
        match self {
            Some(value) => value.put(members),
            None => members.null(),
        }
    }
}
