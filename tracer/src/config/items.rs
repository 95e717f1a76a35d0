//! From the values of a flag to a list: commas and repetition, a leading `!` excludes.

use super::{ConfigError, Problem};
use crate::filter::List;

/// Parses every item of every value.
pub(super) fn parse<T>(
    flag: &'static str,
    values: &[String],
    parse: impl Fn(&str) -> Result<T, Problem>,
) -> Result<List<T>, ConfigError> {
    let mut list = List::default();
    for item in values.iter().flat_map(|value| value.split(',')).map(str::trim) {
        let (excluded, name) = match item.strip_prefix('!') {
            Some(name) => (true, name.trim_start()),
            None => (false, item),
        };
        if name.is_empty() {
            return Err(ConfigError::value(flag, item, Problem::Empty));
        }
        let parsed = parse(name).map_err(|problem| ConfigError::value(flag, item, problem))?;
        if excluded { list.exclude.push(parsed) } else { list.include.push(parsed) }
    }
    Ok(list)
}

/// Parses a flag that takes one value.
pub(super) fn one<T>(
    flag: &'static str,
    value: &str,
    parse: impl Fn(&str) -> Result<T, Problem>,
) -> Result<T, ConfigError> {
    parse(value.trim()).map_err(|problem| ConfigError::value(flag, value, problem))
}

/// The flag as typed, repetitions joined; `None` if it was not given.
pub(super) fn typed(flag: &str, values: &[String]) -> Option<String> {
    (!values.is_empty()).then(|| format!("{flag} {}", values.join(",")))
}
