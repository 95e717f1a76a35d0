//! What user space decides before the programs load.
//!
//! The statics land in `.rodata`, which the loader overwrites and freezes. The verifier then treats a load from a fixed
//! place in it as a constant: offsets become BTF accesses and what is not asked for becomes dead code. Only volatile
//! reads are safe, or the compiler would fold today's placeholder values in.

use tracer_common::{
    filter::FilterConfig,
    wire::{Config, Offsets, TimerConfig},
};

/// Set by the loader before loading.
#[unsafe(no_mangle)]
pub static CONFIG: Config = Config {
    offsets: Offsets::ABSENT,
    reset_reason: 0,
    read_packets: 0,
    reserved: [0; 2],
    filter: FilterConfig::PASS_ALL,
    wake_every: 1,
    thread_size: 0,
};

/// Set by the loader before loading.
#[unsafe(no_mangle)]
pub static TIMER: TimerConfig = TimerConfig { tw_timer_handler: 0, timer_function: 0 };

/// List bits of each port. Set by the loader before loading.
#[unsafe(no_mangle)]
pub static PORT_BITS: [u8; 65536] = [0; 65536];

/// Reads a word of a static; volatile, to keep the compiler from folding the placeholder in.
#[inline(always)]
pub fn constant<T: Copy>(place: &T) -> T {
    // SAFETY: a reference is always readable.
    unsafe { core::ptr::read_volatile(place) }
}

/// Reads one field of [`CONFIG`] as a constant.
macro_rules! config {
    ($($field:ident).+) => {
        $crate::config::constant(&$crate::config::CONFIG.$($field).+)
    };
}

/// Reads one member offset as a constant.
macro_rules! offset {
    ($field:ident) => {
        $crate::config::config!(offsets.$field)
    };
}

pub(crate) use {config, offset};

/// List bits of `port`.
#[inline(always)]
pub fn port_bits(port: u16) -> u8 {
    // SAFETY: a u16 always indexes within the 65,536 entries.
    unsafe { core::ptr::read_volatile((&raw const PORT_BITS).cast::<u8>().add(port as usize)) }
}
