//! Imagined hosts.
