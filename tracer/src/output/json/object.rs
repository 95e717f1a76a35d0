//! An event as an object, appended by hand: the line of a transition is written 650,000 times a second.

use std::{io::Write as _, net::IpAddr};

use crate::{
    output::{
        members::Members,
        names::{EventType, Name},
        plain::{push_addr, push_moment, push_number, push_truth},
    },
    socket::Owner,
};

/// An object that is appended to what was written before it.
pub(super) struct Object<'a>(pub(super) &'a mut Vec<u8>);

impl Members for Object<'_> {
    #[inline]
    fn begin(&mut self, kind: EventType) {
        self.0.extend_from_slice(b"{\"type\":");
        self.word(kind.name());
    }

    #[inline]
    fn name(&mut self, name: Name) {
        self.0.extend_from_slice(name.json.as_bytes());
    }

    #[inline]
    fn null(&mut self) {
        self.0.extend_from_slice(b"null");
    }

    fn number(&mut self, number: impl itoa::Integer) {
        push_number(self.0, number);
    }

    fn truth(&mut self, is_true: bool) {
        push_truth(self.0, is_true);
    }

    #[inline]
    fn word(&mut self, word: &str) {
        self.0.push(b'"');
        self.0.extend_from_slice(word.as_bytes());
        self.0.push(b'"');
    }

    fn words(&mut self, words: &[&str]) {
        self.0.push(b'[');
        for (place, word) in words.iter().enumerate() {
            if place > 0 {
                self.0.push(b',');
            }
            self.word(word);
        }
        self.0.push(b']');
    }

    fn text(&mut self, bytes: &[u8]) {
        push_text(self.0, bytes);
    }

    fn prepared(&mut self, text: &[u8]) {
        self.0.extend_from_slice(text);
    }

    fn owners(&mut self, owners: &[Owner]) {
        self.0.push(b'[');
        for (place, owner) in owners.iter().enumerate() {
            self.0.extend_from_slice(if place > 0 { b",{\"pid\":" } else { b"{\"pid\":" });
            push_number(self.0, owner.pid);
            self.0.extend_from_slice(b",\"comm\":");
            push_text(self.0, owner.comm.as_bytes());
            self.0.extend_from_slice(b",\"fd\":");
            push_number(self.0, owner.fd);
            self.0.push(b'}');
        }
        self.0.push(b']');
    }

    fn addr(&mut self, addr: IpAddr) {
        self.0.push(b'"');
        push_addr(self.0, addr);
        self.0.push(b'"');
    }

    fn moment(&mut self, second: &str, nanoseconds: u32) {
        self.0.push(b'"');
        push_moment(self.0, second, nanoseconds);
        self.0.push(b'"');
    }

    fn end(&mut self) {
        self.0.extend_from_slice(b"}\n");
    }
}

/// Appends bytes as a JSON string. What is not UTF-8 becomes U+FFFD; what a terminal would obey is escaped.
pub(super) fn push_text(buf: &mut Vec<u8>, bytes: &[u8]) {
    buf.push(b'"');
    if bytes.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')) {
        buf.extend_from_slice(bytes);
    } else {
        for c in String::from_utf8_lossy(bytes).chars() {
            push_char(buf, c);
        }
    }
    buf.push(b'"');
}

fn push_char(buf: &mut Vec<u8>, c: char) {
    match c {
        '"' | '\\' => buf.extend_from_slice(&[b'\\', c as u8]),
        _ if c.is_control() => drop(write!(buf, "\\u{:04x}", u32::from(c))),
        _ => buf.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}
