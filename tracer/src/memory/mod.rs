//! What is remembered of sockets, in memory that is bounded as a whole: what one table takes, the others do not get.
//!
//! The sum over all tables is what matters to the host. So there is one budget, and no table is given a share that it
//! may not need.

mod budget;
mod map;
mod recent;

pub use self::budget::Budget;
pub(crate) use self::{
    budget::{Kept, Paid},
    map::Map,
    recent::Recent,
};
