//! Values whose bytes are the same in every format for programs.

use std::{io::Write as _, net::IpAddr};

use super::time::push_fraction;

/// Appends a number, without fmt's machinery.
pub(super) fn push_number(buf: &mut Vec<u8>, number: impl itoa::Integer) {
    buf.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends `true` or `false`.
pub(super) fn push_truth(buf: &mut Vec<u8>, is_true: bool) {
    buf.extend_from_slice(if is_true { b"true" } else { b"false" });
}

/// Appends an address.
pub(super) fn push_addr(buf: &mut Vec<u8>, addr: IpAddr) {
    match addr {
        IpAddr::V4(addr) => {
            for (place, octet) in addr.octets().into_iter().enumerate() {
                if place > 0 {
                    buf.push(b'.');
                }
                push_octet(buf, octet);
            }
        }
        // Writing to memory does not fail.
        IpAddr::V6(addr) => drop(write!(buf, "{addr}")),
    }
}

/// Digit by digit, which for so few is faster than to copy them.
fn push_octet(buf: &mut Vec<u8>, octet: u8) {
    if octet >= 100 {
        buf.push(b'0' + octet / 100);
    }
    if octet >= 10 {
        buf.push(b'0' + octet / 10 % 10);
    }
    buf.push(b'0' + octet % 10);
}

/// Appends a time in UTC, RFC 3339 with nanoseconds.
pub(super) fn push_moment(buf: &mut Vec<u8>, second: &str, nanoseconds: u32) {
    buf.extend_from_slice(second.as_bytes());
    push_fraction(buf, nanoseconds, 9);
    buf.push(b'Z');
}
