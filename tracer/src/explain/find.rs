//! From what was typed to what is said of it.

use super::{Explanation, Host, Kind, is_listed, port, says, time_wait, topics, vocabulary};
use crate::{
    cli::printable,
    errno,
    event::{TcpState, squeezed},
    services::PATH,
    socket::Protocol,
    words::nearest,
};

/// Nothing is known of what was typed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("explain {}: {}; {}", printable(.text), problem(.text), suggestion(.nearest))]
pub struct Unknown {
    /// What was typed.
    pub text: String,
    /// The word most like it.
    pub nearest: Option<String>,
}

fn problem(text: &str) -> String {
    if is_number(text) {
        "ports are numbers from 1 to 65535".to_owned()
    } else {
        format!("neither an output nor {PATH} has such a word")
    }
}

fn suggestion(nearest: &Option<String>) -> String {
    match nearest {
        Some(nearest) => format!("did you mean {nearest}?"),
        None => "\"tracer explain\" lists those that can be explained.".to_owned(),
    }
}

/// Every meaning of a word, the likeliest first: `TIME_WAIT`, `time wait`, `443`, `https`; of a change, `CLOSE→LISTEN`, both
/// states. A kind in front of a word chooses one of several meanings: `errno 104`, `state close`; by itself it stands for
/// all of its words.
///
/// # Errors
/// [`Unknown`] if there is none.
pub fn find(text: &str, host: &Host<'_>) -> Result<Vec<Explanation>, Unknown> {
    let host = &Host { services: &host.services.of_both(), ..*host };
    let text = bare(text);
    let mut found = match text.split_once(' ').and_then(|(first, rest)| Some((kind(first)?, bare(rest)))) {
        Some((kind, rest)) => of_kind(kind, rest, host),
        None => Vec::new(),
    };
    if found.is_empty() {
        found = change(text, host);
    }
    if found.is_empty() {
        found.extend(kind(text).map(values));
        found.extend(meanings(text, host));
    }
    for it in &mut found {
        it.commands.retain(|command| {
            command.strip_prefix("tracer explain ").is_none_or(|other| squeezed(other) != squeezed(text))
        });
        if it.place == Some(TcpState::TimeWait) {
            time_wait::add(it, host.settings);
        }
    }
    if found.is_empty() { Err(Unknown { text: text.to_owned(), nearest: alike(text, host) }) } else { Ok(found) }
}

/// Without what outputs and other tools print around a word: `~` where it is inferred, `:443`, `443/tcp`.
fn bare(text: &str) -> &str {
    let text = text.trim().trim_start_matches(['~', ':']);
    let is_protocol = |text: &str| Protocol::ALL.iter().any(|it| text.eq_ignore_ascii_case(it.name()));
    text.rsplit_once('/').filter(|(_, protocol)| is_protocol(protocol)).map_or(text, |(port, _)| port)
}

/// The words of a kind; of ports there are too many.
fn values(kind: Kind) -> Explanation {
    let all = vocabulary();
    let mut names: Vec<_> = all.iter().filter(|it| it.kind == kind && is_listed(it)).map(|it| &*it.name).collect();
    if kind == Kind::Port {
        names.extend(["numbers from 1 to 65535", "the services of /etc/services"]);
    }
    let mut explanation = Explanation::new(Kind::Topic, kind.name(), says(""));
    explanation.short = format!("What it says: {}. Its words: {}.", kind.title(), names.join(", ")).into();
    explanation
}

/// The kind that a word names.
fn kind(word: &str) -> Option<Kind> {
    let word = squeezed(word);
    match word.as_str() {
        "errno" => Some(Kind::Error),
        "event" => Some(Kind::Type),
        "counter" => Some(Kind::Counter),
        _ => Kind::ALL.iter().copied().find(|kind| squeezed(kind.name()) == word),
    }
}

/// Both states of a change: `SYN_SENT→ESTABLISHED`, in JSON `SYN_SENT>ESTABLISHED`.
fn change(text: &str, host: &Host<'_>) -> Vec<Explanation> {
    let states = text.split_once(['→', '>']).map(|(old, new)| [old, new].map(|it| of_kind(Kind::State, it, host)));
    states.filter(|states| states.iter().all(|it| !it.is_empty())).map(|states| states.concat()).unwrap_or_default()
}

fn of_kind(kind: Kind, text: &str, host: &Host<'_>) -> Vec<Explanation> {
    let numbered = text.parse().ok().filter(|_| kind == Kind::Error).and_then(errno::known);
    let text = numbered.map_or(text, |(name, _)| name);
    meanings(text, host).into_iter().filter(|it| it.kind == kind).collect()
}

fn meanings(text: &str, host: &Host<'_>) -> Vec<Explanation> {
    if is_number(text) {
        return text
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .map(|number| port::port(number, host))
            .into_iter()
            .collect();
    }
    let word = Word::new(text);
    let known = vocabulary().into_iter().filter(|it| word.means(it));
    known.chain(host.services.port(text).map(|number| port::port(number, host))).collect()
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What was typed, in the spellings that it is compared in.
struct Word {
    stem: String,
    state: Option<TcpState>,
    topic: Option<&'static str>,
    error: Option<&'static str>,
}

impl Word {
    fn new(text: &str) -> Self {
        let word = squeezed(text);
        let topic = topics::ALIASES.iter().find(|(alias, _)| squeezed(alias) == word);
        let error = errno::all().find(|(_, _, meaning)| squeezed(meaning) == word);
        Self {
            stem: stem(&word).to_owned(),
            state: TcpState::from_spelling(text),
            topic: topic.map(|(_, topic)| *topic),
            error: error.map(|(_, name, _)| name),
        }
    }

    fn means(&self, it: &Explanation) -> bool {
        let otherwise = match it.kind {
            Kind::State => self.state.is_some() && it.place == self.state,
            Kind::Topic => self.topic == Some(&*it.name),
            Kind::Error => self.error == Some(&*it.name),
            _ => false,
        };
        otherwise || stem(&squeezed(&it.name)) == self.stem
    }
}

/// Without what the kernel and nstat put in front of names.
fn stem(word: &str) -> &str {
    let rest = word.strip_prefix("skrstreason").or_else(|| word.strip_prefix("tcpext")).unwrap_or(word);
    rest.strip_prefix("tcp").filter(|rest| !rest.is_empty()).unwrap_or(rest)
}

/// What was meant, most likely.
fn alike(text: &str, host: &Host<'_>) -> Option<String> {
    let all = vocabulary();
    let aliases = topics::ALIASES.iter().map(|(alias, _)| *alias);
    // The likeliest come last.
    nearest(text, host.services.all_names().chain(aliases).chain(all.iter().rev().map(|it| &*it.name)))
}
