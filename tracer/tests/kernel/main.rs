//! The whole path on the live kernel: real sockets in a network namespace of the test's own, the real binary, its JSON.
#![expect(unsafe_code, reason = "unshare(2) and ioctl(2): namespaces and devices of the test's own")]

mod close;
mod connect;
mod filter;
mod lifecycle;
mod support;
mod wire;
