//! Where events come from: the live kernel, or a recording of it. And the sockets that the kernel lists now.

mod descriptors;
pub mod live;
mod netns;
mod processes;
pub mod recording;
pub mod sockets;
