//! Members of an object, appended by hand: the line of a transition is written 650,000 times a second.

use std::{io::Write as _, net::IpAddr};

/// A JSON value that knows how to append itself.
pub(super) trait Value {
    fn push(&self, buf: &mut Vec<u8>);
}

/// Appends `,"name":value`. The name is a literal, joined with its punctuation at compile time.
macro_rules! member {
    ($buf:expr, $name:literal, $value:expr) => {{
        $buf.extend_from_slice(concat!(",\"", $name, "\":").as_bytes());
        $crate::output::json::members::Value::push(&$value, $buf);
    }};
}
pub(super) use member;

macro_rules! integers {
    ($($int:ty),*) => {
        $(impl Value for $int {
            fn push(&self, buf: &mut Vec<u8>) {
                buf.extend_from_slice(itoa::Buffer::new().format(*self).as_bytes());
            }
        })*
    };
}
integers!(u16, u32, u64);

impl Value for bool {
    fn push(&self, buf: &mut Vec<u8>) {
        buf.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

/// A word that needs no escaping: a name from this program's own tables.
pub(super) struct Word<'a>(pub(super) &'a str);

impl Value for Word<'_> {
    fn push(&self, buf: &mut Vec<u8>) {
        buf.push(b'"');
        buf.extend_from_slice(self.0.as_bytes());
        buf.push(b'"');
    }
}

/// A value that is already JSON.
pub(super) struct Raw<'a>(pub(super) &'a [u8]);

impl Value for Raw<'_> {
    fn push(&self, buf: &mut Vec<u8>) {
        buf.extend_from_slice(self.0);
    }
}

/// Bytes from outside, meant as text.
pub(super) struct Text<'a>(pub(super) &'a [u8]);

impl Value for Text<'_> {
    fn push(&self, buf: &mut Vec<u8>) {
        push_text(buf, self.0);
    }
}

impl<T: Value> Value for Option<T> {
    fn push(&self, buf: &mut Vec<u8>) {
        match self {
            Some(value) => value.push(buf),
            None => buf.extend_from_slice(b"null"),
        }
    }
}

impl Value for IpAddr {
    fn push(&self, buf: &mut Vec<u8>) {
        buf.push(b'"');
        match self {
            Self::V4(addr) => {
                for (place, octet) in addr.octets().into_iter().enumerate() {
                    if place > 0 {
                        buf.push(b'.');
                    }
                    buf.extend_from_slice(itoa::Buffer::new().format(octet).as_bytes());
                }
            }
            // Writing to memory does not fail.
            Self::V6(addr) => drop(write!(buf, "{addr}")),
        }
        buf.push(b'"');
    }
}

/// Appends bytes as a JSON string. What is not UTF-8 becomes U+FFFD; what a terminal would obey is escaped.
fn push_text(buf: &mut Vec<u8>, bytes: &[u8]) {
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
