//! What tracer's kernel and user sides agree on.
//!
//! Compiled twice: for the BPF target and for user space. [`wire`] is the layout of everything that crosses the border;
//! [`filter`] is the decision both sides take by the same code, [`latency`] what the kernel side adds up itself. There are
//! only integers here; the enums of the domain live in user space, where an unknown value is an error instead of undefined
//! behaviour.
#![no_std]

pub mod filter;
pub mod latency;
pub mod wire;
