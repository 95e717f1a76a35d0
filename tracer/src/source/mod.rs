//! Where events come from: the live kernel, or a recording of it.

pub mod live;
pub mod recording;
