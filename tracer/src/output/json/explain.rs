//! What a word means: an object for each meaning.

use std::collections::BTreeMap;

use serde::Serialize;

use super::push_line;
use crate::{explain::Explanation, output::names::EventType};

#[derive(Serialize)]
struct ExplanationObject<'a> {
    r#type: &'static str,
    kind: &'static str,
    name: &'a str,
    summary: &'a str,
    /// What is said, by the name of its heading.
    #[serde(flatten)]
    more: BTreeMap<&'static str, &'a str>,
    commands: &'a [std::borrow::Cow<'static, str>],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    facts: BTreeMap<&'static str, Option<u64>>,
}

/// The objects.
pub(crate) fn explanations(all: &[Explanation]) -> Vec<u8> {
    let mut buf = Vec::new();
    all.iter().for_each(|it| push_line(&mut buf, &ExplanationObject::new(it)));
    buf
}

impl<'a> ExplanationObject<'a> {
    fn new(it: &'a Explanation) -> Self {
        Self {
            r#type: EventType::Explanation.name(),
            kind: it.kind.name(),
            name: &it.name,
            summary: &it.short,
            more: it.more.iter().map(|(aspect, text)| (aspect.name(), &**text)).collect(),
            commands: &it.commands,
            facts: it.facts.iter().copied().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::explanations;
    use crate::{
        explain::{Host, find, vocabulary},
        namespace::Settings,
        services::Services,
        source::sockets::Listing,
    };

    fn objects(lines: &[u8]) -> Vec<Value> {
        let text = std::str::from_utf8(lines).expect("text");
        text.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect()
    }

    #[test]
    fn each_meaning_is_an_object_with_a_member_a_heading() {
        let settings = Settings { port_range: Some((32_768, 60_999)), tw_reuse: Some(2), ..Settings::default() };
        let host = Host { settings: &settings, services: &Services::default(), listeners: || Ok(Listing::default()) };
        let all = objects(&explanations(&find("time wait", &host).expect("it is known")));
        assert_eq!(
            all.iter().map(|it| &it["kind"]).collect::<Vec<_>>(),
            ["state", "timer", "type", "figure", "feature"]
        );
        let state = &all[0];
        assert_eq!([&state["type"], &state["name"]], ["explanation", "TIME_WAIT"]);
        for heading in ["rfc", "plain", "who_must_act", "normal", "usually_wrong", "settings", "this_host", "commands"]
        {
            assert!(!state[heading].is_null(), "{heading}");
        }
        let facts = &state["facts"];
        assert_eq!([&facts["first_port"], &facts["time_wait_s"]], [&json!(32_768), &json!(60)]);
        assert!(facts["ports"].is_null(), "reserved ports are not known");
    }

    #[test]
    fn all_words_are_as_many_objects() {
        let all = vocabulary();
        assert_eq!(objects(&explanations(&all)).len(), all.len());
    }
}
