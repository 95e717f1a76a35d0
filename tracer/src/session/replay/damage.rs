//! What could not be read, in words.

use crate::{output::numbers::counted, source::recording::Damage};

/// One sentence; `None` if nothing is missing.
pub(super) fn sentence(damage: &Damage) -> Option<String> {
    let Damage { places, bytes, records, unended, headless } = *damage;
    let mut parts = Vec::new();
    if places > 0 || bytes > 0 {
        parts.push(format!("{} passed over ({})", counted(places, "damaged place"), counted(bytes, "byte")));
    }
    if records > 0 {
        parts.push(format!("{} missing", counted(records, "record")));
    }
    if unended > 0 {
        let runs = counted(unended, "run");
        parts.push(format!(
            "{runs} without an end: the writer was killed or still runs; up to its last second is missing"
        ));
    }
    if headless > 0 {
        let runs = counted(headless, "run");
        parts.push(format!("{runs} without a head: host and filter are unknown, so all that was recorded is shown"));
    }
    (!parts.is_empty()).then(|| format!("not all of the recording could be read: {}.", parts.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::sentence;
    use crate::source::recording::Damage;

    #[test]
    fn what_is_missing_is_named() {
        let say = |places, bytes, records, unended| {
            sentence(&Damage { places, bytes, records, unended, ..Damage::default() })
        };
        assert_eq!(say(0, 0, 0, 0), None);
        let all = "not all of the recording could be read: 3 damaged places passed over (1,234 bytes), 1 record missing, \
                   1 run without an end: the writer was killed or still runs; up to its last second is missing.";
        assert_eq!(say(3, 1_234, 1, 1).as_deref(), Some(all));
        let one = "not all of the recording could be read: 1 damaged place passed over (1 byte).";
        assert_eq!(say(1, 1, 0, 0).as_deref(), Some(one));
        let headless = "not all of the recording could be read: 1 run without a head: host and filter are unknown, so all that \
                        was recorded is shown.";
        assert_eq!(sentence(&Damage { headless: 1, ..Damage::default() }).as_deref(), Some(headless));
    }
}
