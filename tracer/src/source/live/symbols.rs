//! Where the kernel's functions are.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    num::NonZeroU64,
};

/// The function that ends a timewait socket (net/ipv4/inet_timewait_sock.c); `None` if this process may not see it
/// (`kernel.kptr_restrict`, CAP_SYSLOG).
pub(super) fn tw_timer_handler() -> Option<NonZeroU64> {
    address_in(BufReader::new(File::open("/proc/kallsyms").ok()?), " tw_timer_handler")
}

/// Lines are `ffffffff81e0a3b0 t name`, with ` [module]` after it where it is a module's; hidden addresses are zero.
fn address_in(symbols: impl BufRead, name: &str) -> Option<NonZeroU64> {
    let line = symbols.lines().map_while(Result::ok).find(|line| line.ends_with(name))?;
    NonZeroU64::new(u64::from_str_radix(line.split(' ').next()?, 16).ok()?)
}

#[cfg(test)]
mod tests {
    use super::address_in;

    #[test]
    fn an_address_is_known_or_hidden() {
        let shown = "ffffffff81e0a3b0 t my_tw_timer_handler\nffffffff81e0a400 t tw_timer_handler\n";
        let found = address_in(shown.as_bytes(), " tw_timer_handler").map(std::num::NonZeroU64::get);
        assert_eq!(found, Some(0xffff_ffff_81e0_a400));
        let hidden = "0000000000000000 t tw_timer_handler\n";
        assert_eq!(address_in(hidden.as_bytes(), " tw_timer_handler"), None);
        assert_eq!(address_in(&b""[..], " tw_timer_handler"), None);
    }
}
