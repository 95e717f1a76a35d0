//! Lines as long as they may be.

/// A space at which no line breaks, until it is printed.
pub(super) const GLUE: &str = "\u{a0}";

/// The words of a text in lines of at most `width` characters, unless a single word is longer.
pub(super) fn lines(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut room = 0;
    for word in text.split([' ', '\n']).filter(|word| !word.is_empty()) {
        let needed = word.chars().count();
        let word = word.replace(GLUE, " ");
        match lines.last_mut() {
            Some(line) if needed < room => {
                line.push(' ');
                line.push_str(&word);
                room -= needed + 1;
            }
            _ => {
                lines.push(word);
                room = width.saturating_sub(needed);
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{GLUE, lines};

    #[test]
    fn lines_are_full_and_never_too_long() {
        assert_eq!(lines("a bc def", 4), ["a bc", "def"]);
        assert_eq!(lines("a bc def", 5), ["a bc", "def"]);
        assert_eq!(lines("a longest b", 4), ["a", "longest", "b"]);
        assert!(lines(" \n ", 4).is_empty());
    }

    #[test]
    fn what_belongs_together_stays_together() {
        assert_eq!(lines(&format!("a 10{GLUE}ms b"), 6), ["a", "10 ms", "b"]);
    }
}
