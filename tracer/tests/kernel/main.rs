//! The whole path on the live kernel: real sockets in a network namespace of the test's own, the real binary, its JSON.
#![expect(unsafe_code, reason = "unshare(2): a namespace for the test's own thread")]

mod account;
mod close;
mod connect;
mod filter;
mod lifecycle;
mod support;
