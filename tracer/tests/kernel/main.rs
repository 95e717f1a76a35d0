//! The whole path on the live kernel: real sockets in a network namespace of the test's own, the real binary, its JSON.
#![expect(
    unsafe_code,
    reason = "unshare(2), ioctl(2), getsockopt(2): namespaces, devices and facts about sockets of the test's own"
)]

mod close;
mod connect;
mod destroy;
mod existing;
mod fields;
mod filter;
mod full;
mod handshake;
mod host;
mod hotplug;
mod isolated;
mod latency;
mod lifecycle;
#[path = "../kernel_storm/over_init.rs"]
mod over_init;
mod owner;
mod recording;
mod reset;
mod rotation;
mod sandbox;
mod store;
mod summary;
mod support;
mod time_wait;
mod verdict;
mod wire;
