//! Text from outside in a cell: no terminal obeys it, and no spreadsheet runs it.

/// Where this is the list separator, and in much of Europe it is, a spreadsheet takes it for the end of a cell.
const OTHER_SEPARATOR: char = ';';

/// Appends bytes as they are to be read: what is not UTF-8 becomes U+FFFD, control characters are escaped as in text
/// output (`\n`, `\u{1b}`), and what a spreadsheet would take for a formula is told to be text by an apostrophe
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
///
/// Backslashes and quotes stay single: a unit's `\x2d` is what it is in JSON, and quoting is the writer's.
pub(super) fn push(cell: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'/' | b'.' | b'_')) {
        cell.extend_from_slice(bytes);
        return;
    }
    for (place, part) in String::from_utf8_lossy(bytes).split(OTHER_SEPARATOR).enumerate() {
        if place > 0 {
            cell.push(OTHER_SEPARATOR as u8);
        }
        if is_formula(part) {
            cell.push(b'\'');
        }
        part.chars().for_each(|c| push_char(cell, c));
    }
}

/// What [`push`] appends.
pub(super) fn prepare(text: &str) -> Box<[u8]> {
    let mut cell = Vec::new();
    push(&mut cell, text.as_bytes());
    cell.into_boxed_slice()
}

/// OWASP's list, full-width forms included, also behind what a spreadsheet may drop: blanks, and quotes that it reads anew.
fn is_formula(part: &str) -> bool {
    let rest = part.trim_start_matches(|c: char| c == '"' || c.is_whitespace() && !c.is_control());
    rest.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

fn push_char(cell: &mut Vec<u8>, c: char) {
    let mut push = |c: char| cell.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    if c.is_control() { c.escape_debug().for_each(push) } else { push(c) }
}
