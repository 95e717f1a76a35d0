//! What a list of sockets tells: which end each is, their order, and how many of a kind there are.

mod groups;
mod order;
mod roles;
#[cfg(test)]
mod tests;

pub use self::{groups::grouped, order::sort, roles::Roles};
