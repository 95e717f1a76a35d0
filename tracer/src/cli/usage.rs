//! From the arguments to [`Cli`]; what is wrong with them in one sentence.

use std::ffi::OsString;

use clap::{
    CommandFactory as _, Parser as _,
    error::{ContextKind, ContextValue, Error, ErrorKind},
};

use super::{Cli, foreign};

/// Why nothing is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Early {
    /// Help or version was asked for: print it on standard output and succeed.
    Answer(String),
    /// Nothing was asked for: print the help on standard error, exit status 2.
    Help(String),
    /// Wrong usage: print the sentence on standard error, exit status 2.
    Usage(String),
}

/// Parses the arguments, the first of which is the program's name.
///
/// # Errors
/// [`Early`] if there is nothing to do but to print.
pub fn parse<I, T>(args: I) -> Result<Cli, Early>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
    Cli::try_parse_from(&args).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Early::Answer(error.to_string()),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Early::Help(error.to_string()),
        _ => Early::Usage(instead(&error, &args).map_or_else(|| sentence(&error), |instead| printable(&instead))),
    })
}

/// What to do instead of what other tools have and the list has not.
fn instead(error: &Error, args: &[OsString]) -> Option<String> {
    let tracer = Cli::command();
    let command = args.iter().skip(1).find_map(|arg| tracer.find_subcommand(arg))?;
    if error.kind() != ErrorKind::UnknownArgument || command.get_name() != "list" {
        return None;
    }
    let given = error.get(ContextKind::InvalidArg).and_then(text)?;
    let given = flag_name(&given);
    // lsof's -p1234: there is no flag -1.
    if given.as_bytes().get(1).is_some_and(u8::is_ascii_digit)
        && let Some(pid) =
            args.iter().filter_map(|arg| arg.to_str()?.strip_prefix("-p")).find(|pid| pid.parse::<u32>().is_ok())
    {
        return foreign::instead(pid, Some("-p"));
    }
    let place = args.iter().position(|arg| arg == given);
    let before = place.and_then(|place| args[..place].last()?.to_str());
    foreign::instead(given, before)
}

fn sentence(error: &Error) -> String {
    let get = |kind| error.get(kind).and_then(text).unwrap_or_default();
    let flag = get(ContextKind::InvalidArg);
    let flag = flag_name(&flag);
    let given = get(ContextKind::InvalidValue);
    printable(&match error.kind() {
        ErrorKind::UnknownArgument if flag.parse::<u16>().is_ok() => {
            format!("{flag}: there is no such argument; did you mean --port {flag}?")
        }
        ErrorKind::UnknownArgument => {
            let nearest = error.get(ContextKind::SuggestedArg).and_then(text);
            format!("{flag}: there is no such argument; {}", or_help(nearest))
        }
        ErrorKind::InvalidSubcommand => {
            let nearest = error.get(ContextKind::SuggestedSubcommand).and_then(text);
            let given = get(ContextKind::InvalidSubcommand);
            format!("{given}: there is no such command; {}", or_help(nearest))
        }
        ErrorKind::MissingSubcommand => "a command is missing; see \"tracer --help\".".to_owned(),
        ErrorKind::InvalidValue if given.is_empty() => {
            format!("{flag}: the value is missing; see \"--help\" for what it takes.")
        }
        ErrorKind::InvalidValue => {
            let valid = get(ContextKind::ValidValue);
            format!("{flag} {given}: not a value it takes; it takes {valid}.")
        }
        ErrorKind::MissingRequiredArgument => format!("{flag}: it is missing and must be given; see \"--help\"."),
        ErrorKind::TooManyValues => format!("{flag}: it takes no value, but {given} is given."),
        ErrorKind::ArgumentConflict => format!("{flag}: it may be given only once; leave one out."),
        _ => first_line(error),
    })
}

/// What was typed, so that printing it cannot control the terminal.
pub(crate) fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { safe.extend(c.escape_default()) } else { safe.push(c) }
    }
    safe
}

/// The flag without the name of its value.
fn flag_name(flag: &str) -> &str {
    flag.split(' ').next().unwrap_or(flag)
}

fn or_help(nearest: Option<String>) -> String {
    nearest.map_or_else(|| "see \"--help\".".to_owned(), |nearest| format!("did you mean {nearest}?"))
}

fn text(value: &ContextValue) -> Option<String> {
    match value {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) if !texts.is_empty() => Some(texts.join(", ")),
        ContextValue::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn first_line(error: &Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
