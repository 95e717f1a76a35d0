//! What a network namespace says of itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    event::MonotonicNs,
    namespace::{Counter, Counters, NamespaceFacts, NamespaceReading, Settings, Unread},
    recording::RecordError,
};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct NamespaceFact {
    netns: u32,
    from_ns: u64,
    to_ns: u64,
    /// Why there is nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unread: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settings: Option<SettingsFact>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    counters: BTreeMap<String, u64>,
}

/// Ranges of reserved ports: there are so many ports at most, and between two ranges there is one.
const MAX_RESERVED: usize = 1 << 15;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct SettingsFact {
    port_range: Option<(u16, u16)>,
    reserved: Option<Box<[(u16, u16)]>>,
    tw_reuse: Option<u8>,
    tw_reuse_delay_ms: Option<u32>,
    max_tw_buckets: Option<u32>,
    fin_timeout_s: Option<u32>,
}

impl NamespaceFact {
    pub(super) fn of(reading: &NamespaceReading) -> Self {
        let NamespaceReading { netns, from, to, facts } = reading;
        let mut fact = Self {
            netns: *netns,
            from_ns: from.0,
            to_ns: to.0,
            unread: None,
            settings: None,
            counters: BTreeMap::new(),
        };
        match facts {
            Ok(NamespaceFacts { settings, counters }) => {
                fact.settings = Some(SettingsFact::of(settings));
                let known = |counter: &Counter| Some((counter.name().to_owned(), counters.get(*counter)?));
                fact.counters = Counter::ALL.iter().filter_map(known).collect();
            }
            Err(unread) => fact.unread = Some(unread.name().to_owned()),
        }
        fact
    }

    pub(super) fn reading(self) -> Result<NamespaceReading, RecordError> {
        let Self { netns, from_ns, to_ns, unread, settings, counters } = self;
        let reserved = settings.as_ref().and_then(|settings| settings.reserved.as_ref());
        if reserved.is_some_and(|reserved| reserved.len() > MAX_RESERVED) {
            return Err(RecordError::Value);
        }
        let facts = match unread {
            Some(word) => Err(Unread::ALL.into_iter().find(|it| it.name() == word).ok_or(RecordError::Value)?),
            None => Ok(NamespaceFacts {
                settings: settings.unwrap_or_default().settings(),
                counters: counters_of(&counters),
            }),
        };
        Ok(NamespaceReading { netns, from: MonotonicNs(from_ns), to: MonotonicNs(to_ns), facts })
    }
}

fn counters_of(named: &BTreeMap<String, u64>) -> Counters {
    let mut counters = Counters::default();
    for counter in Counter::ALL {
        if let Some(value) = named.get(counter.name()) {
            counters.set(*counter, *value);
        }
    }
    counters
}

impl SettingsFact {
    fn of(settings: &Settings) -> Self {
        let Settings { port_range, reserved, tw_reuse, tw_reuse_delay_ms, max_tw_buckets, fin_timeout_s } =
            settings.clone();
        Self { port_range, reserved, tw_reuse, tw_reuse_delay_ms, max_tw_buckets, fin_timeout_s }
    }

    fn settings(self) -> Settings {
        let Self { port_range, reserved, tw_reuse, tw_reuse_delay_ms, max_tw_buckets, fin_timeout_s } = self;
        Settings { port_range, reserved, tw_reuse, tw_reuse_delay_ms, max_tw_buckets, fin_timeout_s }
    }
}
