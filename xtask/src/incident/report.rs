//! How the calls of an order ended.

use std::{collections::BTreeMap, fmt, io};

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// How one call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum End {
    /// As it should.
    Answered,
    /// The question is sent, and nobody waits for the answer.
    Asked,
    /// The question has arrived, and nobody reads it.
    Unread,
    /// The other end closed without an answer.
    Unanswered,
    /// ECONNREFUSED.
    Refused,
    /// ECONNRESET.
    Reset,
    /// EADDRNOTAVAIL: no local port is left for that destination.
    NoPort,
    /// No patience was left.
    Late,
    /// Another error.
    Other,
}

impl From<io::Result<()>> for End {
    fn from(done: io::Result<()>) -> Self {
        let Err(error) = done else {
            return Self::Answered;
        };
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Unanswered,
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::ConnectionReset => Self::Reset,
            io::ErrorKind::AddrNotAvailable => Self::NoPort,
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Self::Late,
            _ => Self::Other,
        }
    }
}

/// How many ended how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report(BTreeMap<End, u32>);

impl FromIterator<End> for Report {
    fn from_iter<T: IntoIterator<Item = End>>(ends: T) -> Self {
        let mut report = Self::default();
        for end in ends {
            *report.0.entry(end).or_default() += 1;
        }
        report
    }
}

impl Report {
    /// An error if fewer ended so.
    pub(crate) fn at_least(&self, count: u32, end: End) -> Result<()> {
        let found = self.0.get(&end).copied().unwrap_or(0);
        ensure!(found >= count, "at least {count} of its calls should end as {end:?}, but it was {self}");
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none at all");
        }
        let counts: Vec<_> = self.0.iter().map(|(end, count)| format!("{count} {end:?}")).collect();
        f.write_str(&counts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_are_an_error_that_says_what_there_was() {
        let refused = || io::Result::Err(io::ErrorKind::ConnectionRefused.into()).into();
        let report: Report = [refused(), Ok(()).into(), refused()].into_iter().collect();
        assert!(report.at_least(2, End::Refused).is_ok());
        let error = report.at_least(3, End::Refused).expect_err("two are fewer than three");
        assert!(error.to_string().ends_with("it was 1 Answered, 2 Refused"), "{error}");
        assert_eq!(Report::default().to_string(), "none at all");
    }
}
