//! Tells the truth about every TCP connection on a Linux host.
//!
//! The library behind the `tracer` command, in the order of the data flow: a [`source`] yields [`event`]s, [`track`]
//! turns them into [`observation`]s, [`measure`]
//! concludes figures from those, and [`output`] prints both. ARCHITECTURE.md has the picture.

#[macro_use]
mod words;

pub mod account;
mod cgroupfs;
pub mod cli;
pub mod config;
pub mod container;
pub mod decode;
pub mod doctor;
mod errno;
pub mod event;
pub mod explain;
pub mod figures;
pub mod filter;
mod hashing;
mod latency;
mod list;
pub mod measure;
pub mod memory;
pub mod namespace;
pub mod observation;
pub mod output;
mod packaging;
mod record;
pub mod recording;
mod run;
#[cfg(test)]
mod samples;
pub mod sandbox;
pub mod services;
mod session;
pub mod socket;
pub mod source;
mod summary;
pub mod track;
mod watch;

pub use self::run::run;
