//! Finds the paths (`std::fs::read`, `crate::track`) that a source file mentions, also those that a `use` writes with
//! braces. Knows just enough of Rust to skip comments and literals.

/// Each path as written in full, with its line.
pub(crate) fn mentioned(source: &str) -> Vec<(usize, String)> {
    let mut scan = Scan::default();
    for (index, line) in without_comments_and_literals(source).lines().enumerate() {
        tokens(line).for_each(|token| scan.take(index + 1, token));
    }
    scan.finish_path();
    scan.found
}

#[derive(Default)]
struct Scan {
    found: Vec<(usize, String)>,
    /// What stands before the braces that are open; `None` for braces that group nothing.
    open: Vec<Option<String>>,
    path: String,
    line: usize,
}

impl Scan {
    fn take(&mut self, line: usize, token: &str) {
        match token {
            "::" => self.path += "::",
            "{" => {
                let prefix = self.path.ends_with("::").then(|| std::mem::take(&mut self.path));
                self.finish_path();
                self.open.push(prefix);
                self.resume();
            }
            "}" => {
                self.finish_path();
                self.open.pop();
            }
            "," => {
                self.finish_path();
                self.resume();
            }
            word if word.starts_with(is_word) => {
                if !self.path.is_empty() && !self.path.ends_with("::") {
                    self.finish_path();
                }
                self.line = line;
                self.path += word;
            }
            "*" if self.path.ends_with("::") => self.path += token,
            _ => self.finish_path(),
        }
    }

    fn finish_path(&mut self) {
        let path = std::mem::take(&mut self.path);
        if !path.is_empty() && !path.ends_with("::") {
            self.found.push((self.line, path.trim_start_matches("::").to_owned()));
        }
    }

    /// Inside the braces of a `use` each entry begins with what stands before them.
    fn resume(&mut self) {
        if let Some(Some(prefix)) = self.open.last() {
            self.path.clone_from(prefix);
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Words, `::`, and all else one character at a time.
fn tokens(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line.trim_start();
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let length = match first {
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            ':' if rest.starts_with("::") => 2,
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        rest = after.trim_start();
        Some(token)
    })
}

/// Blanks out what is not code, keeping the lines.
fn without_comments_and_literals(source: &str) -> String {
    let mut code = String::new();
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let skipped = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |at| at + 2),
            'r' if !code.ends_with(is_word) => raw_string(rest),
            '"' => string(rest),
            '\'' => character(rest),
            _ => 0,
        };
        if skipped == 0 {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            code.extend(rest[..skipped].chars().filter(|c| *c == '\n'));
            code.push(' ');
            rest = &rest[skipped..];
        }
    }
    code
}

/// Length of the string literal that `text` begins with.
fn string(text: &str) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

/// Length of the raw string literal that `text` begins with, or 0.
fn raw_string(text: &str) -> usize {
    let hashes = text[1..].bytes().take_while(|byte| *byte == b'#').count();
    if !text[1 + hashes..].starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    text[2 + hashes..].find(&end).map_or(text.len(), |at| 2 + hashes + at + end.len())
}

/// Length of the character literal that `text` begins with, or 0 for a lifetime.
fn character(text: &str) -> usize {
    let mut inside = text[1..].chars();
    match (inside.next(), inside.next()) {
        (Some('\\'), Some(_)) => text[3..].find('\'').map_or(0, |at| at + 4),
        (Some(c), Some('\'')) => 2 + c.len_utf8(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
