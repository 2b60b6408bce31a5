//! Entries of several forms; each module is one.

pub mod batch;
pub mod later;
pub mod threads;
pub mod typed;
