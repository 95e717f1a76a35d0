//! What the words mean that tracer, ss and netstat print: `tracer explain`.
//!
//! The content is data: for each enum a function that says something of each of its values, so that a value of which
//! nothing is said does not compile, and the names are those that outputs print. What only the host knows comes in as
//! [`Host`].

mod accounts;
mod connections;
mod errors;
mod events;
mod figures;
mod find;
mod machine;
mod port;
mod resets;
mod states;
#[cfg(test)]
mod tests;
mod time_wait;
mod topics;
mod vocabulary;
mod words;

use std::{
    borrow::Cow,
    io::{self, IsTerminal as _},
};

pub(crate) use self::vocabulary::is_listed;
pub use self::{
    find::{Unknown, find},
    vocabulary::{completions, vocabulary},
    words::{Aspect, Kind},
};
use crate::{
    cli::Format,
    config::Speech,
    event::TcpState,
    namespace::Settings,
    output::{Page, Screen, is_coloured, json_explanations, print},
    run::{Failure, Status},
    services::Services,
    source::{
        live::own_settings,
        sockets::{Listing, Unseen, Wanted, sockets},
    },
};

/// Runs `tracer explain`: of a word, or of all there are.
pub(crate) fn explain(what: Option<&str>, speech: Speech, services: &Services) -> Result<Status, Failure> {
    let settings = own_settings();
    let host = Host { settings: &settings, services, listeners };
    let said = what.map_or_else(|| Ok(vocabulary()), |what| find(what, &host)).map_err(Failure::usage)?;
    let color = is_coloured(speech.color, io::stdout().is_terminal());
    let page = Page::new(Screen::of(io::stdout()).columns, color);
    print(&match speech.format {
        Format::Json => json_explanations(&said),
        Format::Text | Format::Csv if what.is_some() => page.explanations(&said),
        Format::Text | Format::Csv => page.index(&said),
    })?;
    Ok(Status::Done)
}

/// Sockets of this network namespace that listen; those of UDP that are not connected take whatever comes.
fn listeners() -> Result<Listing, Unseen> {
    sockets(&Wanted {
        tcp: vec![TcpState::Listen],
        udp: vec![TcpState::Close],
        cgroups: false,
        tcp_info: false,
        ..Wanted::default()
    })
}

/// What is said of one meaning of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What the word is.
    pub kind: Kind,
    /// The word, as outputs print it.
    pub name: Cow<'static, str>,
    /// The meaning in a sentence or two.
    pub short: Cow<'static, str>,
    /// More, by heading; a line break ends a paragraph.
    pub more: Vec<(Aspect, Cow<'static, str>)>,
    /// What to type next.
    pub commands: Vec<Cow<'static, str>>,
    /// What this host says, in numbers.
    pub facts: Vec<Fact>,
    /// Where it stands among the states.
    pub place: Option<TcpState>,
}

/// The name of a figure, and its value; `None`: it cannot be read here.
pub type Fact = (&'static str, Option<u64>);

/// What only the host knows.
#[derive(Clone, Debug)]
pub struct Host<'a> {
    /// How this network namespace gives out local ports.
    pub settings: &'a Settings,
    /// Names of ports.
    pub services: &'a Services,
    /// Asks for the sockets of this network namespace that listen.
    pub listeners: fn() -> Result<Listing, Unseen>,
}

/// What is always true of a word.
#[derive(Clone, Copy, Debug)]
struct Says {
    short: &'static str,
    more: &'static [(Aspect, &'static str)],
    commands: &'static [&'static str],
}

const fn says(short: &'static str) -> Says {
    Says { short, more: &[], commands: &[] }
}

impl Says {
    const fn more(self, more: &'static [(Aspect, &'static str)]) -> Self {
        Self { more, ..self }
    }

    const fn run(self, commands: &'static [&'static str]) -> Self {
        Self { commands, ..self }
    }
}

impl Explanation {
    fn new(kind: Kind, name: impl Into<Cow<'static, str>>, says: Says) -> Self {
        Self {
            kind,
            name: name.into(),
            short: says.short.into(),
            more: says.more.iter().map(|(aspect, text)| (*aspect, Cow::Borrowed(*text))).collect(),
            commands: says.commands.iter().copied().map(Cow::Borrowed).collect(),
            facts: Vec::new(),
            place: None,
        }
    }
}
