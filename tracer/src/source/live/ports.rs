//! The range from which the kernel takes local ports that nobody asked for.

use std::fs;

/// `ip_local_port_range` of this thread's network namespace, which /proc/sys/net shows (`net_ctl_header_lookup`); the
/// kernel's default if it cannot be read.
///
/// Only a hint: the kernel side compares it with the range of each socket's own namespace.
#[must_use]
pub fn ephemeral_range() -> (u16, u16) {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut numbers = text.split_whitespace().map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(first)), Some(Ok(last))) => (first, last),
        _ => (32768, 60999),
    }
}
