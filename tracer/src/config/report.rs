//! Which figures a summary lists, in which order.

use std::time::Duration;

use super::{Problem, quantity, words::nearest};
use crate::figures::{GroupBy, LatencyBy, SocketOrder, SocketsBy, SortBy};

/// Summaries that follow each other faster than this cannot be read, and cost more than what they tell.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
const GROUPS: std::ops::RangeInclusive<u32> = 1..=65_536;

/// What connections are grouped by.
pub(super) fn group_by(text: &str) -> Result<GroupBy, Problem> {
    let word = text.to_ascii_lowercase();
    let found = GroupBy::ALL.iter().copied().find(|by| by.name() == word);
    found.ok_or_else(|| Problem::UnknownGroup { nearest: nearest(text, GroupBy::ALL.iter().map(|by| by.name())) })
}

/// What groups are sorted by; `time_wait` is `time-wait`, too.
pub(super) fn sort_by(text: &str) -> Result<SortBy, Problem> {
    let word = text.to_ascii_lowercase().replace('_', "-");
    let found = SortBy::ALL.iter().copied().find(|by| by.name() == word);
    found.ok_or_else(|| Problem::UnknownSort { nearest: nearest(&word, SortBy::ALL.iter().map(|by| by.name())) })
}

/// What handshakes are grouped by.
pub(super) fn latency_by(text: &str) -> Result<LatencyBy, Problem> {
    let word = text.to_ascii_lowercase();
    let found = LatencyBy::ALL.iter().copied().find(|by| by.name() == word);
    found.ok_or_else(|| Problem::UnknownKey { nearest: nearest(text, LatencyBy::ALL.iter().map(|by| by.name())) })
}

/// What sockets are grouped by.
pub(super) fn sockets_by(text: &str) -> Result<SocketsBy, Problem> {
    let word = text.to_ascii_lowercase();
    let words = || SocketsBy::ALL.iter().map(|by| by.name());
    let found = SocketsBy::ALL.iter().copied().find(|by| by.name() == word);
    found.ok_or_else(|| Problem::UnknownSocketGroup { nearest: nearest(text, words()) })
}

/// What sockets are sorted by; `recv_q` is `recv-q`, too.
pub(super) fn socket_order(text: &str) -> Result<SocketOrder, Problem> {
    let word = text.to_ascii_lowercase().replace('_', "-");
    let words = || SocketOrder::ALL.iter().map(|by| by.name());
    let found = SocketOrder::ALL.iter().copied().find(|by| by.name() == word);
    found.ok_or_else(|| Problem::UnknownSocketOrder { nearest: nearest(&word, words()) })
}

/// How many groups are kept apart.
pub(super) fn groups(text: &str) -> Result<u32, Problem> {
    text.parse().ok().filter(|groups| GROUPS.contains(groups)).ok_or(Problem::NotAGroupCount)
}

/// How many groups are listed.
pub(super) fn top(text: &str) -> Result<usize, Problem> {
    text.parse().ok().filter(|top| *top > 0).ok_or(Problem::NotATop)
}

/// How often there is a summary.
pub(super) fn interval(text: &str) -> Result<Duration, Problem> {
    let interval = quantity::duration(text)?;
    if interval < SHORTEST_INTERVAL { Err(Problem::ShortInterval) } else { Ok(interval) }
}
