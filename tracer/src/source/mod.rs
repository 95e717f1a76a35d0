//! Where events come from: the live kernel.

pub mod live;
